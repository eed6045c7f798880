/*
 * Priorities: the order in which a service gets what its clients have queued, the bound on waiting, and the
 * urgency that travels with nested calls.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/internal.h"

/* Lets virtual time pass in a realm that serves nobody meanwhile. */
static void pass(struct realm *realm, uint64_t time_ns)
{
    CHECK_EQ(realm_run_once(realm, time_ns), REALM_E_TIMEOUT);
}

static struct realm_endpoint *registered(struct realm *realm, const char *service)
{
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, service, NULL, NULL, &endpoint), 0);
    return endpoint;
}

/* --- strict order --- */

/* Fills all four queues, the least urgent first, and finds each of them full by itself. */
static int filler(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, argument);
    for (unsigned priority = 0; priority < REALM_QUEUES; priority++) {
        for (uint64_t i = 0; i < REALM_QUEUE_MESSAGES; i++)
            CHECK_EQ(realm_send_at(channel, (enum realm_priority)priority, priority << 8 | i, NULL, 0, 0), 0);
        CHECK_EQ(realm_send_at(channel, (enum realm_priority)priority, 0, NULL, 0, 0), REALM_E_QUEUE_FULL);
    }
    CHECK_EQ(realm_send_at(channel, (enum realm_priority)4, 0, NULL, 0, 0), REALM_E_BAD_ARGUMENT);
    CHECK_EQ(realm_call_at(channel, (enum realm_priority) - 1, 0, NULL, 0, NULL, 0), REALM_E_BAD_ARGUMENT);
    pass(realm, REALM_SEC);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int orderly(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "orderly");
    pass(realm, 100 * REALM_MSEC);
    struct realm_request request;
    for (int priority = REALM_CRITICAL; priority >= REALM_LOW; priority--) {
        for (uint64_t i = 0; i < REALM_QUEUE_MESSAGES; i++) {
            CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), 0);
            CHECK_EQ(request.op, (uint64_t)priority << 8 | i);
            CHECK_EQ(request.priority, priority);
        }
    }
    CHECK_EQ(realm_receive(endpoint, &request, REALM_POLL), REALM_E_WOULD_BLOCK);
    realm_close(realm);
    return 0;
}

Test(priority, strict_between_them_and_first_in_first_out_within)
{
    /* Goal: 32 of each priority fit, whatever the others hold; the 33rd does not; all come out, the most
     * urgent first, each priority in the order of sending. */
    for (unsigned cpus = 1; cpus <= 2; cpus++) {
        struct sim_world *world = sim_world_new(cpus);
        sim_world_cpus(world, cpus);
        sim_world_add_realm(world, "server", orderly, NULL);
        sim_world_add_realm(world, "client", filler, NAMED("orderly"));
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- turns --- */

#define PEERS 5u

/* Keeps its Normal and High queues full: 200 of each, with its own number as the tag. */
static int insistent(void *argument)
{
    const uint64_t number = *(const uint64_t *)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "turns");
    for (unsigned i = 0; i < 200; i++) {
        CHECK_EQ(realm_send(channel, number, NULL, 0, REALM_FOREVER), 0);
        CHECK_EQ(realm_send_at(channel, REALM_HIGH, number, NULL, 0, REALM_FOREVER), 0);
    }
    pass(realm, 10 * REALM_SEC);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int turns(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "turns");
    pass(realm, 100 * REALM_MSEC);
    unsigned counts[REALM_QUEUES][PEERS] = {{0}};
    struct realm_request request;
    /* As long as everybody has something of the priority in question: 32 were there at the start. */
    for (unsigned i = 0; i < 2 * PEERS * REALM_QUEUE_MESSAGES; i++) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), 0);
        unsigned *of_class = counts[request.priority];
        of_class[request.op]++;
        unsigned least = UINT32_MAX, most = 0;
        for (unsigned peer = 0; peer < PEERS; peer++) {
            least = of_class[peer] < least ? of_class[peer] : least;
            most = of_class[peer] > most ? of_class[peer] : most;
        }
        if (i < PEERS * REALM_QUEUE_MESSAGES)
            CHECK(most - least <= 1);
    }
    while (realm_receive(endpoint, &request, REALM_SEC) == 0)
        counts[request.priority][request.op]++;
    for (unsigned peer = 0; peer < PEERS; peer++) {
        CHECK_EQ(counts[REALM_NORMAL][peer], 200);
        CHECK_EQ(counts[REALM_HIGH][peer], 200);
    }
    realm_close(realm);
    return 0;
}

