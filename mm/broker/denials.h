/*
 * How often the event `denied` is told (denials.c).
 */
#ifndef MM_BROKER_DENIALS_H
#define MM_BROKER_DENIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/broker/poll.h"

#define DENIALS_KINDS 16u /* told of one realm in one second */

struct broker_realm;

/* What one realm was denied in the present second. */
struct denials {
    uint64_t start_ns;             /* of the second: it begins with the first that is told */
    uint64_t kinds[DENIALS_KINDS]; /* hashes of those that were told */
    uint32_t kinds_count;
    uint64_t left_out;
    uint64_t decision;     /* of the last that was left out; 0: it is not kept */
    struct poll_timer end; /* of the second; runs while some are left out */
};

/* What makes two refusals of one realm alike. */
struct denial {
    const char *asked, *name, *rule; /* asked: NULL where `denied` has none */
    uint64_t decision;               /* its number, or 0 */
};

void denials_init(struct broker_realm *realm);

/* Whether this one is told. If not it is counted, and the event `denied-more` says before long how many were
 * left out. */
bool denials_admit(struct broker_realm *realm, const struct denial *denial);

/* Tells what was left out so far, and begins anew. When its incarnation ends nothing comes behind it. */
void denials_flush(struct broker_realm *realm);

#endif
