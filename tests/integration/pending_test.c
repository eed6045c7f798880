/*
 * Asynchronous calls between processes, with either waiter: many under way, deadlines, and how they end when
 * the channel or the server does.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/steps.h"

static struct run *start(const char *waiter, const char *steps)
{
    char scenario[512];
    const char *options[] = {waiter, NULL};
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/pending\", args: [serve, pending]}\n"
             "  - {name: client, program: \"@BIN@/pending\", args: [call, %s, wait]}\n"
             "services:\n  - {name: pending, provider: server, access: [client]}\n",
             steps);
    return run_start(scenario, options);
}

static void expect(struct run *run, const char *wanted)
{
    expect_line(run, "client", wanted);
}

ParameterizedTestParameters(pending, many_under_way)
{
    return each_waiter();
}

/* Goal: 20 000 calls, 32 under way at a time, of every size up to a page, with others that wait in between on
 * the same channel: each ends once, with its own bytes. Then ten deadlines; the ten answers come late, are
 * dropped, counted, and told by `realm ps`. */
ParameterizedTest(char (*waiter)[24], pending, many_under_way)
{
    struct run *run = start(*waiter, "flood, late");
    expect(run, "flood REALM_OK ended 20000 wrong 0 last 0 waited 312 late 0");
    expect(run, "late REALM_OK ended 10 last REALM_E_TIMEOUT late 10");
    json_decref(run_result(run, "{\"command\":\"ps\"}")); /* asks the realms for their figures */
    json_t *rows = NULL;
    for (unsigned tries = 0; tries < 1000; tries++) {
        json_decref(rows);
        rows = run_result(run, "{\"command\":\"ps\"}");
        if (json_integer_value(json_object_get(row_of(rows, "realm", "client"), "late_replies")) == 10)
            break;
        harness_let_pass(1);
    }
    cr_assert_eq(json_integer_value(json_object_get(row_of(rows, "realm", "client"), "late_replies")), 10);
    json_decref(rows);
    over(run);
}

ParameterizedTestParameters(pending, revoked)
{
    return each_waiter();
}

/* Goal: 40 calls that nobody answers end with REVOKED, all, when their channel is revoked. */
ParameterizedTest(char (*waiter)[24], pending, revoked)
{
    struct run *run = start(*waiter, "hold");
    expect(run, "holding 40");
    json_decref(run_result(run, "{\"command\":\"revoke\",\"realm\":\"client\",\"service\":\"pending\"}"));
    expect(run, "hold REALM_OK ended 40 last REALM_E_REVOKED");
    over(run);
}

ParameterizedTestParameters(pending, server_killed)
{
    return each_waiter();
}

/* Goal: and with PEER_DEAD, all, when the server dies. */
ParameterizedTest(char (*waiter)[24], pending, server_killed)
{
    struct run *run = start(*waiter, "hold");
    expect(run, "holding 40");
    cr_assert_eq(kill(run_realm_pid(run, "server"), SIGKILL), 0);
    expect(run, "hold REALM_OK ended 40 last REALM_E_PEER_DEAD");
    (void)run_stop(run);
    run_nothing_left(run);
}
