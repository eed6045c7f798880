/*
 * Asynchronous calls in the twin: each ends once, whatever comes first, and gets its own reply.
 */
#include "tests/unit/client/pending.h"

#define CALLS 60u

/* --- a service that answers late and in another order --- */

struct hoard {
    uint64_t tokens[CALLS], ops[CALLS];
    uint8_t data[CALLS][REALM_PAYLOAD_MAX];
    uint32_t sizes[CALLS];
    unsigned count;
};

/* Answers three at a time, the last first; so that the queue of replies overflows again and again. */
static void shuffle(struct realm *realm, const struct realm_request *request, void *context)
{
    struct hoard *hoard = context;
    if (request->op >= 1000) {
        echo(realm, request, NULL);
        return;
    }
    hoard->tokens[hoard->count] = request->token;
    hoard->ops[hoard->count] = request->op;
    hoard->sizes[hoard->count] = request->size;
    memcpy(hoard->data[hoard->count++], request->data, request->size);
    if (hoard->count < 3)
        return;
    while (hoard->count != 0) {
        unsigned i = --hoard->count;
        CHECK_EQ(realm_reply(realm, hoard->tokens[i], (int32_t)i, hoard->ops[i] + 1, hoard->data[i],
                             hoard->sizes[i]),
                 0);
        CHECK_EQ(realm_reply(realm, hoard->tokens[i], 0, 0, NULL, 0), REALM_E_STALE);
    }
}

static int shuffling_server(void *argument)
{
    struct hoard *hoard = argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "shuffle", shuffle, hoard, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

/* --- many at once --- */

static int busy_client(void *argument)
{
    (void)argument;
    static const size_t sizes[] = {0, 40, 41, 200, 4096, 1000};
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "shuffle");
    struct one ones[CALLS];
    for (unsigned i = 0; i < CALLS; i++) {
        start_one(realm, channel, &ones[i], i, sizes[i % 6], REALM_FOREVER);
        /* One that waits, in the middle of those: its reply is not the next. */
        if (i % 10 == 9)
            call_echo(channel, 1000 + i, sizes[i / 10]);
    }
    while (realm_calls_pending(channel) != 0)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    while (realm_run_once(realm, REALM_POLL) == 0)
        ;
    for (unsigned i = 0; i < CALLS; i++) {
        CHECK_EQ(ones[i].ended, 1);
        CHECK_EQ(ones[i].result, 0);
    }
    CHECK_EQ(realm_channel_late_replies(channel), 0);
    CHECK_EQ(realm_channel_state(channel), 0);
    call_echo(channel, 2000, 100);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(pending, every_call_gets_its_own_reply)
{
    /* Goal: many in flight, small and large, answered out of order, mixed with calls that wait on the same
     * channel, with both waiters, spinning or not: each ends once with its own bytes. Replies that find no
     * room at the server wait there, and its realm_reply never fails for that. */
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct hoard *hoards = calloc(2, sizeof *hoards);
        for (unsigned kind = 0; kind < 2; kind++) {
            struct sim_world *world = sim_world_new(seed);
            sim_world_waiter(world, kind ? REALM_WAITER_PIPE : REALM_WAITER_URING);
            sim_world_cpus(world, seed % 2 + 1);
            sim_world_add_realm(world, "server", shuffling_server, &hoards[kind]);
            sim_world_add_realm(world, "client", busy_client, NULL);
            run_clean(world, 2);
            CHECK_EQ(sim_realm_stats(world, 0).lost_wakes, 0);
            sim_world_free(world);
        }
        free(hoards);
    }
}

/* --- one realm that serves and calls, and another the same --- */

struct ring {
    const char *own, *next;
    bool waits;
    unsigned ended;
    struct realm_channel *channel;
};

static void pass_on(struct realm *realm, const struct realm_completion *completion, void *context)
{
    struct ring *ring = context;
    CHECK_EQ(completion->result, 0);
    /* A handler may start the next, and one of the two may wait for a call of its own. */
    if (++ring->ended < 40)
        CHECK_EQ(realm_call_start(ring->channel, ring->ended, NULL, 0, REALM_SEC, pass_on, ring, NULL), 0);
    if (ring->waits && ring->ended % 8 == 0)
        CHECK_EQ(realm_call(ring->channel, 1, NULL, 0, NULL, REALM_SEC), 0);
    if (ring->ended == 40)
        realm_stop(realm);
}

