/*
 * The event loop: timers, turns, handlers that do everything at once, and idleness.
 */
#include "tests/unit/client/twin.h"

/* --- timers --- */

struct trace {
    uint64_t start_ns;
    unsigned count;
    struct {
        char name;
        uint64_t at_ns;
    } fired[32];
    struct realm_timer *victim;
};

struct named {
    struct trace *trace;
    char name;
};

static void note(struct realm *realm, struct realm_timer *timer, void *context)
{
    (void)timer;
    struct named *named = context;
    struct trace *trace = named->trace;
    trace->fired[trace->count].name = named->name;
    trace->fired[trace->count++].at_ns = realm_now_ns(realm) - trace->start_ns;
}

static void note_and_cancel_self(struct realm *realm, struct realm_timer *timer, void *context)
{
    note(realm, timer, context);
    struct named *named = context;
    if (named->trace->count == 3)
        realm_timer_cancel(timer);
}

static void cancel_other(struct realm *realm, struct realm_timer *timer, void *context)
{
    note(realm, timer, context);
    struct named *named = context;
    realm_timer_cancel(named->trace->victim);
}

static void be_slow(struct realm *realm, struct realm_timer *timer, void *context)
{
    note(realm, timer, context);
    struct named *named = context;
    if (named->trace->count == 2) /* 25 ms of work in a grid of 10 */
        CHECK_EQ(realm_run_once(realm, 25 * REALM_MSEC), REALM_E_TIMEOUT);
    if (named->trace->count == 4)
        realm_stop(realm);
}

static void run_for(struct realm *realm, uint64_t time_ns)
{
    uint64_t end_ns = realm_now_ns(realm) + time_ns;
    while (realm_now_ns(realm) < end_ns) {
        int error = realm_run_once(realm, end_ns - realm_now_ns(realm));
        CHECK(error == 0 || error == REALM_E_TIMEOUT);
    }
}

static int timed(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct trace trace = {.start_ns = realm_now_ns(realm)};
    struct named a = {&trace, 'a'}, b = {&trace, 'b'}, c = {&trace, 'c'}, d = {&trace, 'd'};

    /* Equal deadlines in the order of their start; others by deadline. */
    CHECK_EQ(realm_timer_start(realm, 5 * REALM_MSEC, 0, note, &b, NULL), 0);
    CHECK_EQ(realm_timer_start(realm, 5 * REALM_MSEC, 0, note, &c, NULL), 0);
    CHECK_EQ(realm_timer_start(realm, 3 * REALM_MSEC, 0, note, &a, NULL), 0);
    CHECK_EQ(realm_timer_start(realm, 9 * REALM_MSEC, 0, note, &d, &trace.victim), 0);
    CHECK_EQ(realm_timer_start(realm, 8 * REALM_MSEC, 0, cancel_other, &a, NULL), 0);
    run_for(realm, 20 * REALM_MSEC);
    CHECK_EQ(trace.count, 4);
    const char order[] = "abca";
    const uint64_t times[] = {3, 5, 5, 8};
    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(trace.fired[i].name, order[i]);
        CHECK_EQ(trace.fired[i].at_ns, times[i] * REALM_MSEC);
    }

    /* A period that ends itself. */
    trace = (struct trace){.start_ns = realm_now_ns(realm)};
    CHECK_EQ(realm_timer_start(realm, REALM_MSEC, 2 * REALM_MSEC, note_and_cancel_self, &a, NULL), 0);
    run_for(realm, 20 * REALM_MSEC);
    CHECK_EQ(trace.count, 3);
    CHECK_EQ(trace.fired[2].at_ns, 5 * REALM_MSEC);

    /* A period that is late keeps its grid and makes up for nothing. */
    trace = (struct trace){.start_ns = realm_now_ns(realm)};
    CHECK_EQ(realm_timer_start(realm, 10 * REALM_MSEC, 10 * REALM_MSEC, be_slow, &a, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(trace.count, 4);
    const uint64_t grid[] = {10, 20, 50, 60};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(trace.fired[i].at_ns, grid[i] * REALM_MSEC);

    realm_timer_cancel(NULL);
    unsigned started = 1; /* the last one */
    while (realm_timer_start(realm, REALM_SEC, 0, note, &a, NULL) == 0)
        started++;
    CHECK_EQ(started, 1024);
    realm_close(realm);
    return 0;
}

Test(loop, timers_fire_in_order_and_on_time)
{
    /* Goal: order, periods on their grid, cancelling inside handlers, and the limit; with and without spin.
     */
    for (unsigned cpus = 1; cpus <= 2; cpus++) {
        struct sim_world *world = sim_world_new(1);
        sim_world_cpus(world, cpus);
        sim_world_add_realm(world, "timed", timed, NULL);
        run_clean(world, 1);
        sim_world_free(world);
    }
}

/* --- turns --- */

#define CROWD    100u
#define MESSAGES 10u

static int one_of_many(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "fair");
    for (uint64_t i = 0; i < MESSAGES; i++)
        CHECK_EQ(realm_send(channel, i, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_run_once(realm, 3 * REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int fair_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "fair", NULL, NULL, &endpoint), 0);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_endpoint_clients(endpoint), CROWD);
    static struct realm_request request;
    for (uint64_t round = 0; round < MESSAGES; round++) {
        bool seen[CROWD + 2] = {false};
        for (unsigned turn = 0; turn < CROWD; turn++) {
            CHECK_EQ(realm_receive(endpoint, &request, REALM_POLL), 0);
            CHECK_EQ(request.op, round);
            CHECK(request.client.value < CROWD + 2 && !seen[request.client.value]);
            seen[request.client.value] = true;
        }
    }
    CHECK_EQ(realm_receive(endpoint, &request, REALM_POLL), REALM_E_WOULD_BLOCK);
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    realm_close(realm);
    return 0;
}

