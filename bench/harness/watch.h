/* Processes as /proc shows them, from outside of the system that they belong to. */
#ifndef BENCH_HARNESS_WATCH_H
#define BENCH_HARNESS_WATCH_H

#include <stdint.h>
#include <sys/types.h>

/* CPU time that all threads of a process have had so far, by schedstat; exact for a process that sleeps.
 * 0 if it is gone. */
uint64_t watch_cpu_ns(pid_t pid);

/* The sum of the numbers behind all lines of /proc/PID/FILE that begin with key; -1: it is gone. */
int64_t watch_sum(pid_t pid, const char *file, const char *key);

/* Voluntary context switches of its first thread so far; 0 if it is gone. */
int64_t watch_sleeps(pid_t pid);

/*
 * Resident bytes of channel regions that the process has mapped: whole memfds larger than a page. A realm
 * also has idle regions mapped, which wait for the next channel and were never touched; the control page is
 * no channel, and the gate is known by its size.
 */
int64_t watch_regions(pid_t pid, uint64_t not_of_bytes);

#endif
