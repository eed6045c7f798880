/*
 * A system under measurement: a scenario, booted by `realm run` in a child of the harness, with the very code
 * that the command runs. Its scenario and its gate are memfds, so that nothing is left of them in any case;
 * its instance's name is made of the harness's process id, so that it disturbs no other.
 *
 * The box does not let a realm choose its processors: they are chosen from outside. A system that is booted
 * on one processor has realms that never spin before they sleep, since there nobody else could run meanwhile;
 * they keep to that when they are moved apart afterwards. That is how parked and awake are told apart, and
 * the voluntary context switches an operation show that it was so.
 */
#ifndef BENCH_HARNESS_SYSTEM_H
#define BENCH_HARNESS_SYSTEM_H

#include <stdbool.h>
#include <sys/types.h>

#include "bench/harness/bench.h"
#include "bench/measure/gate.h"

struct system;

struct system_options {
    const char *waiter;  /* as `realm run --waiter`; NULL: what it chooses */
    const char *without; /* as `realm run --without`; NULL: nothing */
    bool one_cpu;        /* boot on bench->cpus[0] only */
    unsigned stations;   /* that will come to the gate, if it has one: boot waits for them */
};

/*
 * Boots. scenario is YAML in which "@GATE@" stands for the path of the gate's file.
 * Return: 0; 1: it failed, which is said. *ret_system is the caller's until system_end.
 */
int system_boot(struct bench *bench, const char *scenario, const struct system_options *options,
                struct system **ret_system);

/* Ends it: stations leave by themselves, then the system is asked to. NULL is a no-op. */
void system_end(struct system *system);

/* The name of its instance. */
#define SYSTEM_INSTANCE_MAX 64u
void system_instance(const struct system *system, char ret_name[SYSTEM_INSTANCE_MAX]);

struct gate *system_gate(const struct system *system);

/* Reads what events there are. Return: whether the system still runs. */
bool system_runs(struct system *system);

/* The process of a realm that has started; 0: there is none of that name. */
pid_t system_realm(struct system *system, const char *name);
/* Calls for each realm's process. */
void system_each(struct system *system, void (*look)(pid_t pid, void *context), void *context);
/* The broker's process: the launcher's child that is no realm. 0: not found. */
pid_t system_broker(struct system *system);

/* Waits until so many events of a name, with that text in a member (NULL: any), have come since boot.
 * Return: 0; 1: it ended or did not come in time, which is said. */
int system_await(struct system *system, const char *event, const char *member, const char *text,
                 unsigned count);

/* Keeps a process on one processor, or (cpu < 0) lets it run on both. */
void system_pin(const struct bench *bench, pid_t pid, int cpu);

#endif
