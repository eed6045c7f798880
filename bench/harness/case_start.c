/* What the box costs a start: one realm from its spawn to its first answer, and two hundred at once. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/cases.h"
#include "bench/harness/rounds.h"
#include "bench/measure/clock.h"

#define SPAWNS 40u
#define REALMS 200u

static const char spawning[] =
    "system: bench\n"
    "realms:\n"
    "  - {name: spawner, program: bench_spawner, files: {gate: {path: \"@GATE@\", mode: rw}}}\n"
    "  - {name: fresh, program: bench_server, parent: spawner, template: true}\n"
    "services:\n"
    "  - {name: bench, provider: fresh}\n";

int case_spawn(struct bench *bench, const struct bench_case *one)
{
    static struct participant spawner; /* large, and there is one at a time */
    const struct gate_order order = {.task = GATE_OWN, .count = SPAWNS};
    struct row row = {.name = one->name, .unit = "us, median", .goal = one->goal};
    struct system *system;

    if (system_boot(bench, spawning, &(struct system_options){.stations = 1}, &system) != 0)
        return 1;
    spawner =
        (struct participant){.name = one->name, .gate = system_gate(system), .stations = 1, .system = system};
    int status = rounds_order(bench, &spawner, &order);
    if (status == 0) {
        row.value = system_gate(system)->figures[0].p50_ns / 1000;
        bench_row(bench, &row);
    }
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
int case_up(struct bench *bench, const struct bench_case *one)
{
    struct row row = {.name = one->name, .unit = "ms", .goal = one->goal};
    char *scenario = many_realms();
    struct system *system;

    const uint64_t start_ns = clock_now_ns();
    if (scenario == NULL || system_boot(bench, scenario, &(struct system_options){0}, &system) != 0) {
        free(scenario);
        return 1;
    }
    int status = system_await(system, "opened", NULL, NULL, REALMS);
    row.value = (double)(clock_now_ns() - start_ns) / 1e6;
    if (status == 0)
        bench_row(bench, &row);
    system_end(system);
    free(scenario);
    return status;
}
