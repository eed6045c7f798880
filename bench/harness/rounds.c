#include "bench/harness/rounds.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bench/harness/watch.h"
#include "bench/measure/clock.h"

#define PATIENCE_NS UINT64_C(90000000000)
#define PROBE_COUNT 64u /* operations of the first look at how long one takes */
#define COUNT_MIN   64u
#define COUNT_MAX   1000000u

static bool lives(const struct participant *participant)
{
    if (participant->system != NULL)
        return system_runs(participant->system);
    return waitpid(participant->process, NULL, WNOHANG) == 0;
}

int rounds_order(struct bench *bench, const struct participant *participant, const struct gate_order *order)
{
    struct gate *gate = participant->gate;
    uint64_t end_ns = clock_now_ns() + PATIENCE_NS;

    gate_order(gate, order);
    while (!gate_await(&gate->done, participant->stations, 50000000)) {
        if (bench_stopped())
            return 1;
        if (!lives(participant))
            return bench_fail(bench, "%s ended too early", participant->name);
        if (clock_now_ns() >= end_ns)
            return bench_fail(bench, "%s does not finish", participant->name);
    }
    for (unsigned i = 0; i < participant->stations; i++)
        if (gate->figures[i].failed)
            return bench_fail(bench, "%s: an operation failed, or a payload was wrong", participant->name);
    return 0;
}

struct usage {
    uint64_t cpu_ns;
    int64_t sleeps;
};

static struct usage usage_of(const struct participant *participant)
{
    struct usage usage = {0};

    for (size_t i = 0; i < participant->pids_count; i++) {
        usage.cpu_ns += watch_cpu_ns(participant->pids[i]);
        usage.sleeps += watch_sleeps(participant->pids[i]);
    }
    for (size_t i = 0; i < GATE_PIDS && participant->gate->pids[i] != 0; i++) {
        usage.cpu_ns += watch_cpu_ns((pid_t)participant->gate->pids[i]);
        usage.sleeps += watch_sleeps((pid_t)participant->gate->pids[i]);
    }
    return usage;
}

/* Several stations are one: the mean of their quantiles, the sum of their rates. */
static void put_together(struct participant *participant, unsigned round)
{
    unsigned stations = participant->stations - participant->answering;

    for (unsigned i = 0; i < stations; i++) {
        const struct gate_figures *figures = &participant->gate->figures[i];
        participant->p50_ns[round] += figures->p50_ns / stations;
        participant->p99_ns[round] += figures->p99_ns / stations;
        participant->p999_ns[round] += figures->p999_ns / stations;
        participant->extra_ns[round] += figures->extra_ns / stations;
        if (figures->elapsed_ns > 0)
            participant->per_s[round] += (double)figures->count * 1e9 / figures->elapsed_ns;
    }
}

static int measure(struct bench *bench, struct participant *participant, unsigned round)
{
    struct usage before = usage_of(participant);
    int error = rounds_order(bench, participant, &participant->order);

    if (error != 0)
        return error;
    struct usage after = usage_of(participant);
    double operations = (double)participant->order.count * (participant->stations - participant->answering);
    participant->p50_ns[round] = participant->p99_ns[round] = participant->p999_ns[round] = 0;
    participant->extra_ns[round] = participant->per_s[round] = 0;
    put_together(participant, round);
    participant->cpu_s[round] = (double)(after.cpu_ns - before.cpu_ns) / 1e9 / operations;
    participant->sleeps[round] = (double)(after.sleeps - before.sleeps) / operations;
    return 0;
}

/* As many operations as fit the time of a round, by whole blocks. */
static int find_count(struct bench *bench, struct participant *participant)
{
    if (participant->order.count != 0)
        return 0;
    /* Twice: the first look is of what was never used. */
    for (unsigned look = 0; look < 2; look++) {
        participant->order.count = PROBE_COUNT << (2 * look);
        int error = measure(bench, participant, 0);
        if (error != 0)
            return error;
    }
    double each_ns = participant->per_s[0] > 0 ? 1e9 / participant->per_s[0] : 1e9;
    double count = (double)participant->round_ns / each_ns;
    uint32_t whole = count < COUNT_MIN ? COUNT_MIN : count > COUNT_MAX ? COUNT_MAX : (uint32_t)count;
    participant->order.count = whole - whole % COUNT_MIN;
    return 0;
}

int rounds_run(struct bench *bench, struct participant *const *participants, size_t count, unsigned rounds)
{
    int error = 0;

    for (size_t i = 0; i < count && error == 0; i++)
        error = find_count(bench, participants[i]);
    for (unsigned round = 0; round < rounds && error == 0; round++) {
        for (size_t i = 0; i < count && error == 0; i++)
            error = measure(bench, participants[(round + i) % count], round);
        bench_progress(bench, (round + 1.0) / rounds);
    }
    return error;
}

static double median_of(const double *numbers, unsigned rounds)
{
    double copy[BENCH_ROUNDS_MAX];

    memcpy(copy, numbers, rounds * sizeof *copy);
    return statistics_of(copy, rounds).median;
}

void rounds_row(const struct participant *participant, unsigned rounds, struct row *row)
{
    row->timed = true;
    row->size_bytes = participant->order.size;
    row->p50_ns = median_of(participant->p50_ns, rounds);
    row->p99_ns = median_of(participant->p99_ns, rounds);
    row->p999_ns = median_of(participant->p999_ns, rounds);
    row->per_s = median_of(participant->per_s, rounds);
    row->cpu_s = median_of(participant->cpu_s, rounds);
    row->sleeps = median_of(participant->sleeps, rounds);
}
