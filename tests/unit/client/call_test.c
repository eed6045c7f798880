/*
 * Calls, one-way messages, replies and deadlines between realms of the twin.
 */
#include "tests/unit/client/twin.h"

/* --- two realms call each other --- */

#define ROUNDS 20u

static int first_caller(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "first", echo, NULL, NULL), 0);
    struct realm_channel *channel = connected(realm, "second");
    for (uint64_t op = 0; op < ROUNDS; op++)
        call_echo(channel, op, (size_t)(op * 211u) % 4097u);
    CHECK_EQ(realm_send(channel, 1000, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static void call_back(struct realm *realm, const struct realm_request *request, void *context)
{
    struct realm_channel **channel = context;
    if (request->token) {
        echo(realm, request, NULL);
        return;
    }
    CHECK_EQ(request->op, 1000);
    for (uint64_t op = 0; op < ROUNDS; op++)
        call_echo(*channel, op, 64);
    realm_stop(realm);
}

static int second_caller(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = NULL;
    CHECK_EQ(realm_register(realm, "second", call_back, &channel, NULL), 0);
    channel = connected(realm, "first");
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static struct sim_world *two_callers(uint64_t seed, enum realm_waiter_kind waiter, unsigned cpus)
{
    struct sim_world *world = sim_world_new(seed);
    sim_world_waiter(world, waiter);
    sim_world_cpus(world, cpus);
    unsigned first = sim_world_add_realm(world, "first", first_caller, NULL);
    sim_world_add_realm(world, "second", second_caller, NULL);
    sim_stop_at(world, first, REALM_SEC);
    run_clean(world, 2);
    return world;
}

Test(call, one_seed_is_one_run)
{
    /* Goal: the same seed gives the same log, byte for byte. */
    struct sim_world *once = two_callers(7, REALM_WAITER_URING, 2);
    struct sim_world *again = two_callers(7, REALM_WAITER_URING, 2);
    size_t once_size, again_size;
    const char *once_log = sim_world_log(once, &once_size);
    const char *again_log = sim_world_log(again, &again_size);
    CHECK_EQ(once_size, again_size);
    CHECK(memcmp(once_log, again_log, once_size) == 0);
    struct sim_world *other = two_callers(8, REALM_WAITER_URING, 2);
    size_t other_size;
    const char *other_log = sim_world_log(other, &other_size);
    CHECK(other_size != once_size || memcmp(once_log, other_log, once_size) != 0);
    sim_world_free(once);
    sim_world_free(again);
    sim_world_free(other);
}

Test(call, every_interleaving_ends_well)
{
    /* Goal: calls in both directions end well under 200 schedules of each waiter, spinning or not. */
    for (uint64_t seed = 0; seed < 200; seed++) {
        sim_world_free(two_callers(seed, REALM_WAITER_URING, seed % 2 + 1));
        sim_world_free(two_callers(seed, REALM_WAITER_PIPE, seed % 2 + 1));
    }
}

/* --- deadlines --- */

/* Takes requests and never replies; stays awake for nothing. */
static int silent_server(void *service)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    static struct realm_request request;
    int error;
    while ((error = realm_receive(endpoint, &request, REALM_FOREVER)) == 0)
        ;
    CHECK_EQ(error, REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int impatient_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "silent");
    struct realm_channel *none = NULL;

    uint64_t start_ns = realm_now_ns(realm);
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, 5 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_now_ns(realm), start_ns + 5 * REALM_MSEC);

    start_ns = realm_now_ns(realm);
    CHECK_EQ(realm_connect(realm, "nobody", 7 * REALM_MSEC, &none), REALM_E_TIMEOUT);
    CHECK_EQ(realm_now_ns(realm), start_ns + 7 * REALM_MSEC);
    CHECK(none == NULL);

    start_ns = realm_now_ns(realm);
    CHECK_EQ(realm_run_once(realm, 9 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_now_ns(realm), start_ns + 9 * REALM_MSEC);

    start_ns = realm_now_ns(realm);
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_POLL), REALM_E_TIMEOUT);
    CHECK_EQ(realm_run_once(realm, REALM_POLL), REALM_E_WOULD_BLOCK);
    CHECK_EQ(realm_now_ns(realm), start_ns);
    CHECK_EQ(realm_connect(realm, "nobody", REALM_POLL, &none), REALM_E_NO_SERVICE);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(call, deadlines_are_exact)
{
    /* Goal: every blocking operation ends at its deadline, to the nanosecond, whether it spins or not. */
    for (unsigned cpus = 1; cpus <= 2; cpus++) {
        struct sim_world *world = sim_world_new(cpus);
        sim_world_cpus(world, cpus);
        sim_world_add_realm(world, "server", silent_server, NAMED("silent"));
        sim_world_add_realm(world, "client", impatient_client, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int retrying_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = NULL;
    int error, tries = 0;
    /* More often than a broker would let connects pile up. */
    while ((error = realm_connect(realm, "late", 10 * REALM_MSEC, &channel)) == REALM_E_TIMEOUT)
        tries++;
    CHECK_EQ(error, 0);
    CHECK(tries > 50);
    call_echo(channel, 5, 10);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int late_server(void *service)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_register(realm, service, echo, NULL, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

Test(call, a_retried_connect_is_one_connect)
{
    /* Goal: connects that time out are taken over by the next one, not asked again. */
    struct sim_world *world = sim_world_new(3);
    sim_world_add_realm(world, "server", late_server, NAMED("late"));
    unsigned client = sim_world_add_realm(world, "client", retrying_client, NULL);
    run_clean(world, 2);
    CHECK(sim_realm_counters(world, client).control < 10);
    sim_world_free(world);
}

/* --- full queues, order, sizes --- */

struct tally {
    uint64_t next;
};

static void in_order(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)realm;
    struct tally *tally = context;
    CHECK_EQ(request->token, 0);
    CHECK_EQ(request->op, tally->next);
    CHECK_EQ(request->size, (uint32_t)(tally->next * 97u % 4097u));
    for (uint32_t i = 0; i < request->size; i++)
        CHECK_EQ(request->data[i], (uint8_t)(tally->next + i));
    tally->next++;
}

#define STREAM 400u

static int ordered_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct tally tally = {0};
    CHECK_EQ(realm_register(realm, "ordered", in_order, &tally, NULL), 0);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), 0); /* the client fills the queue first */
    while (tally.next < STREAM)
        CHECK_EQ(realm_run_once(realm, REALM_SEC), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int streaming_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "ordered");
    static uint8_t data[REALM_PAYLOAD_MAX];
    for (uint64_t op = 0; op < STREAM; op++) {
        size_t size = (size_t)(op * 97u % 4097u);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)(op + i);
        CHECK_EQ(realm_send(channel, op, data, size, REALM_FOREVER), 0);
    }
    /* What is not received yet is lost with the channel. */
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(call, messages_arrive_in_order_and_whole)
{
    /* Goal: one-way messages of all sizes arrive in order, with the sender waiting for room many times. */
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        sim_world_add_realm(world, "server", ordered_server, NULL);
        sim_world_add_realm(world, "client", streaming_client, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int sleeping_server(void *service)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    static struct realm_request request;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    /* An endpoint without a handler is no business of realm_run_once. */
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    uint64_t expected = 0;
    while (realm_receive(endpoint, &request, REALM_POLL) == 0)
        CHECK_EQ(request.op, expected++);
    CHECK_EQ(expected, 32);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int filling_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "sleeping");
    static uint8_t data[REALM_PAYLOAD_MAX + 1u];
    CHECK_EQ(realm_send(channel, 0, data, sizeof data, REALM_POLL), REALM_E_TOO_BIG);
    CHECK_EQ(realm_call(channel, 0, data, sizeof data, NULL, REALM_POLL), REALM_E_TOO_BIG);
    for (uint64_t op = 0; op < 32; op++)
        CHECK_EQ(realm_send(channel, op, NULL, 0, REALM_POLL), 0);
    CHECK_EQ(realm_send(channel, 32, NULL, 0, REALM_POLL), REALM_E_QUEUE_FULL);
    CHECK_EQ(realm_call(channel, 32, NULL, 0, NULL, REALM_POLL), REALM_E_QUEUE_FULL);
    uint64_t start_ns = realm_now_ns(realm);
    CHECK_EQ(realm_send(channel, 32, NULL, 0, 3 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_now_ns(realm), start_ns + 3 * REALM_MSEC);
    CHECK_EQ(realm_run_once(realm, 2 * REALM_SEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_send(channel, 33, NULL, 0, REALM_POLL), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(call, a_full_queue_says_so)
{
    /* Goal: the limit of messages holds, polling and waiting, and nothing of a refused one arrives. */
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "server", sleeping_server, NAMED("sleeping"));
    sim_world_add_realm(world, "client", filling_client, NULL);
    run_clean(world, 2);
    sim_world_free(world);
}

static int short_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "echo");
    uint8_t back[8] = {0};
    struct realm_reply reply = {.data = back, .capacity = sizeof back};
    CHECK_EQ(realm_call(channel, 1, "0123456789", 10, &reply, REALM_FOREVER), REALM_E_SHORT);
    CHECK_EQ(reply.size, 10);
    CHECK(memcmp(back, "01234567", 8) == 0);
    reply = (struct realm_reply){0};
    CHECK_EQ(realm_call(channel, 1, "0123456789", 10, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.size, 10);
    CHECK_EQ(realm_call(channel, 1, "0123456789", 10, NULL, REALM_FOREVER), 0);
    realm_disconnect(channel);
    realm_disconnect(NULL);
    realm_close(realm);
    return 0;
}

Test(call, a_reply_is_cut_to_the_callers_buffer)
{
    /* Goal: a longer reply is cut and says its true size; who wants no payload gets no error. */
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "server", echo_server, NAMED("echo"));
    sim_world_add_realm(world, "client", short_client, NULL);
    run_clean(world, 2);
    sim_world_free(world);
}

/* --- a long call --- */

#define LONG_NS (10 * REALM_SEC)

static uint64_t asked;

static void reply_now(struct realm *realm, struct realm_timer *timer, void *context)
{
    (void)timer, (void)context;
    CHECK_EQ(realm_reply(realm, asked, 0, 0, NULL, 0), 0);
}

static void reply_later(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)context;
    asked = request->token;
    CHECK_EQ(realm_timer_start(realm, LONG_NS, 0, reply_now, NULL, NULL), 0);
}

static int slow_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "slow", reply_later, NULL, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int patient_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "slow");
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, REALM_FOREVER), 0);
    CHECK_EQ(realm_call(channel, 1, NULL, 0, NULL, LONG_NS / 2), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(call, interruptions_are_not_the_peers)
{
    /* Goal: thousands of interruptions of one sleep accuse nobody, end no call and keep no deadline from it.
     */
    struct sim_world *world = sim_world_new(1);
    sim_interrupt_every(world, REALM_MSEC);
    sim_world_add_realm(world, "server", slow_server, NULL);
    unsigned client = sim_world_add_realm(world, "client", patient_client, NULL);
    run_clean(world, 2);
    cr_assert_gt(sim_realm_counters(world, client).waits, 14000u);
    sim_world_free(world);
}
