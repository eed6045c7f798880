/*
 * Capabilities that change hands on the real system: in a message, with a channel of their own, and taken
 * back.
 *
 * The realms are tests/realms/delegation.c; the giver prints what came of each step, and the test says what
 * must have come of it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/steps.h"

/* access: of "shared". */
static struct run *start_with(const char *steps, const char *access)
{
    char scenario[2048];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/delegation\", args: [serve]}\n"
             "  - {name: keeper, program: \"@BIN@/delegation\", args: [keep]}\n"
             "  - {name: giver, program: \"@BIN@/delegation\", args: [give, %s]}\n"
             "services:\n  - {name: shared, provider: server, access: [%s]}\n"
             "  - {name: keeper, provider: keeper, access: [giver]}\n",
             steps, access);
    return run_start(scenario, NULL);
}

static struct run *start(const char *steps)
{
    return start_with(steps, "giver");
}

/* The giver's next line. */
static void expect(struct run *run, const char *wanted)
{
    expect_line(run, "giver", wanted);
}

/*
 * Goal: A gives B what it holds of S, inside a message; B calls S through a channel of its own, although no
 * rule lets it connect, and S sees the same badge. A's revocation ends B's channel, with REVOKED, and not
 * A's.
 */
Test(delegation, given_in_a_message_and_revoked)
{
    struct run *run = start("use, give, peer, use, revoke, peer, use, revoke, give, peer, wait");
    expect(run, "get REALM_OK");
    expect(run, "use badge 3");
    expect(run, "give badge 0");
    expect(run, "peer badge 3");
    expect(run, "use badge 3");
    expect(run, "revoke REALM_OK");
    expect(run, "peer REALM_E_REVOKED");
    expect(run, "use badge 3");
    expect(run, "revoke REALM_OK"); /* twice is allowed, and removes nothing */
    expect(run, "give badge 0");
    expect(run, "peer badge 3");
    cr_assert_eq(run_seen(run, "revoked"), 1);
    cr_assert_eq(run_seen(run, "delegated"), 3); /* the server's to A, and two of A's */
    cr_assert_eq(run_seen(run, "offence"), 0);
    over(run);
}

/* Goal: what was moved is the receiver's; the giver's channel dies, and the server sees the same badge. */
Test(delegation, moved)
{
    struct run *run = start("move, peer, use, wait");
    expect(run, "get REALM_OK");
    expect(run, "move badge 0");
    expect(run, "peer badge 3");
    expect(run, "use REALM_E_REVOKED");
    over(run);
}

/* Goal: a badge that the server chose is seen by it with the top bit, whoever it was passed on to. */
Test(delegation, minted)
{
    struct run *run = start("mint, use, give, peer, wait");
    expect(run, "get REALM_OK");
    expect(run, "mint REALM_OK");
    expect(run, "use minted 77");
    expect(run, "give badge 0");
    expect(run, "peer minted 77");
    over(run);
}

/* Goal: an endpoint without a name is called by who was given a capability to it, and by those it gives it
 * to. */
Test(delegation, an_endpoint_without_a_name)
{
    struct run *run = start("private, use, give, peer, revoke, peer, wait");
    expect(run, "get REALM_OK");
    expect(run, "private REALM_OK");
    expect(run, "use minted 5");
    expect(run, "give badge 0");
    expect(run, "peer minted 5");
    expect(run, "revoke REALM_OK");
    expect(run, "peer REALM_E_REVOKED");
    over(run);
}

/* Goal: a gift that is refused gives nothing; the reason comes back, and the next one goes through. A wrong
 * cookie, a gate that is not held and looking at others are INCAPABLE. */
Test(delegation, refused)
{
    struct run *run = start("more, peer, wrong, gate, held, give, peer, wait");
    expect(run, "get REALM_OK");
    expect(run, "more REALM_E_BAD_ARGUMENT");
    expect(run, "peer REALM_E_INCAPABLE");
    expect(run, "wrong REALM_E_INCAPABLE");
    expect(run, "gate REALM_E_INCAPABLE REALM_E_INCAPABLE");
    expect(run, "held send 3 name 0 gate 0");
    expect(run, "give badge 0");
    expect(run, "peer badge 3");
    over(run);
}

/* Goal: whoever derived it dies: what was derived from what it held dies with it, and nobody else's. */
Test(delegation, the_giver_dies)
{
    struct run *run = start("give, peer, wait");
    expect(run, "get REALM_OK");
    expect(run, "give badge 0");
    expect(run, "peer badge 3");
    kill(run_realm_pid(run, "giver"), SIGKILL);
    /* Which of the two is told first depends on who of the kernel and the launcher is faster. */
    while (run_seen(run, "revoked") == 0 || run_seen(run, "terminated") == 0)
        cr_assert_not_null(run_next_event(run));
    cr_assert_eq(run_seen(run, "revoked"), 1);
    cr_assert_eq(run_stop(run), 1); /* a realm has failed */
    run_nothing_left(run);
}

/* Goal: a message that claims to carry a capability and does not: taking it is INCAPABLE, costs the taker
 * nothing else, and what comes after it is as ever. */
Test(delegation, a_ticket_that_was_never_given_out)
{
    struct run *run = start("forge, peer, forge, give, peer, wait");
    expect(run, "get REALM_OK");
    expect(run, "forge REALM_E_INCAPABLE");
    expect(run, "peer REALM_E_INCAPABLE");
    expect(run, "forge REALM_E_INCAPABLE");
    expect(run, "give badge 0");
    expect(run, "peer badge 3");
    cr_assert_eq(run_seen(run, "offence"), 0);
    over(run);
}

/* Goal: a gift that is refused is in the decision log, with the place of the rule that gave too little; the
 * change that `realm explain --decision` shows, made in the scenario, lets the same gift through. */
Test(delegation, the_fix_of_a_refused_gift)
{
    char number[24];
    int status;
    struct run *run = start("poor, wait");
    expect(run, "get REALM_OK");
    json_t *denied = run_wait_event(run, "denied", "asked", "offer");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "rule")), "rights");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "at")), "scenario.yaml:7:47");
    snprintf(number, sizeof number, "%lld",
             (long long)json_integer_value(json_object_get(denied, "decision")));
    expect(run, "poor REALM_E_DENIED");
    char *said = run_command(run, &status, (const char *const[]){"explain", "--decision", number, NULL});
    cr_assert_not_null(strstr(said, "giver may not give away what it holds of shared"), "%s", said);
    cr_assert_not_null(strstr(said, "the entry in line 7, column 47: add the rights grant"), "%s", said);
    free(said);
    over(run);
    run = start_with("poor, peer, wait", "{realm: giver, rights: [send, grant]}");
    expect(run, "get REALM_OK");
    expect(run, "poor badge 0");
    json_t *line = run_wait_event(run, "log", "realm", "giver");
    cr_assert_eq(strncmp(json_string_value(json_object_get(line, "text")), "peer badge ", 11), 0);
    over(run);
}
