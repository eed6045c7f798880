/*
 * What a subcommand of `realm` is: one row of the table that dispatching, option parsing, help, completion
 * and the check of the manual all work from. A command is never described twice.
 */
#ifndef TOOLS_COMMAND_H
#define TOOLS_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

struct arguments;

/* An option; without a value it is a switch. Every command also has --help (-h). */
struct option {
    const char *name;    /* "--for" */
    char letter;         /* 'f' for -f; 0: none */
    const char *value;   /* what its value is called, such as "TIME"; NULL: a switch */
    const char *summary; /* a line without a full stop */
    const char *choices; /* words its value can be, separated by "|"; NULL: anything */
};

#define COMMAND_OPTIONS_MAX  10u
#define COMMAND_OPERANDS_MAX 66u

struct command {
    const char *name;
    const char *operands; /* as the usage shows them: "REALM SERVICE"; "" for none */
    size_t operands_min, operands_max;
    const char *summary; /* a line without a full stop */
    const char *details; /* whole sentences */
    const char *example;
    struct option options[COMMAND_OPTIONS_MAX];    /* up to the first without a name */
    int (*run)(const struct arguments *arguments); /* returns the exit status */
};

/* Exit statuses of every command. */
enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

extern const struct command command_table[];
extern const size_t command_count;

/* NULL: there is none of that name. */
const struct command *command_find(const char *name);
/* The name that was probably meant, or NULL. */
const char *command_nearest(const char *name);
/* Counts, for loops over what a row has. */
size_t command_options(const struct command *command);

/* The functions of the table, each in a file of its name. */
int run_main(const struct arguments *arguments);
int check_main(const struct arguments *arguments);
int ps_main(const struct arguments *arguments);
int services_main(const struct arguments *arguments);
int channels_main(const struct arguments *arguments);
int caps_main(const struct arguments *arguments);
int graph_main(const struct arguments *arguments);
int explain_main(const struct arguments *arguments);
int spawn_main(const struct arguments *arguments);
int kill_main(const struct arguments *arguments);
int limit_main(const struct arguments *arguments);
int revoke_main(const struct arguments *arguments);
int logs_main(const struct arguments *arguments);
int bench_main(const struct arguments *arguments);
int fuzz_main(const struct arguments *arguments);
/*
 * Runs a case again, from a scenario's `replay`: each operation with its answer, and what does not hold. The
 * file is for messages. operations: false: the case is read, and its size told. Return: an exit status.
 */
int fuzz_replay(const char *file, const char *text, bool operations, bool json);
int doctor_main(const struct arguments *arguments);
int help_main(const struct arguments *arguments);
int completion_main(const struct arguments *arguments);

#endif
