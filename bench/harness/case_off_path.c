/*
 * The MM is off the path: context switches, read and write calls of the broker while a million calls pass by
 * it. It is looked at while the caller stands at its gate, where nothing reaches the broker.
 */
#include <string.h>
#include <time.h>

#include "bench/harness/cases.h"
#include "bench/harness/pair.h"
#include "bench/harness/watch.h"

#define CALLS 1000000u

static int64_t activity_of(pid_t broker)
{
    return watch_sum(broker, "status", "voluntary_ctxt_switches") +
           watch_sum(broker, "status", "nonvoluntary_ctxt_switches") + watch_sum(broker, "io", "sysc");
}

static int measure(struct bench *bench, const struct bench_case *one, struct system *system,
                   const pid_t pids[2])
{
    static struct participant caller; /* large, and there is one at a time */
    pid_t broker = system_broker(system);

    memset(&caller, 0, sizeof caller);
    pair_participant(system, pids, "caller", &caller);
    if (broker == 0 || activity_of(broker) < 0)
        return bench_fail(bench, "the broker is not to be seen in /proc");
    /* What the start has left to do is done once nothing has happened for a while. */
    for (int64_t before = -1, now; (now = activity_of(broker)) != before; before = now)
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    int64_t before = activity_of(broker);
    const struct gate_order order = {.task = GATE_CALL, .size = 64, .count = CALLS};
    if (rounds_order(bench, &caller, &order) != 0)
        return 1;
    bench_row(bench, &(struct row){.name = one->name,
                                   .size_bytes = 64,
                                   .unit = "switches and calls of the broker in 1 000 000 calls",
                                   .value = (double)(activity_of(broker) - before),
                                   .goal = one->goal});
    return 0;
}

int case_off_path(struct bench *bench, const struct bench_case *one)
{
    return pair_case(bench, one, measure);
}
