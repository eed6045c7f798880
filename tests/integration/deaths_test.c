/*
 * Deaths through librealm: a kill at every step of register, connect, call and reply. The other side always
 * gets an answer or an error, never a hang.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/integration/harness.h"

#define SERVER "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
/* A client that stays, so that the system does, too. */
#define ANCHOR "  - {name: anchor, program: \"@BIN@/worker\", args: [run]}\n"
#define ECHO   "services:\n  - {name: echo, provider: server, access: all}\n"

/* A realm beside an honest server, whose last step is its death. */
ParameterizedTestParameters(deaths, of_the_client)
{
    static char steps[][64] = {"early-die",
                               "die",
                               "connect, echo, die",
                               "connect, echo, call, \"5\", die",
                               "connect, echo, poke, \"5\", disconnect, die",
                               "serve, other, die"};
    return cr_make_param_array(char[64], steps, sizeof steps / sizeof *steps);
}

/* Goal: a client killed after any of its steps takes only itself down; descriptors are counted back. */
ParameterizedTest(char (*steps)[64], deaths, of_the_client)
{
    char scenario[2048];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n" SERVER ANCHOR "  - {name: dying, program: \"@BIN@/worker\", args: [%s], "
             "parent: server, start_limit: {count: 100, within: 1s}}\n"
             "  - {name: late, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\"], parent: "
             "server}\n" ECHO "  - {name: other, provider: dying, access: all}\n",
             *steps);
    struct run *run = run_start(scenario, NULL);
    run_wait_event(run, "registered", "service", "echo");
    json_decref(run_result(run, "{\"command\":\"spawn\",\"realm\":\"late\"}"));
    run_wait_event(run, "terminated", "realm", "late");
    json_t *before = run_counts(run);
    for (int i = 0; i < 3; i++) {
        json_decref(run_result(run, "{\"command\":\"spawn\",\"realm\":\"dying\"}"));
        json_t *end = run_wait_event(run, "terminated", "realm", "dying");
        cr_assert_eq(strncmp(json_string_value(json_object_get(end, "exit")), "SIG", 3), 0);
    }
    json_decref(run_result(run, "{\"command\":\"spawn\",\"realm\":\"late\"}"));
    json_t *log = run_wait_event(run, "log", "realm", "late");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "called 100");
    run_wait_event(run, "terminated", "realm", "late");
    run_counts_back_to(run, before);
    cr_assert_eq(run_stop(run), 1); /* a realm failed */
    run_nothing_left(run);
}

struct poke {
    char server[64];
    char op[4];
    char outcome[40];
};

ParameterizedTestParameters(deaths, of_the_server)
{
    static struct poke pokes[] = {
        {"serve, echo, run", "2", "poked: REALM_E_PEER_DEAD"},       /* killed with the request in hand */
        {"serve, echo, run", "3", "poked: REALM_E_TIMEOUT"},         /* never replies */
        {"serve, echo, run", "4", "poked: answered"},                /* replies twice */
        {"pull, echo, \"1\"", "1", "poked: answered"},               /* replies, then ends */
        {"pull, echo, \"1\", die", "3", "poked: REALM_E_PEER_DEAD"}, /* takes it, never replies, dies */
        {"serve, echo, wait, \"50\", die", "3", "poked: REALM_E_PEER_DEAD"},
        {"serve, echo, wait, \"50\", exit, \"0\"", "3", "poked: REALM_E_PEER_DEAD"},
    };
    return cr_make_param_array(struct poke, pokes, sizeof pokes / sizeof *pokes);
}

/* Goal: whatever becomes of the server, the client's call ends, with the right word. */
ParameterizedTest(struct poke *poke, deaths, of_the_server)
{
    char scenario[2048];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/worker\", args: [%s]}\n"
             "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, poke, \"%s\"]}\n" ECHO,
             poke->server, poke->op);
    struct run *run = run_start(scenario, NULL);
    json_t *log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), poke->outcome);
    run_finish(run);
    run_nothing_left(run);
}

/* Goal: a reply is due once: the second is refused, and the client has had the first. */
Test(deaths, second_reply_is_refused)
{
    struct run *run =
        run_start("system: t\nrealms:\n" SERVER
                  "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, poke, \"4\"]}\n" ECHO,
                  NULL);
    json_t *log = run_wait_event(run, "log", "realm", "server");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "twice REALM_OK REALM_E_STALE");
    cr_assert_eq(run_finish(run), 0);
    run_nothing_left(run);
}

static unsigned long long processor_ticks(pid_t pid)
{
    char path[64], text[1024] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "the client is gone too soon");
    cr_assert_gt(fread(text, 1, sizeof text - 1, file), 0u);
    fclose(file);
    cr_assert_eq(sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                        &user, &system),
                 2);
    return user + system;
}

/* Goal: the broker is killed in mid-traffic: the open channel carries calls on until the launcher ends
 * everything after the orphan grace, and then nothing is left. */
Test(deaths, of_the_broker)
{
    const char *options[] = {"--orphan-grace", "5s", NULL};
    struct run *run =
        run_start("system: t\nrealms:\n" SERVER
                  "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, lasting]}\n" ECHO,
                  options);
    run_wait_event(run, "log", "realm", "client");
    pid_t client = run_realm_pid(run, "client");
    kill(run_broker(run), SIGKILL);
    run_wait_event(run, "broker-died", NULL, NULL);
    /* The client is in `lasting`: it ends when a call fails, and one that hangs uses no processor. So it goes
     * on calling if, still there, it uses more and more. */
    unsigned long long start = processor_ticks(client);
    for (unsigned waited = 0; processor_ticks(client) < start + 3; waited++) {
        cr_assert_lt(waited, 10000u, "the client stands still");
        harness_let_pass(1);
    }
    cr_assert_eq(run_finish(run), 1);
    run_nothing_left(run);
}

/* Goal: no realm can leave a process behind, not even when the launcher is killed: it cannot fork. */
Test(deaths, of_the_launcher)
{
    struct run *run = run_start("system: t\nrealms:\n"
                                "  - {name: away, program: \"@BIN@/fork_away\"}\n" SERVER ECHO,
                                NULL);
    json_t *log = run_wait_event(run, "log", "realm", "away");
    const char *text = json_string_value(json_object_get(log, "text"));
    cr_assert(strncmp(text, "refused ", 8) == 0, "%s", text);
    kill(run_launcher(run), SIGKILL);
    cr_assert_eq(run_finish(run), 1);
    run_nothing_left(run);
}
