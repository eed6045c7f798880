/*
 * Ends: a realm killed at every step of what it does, channels and services withdrawn, a Memory Manager that
 * is gone.
 */
#include "tests/unit/client/twin.h"

#include <errno.h>

#include "librealm/client/internal.h"

/* --- killed at every step --- */

static int until_error_client(void *argument)
{
    int *ret_error = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = NULL;
    *ret_error = realm_connect(realm, "mortal", REALM_SEC, &channel);
    while (!*ret_error)
        *ret_error = realm_call(channel, 1, "x", 1, NULL, REALM_FOREVER);
    if (channel)
        CHECK_EQ(realm_channel_state(channel), *ret_error);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(death, of_the_server_at_every_step)
{
    /* Goal: wherever the server dies, the client's connect or call ends, and says why. */
    unsigned dead = 0;
    for (uint64_t step = 1; step <= 150; step++) {
        struct sim_world *world = sim_world_new(step);
        sim_world_cpus(world, step % 2 + 1);
        sim_world_waiter(world, step % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        int error = 0;
        unsigned client = sim_world_add_realm(world, "client", until_error_client, &error);
        unsigned server = sim_world_add_realm(world, "server", echo_server, NAMED("mortal"));
        sim_kill_at_step(world, server, step);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, server), SIM_KILLED);
        CHECK_EQ(sim_realm_exit(world, client), 0);
        /* Before it had a channel: nobody registered the service in time, or it went again. */
        CHECK(error == REALM_E_PEER_DEAD || error == REALM_E_TIMEOUT || error == REALM_E_NO_SERVICE);
        dead += error == REALM_E_PEER_DEAD;
        CHECK_EQ(sim_realm_counters(world, client).memory, 0);
        CHECK_EQ(sim_realm_counters(world, client).handles, 0);
        CHECK_EQ(sim_manager_left(world), 0);
        sim_world_free(world);
    }
    CHECK(dead > 100);
}

static int mortal_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "steady");
    for (uint64_t op = 0; realm_channel_state(channel) == 0; op++)
        call_echo(channel, op, 100);
    return 1;
}

static int steady_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "steady", NULL, NULL, &endpoint), 0);
    static struct realm_request request;
    int error;
    while ((error = realm_receive(endpoint, &request, REALM_FOREVER)) == 0) {
        error = realm_reply(realm, request.token, 0, request.op + 1, request.data, request.size);
        CHECK(error == 0 || error == REALM_E_STALE);
    }
    CHECK_EQ(error, REALM_E_STOPPED);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    realm_close(realm);
    return 0;
}

Test(death, of_the_client_at_every_step)
{
    /* Goal: wherever a client dies, the server goes on and keeps nothing of it. */
    for (uint64_t step = 1; step <= 150; step++) {
        struct sim_world *world = sim_world_new(step);
        sim_world_cpus(world, step % 2 + 1);
        sim_world_waiter(world, step % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        unsigned server = sim_world_add_realm(world, "server", steady_server, NULL);
        unsigned client = sim_world_add_realm(world, "client", mortal_client, NULL);
        sim_kill_at_step(world, client, step);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, server), 0);
        CHECK_EQ(sim_realm_exit(world, client), SIM_KILLED);
        CHECK_EQ(sim_realm_counters(world, server).memory, 0);
        CHECK_EQ(sim_realm_counters(world, server).handles, 0);
        CHECK_EQ(sim_manager_left(world), 0);
        sim_world_free(world);
    }
}

/* --- a service is withdrawn --- */

static int withdrawing_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "mortal", echo, NULL, &endpoint), 0);
    struct realm_endpoint *twice = NULL;
    CHECK_EQ(realm_register(realm, "mortal", echo, NULL, &twice), REALM_E_EXISTS);
    CHECK_EQ(realm_register(realm, "", echo, NULL, &twice), REALM_E_BAD_NAME);
    CHECK(twice == NULL);
    while (realm_endpoint_clients(endpoint) < 3)
        CHECK_EQ(realm_run_once(realm, REALM_SEC), 0);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), 0);
    realm_unregister(endpoint);
    realm_unregister(NULL);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

