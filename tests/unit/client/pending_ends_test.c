/*
 * Asynchronous calls whose channel ends: revoked or deserted at every step of both ends, or lied to.
 */
#include "tests/unit/client/pending.h"

#include "librealm/client/internal.h"

/* --- the channel ends under many calls --- */

struct fate {
    int wanted;
    bool over;
};

static int doomed_client(void *argument)
{
    struct fate *fate = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "doomed");
    struct realm_channel *steady = connected(realm, "steady");
    static uint8_t bytes[1500];
    struct one ones[40] = {{0}};
    struct one other = {.op = 5};
    unsigned count = 0;
    int error = 0;
    while (error == 0) {
        unsigned i = count % 40;
        if (i == 0) {
            /* All of the last round have ended. */
            while (realm_calls_pending(channel) != 0)
                CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
            while (realm_run_once(realm, REALM_POLL) == 0)
                ;
            for (unsigned k = 0; k < 40 && count != 0; k++)
                CHECK_EQ(ones[k].ended, 1);
        }
        ones[i] = (struct one){.op = i, .size = i % 5 * 300};
        for (size_t k = 0; k < ones[i].size; k++)
            bytes[k] = (uint8_t)(i * 31u + k);
        while ((error = realm_call_start(channel, i, bytes, ones[i].size, REALM_FOREVER, note, &ones[i],
                                         NULL)) == REALM_E_QUEUE_FULL)
            CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
        count += error == 0;
        if (count % 16 == 0 && error == 0)
            CHECK_EQ(realm_call_start(steady, 5, NULL, 0, REALM_FOREVER, note, &other, NULL), 0);
    }
    CHECK_EQ(error, fate->wanted);
    while (realm_calls_pending(channel) + realm_calls_pending(steady) != 0)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    while (realm_run_once(realm, REALM_POLL) == 0)
        ;
    for (unsigned i = 0; i < 40; i++) {
        /* Of the last, unfinished round: those that were started; of the others one was checked above. */
        bool started = count / 40 != 0 || i < count;
        if (started && i != count % 40)
            CHECK(ones[i].ended == 1 && (ones[i].result == 0 || ones[i].result == fate->wanted));
    }
    CHECK_EQ(other.ended, count / 16);
    CHECK_EQ(other.result, 0);
    fate->over = true;
    realm_disconnect(channel);
    realm_disconnect(steady);
    realm_close(realm);
    return 0;
}

static void echo_if_there(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)context;
    int error = realm_reply(realm, request->token, 0, request->op + 1, request->data, request->size);
    CHECK(error == 0 || error == REALM_E_STALE);
}

static int doomed_server(void *service)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, service, echo_if_there, NULL, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static unsigned end_at_every_step(int reason, uint64_t last)
{
    unsigned over = 0;
    for (uint64_t step = 25; step <= last; step += 3) {
        struct fate fate = {.wanted = reason};
        struct sim_world *world = sim_world_new(step * 5 + (uint64_t)reason);
        sim_world_cpus(world, (unsigned)(step % 2) + 1);
        sim_world_waiter(world, step % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        sim_world_limit(world, 100000);
        unsigned server = sim_world_add_realm(world, "server", doomed_server, NAMED("doomed"));
        sim_world_add_realm(world, "steady", doomed_server, NAMED("steady"));
        sim_world_add_realm(world, "client", doomed_client, &fate);
        sim_close_at_step(world, server, step, reason);
        enum sim_end end = sim_world_run(world);
        if (end == SIM_DEADLOCK)
            show_tail(world);
        CHECK(end == SIM_ENDED || (end == SIM_TOO_LONG && !fate.over));
        if (fate.over) {
            for (unsigned i = 0; i < 3; i++) {
                CHECK_EQ(sim_realm_exit(world, i), 0);
                CHECK_EQ(sim_realm_counters(world, i).memory, 0);
            }
            over++;
        }
        sim_world_free(world);
    }
    return over;
}

Test(pending_ends, revoked_with_many_in_flight)
{
    /* Goal: wherever both ends are, each call under way ends once, with its reply or with the reason; those
     * on another channel never notice; nothing leaks. */
    CHECK(end_at_every_step(REALM_E_REVOKED, 420) > 100);
    CHECK(end_at_every_step(REALM_E_PEER_DEAD, 420) > 100);
}

/* --- lies --- */

static int lying_server(void *service)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    struct realm_request request;
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    struct realm_token *token = realm_token_find(realm, request.token);
    /* A reply to a call that was never made. */
    struct realm_message message = {.kind = REALM_MESSAGE_REPLY, .call = 77};
    CHECK_EQ(realm_producer_push(&token->client->link.producer, &message, NULL), 0);
    realm_link_pushed(&token->client->link);
    while (realm_receive(endpoint, &request, REALM_FOREVER) == 0)
        ;
    realm_close(realm);
    return 0;
}

static int lied_to_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "liar");
    struct one ones[5];
    for (unsigned i = 0; i < 5; i++)
        start_one(realm, channel, &ones[i], i, 0, REALM_FOREVER);
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(ones[i].ended, 1);
        CHECK_EQ(ones[i].result, REALM_E_PEER_FAULT);
    }
    CHECK_EQ(realm_channel_state(channel), REALM_E_PEER_FAULT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(pending_ends, a_reply_that_nobody_asked_for_ends_the_channel)
{
    /* Goal: and all its calls, each told why. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "server", lying_server, NAMED("liar"));
        unsigned client = sim_world_add_realm(world, "client", lied_to_client, NULL);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, client), 0);
        CHECK_EQ(sim_realm_counters(world, client).last_fault, REALM_FAULT_CLAIM);
        sim_world_free(world);
    }
}

/* --- wakes for nothing --- */

static int waking_server(void *service)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    struct realm_request request;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    for (unsigned i = 0; i < 5; i++)
        CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    struct realm_link *link = &realm_token_find(realm, request.token)->client->link;
    for (unsigned i = 0; i < 5000 && realm_endpoint_clients(endpoint) != 0; i++) {
        realm_os_wake(realm->os, &link->own->bell);
        (void)realm_receive(endpoint, &request, REALM_MSEC);
    }
    while (realm_receive(endpoint, &request, REALM_FOREVER) == 0)
        ;
    realm_close(realm);
    return 0;
}

Test(pending_ends, a_server_that_wakes_for_nothing_loses_the_channel)
{
    /* Goal: a loop with calls under way is not kept busy by wakes without replies. */
    struct sim_world *world = sim_world_new(5);
    sim_world_add_realm(world, "server", waking_server, NAMED("liar"));
    unsigned client = sim_world_add_realm(world, "client", lied_to_client, NULL);
    CHECK_EQ(sim_world_run(world), SIM_ENDED);
    CHECK_EQ(sim_realm_exit(world, client), 0);
    CHECK_EQ(sim_realm_counters(world, client).last_fault, REALM_FAULT_WAKES);
    sim_world_free(world);
}
