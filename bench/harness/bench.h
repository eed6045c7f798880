/*
 * `realm bench`: what the harness is asked for and what its parts share.
 *
 *     cases.c      the table: one row a case
 *     case_*.c     how a kind of case is measured
 *     system.c     boots a scenario with `realm run` and knows its realms' processes
 *     admin.c      asks such a system for something
 *     peers.c      the programs that are measured beside
 *     rounds.c     interleaved rounds over stations (bench/measure/gate.h)
 *     bare.c       floors of what is the kernel's work: starts, revocations
 *     watch.c      processes as /proc shows them
 *     report.c     rows, as a table or as JSON
 */
#ifndef BENCH_HARNESS_BENCH_H
#define BENCH_HARNESS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/un.h>

#include "bench/harness/report.h"

#define BENCH_ROUNDS_DEFAULT 29u
#define BENCH_ROUNDS_QUICK   15u /* the fewest from which an interval is taken to say something */
#define BENCH_ROUNDS_MAX     1000u

struct bench_options {
    bool json, quick;
    unsigned rounds;                             /* 0: the default */
    const char *const *cases;                    /* ids; none: all */
    size_t cases_count;                          /* … of them */
    int (*command)(int argc, char *const *argv); /* the `realm` command itself, for `realm run` */
    /* Where an instance's admin socket is. Return: 0; -errno. */
    int (*address)(const char *instance, struct sockaddr_un *ret_address);
    const char *program;  /* path of the `realm` command */
    const char *no_uring; /* why there is no io_uring here; NULL: there is */
};

struct bench {
    struct bench_options options;
    struct report report;
    FILE *errors;
    bool progress;        /* show it on errors */
    unsigned steps, done; /* cases to measure, and measured */
    const char *now;      /* id of the present case */
    unsigned systems;     /* booted so far */
    unsigned cpus[2];     /* the processors to measure on; the same if there is only one */
};

/* Measures. What goes wrong is said on errors. Return: 0; 1: something could not be measured, or the user
 * has asked to stop; 2: there is no such case. */
int bench_run(const struct bench_options *options, FILE *output, FILE *errors);

/* Prints the cases, one a line. */
void bench_list(FILE *output);

/* Whether the user has asked to stop. */
bool bench_stopped(void);

/* Says what went wrong with the present case. Return: 1. */
int bench_fail(struct bench *bench, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reports a row of the present case. */
void bench_row(struct bench *bench, const struct row *row);

/* Shows how far the present case is: part of 1. */
void bench_progress(struct bench *bench, double part);

#endif
