/*
 * A hostile peer on the real system that flips bits in its own regions (tests/realms/flipper.c), towards an
 * honest server and towards an honest client: neither ends, nor hangs, nor serves others worse. What a reader
 * accepts is tested in tests/stress/flipping_stress.c; under AddressSanitizer the victims here are watched as
 * well.
 *
 * REALM_FLIPS: how many messages of each (500). `make test-flipper-long`.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/harness.h"

static const char *flips(void)
{
    const char *text = getenv("REALM_FLIPS");
    return text ? text : "500";
}

/* The realm ends by itself, with success, after its last line, which has these words. */
static void ends_well(struct run *run, const char *realm, const char *words)
{
    json_t *log = run_wait_event(run, "log", "realm", realm);
    const char *text = json_string_value(json_object_get(log, "text"));
    cr_assert_not_null(strstr(text, words), "%s", text);
    json_t *end = run_wait_event(run, "terminated", "realm", realm);
    cr_assert_str_eq(json_string_value(json_object_get(end, "exit")), "0");
}

/* Two realms end by themselves, with success, in whichever order. */
static void both_end_well(struct run *run, const char *const realms[2])
{
    bool ended[2] = {false, false};
    while (!ended[0] || !ended[1]) {
        json_t *end = run_wait_event(run, "terminated", NULL, NULL);
        const char *realm = json_string_value(json_object_get(end, "realm"));
        const unsigned which = strcmp(realm, realms[0]) == 0 ? 0 : 1;
        cr_assert_str_eq(realm, realms[which]);
        cr_assert_str_eq(json_string_value(json_object_get(end, "exit")), "0");
        ended[which] = true;
    }
}

static void spawn(struct run *run, const char *realm)
{
    char request[128];
    snprintf(request, sizeof request, "{\"command\":\"spawn\",\"realm\":\"%s\"}", realm);
    json_decref(run_result(run, request));
}

/* Goal: a client that flips bits in what the server reads, channel after channel, hurts neither it nor its
 * other clients. */
Test(flipper, a_client_that_flips)
{
    char scenario[1024];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"
             "  - {name: staying, program: \"@BIN@/worker\", args: [connect, echo, call, \"10\", run]}\n"
             "  - {name: flipper, program: \"@BIN@/flipper\", args: [call, echo, \"%s\"], parent: server}\n"
             "  - {name: honest, program: \"@BIN@/worker\", args: [connect, echo, call, \"200\"], parent: "
             "server}\n"
             "services:\n  - {name: echo, provider: server, access: all}\n",
             flips());
    struct run *run = run_start(scenario, NULL);
    run_wait_event(run, "registered", "realm", "server");
    const pid_t server = run_realm_pid(run, "server");
    spawn(run, "flipper");
    spawn(run, "honest");
    both_end_well(run, (const char *const[]){"flipper", "honest"});
    cr_assert_eq(run_realm_pid(run, "server"), server, "the server has ended");
    spawn(run, "honest");
    ends_well(run, "honest", "called 200");
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: a server that flips bits in what its clients read ends none of their calls but with an answer or an
 * error, and none of them. */
Test(flipper, a_server_that_flips)
{
    char scenario[1024];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: flipper, program: \"@BIN@/flipper\", args: [serve, echo]}\n"
             "  - {name: victim, program: \"@BIN@/flipper\", args: [victim, echo, \"%s\"], parent: flipper}\n"
             "services:\n  - {name: echo, provider: flipper, access: all}\n",
             flips());
    struct run *run = run_start(scenario, NULL);
    run_wait_event(run, "registered", "realm", "flipper");
    spawn(run, "victim");
    ends_well(run, "victim", "called");
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}
