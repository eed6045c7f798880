/*
 * Two ends of a channel that do what librealm/client does with the ring (call.c, sleep.c, request.c), without
 * spinning, and check what they get.
 */
#ifndef TESTS_INTERLEAVE_FLOW_H
#define TESTS_INTERLEAVE_FLOW_H

#include "librealm/ring/ring.h"
#include "tests/interleave/explore.h"

#define FLOW_LINES    65u
#define FLOW_MESSAGES 4u /* the most messages of a flow */

/* What goes from thread 0 to thread 1, and how both wait. */
struct flow {
    unsigned count;
    uint16_t sizes[FLOW_MESSAGES];
    enum realm_priority queues[FLOW_MESSAGES]; /* REALM_LOW, the first of the enum, stands for Normal */
    uint32_t limit;
    uint32_t start;           /* the position at which both begin */
    enum realm_parked parked; /* of the consumer */
    bool one_ring;            /* for all messages that have room */
    bool in_place;            /* reserve and commit, peek and consume */
    bool mimicry;             /* old payload looks like the entries to come */
    bool replies;             /* each message has an answer, which thread 0 waits for */
    bool hostile;             /* the regions are tampered with */
};

/* The parts of a scenario (explore.h), for this flow. */
extern const struct flow *flow;
void flow_begin(void);
void flow_client(void);
void flow_server(void);
void flow_end(void);

/* The line of its region whose entry the other side awaits. */
uint32_t flow_awaited(unsigned side);

#endif
