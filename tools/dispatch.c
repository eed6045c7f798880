/* `realm`, `realm --version`, `realm --help`, `realm COMMAND …`. */
#include "tools/dispatch.h"

#include <stdio.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/help.h"

static int run(const struct command *command, char *const *words, size_t count)
{
    struct arguments arguments;
    if (!arguments_parse(command, (const char *const *)words, count, stderr, &arguments))
        return EXIT_USAGE;
    if (arguments.help) {
        help_command(command, stdout);
        return EXIT_FINE;
    }
    return command->run(&arguments);
}

int dispatch(int argc, char *const *argv)
{
    if (argc < 2) {
        help_overview(stderr);
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        help_overview(stdout);
        return EXIT_FINE;
    }
    if (strcmp(name, "--version") == 0) {
        puts("realm " HELP_VERSION);
        return EXIT_FINE;
    }
    const struct command *command = command_find(name);
    if (!command) {
        help_unknown(name, stderr);
        return EXIT_USAGE;
    }
    return run(command, argv + 2, (size_t)argc - 2);
}
