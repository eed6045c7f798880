/* What the box costs a start: one realm from its spawn to its first answer, and two hundred at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/bare.h"
#include "bench/harness/cases.h"
#include "bench/harness/rounds.h"
#include "bench/measure/clock.h"

#define SPAWNS 40u
#define REALMS 200u
#define UPS    5u

static const char spawning[] =
    "system: bench\n"
    "realms:\n"
    "  - {name: spawner, program: bench_spawner, files: {gate: {path: \"@GATE@\", mode: rw}}}\n"
    "  - {name: fresh, program: bench_server, parent: spawner, template: true}\n"
    "services:\n"
    "  - {name: bench, provider: fresh}\n";

/* Each start is measured beside bare ones, with the network's namespace and without. */
static int measure_spawns(struct bench *bench, const struct bench_case *one, struct participant *spawner)
{
    const struct gate_order order = {.task = GATE_OWN, .count = 1};
    double own_ns[SPAWNS], bare_ns[SPAWNS], netless_ns[SPAWNS];
    struct row row = {.name = one->name, .unit = "us, median", .floor = "bare, us", .goal = one->goal};
    struct row netless = {.name = "bare-no-net", .unit = "us, median"};

    for (unsigned i = 0; i < SPAWNS; i++) {
        uint64_t with_ns = 0, without_ns = 0;
        if (rounds_order(bench, spawner, &order) != 0)
            return 1;
        own_ns[i] = spawner->gate->figures[0].p50_ns;
        int error = bare_starts(1, true, &with_ns);
        if (error == 0)
            error = bare_starts(1, false, &without_ns);
        if (error != 0)
            return bench_fail(bench, "a bare start: %s", strerror(-error));
        bare_ns[i] = (double)with_ns;
        netless_ns[i] = (double)without_ns;
        bench_progress(bench, (i + 1.0) / SPAWNS);
    }
    row.ratio = statistics_of_ratio(own_ns, bare_ns, SPAWNS);
    row.value = statistics_of(own_ns, SPAWNS).median / 1000;
    row.floor_value = statistics_of(bare_ns, SPAWNS).median / 1000;
    netless.value = statistics_of(netless_ns, SPAWNS).median / 1000;
    bench_row(bench, &row);
    bench_row(bench, &netless);
    return 0;
}

int case_spawn(struct bench *bench, const struct bench_case *one)
{
    static struct participant spawner; /* large, and there is one at a time */
    struct system *system;

    if (system_boot(bench, spawning, &(struct system_options){.stations = 1}, &system) != 0)
        return 1;
    spawner =
        (struct participant){.name = one->name, .gate = system_gate(system), .stations = 1, .system = system};
    int status = measure_spawns(bench, one, &spawner);
    system_end(system);
    return status;
}

static char *many_realms(void)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        return NULL;
    fputs("system: bench\nrealms:\n", stream);
    for (unsigned i = 0; i < REALMS; i++)
        fprintf(stream, "  - {name: r%u, program: bench_idle}\n", i);
    return fclose(stream) == 0 ? text : NULL;
}

/* From nothing: reading the scenario and looking at the machine are in it. */
static int up_once(struct bench *bench, const char *scenario, double *ret_ms)
{
    struct system *system;
    const uint64_t start_ns = clock_now_ns();

    if (system_boot(bench, scenario, &(struct system_options){0}, &system) != 0)
        return 1;
    int status = system_await(system, "opened", NULL, NULL, REALMS);
    *ret_ms = (double)(clock_now_ns() - start_ns) / 1e6;
    system_end(system);
    return status;
}

int case_up(struct bench *bench, const struct bench_case *one)
{
    struct row row = {.name = one->name, .unit = "ms", .floor = "bare, ms", .goal = one->goal};
    double own_ms[UPS], bare_ms[UPS];
    char *scenario = many_realms();
    int status = scenario == NULL;

    for (unsigned i = 0; i < UPS && status == 0; i++) {
        uint64_t ns = 0;
        status = bench_stopped() || up_once(bench, scenario, &own_ms[i]) != 0;
        int error = status == 0 ? bare_starts(REALMS, true, &ns) : 0;
        if (error != 0)
            status = bench_fail(bench, "%u bare starts: %s", REALMS, strerror(-error));
        bare_ms[i] = (double)ns / 1e6;
        bench_progress(bench, (i + 1.0) / UPS);
    }
    free(scenario);
    if (status != 0)
        return 1;
    row.ratio = statistics_of_ratio(own_ms, bare_ms, UPS);
    row.value = statistics_of(own_ms, UPS).median;
    row.floor_value = statistics_of(bare_ms, UPS).median;
    bench_row(bench, &row);
    return 0;
}
