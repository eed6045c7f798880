/*
 * Several operations in one message, and one-way messages that travel together.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/internal.h"
#include "librealm/ring/batch.h"

enum { OP_ADD = 1, OP_FAIL, OP_ECHO, OP_LATER, OP_IN_PLACE, OP_GIFT, OP_FULL, OP_WHEN };

/* A service that knows nothing of batches. It counts what it did. */
struct service {
    uint64_t sum, done;
    uint64_t token; /* of OP_LATER */
};

static void later(struct realm *realm, struct realm_timer *timer, void *context)
{
    (void)timer;
    struct service *service = context;
    CHECK_EQ(realm_reply(realm, service->token, 0, service->done, NULL, 0), 0);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct service *service = context;
    static uint8_t big[REALM_PAYLOAD_MAX + 1u];
    void *place = NULL;
    uint64_t number = 0;
    service->done++;
    switch (request->op) {
    case OP_ADD:
        memcpy(&number, request->data, sizeof number);
        service->sum += number;
        CHECK_EQ(realm_reply(realm, request->token, 0, service->sum, NULL, 0), 0);
        CHECK_EQ(realm_reply(realm, request->token, 0, 0, NULL, 0), REALM_E_STALE);
        return;
    case OP_FAIL:
        CHECK_EQ(realm_reply(realm, request->token, -7, 70, "no", 2), 0);
        return;
    case OP_ECHO:
        CHECK_EQ(realm_reply(realm, request->token, 0, 1, big, sizeof big), REALM_E_TOO_BIG);
        CHECK_EQ(realm_reply(realm, request->token, 0, request->size, request->data, request->size), 0);
        return;
    case OP_LATER:
        service->token = request->token;
        CHECK_EQ(realm_timer_start(realm, 10 * REALM_MSEC, 0, later, service, NULL), 0);
        return;
    case OP_IN_PLACE:
        CHECK_EQ(realm_commit_reply(realm, request->token, 0, 0, 1), REALM_E_STALE);
        CHECK_EQ(realm_reserve_reply(realm, request->token, REALM_PAYLOAD_MAX, &place), REALM_E_TOO_BIG);
        /* It is one of two, and each has a head. */
        CHECK_EQ(realm_reserve_reply(realm, request->token, REALM_PAYLOAD_MAX - 31u, &place),
                 REALM_E_TOO_BIG);
        CHECK_EQ(realm_reserve_reply(realm, request->token, REALM_PAYLOAD_MAX - 32u, &place), 0);
        CHECK_EQ(realm_reserve_reply(realm, request->token, 5, &place), 0);
        memcpy(place, "place", 5);
        CHECK_EQ(realm_commit_reply(realm, request->token, 0, 0, 6), REALM_E_TOO_BIG);
        CHECK_EQ(realm_commit_reply(realm, request->token, 3, 9, 5), 0);
        return;
    case OP_FULL:
        memset(big, 0x5a, sizeof big);
        CHECK_EQ(realm_reply(realm, request->token, 0, 0, big, REALM_PAYLOAD_MAX), 0);
        return;
    case OP_GIFT:
        CHECK_EQ(realm_reply_ticket(realm, request->token, 0, NULL, 0, 1), REALM_E_BAD_ARGUMENT);
        CHECK_EQ(realm_reply(realm, request->token, 4, 0, NULL, 0), 0);
        return;
    case OP_WHEN:
        CHECK_EQ(realm_reply(realm, request->token, 0, service->done, NULL, 0), 0);
        return;
    default:
        CHECK_EQ(realm_reply(realm, request->token, 0, request->op, NULL, 0), 0);
    }
}

static int server(void *argument)
{
    (void)argument;
    struct service service = {0};
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "ops", serve, &service, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static void run_client(int (*client)(void *))
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        if (seed % 2)
            sim_world_cpus(world, 1);
        sim_world_add_realm(world, "server", server, NULL);
        sim_world_add_realm(world, "client", client, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int in_order(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ops");
    struct realm_operation operations[6];
    uint64_t numbers[6];
    char back[8] = "";
    for (unsigned round = 0; round < 3; round++) {
        memset(operations, 0, sizeof operations);
        for (uint64_t i = 0; i < 6; i++) {
            numbers[i] = i + 1;
            operations[i] = (struct realm_operation){.op = OP_ADD, .data = &numbers[i], .size = 8};
        }
        operations[2] = (struct realm_operation){.op = OP_FAIL, .reply = back, .capacity = sizeof back};
        operations[4] = (struct realm_operation){.op = OP_LATER};
        CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 6, 0, REALM_FOREVER), 0);
        for (unsigned i = 0; i < 6; i++)
            CHECK(operations[i].done);
        const uint64_t before = round * (1 + 2 + 4 + 6);
        CHECK_EQ(operations[0].value, before + 1);
        CHECK_EQ(operations[1].value, before + 3);
        CHECK_EQ(operations[2].status, -7);
        CHECK_EQ(operations[2].value, 70);
        CHECK_EQ(operations[2].reply_size, 2);
        CHECK(memcmp(back, "no", 2) == 0);
        CHECK_EQ(operations[3].value, before + 7);
        CHECK_EQ(operations[4].value, round * 6 + 5); /* nothing was done while it was awaited */
        CHECK_EQ(operations[5].value, before + 13);
    }
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, operations_are_done_in_order)
{
    /* Goal: each operation is a call like any to its service, done after the one before it; one that fails
     * keeps no other from being done; one that is answered later is waited for. */
    run_client(in_order);
}