Test(priority, clients_take_turns_within_a_priority)
{
    /* Goal: among clients that all have something of one priority, none is ever more than one ahead. */
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct sim_world *world = sim_world_new(seed);
        uint64_t numbers[PEERS];
        sim_world_add_realm(world, "server", turns, NULL);
        static const char *const names[PEERS] = {"a", "b", "c", "d", "e"};
        for (uint64_t i = 0; i < PEERS; i++) {
            numbers[i] = i;
            sim_world_add_realm(world, names[i], insistent, &numbers[i]);
        }
        run_clean(world, 1 + PEERS);
        sim_world_free(world);
    }
}

/* --- the bound --- */

static int patient(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "bound");
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(realm_send_at(channel, REALM_LOW, 1, NULL, 0, REALM_FOREVER), 0);
        CHECK_EQ(realm_send_at(channel, REALM_NORMAL, 2, NULL, 0, REALM_FOREVER), 0);
    }
    pass(realm, 60 * REALM_SEC);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int pushy(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "bound");
    for (unsigned i = 0; i < 8000; i++)
        CHECK_EQ(realm_send_at(channel, REALM_CRITICAL, 3, NULL, 0, REALM_FOREVER), 0);
    pass(realm, 10 * REALM_SEC);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int bounded(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "bound");
    pass(realm, 100 * REALM_MSEC);
    unsigned since[4] = {0}, got[4] = {0};
    struct realm_request request;
    while (got[1] < 3 || got[2] < 3) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_SEC), 0);
        got[request.op]++;
        since[request.op] = 0;
        for (unsigned op = 1; op <= 2; op++) {
            if (got[op] < 3)
                CHECK(++since[op] <= 1024 + 3);
        }
        if (got[1] + got[2] < 2)
            CHECK(got[1] + got[2] == 0 || got[3] >= 1024);
    }
    /* The two come one right behind the other, and each goes before the other, too. */
    CHECK(got[3] > 3 * 1024 - 6 && got[3] <= 3 * 1024);
    while (realm_receive(endpoint, &request, REALM_SEC) == 0)
        ;
    realm_close(realm);
    return 0;
}

Test(priority, nobody_waits_for_ever)
{
    /* Goal: beside an endless stream of Critical requests each lower priority gets one in 1024, and not
     * earlier.
     */
    struct sim_world *world = sim_world_new(3);
    sim_world_cpus(world, 1); /* nobody spins, so that the stream does not break off */
    sim_world_add_realm(world, "server", bounded, NULL);
    sim_world_add_realm(world, "patient", patient, NULL);
    sim_world_add_realm(world, "pushy", pushy, NULL);
    run_clean(world, 3);
    sim_world_free(world);
}

/* --- inheritance --- */

struct stage {
    const char *service, *next; /* next: whom its handler calls; NULL: it receives by itself, late */
    struct realm_channel *channel;
    unsigned served;
    uint64_t first_op; /* what the last stage got first, and as what */
    enum realm_priority first_priority;
    enum realm_priority priorities[4];
};

static void pass_on(struct realm *realm, const struct realm_request *request, void *context)
{
    struct stage *stage = context;
    stage->priorities[stage->served++ % 4] = request->priority;
    CHECK_EQ(realm_call(stage->channel, request->op, NULL, 0, NULL, 10 * REALM_SEC), 0);
    CHECK_EQ(realm_reply(realm, request->token, 0, 0, NULL, 0), 0);
}

