/*
 * Worker threads on the real system, in the box, with either waiter: turns, side by side, nothing lost or
 * done twice, revoked while at work, and no more of them than the realm's limit of threads allows.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/steps.h"

static struct run *start(const char *waiter, const char *server, const char *steps)
{
    char scenario[768];
    const char *options[] = {waiter, NULL};
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/workers\", args: [serve, %s}\n"
             "  - {name: client, program: \"@BIN@/workers\", args: [call, %s]}\n"
             "  - {name: other, program: \"@BIN@/workers\", args: [call, wait]}\n"
             "services:\n  - {name: workers, provider: server, access: [client, other]}\n",
             server, steps);
    return run_start(scenario, options);
}

ParameterizedTestParameters(workers, side_by_side)
{
    return each_waiter();
}

/* Goal: of four idle workers each has its turn, exactly; four calls can be at work at once; of 20 000 calls
 * and as many one-way messages each is served once; the same from the sleep of all of them. */
ParameterizedTest(char (*waiter)[24], workers, side_by_side)
{
    struct run *run = start(*waiter, "\"4\"]", "turns, meet, flood, wait");
    expect_line(run, "client", "turns REALM_OK 100 100 100 100");
    expect_line(run, "client", "meet REALM_OK last REALM_OK");
    expect_line(run, "client", "flood REALM_OK wrong 0 calls 20000 sends 20000");
    over(run);
}

ParameterizedTestParameters(workers, revoked_while_at_work)
{
    return each_waiter();
}

/* Goal: a channel is revoked while four workers of five are at its requests: its calls end with REVOKED,
 * nothing crashes, and when the workers are let go they serve a channel that was made anew. */
ParameterizedTest(char (*waiter)[24], workers, revoked_while_at_work)
{
    struct run *run = start(*waiter, "\"5\"]", "hold, again, go, turns, wait");
    expect_line(run, "client", "holding");
    json_decref(run_result(run, "{\"command\":\"revoke\",\"realm\":\"client\",\"service\":\"workers\"}"));
    expect_line(run, "client", "hold REALM_OK last REALM_E_REVOKED");
    expect_line(run, "client", "go REALM_OK");
    /* Not all of them may be back when the first of the 400 is served, so nearly as many each. */
    unsigned served[4];
    json_t *event = run_wait_event(run, "log", "realm", "client");
    cr_assert_eq(sscanf(json_string_value(json_object_get(event, "text")), "turns REALM_OK %u %u %u %u",
                        &served[0], &served[1], &served[2], &served[3]),
                 4);
    for (unsigned i = 0; i < 4; i++)
        cr_assert_gt(served[i], 0);
    over(run);
}

/* Goal: with eight threads allowed, a realm gets no sixteen workers, none of the sixteen stays, and then it
 * gets the four that it may have. */
Test(workers, within_the_limit_of_threads)
{
    struct run *run = start("--waiter=auto", "\"4\", \"16\"], limits: {threads: 8}", "turns, wait");
    expect_line(run, "server", "16 workers: REALM_E_LIMIT");
    expect_line(run, "client", "turns REALM_OK 100 100 100 100");
    over(run);
}
