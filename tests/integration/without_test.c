/*
 * Each part of the box forced absent: the system starts, says what is missing, and works; `require:` makes it
 * an error.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/harness.h"

ParameterizedTestParameters(without, works)
{
    static char parts[][40] = {"userns", "landlock", "uring",
                               "waitv",  "cgroup",   "userns,landlock,uring,waitv"};
    return cr_make_param_array(char[40], parts, sizeof parts / sizeof *parts);
}

/* Goal: whatever is taken away, the boot event names it and a call, one that has to wait included, works. */
ParameterizedTest(char (*parts)[40], without, works)
{
    const char *options[] = {"--without", *parts, NULL};
    struct run *run =
        run_start("system: t\nrealms:\n"
                  "  - {name: server, program: \"@BIN@/worker\", args: [wait, \"100\", serve, echo, run]}\n"
                  "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1000\", wait, "
                  "\"50\", call, \"1000\"]}\n"
                  "services:\n  - {name: echo, provider: server, access: all}\n",
                  options);
    json_t *booted = run_wait_event(run, "booted", NULL, NULL);
    json_t *missing = json_object_get(booted, "missing");
    char text[256] = ",";
    size_t index;
    json_t *word;
    json_array_foreach(missing, index, word)
    {
        strncat(text, json_string_value(word), 32);
        strcat(text, ",");
    }
    char wanted[40];
    snprintf(wanted, sizeof wanted, "%s", *parts);
    for (char *part = strtok(wanted, ","); part; part = strtok(NULL, ",")) {
        char pattern[44];
        snprintf(pattern, sizeof pattern, ",%s,", part);
        cr_assert_not_null(strstr(text, pattern), "%s is not among the missing: %s", part, text);
    }
    run_wait_event(run, "terminated", "realm", "client");
    cr_assert_eq(run_finish(run), 0);
    run_nothing_left(run);
}

/* Goal: what a scenario requires and does not get keeps it from starting, with status 1. */
ParameterizedTestParameters(without, required)
{
    static char parts[][40] = {"userns", "landlock", "uring", "waitv"};
    return cr_make_param_array(char[40], parts, sizeof parts / sizeof *parts);
}

ParameterizedTest(char (*part)[40], without, required)
{
    char scenario[256];
    const char *options[] = {"--without", *part, NULL};
    snprintf(scenario, sizeof scenario,
             "system: t\nrequire: [%s]\nrealms:\n  - {name: a, program: \"@BIN@/worker\"}\n", *part);
    struct run *run = run_start(scenario, options);
    cr_assert_null(run_next_event(run), "it started all the same");
    cr_assert_eq(run_finish(run), 1);
    run_nothing_left(run);
}
