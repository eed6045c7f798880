/* bench ROLE ...: what bench/run.sh, and the scenarios that it writes, start. */
#include "bench/bench.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bench_pin(unsigned cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : -errno;
}

void bench_result(struct realm *realm, const struct result *result)
{
    char line[RESULT_LINE_MAX];

    result_format(result, line);
    realm_log(realm, "%s", line);
}

static int usage(void)
{
    fputs("usage, as a realm:  bench server|parked-server SERVICE [CPU]\n"
          "                    bench awake|asleep|parked|connect|million|settle|idle [CPU]\n"
          "       otherwise:   bench counters PID | wakeups SECONDS PID... | memory PID... | channel PID\n"
          "                    bench table [--json] <RESULTS\n",
          stderr);
    return 2;
}

static int idle(struct realm *realm)
{
    return realm_run(realm) != 0;
}

static const struct role {
    const char *name;
    int (*run)(struct realm *realm); /* NULL: it serves */
    bool alone;                      /* shares one processor with its peer */
} roles[] = {
    {"server", NULL, false},
    {"parked-server", NULL, true},
    {"awake", caller_awake, false},
    {"asleep", caller_asleep, false},
    {"parked", caller_parked, true},
    {"connect", caller_connect, false},
    {"million", caller_million, false},
    {"settle", caller_settle, false},
    {"idle", idle, false},
};

static void pin(const char *cpu)
{
    if (cpu != NULL && bench_pin((unsigned)strtoul(cpu, NULL, 10)) != 0)
        fprintf(stderr, "bench: cannot stay on processor %s\n", cpu);
}

/*
 * librealm looks at how many processors it may use when it is opened, and with one it never spins. So who
 * shares one with its peer is pinned before, and who is only kept from wandering is pinned after.
 */
static int play(const struct role *role, const char *service, const char *cpu)
{
    struct realm *realm;
    int error, status;

    if (role->alone)
        pin(cpu);
    error = realm_open(&realm);
    if (error != 0) {
        fprintf(stderr, "bench: %s\n", realm_error_text(error));
        return 1;
    }
    if (!role->alone)
        pin(cpu);
    status = role->run != NULL ? role->run(realm) : server_run(realm, service);
    realm_close(realm);
    return status;
}

static int play_role(int argc, char **argv)
{
    for (unsigned i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        int cpu = roles[i].run != NULL ? 2 : 3;
        if (strcmp(argv[1], roles[i].name) == 0 && argc >= cpu)
            return play(&roles[i], argv[2], argc > cpu ? argv[cpu] : NULL);
    }
    return usage();
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return usage();
    if (strcmp(argv[1], "table") == 0)
        return result_table(argc > 2 && strcmp(argv[2], "--json") == 0);
    if (argc < 3)
        return play_role(argc, argv);
    if (strcmp(argv[1], "counters") == 0)
        return observe_counters(argv[2]);
    if (strcmp(argv[1], "wakeups") == 0)
        return observe_wakeups((unsigned)strtoul(argv[2], NULL, 10), argv + 3);
    if (strcmp(argv[1], "memory") == 0)
        return observe_memory(argv + 2);
    if (strcmp(argv[1], "channel") == 0)
        return observe_channel(argv[2]);
    return play_role(argc, argv);
}