Test(death, of_a_service)
{
    /* Goal: unregistering ends every client's channel, and they are told, in the middle of a call too. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_world *world = sim_world_new(seed);
        int errors[3];
        unsigned server = sim_world_add_realm(world, "server", withdrawing_server, NULL);
        for (unsigned i = 0; i < 3; i++)
            sim_world_add_realm(world, "client", until_error_client, &errors[i]);
        run_clean(world, 4);
        for (unsigned i = 0; i < 3; i++)
            CHECK_EQ(errors[i], REALM_E_PEER_DEAD);
        CHECK_EQ(sim_realm_counters(world, server).memory, 0);
        sim_world_free(world);
    }
}

/* --- the Memory Manager is gone --- */

static int orphan_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "orphan");
    struct realm_channel *other = connected(realm, "orphan");
    call_echo(channel, 1, 64);
    CHECK_EQ(realm_run_once(realm, 2 * REALM_SEC), REALM_E_TIMEOUT);
    for (uint64_t op = 2; op < 20; op++) {
        call_echo(channel, op, 64);
        call_echo(other, op, 64);
    }
    struct realm_channel *none = NULL;
    CHECK_EQ(realm_connect(realm, "orphan", REALM_SEC, &none), REALM_E_MM_GONE);
    CHECK_EQ(realm_register(realm, "new", echo, NULL, NULL), REALM_E_MM_GONE);
    CHECK_EQ(realm_kill(realm, "child"), REALM_E_MM_GONE);
    CHECK_EQ(realm_send(channel, 999, NULL, 0, REALM_SEC), 0);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(other);
    CHECK_EQ(realm_run(realm), REALM_E_MM_GONE);
    CHECK_EQ(realm_run_once(realm, REALM_POLL), REALM_E_MM_GONE);
    realm_close(realm);
    return 0;
}

static void stop_at_999(struct realm *realm, const struct realm_request *request, void *context)
{
    if (request->op == 999)
        realm_stop(realm);
    else
        echo(realm, request, context);
}

static int orphan_server(void *argument)
{
    struct sim_world *world = argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "orphan", stop_at_999, NULL, &endpoint), 0);
    CHECK_EQ(realm_run(realm), 0);
    /* Its control socket is readable for ever: that must not keep it awake. */
    uint64_t steps = sim_realm_counters(world, 0).steps;
    CHECK_EQ(realm_run_once(realm, 3600 * REALM_SEC), REALM_E_TIMEOUT);
    CHECK(sim_realm_counters(world, 0).steps - steps < 200);
    realm_unregister(endpoint);
    CHECK_EQ(realm_run(realm), REALM_E_MM_GONE);
    realm_close(realm);
    return 0;
}