Test(loop, a_hundred_clients_take_turns)
{
    /* Goal: nobody is served twice before everybody who waits was served once. */
    for (unsigned kind = REALM_WAITER_URING; kind <= REALM_WAITER_PIPE; kind++) {
        struct sim_world *world = sim_world_new(kind);
        sim_world_waiter(world, (enum realm_waiter_kind)kind);
        sim_world_add_realm(world, "server", fair_server, NULL);
        for (unsigned i = 0; i < CROWD; i++)
            sim_world_add_realm(world, "client", one_of_many, NULL);
        run_clean(world, CROWD + 1);
        sim_world_free(world);
    }
}

/* A client that keeps the loop awake for ever, and one that sleeps until many of its requests were served. */
struct busy {
    uint64_t served;
    bool done;
};

static void serve_busily(struct realm *realm, const struct realm_request *request, void *context)
{
    struct busy *busy = context;
    busy->served++;
    echo(realm, request, NULL);
}

static int busy_server(void *context)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "busy", serve_busily, context, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int busy_client(void *context)
{
    struct busy *busy = context;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "busy");
    while (!busy->done)
        CHECK_EQ(realm_send(channel, 1, NULL, 0, REALM_FOREVER), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int rare_client(void *context)
{
    struct busy *busy = context;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "busy");
    for (uint64_t op = 0; op < 5; op++) {
        call_echo(channel, op, 8);
        /* Long enough to be parked alone; time stands still here while somebody is busy. */
        uint64_t enough = busy->served + 2000;
        while (busy->served < enough)
            CHECK_EQ(realm_run_once(realm, REALM_POLL), REALM_E_WOULD_BLOCK);
    }
    busy->done = true;
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(loop, a_busy_client_starves_nobody)
{
    /* Goal: a parked client is served while another keeps the loop from ever sleeping. */
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_waiter(world, seed % 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        struct busy busy = {0};
        sim_world_add_realm(world, "server", busy_server, &busy);
        sim_world_add_realm(world, "hog", busy_client, &busy);
        sim_world_add_realm(world, "rare", rare_client, &busy);
        run_clean(world, 3);
        sim_world_free(world);
    }
}

/* --- handlers that do everything --- */

struct juggler {
    struct realm_endpoint *front, *back;
    struct realm_channel *channel;
    bool timer_fired;
};

static void mark(struct realm *realm, struct realm_timer *timer, void *context)
{
    (void)realm, (void)timer;
    *(bool *)context = true;
}

static void juggle(struct realm *realm, const struct realm_request *request, void *context)
{
    struct juggler *juggler = context;
    static struct realm_request other;
    struct realm_timer *timer = NULL;
    switch (request->op) {
    case 1: /* takes a request of its other endpoint, and calls a third realm */
        CHECK_EQ(realm_receive(juggler->back, &other, REALM_SEC), 0);
        call_echo(juggler->channel, 77, 50);
        CHECK_EQ(realm_reply(realm, other.token, 0, other.op, NULL, 0), 0);
        CHECK_EQ(realm_reply(realm, request->token, 0, 1, NULL, 0), 0);
        return;
    case 2: /* connects, disconnects, starts and cancels timers, runs the loop within the loop */
        realm_disconnect(juggler->channel);
        juggler->channel = connected(realm, "third");
        CHECK_EQ(realm_timer_start(realm, REALM_SEC, 0, mark, NULL, &timer), 0);
        realm_timer_cancel(timer);
        CHECK_EQ(realm_timer_start(realm, REALM_MSEC, 0, mark, &juggler->timer_fired, NULL), 0);
        while (!juggler->timer_fired)
            CHECK_EQ(realm_run_once(realm, REALM_SEC), 0);
        CHECK_EQ(realm_reply(realm, request->token, 0, 2, NULL, 0), 0);
        return;
    default: /* ends its own endpoint, and with it the client */
        realm_unregister(juggler->front);
        CHECK_EQ(realm_reply(realm, request->token, 0, 3, NULL, 0), REALM_E_STALE);
        CHECK_EQ(realm_register(realm, "front", juggle, juggler, &juggler->front), 0);
        return;
    }
}

static int juggling_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct juggler juggler = {0};
    juggler.channel = connected(realm, "third");
    CHECK_EQ(realm_register(realm, "back", NULL, NULL, &juggler.back), 0);
    CHECK_EQ(realm_register(realm, "front", juggle, &juggler, &juggler.front), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int back_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "back");
    CHECK_EQ(realm_call(channel, 5, NULL, 0, NULL, REALM_FOREVER), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int front_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "front");
    struct realm_reply reply = {0};
    for (uint64_t op = 1; op <= 2; op++) {
        CHECK_EQ(realm_call(channel, op, NULL, 0, &reply, REALM_FOREVER), 0);
        CHECK_EQ(reply.value, op);
    }
    CHECK_EQ(realm_call(channel, 3, NULL, 0, &reply, REALM_FOREVER), REALM_E_PEER_DEAD);
    realm_disconnect(channel);
    channel = connected(realm, "front");
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(loop, handlers_may_do_everything)
{
    /* Goal: a handler receives, calls, connects, runs the loop and ends its own endpoint; all stays sound. */
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_waiter(world, seed % 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        sim_world_add_realm(world, "juggler", juggling_server, NULL);
        sim_world_add_realm(world, "third", echo_server, NAMED("third"));
        sim_world_add_realm(world, "back", back_client, NULL);
        sim_world_add_realm(world, "front", front_client, NULL);
        run_clean(world, 4);
        sim_world_free(world);
    }
}

/* --- idleness, being stopped, being asked --- */

static int idle_watcher(void *argument)
{
    struct sim_world *world = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "idle");
    call_echo(channel, 1, 64);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    struct sim_counters before = sim_realm_counters(world, 0);
    CHECK_EQ(realm_run_once(realm, 3600 * REALM_SEC), REALM_E_TIMEOUT);
    struct sim_counters after = sim_realm_counters(world, 0);
    CHECK_EQ(after.steps, before.steps);
    CHECK_EQ(after.waits, before.waits);
    call_echo(channel, 2, 64);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(loop, an_idle_realm_is_never_woken)
{
    /* Goal: a server with a quiet client takes no step in an hour, and serves it at once after. */
    for (unsigned kind = REALM_WAITER_URING; kind <= REALM_WAITER_PIPE; kind++) {
        struct sim_world *world = sim_world_new(kind);
        sim_world_waiter(world, (enum realm_waiter_kind)kind);
        sim_world_add_realm(world, "server", echo_server, NAMED("idle"));
        sim_world_add_realm(world, "watcher", idle_watcher, world);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int stopped_realm(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "own", NULL, NULL, &endpoint), 0);
    struct realm_channel *channel = connected(realm, "echo");
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(realm_now_ns(realm), REALM_SEC);
    /* It may still finish what it has begun on open channels. */
    call_echo(channel, 1, 64);
    static struct realm_request request;
    struct realm_channel *none = NULL;
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    CHECK_EQ(realm_run_once(realm, REALM_FOREVER), REALM_E_STOPPED);
    CHECK_EQ(realm_connect(realm, "echo", REALM_FOREVER, &none), REALM_E_STOPPED);
    CHECK_EQ(realm_run(realm), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int waiting_realm(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *none = NULL;
    CHECK_EQ(realm_connect(realm, "never", REALM_FOREVER, &none), REALM_E_STOPPED);
    CHECK_EQ(realm_now_ns(realm), 2 * REALM_SEC);
    realm_log(realm, "two\nlines %d\n", 5);
    realm_close(realm);
    return 0;
}

Test(loop, stop_ends_every_wait)
{
    /* Goal: STOP ends run, receive and connect; calls on open channels still go through. */
    struct sim_world *world = sim_world_new(9);
    sim_world_cpus(world, 1);
    sim_world_add_realm(world, "echo", echo_server, NAMED("echo"));
    unsigned stopped = sim_world_add_realm(world, "stopped", stopped_realm, NULL);
    unsigned waiting = sim_world_add_realm(world, "waiting", waiting_realm, NULL);
    sim_query_at(world, 0, REALM_SEC + REALM_MSEC);
    sim_stop_at(world, stopped, REALM_SEC);
    sim_stop_at(world, waiting, 2 * REALM_SEC);
    run_clean(world, 3);
    CHECK_EQ(sim_realm_stats(world, 0).requests, 1);
    CHECK_EQ(sim_realm_stats(world, 0).lost_wakes, 0);
    size_t size;
    const char *log = sim_world_log(world, &size);
    CHECK(memmem(log, size, "says two lines 5\n", 17) != NULL);
    sim_world_free(world);
}

/* --- the twin itself --- */

static int waits_for_ever(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "nobody's", NULL, NULL, &endpoint), 0);
    static struct realm_request request;
    realm_receive(endpoint, &request, REALM_FOREVER);
    return 0;
}

Test(loop, a_deadlock_is_reported)
{
    /* Goal: a world in which nothing can happen any more ends and says so; it does not hang. */
    struct sim_world *world = sim_world_new(1);
    unsigned realm = sim_world_add_realm(world, "waiter", waits_for_ever, NULL);
    sim_kill_at_step(world, realm, UINT64_MAX); /* it is left in the middle */
    CHECK_EQ(sim_world_run(world), SIM_DEADLOCK);
    sim_world_free(world);
}
