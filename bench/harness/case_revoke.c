/*
 * Revocation, from the administrator's request until a realm has the error: while both ends of the channel
 * are asleep, and while both copy all the time. Each revoke is of a channel of its own. The two moments are
 * of one clock, in two processes.
 */
#include <stdio.h>
#include <unistd.h>

#include "bench/harness/admin.h"
#include "bench/harness/cases.h"
#include "bench/measure/clock.h"

#define REVOKES     60u
#define QUIET_NS    UINT64_C(3000000) /* by then whoever waits has stopped spinning and sleeps */
#define PATIENCE_NS UINT64_C(20000000000)
#define REVOKE      "{\"command\":\"revoke\",\"realm\":\"client\",\"service\":\"bench\"}\n"

static const char scenario[] =
    "system: bench\n"
    "realms:\n"
    "  - {name: server, program: bench_server}\n"
    "  - {name: client, program: bench_revoked, files: {gate: {path: \"@GATE@\", mode: rw}}}\n"
    "services:\n"
    "  - {name: bench, provider: server, access: [client]}\n";

static int revoke_one(struct bench *bench, struct system *system, int admin, const struct gate_order *order,
                      uint64_t *ret_ns)
{
    struct gate *gate = system_gate(system);
    const uint32_t ready = gate->ready;

    gate_order(gate, order);
    if (!gate_await(&gate->ready, ready + 1, PATIENCE_NS))
        return bench_fail(bench, "the client does not come to its traffic");
    /* Elsewhere in the traffic each time. */
    clock_sleep_until(clock_now_ns() + QUIET_NS + order->count * UINT64_C(7919) % 300 * 1000);
    const uint64_t asked_ns = clock_now_ns();
    if (admin_ask(bench, admin, REVOKE) != 0)
        return 1;
    if (!gate_await(&gate->done, 1, PATIENCE_NS) || gate->figures[0].failed)
        return bench_fail(bench, "the client's traffic did not end by the revocation");
    *ret_ns = gate->figures[0].count - asked_ns;
    return admin_answered(bench, admin);
}

static int measure(struct bench *bench, const struct bench_case *one, struct system *system, int admin,
                   uint32_t kind)
{
    static struct histogram histogram; /* large, and there is one at a time */
    uint64_t ns = 0;
    struct row row = {.name = kind == GATE_ASLEEP ? "revoke-asleep" : "revoke-copying",
                      .size_bytes = kind == GATE_ASLEEP ? 0 : PAYLOAD_MAX,
                      .unit = "us, median",
                      .goal = one->goal};

    histogram_clear(&histogram);
    for (unsigned i = 0; i < REVOKES; i++) {
        const struct gate_order order = {.task = GATE_OWN, .batch = kind, .count = i};
        if (bench_stopped() || revoke_one(bench, system, admin, &order, &ns) != 0)
            return 1;
        histogram_add(&histogram, ns);
    }
    row.value = histogram_quantile(&histogram, 0.5) / 1000;
    bench_row(bench, &row);
    return 0;
}

int case_revoke(struct bench *bench, const struct bench_case *one)
{
    struct system *system;
    int admin = -1;

    if (system_boot(bench, scenario, &(struct system_options){.stations = 1}, &system) != 0)
        return 1;
    int status = admin_open(bench, system, &admin);
    for (uint32_t kind = GATE_ASLEEP; kind <= GATE_COPYING && status == 0; kind++)
        status = measure(bench, one, system, admin, kind);
    if (admin >= 0)
        close(admin);
    system_end(system);
    return status;
}
