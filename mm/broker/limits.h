/*
 * The broker's own limits: of what one realm, or all of them, can make it do and keep. No scenario sets
 * these; those that one can set are in bounds.h.
 */
#ifndef MM_BROKER_LIMITS_H
#define MM_BROKER_LIMITS_H

#include <realm/types.h>

#define BROKER_ROUND_PACKETS     8u     /* taken from one realm in one round */
#define BROKER_SECOND_PACKETS    10000u /* taken from one realm in one second */
#define BROKER_QUEUE_ANSWERS     64u    /* waiting for one realm; one more and it is ended */
#define BROKER_QUEUE_PACKETS     16384u /* … with what comes unasked: channels and children that end */
#define BROKER_ACK_DEADLINE_NS   (UINT64_C(2) * REALM_SEC)
#define BROKER_STOP_DEADLINE_NS  (UINT64_C(2) * REALM_SEC)
#define BROKER_LEAVE_DEADLINE_NS (UINT64_C(2) * REALM_SEC) /* from the closed socket to the exit */
#define BROKER_POOL_DEADLINE_NS  (UINT64_C(5) * REALM_SEC)
#define BROKER_BACKOFF_FIRST_NS  (UINT64_C(100) * REALM_MSEC)
#define BROKER_BACKOFF_LAST_NS   (UINT64_C(5) * REALM_SEC)
#define BROKER_REALM_WAITS       32u   /* connects of one realm that wait, unless its limits say otherwise */
#define BROKER_WAITS_MAX         4096u /* … of all realms */
#define BROKER_REALM_CHANNELS    4096u /* ends of channels that one realm may have */
#define BROKER_RECORDS_MAX       4096u /* declarations and instances */
#define BROKER_POOL_CLIENT       2u    /* regions kept ready for a realm that provides nothing */
#define BROKER_POOL_PROVIDER     8u    /* … and for one that does */
#define BROKER_POOL_REGIONS_MAX  24u   /* in a pool, whatever is asked for */
#define BROKER_REALM_HOLDINGS    4096u /* capabilities of one realm that are no channels */
#define BROKER_END_OFFERS        16u   /* of one end of a channel that wait */
#define BROKER_REALM_MEMORY      (UINT64_C(64) << 20) /* bytes of memory objects, below init, without a quota */
#define BROKER_LET_GO            128u  /* cookies that a realm may name once more for nothing */
#define BROKER_LAUNCH_QUEUE_MAX  1024u /* packets that wait for the launcher, without copies of memory */

#endif
