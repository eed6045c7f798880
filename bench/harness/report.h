/*
 * Rows: what a case has come to, printed as one line of a table or one JSON object a line.
 */
#ifndef BENCH_HARNESS_REPORT_H
#define BENCH_HARNESS_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/measure/statistics.h"

/* What a goal is about. It is met if the interval of the ratio reaches it. */
enum goal_kind {
    GOAL_NONE,
    GOAL_RATIO_AT_MOST,  /* ratio to the floor, or to what `floor` names */
    GOAL_RATIO_AT_LEAST, /* the same, of rates */
    GOAL_TIMES_AT_LEAST, /* how many times slower than our call a peer is */
    GOAL_VALUE_AT_MOST,
};

struct goal {
    enum goal_kind kind;
    double value;
};

struct row {
    const char *name;      /* "call", "oneway", "fanin", …; a peer's or a floor's own name */
    const char *placement; /* "same-core", "cross-core"; NULL: it says nothing here */
    const char *wait;      /* "spin", "futex", "uring", "default"; NULL: it says nothing here */
    uint32_t size_bytes;
    double p50_ns, p99_ns, p999_ns, per_s; /* medians over the rounds; 0: not measured */
    double cpu_s;                          /* CPU seconds of both sides together, an operation */
    double sleeps;                         /* voluntary context switches of both sides, an operation */
    bool timed;                            /* the seven above were measured */
    const char *floor;                     /* "lines", "futex", "ring"; NULL: there is none */
    double floor_value;                    /* p50_ns of the floor, or its per_s for "ring" */
    struct statistics ratio;               /* to the floor, formed inside a round */
    struct statistics times;               /* peers: p50 as a multiple of our call's; median 0: none */
    const char *unit;                      /* of value; NULL: there is none */
    double value;
    const char *note; /* instead of figures: why there are none */
    struct goal goal;
};

struct report {
    FILE *output;
    bool json;
    unsigned rows, goals, met;
};

extern const char *const report_commit; /* commit.c */

bool row_met(const struct row *row);

void report_start(struct report *report, FILE *output, bool json);

/* What the figures are of: machine, kernel, governor, commit, rounds. As text, or one object {"machine":…}.
 */
void report_header(struct report *report, unsigned rounds, double clock_ns);
void report_row(struct report *report, const struct row *row);
/* How many goals there were and how many were met. Nothing for JSON. */
void report_end(struct report *report);

#endif
