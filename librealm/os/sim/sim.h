/*
 * The twin: a world in which realms run without a system.
 *
 * Each realm is a coroutine that runs its own main over the production client; the memory of channels is
 * ordinary heap; a small Memory Manager lets everybody connect, decides about capabilities with the policy
 * engine, and keeps the protocol's rules (docs/design/client.md, the twin). Whenever a realm
 * asks something of the system (waits, wakes, sends, spins) the world may let another go on: which one, the
 * seed decides, and nothing else does. The clock moves when everyone waits, and a little with each turn of a
 * spin. So one seed is one run, byte for byte, and a thousand seeds are a thousand interleavings.
 *
 * A wait ends when its word is woken, not when the word changes: a lost wake shows as a deadlock.
 */
#ifndef REALM_OS_SIM_H
#define REALM_OS_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#include "librealm/os/os.h"
#include "librealm/proto/control.h"

struct sim_world;

/* How a run ended. */
enum sim_end {
    SIM_ENDED,    /* every realm has */
    SIM_DEADLOCK, /* those that are left wait, and nothing will ever happen */
    SIM_TOO_LONG, /* more steps than sim_world_limit allows */
};

struct sim_counters {
    uint64_t steps;   /* times it asked something of the system */
    uint64_t waits;   /* times it went to sleep */
    uint64_t wakes;   /* wakes and hints that it gave */
    uint64_t control; /* packets that it sent on its control socket */
    uint64_t faults;  /* FAULT packets among them */
    uint32_t last_fault;
    uint64_t memory; /* mappings that it has now */
    uint64_t handles;
};

#define SIM_KILLED (-9) /* the exit status of a realm that was killed */

/* Never fails: without memory it aborts, as all of the twin. */
struct sim_world *sim_world_new(uint64_t seed);
void sim_world_free(struct sim_world *world); /* NULL is a no-op */

/* Adds a realm; its main runs when the world does. Return: its number, from 0 on. */
unsigned sim_world_add_realm(struct sim_world *world, const char *name, int (*main)(void *argument),
                             void *argument);

/* Before the run. Processors (2): with 1 no realm spins. Waiter (URING). Steps (10 million). */
void sim_world_cpus(struct sim_world *world, unsigned cpus);
void sim_world_waiter(struct sim_world *world, enum realm_waiter_kind kind);
/* What each service's `queue:` says (the defaults): bytes of a region, messages of a queue. */
void sim_world_queues(struct sim_world *world, uint32_t region_bytes, uint32_t messages);
void sim_world_limit(struct sim_world *world, uint64_t steps);

/* Faults and requests, all before the run. A realm killed at its n-th step (from 1 on) does not take it. */
void sim_kill_at_step(struct sim_world *world, unsigned realm, uint64_t step);
/* The channels that a realm has at its n-th step are closed right before it, for a reason (REALM_E_REVOKED,
 * REALM_E_PEER_DEAD, REALM_E_PEER_FAULT): their memory is taken away, and the news of it comes later. */
void sim_close_at_step(struct sim_world *world, unsigned realm, uint64_t step, int reason);
void sim_stop_at(struct sim_world *world, unsigned realm, uint64_t now_ns);  /* it is sent STOP */
void sim_query_at(struct sim_world *world, unsigned realm, uint64_t now_ns); /* it is sent QUERY */
void sim_manager_gone_at(struct sim_world *world, uint64_t now_ns);
void sim_manager_gone_at_step(struct sim_world *world, uint64_t step); /* its n-th, from 1 on */
/* From this time on, its next look at the control socket fails once, with -ENOMEM. */
void sim_control_fails_at(struct sim_world *world, unsigned realm, uint64_t now_ns);
/* Each wait on words is interrupted after this time, as by a signal. */
void sim_interrupt_every(struct sim_world *world, uint64_t time_ns);

enum sim_end sim_world_run(struct sim_world *world);

/* Afterwards, and for assertions within the realms' mains. */
uint64_t sim_world_now_ns(const struct sim_world *world);
const char *sim_world_log(const struct sim_world *world, size_t *ret_size); /* a line for each step */
struct sim_counters sim_realm_counters(const struct sim_world *world, unsigned realm);
struct realm_control_stats sim_realm_stats(const struct sim_world *world, unsigned realm);
int sim_realm_exit(const struct sim_world *world, unsigned realm);
/* Objects of the Memory Manager that are left: channels, endpoints, holdings and what waits. */
size_t sim_manager_left(const struct sim_world *world);

#endif
