/* The plain system of one answering and one measuring realm, which several cases use. */
#ifndef BENCH_HARNESS_PAIR_H
#define BENCH_HARNESS_PAIR_H

#include "bench/harness/cases.h"
#include "bench/harness/rounds.h"

/* Boots it and keeps the server on the first processor and the caller on the second, or both on the first.
 * pids is the server's and the caller's. Return: 0; 1: failed, and said. */
int pair_boot(struct bench *bench, const struct system_options *options, bool same_core,
              struct system **ret_system, pid_t ret_pids[2]);

/* A whole case: boots it with the two on processors of their own, measures, ends it. Return: as measure; 1:
 * it failed, and said. */
typedef int pair_measure(struct bench *bench, const struct bench_case *one, struct system *system,
                         const pid_t pids[2]);
int pair_case(struct bench *bench, const struct bench_case *one, pair_measure *measure);

/* Fills in a participant that this system's caller is. */
void pair_participant(struct system *system, const pid_t pids[2], const char *name,
                      struct participant *participant);

#endif
