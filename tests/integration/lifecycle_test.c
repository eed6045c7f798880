/*
 * Life cycles on the real daemon: start, end, children, restarts, polite and impolite ends.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness.h"

#define SERVER "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
#define ECHO   "services:\n  - {name: echo, provider: server, access: all}\n"

/* Goal: a service and its client run, and the system ends by itself, with success, once the client has. */
Test(lifecycle, ends_with_its_clients)
{
    struct run *run = run_start(
        "system: t\nrealms:\n" SERVER
        "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1000\"]}\n" ECHO,
        NULL);
    run_wait_event(run, "registered", "service", "echo");
    run_wait_event(run, "connected", "realm", "client");
    json_t *log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "called 1000");
    json_t *end = run_wait_event(run, "terminated", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(end, "exit")), "0");
    cr_assert_eq(run_finish(run), 0);
    cr_assert_eq(run_seen(run, "terminated"), 2u);
    run_nothing_left(run);
}

static bool ignores(pid_t pid, int number)
{
    char path[64], line[128];
    unsigned long long ignored = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file))
        sscanf(line, "SigIgn: %llx", &ignored);
    if (file)
        fclose(file);
    return ignored >> (number - 1) & 1u;
}

/* Goal: started as a shell starts what runs in the background, with SIGINT ignored, it hears one all the
 * same, and not only once it has probed the box and booted. */
Test(lifecycle, an_interrupt_is_heard_from_the_beginning)
{
    signal(SIGINT, SIG_IGN);
    struct run *run = run_start("system: t\nrealms:\n" SERVER ECHO, NULL);
    signal(SIGINT, SIG_DFL);
    for (unsigned tries = 0; ignores(run_front(run), SIGINT); tries++) {
        cr_assert_lt(tries, 10000u, "it goes on ignoring SIGINT");
        harness_let_pass(1);
    }
    kill(run_front(run), SIGINT);
    int status = run_finish(run);
    cr_assert(status == 0 || status == 128 + SIGINT, "%d", status);
    run_nothing_left(run);
}

/* Goal: a realm that fails is a failed run: the exit status says so. */
Test(lifecycle, a_failure_is_the_exit_status)
{
    struct run *run = run_start(
        "system: t\nrealms:\n  - {name: bad, program: \"@BIN@/worker\", args: [exit, \"3\"]}\n", NULL);
    json_t *end = run_wait_event(run, "terminated", "realm", "bad");
    cr_assert_str_eq(json_string_value(json_object_get(end, "exit")), "3");
    cr_assert_eq(run_finish(run), 1);
    run_nothing_left(run);
}

/* Goal: a realm that keeps failing is restarted, but only up to its start limit. */
Test(lifecycle, restarts_up_to_the_limit)
{
    struct run *run =
        run_start("system: t\nrealms:\n"
                  "  - {name: bad, program: \"@BIN@/worker\", args: [exit, \"3\"], restart: on-failure, "
                  "start_limit: {count: 3, within: 60s}}\n",
                  NULL);
    cr_assert_eq(run_finish(run), 1);
    cr_assert_eq(run_seen(run, "started"), 3u);
    cr_assert_eq(run_seen(run, "terminated"), 3u);
    cr_assert_eq(run_seen(run, "restarting"), 2u);
    run_nothing_left(run);
}

/* Goal: a service that is killed comes back, and its client, told, connects to the new one. */
Test(lifecycle, a_killed_service_comes_back)
{
    struct run *run = run_start(
        "system: t\nrealms:\n"
        "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run], restart: on-failure}\n"
        "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\", poke, \"2\", "
        "disconnect, "
        "connect, echo, call, \"7\"]}\n" ECHO,
        NULL);
    json_t *log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "called 1");
    log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "poked: REALM_E_PEER_DEAD");
    log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "called 7");
    cr_assert_eq(run_finish(run), 0);
    cr_assert_eq(run_seen(run, "restarting"), 1u);
    run_nothing_left(run);
}

