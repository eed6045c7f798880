/*
 * Limits on the real daemon: a realm takes as much as it can get of one thing, beside an honest pair. It is
 * stopped where the scenario says and in the documented way, the honest never notice, and nothing is left of
 * it afterwards.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "mm/sandbox/features.h"
#include "mm/sandbox/probe_cgroup.h"
#include "tests/integration/harness.h"
#include "tests/skip.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

/* The greedy realm's limits stand in line 6, from column 78 on. */
static const char *const *options; /* for realm run; NULL: none */

static struct run *boot(const char *thing, const char *limits, const char *server_limits)
{
    char scenario[2048];

    snprintf(
        scenario, sizeof scenario,
        "system: t\nrealms:\n"
        "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run], limits: {%s}}\n"
        "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\", run]}\n"
        "  - {name: late, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\"], start: false}\n"
        "  - {name: greedy, program: \"@BIN@/greedy\", args: [%s], start: false,\n"
        "     limits: {%s}}\n"
        "services:\n  - {name: echo, provider: server, access: all}\n"
        "  - {name: never, provider: server, access: all}\n",
        server_limits, thing, limits);
    struct run *run = run_start(scenario, options);
    run_wait_event(run, "log", "text", "called 100"); /* a sanitizer may have said something before */
    return run;
}

static void spawn(struct run *run, const char *realm)
{
    char request[128];

    snprintf(request, sizeof request, "{\"command\":\"spawn\",\"realm\":\"%s\"}", realm);
    json_decref(run_result(run, request));
}

/* What the greedy realm says that it got: "THING COUNT HOW". */
static unsigned await_greed(struct run *run, const char *thing, const char *how)
{
    json_t *event = run_wait_event(run, "log", "realm", "greedy");
    char word[32] = "", ending[32] = "";
    unsigned count = 0;

    const char *text = json_string_value(json_object_get(event, "text"));
    cr_assert_geq(sscanf(text, "%31s %u %31s", word, &count, ending), 2, "%s", text);
    cr_assert_str_eq(word, thing, "%s", text);
    cr_assert_str_eq(ending, how, "%s", text);
    return count;
}

/* Others connect and call as before. */
static void still_served(struct run *run)
{
    spawn(run, "late");
    json_t *end = run_wait_event(run, "terminated", "realm", "late");
    cr_assert_str_eq(json_string_value(json_object_get(end, "exit")), "0");
    /* Asked for, not waited for: who reads events slowly may lose lines, when others print very much. The
     * broker may come to a pipe only when a window's budget is new (logs.c). */
    json_t *lines = run_result(run, "{\"command\":\"logs\",\"realm\":\"late\"}");
    for (unsigned tries = 0; json_array_size(lines) == 0; tries++) {
        cr_assert_lt(tries, 10000u);
        harness_let_pass(1);
        json_decref(lines);
        lines = run_result(run, "{\"command\":\"logs\",\"realm\":\"late\"}");
    }
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
    cr_assert_str_eq(json_string_value(json_object_get(last, "text")), "called 100");
    json_decref(lines);
}

