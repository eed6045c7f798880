/*
 * The measuring realm: a station (bench/measure/gate.h) that makes the calls, sends, connects and floors that
 * it is ordered to make, over one channel to the answering realm.
 *
 * A closed loop has one call in flight, and the next begins when the last has ended: no call is due at a time
 * of its own, so none can be late by another's delay, and the quantiles are of round trips. In an open loop
 * (period_ns) each call is due at a time of a fixed grid, and its latency counts from then, whenever it could
 * really begin: a delay is counted for every call that it delays.
 */
#include <stdio.h>
#include <stdlib.h>

#include "bench/measure/clock.h"
#include "bench/realms/bench.h"
#include "librealm/ring/atomics.h"

#define BATCH_MAX   32u
#define BATCH_BYTES 64u
#define SLEEP_FROM_NS                                                                                        \
    UINT64_C(100000) /* a shorter period is waited for awake: a timer is late by tens of µs */

/* Large, and each a program's only one: the order of the members is for the reader. */
struct caller { // NOLINT(clang-analyzer-optin.performance.Padding)
    struct realm *realm;
    struct realm_channel *channel;
    const char *service;
    struct gate *gate;
    struct payload_side side;
    struct histogram histogram, other;
};

/* --- asking the other side --- */

static int begin(struct caller *caller, uint32_t size)
{
    uint8_t request[4];
    struct realm_pack pack;
    struct realm_reply reply = {.data = NULL};

    realm_pack_init(&pack, request, sizeof request);
    realm_pack_u32(&pack, size);
    int error = realm_call(caller->channel, BENCH_BEGIN, request, pack.size, &reply, BENCH_DEADLINE);
    caller->side = (struct payload_side){.number = 1, .size = size};
    return error != 0 ? error : reply.status;
}

static int call(struct caller *caller, uint64_t op)
{
    struct payload_side *side = &caller->side;
    struct realm_reply reply = {.data = side->in, .capacity = sizeof side->in};
    int error = realm_call(caller->channel, op, side->out, side->size, &reply, BENCH_DEADLINE);

    if (error != 0)
        realm_log(caller->realm, "call %llu: %s", (unsigned long long)side->number, realm_error_text(error));
    else
        side->wrong |= reply.status != 0 || reply.size != side->size;
    return error;
}

/* --- what can be ordered --- */

static void wait_until(uint64_t due_ns, uint64_t period_ns)
{
    if (period_ns >= SLEEP_FROM_NS)
        clock_sleep_until(due_ns);
    else
        while (clock_now_ns() < due_ns)
            realm_spin_pause();
}

static int do_calls(struct caller *caller, const struct gate_order *order, struct gate_figures *figures)
{
    struct payload_side *side = &caller->side;
    int error = begin(caller, order->size);
    uint64_t start_ns = clock_now_ns();

    for (uint32_t i = 0; i < order->count && error == 0; i++) {
        uint64_t from_ns = start_ns + (i + 1) * order->period_ns;
        payload_ask(side);
        if (order->period_ns != 0)
            wait_until(from_ns, order->period_ns);
        else
            from_ns = clock_now_ns();
        error = call(caller, BENCH_NEXT);
        histogram_add(&caller->histogram, clock_now_ns() - from_ns);
        payload_answered(side, side->size);
    }
    figures->elapsed_ns = (double)(clock_now_ns() - start_ns);
    gate_figures(figures, &caller->histogram, 1);
    return error != 0 ? error : side->wrong;
}

/* One of many clients of one service: it begins at a time of its own, so that all are spread over the period.
 */
static int do_share(struct caller *caller, const struct gate_order *order, struct gate_figures *figures,
                    unsigned station)
{
    struct payload_side *side = &caller->side;
    int error = 0;

    *side = (struct payload_side){.number = (uint64_t)station << 32, .size = order->size};
    uint64_t start_ns = clock_now_ns() + order->period_ns * station / (order->batch ? order->batch : 1);
    for (uint32_t i = 0; i < order->count && error == 0; i++) {
        uint64_t due_ns = start_ns + (i + 1) * order->period_ns;
        payload_ask(side);
        wait_until(due_ns, order->period_ns);
        error = call(caller, BENCH_ECHO);
        histogram_add(&caller->histogram, clock_now_ns() - due_ns);
        payload_answered(side, side->size);
    }
    figures->elapsed_ns = (double)(clock_now_ns() - start_ns);
    gate_figures(figures, &caller->histogram, 1);
    return error != 0 ? error : side->wrong;
}

/* One message, or a batch of them with one wake. */
static int send_some(struct caller *caller, uint32_t batch)
{
    static uint8_t bytes[BATCH_MAX][BATCH_BYTES];
    struct realm_outgoing messages[BATCH_MAX];
    struct payload_side *side = &caller->side;

    if (batch <= 1) {
        payload_ask(side);
        side->number++;
        return realm_send(caller->channel, BENCH_COUNT, side->out, side->size, BENCH_DEADLINE);
    }
    for (uint32_t i = 0; i < batch; i++) {
        payload_fill(bytes[i], side->size, side->number++);
        messages[i] = (struct realm_outgoing){.op = BENCH_COUNT, .data = bytes[i], .size = side->size};
    }
    return realm_send_many(caller->channel, REALM_NORMAL, messages, batch, BENCH_DEADLINE, NULL);
}

