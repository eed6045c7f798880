/*
 * The measuring realms.
 *
 * A latency is measured in rounds, and each round takes the floor and the call one after the other, so that a
 * noisy neighbour hits both. The result is the median over the rounds of the ratio of their medians: the
 * times swing with the machine's load, the ratio hardly does. Each round trip is timed by itself, at the cost
 * of one look at the clock in both.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/floors.h"
#include "bench/histogram.h"

#define ROUNDS   29u
#define DEADLINE (5 * REALM_SEC)

static int connect_to(struct realm *realm, struct realm_channel **ret_channel)
{
    int error = realm_connect(realm, "bench", DEADLINE, ret_channel);

    if (error != 0)
        realm_log(realm, "connect: %s", realm_error_text(error));
    return error;
}

/* One round trip of 64 bytes each way. Return: 0; 1: a wrong answer; a code of realm_call's. */
static int echo_once(struct realm_channel *channel, uint32_t number)
{
    uint32_t words[BENCH_WORDS], answer[BENCH_WORDS];
    struct realm_reply reply = {.data = answer, .capacity = sizeof answer};
    int error;

    words[0] = number;
    floor_fill(words + 1, BENCH_WORDS - 1, number);
    error = realm_call(channel, BENCH_ECHO, words, sizeof words, &reply, DEADLINE);
    if (error != 0)
        return error;
    return reply.status != 0 || reply.size != sizeof answer || answer[0] != ~number ||
           floor_check(answer + 1, BENCH_WORDS - 1, ~number) != 0;
}

int caller_echo(struct realm *realm, struct realm_channel *channel, uint32_t count)
{
    for (uint32_t number = 0; number < count; number++) {
        int error = echo_once(channel, number);
        if (error != 0) {
            realm_log(realm, "call %u: %s", number, error == 1 ? "wrong answer" : realm_error_text(error));
            return 1;
        }
    }
    return 0;
}

/* How a case measures: against which floor, how many round trips a round, and the pause before each. */
struct method {
    enum floor_kind kind;
    uint32_t count;
    uint64_t pause_ns;
};

static int measure_calls(struct realm_channel *channel, const struct method *method,
                         struct histogram *histogram)
{
    uint64_t after = floor_now_ns();

    for (uint32_t number = 0; number < method->count; number++) {
        uint64_t before = floor_pause(after, method->pause_ns);
        int error = echo_once(channel, number);
        after = floor_now_ns();
        if (error != 0)
            return error;
        histogram_add(histogram, after - before);
    }
    return 0;
}

static int measure_floor(struct realm_channel *channel, struct floor_page *page, const struct method *method,
                         struct histogram *histogram)
{
    uint8_t request[8];
    struct realm_reply reply = {.data = NULL};
    struct realm_pack pack;
    int error;

    floor_reset(page);
    realm_pack_init(&pack, request, sizeof request);
    realm_pack_u32(&pack, (uint32_t)method->kind);
    realm_pack_u32(&pack, method->count);
    error = realm_call(channel, BENCH_FLOOR, request, pack.size, &reply, DEADLINE);
    if (error != 0 || reply.status != 0)
        return 1;
    return floor_ask(page, method->kind, method->count, method->pause_ns, histogram);
}

/* Calls against one floor. The result's name and goal are given; the figures are filled in. */
static int compare(struct realm *realm, struct realm_channel *channel, struct floor_page *page,
                   const struct method *method, struct result *result)
{
    static struct histogram floor, calls; /* large, and this program's only ones */
    double floors[ROUNDS], values[ROUNDS], ratios[ROUNDS], low, high;

    if (caller_echo(realm, channel, method->count) != 0) /* warm up */
        return 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        histogram_clear(&floor);
        histogram_clear(&calls);
        if (measure_floor(channel, page, method, &floor) != 0 ||
            measure_calls(channel, method, &calls) != 0) {
            realm_log(realm, "round %u: a round trip failed", round);
            return 1;
        }
        floors[round] = histogram_quantile(&floor, 0.5);
        values[round] = histogram_quantile(&calls, 0.5);
        ratios[round] = values[round] / floors[round];
    }
    result_quartiles(floors, ROUNDS, &low, &result->floor, &high);
    result_quartiles(values, ROUNDS, &low, &result->value, &high);
    result_quartiles(ratios, ROUNDS, &result->ratio_low, &result->ratio, &result->ratio_high);
    return 0;
}

