/* Lines out, lines in, and the table. Only this file knows how they look. */
#include "bench/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const goal_names[] = {"none", "ratio", "value"};

void result_format(const struct result *result, char line[RESULT_LINE_MAX])
{
    snprintf(line, RESULT_LINE_MAX, "result|%s|%s|%.2f|%.2f|%.3f|%.3f|%.3f|%s|%.2f", result->name,
             result->unit, result->value, result->floor, result->ratio, result->ratio_low, result->ratio_high,
             goal_names[result->about], result->goal);
}

bool result_parse(const char *line, struct result *ret_result)
{
    struct result result;
    char about[8];

    if (sscanf(line, "result|%63[^|]|%15[^|]|%lf|%lf|%lf|%lf|%lf|%7[^|]|%lf", result.name, result.unit,
               &result.value, &result.floor, &result.ratio, &result.ratio_low, &result.ratio_high, about,
               &result.goal) != 9)
        return false;
    for (unsigned i = 0; i < sizeof goal_names / sizeof goal_names[0]; i++) {
        if (strcmp(about, goal_names[i]) == 0) {
            result.about = (enum result_goal)i;
            *ret_result = result;
            return true;
        }
    }
    return false;
}

bool result_met(const struct result *result)
{
    switch (result->about) {
    case RESULT_GOAL_RATIO:
        return result->ratio <= result->goal;
    case RESULT_GOAL_VALUE:
        return result->value <= result->goal;
    case RESULT_GOAL_NONE:
        break;
    }
    return true;
}

static void print_json(const struct result *result)
{
    printf("{\"case\":\"%s\",\"unit\":\"%s\",\"value\":%.2f", result->name, result->unit, result->value);
    if (result->floor > 0)
        printf(",\"floor\":%.2f,\"ratio\":%.3f,\"quartiles\":[%.3f,%.3f]", result->floor, result->ratio,
               result->ratio_low, result->ratio_high);
    if (result->about != RESULT_GOAL_NONE)
        printf(",\"goal\":{\"%s\":%.2f},\"met\":%s", goal_names[result->about], result->goal,
               result_met(result) ? "true" : "false");
    printf("}\n");
}

static void print_row(const struct result *result)
{
    char value[40], floor[40] = "-", ratio[60] = "-", goal[40] = "-";

    snprintf(value, sizeof value, "%.*f %s", result->value < 100 ? 1 : 0, result->value, result->unit);
    if (result->floor > 0) {
        snprintf(floor, sizeof floor, "%.0f %s", result->floor, result->unit);
        snprintf(ratio, sizeof ratio, "%.2f (%.2f-%.2f)", result->ratio, result->ratio_low,
                 result->ratio_high);
    }
    if (result->about == RESULT_GOAL_RATIO)
        snprintf(goal, sizeof goal, "<= %.1f x", result->goal);
    else if (result->about == RESULT_GOAL_VALUE)
        snprintf(goal, sizeof goal, "<= %.0f %s", result->goal, result->unit);
    printf("%-48s %14s %12s %18s %16s %4s\n", result->name, value, floor, ratio, goal,
           result->about == RESULT_GOAL_NONE ? ""
           : result_met(result)              ? "yes"
                                             : "NO");
}

int result_table(bool json)
{
    char line[RESULT_LINE_MAX];
    struct result result;
    unsigned count = 0;
    bool missed = false;

    if (!json)
        printf("%-48s %14s %12s %18s %16s %4s\n", "case", "value", "floor", "ratio (quartiles)", "goal",
               "met");
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (!result_parse(line, &result))
            continue;
        count++;
        missed = missed || !result_met(&result);
        if (json)
            print_json(&result);
        else
            print_row(&result);
    }
    return missed || count == 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void result_quartiles(double *numbers, size_t count, double *ret_low, double *ret_median, double *ret_high)
{
    qsort(numbers, count, sizeof *numbers, compare);
    *ret_low = numbers[count / 4];
    *ret_median = numbers[count / 2];
    *ret_high = numbers[count * 3 / 4];
}
