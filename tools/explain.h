/*
 * The shape of an explanation, as the admin socket answers it: for those who make one, and the one printer.
 */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include <jansson.h>
#include <stdio.h>

#include "tools/arguments.h"

/* Prints an explanation for people. */
void explain_print(FILE *stream, const json_t *explanation);

/* Explains a scenario of which nothing runs. Return: the exit status; EXIT_FINE: *ret_explanation is the
 * caller's. */
int explain_file(const struct arguments *arguments, const char *path, json_t **ret_explanation);

#endif