Test(death, of_the_memory_manager)
{
    /* Goal: open channels go on; what needs the Memory Manager says that it is gone; nobody spins on it. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        sim_world_add_realm(world, "server", orphan_server, world);
        sim_world_add_realm(world, "client", orphan_client, NULL);
        sim_manager_gone_at(world, REALM_SEC);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

#define SEEDS 20u

/* It may be gone before anything is asked of it. */
static int open_perhaps(struct realm **ret_realm)
{
    int error = realm_open(ret_realm);
    CHECK(error == 0 || error == REALM_E_MM_GONE);
    return error;
}

static int late_client(void *argument)
{
    int *ret_called = argument;
    struct realm *realm;
    struct realm_channel *channel = NULL;
    if (open_perhaps(&realm))
        return 0;
    int error = realm_connect(realm, "echo", REALM_SEC, &channel);
    if (!error)
        *ret_called = realm_call(channel, 1, NULL, 0, NULL, REALM_SEC);
    else
        CHECK(error == REALM_E_MM_GONE || error == REALM_E_TIMEOUT);
    realm_close(realm);
    return 0;
}

static int bereft_server(void *argument)
{
    (void)argument;
    struct realm *realm;
    if (open_perhaps(&realm))
        return 0;
    int error = realm_register(realm, "echo", echo, NULL, NULL);
    /* Questions that perhaps nobody hears any more. */
    struct realm_endpoint *other;
    for (unsigned i = 0; i < 10 && realm_register(realm, "other", echo, NULL, &other) == 0; i++)
        realm_unregister(other);
    while (!error || error == REALM_E_WOULD_BLOCK)
        error = realm_run_once(realm, 2 * REALM_SEC);
    CHECK(error == REALM_E_MM_GONE || error == REALM_E_TIMEOUT || error == REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

Test(death, of_the_memory_manager_while_it_connects)
{
    /* Goal: who was told that it is connected is served, wherever the Memory Manager ended meanwhile, if the
     * server was told as well: what was sent to it is still read, though nobody takes the acknowledgements.
     */
    unsigned served = 0, unknown = 0, runs = 0;
    for (; runs < 40 * SEEDS; runs++) {
        struct sim_world *world = sim_world_new(runs);
        sim_world_waiter(world, runs % 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        int called = -1; /* it was not */
        sim_world_add_realm(world, "server", bereft_server, NULL);
        sim_world_add_realm(world, "client", late_client, &called);
        sim_manager_gone_at_step(world, 1 + runs / SEEDS);
        enum sim_end end = sim_world_run(world);
        if (end != SIM_ENDED)
            show_tail(world);
        CHECK_EQ(end, SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, 1), 0);
        size_t size;
        const char *log = sim_world_log(world, &size), said[] = "sends accepted to server";
        bool told =
            memmem(log, size, said, sizeof said - 1) != NULL; /* no string: it has no end of its own */
        CHECK_EQ(called, called == -1 ? -1 : told ? 0 : REALM_E_TIMEOUT);
        served += called == 0;
        unknown += called > 0;
        sim_world_free(world);
    }
    CHECK(served > runs / 4 && unknown > 0);
}

/* --- a server that cannot go on with a client --- */

static int poor_server(void *argument)
{
    (void)argument;
    static struct realm_request request;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "poor", NULL, NULL, &endpoint), 0);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    realm_request_drop(realm_token_find(realm, request.token)->client, -ENOMEM);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    CHECK_EQ(realm_reply(realm, request.token, 0, 0, NULL, 0), REALM_E_STALE);
    /* It serves the next. */
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    CHECK_EQ(realm_reply(realm, request.token, 0, 5, NULL, 0), 0);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int turned_away(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "poor");
    struct realm_reply reply = {0};
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER), REALM_E_PEER_DEAD);
    CHECK_EQ(realm_channel_state(channel), REALM_E_PEER_DEAD);
    realm_disconnect(channel);
    channel = connected(realm, "poor");
    CHECK_EQ(realm_call(channel, 1, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 5);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(death, a_server_without_memory_accuses_nobody)
{
    /* Goal: a client that its server has no memory to serve finds that end dead and may come again; nobody is
     * told of a fault (run_clean). */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "server", poor_server, NULL);
        sim_world_add_realm(world, "client", turned_away, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- a system that fails --- */

#define FAILURE_NS (10 * REALM_SEC)

static int failing_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "echo", echo, NULL, NULL), 0);
    CHECK_EQ(realm_run(realm), -ENOMEM);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

/* Calls when the failure comes, after the server has gone to sleep. */
static int punctual_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "echo");
    call_echo(channel, 1, 10);
    CHECK_EQ(realm_run_once(realm, FAILURE_NS - realm_now_ns(realm)), REALM_E_TIMEOUT);
    CHECK_EQ(realm_call(channel, 2, NULL, 0, NULL, REALM_SEC), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(death, of_nobody_when_the_control_socket_fails)
{
    /* Goal: a client that woke the server together with a failing control socket is served nevertheless.
     * Whether they come together, the seed decides. */
    for (unsigned kind = REALM_WAITER_URING; kind <= REALM_WAITER_PIPE; kind++) {
        for (uint64_t seed = 0; seed < 200; seed++) {
            struct sim_world *world = sim_world_new(seed);
            sim_world_waiter(world, kind);
            unsigned server = sim_world_add_realm(world, "server", failing_server, NULL);
            sim_world_add_realm(world, "client", punctual_client, NULL);
            sim_query_at(world, server, FAILURE_NS);
            sim_control_fails_at(world, server, FAILURE_NS);
            run_clean(world, 2);
            sim_world_free(world);
        }
    }
}
