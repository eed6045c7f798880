/* Tables, times, texts and events, as people see them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/events.h"
#include "tools/print.h"

static char *text;
static size_t size;
static FILE *stream;

static void set_up(void)
{
    stream = open_memstream(&text, &size);
}

static void tear_down(void)
{
    fclose(stream);
    free(text);
}

TestSuite(print, .init = set_up, .fini = tear_down);

static const char *shown(void)
{
    fflush(stream);
    return text;
}

/* Goal: columns line up by characters, numbers to the right, lists with commas, nothing as a dash. */
Test(print, table)
{
    static const struct print_column columns[] = {{"NAME", "name", PRINT_TEXT, false},
                                                  {"HEAP", "heap", PRINT_BYTES, true},
                                                  {"UP", "up", PRINT_TIME, true},
                                                  {"OK", "ok", PRINT_YES, false},
                                                  {"LIST", "list", PRINT_TEXT, false}};
    json_t *rows = json_pack("[{s:s, s:i, s:I, s:b, s:[s, s]}, {s:s, s:i, s:n, s:b, s:[]}]", "name", "é",
                             "heap", 1536, "up", (json_int_t)1500000000, "ok", 1, "list", "a", "b", "name",
                             "worker", "heap", 7, "up", "ok", 0, "list");
    cr_assert_not_null(rows);
    print_table(stream, rows, columns, 5, "none");
    cr_assert_str_eq(shown(), "NAME    HEAP    UP  OK   LIST\n"
                              "é       1.5K  1.5s  yes  a, b\n"
                              "worker     7     -  no   -\n");
    json_decref(rows);
}

/* Goal: no rows say so. */
Test(print, empty_table)
{
    static const struct print_column columns[] = {{"NAME", "name", PRINT_TEXT, false}};
    json_t *rows = json_array();
    print_table(stream, rows, columns, 1, "nothing here");
    cr_assert_str_eq(shown(), "nothing here\n");
    json_decref(rows);
}

/* Goal: times have two or three digits and a unit. */
Test(print, times)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{0, "0ns"},
                 {999, "999ns"},
                 {1500, "2us"},
                 {2000000, "2ms"},
                 {1500000000, "1.5s"},
                 {UINT64_C(300000000000), "5m"},
                 {UINT64_C(9000000000000), "2.5h"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char time[16];
        print_time_text(cases[i].ns, time, sizeof time);
        cr_assert_str_eq(time, cases[i].text);
    }
}

/* Goal: nothing that a realm prints reaches the terminal as a command. */
Test(print, hostile_text)
{
    print_text(stream, "a\033[31m\tb\x7f\xc2\x9b\xff é");
    cr_assert_str_eq(shown(), "a?[31m b??? é");
}

static void event(const struct events_style *style, const char *json)
{
    json_error_t error;
    json_t *value = json_loads(json, 0, &error);
    cr_assert_not_null(value, "%s", error.text);
    events_print(value, style, stream);
    json_decref(value);
}

/* Goal: a denial shows rule, place and fix; a log line is cleaned; unknown events are shown as they are. */
Test(print, events)
{
    const struct events_style plain = {0};
    event(&plain, "{\"event\":\"denied\",\"t_ns\":1234000000,\"realm\":\"D\",\"service\":\"logger\","
                  "\"rule\":\"default\",\"at\":\"lona.yaml:3:5\",\"fix\":\"add D\"}");
    event(&plain,
          "{\"event\":\"log\",\"t_ns\":0,\"realm\":\"A\",\"stream\":\"out\",\"text\":\"x\\u001b[2J\"}");
    event(&plain, "{\"event\":\"news\",\"t_ns\":0,\"realm\":\"A\"}");
    cr_assert_str_eq(shown(),
                     "    1.234  D            denied \"logger\" by the rule \"default\", lona.yaml:3:5\n"
                     "                        to allow it: add D\n"
                     "    0.000  A            | x?[2J\n"
                     "    0.000  A            {\"event\":\"news\",\"t_ns\":0,\"realm\":\"A\"}\n");
}

/* Goal: --quiet leaves what went wrong. */
Test(print, quiet_events)
{
    const struct events_style quiet = {.quiet = true};
    event(&quiet, "{\"event\":\"started\",\"t_ns\":0,\"realm\":\"A\",\"id\":2,\"pid\":3}");
    event(&quiet, "{\"event\":\"terminated\",\"t_ns\":0,\"realm\":\"A\",\"id\":2,\"exit\":\"0\"}");
    cr_assert_str_eq(shown(), "");
    event(&quiet, "{\"event\":\"terminated\",\"t_ns\":0,\"realm\":\"A\",\"id\":2,\"exit\":\"SIGKILL\"}");
    cr_assert_not_null(strstr(shown(), "ended: SIGKILL"));
}

/* Goal: every event of the design page has a sentence of its own. */
Test(print, every_event_is_known)
{
    static const char *const names[] = {
        "booted",       "started",      "opened",    "registered", "unregistered", "connected",
        "denied",       "disconnected", "closed",    "granted",    "terminated",   "restarting",
        "start-failed", "offence",      "throttled", "limited",    "limit-moved",  "log",
        "broker-died",  "ended",        "dropped",   "denied-more"};
    const struct events_style plain = {0};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *value = json_pack("{s:s, s:i}", "event", names[i], "t_ns", 0);
        events_print(value, &plain, stream);
        json_decref(value);
    }
    cr_assert_null(strstr(shown(), "{\"event\""), "%s", shown());
}
