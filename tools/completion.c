/*
 * Completion scripts, generated from the table: commands, their options, the words an option's value can be,
 * and file names elsewhere.
 */
#include <stdio.h>
#include <string.h>

#include "tools/arguments.h"
#include "tools/help.h"

static void print_names(void)
{
    for (size_t i = 0; i < command_count; i++)
        printf("%s%s", i ? " " : "", command_table[i].name);
}

static void print_options(const struct command *command)
{
    for (size_t i = 0; i < command_options(command); i++)
        printf("%s ", command->options[i].name);
    fputs("--help", stdout);
}

static void print_words(const char *choices)
{
    for (; *choices; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

/* One case a command, and in it one for each option whose values are known. */
static void print_cases(void)
{
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = &command_table[i];
        printf("    %s)\n", command->name);
        for (size_t j = 0; j < command_options(command); j++) {
            if (!command->options[j].choices)
                continue;
            printf("        [ \"$previous\" = %s ] && found=\"", command->options[j].name);
            print_words(command->options[j].choices);
            puts("\" && return");
        }
        fputs("        found=\"", stdout);
        print_options(command);
        if (command->run == help_main) {
            putchar(' ');
            print_names();
        } else if (command->run == completion_main) {
            fputs(" bash zsh", stdout);
        }
        puts("\" ;;");
    }
}

/* Sets `found` to what may stand after the command and the word before the cursor; both shells use it. */
static void print_core(void)
{
    puts("_realm_words() {\n    local command=$1 previous=$2\n    case \"$command\" in");
    print_cases();
    fputs("    *) found=\"", stdout);
    print_names();
    puts(" --help --version\" ;;\n    esac\n}");
}

static void print_bash(void)
{
    puts("# Completion of realm for bash: eval \"$(realm completion bash)\"");
    print_core();
    puts("_realm() {\n"
         "    local current=${COMP_WORDS[COMP_CWORD]} found= command=\n"
         "    [ \"$COMP_CWORD\" -gt 1 ] && command=${COMP_WORDS[1]}\n"
         "    _realm_words \"$command\" \"${COMP_WORDS[COMP_CWORD-1]}\"\n"
         "    COMPREPLY=($(compgen -W \"$found\" -- \"$current\"))\n"
         "}\n"
         "complete -o default -F _realm realm");
}

static void print_zsh(void)
{
    puts("#compdef realm\n# Completion of realm for zsh: eval \"$(realm completion zsh)\"");
    print_core();
    puts("_realm() {\n"
         "    local before=(\"${words[@]}\") found= command=\n"
         "    [ \"$CURRENT\" -gt 2 ] && command=${before[2]}\n"
         "    _realm_words \"$command\" \"${before[CURRENT-1]}\"\n"
         "    compadd -- ${=found}\n"
         "    _files\n"
         "}\n"
         "compdef _realm realm");
}

int completion_main(const struct arguments *arguments)
{
    if (strcmp(arguments->operands[0], "bash") == 0) {
        print_bash();
    } else if (strcmp(arguments->operands[0], "zsh") == 0) {
        print_zsh();
    } else {
        fprintf(stderr, "realm completion: no script for \"%s\"; there are bash and zsh\n",
                arguments->operands[0]);
        return EXIT_USAGE;
    }
    return EXIT_FINE;
}
