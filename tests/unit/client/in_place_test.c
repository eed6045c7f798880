/*
 * Messages without copies, and many at once: what the public calls promise, also when the client goes while
 * its request is being looked at.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/internal.h"

static struct realm_endpoint *registered(struct realm *realm, const char *service)
{
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    return endpoint;
}

static void expect_bytes(const void *data, uint8_t byte, size_t size)
{
    for (size_t i = 0; i < size; i++)
        CHECK_EQ(((const uint8_t *)data)[i], byte);
}

/* --- calls and replies in place --- */

#define SIZES 12u
static const size_t sizes[SIZES] = {0, 1, 40, 41, 64, 200, 1000, 2048, 3000, 4000, 4095, 4096};

static int caller(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "place");
    uint8_t back[REALM_PAYLOAD_MAX];
    CHECK_EQ(realm_commit_send(channel, 0, 0), REALM_E_STALE);
    for (unsigned i = 0; i < 20 * SIZES; i++) {
        const enum realm_priority priority = (enum realm_priority)(i / SIZES % REALM_QUEUES);
        const size_t size = sizes[i % SIZES];
        void *place = NULL;
        struct realm_reply reply = {.data = back, .capacity = sizeof back};
        CHECK_EQ(realm_reserve(channel, priority, size, REALM_FOREVER, &place), 0);
        memset(place, (int)i, size);
        CHECK_EQ(realm_commit_call(channel, priority, size + 1, &reply, REALM_FOREVER), REALM_E_TOO_BIG);
        CHECK_EQ(realm_commit_call(channel, priority, size, &reply, REALM_FOREVER), 0);
        CHECK_EQ(reply.value, i);
        CHECK_EQ(reply.size, size);
        expect_bytes(back, (uint8_t)~i, size);
        CHECK_EQ(realm_commit_call(channel, priority, 0, NULL, REALM_FOREVER), REALM_E_STALE);
    }
    /* What is sent otherwise takes the place; another priority does not. */
    void *place = NULL;
    CHECK_EQ(realm_reserve(channel, REALM_HIGH, 10, REALM_FOREVER, &place), 0);
    CHECK_EQ(realm_send(channel, 99, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_commit_send(channel, 99, 0), 0);
    CHECK_EQ(realm_reserve(channel, REALM_NORMAL, 10, REALM_FOREVER, &place), 0);
    CHECK_EQ(realm_send(channel, 99, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_commit_send(channel, 99, 0), REALM_E_STALE);
    CHECK_EQ(realm_reserve(channel, REALM_NORMAL, REALM_PAYLOAD_MAX + 1, 0, &place), REALM_E_TOO_BIG);
    CHECK_EQ(realm_reserve(channel, (enum realm_priority)4, 0, 0, &place), REALM_E_BAD_ARGUMENT);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* until all is taken */
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int looker(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "place");
    struct realm_view view;
    CHECK_EQ(realm_consume(realm), REALM_E_STALE);
    for (unsigned i = 0; i < 20 * SIZES; i++) {
        const size_t size = sizes[i % SIZES];
        CHECK_EQ(realm_peek(endpoint, &view, REALM_FOREVER), 0);
        CHECK_EQ(view.op, i / SIZES % REALM_QUEUES);
        CHECK_EQ(view.priority, view.op);
        CHECK_EQ(view.size, size);
        expect_bytes(view.data, (uint8_t)i, size);
        CHECK_EQ(realm_consume(realm), 0);
        CHECK_EQ(realm_consume(realm), REALM_E_STALE);
        void *place = NULL;
        CHECK_EQ(realm_commit_reply(realm, view.token, 0, 0, 0), REALM_E_STALE);
        int error;
        while ((error = realm_reserve_reply(realm, view.token, size, &place)) == REALM_E_QUEUE_FULL)
            CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT); /* the padding, first */
        CHECK_EQ(error, 0);
        memset(place, (int)~i, size);
        CHECK_EQ(realm_commit_reply(realm, view.token, 0, i, size + 1), REALM_E_TOO_BIG);
        CHECK_EQ(realm_commit_reply(realm, view.token, 0, i, size), 0);
        CHECK_EQ(realm_commit_reply(realm, view.token, 0, i, size), REALM_E_STALE);
    }
    unsigned last = 0;
    while (realm_peek(endpoint, &view, REALM_SEC) == 0)
        last += view.op == 99;
    CHECK_EQ(last, 3); /* each view was ended by the next */
    realm_close(realm);
    return 0;
}