static int stops(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ops");
    const uint64_t one = 1;
    struct realm_operation operations[5];
    for (unsigned failing = 0; failing < 5; failing++) {
        for (unsigned i = 0; i < 5; i++)
            operations[i] = (struct realm_operation){.op = i == failing ? OP_FAIL : OP_ADD,
                                                     .data = &one,
                                                     .size = 8,
                                                     .value = 99,
                                                     .status = 98,
                                                     .done = true};
        CHECK_EQ(realm_call_many(channel, REALM_HIGH, operations, 5, REALM_STOP_AT_FAILURE, REALM_FOREVER),
                 0);
        for (unsigned i = 0; i < 5; i++) {
            CHECK_EQ(operations[i].done, i <= failing);
            CHECK_EQ(operations[i].status, i < failing ? 0 : i == failing ? -7 : 98);
            if (i > failing)
                CHECK_EQ(operations[i].value, 99);
        }
    }
    /* What was not done left no trace: 0 + 1 + 2 + 3 + 4 were, and this one. */
    struct realm_reply reply = {0};
    CHECK_EQ(realm_call(channel, OP_ADD, &one, 8, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 11);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, operations_stop_at_the_first_that_fails)
{
    /* Goal: with STOP what is behind a failure is not done and says so, wherever the failure is. */
    run_client(stops);
}

static int fills(void *argument)
{
    (void)argument;
    static uint8_t data[REALM_PAYLOAD_MAX], back[3][REALM_PAYLOAD_MAX];
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ops");
    struct realm_operation operations[257] = {{.op = 0}};
    memset(back, 0, sizeof back);
    for (unsigned i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * 7);
    /* Three that each answer with a whole payload: the first has room for what is no head of the others. */
    for (unsigned i = 0; i < 3; i++)
        operations[i] = (struct realm_operation){.op = OP_FULL, .reply = back[i], .capacity = sizeof back[i]};
    CHECK_EQ(realm_call_many(channel, REALM_LOW, operations, 3, 0, REALM_FOREVER), REALM_E_SHORT);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(operations[i].done);
        CHECK_EQ(operations[i].reply_size, REALM_PAYLOAD_MAX);
    }
    CHECK(back[0][0] == 0x5a && back[0][REALM_PAYLOAD_MAX - 49] == 0x5a &&
          back[0][REALM_PAYLOAD_MAX - 48] == 0);
    CHECK(back[1][0] == 0 && back[2][0] == 0);
    /* The largest that goes, there and back. */
    operations[0] = (struct realm_operation){.op = OP_ECHO,
                                             .data = data,
                                             .size = REALM_PAYLOAD_MAX - 16,
                                             .reply = back[0],
                                             .capacity = sizeof back[0]};
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 1, 0, REALM_FOREVER), 0);
    CHECK_EQ(operations[0].reply_size, REALM_PAYLOAD_MAX - 16);
    CHECK(memcmp(back[0], data, REALM_PAYLOAD_MAX - 16) == 0);
    operations[0].capacity = 10;
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 1, 0, REALM_FOREVER), REALM_E_SHORT);
    operations[0].size++;
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 1, 0, REALM_FOREVER), REALM_E_TOO_BIG);
    operations[0].size = SIZE_MAX;
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 1, 0, REALM_FOREVER), REALM_E_TOO_BIG);
    /* As many as go. */
    for (unsigned i = 0; i < 257; i++)
        operations[i] = (struct realm_operation){.op = 1000 + i};
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 257, 0, REALM_FOREVER), REALM_E_TOO_BIG);
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 256, 0, REALM_FOREVER), 0);
    for (unsigned i = 0; i < 256; i++)
        CHECK_EQ(operations[i].value, 1000 + i);
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 0, 0, REALM_FOREVER), REALM_E_BAD_ARGUMENT);
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 1, 2, REALM_FOREVER), REALM_E_BAD_ARGUMENT);
    CHECK_EQ(realm_call_many(channel, (enum realm_priority)4, operations, 1, 0, REALM_FOREVER),
             REALM_E_BAD_ARGUMENT);
    operations[0] = (struct realm_operation){.op = OP_IN_PLACE, .reply = back[0], .capacity = 10};
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 2, 0, REALM_FOREVER), 0);
    CHECK(operations[0].status == 3 && operations[0].value == 9 && operations[0].reply_size == 5);
    CHECK(memcmp(back[0], "place", 5) == 0);
    operations[0] = (struct realm_operation){.op = OP_GIFT};
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 2, 0, REALM_FOREVER), 0);
    CHECK(operations[0].status == 4 && operations[1].done);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, sizes_at_their_limits)
{
    /* Goal: the largest requests, results and counts go through; one more is refused and nothing is sent;
     * results that do not fit are cut, and say how much there was. */
    run_client(fills);
}

