/*
 * The table of cases. Adding one means a row in cases.c and, if it is of a kind of its own, a file case_*.c
 * with its function; bench/README.md says how.
 */
#ifndef BENCH_HARNESS_CASES_H
#define BENCH_HARNESS_CASES_H

#include "bench/harness/bench.h"
#include "bench/measure/gate.h"

struct bench_case {
    const char *id;      /* what it is chosen by */
    const char *summary; /* a line without a full stop */
    /* Measures and reports its rows. Return: 0; 1: failed, and said, or stopped. */
    int (*measure)(struct bench *bench, const struct bench_case *one);
    bool two_cpus; /* says something only with two processors */
    bool slow;     /* not part of --quick */
    /* what the kinds of cases need; 0 where it says nothing */
    const char *name;      /* of the row */
    const char *placement; /* "same-core", "cross-core" */
    const char *wait;      /* "spin", "futex", "uring", "default" */
    uint32_t size;
    enum gate_task task, floor;
    uint32_t batch;
    uint64_t period_ns;
    struct goal goal;
    bool peers;          /* with peers beside it */
    const char *program; /* case_program */
};

extern const struct bench_case case_table[];
extern const size_t case_count;

/* NULL: there is none of that id. */
const struct bench_case *case_find(const char *id);

/* The kinds. */
int case_pair(struct bench *bench, const struct bench_case *one);           /* case_pair.c */
int case_fanin(struct bench *bench, const struct bench_case *one);          /* case_fanin.c */
int case_oversubscribed(struct bench *bench, const struct bench_case *one); /* case_oversubscribed.c */
int case_connect(struct bench *bench, const struct bench_case *one);        /* case_connect.c */
int case_off_path(struct bench *bench, const struct bench_case *one);       /* case_off_path.c */
int case_idle(struct bench *bench, const struct bench_case *one);           /* case_idle.c */
int case_memory(struct bench *bench, const struct bench_case *one);         /* case_memory.c */
int case_spawn(struct bench *bench, const struct bench_case *one);          /* case_start.c */
int case_up(struct bench *bench, const struct bench_case *one);             /* case_start.c */
int case_revoke(struct bench *bench, const struct bench_case *one);         /* case_revoke.c */
int case_box(struct bench *bench, const struct bench_case *one);            /* case_box.c */

#endif
