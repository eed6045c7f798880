/*
 * Peers that write what they should not into their own region, or wake without end.
 *
 * The hostile realm is an ordinary client or server that reaches into its own link, as a program of its own
 * making could.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/internal.h"

enum trick {
    TRICK_SIZE,  /* an entry longer than any */
    TRICK_KIND,  /* a reply where requests come */
    TRICK_MARK,  /* a mark without a message */
    TRICK_TAIL,  /* more taken than was given */
    TRICK_WAKES, /* wakes without a message */
    TRICKS,
};

static void play(struct realm_channel *channel, enum trick trick)
{
    struct realm_link *link = &channel->link;
    struct realm_producer *producer = &link->producer;
    struct realm_message message = {.kind = REALM_MESSAGE_REPLY};
    struct realm_entry entry = {.commit = producer->position + 1, .size = 5000, .kind = REALM_MESSAGE_CALL};
    switch (trick) {
    case TRICK_SIZE:
        memcpy(link->own->lines + producer->index * REALM_LINE, &entry, sizeof entry);
        realm_link_pushed(link);
        break;
    case TRICK_KIND:
        CHECK_EQ(realm_producer_push(producer, &message, NULL), 0);
        realm_link_pushed(link);
        break;
    case TRICK_MARK:
        realm_store_release64(&link->own->marks, realm_marks_of(REALM_HIGH, 1));
        realm_link_pushed(link);
        break;
    case TRICK_TAIL:
        link->consumer.messages += 1000;
        break;
    case TRICK_WAKES:
        for (unsigned i = 0; i < 5000 && !realm_epoch_changed(link->realm); i++) {
            realm_os_wake(link->realm->os, &link->own->bell);
            CHECK_EQ(realm_run_once(link->realm, 200 * REALM_MSEC), REALM_E_TIMEOUT);
        }
        break;
    case TRICKS:
        break;
    }
}

static int hostile_client(void *argument)
{
    enum trick trick = *(enum trick *)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "victim");
    call_echo(channel, 1, 10);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* the server goes to sleep */
    play(channel, trick);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* and looks */
    int error = 0;
    /* With a false tail it may go on until the server has to look at it. */
    for (unsigned i = 0; i < 200 && !error; i++)
        error = realm_call(channel, 2, NULL, 0, NULL, REALM_SEC);
    CHECK_EQ(error, REALM_E_PEER_FAULT);
    realm_disconnect(channel);
    /* It may come again: that is for the policy to say. */
    channel = connected(realm, "victim");
    call_echo(channel, 3, 10);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static void echo_or_fault(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)context;
    int error = realm_reply(realm, request->token, 0, request->op + 1, request->data, request->size);
    CHECK(error == 0 || error == REALM_E_PEER_FAULT);
}

static int victim_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "victim", echo_or_fault, NULL, &endpoint), 0);
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    realm_close(realm);
    return 0;
}

static int honest_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "victim");
    for (uint64_t op = 0; op < 20; op++) {
        call_echo(channel, op, 64);
        CHECK_EQ(realm_run_once(realm, 200 * REALM_MSEC), REALM_E_TIMEOUT);
    }
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(hostile, clients_lose_their_channel_and_nobody_else_does)
{
    /* Goal: each trick ends the channel with a fault that is reported, and the other client notices nothing.
     */
    for (int trick = 0; trick < TRICKS; trick++) {
        for (uint64_t seed = 0; seed < 5; seed++) {
            struct sim_world *world = sim_world_new(seed);
            enum trick played = (enum trick)trick;
            unsigned server = sim_world_add_realm(world, "server", victim_server, NULL);
            unsigned client = sim_world_add_realm(world, "hostile", hostile_client, &played);
            unsigned honest = sim_world_add_realm(world, "honest", honest_client, NULL);
            CHECK_EQ(sim_world_run(world), SIM_ENDED);
            CHECK_EQ(sim_realm_exit(world, server) | sim_realm_exit(world, client), 0);
            CHECK_EQ(sim_realm_exit(world, honest), 0);
            struct sim_counters counters = sim_realm_counters(world, server);
            CHECK_EQ(counters.faults, 1);
            CHECK_EQ(counters.last_fault, played == TRICK_WAKES ? REALM_FAULT_WAKES : REALM_FAULT_CLAIM);
            CHECK_EQ(counters.memory, 0);
            sim_world_free(world);
        }
    }
}

/* --- a hostile server --- */

static void false_reply(struct realm *realm, const struct realm_request *request, void *context)
{
    bool one_way = *(bool *)context;
    struct realm_token *token = realm_token_find(realm, request->token);
    CHECK(token != NULL);
    struct realm_link *link = &token->client->link;
    struct realm_message message = {.kind = one_way ? REALM_MESSAGE_ONEWAY : REALM_MESSAGE_REPLY,
                                    .call = one_way ? 0 : token->call + 1};
    CHECK_EQ(realm_producer_push(&link->producer, &message, NULL), 0);
    realm_link_pushed(link);
}

static int false_server(void *context)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "false", false_reply, context, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int deceived_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "false");
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER), REALM_E_PEER_FAULT);
    CHECK_EQ(realm_channel_state(channel), REALM_E_PEER_FAULT);
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER), REALM_E_PEER_FAULT);
    CHECK_EQ(realm_send(channel, 1, NULL, 0, REALM_FOREVER), REALM_E_PEER_FAULT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(hostile, servers_cannot_answer_what_was_not_asked)
{
    /* Goal: a reply to no call, or something that is no reply, ends the channel and the call. */
    for (unsigned one_way = 0; one_way < 2; one_way++) {
        struct sim_world *world = sim_world_new(one_way);
        bool context = one_way != 0;
        sim_world_add_realm(world, "server", false_server, &context);
        unsigned client = sim_world_add_realm(world, "client", deceived_client, NULL);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, client), 0);
        CHECK_EQ(sim_realm_counters(world, client).faults, 1);
        CHECK_EQ(sim_realm_counters(world, client).last_fault, REALM_FAULT_CLAIM);
        sim_world_free(world);
    }
}