static int gives_up(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ops");
    struct realm_operation operations[2] = {{.op = OP_LATER, .done = true}, {.op = OP_LATER, .done = true}};
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 2, 0, 5 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK(!operations[0].done && !operations[1].done);
    struct realm_reply reply = {0};
    /* It stands behind the batch, and so is served after it; the late results are nobody's. */
    CHECK_EQ(realm_call(channel, 55, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 55);
    CHECK_EQ(realm_channel_late_replies(channel), 1);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, a_batch_that_is_given_up)
{
    /* Goal: after a deadline no operation is said to be done, and the late results go into nobody's memory.
     */
    run_client(gives_up);
}

static int overtakes(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ops");
    struct realm_operation operations[2] = {{.op = OP_LATER}, {.op = 60}};
    struct realm_reply reply = {0};
    CHECK_EQ(realm_call_many(channel, REALM_NORMAL, operations, 2, 0, 5 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_call_at(channel, REALM_HIGH, OP_WHEN, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 2); /* behind the first operation, before the second */
    CHECK_EQ(realm_call(channel, OP_WHEN, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 4);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, what_is_more_urgent_goes_between)
{
    /* Goal: nothing of a channel is served while an operation of it is done; before the next its more urgent
     * messages are, and none of the same queue. */
    run_client(overtakes);
}

/* --- one-way --- */

#define SENDERS 3u
#define EACH    120u

static int sender(void *argument)
{
    const uint64_t who = (uint64_t)(uintptr_t)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "turns");
    struct realm_outgoing messages[EACH];
    uint64_t numbers[EACH];
    for (uint64_t i = 0; i < EACH; i++) {
        numbers[i] = i;
        messages[i] = (struct realm_outgoing){.op = who, .data = &numbers[i], .size = 8};
    }
    size_t sent = 0;
    CHECK_EQ(realm_send_many(channel, REALM_NORMAL, messages, EACH, REALM_FOREVER, &sent), 0);
    CHECK_EQ(sent, EACH);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int turns_server(void *argument)
{
    const bool views = argument != NULL;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    static struct realm_request request;
    struct realm_view view;
    uint64_t next[SENDERS + 1] = {0};
    CHECK_EQ(realm_register(realm, "turns", NULL, NULL, &endpoint), 0);
    while (realm_endpoint_clients(endpoint) < SENDERS)
        CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_run_once(realm, 10 * REALM_MSEC), REALM_E_TIMEOUT); /* all have sent what fits */
    for (unsigned i = 0; i < SENDERS * EACH; i++) {
        uint64_t number, op;
        if (views) {
            CHECK_EQ(realm_peek(endpoint, &view, REALM_FOREVER), 0);
            CHECK_EQ(view.size, 8);
            memcpy(&number, view.data, 8);
            op = view.op;
            CHECK(view.token == 0 && view.badge != 0);
            if (i % 2)
                CHECK_EQ(realm_consume(realm), 0);
        } else {
            CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
            CHECK_EQ(request.size, 8);
            memcpy(&number, request.data, 8);
            op = request.op;
            CHECK(request.token == 0 && request.badge != 0);
        }
        CHECK(op >= 1 && op <= SENDERS);
        CHECK_EQ(number, next[op]++);
        /* As long as all have something nobody is more than one ahead. */
        if (i < SENDERS * 81u)
            for (unsigned who = 1; who <= SENDERS; who++)
                CHECK(next[op] <= next[who] + 1);
    }
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

Test(batch, messages_take_turns)
{
    /* Goal: clients whose messages came together still take turns by message, in order, received or viewed.
     */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "server", turns_server, seed % 2 ? NAMED("views") : NULL);
        for (uintptr_t who = 1; who <= SENDERS; who++)
            sim_world_add_realm(world, "sender", sender, (void *)who);
        run_clean(world, 1 + SENDERS);
        sim_world_free(world);
    }
}

/* --- hostile --- */

static const char *const lies[] = {"count", "none", "size", "padding", "ticket"};

static int lying_client(void *argument)
{
    const char *lie = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ops");
    struct realm_link *link = &channel->link;
    _Alignas(8) uint8_t bytes[REALM_PAYLOAD_MAX] = {0};
    struct realm_batch_writer writer = {.bytes = bytes};
    struct realm_batch_head head = {.tag = OP_ADD, .size = 9, .whole = 9};
    realm_batch_add(&writer, &head);
    realm_batch_add(&writer, &head);
    struct realm_message message = {.kind = REALM_MESSAGE_CALL, .batch = true, .call = 1, .tag = 2};
    if (strcmp(lie, "count") == 0)
        message.tag = 3;
    else if (strcmp(lie, "none") == 0)
        message.tag = 0;
    else if (strcmp(lie, "size") == 0)
        ((struct realm_batch_head *)(void *)(bytes + 32))->size = 4090;
    else if (strcmp(lie, "padding") == 0)
        bytes[30] = 1;
    else
        message.ticket = 1; /* a batch with a ticket */
    message.size = (uint16_t)writer.size;
    CHECK_EQ(realm_producer_push(&link->producer, &message, bytes), 0);
    realm_link_pushed(link);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_channel_state(channel), REALM_E_PEER_FAULT);
    realm_disconnect(channel);
    /* Not even the first message of it was served. */
    channel = connected(realm, "ops");
    struct realm_reply reply = {0};
    const uint64_t number = 5;
    CHECK_EQ(realm_call(channel, OP_ADD, &number, 8, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, 5);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, a_false_batch_ends_its_client)
{
    /* Goal: a batch that is not one is refused whole: nothing of it is served, and its client's channel ends.
     */
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct sim_world *world = sim_world_new(i);
        unsigned service = sim_world_add_realm(world, "server", server, NULL);
        unsigned client = sim_world_add_realm(world, "client", lying_client, (void *)(uintptr_t)lies[i]);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, service), 0);
        CHECK_EQ(sim_realm_exit(world, client), 0);
        CHECK_EQ(sim_realm_counters(world, service).faults, 1);
        sim_world_free(world);
    }
}

