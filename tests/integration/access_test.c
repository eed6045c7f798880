/*
 * The four ways to be allowed a service, live: configuration, parent, hierarchy, service policy; and the
 * default, which is no. A denial names its rule and what would allow it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/integration/harness.h"

#define SERVER "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run]}\n"

/* Runs the scenario; the realm's first line must be that. */
static void first_line(const char *scenario, const char *realm, const char *line)
{
    struct run *run = run_start(scenario, NULL);
    json_t *log = run_wait_event(run, "log", "realm", realm);
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), line);
    run_stop(run);
    run_nothing_left(run);
}

/* Goal: nothing allows it: denied, by rule "default", with the place of the service and a fix. */
Test(access, default_is_no)
{
    struct run *run = run_start("system: t\nrealms:\n" SERVER
                                "  - {name: client, program: \"@BIN@/worker\", args: [refuse, echo]}\n"
                                "services:\n  - {name: echo, provider: server}\n",
                                NULL);
    json_t *denied = run_wait_event(run, "denied", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "service")), "echo");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "rule")), "default");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "at")), "scenario.yaml:6:5");
    const char *fix = json_string_value(json_object_get(denied, "fix"));
    cr_assert(fix && strstr(fix, "client") && strstr(fix, "echo"), "fix: %s", fix);
    json_t *log = run_wait_event(run, "log", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(log, "text")), "refused: REALM_E_DENIED");
    cr_assert_eq(run_finish(run), 0);
    run_nothing_left(run);
}

/* Goal: a grant of the configuration allows it. */
Test(access, configuration)
{
    first_line("system: t\nrealms:\n" SERVER
               "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\"]}\n"
               "services:\n  - {name: echo, provider: server}\n"
               "grants:\n  - {to: client, service: echo, rights: [send]}\n",
               "client", "called 1");
}

/* Goal: a child may call its parent, and a parent its child, without any rule. */
Test(access, hierarchy)
{
    first_line(
        "system: t\nrealms:\n"
        "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, spawn, child, run]}\n"
        "  - {name: child, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\"], parent: server}\n"
        "services:\n  - {name: echo, provider: server}\n",
        "child", "called 1");
    first_line(
        "system: t\nrealms:\n"
        "  - {name: client, program: \"@BIN@/worker\", args: [spawn, child, connect, echo, call, \"1\"]}\n"
        "  - {name: child, program: \"@BIN@/worker\", args: [serve, echo, run], parent: client}\n"
        "services:\n  - {name: echo, provider: child}\n",
        "client", "called 1");
}

/* Goal: siblings, and the child of a stranger, need more than kinship. */
Test(access, siblings_need_a_grant)
{
    first_line("system: t\nrealms:\n"
               "  - {name: parent, program: \"@BIN@/worker\", args: [spawn, server, spawn, sibling, run]}\n"
               "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run], parent: parent}\n"
               "  - {name: sibling, program: \"@BIN@/worker\", args: [refuse, echo], parent: parent}\n"
               "services:\n  - {name: echo, provider: server}\n",
               "sibling", "refused: REALM_E_DENIED");
}

/* Goal: a parent that may itself connect can pass that on to its child; one that may not, cannot. */
Test(access, parent_grant)
{
    first_line(
        "system: t\nrealms:\n" SERVER
        "  - {name: parent, program: \"@BIN@/worker\", args: [grant, child, echo, spawn, child, run]}\n"
        "  - {name: child, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\"], parent: parent}\n"
        "services:\n  - {name: echo, provider: server, access: [parent]}\n",
        "child", "called 1");
    first_line("system: t\nrealms:\n" SERVER
               "  - {name: parent, program: \"@BIN@/worker\", args: [grant, child, echo]}\n"
               "  - {name: child, program: \"@BIN@/worker\", args: [run], parent: parent}\n"
               "services:\n  - {name: echo, provider: server}\n",
               "parent", "grant: REALM_E_DENIED");
    first_line("system: t\nrealms:\n" SERVER
               "  - {name: parent, program: \"@BIN@/worker\", args: [grant, server, echo]}\n"
               "services:\n  - {name: echo, provider: server, access: all}\n",
               "parent", "grant: REALM_E_NOT_CHILD");
}

