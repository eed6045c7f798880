/*
 * What can be asked over the admin socket: every command, and every mistake in one.
 */
#include <realm/error.h>

#include "tests/unit/broker/admin_client.h"

TestSuite(admin_commands, .init = set_up, .fini = tear_down);

/* Goal: ps shows every realm with the members of the table; what does not apply is null. */
Test(admin_commands, ps)
{
    static const char *const keys[] = {
        "realm",    "id",       "pid",          "state",     "parent",         "children",
        "channels", "services", "starts",       "exit",      "heap_allocated", "heap_resident",
        "requests", "calls",    "late_replies", "uptime_ns", "memory_limit",   "wrong_cookies"};
    open_both();
    json_t *realms = result_of("{\"command\":\"ps\"}");
    json_t *b = entry_of(realms, "realm", "B"), *c1 = entry_of(realms, "realm", "C1");
    cr_assert(b && c1);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        cr_assert_not_null(json_object_get(b, keys[i]), "%s", keys[i]);
    cr_assert_eq(json_object_size(b), sizeof keys / sizeof *keys);
    cr_assert_str_eq(event_text(b, "state"), "running");
    cr_assert_gt(integer(b, "id"), 0);
    cr_assert_eq(integer(b, "services"), 1);
    cr_assert_eq(integer(b, "starts"), 1);
    cr_assert(json_is_null(json_object_get(b, "parent")));
    cr_assert_str_eq(event_text(c1, "state"), "dormant");
    cr_assert_str_eq(event_text(c1, "parent"), "C");
    cr_assert(json_is_null(json_object_get(c1, "pid")));
    cr_assert(json_is_null(json_object_get(c1, "exit")));
    json_decref(realms);
}

/* Goal: ps asks the realms for their figures, does not wait for them, and shows them the next time. */
Test(admin_commands, ps_asks_for_figures)
{
    struct process *a = world_open(&world, "A");
    json_decref(result_of("{\"command\":\"ps\"}"));
    process_pump(a);
    cr_assert_eq(process_letters(a, REALM_CONTROL_QUERY), 1);
    struct realm_control_stats stats = {.heap_allocated = 4711, .calls = 5};
    realm_control_header_init(&stats.header, REALM_CONTROL_STATS, 0);
    process_send(a, &stats, sizeof stats);
    world_settle(&world);
    json_t *realms = result_of("{\"command\":\"ps\"}");
    cr_assert_eq(integer(entry_of(realms, "realm", "A"), "heap_allocated"), 4711);
    cr_assert_eq(integer(entry_of(realms, "realm", "A"), "calls"), 5);
    json_decref(realms);
}

/* Goal: services, channels and caps show a connection from their three sides. */
Test(admin_commands, services_channels_caps)
{
    struct process *a = open_both();
    cr_assert_eq(process_connect(a, "database", 0, 50), 0);

    json_t *services = result_of("{\"command\":\"services\"}");
    json_t *database = entry_of(services, "service", "database"),
           *logger = entry_of(services, "service", "logger");
    cr_assert(json_is_true(json_object_get(database, "registered")));
    cr_assert_str_eq(event_text(database, "provider"), "B");
    cr_assert_eq(integer(database, "clients"), 1);
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(database, "access"), 0)), "A");
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(database, "aliases"), 0)),
                     "endpoint:1");
    cr_assert_not_null(strstr(event_text(database, "at"), ":"));
    cr_assert(json_is_false(json_object_get(logger, "registered")));
    cr_assert_str_eq(event_text(logger, "provider"), "C");
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(logger, "access"), 0)), "children");
    json_decref(services);

    json_t *channels = result_of("{\"command\":\"channels\"}");
    json_t *channel = entry_of(channels, "client", "A");
    cr_assert_eq(json_array_size(channels), 1);
    cr_assert_str_eq(event_text(channel, "service"), "database");
    cr_assert_str_eq(event_text(channel, "server"), "B");
    json_decref(channels);

    json_t *caps = result_of("{\"command\":\"caps\"}");
    json_t *send = entry_of(caps, "realm", "A"), *receive = entry_of(caps, "realm", "B");
    cr_assert_str_eq(event_text(send, "parent"), event_text(receive, "capability"));
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(send, "rights"), 0)), "send");
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(receive, "rights"), 0)), "recv");
    cr_assert(json_is_null(json_object_get(receive, "parent")));
    json_decref(caps);
}

