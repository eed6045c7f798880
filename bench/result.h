/*
 * Results: one line each on their way from where they are measured to the table.
 *
 *     result|64-byte call, two cores, awake|ns|401.0|257.0|1.56|1.51|1.60|ratio|2.0
 *
 * name, unit, value, floor, ratio and its quartiles (0 where there is no floor), what the goal is about
 * (ratio, value, or none), and the goal: the largest number that meets it.
 */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>

enum result_goal { RESULT_GOAL_NONE, RESULT_GOAL_RATIO, RESULT_GOAL_VALUE };

struct result {
    char name[64];
    char unit[16];
    double value, floor;
    double ratio, ratio_low, ratio_high; /* median and quartiles over the rounds */
    enum result_goal about;
    double goal;
};

#define RESULT_LINE_MAX 256u

void result_format(const struct result *result, char line[RESULT_LINE_MAX]);

/* Reads one line back. false: it is none. */
bool result_parse(const char *line, struct result *ret_result);

bool result_met(const struct result *result);

/* Reads result lines from standard input and prints them as an aligned table, or one JSON object a line.
 * Return: 0; 1: a goal is missed, or there was no result. */
int result_table(bool json);

/* The median and quartiles of count numbers, which it sorts. */
void result_quartiles(double *numbers, size_t count, double *ret_low, double *ret_median, double *ret_high);

#endif