static int in_a_ring(void *argument)
{
    struct ring *ring = argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, ring->own, echo, NULL, NULL), 0);
    ring->channel = connected(realm, ring->next);
    CHECK_EQ(realm_call_start(ring->channel, 0, NULL, 0, REALM_SEC, pass_on, ring, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    /* The other may need some answers yet. */
    while (realm_run_once(realm, 2 * REALM_SEC) == 0)
        ;
    realm_close(realm);
    return 0;
}

Test(pending, two_servers_call_each_other)
{
    /* Goal: a loop with clients, calls under way and calls that wait, at both ends, with both waiters. */
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct ring rings[] = {{.own = "a", .next = "b", .waits = true}, {.own = "b", .next = "a"}};
        struct sim_world *world = sim_world_new(seed);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "a", in_a_ring, &rings[0]);
        sim_world_add_realm(world, "b", in_a_ring, &rings[1]);
        run_clean(world, 2);
        CHECK_EQ(rings[0].ended, 40);
        CHECK_EQ(rings[1].ended, 40);
        sim_world_free(world);
    }
}

/* --- deadlines and cancelling --- */

/* Answers what is below 100 at once, everything else when it is told to by op 0. */
static void answer_when_told(struct realm *realm, const struct realm_request *request, void *context)
{
    struct hoard *hoard = context;
    if (request->op >= 100) {
        hoard->tokens[hoard->count] = request->token;
        hoard->ops[hoard->count++] = request->op;
        return;
    }
    for (unsigned i = 0; i < hoard->count; i++)
        CHECK_EQ(realm_reply(realm, hoard->tokens[i], 0, hoard->ops[i] + 1, NULL, 0), 0);
    hoard->count = 0;
    CHECK_EQ(realm_reply(realm, request->token, 0, request->op + 1, NULL, 0), 0);
}

static int told_server(void *argument)
{
    struct hoard *hoard = argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "told", answer_when_told, hoard, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int patient_client(void *argument)
{
    (void)argument;
    static const uint64_t patience_ms[] = {7, 3, 5, 3, 9, 0, 3};
    enum { N = 7 };
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "told");
    struct one ones[N + 1];
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER), 0);
    const uint64_t start_ns = realm_now_ns(realm);
    for (unsigned i = 0; i < N; i++)
        start_one(realm, channel, &ones[i], 100 + i, 0, patience_ms[i] * REALM_MSEC);
    start_one(realm, channel, &ones[N], 100 + N, 0, REALM_FOREVER);
    for (unsigned i = 0; i < N; i++)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    for (unsigned i = 0; i < N; i++) {
        CHECK_EQ(ones[i].ended, 1);
        CHECK_EQ(ones[i].result, REALM_E_TIMEOUT);
        CHECK_EQ(ones[i].at_ns, start_ns + patience_ms[i] * REALM_MSEC);
    }
    CHECK_EQ(realm_calls_pending(channel), 1);
    CHECK_EQ(realm_channel_late_replies(channel), 0);
    /* All are answered now: seven too late, one in time. */
    CHECK_EQ(realm_call(channel, 0, NULL, 0, NULL, REALM_FOREVER), 0);
    CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    CHECK_EQ(ones[N].ended, 1);
    CHECK_EQ(ones[N].result, 0);
    CHECK_EQ(realm_channel_late_replies(channel), N);
    CHECK_EQ(realm_run_once(realm, REALM_POLL), REALM_E_WOULD_BLOCK);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(pending, deadlines_are_exact_and_late_replies_counted)
{
    /* Goal: each deadline to the nanosecond whatever their order, spinning or not; a reply that comes after
     * is dropped and counted, and the others still arrive. */
    struct hoard *hoard = calloc(1, sizeof *hoard);
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        unsigned client = sim_world_add_realm(world, "client", patient_client, NULL);
        sim_world_add_realm(world, "server", told_server, hoard);
        sim_query_at(world, client, REALM_SEC);
        run_clean(world, 2);
        sim_world_free(world);
    }
    free(hoard);
}

