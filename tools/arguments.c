/* Option parsing. A mistake is answered with the nearest right word and the usage line. */
#include "tools/arguments.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/core/nearest.h"
#include "sim/boot/duration.h"
#include "tools/help.h"

struct parser {
    struct arguments *arguments;
    const char *const *words;
    size_t count, at;
    FILE *errors;
};

static bool bad(const struct arguments *arguments, FILE *errors, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool bad(const struct arguments *arguments, FILE *errors, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fprintf(errors, "realm %s: ", arguments->command->name);
    vfprintf(errors, format, list);
    va_end(list);
    fputc('\n', errors);
    help_usage(arguments->command, errors);
    return false;
}

static bool unknown(struct parser *parser, const char *word, size_t size)
{
    const struct command *command = parser->arguments->command;
    const char *names[COMMAND_OPTIONS_MAX + 1];
    size_t count = command_options(command);
    for (size_t i = 0; i < count; i++)
        names[i] = command->options[i].name;
    names[count++] = "--help";
    char *name = strndup(word, size);
    const char *nearest = name ? realm_nearest(name, names, count) : NULL;
    free(name);
    bad(parser->arguments, parser->errors, "unknown option \"%.*s\"%s%s%s", (int)size, word,
        nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    return false;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t size = strlen(value);
    for (const char *at = choices; at && *at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (strcspn(at, "|") == size && strncmp(at, value, size) == 0)
            return true;
    return false;
}

/* equals: the text behind "=", or NULL. */
static bool take_option(struct parser *parser, size_t index, const char *equals)
{
    struct arguments *arguments = parser->arguments;
    const struct option *option = &arguments->command->options[index];
    if (arguments->values[index])
        return bad(arguments, parser->errors, "%s is given twice", option->name);
    if (!option->value) {
        arguments->values[index] = "";
        return equals ? bad(arguments, parser->errors, "%s takes no value", option->name) : true;
    }
    if (!equals && parser->at < parser->count)
        equals = parser->words[parser->at++];
    if (!equals || !*equals)
        return bad(arguments, parser->errors, "%s needs a value: %s %s", option->name, option->name,
                   option->value);
    if (option->choices && !is_choice(option->choices, equals))
        return bad(arguments, parser->errors, "%s is one of %s, not \"%s\"", option->name, option->choices,
                   equals);
    arguments->values[index] = equals;
    return true;
}

static bool take_long(struct parser *parser, const char *word)
{
    const struct command *command = parser->arguments->command;
    size_t size = strcspn(word, "=");
    for (size_t i = 0; i < command_options(command); i++)
        if (strlen(command->options[i].name) == size && strncmp(command->options[i].name, word, size) == 0)
            return take_option(parser, i, word[size] ? word + size + 1 : NULL);
    return unknown(parser, word, size);
}

static bool take_letters(struct parser *parser, const char *word)
{
    const struct command *command = parser->arguments->command;
    for (const char *letter = word + 1; *letter; letter++) {
        size_t index = 0, count = command_options(command);
        while (index < count && command->options[index].letter != *letter)
            index++;
        if (index == count)
            return unknown(parser, word, strlen(word));
        if (!take_option(parser, index, NULL))
            return false;
    }
    return true;
}

static bool take_operand(struct parser *parser, const char *word)
{
    struct arguments *arguments = parser->arguments;
    if (arguments->operands_count == arguments->command->operands_max)
        return bad(arguments, parser->errors, "\"%s\" is one word too many", word);
    arguments->operands[arguments->operands_count++] = word;
    return true;
}

bool arguments_parse(const struct command *command, const char *const *words, size_t count, FILE *errors,
                     struct arguments *ret_arguments)
{
    assert(command->operands_max <= COMMAND_OPERANDS_MAX);
    struct arguments arguments = {.command = command};
    struct parser parser = {.arguments = &arguments, .words = words, .count = count, .errors = errors};
    bool options = true, good = true;
    while (good && parser.at < count) {
        const char *word = words[parser.at++];
        if (!options || word[0] != '-' || word[1] == '\0') {
            good = take_operand(&parser, word);
        } else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
            arguments.help = true;
            break;
        } else if (strcmp(word, "--") == 0) {
            options = false;
        } else {
            good = word[1] == '-' ? take_long(&parser, word) : take_letters(&parser, word);
        }
    }
    if (good && !arguments.help && arguments.operands_count < command->operands_min)
        good = bad(&arguments, errors, "something is missing: %s", command->operands);
    if (good)
        *ret_arguments = arguments;
    return good;
}

const char *arguments_value(const struct arguments *arguments, const char *option)
{
    size_t count = command_options(arguments->command);
    size_t index = 0;
    while (index < count && strcmp(arguments->command->options[index].name, option) != 0)
        index++;
    assert(index < count); /* the command's row has the option */
    return arguments->values[index];
}

bool arguments_has(const struct arguments *arguments, const char *option)
{
    return arguments_value(arguments, option) != NULL;
}

bool arguments_duration(const struct arguments *arguments, const char *option, FILE *errors, uint64_t *ret_ns)
{
    const char *text = arguments_value(arguments, option);
    if (!text || duration_parse(text, ret_ns))
        return true;
    return bad(arguments, errors, "%s must be %s, not \"%s\"", option, DURATION_FORM, text);
}

/* An instance is the name of a folder: what could lead elsewhere is refused. */
const char *arguments_instance(const struct arguments *arguments, FILE *errors)
{
    const char *name = arguments_value(arguments, "--instance");
    if (!name)
        name = getenv("REALMKIT_INSTANCE");
    if (!name || !*name)
        name = "default";
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(name);
    if (size <= 32 && name[0] != '.' && strspn(name, allowed) == size)
        return name;
    bad(arguments, errors,
        "an instance's name has 1 to 32 of the characters A-Z a-z 0-9 . _ - and does not "
        "begin with a dot");
    return NULL;
}
