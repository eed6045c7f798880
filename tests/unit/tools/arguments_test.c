/* Options and operands: what is taken, and what each mistake is answered with. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/arguments.h"

static struct arguments arguments;
static char said[2048];

/* Words up to NULL. */
static bool parse(const char *command, const char *const *words)
{
    size_t count = 0;
    while (words[count])
        count++;
    memset(said, 0, sizeof said);
    FILE *stream = fmemopen(said, sizeof said - 1, "w");
    bool good = arguments_parse(command_find(command), words, count, stream, &arguments);
    fclose(stream);
    return good;
}
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_WORDS   ((const char *const[]){NULL})

/* Goal: values come by "=" and by the next word, switches and letters alone, operands anywhere. */
Test(arguments, takes)
{
    cr_assert(parse("run", WORDS("--for=5s", "x.yaml", "--waiter", "pipe", "-q", "--json")), "%s", said);
    cr_assert_eq(arguments.operands_count, 1u);
    cr_assert_str_eq(arguments.operands[0], "x.yaml");
    cr_assert_str_eq(arguments_value(&arguments, "--for"), "5s");
    cr_assert_str_eq(arguments_value(&arguments, "--waiter"), "pipe");
    cr_assert(arguments_has(&arguments, "--quiet"));
    cr_assert(arguments_has(&arguments, "--json"));
    cr_assert_null(arguments_value(&arguments, "--instance"));
}

/* Goal: behind -- everything is an operand; a single dash is one, too. */
Test(arguments, end_of_options)
{
    cr_assert(parse("spawn", WORDS("w", "--", "--fast", "-x", "--")));
    cr_assert_eq(arguments.operands_count, 4u);
    cr_assert_str_eq(arguments.operands[1], "--fast");
    cr_assert_str_eq(arguments.operands[3], "--");
    cr_assert(parse("kill", WORDS("-")));
}

/* Goal: --help wins over whatever is missing. */
Test(arguments, help)
{
    cr_assert(parse("explain", WORDS("--help")));
    cr_assert(arguments.help);
    cr_assert(parse("explain", WORDS("A", "-h")));
    cr_assert(arguments.help);
}

/* Goal: each mistake is refused, with words that help, and with the usage. */
Test(arguments, mistakes)
{
    static const struct {
        const char *command;
        const char *words[4];
        const char *says;
    } cases[] = {
        {"ps", {"--jsno"}, "did you mean \"--json\"?"},
        {"ps", {"--jsno=1"}, "\"--jsno\"; did you mean"},
        {"ps", {"--hepl"}, "did you mean \"--help\"?"},
        {"ps", {"-z"}, "unknown option \"-z\""},
        {"logs", {"-fz"}, "unknown option \"-fz\""},
        {"ps", {"--json=yes"}, "--json takes no value"},
        {"ps", {"--json", "--json"}, "--json is given twice"},
        {"run", {"x", "--for"}, "--for needs a value: --for TIME"},
        {"run", {"x", "--for="}, "--for needs a value"},
        {"run", {"x", "--waiter", "io"}, "--waiter is one of auto|uring|pipe, not \"io\""},
        {"run", {"x", "--waiter", "uring|pipe"}, "is one of"},
        {"ps", {"x"}, "\"x\" is one word too many"},
        {"revoke", {"A"}, "something is missing: REALM SERVICE"},
        {"run", {"--json"}, "something is missing: FILE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_not(parse(cases[i].command, cases[i].words), "case %zu", i);
        cr_assert_not_null(strstr(said, cases[i].says), "case %zu: %s", i, said);
        cr_assert_not_null(strstr(said, "usage: realm "), "case %zu: %s", i, said);
    }
}

/* Goal: durations are read, and a bad one is bad usage. */
Test(arguments, durations)
{
    uint64_t ns = 7;
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    cr_assert(parse("run", WORDS("x")));
    cr_assert(arguments_duration(&arguments, "--for", stream, &ns));
    cr_assert_eq(ns, 7u, "not given: untouched");
    cr_assert(parse("run", WORDS("x", "--for", "250ms")));
    cr_assert(arguments_duration(&arguments, "--for", stream, &ns));
    cr_assert_eq(ns, 250000000u);
    cr_assert(parse("run", WORDS("x", "--for", "5")));
    cr_assert_not(arguments_duration(&arguments, "--for", stream, &ns));
    fclose(stream);
    cr_assert_not_null(strstr(text, "not \"5\""));
    free(text);
}

/* Goal: the instance comes from the option, the environment, or is the default, and leads nowhere else. */
Test(arguments, instance)
{
    FILE *nowhere = fopen("/dev/null", "w");
    unsetenv("REALMKIT_INSTANCE");
    cr_assert(parse("ps", NO_WORDS));
    cr_assert_str_eq(arguments_instance(&arguments, nowhere), "default");
    setenv("REALMKIT_INSTANCE", "from-env", 1);
    cr_assert_str_eq(arguments_instance(&arguments, nowhere), "from-env");
    cr_assert(parse("ps", WORDS("--instance", "mine_1.x")));
    cr_assert_str_eq(arguments_instance(&arguments, nowhere), "mine_1.x");
    static const char *const bad[] = {"..", ".", "a/b", "a b", "é", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_assert(parse("ps", WORDS("--instance", bad[i])));
        cr_assert_null(arguments_instance(&arguments, nowhere), "%s", bad[i]);
    }
    fclose(nowhere);
}
