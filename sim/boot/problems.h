/*
 * What is wrong with a scenario, and where: collected while it is read, printed afterwards.
 *
 * A reader goes on after a problem, so that one look shows them all; yet the number kept is bounded, because
 * the file may be made to have many. Whatever the file says has its control characters replaced here, so a
 * message can be printed on a terminal as it is.
 */
#ifndef SIM_BOOT_PROBLEMS_H
#define SIM_BOOT_PROBLEMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "mm/config/config.h"

#define SCENARIO_PROBLEMS_MAX     20u   /* of each severity; more are counted only */
#define SCENARIO_PROBLEM_TEXT_MAX 2000u /* bytes of a message */

enum scenario_severity { SCENARIO_ERROR, SCENARIO_WARNING };

struct scenario_problem {
    enum scenario_severity severity;
    struct mm_place place; /* line 0: the file as a whole */
    char *message;         /* one line of UTF-8, without the place */
};

struct scenario_problems {
    char *source; /* name of the file, for messages */
    char *text;   /* its contents, for showing lines; NULL before it has been read */
    size_t text_size;
    struct scenario_problem list[2 * SCENARIO_PROBLEMS_MAX];
    size_t count;
    size_t errors, warnings; /* all that were found, kept or not */
};

void scenario_problems_init(struct scenario_problems *problems);
void scenario_problems_deinit(struct scenario_problems *problems);

/* Sets what the problems are about: copies of both. text may be NULL. Return: 0; -ENOMEM. */
int scenario_problems_about(struct scenario_problems *problems, const char *source, const char *text,
                            size_t text_size);

void scenario_problems_add(struct scenario_problems *problems, enum scenario_severity severity,
                           struct mm_place place, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Whether further errors would only be counted: then a costly search for a good message is pointless. */
bool scenario_problems_full(const struct scenario_problems *problems);

/* Puts them into the order of the file. */
void scenario_problems_sort(struct scenario_problems *problems);

/*
 * Prints each problem as `file:line:column: message`, with the line and a caret below it, and how many more
 * there are. colour: with terminal colours.
 */
void scenario_problems_print(const struct scenario_problems *problems, FILE *stream, bool colour);

#endif
