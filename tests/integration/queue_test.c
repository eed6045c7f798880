/*
 * Queues as large as their service says, on the real system.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/harness.h"

/* The server looks at nothing before its client has filled the queue and registered "go". */
static const char scenario_format[] =
    "system: t\nrealms:\n"
    "  - {name: server, program: \"@BIN@/worker\", args: [serve, bulk, connect, go, run]}\n"
    "  - {name: client, program: \"@BIN@/worker\", args: [connect, bulk, fill, serve, go, count, exit, "
    "\"0\"]}\n"
    "services:\n"
    "  - {name: bulk, provider: server, access: all%s}\n"
    "  - {name: go, provider: client, access: all}\n";

static void expect_fill(const char *queue, unsigned filled)
{
    char scenario[1024], text[64];

    snprintf(scenario, sizeof scenario, scenario_format, queue);
    struct run *run = run_start(scenario, NULL);
    snprintf(text, sizeof text, "filled %u until REALM_E_QUEUE_FULL", filled);
    run_wait_event(run, "log", "text", text);
    snprintf(text, sizeof text, "served %u", filled);
    run_wait_event(run, "log", "text", text);
    run_wait_event(run, "terminated", "realm", "client");
    cr_expect_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: a queue takes as many messages, or bytes, as its service says, whichever comes first, and loses none
 * of them. A message of 8 bytes takes a line of 64; 256 bytes of a queue are bookkeeping. */
Test(queue, holds_what_it_says)
{
    expect_fill("", 32);
    expect_fill(", queue: {messages: 1}", 1);
    expect_fill(", queue: {messages: 1000}", (8192 - 256) / 64);
    expect_fill(", queue: {messages: 1000, bytes: 256KiB}", 1000);
    expect_fill(", queue: {messages: 4096, bytes: 256KiB}", (262144 - 256) / 64);
    expect_fill(", queue: {messages: 4096, bytes: 5KiB}", (5120 - 256) / 64);
}

/* Goal: `realm channels` shows each channel's queue. */
Test(queue, is_shown)
{
    struct run *run =
        run_start("system: t\nrealms:\n"
                  "  - {name: server, program: \"@BIN@/worker\", args: [serve, a, serve, b, run]}\n"
                  "  - {name: x, program: \"@BIN@/worker\", args: [connect, a, call, \"1\", run]}\n"
                  "  - {name: y, program: \"@BIN@/worker\", args: [connect, b, call, \"1\", run]}\n"
                  "services:\n"
                  "  - {name: a, provider: server, access: all, queue: {messages: 7, bytes: 12KiB}}\n"
                  "  - {name: b, provider: server, access: all}\n",
                  NULL);
    run_wait_event(run, "log", "text", "called 1");
    run_wait_event(run, "log", "text", "called 1");
    json_t *rows = run_result(run, "{\"command\":\"channels\"}");
    json_t *a = row_of(rows, "service", "a"), *b = row_of(rows, "service", "b");
    cr_expect_eq(json_integer_value(json_object_get(a, "queue_messages")), 7);
    cr_expect_eq(json_integer_value(json_object_get(a, "queue_bytes")), 12288);
    cr_expect_eq(json_integer_value(json_object_get(b, "queue_messages")), 32);
    cr_expect_eq(json_integer_value(json_object_get(b, "queue_bytes")), 8192);
    json_decref(rows);
    cr_expect_eq(run_stop(run), 0);
    run_nothing_left(run);
}