/* Goal: explain says whether, by which rule, where, what would mend it, and which rules were looked at. */
Test(admin_commands, explain)
{
    open_both();
    json_t *yes = result_of("{\"command\":\"explain\",\"realm\":\"A\",\"service\":\"database\"}");
    cr_assert(json_is_true(json_object_get(yes, "allowed")));
    cr_assert(json_is_true(json_object_get(yes, "registered")));
    json_decref(yes);
    json_t *no = result_of("{\"command\":\"explain\",\"realm\":\"D\",\"service\":\"database\"}");
    cr_assert(json_is_false(json_object_get(no, "allowed")));
    cr_assert_str_eq(event_text(no, "rule"), "default");
    cr_assert_str_not_empty(event_text(no, "fix"));
    cr_assert_gt(json_array_size(json_object_get(no, "steps")), 0);
    cr_assert_str_eq(event_text(no, "yaml"), "grants: # as its first entry\n"
                                             "  - {to: D, service: database, rights: [send]}\n");
    json_decref(no);
    no = result_of("{\"command\":\"explain\",\"realm\":\"A\",\"service\":\"database\",\"right\":\"mint\"}");
    cr_assert(json_is_false(json_object_get(no, "allowed")), "A may send and no more");
    cr_assert_str_eq(event_text(no, "right"), "mint");
    cr_assert_eq(json_array_size(json_object_get(no, "edits")), 1);
    json_decref(no);
    refuse("{\"command\":\"explain\",\"realm\":\"A\",\"service\":\"database\",\"right\":\"all\"}",
           "`all` is no right", "send, grant, mint, revoke");
    refuse("{\"command\":\"explain\",\"realm\":\"A\",\"service\":\"databse\"}", "no service `databse`",
           "did you mean `database`?");
    refuse("{\"command\":\"explain\",\"realm\":\"A\",\"service\":\"\"}", "no service ``", "realm services");
    refuse("{\"command\":\"explain\",\"realm\":\"E\",\"service\":\"database\"}", "no realm `E`", "realm ps");
}

/* Goal: rules are the scenario's own, each with whom it means and what it gives. */
Test(admin_commands, rules)
{
    json_t *rules = result_of("{\"command\":\"rules\"}");
    cr_assert_eq(json_array_size(rules), 3, "three access lists of one entry");
    json_t *database = entry_of(rules, "service", "database"), *logger = entry_of(rules, "service", "logger");
    cr_assert_str_eq(event_text(database, "kind"), "access");
    cr_assert_str_eq(event_text(database, "who"), "A");
    cr_assert(json_is_true(json_object_get(database, "realm")));
    cr_assert_str_eq(json_string_value(json_array_get(json_object_get(database, "rights"), 0)), "send");
    cr_assert_str_eq(event_text(logger, "who"), "children");
    cr_assert(json_is_false(json_object_get(logger, "realm")));
    json_decref(rules);
}

