/*
 * Replies that are due: later, in another order, twice, too many.
 */
#include "tests/unit/client/twin.h"

static struct realm_endpoint *receiving(struct realm *realm, const char *service)
{
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    return endpoint;
}

#define CALLERS 5u

static int backwards_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = receiving(realm, "backwards");
    static struct realm_request request;
    uint64_t tokens[CALLERS], ops[CALLERS];
    for (unsigned i = 0; i < CALLERS; i++) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
        CHECK(request.token != 0 && request.client.value != 0 && request.badge != 0);
        tokens[i] = request.token;
        ops[i] = request.op;
    }
    static uint8_t big[REALM_PAYLOAD_MAX + 1u];
    for (unsigned i = CALLERS; i-- > 0;) {
        CHECK_EQ(realm_reply(realm, tokens[i], 0, 0, big, sizeof big), REALM_E_TOO_BIG);
        CHECK_EQ(realm_reply(realm, tokens[i], -5, ops[i] * 2, NULL, 0), 0);
        CHECK_EQ(realm_reply(realm, tokens[i], 0, 0, NULL, 0), REALM_E_STALE);
    }
    CHECK_EQ(realm_reply(realm, 0, 0, 0, NULL, 0), REALM_E_STALE);
    CHECK_EQ(realm_reply(realm, UINT64_MAX, 0, 0, NULL, 0), REALM_E_STALE);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int doubling_client(void *argument)
{
    uint64_t op = (uint64_t)(uintptr_t)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "backwards");
    struct realm_reply reply = {0};
    CHECK_EQ(realm_call(channel, op, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, -5);
    CHECK_EQ(reply.value, op * 2);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(reply, later_in_any_order_and_once)
{
    /* Goal: each caller gets its own reply, given later and backwards; a second one is STALE. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "server", backwards_server, NULL);
        for (uintptr_t i = 0; i < CALLERS; i++)
            sim_world_add_realm(world, "client", doubling_client, (void *)(i + 100));
        run_clean(world, 1 + CALLERS);
        sim_world_free(world);
    }
}

/* --- replies that come too late --- */

static int slow_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = receiving(realm, "slow");
    static struct realm_request request;
    for (int error; (error = realm_receive(endpoint, &request, REALM_FOREVER)) != REALM_E_STOPPED;) {
        CHECK_EQ(error, 0);
        if (request.op == 1)
            CHECK_EQ(realm_run_once(realm, 10 * REALM_MSEC), REALM_E_TIMEOUT);
        CHECK_EQ(realm_reply(realm, request.token, 0, request.op, "late or not", 11), 0);
    }
    realm_close(realm);
    return 0;
}

static int hasty_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "slow");
    char text[16] = "untouched";
    struct realm_reply reply = {.data = text, .capacity = sizeof text};
    CHECK_EQ(realm_call(channel, 1, NULL, 0, &reply, REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_call(channel, 1, NULL, 0, &reply, REALM_MSEC), REALM_E_TIMEOUT);
    CHECK(strcmp(text, "untouched") == 0);
    CHECK_EQ(realm_call(channel, 2, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 2);
    CHECK(memcmp(text, "late or not", 11) == 0);
    CHECK_EQ(realm_channel_late_replies(channel), 2);
    CHECK_EQ(realm_channel_state(channel), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(reply, too_late_is_dropped_and_counted)
{
    /* Goal: a reply whose call gave up never reaches another call or the caller's memory. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "server", slow_server, NULL);
        sim_world_add_realm(world, "client", hasty_client, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- too many are due --- */

static int hoarding_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = receiving(realm, "hoard");
    static struct realm_request request;
    uint64_t tokens[64];
    for (unsigned i = 0; i < 64; i++) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), 0);
        tokens[i] = request.token;
    }
    /* The client sends on, but is not read. */
    CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), REALM_E_TIMEOUT);
    for (unsigned i = 0; i < 64; i++) {
        int error;
        while ((error = realm_reply(realm, tokens[i], 0, i, NULL, 0)) == REALM_E_QUEUE_FULL)
            CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT);
        CHECK_EQ(error, 0);
    }
    for (uint64_t op = 0; op < 40; op++) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), 0);
        CHECK_EQ(request.op, 1000 + op);
        CHECK_EQ(request.token, 0);
    }
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int hoarded_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "hoard");
    for (unsigned i = 0; i < 64; i++)
        CHECK_EQ(realm_call(channel, i, NULL, 0, NULL, 100), REALM_E_TIMEOUT);
    /* Waiting for room, it also takes the replies that the server waits to give. */
    for (uint64_t op = 0; op < 40; op++)
        CHECK_EQ(realm_send(channel, 1000 + op, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_run_once(realm, 2 * REALM_SEC), REALM_E_TIMEOUT);
    /* As many as the server could not have given otherwise; the last ones may still be in the queue. */
    CHECK(realm_channel_late_replies(channel) >= 32 && realm_channel_late_replies(channel) <= 64);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(reply, a_client_that_is_owed_too_much_is_not_read)
{
    /* Goal: beyond 64 replies due a client is held, and read again after; and nobody waits for the other. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "server", hoarding_server, NULL);
        sim_world_add_realm(world, "client", hoarded_client, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int leaving_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "left");
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, 100), REALM_E_TIMEOUT);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    CHECK_EQ(realm_run_once(realm, 2 * REALM_SEC), REALM_E_TIMEOUT);
    realm_close(realm);
    return 0;
}

static int left_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = receiving(realm, "left");
    static struct realm_request request;
    CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), 0);
    CHECK_EQ(realm_endpoint_clients(endpoint), 1);
    static struct realm_request none;
    CHECK_EQ(realm_receive(endpoint, &none, 2 * REALM_SEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    CHECK_EQ(realm_reply(realm, request.token, 0, 0, NULL, 0), REALM_E_STALE);
    realm_close(realm);
    return 0;
}

Test(reply, a_client_that_left_makes_its_tokens_stale)
{
    /* Goal: the end of a channel ends the replies that are due on it. */
    struct sim_world *world = sim_world_new(4);
    sim_world_add_realm(world, "server", left_server, NULL);
    sim_world_add_realm(world, "client", leaving_client, NULL);
    run_clean(world, 2);
    sim_world_free(world);
}

static int reusing_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = receiving(realm, "again");
    static struct realm_request request;
    uint64_t old[20];
    for (unsigned i = 0; i < 20; i++) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
        /* While this one is due, no earlier one fits it. */
        for (unsigned j = 0; j < i; j++)
            CHECK_EQ(realm_reply(realm, old[j], 0, 999, NULL, 0), REALM_E_STALE);
        old[i] = request.token;
        CHECK_EQ(realm_reply(realm, request.token, 0, request.op + 1, request.data, request.size), 0);
    }
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int repeating_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "again");
    for (uint64_t op = 0; op < 20; op++)
        call_echo(channel, op, 16);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(reply, an_old_token_fits_no_new_request)
{
    /* Goal: a token that was used never answers the request that took its place. */
    struct sim_world *world = sim_world_new(5);
    sim_world_add_realm(world, "server", reusing_server, NULL);
    sim_world_add_realm(world, "client", repeating_client, NULL);
    run_clean(world, 2);
    sim_world_free(world);
}