/* Goal: `access: children` is the registering realm's children: not its grandchildren, not strangers. */
Test(access, children)
{
    struct run *run =
        run_start("system: t\nrealms:\n"
                  "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, spawn, child, run]}\n"
                  "  - {name: child, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\", spawn, "
                  "grandchild, run], parent: server}\n"
                  "  - {name: grandchild, program: \"@BIN@/worker\", args: [refuse, echo], parent: child}\n"
                  "  - {name: stranger, program: \"@BIN@/worker\", args: [refuse, echo, run]}\n"
                  "services:\n  - {name: echo, provider: server, access: children}\n",
                  NULL);
    run_wait_event(run, "terminated", "realm", "grandchild"); /* the stranger stays, and the system with it */
    run_stop(run);
    cr_assert_eq(run_seen(run, "denied"), 2u);
    cr_assert_eq(run_seen(run, "connected"), 1u);
    run_nothing_left(run);
}

/* Goal: every name of a service leads to it: alias, endpoint id, port; and only its provider binds them. */
Test(access, aliases)
{
#define NAMES                                                                                                \
    "services:\n  - {name: echo, provider: server, access: all, aliases: [\"SYSTEM::ECHO\"], endpoint: 1, "  \
    "port: 11001}\n"
    static const char *const names[] = {"SYSTEM::ECHO", "endpoint:1", "port:11001"};
    for (size_t i = 0; i < 3; i++) {
        char scenario[1024];
        snprintf(
            scenario, sizeof scenario,
            "system: t\nrealms:\n" SERVER
            "  - {name: client, program: \"@BIN@/worker\", args: [connect, \"%s\", call, \"1\"]}\n" NAMES,
            names[i]);
        first_line(scenario, "client", "called 1");
        snprintf(scenario, sizeof scenario,
                 "system: t\nrealms:\n" SERVER
                 "  - {name: imposter, program: \"@BIN@/worker\", args: [serve, \"%s\"]}\n" NAMES,
                 names[i]);
        first_line(scenario, "imposter", "serve: REALM_E_DENIED");
    }
}

/* Goal: registering twice is refused; so is a name that nobody declared. */
Test(access, registering)
{
    first_line("system: t\nrealms:\n"
               "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, serve, echo]}\n"
               "services:\n  - {name: echo, provider: server}\n",
               "server", "serve: REALM_E_EXISTS");
    first_line("system: t\nrealms:\n"
               "  - {name: server, program: \"@BIN@/worker\", args: [serve, other]}\n"
               "services:\n  - {name: echo, provider: server}\n",
               "server", "serve: REALM_E_NO_SERVICE");
}

/* Goal: a client that comes before its service waits for it; one that asks a service that ends is told. */
Test(access, waits_for_the_registration)
{
    first_line("system: t\nrealms:\n"
               "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\"]}\n"
               "  - {name: server, program: \"@BIN@/worker\", args: [wait, \"300\", serve, echo, run]}\n"
               "services:\n  - {name: echo, provider: server, access: all}\n",
               "client", "called 1");
}

/* Goal: what is granted, registered and connected shows in services, channels and caps, and explain agrees.
 */
