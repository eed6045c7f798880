/* `realm help`, `--help`, and the usage lines of error messages. */
#include "tools/help.h"

#include <string.h>

#include "tools/arguments.h"

#define WIDTH 90

/* Breaks a text into lines of at most WIDTH bytes, each behind an indent. */
static void wrap(const char *text, int indent, FILE *stream)
{
    while (*text) {
        size_t size = strlen(text), limit = (size_t)(WIDTH - indent);
        if (size > limit) {
            for (size = limit; size > 0 && text[size] != ' '; size--)
                ;
            if (size == 0)
                size = limit;
        }
        fprintf(stream, "%*s%.*s\n", indent, "", (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
}

void help_usage(const struct command *command, FILE *stream)
{
    fprintf(stream, "usage: realm %s", command->name);
    for (size_t i = 0; i < command_options(command); i++) {
        const struct option *option = &command->options[i];
        fprintf(stream, option->value ? " [%s %s]" : " [%s]", option->name, option->value);
    }
    fprintf(stream, "%s%s\n", command->operands[0] ? " " : "", command->operands);
}

static void print_option(const char *name, char letter, const char *value, const char *summary, FILE *stream)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%s%s%s%s", letter ? '-' : ' ', letter ? letter : ' ',
             letter ? ", " : "  ", name, value ? " " : "", value ? value : "");
    fprintf(stream, "  %-26s %s\n", left, summary);
}

void help_command(const struct command *command, FILE *stream)
{
    fprintf(stream, "realm %s: %s\n\n", command->name, command->summary);
    help_usage(command, stream);
    fputc('\n', stream);
    wrap(command->details, 0, stream);
    fputs("\noptions:\n", stream);
    for (size_t i = 0; i < command_options(command); i++) {
        const struct option *option = &command->options[i];
        print_option(option->name, option->letter, option->value, option->summary, stream);
    }
    print_option("--help", 'h', NULL, "print this", stream);
    fprintf(stream, "\nexample:\n  %s\n", command->example);
}

void help_overview(FILE *stream)
{
    fputs("usage: realm COMMAND [OPTIONS] ...\n\ncommands:\n", stream);
    for (size_t i = 0; i < command_count; i++)
        fprintf(stream, "  %-12s %s\n", command_table[i].name, command_table[i].summary);
    fputs("\n`realm COMMAND --help` says more of each; `realm --version` names the version.\n"
          "Exit status: 0 it worked, 1 it failed, 2 it was called wrongly.\n",
          stream);
}

void help_unknown(const char *name, FILE *stream)
{
    const char *nearest = command_nearest(name);
    fprintf(stream, "realm: unknown command \"%s\"%s%s%s\n", name, nearest ? "; did you mean \"" : "",
            nearest ? nearest : "", nearest ? "\"?" : "");
    fputs("`realm help` lists the commands.\n", stream);
}

int help_main(const struct arguments *arguments)
{
    if (arguments->operands_count == 0) {
        help_overview(stdout);
        return EXIT_FINE;
    }
    const struct command *command = command_find(arguments->operands[0]);
    if (!command) {
        help_unknown(arguments->operands[0], stderr);
        return EXIT_USAGE;
    }
    help_command(command, stdout);
    return EXIT_FINE;
}
