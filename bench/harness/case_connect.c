/* Connecting: the MM's path. At once, and after a millisecond in which everybody has gone to sleep. */
#include <string.h>

#include "bench/harness/cases.h"
#include "bench/harness/pair.h"

#define COUNT 100u /* a round */

static int measure(struct bench *bench, const struct bench_case *one, struct system *system,
                   const pid_t pids[2])
{
    static struct participant busy, rested; /* large, and there is one at a time */
    unsigned rounds = bench->options.rounds;
    struct row row = {.name = one->name}, slow = {.name = "connect-rested"},
               cycle = {.name = "connect-cycle"};

    memset(&busy, 0, sizeof busy);
    memset(&rested, 0, sizeof rested);
    pair_participant(system, pids, "connect", &busy);
    pair_participant(system, pids, "connect-rested", &rested);
    busy.order = (struct gate_order){.task = GATE_CONNECT, .count = COUNT};
    rested.order = (struct gate_order){.task = GATE_CONNECT, .count = COUNT / 4, .period_ns = 1000000};
    struct participant *const both[] = {&busy, &rested};
    if (rounds_run(bench, both, 2, rounds) != 0)
        return 1;
    rounds_row(&busy, rounds, &row);
    rounds_row(&rested, rounds, &slow);
    row.unit = cycle.unit = "us, median";
    row.value = row.p50_ns / 1000;
    row.goal = one->goal;
    cycle.value = statistics_of(busy.extra_ns, rounds).median / 1000;
    bench_row(bench, &row);
    bench_row(bench, &slow);
    bench_row(bench, &cycle);
    return 0;
}

int case_connect(struct bench *bench, const struct bench_case *one)
{
    return pair_case(bench, one, measure);
}