Test(access, shows)
{
    struct run *run =
        run_start("system: t\nrealms:\n" SERVER
                  "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\", run]}\n"
                  "  - {name: stranger, program: \"@BIN@/worker\", args: [run]}\n"
                  "services:\n  - {name: echo, provider: server, access: [client]}\n",
                  NULL);
    run_wait_event(run, "log", "realm", "client");
    json_t *rows = run_result(run, "{\"command\":\"services\"}");
    json_t *row = row_of(rows, "service", "echo");
    cr_assert_str_eq(json_string_value(json_object_get(row, "provider")), "server");
    cr_assert(json_is_true(json_object_get(row, "registered")));
    cr_assert_eq(json_integer_value(json_object_get(row, "clients")), 1);
    json_decref(rows);
    rows = run_result(run, "{\"command\":\"channels\"}");
    cr_assert_eq(json_array_size(rows), 1u);
    row = row_of(rows, "client", "client");
    cr_assert_str_eq(json_string_value(json_object_get(row, "server")), "server");
    json_decref(rows);
    rows = run_result(run, "{\"command\":\"caps\"}");
    cr_assert_eq(json_array_size(rows), 2u, "an endpoint and a send capability");
    json_t *endpoint = row_of(rows, "realm", "server"), *send = row_of(rows, "realm", "client");
    cr_assert(json_equal(json_object_get(send, "parent"), json_object_get(endpoint, "capability")));
    json_decref(rows);
    json_t *yes = run_result(run, "{\"command\":\"explain\",\"realm\":\"client\",\"service\":\"echo\"}");
    cr_assert(json_is_true(json_object_get(yes, "allowed")));
    json_decref(yes);
    json_t *no = run_result(run, "{\"command\":\"explain\",\"realm\":\"stranger\",\"service\":\"echo\"}");
    cr_assert(json_is_false(json_object_get(no, "allowed")));
    cr_assert_not_null(json_string_value(json_object_get(no, "fix")));
    json_decref(no);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: the running system is drawn: as a tree of capabilities, as a list, for graphviz, and by graphviz. */
Test(access, pictures)
{
    int status;
    char path[] = "/tmp/realm-graph-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    struct run *run =
        run_start("system: t\nrealms:\n" SERVER
                  "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\", run]}\n"
                  "services:\n  - {name: echo, provider: server, access: [client]}\n",
                  NULL);
    run_wait_event(run, "log", "realm", "client");
    char *text = run_command(run, &status, (const char *const[]){"caps", "--tree", NULL});
    cr_assert_eq(status, 0, "%s", text);
    cr_assert_not_null(strstr(text, "└─ send echo"), "%s", text);
    free(text);
    text = run_command(run, &status, (const char *const[]){"graph", NULL});
    cr_assert_eq(status, 0, "%s", text);
    cr_assert_not_null(strstr(text, "connected to echo of server"), "%s", text);
    free(text);
    text = run_command(run, &status, (const char *const[]){"graph", "--dot", NULL});
    cr_assert_eq(status, 0, "%s", text);
    cr_assert_not_null(strstr(text, "label=\"channel, badge 1\""), "%s", text);
    free(text);
    text = run_command(run, &status, (const char *const[]){"graph", "--svg", path, NULL});
    cr_assert_eq(status, 0, "%s", text);
    free(text);
    FILE *picture = fopen(path, "r");
    char svg[65536];
    size_t size = fread(svg, 1, sizeof svg - 1, picture);
    svg[size] = '\0';
    fclose(picture);
    cr_assert_not_null(strstr(svg, "<svg"), "graphviz drew nothing");
    cr_assert_not_null(strstr(svg, ">echo</text>"));
    unlink(path);
    run_stop(run);
    run_nothing_left(run);
}

/* Goal: a refusal of the past is explained by the number in its event; the change that it shows, pasted into
 * the scenario, lets the same client in. */
Test(access, fix_is_applied)
{
    static const char *const system =
        "system: t\nrealms:\n" SERVER "  - {name: client, program: \"@BIN@/worker\", args: [%s]}\n"
        "services:\n  - {name: echo, provider: server, deny: [%s]}\n%s";
    char text[2000], number[24];
    int status;
    snprintf(text, sizeof text, system, "refuse, echo, run", "client", "");
    struct run *run = run_start(text, NULL);
    json_t *denied = run_wait_event(run, "denied", "realm", "client");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "rule")), "deny");
    snprintf(number, sizeof number, "%lld",
             (long long)json_integer_value(json_object_get(denied, "decision")));
    char *said =
        run_command(run, &status, (const char *const[]){"explain", "--decision", number, "--json", NULL});
    cr_assert_eq(status, 0, "%s", said);
    json_t *explanation = json_loads(said, 0, NULL);
    cr_assert_not_null(explanation, "%s", said);
    const json_t *edits = json_object_get(explanation, "edits");
    cr_assert_eq(json_array_size(edits), 2u, "%s", said);
    cr_assert_not_null(strstr(json_string_value(json_array_get(edits, 0)), "remove client"), "%s", said);
    const char *yaml = strstr(json_string_value(json_object_get(explanation, "yaml")), "grants:");
    cr_assert_not_null(yaml, "%s", said);
    snprintf(text, sizeof text, system, "connect, echo, call, \"1\"", "", yaml);
    run_stop(run);
    run_nothing_left(run);
    first_line(text, "client", "called 1");
    json_decref(explanation);
    free(said);
}