static int do_sends(struct caller *caller, const struct gate_order *order, struct gate_figures *figures)
{
    struct realm_reply reply = {.data = NULL};
    int error = begin(caller, order->size);
    uint32_t batch = order->batch > 1 ? order->batch : 1;
    uint64_t start_ns = clock_now_ns(), before_ns = start_ns;

    if (batch > BATCH_MAX || (batch > 1 && order->size > BATCH_BYTES))
        return 1;
    for (uint32_t i = batch; i <= order->count && error == 0; i += batch) {
        error = send_some(caller, batch);
        if (i % FLOOR_BLOCK == 0) {
            uint64_t now_ns = clock_now_ns();
            histogram_add(&caller->histogram, now_ns - before_ns);
            before_ns = now_ns;
        }
    }
    if (error == 0)
        error = realm_call(caller->channel, BENCH_SYNC, NULL, 0, &reply, BENCH_DEADLINE);
    figures->elapsed_ns = (double)(clock_now_ns() - start_ns);
    gate_figures(figures, &caller->histogram, FLOOR_BLOCK);
    return error != 0 ? error : reply.status != 0 || reply.value != order->count;
}

static int do_floor(struct caller *caller, const struct gate_order *order, struct gate_figures *figures,
                    enum floor_kind kind)
{
    const struct floor_run run = {
        .kind = kind, .size = order->size, .count = order->count, .batch = order->batch};
    uint8_t request[16];
    struct realm_pack pack;
    struct realm_reply reply = {.data = NULL};

    floor_reset(&caller->gate->floor);
    realm_pack_init(&pack, request, sizeof request);
    realm_pack_u32(&pack, run.kind);
    realm_pack_u32(&pack, run.size);
    realm_pack_u32(&pack, run.count);
    realm_pack_u32(&pack, run.batch);
    int error = realm_call(caller->channel, BENCH_FLOOR, request, pack.size, &reply, BENCH_DEADLINE);
    if (error != 0 || reply.status != 0)
        return 1;
    uint64_t start_ns = clock_now_ns();
    int wrong = floor_ask(&caller->gate->floor, &run, &caller->side, &caller->histogram);
    figures->elapsed_ns = (double)(clock_now_ns() - start_ns);
    gate_figures(figures, &caller->histogram, kind == FLOOR_RING ? FLOOR_BLOCK : 1);
    return wrong;
}

/* p50 of the connect alone, extra of connect and disconnect together. */
static int do_connects(struct caller *caller, const struct gate_order *order, struct gate_figures *figures)
{
    int error = 0;
    uint64_t start_ns = clock_now_ns(), after_ns = start_ns;

    histogram_clear(&caller->other);
    for (uint32_t i = 0; i < order->count && error == 0; i++) {
        struct realm_channel *channel;
        uint64_t begin_ns = after_ns;
        if (order->period_ns != 0) {
            clock_sleep_until(after_ns + order->period_ns);
            begin_ns = clock_now_ns();
        }
        error = realm_connect(caller->realm, caller->service, BENCH_DEADLINE, &channel);
        histogram_add(&caller->histogram, clock_now_ns() - begin_ns);
        if (error == 0)
            realm_disconnect(channel);
        after_ns = clock_now_ns();
        histogram_add(&caller->other, after_ns - begin_ns);
    }
    figures->elapsed_ns = (double)(after_ns - start_ns);
    gate_figures(figures, &caller->histogram, 1);
    figures->extra_ns = histogram_quantile(&caller->other, 0.5);
    bench_settle(caller->realm);
    return error;
}

static int obey(struct caller *caller, const struct gate_order *order, struct gate_figures *figures,
                unsigned station)
{
    histogram_clear(&caller->histogram);
    switch (order->task) {
    case GATE_LINES:
        return do_floor(caller, order, figures, FLOOR_LINES);
    case GATE_FUTEX:
        return do_floor(caller, order, figures, FLOOR_FUTEX);
    case GATE_RING:
        return do_floor(caller, order, figures, FLOOR_RING);
    case GATE_CALL:
        return do_calls(caller, order, figures);
    case GATE_SHARE:
        return do_share(caller, order, figures, station);
    case GATE_SEND:
        return do_sends(caller, order, figures);
    case GATE_CONNECT:
        return do_connects(caller, order, figures);
    default:
        return 1;
    }
}

static void stay(struct caller *caller, unsigned station)
{
    uint32_t turn = 0;
    const struct gate_order *order;

    gate_ready(caller->gate);
    while ((order = gate_next(caller->gate, &turn))->task != GATE_END) {
        struct gate_figures *figures = &caller->gate->figures[station];
        figures->failed = obey(caller, order, figures, station) != 0;
        gate_finish(caller->gate);
    }
}

/* bench_caller [STATION [SERVICE]] */
int main(int argc, char **argv)
{
    static struct caller caller; /* large, and this program's only one */
    unsigned station = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
    int error = realm_open(&caller.realm);

    if (error != 0 || station >= GATE_STATIONS) {
        fprintf(stderr, "bench_caller: %s\n", error ? realm_error_text(error) : "too many stations");
        return 1;
    }
    caller.service = argc > 2 ? argv[2] : BENCH_SERVICE;
    caller.gate = bench_gate(caller.realm);
    error = caller.gate == NULL
                ? 1
                : realm_connect(caller.realm, caller.service, BENCH_DEADLINE, &caller.channel);
    if (error == 0) {
        bench_settle(caller.realm);
        stay(&caller, station);
    } else {
        realm_log(caller.realm, "connect: %s", realm_error_text(error));
    }
    realm_close(caller.realm);
    return error != 0;
}
