/*
 * What the box costs a call: the same pair in a system with all of the box that this machine gives, and in
 * one without all that can be left away, in interleaved rounds.
 */
#include <string.h>

#include "bench/harness/cases.h"
#include "bench/harness/pair.h"

#define ROUND_NS       UINT64_C(30000000)
#define ROUND_QUICK_NS UINT64_C(15000000)

static int measure(struct bench *bench, const struct bench_case *one, struct system *const systems[2],
                   const pid_t pids[2][2])
{
    static struct participant boxed, bare; /* large, and there is one at a time */
    struct participant *const both[] = {&boxed, &bare};
    struct row row = {.name = one->name, .placement = one->placement, .wait = one->wait, .goal = one->goal},
               other = {.name = "call-bare", .placement = one->placement, .wait = one->wait};
    const unsigned rounds = bench->options.rounds;

    memset(&boxed, 0, sizeof boxed);
    memset(&bare, 0, sizeof bare);
    pair_participant(systems[0], pids[0], one->name, &boxed);
    pair_participant(systems[1], pids[1], other.name, &bare);
    boxed.round_ns = bare.round_ns = bench->options.quick ? ROUND_QUICK_NS : ROUND_NS;
    boxed.order = bare.order = (struct gate_order){.task = one->task, .size = one->size};
    if (rounds_run(bench, both, 2, rounds) != 0)
        return 1;
    rounds_row(&boxed, rounds, &row);
    rounds_row(&bare, rounds, &other);
    row.floor = other.name;
    row.floor_value = other.p50_ns;
    row.ratio = statistics_of_ratio(boxed.p50_ns, bare.p50_ns, rounds);
    bench_row(bench, &row);
    bench_row(bench, &other);
    return 0;
}

int case_box(struct bench *bench, const struct bench_case *one)
{
    const struct system_options options[2] = {
        {.stations = 1}, {.stations = 1, .without = "userns,landlock,uring,waitv,cgroup"}};
    struct system *systems[2] = {NULL, NULL};
    pid_t pids[2][2];
    int status = 0;

    for (unsigned i = 0; i < 2 && status == 0; i++)
        status = pair_boot(bench, &options[i], false, &systems[i], pids[i]);
    if (status == 0)
        status = measure(bench, one, systems, (const pid_t(*)[2])pids);
    for (unsigned i = 0; i < 2; i++)
        system_end(systems[i]);
    return status;
}
