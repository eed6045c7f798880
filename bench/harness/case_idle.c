/* Ten realms with nothing to do, five of them connected, and one server: how often they wake up in 2 s. */
#include <time.h>

#include "bench/harness/cases.h"
#include "bench/harness/system.h"
#include "bench/harness/watch.h"

#define SECONDS 2

static const char scenario[] = "system: bench\nrealms:\n"
                               "  - {name: server, program: bench_server}\n"
                               "  - {name: connected1, program: bench_idle, args: [connect]}\n"
                               "  - {name: connected2, program: bench_idle, args: [connect]}\n"
                               "  - {name: connected3, program: bench_idle, args: [connect]}\n"
                               "  - {name: connected4, program: bench_idle, args: [connect]}\n"
                               "  - {name: connected5, program: bench_idle, args: [connect]}\n"
                               "  - {name: alone1, program: bench_idle}\n"
                               "  - {name: alone2, program: bench_idle}\n"
                               "  - {name: alone3, program: bench_idle}\n"
                               "  - {name: alone4, program: bench_idle}\n"
                               "services:\n"
                               "  - {name: bench, provider: server, access: [all]}\n";

static void add_sleeps(pid_t pid, void *context)
{
    *(int64_t *)context += watch_sleeps(pid);
}

static int64_t sleeps_of(struct system *system)
{
    int64_t sum = 0;

    system_each(system, add_sleeps, &sum);
    return sum;
}

int case_idle(struct bench *bench, const struct bench_case *one)
{
    struct system *system;

    if (system_boot(bench, scenario, &(struct system_options){0}, &system) != 0)
        return 1;
    int status = system_await(system, "opened", NULL, NULL, 10);
    if (status == 0)
        status = system_await(system, "log", "text", "settled", 5);
    if (status == 0) {
        /* Whatever follows a start is over after a second. */
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        int64_t before = sleeps_of(system);
        nanosleep(&(struct timespec){.tv_sec = SECONDS}, NULL);
        bench_row(bench, &(struct row){.name = one->name,
                                       .wait = "default",
                                       .unit = "wake-ups",
                                       .value = (double)(sleeps_of(system) - before),
                                       .goal = one->goal});
    }
    system_end(system);
    return status;
}