static int caller_compare(struct realm *realm, const struct method *method, struct result *result)
{
    struct realm_channel *channel;
    int fd = realm_file(realm, "floor");
    struct floor_page *page = fd >= 0 ? floor_map(fd) : NULL;

    if (page == NULL || connect_to(realm, &channel) != 0)
        return 1;
    if (compare(realm, channel, page, method, result) != 0)
        return 1;
    bench_result(realm, result);
    return 0;
}

int caller_awake(struct realm *realm)
{
    struct result result = {
        .name = "64-byte call, two cores, both awake", .unit = "ns", .about = RESULT_GOAL_RATIO, .goal = 2.0};

    return caller_compare(realm, &(struct method){.kind = FLOOR_SPIN, .count = 20000}, &result);
}

int caller_parked(struct realm *realm)
{
    struct result result = {
        .name = "64-byte call, one core, parked", .unit = "ns", .about = RESULT_GOAL_RATIO, .goal = 1.6};

    return caller_compare(realm, &(struct method){.kind = FLOOR_FUTEX, .count = 2000}, &result);
}

int caller_asleep(struct realm *realm)
{
    struct result result = {.name = "64-byte call, two cores, after 1 ms of sleep", .unit = "ns"};
    const struct method method = {.kind = FLOOR_FUTEX, .count = 40, .pause_ns = REALM_MSEC};

    return caller_compare(realm, &method, &result);
}

/* Connects and disconnects, with a pause before each in which all realms and the Memory Manager go to sleep.
 */
static int measure_connects(struct realm *realm, uint64_t pause_ns, struct histogram *connects,
                            struct histogram *cycles)
{
    uint64_t after = floor_now_ns();

    histogram_clear(connects);
    histogram_clear(cycles);
    for (unsigned i = 0; i < 500; i++) {
        struct realm_channel *channel;
        uint64_t begin = floor_pause(after, pause_ns);
        if (connect_to(realm, &channel) != 0)
            return 1;
        histogram_add(connects, floor_now_ns() - begin);
        realm_disconnect(channel);
        after = floor_now_ns();
        histogram_add(cycles, after - begin);
    }
    return 0;
}

int caller_connect(struct realm *realm)
{
    static struct histogram connects, cycles;
    struct result connected = {.name = "connect", .unit = "us", .about = RESULT_GOAL_VALUE, .goal = 100};
    struct result cycle = {.name = "connect and disconnect", .unit = "us"};
    struct result rested = {.name = "connect, after 1 ms of sleep", .unit = "us"};

    if (measure_connects(realm, 0, &connects, &cycles) != 0)
        return 1;
    connected.value = histogram_quantile(&connects, 0.5) / 1000;
    cycle.value = histogram_quantile(&cycles, 0.5) / 1000;
    if (measure_connects(realm, REALM_MSEC, &connects, &cycles) != 0)
        return 1;
    rested.value = histogram_quantile(&connects, 0.5) / 1000;
    bench_result(realm, &connected);
    bench_result(realm, &cycle);
    bench_result(realm, &rested);
    return 0;
}

/*
 * The gate is one byte of a file that the scenario hands over: it goes from '0' to '1' (this realm is ready),
 * '2' (the observer has looked: begin), '3' (the calls are done), '4' (the observer has looked again). The
 * log would not do: the Memory Manager reads it, and is what is being watched.
 */
static void gate_set(int gate, char state)
{
    (void)!pwrite(gate, &state, 1, 0);
}

static void gate_await(int gate, char state)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    char now = '0';

    while (pread(gate, &now, 1, 0) == 1 && now != state)
        nanosleep(&pause, NULL);
}

int caller_million(struct realm *realm)
{
    struct realm_channel *channel;
    int gate = realm_file(realm, "gate");
    int failed;

    if (gate < 0 || connect_to(realm, &channel) != 0 || caller_echo(realm, channel, 1000) != 0)
        return 1;
    /* What the connect left to do (a region for the next one, to be acknowledged) is done first. */
    while (realm_run_once(realm, 200 * REALM_MSEC) == 0)
        ;
    gate_set(gate, '1');
    gate_await(gate, '2');
    failed = caller_echo(realm, channel, 1000000);
    gate_set(gate, '3');
    gate_await(gate, '4');
    return failed;
}

int caller_settle(struct realm *realm)
{
    struct realm_channel *channel;

    /* 200 calls are 400 lines each way; a region has 124. */
    if (connect_to(realm, &channel) != 0 || caller_echo(realm, channel, 200) != 0)
        return 1;
    realm_log(realm, "settled");
    return realm_run(realm) != 0;
}
