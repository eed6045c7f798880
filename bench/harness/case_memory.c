/* Two hundred realms, each with a channel whose rings have wrapped: what memory each has for itself, and how
 * much of a channel's two regions is resident. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/harness/cases.h"
#include "bench/harness/system.h"
#include "bench/harness/watch.h"

#define REALMS 200u

struct sizes {
    double kib[REALMS];
    size_t count;
};

static char *scenario_of(void)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL)
        return NULL;
    fputs("system: bench\nrealms:\n  - {name: server, program: bench_server}\n", stream);
    for (unsigned i = 1; i < REALMS; i++)
        fprintf(stream, "  - {name: c%u, program: bench_idle, args: [connect]}\n", i);
    fputs("services:\n  - {name: bench, provider: server, access: [all]}\n", stream);
    return fclose(stream) == 0 ? text : NULL;
}

static void take_size(pid_t pid, void *context)
{
    struct sizes *sizes = context;
    int64_t kib = watch_sum(pid, "smaps_rollup", "Private_");

    if (kib >= 0 && sizes->count < REALMS)
        sizes->kib[sizes->count++] = (double)kib;
}

static void report(struct bench *bench, struct system *system)
{
    struct sizes sizes = {.count = 0};

    system_each(system, take_size, &sizes);
    double median = statistics_of(sizes.kib, sizes.count).median; /* and sorts */
    const struct goal realm_goal = {GOAL_VALUE_AT_MOST, 1536}, channel_goal = {GOAL_VALUE_AT_MOST, 20};
    bench_row(bench,
              &(struct row){.name = "memory-median", .unit = "KiB", .value = median, .goal = realm_goal});
    bench_row(bench, &(struct row){.name = "memory-largest",
                                   .unit = "KiB",
                                   .value = sizes.count > 0 ? sizes.kib[sizes.count - 1] : 0,
                                   .goal = realm_goal});
    bench_row(bench, &(struct row){.name = "memory-channel",
                                   .unit = "KiB",
                                   .value = (double)watch_regions(system_realm(system, "c1"), 0) / 1024,
                                   .goal = channel_goal});
}

int case_memory(struct bench *bench, const struct bench_case *one)
{
    struct system *system;
    char *scenario = scenario_of();

    (void)one;
    if (scenario == NULL)
        return bench_fail(bench, "out of memory");
    int status = system_boot(bench, scenario, &(struct system_options){0}, &system);
    free(scenario);
    if (status != 0)
        return status;
    status = system_await(system, "log", "text", "settled", REALMS - 1);
    if (status == 0)
        report(bench, system);
    system_end(system);
    return status;
}
