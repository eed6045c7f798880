/*
 * Revocation, from the administrator's request until a realm has the error: while both ends of the channel
 * are asleep, and while both copy all the time. Each revoke is of a channel of its own. The two moments are
 * of one clock, in two processes. A bare revocation is measured after each.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness/admin.h"
#include "bench/harness/bare.h"
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

struct parties {
    struct system *system;
    int admin;
    struct bare_revoke *bare;
};

static int revoke_one(struct bench *bench, const struct parties *parties, const struct gate_order *order,
                      uint64_t *ret_ns)
{
    struct gate *gate = system_gate(parties->system);
    const uint32_t ready = gate->ready;

    gate_order(gate, order);
    if (!gate_await(&gate->ready, ready + 1, PATIENCE_NS))
        return bench_fail(bench, "the client does not come to its traffic");
    /* Elsewhere in the traffic each time. */
    clock_sleep_until(clock_now_ns() + QUIET_NS + order->count * UINT64_C(7919) % 300 * 1000);
    const uint64_t asked_ns = clock_now_ns();
    if (admin_ask(bench, parties->admin, REVOKE) != 0)
        return 1;
    if (!gate_await(&gate->done, 1, PATIENCE_NS) || gate->figures[0].failed)
        return bench_fail(bench, "the client's traffic did not end by the revocation");
    *ret_ns = gate->figures[0].count - asked_ns;
    return admin_answered(bench, parties->admin);
}

/* The floor of both rows is of a sleeper: nobody hears of it sooner than who is woken. */
static int measure(struct bench *bench, const struct bench_case *one, struct parties *parties, uint32_t kind)
{
    double own_ns[REVOKES], bare_ns[REVOKES];
    uint64_t ns = 0;
    struct row row = {.name = kind == GATE_ASLEEP ? "revoke-asleep" : "revoke-copying",
                      .size_bytes = kind == GATE_ASLEEP ? 0 : PAYLOAD_MAX,
                      .unit = "us, median",
                      .floor = "bare, us",
                      .goal = one->goal};

    for (unsigned i = 0; i < REVOKES; i++) {
        const struct gate_order order = {.task = GATE_OWN, .batch = kind, .count = i};
        if (bench_stopped() || revoke_one(bench, parties, &order, &ns) != 0)
            return 1;
        own_ns[i] = (double)ns;
        int error = bare_revoke_measure(parties->bare, &ns);
        if (error != 0)
            return bench_fail(bench, "the bare revocation: %s", strerror(-error));
        bare_ns[i] = (double)ns;
        bench_progress(bench, (kind == GATE_COPYING ? 0.5 : 0) + (i + 1.0) / (2 * REVOKES));
    }
    row.ratio = statistics_of_ratio(own_ns, bare_ns, REVOKES);
    row.value = statistics_of(own_ns, REVOKES).median / 1000;
    row.floor_value = statistics_of(bare_ns, REVOKES).median / 1000;
    bench_row(bench, &row);
    return 0;
}

int case_revoke(struct bench *bench, const struct bench_case *one)
{
    struct parties parties = {.admin = -1};

    /* The processes of the floor first: they must hold nothing of the system. */
    int error = bare_revoke_open(&parties.bare);
    if (error != 0)
        return bench_fail(bench, "the bare revocation: %s", strerror(-error));
    int status = system_boot(bench, scenario, &(struct system_options){.stations = 1}, &parties.system);
    if (status == 0)
        status = admin_open(bench, parties.system, &parties.admin);
    for (uint32_t kind = GATE_ASLEEP; kind <= GATE_COPYING && status == 0; kind++)
        status = measure(bench, one, &parties, kind);
    if (parties.admin >= 0)
        close(parties.admin);
    if (parties.system != NULL)
        system_end(parties.system);
    bare_revoke_close(parties.bare);
    return status;
}