Test(in_place, requests_and_replies)
{
    /* Goal: every size goes through in place, both ways, in each priority; places are lost when they must be.
     */
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, 1 + (unsigned)seed % 2);
        sim_world_waiter(world, seed / 2 % 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_add_realm(world, "server", looker, NULL);
        sim_world_add_realm(world, "client", caller, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- urgency --- */

/* Tells as the reply's value how urgent a request was. */
static void tell_priority(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)context;
    CHECK_EQ(realm_reply(realm, request->token, 0, request->priority, NULL, 0), 0);
}

static int telling_server(void *argument)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, argument, tell_priority, NULL, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int urgent_caller(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "middle");
    CHECK_EQ(realm_call_at(channel, REALM_CRITICAL, 1, NULL, 0, NULL, 10 * REALM_SEC), 0);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* the world ends with its last client */
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

/* How urgent a call arrives whose place is of the Low queue. */
static uint64_t placed_low(struct realm_channel *channel)
{
    struct realm_reply reply = {0};
    void *place = NULL;
    CHECK_EQ(realm_reserve(channel, REALM_LOW, 8, REALM_SEC, &place), 0);
    CHECK_EQ(realm_commit_call(channel, 1, 9, &reply, REALM_SEC), REALM_E_TOO_BIG);
    CHECK_EQ(channel->link.own->boost, 0);
    CHECK_EQ(realm_commit_call(channel, 1, 8, &reply, REALM_SEC), 0);
    CHECK_EQ(channel->link.own->boost, 0);
    return reply.value;
}

static int middle(void *argument)
{
    (void)argument;
    static struct realm_request request;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "middle");
    struct realm_channel *channel = connected(realm, "told");
    struct realm_stream *stream = NULL;
    struct realm_reply verdict = {0};
    CHECK_EQ(realm_stream_open(channel, 5, &stream), 0);
    CHECK_EQ(placed_low(channel), REALM_LOW);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    CHECK_EQ(request.priority, REALM_CRITICAL);
    CHECK_EQ(placed_low(channel), REALM_CRITICAL);
    CHECK_EQ(realm_stream_finish(stream, &verdict, REALM_SEC), 0);
    CHECK_EQ(verdict.value, REALM_CRITICAL);
    CHECK_EQ(channel->link.own->boost, 0);
    CHECK_EQ(realm_reply(realm, request.token, 0, 0, NULL, 0), 0);
    CHECK_EQ(placed_low(channel), REALM_LOW);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(in_place, a_call_is_as_urgent_as_what_is_served)
{
    /* Goal: a call whose queue was chosen before, for its place or with its stream, arrives as urgent as what
     * is being served meanwhile; what was not sent, and what was answered, raises nothing. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, 1 + (unsigned)seed % 2);
        sim_world_waiter(world, seed / 2 % 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_add_realm(world, "told", telling_server, NAMED("told"));
        sim_world_add_realm(world, "middle", middle, NULL);
        sim_world_add_realm(world, "client", urgent_caller, NULL);
        run_clean(world, 3);
        sim_world_free(world);
    }
}

/* --- the client goes --- */

static int leaver(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "place");
    uint8_t data[500];
    memset(data, 7, sizeof data);
    CHECK_EQ(realm_send(channel, 1, data, sizeof data, REALM_FOREVER), 0);
    CHECK_EQ(realm_run_once(realm, 10 * REALM_MSEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_close(realm);
    return 0;
}

static int late_looker(void *argument)
{
    const bool *step = argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "place");
    struct realm_view view;
    CHECK_EQ(realm_peek(endpoint, &view, REALM_FOREVER), 0);
    const volatile uint8_t *byte = view.data;
    CHECK_EQ(*byte, 7);
    CHECK_EQ(realm_run_once(realm, 100 * REALM_MSEC), REALM_E_TIMEOUT);
    if (*step) {
        /* That step was the next look, so it ended the view. */
        CHECK_EQ(realm_consume(realm), REALM_E_STALE);
    }
    realm_close(realm);
    return 0;
}

/* Hears of the end by a reply's way, without taking anything. */
static int holder(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *other = NULL;
    struct realm_endpoint *endpoint = registered(realm, "place");
    struct realm_view view;
    CHECK_EQ(realm_peek(endpoint, &view, REALM_FOREVER), 0);
    const volatile uint8_t *byte = view.data;
    CHECK_EQ(*byte, 7);
    /* A request to the Memory Manager hears all that came before its answer. */
    while (realm_endpoint_clients(endpoint) != 0)
        CHECK(realm_connect(realm, "none", REALM_MSEC, &other) != 0);
    uint8_t seen = *byte;
    CHECK(seen == 7 || seen == 0);
    CHECK_EQ(realm_consume(realm), REALM_E_REVOKED);
    CHECK_EQ(realm_consume(realm), REALM_E_STALE);
    realm_close(realm);
    return 0;
}

Test(in_place, the_client_goes_while_its_request_is_looked_at)
{
    /* Goal: the memory stays readable until the view ends; then nothing of it is left. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        bool step = true;
        sim_world_add_realm(world, "server", seed % 2 ? holder : late_looker, &step);
        sim_world_add_realm(world, "client", leaver, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- many at once --- */

#define MANY 4000u

static int sender(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "place");
    static struct realm_outgoing messages[MANY];
    static uint64_t numbers[MANY];
    for (unsigned i = 0; i < MANY; i++) {
        numbers[i] = i;
        messages[i] = (struct realm_outgoing){.op = i, .data = &numbers[i], .size = sizeof numbers[i]};
    }
    size_t sent = 77;
    CHECK_EQ(realm_run_once(realm, 10 * REALM_MSEC), REALM_E_TIMEOUT); /* the server sleeps */
    CHECK_EQ(realm_send_many(channel, REALM_NORMAL, messages, 20, REALM_POLL, &sent), 0);
    CHECK_EQ(sent, 20);
    CHECK_EQ(realm_run_once(realm, 100 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_send_many(channel, REALM_HIGH, messages + 20, MANY - 20, REALM_POLL, &sent),
             REALM_E_QUEUE_FULL);
    /* Four batches of 31 lines (8 of data and 16 of head each), and what the server took meanwhile. */
    CHECK(sent >= 4 * 81 && sent < MANY - 20);
    CHECK_EQ(
        realm_send_many(channel, REALM_HIGH, messages + 20 + sent, MANY - 20 - sent, REALM_FOREVER, NULL), 0);
    messages[3].size = REALM_PAYLOAD_MAX + 1;
    CHECK_EQ(realm_send_many(channel, REALM_NORMAL, messages, 10, REALM_FOREVER, &sent), REALM_E_TOO_BIG);
    CHECK_EQ(sent, 0);
    CHECK_EQ(realm_send_many(channel, REALM_NORMAL, messages, 0, REALM_POLL, &sent), 0);
    CHECK_EQ(realm_send_many(channel, (enum realm_priority)9, messages, 1, REALM_POLL, &sent),
             REALM_E_BAD_ARGUMENT);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* until all is taken */
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int receiver(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "place");
    struct realm_request *requests = calloc(32, sizeof *requests);
    CHECK(requests != NULL);
    size_t count = 0;
    CHECK_EQ(realm_receive_many(endpoint, requests, 0, REALM_POLL, &count), REALM_E_BAD_ARGUMENT);
    CHECK_EQ(realm_receive_many(endpoint, requests, 32, REALM_POLL, &count), REALM_E_WOULD_BLOCK);
    uint64_t next = 0;
    while (next < MANY && realm_receive_many(endpoint, requests, 32, REALM_FOREVER, &count) == 0) {
        CHECK(count >= 1 && count <= 32);
        for (size_t i = 0; i < count; i++, next++) {
            CHECK_EQ(requests[i].op, next);
            CHECK_EQ(requests[i].size, sizeof next);
            CHECK(memcmp(requests[i].data, &next, sizeof next) == 0);
        }
    }
    CHECK_EQ(next, MANY);
    free(requests);
    realm_close(realm);
    return 0;
}

Test(in_place, many_at_once)
{
    /* Goal: all arrive in their order, a full queue tells how many are in it, and a batch costs at most one
     * wake. */
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, 1); /* nobody spins: a wake for each time that somebody must be woken */
        sim_world_add_realm(world, "server", receiver, NULL);
        unsigned client = sim_world_add_realm(world, "client", sender, NULL);
        run_clean(world, 2);
        /* One for the twenty, and at most one for each of the 50 batches behind them. */
        CHECK(sim_realm_counters(world, client).wakes <= 1 + 50);
        sim_world_free(world);
    }
}
