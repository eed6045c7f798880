/*
 * Interleaved rounds. Each round measures every participant once, one after the other, each for about the
 * same time; ratios are formed inside a round, so that a noisy neighbour hits both sides of them. The first
 * participant of a round moves on from round to round, so that none always runs behind the same other.
 */
#ifndef BENCH_HARNESS_ROUNDS_H
#define BENCH_HARNESS_ROUNDS_H

#include "bench/harness/bench.h"
#include "bench/harness/system.h"

#define PARTICIPANTS_MAX 16u

struct participant {
    /* the caller's: what is measured, and where */
    const char *name;
    struct gate *gate;
    unsigned stations;  /* that take part: their figures are put together */
    unsigned answering; /* how many of these, the last, only answer and have no figures */
    const pid_t *pids;  /* of both sides, for CPU time and sleeps */
    size_t pids_count;
    struct system *system;   /* that it belongs to; NULL: none */
    pid_t process;           /* without a system: the process that must live */
    struct gate_order order; /* count 0: as many as fit round_ns */
    uint64_t round_ns;
    /* what has come out, by round */
    double p50_ns[BENCH_ROUNDS_MAX], p99_ns[BENCH_ROUNDS_MAX], p999_ns[BENCH_ROUNDS_MAX];
    double per_s[BENCH_ROUNDS_MAX], cpu_s[BENCH_ROUNDS_MAX], sleeps[BENCH_ROUNDS_MAX];
    double extra_ns[BENCH_ROUNDS_MAX];
};

/* Finds out the counts, warms up, measures. Return: 0; 1: failed, and said, or stopped. */
int rounds_run(struct bench *bench, struct participant *const *participants, size_t count, unsigned rounds);

/* One order, outside of rounds; the figures stand in the gate. Return: as rounds_run. */
int rounds_order(struct bench *bench, const struct participant *participant, const struct gate_order *order);

/* The row's figures: medians over the rounds. */
void rounds_row(const struct participant *participant, unsigned rounds, struct row *row);

#endif