/* Goal: children wait for their parent to start them, end with it, and it is told when they end first. */
Test(lifecycle, children_end_with_their_parent)
{
    struct run *run = run_start(
        "system: t\nrealms:\n"
        "  - {name: parent, program: \"@BIN@/worker\", args: [spawn, child, say, spawned, run]}\n"
        "  - {name: child, program: \"@BIN@/worker\", args: [spawn, grandchild, run], parent: parent}\n"
        "  - {name: grandchild, program: \"@BIN@/worker\", args: [say, hello, run], parent: child}\n",
        NULL);
    run_wait_event(run, "started", "realm", "child");
    run_wait_event(run, "log", "realm", "grandchild");
    json_t *ask = run_ask(run, "{\"command\":\"kill\",\"realm\":\"parent\"}");
    cr_assert(json_is_true(json_object_get(ask, "ok")));
    json_decref(ask);
    cr_assert_eq(run_finish(run), 0);
    cr_assert_eq(run_seen(run, "terminated"), 3u);
    run_nothing_left(run);
}

/* Goal: of a template, many instances run under names of their own; a second of the same name is refused. */
Test(lifecycle, templates)
{
    struct run *run = run_start(
        "system: t\nrealms:\n"
        "  - {name: parent, program: \"@BIN@/worker\", args: [spawn-as, kind, one, spawn-as, kind, two, "
        "spawn-as, kind, one]}\n"
        "  - {name: kind, program: \"@BIN@/worker\", args: [run], parent: parent, template: true}\n",
        NULL);
    run_wait_event(run, "started", "realm", "one");
    run_wait_event(run, "started", "realm", "two");
    json_t *log = run_wait_event(run, "log", "realm", "parent");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "spawn-as: REALM_E_EXISTS");
    cr_assert_eq(run_finish(run), 1);
    run_nothing_left(run);
}

/* Goal: ctrl-C asks the realms to stop, and they return from their loops. */
Test(lifecycle, interrupt_is_polite)
{
    struct run *run = run_start("system: t\nrealms:\n" SERVER ECHO, NULL);
    run_wait_event(run, "registered", "service", "echo");
    cr_assert_eq(run_stop(run), 0);
    cr_assert_eq(run_seen(run, "terminated"), 1u);
    run_nothing_left(run);
}

/* Goal: --for ends the system after that time, with success. */
Test(lifecycle, for_a_time)
{
    const char *options[] = {"--for", "300ms", NULL};
    struct run *run = run_start("system: t\nrealms:\n" SERVER ECHO, options);
    cr_assert_eq(run_finish(run), 0);
    run_nothing_left(run);
}

/* Goal: a program that is missing at start is an event that says at which stage, not a hang. */
Test(lifecycle, deaf_realms_are_killed_in_the_end)
{
    struct run *run =
        run_start("system: t\nrealms:\n  - {name: deaf, program: \"@BIN@/hostile\", args: [silent]}\n", NULL);
    run_wait_event(run, "started", "realm", "deaf");
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: when the front end is killed outright, nothing is left. */
Test(lifecycle, front_end_killed)
{
    struct run *run = run_start("system: t\nrealms:\n" SERVER ECHO, NULL);
    run_wait_event(run, "registered", "service", "echo");
    kill(run_front(run), SIGKILL);
    cr_assert_eq(run_finish(run), 128 + SIGKILL);
    run_nothing_left(run);
}

/* Goal: when the launcher is killed, every realm and the broker die with it. */
Test(lifecycle, launcher_killed)
{
    struct run *run = run_start("system: t\nrealms:\n" SERVER ECHO, NULL);
    run_wait_event(run, "registered", "service", "echo");
    kill(run_launcher(run), SIGKILL);
    cr_assert_eq(run_finish(run), 1);
    run_nothing_left(run);
}

/* Goal: an unexpected end of a second system does not touch the first: one instance a name. */
Test(lifecycle, one_instance_a_name)
{
    struct run *run = run_start("system: t\nrealms:\n" SERVER ECHO, NULL);
    run_wait_event(run, "registered", "service", "echo");
    int status;
    const char *words[] = {"run", "/dev/null", NULL};
    char *text = run_command(run, &status, words);
    cr_assert_eq(status, 1);
    free(text);
    json_t *rows = run_result(run, "{\"command\":\"ps\"}");
    cr_assert_eq(json_array_size(rows), 1u);
    json_decref(rows);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}
