/* Rows as JSON and as a table, and when a goal counts as met. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness/report.h"

static const struct row call = {
    .name = "call",
    .placement = "cross-core",
    .wait = "spin",
    .size_bytes = 64,
    .p50_ns = 300,
    .p99_ns = 400,
    .p999_ns = 900,
    .per_s = 3e6,
    .cpu_s = 6e-7,
    .timed = true,
    .floor = "lines",
    .floor_value = 250,
    .ratio = {.median = 1.2, .low = 1.15, .high = 1.3},
    .goal = {GOAL_RATIO_AT_MOST, 1.2},
};

/* The report of one row; the caller's to free. */
static char *printed(const struct row *row, bool json)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    struct report report;
    report_start(&report, stream, json);
    report_row(&report, row);
    report_end(&report);
    fclose(stream);
    return text;
}

static json_t *parsed(const struct row *row)
{
    char *text = printed(row, true);
    json_error_t error;
    cr_assert_eq(text[strlen(text) - 1], '\n');
    cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "one object is one line");
    json_t *object = json_loads(text, 0, &error);
    cr_assert_not_null(object, "%s: %s", error.text, text);
    free(text);
    return object;
}

static double number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    cr_assert(json_is_number(value), "no number \"%s\"", key);
    return json_number_value(value);
}

/* Goal: a latency row has every member that the format promises, with its value. */
Test(report, json_of_a_latency)
{
    json_t *object = parsed(&call);
    cr_assert_str_eq(json_string_value(json_object_get(object, "name")), "call");
    cr_assert_str_eq(json_string_value(json_object_get(object, "placement")), "cross-core");
    cr_assert_str_eq(json_string_value(json_object_get(object, "wait")), "spin");
    cr_assert_str_eq(json_string_value(json_object_get(object, "floor")), "lines");
    cr_assert_eq(json_integer_value(json_object_get(object, "size_bytes")), 64);
    cr_assert_float_eq(number(object, "p50_ns"), 300, 1e-9);
    cr_assert_float_eq(number(object, "p99_ns"), 400, 1e-9);
    cr_assert_float_eq(number(object, "p999_ns"), 900, 1e-9);
    cr_assert_float_eq(number(object, "per_s"), 3e6, 1);
    cr_assert_float_eq(number(object, "cpu_s_per_op"), 6e-7, 1e-12);
    cr_assert_float_eq(number(object, "ratio"), 1.2, 1e-9);
    cr_assert_float_eq(number(object, "ratio_low"), 1.15, 1e-9);
    cr_assert_float_eq(number(object, "ratio_high"), 1.3, 1e-9);
    cr_assert_float_eq(number(object, "goal"), 1.2, 1e-9);
    cr_assert(json_is_true(json_object_get(object, "met")));
    json_decref(object);
}

/* Goal: what was not measured is not there, rather than there as 0. */
Test(report, json_of_a_value_and_of_nothing)
{
    json_t *object = parsed(
        &(struct row){.name = "idle", .unit = "wake-ups", .value = 3, .goal = {GOAL_VALUE_AT_MOST, 0}});
    cr_assert_null(json_object_get(object, "p50_ns"));
    cr_assert_null(json_object_get(object, "ratio"));
    cr_assert_float_eq(number(object, "value"), 3, 1e-9);
    cr_assert(json_is_false(json_object_get(object, "met")));
    json_decref(object);
    object =
        parsed(&(struct row){.name = "nng", .note = "not installed", .goal = {GOAL_TIMES_AT_LEAST, 150}});
    cr_assert_null(json_object_get(object, "p50_ns"));
    cr_assert_str_eq(json_string_value(json_object_get(object, "note")), "not installed");
    cr_assert(json_is_false(json_object_get(object, "met")), "what is not measured is not met");
    json_decref(object);
}

/* Goal: a goal is met if the interval reaches it, from the side that the goal is about. */
Test(report, goals)
{
    struct row row = call;
    cr_assert(row_met(&row));
    row.ratio.low = 1.21;
    cr_assert_not(row_met(&row));
    row.goal.kind = GOAL_RATIO_AT_LEAST;
    row.goal.value = 1.3;
    cr_assert(row_met(&row));
    row.goal.value = 1.31;
    cr_assert_not(row_met(&row));
    row.goal = (struct goal){GOAL_TIMES_AT_LEAST, 25};
    row.times = (struct statistics){.median = 20, .low = 18, .high = 24};
    cr_assert_not(row_met(&row));
    row.times.high = 25;
    cr_assert(row_met(&row));
    row.goal = (struct goal){GOAL_VALUE_AT_MOST, 0};
    cr_assert(row_met(&row));
    row.value = 1;
    cr_assert_not(row_met(&row));
}

/* Goal: the table says of a goal that is missed that it is, and counts. */
Test(report, table)
{
    struct row row = call;
    char *text = printed(&row, false);
    cr_assert_not_null(strstr(text, ": met"));
    cr_assert_not_null(strstr(text, "1 of 1 goals met"));
    free(text);
    row.ratio.low = 1.25;
    text = printed(&row, false);
    cr_assert_not_null(strstr(text, "NOT MET"));
    cr_assert_not_null(strstr(text, "0 of 1 goals met"));
    free(text);
}
