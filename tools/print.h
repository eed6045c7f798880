/*
 * Output for people: aligned tables from JSON rows, and text that a terminal can be trusted with.
 */
#ifndef TOOLS_PRINT_H
#define TOOLS_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/arguments.h"

/* How a member of a row is shown. */
enum print_form {
    PRINT_TEXT,  /* strings as they are, numbers in digits, lists with commas; "-" for nothing */
    PRINT_BYTES, /* 1.5M */
    PRINT_TIME,  /* a duration in nanoseconds: 1.5s */
    PRINT_YES,   /* a boolean: yes or no */
};

struct print_column {
    const char *title;
    const char *member;
    enum print_form form;
    bool right; /* aligned to the right */
};

/* Prints rows (an array of objects) as a table, or `none` if there are none. */
void print_table(FILE *stream, const json_t *rows, const struct print_column *columns, size_t count,
                 const char *none);

/* Prints text with its control characters replaced. */
void print_text(FILE *stream, const char *text);

/* Prints a value as one line of JSON. Return: EXIT_FINE; EXIT_FAILED. */
int print_json(FILE *stream, const json_t *value);

/* A duration such as 1.5s; capacity is at least 16. */
void print_time_text(uint64_t ns, char *text, size_t capacity);

/* Whether to use colours on a stream: a terminal, and $NO_COLOR is not set. */
bool print_colours(FILE *stream);

/* An answer's rows: a table, or JSON if the arguments say so. Return: the exit status. */
int print_rows(const struct arguments *arguments, const json_t *rows, const struct print_column *columns,
               size_t count, const char *none);

/*
 * What most of the looking commands are: asks for `command`, prints the rows as a table, or as JSON.
 * Return: the exit status.
 */
int print_answer(const struct arguments *arguments, const char *command, const struct print_column *columns,
                 size_t count, const char *none);

#endif