/* Goal: a refusal can be asked for later, by its number; what is no number, or too old, is refused. */
Test(admin_commands, decision)
{
    struct process *d = world_open(&world, "D");
    cr_assert_eq(process_connect(d, "database", 0, 50), REALM_E_DENIED);
    json_t *was = result_of("{\"command\":\"decision\",\"number\":\"1\"}");
    cr_assert_eq(integer(was, "decision"), 1);
    cr_assert_str_eq(event_text(was, "asked"), "connect");
    cr_assert_str_eq(event_text(was, "realm"), "D");
    cr_assert_str_eq(event_text(was, "service"), "database");
    cr_assert_str_eq(event_text(was, "rule"), "default");
    cr_assert_gt(json_array_size(json_object_get(was, "steps")), 3);
    cr_assert_not_null(strstr(event_text(was, "yaml"), "to: D, service: database"));
    json_decref(was);
    static const char *const none[] = {"0", "2", "", "-1", "x", "18446744073709551617", "1 "};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char request[100], error[100];
        snprintf(request, sizeof request, "{\"command\":\"decision\",\"number\":\"%s\"}", none[i]);
        snprintf(error, sizeof error, "there is no decision `%s`", none[i]);
        refuse(request, error, "256 of all");
    }
    for (int i = 0; i < 256; i++)
        cr_assert_eq(process_connect(d, "database", 0, (uint64_t)(60 + i)), REALM_E_DENIED);
    refuse("{\"command\":\"decision\",\"number\":\"1\"}", "there is no decision `1`", "256 of all");
    json_decref(result_of("{\"command\":\"decision\",\"number\":\"257\"}"));
}

/* Goal: a realm that is refused without end erases its own refusals only. */
Test(admin_commands, decisions_of_others_stay)
{
    struct process *d = world_open(&world, "D"), *c = world_open(&world, "C");
    cr_assert_eq(process_connect(c, "database", 0, 50), REALM_E_DENIED); /* 1 */
    for (uint64_t i = 0; i < 300; i++)
        cr_assert_eq(process_connect(d, "database", 0, 60 + i), REALM_E_DENIED); /* 2 to 301 */
    process_forget(d);                                                           /* its inbox is finite */
    cr_assert_eq(process_connect(c, "network", 0, 51), REALM_E_DENIED);          /* 302 */
    for (uint64_t i = 0; i < 300; i++)
        cr_assert_eq(process_connect(d, "database", 0, 400 + i), REALM_E_DENIED); /* 303 to 602 */
    static const struct {
        const char *number, *realm;
    } kept[] = {{"1", "C"}, {"302", "C"}, {"349", "D"}, {"602", "D"}};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        char request[100];
        snprintf(request, sizeof request, "{\"command\":\"decision\",\"number\":\"%s\"}", kept[i].number);
        json_t *was = result_of(request);
        cr_assert_not_null(was, "%s is gone", kept[i].number);
        cr_assert_str_eq(event_text(was, "realm"), kept[i].realm);
        json_decref(was);
    }
    refuse("{\"command\":\"decision\",\"number\":\"348\"}", "there is no decision `348`", "256 of all");
}

/* Goal: spawn starts a declared realm, or an instance of a template with arguments. */
Test(admin_commands, spawn)
{
    json_t *result = result_of("{\"command\":\"spawn\",\"realm\":\"A\"}");
    cr_assert_str_eq(event_text(result, "realm"), "A");
    cr_assert_gt(integer(result, "id"), 0);
    cr_assert_not_null(world_process(&world, "A"));
    json_decref(result);

    result = result_of("{\"command\":\"spawn\",\"realm\":\"U\",\"name\":\"U-1\",\"args\":[\"-v\",\"\"]}");
    cr_assert_str_eq(event_text(result, "realm"), "U-1");
    struct process *instance = world_process(&world, "U-1");
    cr_assert_not_null(instance);
    cr_assert_eq(instance->args_count, 2);
    cr_assert_eq(memcmp(instance->args, "-v\0", 4), 0);
    json_decref(result);

    refuse("{\"command\":\"spawn\",\"realm\":\"A\"}", "runs already", "realm kill");
    refuse("{\"command\":\"spawn\",\"realm\":\"U\",\"name\":\"U-1\"}", "U-1", "another name");
    refuse("{\"command\":\"spawn\",\"realm\":\"U\"}", "is a template", "--name NAME");
    refuse("{\"command\":\"spawn\",\"realm\":\"D\",\"name\":\"x\"}", "no template", "leave out the name");
    refuse("{\"command\":\"spawn\",\"realm\":\"U\",\"name\":\"\\u0007\"}", "is no name", "UTF-8");
    refuse("{\"command\":\"spawn\",\"realm\":\"C1\"}", "parent does not run", "realm ps");
    refuse("{\"command\":\"spawn\",\"realm\":\"nobody\"}", "no realm `nobody`", "realm ps");
}

