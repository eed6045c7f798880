/*
 * Memory taken away at every step of both ends of a channel, in the twin: the news may come by the control
 * page, by the touch of what is gone, or by the packet, whichever the order of things lets come first.
 */
#include "tests/unit/client/twin.h"

struct outcome {
    int error;         /* that ended the first channel */
    uint64_t replies;  /* over it, each checked */
    bool sender;       /* one-way messages until the ring is full, instead of calls */
    bool steady_ended; /* the other channel of the same realm ended, too */
};

static int revoked_client(void *argument)
{
    struct outcome *outcome = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "shared");
    struct realm_channel *steady = connected(realm, "steady");
    while (outcome->error == 0) {
        uint8_t sent[300], back[300] = {0};
        struct realm_reply reply = {.data = back, .capacity = sizeof back};
        memset(sent, (int)(outcome->replies % 255) + 1, sizeof sent);
        if (outcome->sender) {
            outcome->error = realm_send(channel, 1, sent, sizeof sent, REALM_FOREVER);
        } else {
            outcome->error = realm_call(channel, 1, sent, sizeof sent, &reply, REALM_FOREVER);
            if (outcome->error == 0)
                CHECK(reply.size == sizeof back && memcmp(sent, back, sizeof back) == 0);
        }
        outcome->replies++;
    }
    CHECK_EQ(realm_channel_state(channel), outcome->error);
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER), outcome->error);
    CHECK_EQ(realm_send(channel, 1, NULL, 0, REALM_FOREVER), outcome->error);
    call_echo(steady, 7, 200);
    outcome->steady_ended = realm_channel_state(steady) != 0;
    realm_disconnect(channel);
    channel = connected(realm, "shared");
    call_echo(channel, 8, 200);
    realm_disconnect(channel);
    realm_disconnect(steady);
    realm_close(realm);
    return 0;
}

/* Echoes for ever; that a client is gone in the middle is no error of its own. */
static int forgiving_server(void *service)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    struct realm_request *request = malloc(sizeof *request);
    int error;
    while ((error = realm_receive(endpoint, request, REALM_FOREVER)) == 0) {
        for (uint32_t i = 1; i < request->size && request->size == 300; i++)
            CHECK(request->data[i] == request->data[0] && request->data[0] != 0); /* no torn copy */
        if (request->token == 0)
            continue;
        error = realm_reply(realm, request->token, 0, request->op + 1, request->data, request->size);
        CHECK(error == 0 || error == REALM_E_STALE);
    }
    CHECK_EQ(error, REALM_E_STOPPED);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    free(request);
    realm_close(realm);
    return 0;
}

/* One run; the memory goes at a step of the server (whose only channel it is). Return: whether there was a
 * channel to take away. */
static bool run_one(uint64_t step, int reason, bool sender)
{
    struct outcome outcome = {.sender = sender};
    struct sim_world *world = sim_world_new(step * 7 + (uint64_t)reason);
    sim_world_cpus(world, (unsigned)(step % 2) + 1);
    sim_world_waiter(world, step % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
    sim_world_limit(world, 200000);
    unsigned server = sim_world_add_realm(world, "server", forgiving_server, NAMED("shared"));
    sim_world_add_realm(world, "steady", forgiving_server, NAMED("steady"));
    sim_world_add_realm(world, "client", revoked_client, &outcome);
    sim_close_at_step(world, server, step, reason);
    enum sim_end end = sim_world_run(world);
    bool taken = outcome.error != 0;
    if (end != SIM_ENDED && taken)
        show_tail(world);
    CHECK(end == SIM_ENDED || (end == SIM_TOO_LONG && !taken));
    if (taken) {
        CHECK_EQ(outcome.error, reason);
        CHECK(!outcome.steady_ended);
        for (unsigned i = 0; i < 3; i++) {
            CHECK_EQ(sim_realm_exit(world, i), 0);
            CHECK_EQ(sim_realm_counters(world, i).memory, 0);
            CHECK_EQ(sim_realm_counters(world, i).handles, 0);
        }
        CHECK_EQ(sim_manager_left(world), 0);
    }
    sim_world_free(world);
    return taken;
}

static void at_every_step(int reason, bool sender)
{
    unsigned taken = 0;
    for (uint64_t step = 20; step <= 250; step++)
        taken += run_one(step, reason, sender);
    CHECK(taken > 150);
}

Test(revoke, in_a_call)
{
    /* Goal: wherever both ends are, asleep, spinning or in the ring, the call ends with REVOKED; no torn copy
     * is accepted; the realm's other channel never notices; it may connect again; nothing leaks. */
    at_every_step(REALM_E_REVOKED, false);
}

Test(revoke, while_sending)
{
    /* Goal: the same for one-way messages, with the sender asleep for room or in the push. */
    at_every_step(REALM_E_REVOKED, true);
}

Test(revoke, for_another_reason)
{
    /* Goal: memory that goes before the packet says why leads to the packet's reason, not to a guess. */
    at_every_step(REALM_E_PEER_DEAD, false);
    at_every_step(REALM_E_PEER_FAULT, true);
}
