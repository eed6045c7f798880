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
    fputs("usage, as a realm:  bench server SERVICE [CPU] | awake|asleep|parked|connect|million|settle|idle "
          "[CPU]\n"
          "       otherwise:   bench counters PID | wakeups SECONDS PID... | memory PID... | channel PID\n"
          "                    bench table [--json] <RESULTS\n",
          stderr);
    return 2;
}

static int as_realm(int (*role)(struct realm *realm), const char *service)
{
    struct realm *realm;
    int error = realm_open(&realm), status;

    if (error != 0) {
        fprintf(stderr, "bench: %s\n", realm_error_text(error));
        return 1;
    }
    status = service != NULL ? server_run(realm, service) : role(realm);
    realm_close(realm);
    return status;
}

static int idle(struct realm *realm)
{
    return realm_run(realm) != 0;
}

static const struct {
    const char *name;
    int (*run)(struct realm *realm);
} roles[] = {{"awake", caller_awake},
             {"asleep", caller_asleep},
             {"parked", caller_parked},
             {"connect", caller_connect},
             {"million", caller_million},
             {"settle", caller_settle},
             {"idle", idle}};

/* Pinning comes before the realm is opened: librealm then sees how many processors it has. */
static int run_role(int argc, char **argv)
{
    int server = strcmp(argv[1], "server") == 0;
    int cpu = server ? 3 : 2;

    if (server && argc < 3)
        return usage();
    if (argc > cpu && bench_pin((unsigned)strtoul(argv[cpu], NULL, 10)) != 0)
        fprintf(stderr, "bench: cannot stay on processor %s\n", argv[cpu]);
    if (server)
        return as_realm(NULL, argv[2]);
    for (unsigned i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (strcmp(argv[1], roles[i].name) == 0)
            return as_realm(roles[i].run, NULL);
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
        return run_role(argc, argv);
    if (strcmp(argv[1], "counters") == 0)
        return observe_counters(argv[2]);
    if (strcmp(argv[1], "wakeups") == 0)
        return observe_wakeups((unsigned)strtoul(argv[2], NULL, 10), argv + 3);
    if (strcmp(argv[1], "memory") == 0)
        return observe_memory(argv + 2);
    if (strcmp(argv[1], "channel") == 0)
        return observe_channel(argv[2]);
    return run_role(argc, argv);
}
