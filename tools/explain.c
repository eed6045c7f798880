/*
 * `realm explain REALM SERVICE`: asks the running system, or, with --file, the policy engine about a
 * scenario's initial state. Both give the same object.
 */
#include "tools/explain.h"

#include <stdlib.h>
#include <string.h>

#include "tools/client.h"
#include "tools/help.h"
#include "tools/print.h"

static const char *text_of(const json_t *object, const char *member)
{
    const char *text = json_string_value(json_object_get(object, member));
    return text ? text : "";
}

/* A file without a line is no place that anybody could look at. */
static void print_place(FILE *stream, const char *before, const char *at)
{
    if (!strchr(at, ':'))
        return;
    fputs(before, stream);
    print_text(stream, at);
}

/*
 * A tick if it allowed, a cross if it is the one that refused, a dot if it was passed over. What is allowed
 * by one rule may be refused by a later one (a quota): of the steps only that of the deciding rule has
 * refused.
 */
static void print_step(FILE *stream, const json_t *step, const json_t *explanation)
{
    bool matched = json_is_true(json_object_get(step, "matched"));
    bool refused = !json_is_true(json_object_get(explanation, "allowed")) &&
                   strcmp(text_of(step, "rule"), text_of(explanation, "rule")) == 0;
    fprintf(stream, "  %s %-20s ", !matched ? "·" : refused ? "✗" : "✓", text_of(step, "rule"));
    print_place(stream, "", text_of(step, "at"));
    fputc('\n', stream);
}

static void print_consumers(FILE *stream, const json_t *explanation)
{
    const json_t *quota = json_object_get(explanation, "quota"), *list = json_object_get(quota, "consumers");
    if (!json_is_object(quota))
        return;
    fputs("\nthe quota of ", stream);
    print_text(stream, text_of(quota, "realm"));
    fprintf(stream, ": %s, limit %" JSON_INTEGER_FORMAT ", in use %" JSON_INTEGER_FORMAT,
            text_of(quota, "resource"), json_integer_value(json_object_get(quota, "limit")),
            json_integer_value(json_object_get(quota, "use")));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *consumer = json_array_get(list, i);
        fputs(i ? ", " : "; the largest consumers: ", stream);
        print_text(stream, text_of(consumer, "realm"));
        fprintf(stream, " %" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(consumer, "own")));
    }
    fputc('\n', stream);
}

/* Lines to paste, set off from the rest. */
static void print_yaml(FILE *stream, const char *yaml)
{
    while (*yaml) {
        size_t size = strcspn(yaml, "\n");
        char *line = strndup(yaml, size);
        fputs("  ", stream);
        print_text(stream, line ? line : "?");
        fputc('\n', stream);
        free(line);
        yaml += size + (yaml[size] == '\n');
    }
}

/* In a sentence, before the name of a service. What is not asked of the past is a connect. */
static const char *what_was_asked(const char *asked)
{
    static const char *const words[][2] = {
        {"register", "register"},
        {"grant", "grant its child"},
        {"derive", "derive from what it holds of"},
        {"offer", "give away what it holds of"},
        {"take", "take what it was given of"},
        {"revoke", "revoke what was derived from what it holds of"},
        {"revoke-child", "revoke from that realm"},
        {"delete", "delete what it holds of"},
        {"create", "make an endpoint"},
        {"allocate", "allocate"},
        {"map", "so map"},
        {"seal", "seal"},
        {"charge", "have more"},
        {"gate", "make the call"},
        {"look", "look at"},
        {"kill", "kill"},
        {"spawn", "spawn"},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(asked, words[i][0]) == 0)
            return words[i][1];
    return "connect to";
}

void explain_print(FILE *stream, const json_t *explanation)
{
    bool allowed = json_is_true(json_object_get(explanation, "allowed"));
    fprintf(stream, "%s ", allowed ? "✓ yes:" : "✗ no:");
    print_text(stream, text_of(explanation, "realm"));
    fprintf(stream, " may%s %s ", allowed ? "" : " not", what_was_asked(text_of(explanation, "asked")));
    print_text(stream, text_of(explanation, "service"));
    if (*text_of(explanation, "right"))
        fprintf(stream, " with the right %s", text_of(explanation, "right"));
    fprintf(stream, ", by the rule \"%s\"", text_of(explanation, "rule"));
    print_place(stream, " at ", text_of(explanation, "at"));
    const json_t *steps = json_object_get(explanation, "steps");
    fputs(json_array_size(steps) > 0 ? "\n\nlooked at, in this order:\n" : "\n", stream);
    for (size_t i = 0; i < json_array_size(steps); i++)
        print_step(stream, json_array_get(steps, i), explanation);
    if (allowed && json_is_false(json_object_get(explanation, "registered")))
        fputs("\nnobody has registered the service: a connect waits, or fails with REALM_E_NO_SERVICE\n",
              stream);
    print_consumers(stream, explanation);
    const char *yaml = text_of(explanation, "yaml");
    if (!allowed && *yaml) {
        fputs("\nthe smallest change of the scenario that allows it:\n", stream);
        print_yaml(stream, yaml);
    } else if (!allowed) {
        fputs("\nno change of the scenario allows it\n", stream);
    }
}

/* A decision of the past, by the number that its event had. */
static int ask_decision(const struct arguments *arguments, json_t **ret_explanation)
{
    return client_ask(
        arguments,
        json_pack("{s:s, s:s}", "command", "decision", "number", arguments_value(arguments, "--decision")),
        ret_explanation);
}

static int ask_system(const struct arguments *arguments, json_t **ret_explanation)
{
    const char *right = arguments_value(arguments, "--right");
    json_t *request = json_pack("{s:s, s:s, s:s}", "command", "explain", "realm", arguments->operands[0],
                                "service", arguments->operands[1]);
    if (request && right)
        json_object_set_new(request, "right", json_string(right));
    return client_ask(arguments, request, ret_explanation);
}

/* A realm and a service, or a decision's number; a right and a file go with the former. */
static bool usage_is_good(const struct arguments *arguments)
{
    const char *decision = arguments_value(arguments, "--decision");
    if (decision && (decision[0] == '\0' || decision[strspn(decision, "0123456789")] != '\0'))
        fputs("realm explain: --decision takes the number of a decision, as events and logs tell it\n",
              stderr);
    else if (decision && (arguments->operands_count > 0 || arguments_has(arguments, "--right") ||
                          arguments_has(arguments, "--file")))
        fputs("realm explain: --decision stands alone: the decision has its realm and service\n", stderr);
    else if (!decision && arguments->operands_count < 2)
        fputs("realm explain: something is missing: REALM SERVICE (or --decision N)\n", stderr);
    else
        return true;
    help_usage(arguments->command, stderr);
    return false;
}

int explain_main(const struct arguments *arguments)
{
    json_t *explanation = NULL;
    const char *path = arguments_value(arguments, "--file");
    if (!usage_is_good(arguments))
        return EXIT_USAGE;
    int status = arguments_has(arguments, "--decision") ? ask_decision(arguments, &explanation)
                 : path                                 ? explain_file(arguments, path, &explanation)
                                                        : ask_system(arguments, &explanation);
    if (status)
        return status;
    if (arguments_has(arguments, "--json"))
        status = print_json(stdout, explanation);
    else
        explain_print(stdout, explanation);
    json_decref(explanation);
    return status;
}