/* What a hostile service answers a batch of two with. */
enum answer { NO_BATCH, TOO_MANY, TOO_FEW, NOTHING, CUT, UNASKED, ANSWERS };

static int lying_server(void *argument)
{
    const enum answer answer = *(enum answer *)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "liar", NULL, NULL, &endpoint), 0);
    static struct realm_request request;
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    struct realm_token *token = realm_token_find(realm, request.token);
    struct realm_link *link = &token->client->link;
    _Alignas(8) uint8_t bytes[REALM_PAYLOAD_MAX] = {0};
    struct realm_batch_writer writer = {.bytes = bytes};
    const struct realm_batch_head head = {.tag = 1, .size = 0, .whole = 0};
    const unsigned counts[ANSWERS] = {2, 3, 1, 0, 2, 2};
    for (unsigned i = 0; i < counts[answer]; i++)
        realm_batch_add(&writer, &head);
    const struct realm_message message = {.kind = REALM_MESSAGE_REPLY,
                                          .batch = answer != NO_BATCH,
                                          .size = (uint16_t)(writer.size - (answer == CUT ? 8 : 0)),
                                          .call = token->call,
                                          .tag = counts[answer]};
    CHECK_EQ(realm_producer_push(&link->producer, &message, bytes), 0);
    realm_link_pushed(link);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int lied_to(void *argument)
{
    const enum answer answer = *(enum answer *)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "liar");
    struct realm_operation operations[2] = {{.op = 1}, {.op = 2}};
    int error = answer == UNASKED ? realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER)
                                  : realm_call_many(channel, REALM_NORMAL, operations, 2,
                                                    REALM_STOP_AT_FAILURE, REALM_FOREVER);
    CHECK_EQ(error, REALM_E_PEER_FAULT);
    CHECK(!operations[0].done && !operations[1].done);
    CHECK_EQ(realm_channel_state(channel), REALM_E_PEER_FAULT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(batch, false_results_end_the_channel)
{
    /* Goal: results for more than was asked, fewer without a failure, or none, no batch where one is due and
     * a batch where none is: each is a fault, and no operation is said to be done. */
    for (int i = 0; i < ANSWERS; i++) {
        enum answer answer = (enum answer)i;
        struct sim_world *world = sim_world_new((uint64_t)i);
        unsigned service = sim_world_add_realm(world, "server", lying_server, &answer);
        unsigned client = sim_world_add_realm(world, "client", lied_to, &answer);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, service), 0);
        CHECK_EQ(sim_realm_exit(world, client), 0);
        CHECK_EQ(sim_realm_counters(world, client).faults, 1);
        sim_world_free(world);
    }
}
