/*
 * Revocation on the real system: under traffic of every kind, thousands of times.
 *
 * REALM_REVOKES is how many revocations each run of traffic gets (default: few; `make test-revoke-10000` does
 * them all). The median time from the request to the client's error is printed, and decides nothing: what
 * decides is that each ends with REALM_E_REVOKED and not with the client's own deadline.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <realm/types.h>

#include "tests/integration/harness.h"

#define REVOKE "{\"command\":\"revoke\",\"realm\":\"client\",\"service\":\"shared\"}"

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * REALM_SEC + (uint64_t)now.tv_nsec;
}

static unsigned rounds_wanted(void)
{
    const char *text = getenv("REALM_REVOKES");
    return text ? (unsigned)strtoul(text, NULL, 10) : 100;
}

static int by_size(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* The client's next line; both realms have nothing else to say. */
static const char *next_line(struct run *run)
{
    json_t *event = run_wait_event(run, "log", "realm", "client");
    return json_string_value(json_object_get(event, "text"));
}

/* Some time between now and 300 µs, so that the request hits everywhere. */
static void let_traffic_run(unsigned round)
{
    uint64_t end_ns = now_ns() + round * UINT64_C(7919) % 300 * 1000;
    while (now_ns() < end_ns)
        ;
}

static uint64_t revoke_once(struct run *run, unsigned round)
{
    char error[32];
    uint64_t down_ns = 0;
    cr_assert_str_eq(next_line(run), "up");
    let_traffic_run(round);
    uint64_t asked_ns = now_ns();
    json_decref(run_result(run, REVOKE));
    const char *line = next_line(run);
    cr_assert_eq(sscanf(line, "down %31s %" SCNu64, error, &down_ns), 2, "%s", line);
    cr_assert_str_eq(error, "REALM_E_REVOKED");
    return down_ns - asked_ns;
}

struct traffic {
    char kind[8];
    char waiter[8];
};

ParameterizedTestParameters(revoke, under_traffic)
{
    static struct traffic traffic[] = {
        {"call", "auto"}, {"sleep", "auto"}, {"send", "auto"},
        {"call", "pipe"}, {"sleep", "pipe"}, {"send", "pipe"},
    };
    return cr_make_param_array(struct traffic, traffic, sizeof traffic / sizeof *traffic);
}

/* Goal: whoever sleeps or copies, a revocation ends the client's call with REVOKED; no copy is torn; the
 * realm's other channel goes on; it may connect again; at the end the broker holds what it held before. */
ParameterizedTest(struct traffic *traffic, revoke, under_traffic)
{
    const char *const options[] = {"--waiter", traffic->waiter, NULL};
    unsigned rounds = rounds_wanted();
    uint64_t *times = calloc(rounds + 1, sizeof *times);
    char scenario[1024];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/revoke_traffic\", args: [serve, shared, steady]}\n"
             "  - {name: client, program: \"@BIN@/revoke_traffic\", args: [%s]}\n"
             "services:\n  - {name: shared, provider: server, access: [client]}\n"
             "  - {name: steady, provider: server, access: [client]}\n",
             traffic->kind);
    struct run *run = run_start(scenario, options);
    (void)revoke_once(run, 0);
    json_t *before = run_result(run, "{\"command\":\"counts\"}");
    for (unsigned round = 0; round < rounds; round++)
        times[round] = revoke_once(run, round);
    cr_assert_eq(run_seen(run, "revoked"), rounds + 1);
    cr_assert_eq(run_seen(run, "closed") + run_seen(run, "offence") + run_seen(run, "terminated"), 0);
    json_t *after = run_result(run, "{\"command\":\"counts\"}");
    cr_assert_eq(json_integer_value(json_object_get(after, "endpoints")),
                 json_integer_value(json_object_get(before, "endpoints")));
    cr_assert_leq(json_integer_value(json_object_get(after, "descriptors")),
                  json_integer_value(json_object_get(before, "descriptors")) + 40);
    json_decref(before);
    json_decref(after);
    qsort(times, rounds, sizeof *times, by_size);
    fprintf(stderr, "revoke: %-5s %-4s %u times: median %.0f us, 90%% %.0f us, longest %.0f us\n",
            traffic->kind, traffic->waiter, rounds, (double)times[rounds / 2] / 1000.0,
            (double)times[rounds * 9 / 10] / 1000.0, (double)times[rounds ? rounds - 1 : 0] / 1000.0);
    free(times);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: the command revokes, says how many, and refuses what is not there with what would help. */
Test(revoke, the_command)
{
    struct run *run = run_start(
        "system: t\nrealms:\n"
        "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
        "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, connect, echo, lasting, run]}\n"
        "services:\n  - {name: echo, provider: server, access: all}\n",
        NULL);
    int status;
    while (run_seen(run, "connected") < 2)
        run_wait_event(run, "connected", NULL, NULL);
    char *text = run_command(run, &status, (const char *const[]){"revoke", "client", "echo", NULL});
    cr_assert_eq(status, 0);
    cr_assert_str_eq(text, "revoked 2 channels of client to echo\n");
    free(text);
    json_t *event = run_wait_event(run, "revoked", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(event, "service")), "echo");
    cr_assert_str_eq(json_string_value(json_object_get(event, "server")), "server");
    text = run_command(run, &status, (const char *const[]){"revoke", "client", "echo", NULL});
    cr_assert_eq(status, 1);
    cr_assert_not_null(strstr(text, "`client` has no channel to `echo`"), "%s", text);
    free(text);
    text = run_command(run, &status, (const char *const[]){"revoke", "client", "ecko", NULL});
    cr_assert_eq(status, 1);
    cr_assert_not_null(strstr(text, "there is no service `ecko`"), "%s", text);
    free(text);
    text = run_command(run, &status, (const char *const[]){"revoke", "cliant", "echo", NULL});
    cr_assert_eq(status, 1);
    cr_assert_not_null(strstr(text, "did you mean `client`?"), "%s", text);
    free(text);
    run_stop(run);
    run_nothing_left(run);
}
