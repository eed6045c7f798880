/*
 * The Memory Manager is not on the path, and a server of a thousand clients waits on all of them at once,
 * with either waiter.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/integration/harness.h"

/* What a process has done so far: switches to and from it, times it was put on a processor. */
struct activity {
    unsigned long long voluntary, involuntary, slices;
};

static struct activity activity_of(pid_t pid)
{
    struct activity now = {0};
    char path[64], line[256];

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (fgets(line, sizeof line, file)) {
        sscanf(line, "voluntary_ctxt_switches: %llu", &now.voluntary);
        sscanf(line, "nonvoluntary_ctxt_switches: %llu", &now.involuntary);
    }
    fclose(file);
    snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
    file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_eq(fscanf(file, "%*u %*u %llu", &now.slices), 1);
    fclose(file);
    return now;
}

/* A folder with the two files at which the client halts. */
static char halts_folder[64];

static void make_halts(void)
{
    char gate[96];
    snprintf(halts_folder, sizeof halts_folder, "/tmp/realmkit-million-XXXXXX");
    cr_assert_not_null(mkdtemp(halts_folder));
    snprintf(gate, sizeof gate, "%s/gate", halts_folder);
    cr_assert_eq(mkfifo(gate, 0600), 0);
}

static void remove_halts(void)
{
    static const char *const names[] = {"gate", "halts"};
    char path[96];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", halts_folder, names[i]);
        unlink(path);
    }
    rmdir(halts_folder);
}

static void wait_for_halt(off_t number)
{
    char path[96];
    struct stat status = {0};
    snprintf(path, sizeof path, "%s/halts", halts_folder);
    for (unsigned waited_ms = 0; stat(path, &status) != 0 || status.st_size < number; waited_ms++) {
        cr_assert_lt(waited_ms, 600000u);
        harness_let_pass(1);
    }
}

static void go_on(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/gate", halts_folder);
    int gate = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    cr_assert(gate >= 0 && write(gate, ".", 1) == 1);
    close(gate);
}

/* Goal: during a million calls the broker does not run once: no switch, no time slice, so no system call. */
Test(path, a_million_calls_cost_the_broker_nothing, .init = make_halts, .fini = remove_halts)
{
    char scenario[1024];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
             "  - name: client\n    program: \"@BIN@/million\"\n"
             "    files: {gate: {path: %s/gate, mode: rw}, halts: {path: %s/halts, mode: a}}\n"
             "services:\n  - {name: echo, provider: server, access: all}\n",
             halts_folder, halts_folder);
    struct run *run = run_start(scenario, NULL);
    /* The client halts before and after its calls, so that the two looks frame them exactly and nothing it
     * prints is among what is counted. */
    run_wait_event(run, "log", "realm", "client");
    wait_for_halt(1);
    pid_t broker = run_broker(run);
    harness_wait_idle(broker);
    struct activity before = activity_of(broker);
    go_on();
    wait_for_halt(2);
    struct activity after = activity_of(broker);
    go_on();
    cr_assert_eq(after.voluntary, before.voluntary, "%llu times", after.voluntary - before.voluntary);
    cr_assert_eq(after.involuntary, before.involuntary);
    cr_assert_eq(after.slices, before.slices);
    json_t *log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "1000000 calls");
    cr_assert_eq(run_finish(run), 0);
    run_nothing_left(run);
}

ParameterizedTestParameters(path, a_thousand_clients)
{
    static char waiters[][24] = {"--waiter=uring", "--waiter=pipe"};
    return cr_make_param_array(char[24], waiters, sizeof waiters / sizeof *waiters);
}

/* Goal: one server, a thousand channels from ten realms, three rounds of calls over all, with each waiter. */
ParameterizedTest(char (*waiter)[24], path, a_thousand_clients)
{
    char scenario[4096] = "system: t\nrealms:\n"
                          "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n";
    const char *options[] = {*waiter, NULL};
    size_t at = strlen(scenario);

    for (int i = 0; i < 10; i++)
        at +=
            (size_t)snprintf(scenario + at, sizeof scenario - at,
                             "  - {name: c%d, program: \"@BIN@/worker\", args: [many, echo, \"100\"]}\n", i);
    snprintf(scenario + at, sizeof scenario - at,
             "services:\n  - {name: echo, provider: server, access: all}\n");
    struct run *run = run_start(scenario, options);
    json_t *booted = run_wait_event(run, "booted", NULL, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(booted, "waiter")), *waiter + strlen("--waiter="));
    cr_assert_eq(run_finish(run), 0);
    cr_assert_eq(run_seen(run, "connected"), 1000u);
    cr_assert_eq(run_seen(run, "terminated"), 11u);
    run_nothing_left(run);
}

/* Goal: a system in which nothing happens has no wake-ups: ten idle servers with an idle client each. */
Test(path, idle_realms_sleep)
{
    char scenario[8192] = "system: t\nrealms:\n";
    size_t at = strlen(scenario);
    for (int i = 0; i < 5; i++)
        at += (size_t)snprintf(
            scenario + at, sizeof scenario - at,
            "  - {name: s%d, program: \"@BIN@/worker\", args: [serve, e%d, run]}\n"
            "  - {name: c%d, program: \"@BIN@/worker\", args: [connect, e%d, call, \"10\", run]}\n",
            i, i, i, i);
    at += (size_t)snprintf(scenario + at, sizeof scenario - at, "services:\n");
    for (int i = 0; i < 5; i++)
        at += (size_t)snprintf(scenario + at, sizeof scenario - at,
                               "  - {name: e%d, provider: s%d, access: all}\n", i, i);
    struct run *run = run_start(scenario, NULL);
    pid_t pids[10];
    unsigned long long slices[10];
    for (int i = 0; i < 5; i++)
        run_wait_event(run, "log", NULL, NULL);
    json_t *rows = run_result(run, "{\"command\":\"ps\"}");
    cr_assert_eq(json_array_size(rows), 10u);
    for (size_t i = 0; i < 10; i++) {
        pids[i] = (pid_t)json_integer_value(json_object_get(json_array_get(rows, i), "pid"));
        harness_wait_idle(pids[i]);
        slices[i] = activity_of(pids[i]).slices;
    }
    json_decref(rows);
    harness_let_pass(2000);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(activity_of(pids[i]).slices, slices[i], "realm %zu woke up", i);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}