/* Goal: arguments over the limits are refused: 65 of them, or more than 2 KiB. */
Test(admin_commands, spawn_limits)
{
    char request[8192], *at = request;
    at += sprintf(at, "{\"command\":\"spawn\",\"realm\":\"U\",\"name\":\"x\",\"args\":[\"a\"");
    for (int i = 0; i < 64; i++)
        at += sprintf(at, ",\"a\"");
    sprintf(at, "]}");
    refuse(request, "too many arguments", "64");
    at = request;
    at += sprintf(at, "{\"command\":\"spawn\",\"realm\":\"U\",\"name\":\"x\",\"args\":[\"");
    memset(at, 'a', 2048);
    sprintf(at + 2048, "\"]}");
    refuse(request, "too many arguments", "2 KiB");
    cr_assert_null(world_process(&world, "x"));
}

/* Goal: kill ends a realm and says which incarnation. */
Test(admin_commands, kill)
{
    world_open(&world, "A");
    struct process *a = world_process(&world, "A");
    uint64_t id = a->id;
    json_t *result = result_of("{\"command\":\"kill\",\"realm\":\"A\"}");
    cr_assert_eq((uint64_t)integer(result, "id"), id);
    cr_assert_null(world_process(&world, "A"));
    json_decref(result);
    refuse("{\"command\":\"kill\",\"realm\":\"AA\"}", "no realm `AA`", "did you mean `A`");
}

/* Goal: limit moves the limit of a realm that runs, by way of the launcher, which says where it is. */
Test(admin_commands, limit)
{
    const char *const request = "{\"command\":\"limit\",\"realm\":\"A\",\"memory\":33554432}";
    refuse(request, "does not run", "start it first");
    world_open(&world, "A");
    json_t *result = result_of(request);
    cr_assert_eq(integer(result, "memory"), 33554432);
    cr_assert_eq((uint64_t)integer(result, "id"), world_process(&world, "A")->id);
    json_decref(result);
    world_settle(&world);
    const json_t *event = world_event(&world, "limit-moved", "realm", "A");
    cr_assert_str_eq(event_text(event, "limit"), "memory");
    cr_assert_eq(integer(event, "value"), 33554432);
    json_t *realms = result_of("{\"command\":\"ps\"}");
    cr_assert_eq(integer(entry_of(realms, "realm", "A"), "memory_limit"), 33554432);
    json_decref(realms);

    world.fail_limits = true;
    json_decref(result_of("{\"command\":\"limit\",\"realm\":\"A\",\"memory\":1048576}"));
    world_settle(&world);
    cr_assert_eq(world_events(&world, "limit-moved"), 1);
    const json_t *log = world_event(&world, "log", "realm", "A");
    cr_assert_not_null(strstr(event_text(log, "text"), "stays as it is: Operation not permitted"));

    refuse("{\"command\":\"limit\",\"realm\":\"A\",\"memory\":1048575}", "no limit of memory", "1MiB");
    refuse("{\"command\":\"limit\",\"realm\":\"A\",\"memory\":-1}", "no limit of memory", "1MiB");
    refuse("{\"command\":\"limit\",\"realm\":\"A\",\"memory\":\"64MiB\"}", "not a whole number", "mend");
    refuse("{\"command\":\"limit\",\"realm\":\"nobody\",\"memory\":1048576}", "no realm `nobody`",
           "realm ps");
}

