/*
 * Bad input on the real daemon: hostile realms beside an honest pair. Whatever they do, the honest pair goes
 * on, the offender is answered or ended, the log says who and why, and everything is counted back.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness.h"

#define HONEST                                                                                               \
    "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"                              \
    "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\", run]}\n"
#define ECHO "services:\n  - {name: echo, provider: server, access: all}\n"

static struct run *boot(const char *offence)
{
    char scenario[2048];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n" HONEST "  - {name: hostile, program: \"@BIN@/hostile\", args: [%s], "
             "parent: server, start_limit: {count: 100, within: 1s}}\n"
             "  - {name: late, program: \"@BIN@/worker\", args: [connect, echo, call, \"100\"], parent: "
             "server}\n" ECHO,
             offence);
    struct run *run = run_start(scenario, NULL);
    run_wait_event(run, "log", "realm", "client");
    return run;
}

static void spawn(struct run *run, const char *realm)
{
    char request[128];
    snprintf(request, sizeof request, "{\"command\":\"spawn\",\"realm\":\"%s\"}", realm);
    json_decref(run_result(run, request));
}

/* The honest still connect and call. */
static void still_served(struct run *run)
{
    spawn(run, "late");
    json_t *log = run_wait_event(run, "log", "realm", "late");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "called 100");
    run_wait_event(run, "terminated", "realm", "late");
}

/* Broken packets: an event says who did what, and the realm is ended. */
ParameterizedTestParameters(hostile, offences_end_the_realm)
{
    static char offences[][16] = {
        "garbage",    "empty",        "cut",         "short",     "long",   "huge", "version", "type",
        "event-type", "before-hello", "hello-twice", "wrong-ack", "no-ack", "shut", "hang-up", "deaf"};
    return cr_make_param_array(char[16], offences, sizeof offences / sizeof *offences);
}

/* Goal: each way to break the protocol ends the offender, with its name and its offence in the log, and
 * nobody else; the broker's descriptors are counted back. */
ParameterizedTest(char (*offence)[16], hostile, offences_end_the_realm)
{
    struct run *run = boot(*offence);
    json_t *before = run_counts(run);

    spawn(run, "hostile");
    json_t *said = run_wait_event(run, "offence", "realm", "hostile");
    cr_assert_gt(strlen(json_string_value(json_object_get(said, "what"))), 5u);
    run_wait_event(run, "terminated", "realm", "hostile");
    still_served(run);
    run_counts_back_to(run, before);
    cr_assert_eq(run_stop(run), 1); /* a realm failed */
    run_nothing_left(run);
}

ParameterizedTestParameters(hostile, bad_names_are_answered)
{
    static char names[][16] = {"name-10000", "name-empty", "name-nul", "name-utf8", "name-control"};
    return cr_make_param_array(char[16], names, sizeof names / sizeof *names);
}

/* Goal: a bad name is answered BAD_NAME (the realm exits 0 if so) and the realm may go on. */
ParameterizedTest(char (*name)[16], hostile, bad_names_are_answered)
{
    struct run *run = boot(*name);
    spawn(run, "hostile");
    json_t *end = run_wait_event(run, "terminated", "realm", "hostile");
    cr_assert_str_eq(json_string_value(json_object_get(end, "exit")), "0");
    still_served(run);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: a flood of 25 000 requests is answered in full, at no more than 10 000 a second, and hurts nobody. A
 * machine too slow to send that many in a second needs no throttle; then the time shows it, too. */
Test(hostile, a_flood_is_throttled)
{
    struct run *run = boot("flood");
    spawn(run, "hostile");
    json_t *event = run_wait_event(run, "opened", "realm", "hostile");
    json_int_t start = json_integer_value(json_object_get(event, "t_ns"));
    still_served(run);
    event = run_wait_event(run, "terminated", "realm", "hostile");
    cr_assert_str_eq(json_string_value(json_object_get(event, "exit")), "0");
    /* 25 000 touch three of the broker's seconds, and the one between passes whole. */
    cr_assert_geq(json_integer_value(json_object_get(event, "t_ns")) - start, 1000000000);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: a realm that says nothing at all is left alone and costs nothing. */
Test(hostile, silence_is_no_offence)
{
    struct run *run = boot("silent");
    spawn(run, "hostile");
    run_wait_event(run, "started", "realm", "hostile");
    still_served(run);
    cr_assert_eq(run_seen(run, "offence"), 0u);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

ParameterizedTestParameters(hostile, deaths_at_every_step)
{
    static char steps[][16] = {"die-hello", "die-welcome", "die-pool", "die-connect"};
    return cr_make_param_array(char[16], steps, sizeof steps / sizeof *steps);
}

/* Goal: a death in the middle of an exchange with the broker leaves nothing behind in it. */
ParameterizedTest(char (*step)[16], hostile, deaths_at_every_step)
{
    struct run *run = boot(*step);
    json_t *before = run_counts(run);

    for (int i = 0; i < 3; i++) {
        spawn(run, "hostile");
        json_t *end = run_wait_event(run, "terminated", "realm", "hostile");
        cr_assert_eq(strncmp(json_string_value(json_object_get(end, "exit")), "SIG", 3), 0);
    }
    still_served(run);
    run_counts_back_to(run, before);
    cr_assert_eq(run_stop(run), 1); /* a realm failed */
    run_nothing_left(run);
}
