/*
 * Help, printed from the table.
 */
#ifndef TOOLS_HELP_H
#define TOOLS_HELP_H

#include <stdio.h>

#include "tools/command.h"

#define HELP_VERSION "0.1.0"

void help_overview(FILE *stream);
void help_command(const struct command *command, FILE *stream);
/* The one line of its usage. */
void help_usage(const struct command *command, FILE *stream);
/* Says that there is no such command, and which one was probably meant. */
void help_unknown(const char *name, FILE *stream);

#endif