/* Goal: logs gives the kept lines, of all or of one; a name that means nothing is refused. */
Test(admin_commands, logs)
{
    logs_say(world.broker->logs, "A", "first");
    logs_say(world.broker->logs, "B", "second");
    logs_say(world.broker->logs, "departed", "third");
    json_t *lines = result_of("{\"command\":\"logs\"}");
    cr_assert_geq(json_array_size(lines), 3);
    cr_assert_not_null(entry_of(lines, "text", "first"));
    json_decref(lines);
    lines = result_of("{\"command\":\"logs\",\"realm\":\"departed\"}");
    cr_assert_eq(json_array_size(lines), 1);
    json_t *line = json_array_get(lines, 0);
    cr_assert_str_eq(event_text(line, "stream"), "mm");
    cr_assert_str_eq(event_text(line, "text"), "third");
    cr_assert(json_is_integer(json_object_get(line, "t_ns")));
    json_decref(lines);
    refuse("{\"command\":\"logs\",\"realm\":\"never\"}", "no realm", "realm ps");
}

/* Goal: an unknown command is answered with the nearest and the list of all. */
Test(admin_commands, unknown_command)
{
    refuse("{\"command\":\"servces\"}", "no command `servces`", "did you mean `services`?");
    refuse("{\"command\":\"xyzzy\"}", "no command `xyzzy`",
           "the commands are: ps, services, channels, caps, rules, counts, explain, decision, spawn, kill, "
           "limit, revoke, logs");
    refuse("{\"command\":\"\"}", "no command", "ps, services");
    refuse("{\"command\":7}", "no `command`", "ps, services");
    refuse("{}", "no `command`", "ps, services");
}

/* Goal: arguments that are unknown, missing or of another type are named. */
Test(admin_commands, bad_arguments)
{
    refuse("{\"command\":\"ps\",\"realm\":\"A\"}", "`ps` takes no `realm`", "command");
    refuse("{\"command\":\"kill\",\"relm\":\"A\"}", "takes no `relm`", "did you mean `realm`?");
    refuse("{\"command\":\"kill\"}", "`kill` needs `realm`", "add it");
    refuse("{\"command\":\"kill\",\"realm\":7}", "`realm` of `kill` is not a string", "mend");
    refuse("{\"command\":\"logs\",\"follow\":\"yes\"}", "not true or false", "mend");
    refuse("{\"command\":\"spawn\",\"realm\":\"U\",\"args\":\"-v\"}", "not a list of strings", "mend");
    refuse("{\"command\":\"spawn\",\"realm\":\"U\",\"args\":[1]}", "not a list of strings", "mend");
    refuse("{\"command\":\"ps\",\"command\":\"kill\"}", "not JSON", "one JSON object a line");
}

/* Goal: what is no JSON object is refused, and the connection goes on. */
Test(admin_commands, garbage)
{
    refuse("", "not JSON", "one JSON object");
    refuse("hello", "not JSON", "one JSON object");
    refuse("[\"ps\"]", "no JSON object", "one JSON object");
    refuse("{\"command\":\"ps\"} trailing", "not JSON", "one JSON object");
    refuse("{\"command\":\"p\\u0000s\"}", "not JSON", "one JSON object");
    refuse("\xff\xfe{}", "not JSON", "one JSON object");
}

/* Goal: hostile words in an error are cut and stay text: long, many-byte, deep. */
Test(admin_commands, hostile_words)
{
    static char request[60000];
    char *at = request + sprintf(request, "{\"command\":\"");
    for (int i = 0; i < 10000; i++)
        at += sprintf(at, "\xf0\x9f\x98\x80");
    sprintf(at, "\"}");
    refuse(request, "no command", "ps, services");
    at = request + sprintf(request, "{\"command\":\"kill\",\"realm\":\"");
    memset(at, 'x', 50000);
    sprintf(at + 50000, "\"}");
    refuse(request, "no realm `xxx", "realm ps");
    memset(request, '[', 50000);
    request[50000] = '\0';
    refuse(request, "not JSON", "one JSON object");
}
