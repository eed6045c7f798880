/*
 * The words after a command's name, taken apart by its row of the table.
 */
#ifndef TOOLS_ARGUMENTS_H
#define TOOLS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/command.h"

struct arguments {
    const struct command *command;
    const char *operands[COMMAND_OPERANDS_MAX];
    size_t operands_count;
    const char *values[COMMAND_OPTIONS_MAX]; /* by option; "" for a switch that is there; NULL: not there */
    bool help;                               /* --help: nothing else counts */
};

/*
 * Takes words (count of them, borrowed) apart: `--name value`, `--name=value`, `-f`; `--` ends the options.
 * What is wrong is written to errors, with the nearest option that there is.
 * false: bad usage.
 */
bool arguments_parse(const struct command *command, const char *const *words, size_t count, FILE *errors,
                     struct arguments *ret_arguments);

/* An option by its name, which the command must have. NULL: it was not given. */
const char *arguments_value(const struct arguments *arguments, const char *option);
bool arguments_has(const struct arguments *arguments, const char *option);

/* Reads an option as a duration; *ret_ns is untouched if it was not given. false: bad usage, and said. */
bool arguments_duration(const struct arguments *arguments, const char *option, FILE *errors,
                        uint64_t *ret_ns);

/* The instance: --instance, else $REALMKIT_INSTANCE, else "default". NULL: no good name, and said. */
const char *arguments_instance(const struct arguments *arguments, FILE *errors);

#endif
