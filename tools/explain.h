/*
 * The shape of an explanation, as the admin socket answers it: for those who make one, and the one printer.
 */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include <jansson.h>
#include <stdio.h>

/* Prints an explanation for people. */
void explain_print(FILE *stream, const char *realm, const char *service, const json_t *explanation);

#endif