/* Ends the greedy realm; what it took is counted back, and the system is empty in the end. */
static void give_back(struct run *run, json_t *before)
{
    json_decref(run_result(run, "{\"command\":\"kill\",\"realm\":\"greedy\"}"));
    run_wait_event(run, "terminated", "realm", "greedy");
    run_counts_back_to(run, before);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

static bool has_part(unsigned part)
{
    struct sandbox_features features;

    cr_assert_eq(sandbox_probe(0, &features), 0);
    return (features.present & part) != 0;
}

/* Goal: private memory ends where the limit says, moves when an administrator says so while the realm runs,
 * and moves back. */
Test(bounds, memory)
{
    if (SANITIZED)
        SKIP("a sanitizer's programs have no limit of memory");
    struct run *run = boot("memory", "memory: 8MiB", "");
    json_t *before = run_counts(run);
    int status;

    spawn(run, "greedy");
    unsigned got = await_greed(run, "memory", "ENOMEM");
    cr_assert(got > 0 && got < 8, "it got %u MiB of 8", got);
    still_served(run);
    free(run_command(run, &status, (const char *[]){"limit", "greedy", "memory=24MiB", NULL}));
    cr_assert_eq(status, 0);
    json_t *moved = run_wait_event(run, "limit-moved", "realm", "greedy");
    cr_assert_eq(json_integer_value(json_object_get(moved, "value")), 24 << 20);
    got += await_greed(run, "memory", "more");
    cr_assert(got > 16 && got < 24, "it got %u MiB of 24", got);
    give_back(run, before);
}

/* Goal: address space ends where the limit says, also where no memory stands behind it. */
Test(bounds, address_space)
{
    if (SANITIZED)
        SKIP("a sanitizer's programs have no limit of addresses");
    struct run *run = boot("addresses", "address_space: 256MiB", "");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    unsigned got = await_greed(run, "addresses", "ENOMEM");
    cr_assert(got > 8 && got < 16, "it got %u times 16 MiB of 256", got);
    still_served(run);
    give_back(run, before);
}

/* Goal: threads are counted with the first; two realms at their limit do not count for each other. */
Test(bounds, threads)
{
    if (!has_part(SANDBOX_USERNS))
        SKIP("without user namespaces nothing counts the threads of a realm");
    struct run *run = boot("threads", "threads: 5", "threads: 1");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    cr_assert_eq(await_greed(run, "threads", "EAGAIN"), 4u);
    still_served(run);
    give_back(run, before);
}

/* Goal: a realm that keeps every descriptor gets no more than its limit, and costs only itself. */
Test(bounds, descriptors)
{
    struct run *run = boot("descriptors", "descriptors: 64, channels: 4096", "");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    unsigned got = await_greed(run, "descriptors", "");
    cr_assert(got > 8 && got < 64, "it got %u", got);
    still_served(run);
    give_back(run, before);
}

/* Goal: channels: the limit is answered REALM_E_LIMIT and told once, with its value and place. */
Test(bounds, channels)
{
    struct run *run = boot("channels", "channels: 5", "");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    json_t *event = run_wait_event(run, "limited", "realm", "greedy");
    cr_assert_str_eq(json_string_value(json_object_get(event, "limit")), "channels");
    cr_assert_eq(json_integer_value(json_object_get(event, "value")), 5);
    const char *at = json_string_value(json_object_get(event, "at"));
    cr_assert_not_null(strstr(at, ":7:25"), "%s", at);
    cr_assert_not_null(
        strstr(json_string_value(json_object_get(event, "fix")), "`limits:` of realm `greedy`"));
    cr_assert_eq(await_greed(run, "channels", "REALM_E_LIMIT"), 5u);
    still_served(run);
    cr_assert_eq(run_seen(run, "limited"), 1u);
    give_back(run, before);
}

/* Goal: a client that may have more channels than its server leaves the others some. */
Test(bounds, channels_of_a_server)
{
    struct run *run = boot("channels", "channels: 4096", "channels: 32");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    json_t *event = run_wait_event(run, "limited", "realm", "server");
    cr_assert_eq(json_integer_value(json_object_get(event, "value")), 32);
    unsigned got = await_greed(run, "channels", "REALM_E_LIMIT");
    cr_assert(got >= 15 && got <= 17, "it got %u of 32, beside one other client", got);
    still_served(run);
    give_back(run, before);
}

/* Goal: where the broker itself may have few descriptors, a greedy client leaves the others some. */
Test(bounds, descriptors_of_the_broker)
{
    const struct rlimit few = {.rlim_cur = 1100, .rlim_max = 1100}; /* a start needs number 1000 */

    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct run *run = boot("channels", "channels: 4096", "");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    json_t *event = run_wait_event(run, "limited", "realm", "greedy");
    cr_assert_str_eq(json_string_value(json_object_get(event, "limit")), "the broker's descriptors");
    cr_assert_eq(json_integer_value(json_object_get(event, "value")), 1100);
    unsigned got = await_greed(run, "channels", "REALM_E_LIMIT");
    cr_assert(got > 120 && got < 140, "it got %u of 275, beside one other client", got);
    still_served(run);
    give_back(run, before);
}

/* Goal: of the connects that wait, the newest stay, the others are answered, and it is told once. */
Test(bounds, waits)
{
    struct run *run = boot("waits", "waits: 4", "");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    json_t *event = run_wait_event(run, "limited", "realm", "greedy");
    cr_assert_str_eq(json_string_value(json_object_get(event, "limit")), "waits");
    cr_assert_eq(json_integer_value(json_object_get(event, "value")), 4);
    cr_assert_eq(await_greed(run, "waits", "REALM_E_LIMIT"), 4u);
    json_t *counts = run_counts(run);
    cr_assert_eq(json_integer_value(json_object_get(counts, "waits")), 4);
    json_decref(counts);
    still_served(run);
    cr_assert_eq(run_seen(run, "limited"), 1u);
    give_back(run, before);
}

/* Goal: output without end is kept as far as the limit says, and pushes out nobody else's. */
Test(bounds, log)
{
    struct run *run = boot("lines", "log: 4KiB", "");
    json_t *before = run_counts(run);
    size_t kept = 0, index;
    json_t *line;

    spawn(run, "greedy");
    for (const char *text = ""; strcmp(text, "lines") != 0;)
        text = json_string_value(json_object_get(run_wait_event(run, "log", "realm", "greedy"), "text"));
    json_t *lines = run_result(run, "{\"command\":\"logs\",\"realm\":\"greedy\"}");
    json_array_foreach(lines, index, line) kept += json_string_length(json_object_get(line, "text"));
    cr_assert(kept > 500 && kept <= 4096, "%zu bytes are kept", kept);
    json_decref(lines);
    lines = run_result(run, "{\"command\":\"logs\",\"realm\":\"client\"}");
    unsigned there = 0;
    json_array_foreach(lines, index, line) there +=
        strcmp(json_string_value(json_object_get(line, "text")), "called 100") == 0;
    cr_assert_eq(there, 1u);
    json_decref(lines);
    still_served(run);
    give_back(run, before);
}

/* --- all of it at once --- */

/* A number from /proc/PID/status, such as "Threads:". */
static long status_of(pid_t pid, const char *key)
{
    char path[64], line[256];
    long value = -1;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    while (value < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtol(line + strlen(key), NULL, 10);
    fclose(file);
    return value;
}

static unsigned descriptors_of(pid_t pid)
{
    char path[64];
    unsigned count = 0;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *list = opendir(path);
    cr_assert_not_null(list);
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

/* What a flooded manager may hold: one thread; memory for logs, packets and records; descriptors for each
 * realm (its socket, its pipes, a pool of at most 24 regions of two) and for each channel. */
static void expect_bounded(pid_t pid, unsigned before, unsigned realms, unsigned channels)
{
    cr_assert_eq(status_of(pid, "Threads:"), 1);
    cr_assert_leq(descriptors_of(pid), before + realms * (8 + 2 * 24) + 2 * channels);
    if (!SANITIZED)
        cr_assert_leq(status_of(pid, "VmRSS:"), 32 * 1024, "in KiB");
}

/* Goal: forty realms that each take as much as they can of something, and half of which leave lying what they
 * are sent: the honest go on, launcher and broker stay small, and give everything back. */
Test(bounds, everything_at_once)
{
    enum { GREEDY = 40, CHANNELS = 16 };
    static const char *const things[] = {"deaf",  "channels", "deaf",    "waits", "deaf",
                                         "lines", "deaf",     "threads", "deaf",  "descriptors"};
    char request[160], name[16];
    struct run *run = run_start(
        "system: t\nrealms:\n"
        "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
        "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\", run]}\n"
        "  - {name: late, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\"], start: false}\n"
        "  - {name: greedy, program: \"@BIN@/greedy\", template: true, limits: {threads: 4, descriptors: 64, "
        "channels: 16, waits: 4, log: 4KiB}}\n"
        "services:\n  - {name: echo, provider: server, access: all}\n"
        "  - {name: never, provider: server, access: all}\n",
        NULL);
    run_wait_event(run, "log", "realm", "client");
    json_t *before = run_counts(run);
    const pid_t launcher = run_launcher(run), broker = run_broker(run);
    const unsigned launcher_fds = descriptors_of(launcher), broker_fds = descriptors_of(broker);

    for (unsigned i = 0; i < GREEDY; i++) {
        snprintf(request, sizeof request,
                 "{\"command\":\"spawn\",\"realm\":\"greedy\",\"name\":\"g%u\",\"args\":[\"%s\"]}", i,
                 things[i % (sizeof things / sizeof *things)]);
        json_decref(run_result(run, request));
        snprintf(name, sizeof name, "g%u", i);
        run_wait_event(run, "log", "realm", name);
        expect_bounded(broker, broker_fds, i + 1, (i + 1) * CHANNELS);
        expect_bounded(launcher, launcher_fds, i + 1, 0);
    }
    still_served(run);
    expect_bounded(broker, broker_fds, GREEDY, GREEDY * CHANNELS);
    for (unsigned i = 0; i < GREEDY; i++) {
        snprintf(request, sizeof request, "{\"command\":\"kill\",\"realm\":\"g%u\"}", i);
        json_decref(run_result(run, request));
        snprintf(name, sizeof name, "g%u", i);
        run_wait_event(run, "terminated", "realm", name);
    }
    run_counts_back_to(run, before);
    cr_assert_leq(descriptors_of(launcher), launcher_fds);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* --- cgroups --- */

/* Where a system makes its cgroup; one of version 1 only without user namespaces. false: it makes none here.
 */
static bool find_cgroups(char *ret_folder, size_t capacity)
{
    static const char *const without[] = {"--without", "userns", NULL};

    options = without;
    if (has_part(SANDBOX_CGROUP))
        return sandbox_cgroup_folder(ret_folder, capacity);
    return sandbox_pids_folder(ret_folder, capacity);
}

static bool is_there(const char *folder, pid_t launcher)
{
    char path[4200];

    snprintf(path, sizeof path, "%s/realmkit-%d", folder, (int)launcher);
    return access(path, F_OK) == 0;
}

/* Goal: a realm without a user namespace has its threads counted by its cgroup. */
Test(bounds, threads_by_cgroup)
{
    char folder[4096];

    if (!find_cgroups(folder, sizeof folder))
        SKIP("there is no cgroup here that this user may divide");
    struct run *run = boot("threads", "threads: 5", "threads: 1");
    json_t *before = run_counts(run);

    spawn(run, "greedy");
    cr_assert_eq(await_greed(run, "threads", "EAGAIN"), 4u);
    still_served(run);
    give_back(run, before);
}

/* Goal: no cgroup is left: of a system that ends; of one whose launcher is killed; and of one that is killed
 * with everything around it, once there is another. */
Test(bounds, cgroups_are_removed)
{
    char folder[4096];

    if (!find_cgroups(folder, sizeof folder))
        SKIP("there is no cgroup here that this user may divide");
    struct run *run = boot("deaf", "", "");
    pid_t launcher = run_launcher(run);
    cr_assert(is_there(folder, launcher));
    cr_assert_eq(run_stop(run), 0);
    cr_assert(!is_there(folder, launcher));
    run_nothing_left(run);

    run = boot("deaf", "", "");
    launcher = run_launcher(run);
    kill(launcher, SIGKILL);
    cr_assert_neq(run_finish(run), 0);
    cr_assert(!is_there(folder, launcher));
    run_nothing_left(run);

    run = boot("deaf", "", "");
    launcher = run_launcher(run);
    kill(run_front(run), SIGKILL);
    cr_assert_eq(run_finish(run), 128 + SIGKILL);
    run_nothing_left(run); /* and reaped: a zombie's number is taken */
    run = boot("deaf", "", "");
    cr_assert(!is_there(folder, launcher));
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}
