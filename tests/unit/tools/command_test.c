/* The table of commands is complete, and the manual says what it says. Run from the project's folder. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/help.h"

static char *read_whole(const char *path)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s (run the test from the project's folder)", path);
    char *text = NULL;
    size_t size, capacity = 0;
    FILE *copy = open_memstream(&text, &size);
    char *line = NULL;
    while (getline(&line, &capacity, file) > 0)
        fputs(line, copy);
    free(line);
    fclose(file);
    fclose(copy);
    return text;
}

/* The part of a text between a heading and the next one like it. */
static char *section(const char *text, const char *heading, const char *next)
{
    const char *start = strstr(text, heading);
    cr_assert_not_null(start, "no section \"%s\"", heading);
    const char *end = strstr(start + strlen(heading), next);
    return strndup(start, end ? (size_t)(end - start) : strlen(start));
}

static char *help_of(const struct command *command)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    help_command(command, stream);
    fclose(stream);
    return text;
}

/* Goal: every command has all a row needs, and no two have one name. */
Test(command, rows_are_complete)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        cr_assert(command->name && command->summary && command->details && command->example && command->run);
        cr_assert_leq(command->operands_min, command->operands_max);
        cr_assert_leq(command->operands_max, COMMAND_OPERANDS_MAX);
        cr_assert_eq(command_find(command->name), command, "%s is there twice", command->name);
        cr_assert_not_null(strstr(command->example, command->name));
        cr_assert_eq(command->operands[0] == '\0', command->operands_max == 0);
        for (size_t j = 0; j < command_options(command); j++) {
            const struct option *option = &command->options[j];
            cr_assert_eq(strncmp(option->name, "--", 2), 0);
            cr_assert_not_null(option->summary);
            cr_assert(!option->choices || option->value);
            for (size_t k = 0; k < j; k++) {
                cr_assert_str_neq(command->options[k].name, option->name);
                cr_assert(option->letter == 0 || command->options[k].letter != option->letter);
            }
        }
    }
}

/* Goal: every command that asks a running system can be told which, and those that print facts do so as JSON.
 */
Test(command, common_options)
{
    static const char *const asking[] = {"ps",    "services", "channels", "caps",  "explain",
                                         "spawn", "kill",     "revoke",   "limit", "logs"};
    for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++) {
        struct arguments arguments = {.command = command_find(asking[i])};
        cr_assert_not_null(arguments.command);
        cr_assert_null(arguments_value(&arguments, "--json")); /* asserts that the option exists */
        cr_assert_null(arguments_value(&arguments, "--instance"));
    }
}

/* Goal: help names the usage, every option and the example. */
Test(command, help)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        char *text = help_of(command);
        cr_assert_not_null(strstr(text, "usage: realm "));
        cr_assert_not_null(strstr(text, command->summary));
        cr_assert_not_null(strstr(text, command->example));
        cr_assert_not_null(strstr(text, "--help"));
        for (size_t j = 0; j < command_options(command); j++) {
            cr_assert_not_null(strstr(text, command->options[j].name));
            cr_assert_not_null(strstr(text, command->options[j].summary));
        }
        free(text);
    }
}

/* Goal: docs/commands.md has every command, its summary, its exact usage, every option with its words. */
Test(command, documented)
{
    char *manual = read_whole("docs/commands.md");
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        char heading[64], usage[512] = "";
        snprintf(heading, sizeof heading, "\n## realm %s\n", command->name);
        char *part = section(manual, heading, "\n## ");
        FILE *stream = fmemopen(usage, sizeof usage, "w");
        help_usage(command, stream);
        fclose(stream);
        usage[strcspn(usage, "\n")] = '\0';
        cr_assert_not_null(strstr(part, usage + strlen("usage: ")), "%s: \"%s\"", command->name, usage);
        cr_assert_not_null(strstr(part, command->example), "%s: the example", command->name);
        for (size_t j = 0; j < command_options(command); j++) {
            cr_assert_not_null(strstr(part, command->options[j].name), "%s %s", command->name,
                               command->options[j].name);
            cr_assert_not_null(strstr(part, command->options[j].summary), "%s %s", command->name,
                               command->options[j].name);
        }
        free(part);
    }
    free(manual);
}

/* The man page without its back-slashes, which only keep dashes from being hyphens. */
static char *man_page(void)
{
    char *text = read_whole("docs/man/realm.1");
    char *to = text;
    for (const char *from = text; *from; from++)
        if (*from != '\\')
            *to++ = *from;
    *to = '\0';
    return text;
}

/* Goal: the man page has every command with its summary and every option, and no command that is none. */
Test(command, man_page)
{
    char *page = man_page();
    size_t headings = 0;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        char heading[96];
        snprintf(heading, sizeof heading, "\n.SS realm %s", command->name);
        char *part = section(page, heading, "\n.SS ");
        cr_assert_not_null(strstr(part, command->summary), "%s: the summary", command->name);
        for (size_t j = 0; j < command_options(command); j++)
            cr_assert_not_null(strstr(part, command->options[j].name), "%s %s", command->name,
                               command->options[j].name);
        free(part);
    }
    for (const char *at = page; (at = strstr(at, "\n.SS realm ")); at++)
        headings++;
    cr_assert_eq(headings, command_count);
    free(page);
}

/* Goal: a mistyped command finds the one that was meant; nonsense finds none. */
Test(command, nearest)
{
    cr_assert_str_eq(command_nearest("chanels"), "channels");
    cr_assert_str_eq(command_nearest("exlpain"), "explain");
    cr_assert_null(command_nearest("zzzzzzzz"));
    cr_assert_null(command_find("ps "));
}
