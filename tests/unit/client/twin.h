/*
 * What the client's tests share: worlds of the twin, and realms' mains that check as they go.
 *
 * A main runs as a coroutine inside the test. CHECK ends the whole test where the failure is.
 */
#ifndef TESTS_UNIT_CLIENT_TWIN_H
#define TESTS_UNIT_CLIENT_TWIN_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/realm.h>

#include "librealm/os/sim/sim.h"

#define CHECK(condition) cr_assert(condition)
#define CHECK_EQ(actual, wanted)                                                                             \
    cr_assert_eq((actual), (wanted), "%lld, not %lld", (long long)(actual), (long long)(wanted))

/* A service's name as a main's argument. */
#define NAMED(text) ((char[]){text})

/* Opens the realm, or ends the test. */
static inline struct realm *opened(void)
{
    struct realm *realm = NULL;
    CHECK_EQ(realm_open(&realm), 0);
    return realm;
}

static inline struct realm_channel *connected(struct realm *realm, const char *service)
{
    struct realm_channel *channel = NULL;
    CHECK_EQ(realm_connect(realm, service, REALM_FOREVER, &channel), 0);
    return channel;
}

/* Replies with op + 1 and the request's own bytes. */
static inline void echo(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)context;
    if (request->token)
        CHECK_EQ(realm_reply(realm, request->token, 0, request->op + 1, request->data, request->size), 0);
}

/* A server named by its argument that echoes until it is asked to stop. */
static inline int echo_server(void *service)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, service, echo, NULL, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

/* One call whose reply is checked to be echo's. */
static inline void call_echo(struct realm_channel *channel, uint64_t op, size_t size)
{
    uint8_t sent[REALM_PAYLOAD_MAX], back[REALM_PAYLOAD_MAX];
    for (size_t i = 0; i < size; i++)
        sent[i] = (uint8_t)(op * 31u + i);
    struct realm_reply reply = {.data = back, .capacity = sizeof back};
    memset(back, 0, sizeof back);
    CHECK_EQ(realm_call(channel, op, sent, size, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, 0);
    CHECK_EQ(reply.value, op + 1);
    CHECK_EQ(reply.size, size);
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(back[i], (uint8_t)(op * 31u + i));
}

/* The last steps of a run that went wrong. */
static inline void show_tail(const struct sim_world *world)
{
    size_t size;
    const char *log = sim_world_log(world, &size);
    size_t shown = size < 4000 ? size : 4000;
    fprintf(stderr, "%.*s\n", (int)shown, log + size - shown);
}

/* Runs to the end, and finds every realm ended well and nothing left. */
static inline void run_clean(struct sim_world *world, unsigned realms)
{
    enum sim_end end = sim_world_run(world);
    if (end != SIM_ENDED)
        show_tail(world);
    CHECK_EQ(end, SIM_ENDED);
    for (unsigned i = 0; i < realms; i++) {
        CHECK_EQ(sim_realm_exit(world, i), 0);
        CHECK_EQ(sim_realm_counters(world, i).memory, 0);
        CHECK_EQ(sim_realm_counters(world, i).handles, 0);
        CHECK_EQ(sim_realm_counters(world, i).faults, 0);
    }
}

#endif