/* Goal: a refused spawn is told with the place of the child, and explained by its number; the change that it
 * shows, made in the scenario, lets the realm start it. */
Test(access, a_refused_spawn_is_explained)
{
    static const char *const system =
        "system: t\nrealms:\n"
        "  - {name: app, program: \"@BIN@/worker\", args: [spawn, child, run]}\n"
        "  - {name: other, program: \"@BIN@/worker\", args: [run]}\n"
        "  - {name: child, program: \"@BIN@/worker\", args: [say, here, run], parent: %s}\n";
    char text[2000], number[24];
    int status;
    snprintf(text, sizeof text, system, "other");
    struct run *run = run_start(text, NULL);
    json_t *denied = run_wait_event(run, "denied", "realm", "app");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "asked")), "spawn");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "service")), "child");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "rule")), "parent");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "at")), "scenario.yaml:5:5");
    cr_assert_str_eq(json_string_value(json_object_get(denied, "fix")),
                     "give realm `child` the `parent:` `app`");
    snprintf(number, sizeof number, "%lld",
             (long long)json_integer_value(json_object_get(denied, "decision")));
    char *said = run_command(run, &status, (const char *const[]){"explain", "--decision", number, NULL});
    cr_assert_eq(status, 0, "%s", said);
    cr_assert_not_null(
        strstr(said, "no: app may not spawn child, by the rule \"parent\" at scenario.yaml:5:5"), "%s", said);
    cr_assert_not_null(strstr(said, "parent: app"), "%s", said);
    free(said);
    run_stop(run);
    run_nothing_left(run);
    snprintf(text, sizeof text, system, "app");
    first_line(text, "child", "here");
}

/* Goal: a realm is refused what a deny takes away, also where a list, the hierarchy or its parent gives it.
 */
Test(access, deny)
{
    first_line(
        "system: t\nrealms:\n" SERVER "  - {name: client, program: \"@BIN@/worker\", args: [refuse, echo]}\n"
        "services:\n  - {name: echo, provider: server, access: [client, all], deny: [{path: \"/cl*\"}]}\n"
        "grants:\n  - {to: client, service: echo}\n",
        "client", "refused: REALM_E_DENIED");
    first_line("system: t\nhierarchy: {children-to-parent: false}\nrealms:\n"
               "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, spawn, child, run]}\n"
               "  - {name: child, program: \"@BIN@/worker\", args: [refuse, echo], parent: server}\n"
               "services:\n  - {name: echo, provider: server}\n",
               "child", "refused: REALM_E_DENIED");
}

/* Goal: a pattern lets in whose path it meets, and siblings call each other where the scenario says so. */
Test(access, patterns_and_siblings)
{
    first_line("system: t\nrealms:\n" SERVER
               "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\"]}\n"
               "services:\n  - {name: echo, provider: server, access: [{path: \"/c*t\"}]}\n",
               "client", "called 1");
    first_line(
        "system: t\nhierarchy: {siblings: true}\nrealms:\n"
        "  - {name: top, program: \"@BIN@/worker\", args: [run]}\n"
        "  - {name: server, program: \"@BIN@/worker\", args: [serve, echo, run], parent: top, start: true}\n"
        "  - {name: client, program: \"@BIN@/worker\", args: [connect, echo, call, \"1\"], parent: top, "
        "start: true}\n"
        "services:\n  - {name: echo, provider: server}\n",
        "client", "called 1");
}