static int middle(void *argument)
{
    struct stage *stage = argument;
    struct realm *realm = opened();
    stage->channel = connected(realm, stage->next);
    CHECK_EQ(realm_register(realm, stage->service, pass_on, stage, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int last(void *argument)
{
    struct stage *stage = argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, stage->service);
    pass(realm, 100 * REALM_MSEC);
    struct realm_request request;
    for (unsigned i = 0; realm_receive(endpoint, &request, REALM_SEC) == 0; i++) {
        if (i == 0) {
            stage->first_op = request.op;
            stage->first_priority = request.priority;
        }
        if (request.token)
            CHECK_EQ(realm_reply(realm, request.token, 0, 0, NULL, 0), 0);
    }
    realm_close(realm);
    return 0;
}

/* Twenty High messages wait at the last stage before anything else. */
static int crowd(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, argument);
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(realm_send_at(channel, REALM_HIGH, 7, NULL, 0, 0), 0);
    pass(realm, 2 * REALM_SEC);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

struct asker {
    enum realm_priority priority;
    uint64_t at_ns, op;
};

static int asker(void *argument)
{
    const struct asker *asker = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "first");
    pass(realm, asker->at_ns);
    CHECK_EQ(realm_call_at(channel, asker->priority, asker->op, NULL, 0, NULL, 10 * REALM_SEC), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

/* A chain first -> ... -> last, a Low caller at 10 ms, perhaps a Critical one at 20 ms. */
static void run_chain(uint64_t seed, unsigned stages, enum realm_waiter_kind waiter, bool critical,
                      struct stage *ret_last)
{
    struct sim_world *world = sim_world_new(seed);
    sim_world_waiter(world, waiter);
    sim_world_cpus(world, 1 + (unsigned)seed % 2);
    struct stage all[] = {
        {.service = "first", .next = stages == 3 ? "second" : "last"},
        {.service = "second", .next = "last"},
        {.service = "last"},
    };
    struct asker low = {REALM_LOW, 10 * REALM_MSEC, 1}, urgent = {REALM_CRITICAL, 20 * REALM_MSEC, 2};
    sim_world_add_realm(world, "last", last, &all[2]);
    sim_world_add_realm(world, "first", middle, &all[0]);
    unsigned realms = 2;
    if (stages == 3)
        sim_world_add_realm(world, "second", middle, &all[1]), realms++;
    sim_world_add_realm(world, "crowd", crowd, NAMED("last"));
    sim_world_add_realm(world, "low", asker, &low);
    realms += 2;
    if (critical)
        sim_world_add_realm(world, "critical", asker, &urgent), realms++;
    run_clean(world, realms);
    CHECK_EQ(all[0].priorities[0], REALM_LOW);
    if (critical)
        CHECK_EQ(all[0].priorities[1], REALM_CRITICAL);
    if (critical && stages == 3)
        CHECK_EQ(all[1].priorities[1], REALM_CRITICAL);
    *ret_last = all[2];
    sim_world_free(world);
}

Test(priority, nested_calls_inherit_and_are_raised)
{
    /* Goal: a call made while serving is as urgent as what is served; a Critical request that comes behind it
     * raises it, through any number of servers, before all that waits at the end of the chain. */
    struct stage end;
    for (uint64_t seed = 0; seed < 20; seed++) {
        const enum realm_waiter_kind waiter = seed / 2 % 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING;
        for (unsigned stages = 2; stages <= 3; stages++) {
            run_chain(seed, stages, waiter, false, &end);
            CHECK_EQ(end.first_op, 7);
            run_chain(seed, stages, waiter, true, &end);
            CHECK_EQ(end.first_op, 1);
            CHECK_EQ(end.first_priority, REALM_CRITICAL);
        }
    }
}

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

/* How urgent a call is there that asks for no more than Low. */
static enum realm_priority arrives_as(struct realm_channel *channel)
{
    struct realm_reply reply = {0};
    CHECK_EQ(realm_call_at(channel, REALM_LOW, 1, NULL, 0, &reply, REALM_SEC), 0);
    return (enum realm_priority)reply.value;
}

static int mixed_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "many");
    CHECK_EQ(realm_send_at(channel, REALM_LOW, 1, NULL, 0, REALM_SEC), 0);
    CHECK_EQ(realm_send_at(channel, REALM_HIGH, 2, NULL, 0, REALM_SEC), 0);
    CHECK_EQ(realm_call_at(channel, REALM_LOW, 3, NULL, 0, NULL, 10 * REALM_SEC), 0);
    CHECK_EQ(realm_call_at(channel, REALM_LOW, 4, NULL, 0, NULL, 10 * REALM_SEC), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int takes_many(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "many");
    struct realm_channel *channel = connected(realm, "told");
    struct realm_request *requests = calloc(4, sizeof *requests);
    CHECK(requests != NULL);
    size_t count = 0;
    pass(realm, 100 * REALM_MSEC);
    CHECK_EQ(realm_receive_many(endpoint, requests, 4, REALM_SEC, &count), 0);
    CHECK_EQ(count, 3);
    CHECK(requests[0].op == 2 && requests[1].op == 1 && requests[2].op == 3);
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(arrives_as(channel), REALM_HIGH);
    CHECK_EQ(realm_reply(realm, requests[2].token, 0, 0, NULL, 0), 0);
    CHECK_EQ(arrives_as(channel), REALM_HIGH); /* the others are not done for that */
    CHECK_EQ(realm_receive_many(endpoint, requests, 4, REALM_SEC, &count), 0);
    CHECK(count == 1 && requests[0].op == 4);
    CHECK_EQ(arrives_as(channel), REALM_LOW);
    CHECK_EQ(realm_reply(realm, requests[0].token, 0, 0, NULL, 0), 0);
    free(requests);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(priority, what_is_taken_together_is_as_urgent_as_the_most_urgent)
{
    /* Goal: a call made while several requests are due is as urgent as the most urgent of them, whichever was
     * taken last or answered first, and the next receive ends that. */
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, 1 + (unsigned)seed % 2);
        sim_world_add_realm(world, "told", telling_server, NAMED("told"));
        sim_world_add_realm(world, "many", takes_many, NULL);
        sim_world_add_realm(world, "client", mixed_client, NULL);
        run_clean(world, 3);
        sim_world_free(world);
    }
}

/* --- lies --- */

static int liar(void *argument)
{
    const unsigned lie = *(const unsigned *)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "bound");
    struct realm_region *own = channel->link.own;
    int error = 0;
    for (unsigned i = 0; i < 4000 && !error; i++) {
        if (lie == 0)
            own->boost = UINT32_MAX - i;
        if (lie == 1)
            own->marks |= realm_marks_of(REALM_NORMAL, i + 1);
        if (lie == 2 && i == 2000)
            own->marks = realm_marks_of(REALM_LOW, 40000);
        error = realm_send(channel, 3, NULL, 0, REALM_SEC);
    }
    CHECK_EQ(error, lie == 2 ? REALM_E_PEER_FAULT : 0);
    pass(realm, 10 * REALM_SEC);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int sink(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = registered(realm, "bound");
    struct realm_request request;
    unsigned honest = 0;
    while (realm_receive(endpoint, &request, REALM_SEC) == 0)
        honest += request.op != 3;
    CHECK_EQ(honest, 6);
    realm_close(realm);
    return 0;
}

Test(priority, liars_gain_no_more_than_critical)
{
    /* Goal: a false boost is at most Critical; a false mark is ignored (Normal has none) or ends the channel;
     * the other client gets its turns as beside any stream of Critical requests. */
    for (unsigned lie = 0; lie < 3; lie++) {
        struct sim_world *world = sim_world_new(lie);
        sim_world_cpus(world, 1);
        unsigned told = lie;
        unsigned server = sim_world_add_realm(world, "server", lie == 0 ? bounded : sink, NULL);
        unsigned client = sim_world_add_realm(world, "patient", patient, NULL);
        sim_world_add_realm(world, "liar", liar, &told);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, server), 0);
        CHECK_EQ(sim_realm_exit(world, client), 0);
        CHECK_EQ(sim_realm_counters(world, server).faults, lie == 2);
        sim_world_free(world);
    }
}
