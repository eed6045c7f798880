/*
 * What a wrong cookie costs (docs/design/capabilities.md, 7).
 */
#ifndef MM_BROKER_PENALTY_H
#define MM_BROKER_PENALTY_H

#include <stdint.h>

struct broker_realm;
struct broker_token;

void penalty_init(struct broker_realm *realm);
/* A new incarnation has made no mistake yet. */
void penalty_start(struct broker_realm *realm);
void penalty_stop(struct broker_realm *realm);

/*
 * What the realm calls by this cookie. NULL: nothing of its own, and the request of this xid is answered, now
 * (STALE: it was its own until lately) or when the delay is over (INCAPABLE).
 */
struct broker_token *penalty_find(struct broker_realm *realm, uint64_t cookie, uint64_t xid);

/* The delay after so many failures, with `random` for its second half. Nanoseconds. */
uint64_t penalty_delay_ns(uint64_t failures, uint64_t random);

#endif