static int cancelling_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "told");
    struct one ones[4] = {{.op = 100}, {.op = 101}, {.op = 2}, {.op = 102}};
    struct realm_pending_call *calls[4] = {NULL};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(realm_call_start(channel, ones[i].op, NULL, 0, REALM_SEC, note, &ones[i], &calls[i]), 0);
    CHECK_EQ(realm_call_cancel(calls[1]), 0);
    CHECK_EQ(ones[1].ended, 0); /* never from within */
    CHECK_EQ(realm_call_cancel(calls[1]), REALM_E_STALE);
    CHECK_EQ(realm_calls_pending(channel), 3);
    /* This one takes the replies to the two before it, and to the cancelled one. */
    CHECK_EQ(realm_call(channel, 0, NULL, 0, NULL, REALM_FOREVER), 0);
    CHECK_EQ(realm_call_cancel(calls[2]), REALM_E_STALE);
    CHECK_EQ(realm_channel_late_replies(channel), 1);
    while (realm_run_once(realm, 10 * REALM_MSEC) == 0)
        ;
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(ones[i].ended, 1);
        CHECK_EQ(ones[i].result, i == 1 ? REALM_E_CANCELLED : 0);
    }
    /* What is under way when the channel or the realm is closed. */
    CHECK_EQ(realm_call_start(channel, 200, NULL, 0, REALM_FOREVER, note, &ones[0], NULL), 0);
    realm_disconnect(channel);
    CHECK_EQ(ones[0].ended, 1);
    CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    CHECK_EQ(ones[0].ended, 2);
    CHECK_EQ(ones[0].result, REALM_E_CANCELLED);
    channel = connected(realm, "told");
    CHECK_EQ(realm_call_start(channel, 201, NULL, 0, REALM_FOREVER, note, &ones[0], NULL), 0);
    CHECK_EQ(realm_call_start(channel, 202, NULL, 0, REALM_FOREVER, NULL, NULL, NULL), 0);
    realm_close(realm);
    CHECK_EQ(ones[0].ended, 3);
    CHECK_EQ(ones[0].result, REALM_E_CANCELLED);
    return 0;
}

Test(pending, cancelled_disconnected_closed)
{
    /* Goal: whoever gives a call up is told by the handler, once, from the loop; what ends with the channel
     * or the realm is told too. */
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct hoard *hoard = calloc(1, sizeof *hoard);
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_add_realm(world, "client", cancelling_client, NULL);
        sim_world_add_realm(world, "server", told_server, hoard);
        run_clean(world, 2);
        sim_world_free(world);
        free(hoard);
    }
}

/* --- limits --- */

static int silent_server(void *service)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    static struct realm_request request;
    while (realm_receive(endpoint, &request, REALM_FOREVER) == 0)
        ;
    realm_close(realm);
    return 0;
}

static int greedy_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "silent");
    struct one one = {0};
    uint8_t large[REALM_PAYLOAD_MAX + 1] = {0};
    CHECK_EQ(realm_call_start(channel, 0, large, sizeof large, 1, note, &one, NULL), REALM_E_TOO_BIG);
    CHECK_EQ(realm_call_start_at(channel, (enum realm_priority)4, 0, NULL, 0, 1, note, &one, NULL),
             REALM_E_BAD_ARGUMENT);
    unsigned started = 0;
    int error = 0;
    for (unsigned priority = REALM_NORMAL; priority <= REALM_HIGH && error != REALM_E_LIMIT; priority++) {
        do {
            error = realm_call_start_at(channel, (enum realm_priority)priority, 0, NULL, 0, REALM_FOREVER,
                                        note, &one, NULL);
            started += error == 0;
            if (error == REALM_E_QUEUE_FULL && started < 96)
                CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT); /* it takes 64 */
        } while (error == 0 || (error == REALM_E_QUEUE_FULL && started < 96));
        if (priority == REALM_NORMAL)
            CHECK_EQ(error, REALM_E_QUEUE_FULL);
    }
    CHECK_EQ(error, REALM_E_LIMIT);
    CHECK_EQ(started, REALM_PENDING_CALLS_MAX);
    CHECK_EQ(realm_calls_pending(channel), started);
    realm_disconnect(channel);
    unsigned ended = 0;
    while (realm_run_once(realm, REALM_POLL) == 0)
        ended++;
    CHECK_EQ(ended, started);
    CHECK_EQ(one.ended, started);
    realm_close(realm);
    return 0;
}

Test(pending, the_number_in_flight_is_bounded)
{
    /* Goal: a full queue and too many calls are told at once, nothing is lost of those that were started. */
    struct sim_world *world = sim_world_new(3);
    sim_world_add_realm(world, "client", greedy_client, NULL);
    sim_world_add_realm(world, "server", silent_server, NAMED("silent"));
    run_clean(world, 2);
    sim_world_free(world);
}
