/*
 * The roles of the benchmark program. bench/run.sh writes a scenario for each measurement, in which this one
 * program plays every realm; outside of a system it looks at processes and prints the table.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <realm/realm.h>

#include <stdint.h>

#include "bench/result.h"

/* What the measuring realm asks of the answering one. */
enum bench_op {
    BENCH_ECHO = 1,  /* BENCH_WORDS words: a number and what belongs to it → the same for its complement */
    BENCH_FLOOR = 2, /* u32 kind, u32 count → nothing; then it answers that many floor round trips */
};

#define BENCH_WORDS 16u /* 64 bytes */

/* Keeps this process on one processor. Return: 0; -errno. */
int bench_pin(unsigned cpu);

/* The answering realm: registers the service and serves until the system stops. */
int server_run(struct realm *realm, const char *service);

/* The measuring realms. Each returns 0 when it could measure, whatever came out. */
int caller_awake(struct realm *realm);
int caller_parked(struct realm *realm);
int caller_asleep(struct realm *realm);
int caller_connect(struct realm *realm);
int caller_million(struct realm *realm);

/* One of many: makes calls until its rings have wrapped, says so, then sleeps until the system stops. */
int caller_settle(struct realm *realm);

/* Echoes count calls over the channel. Return: 0, or 1 after it has logged what went wrong. */
int caller_echo(struct realm *realm, struct realm_channel *channel, uint32_t count);

/* Says a result in the realm's log, from where bench/run.sh takes it. */
void bench_result(struct realm *realm, const struct result *result);

/*
 * Looking at processes from outside, by /proc. counters: prints one line, context switches and read and write
 * system calls of a process. wakeups: how often the processes slept and woke in so many seconds. memory:
 * private memory of each. channel: resident bytes of the channel regions that the process has mapped.
 * Return: an exit status.
 */
int observe_counters(const char *pid);
int observe_wakeups(unsigned seconds, char **pids);
int observe_memory(char **pids);
int observe_channel(const char *pid);

#endif
