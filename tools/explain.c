/*
 * `realm explain REALM SERVICE`: asks the running system, or, with --file, the policy engine about a
 * scenario's initial state. Both give the same object.
 */
#include "tools/explain.h"

#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/core/nearest.h"
#include "sim/boot/initial.h"
#include "sim/boot/scenario.h"
#include "tools/client.h"
#include "tools/print.h"

#define STEPS_MAX 64u

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

static void print_step(FILE *stream, const json_t *step)
{
    fprintf(stream, "  %s %-20s ", json_is_true(json_object_get(step, "matched")) ? "✓" : "·",
            text_of(step, "rule"));
    print_place(stream, "", text_of(step, "at"));
    fputc('\n', stream);
}

void explain_print(FILE *stream, const char *realm, const char *service, const json_t *explanation)
{
    bool allowed = json_is_true(json_object_get(explanation, "allowed"));
    fprintf(stream, "%s ", allowed ? "yes:" : "no:");
    print_text(stream, realm);
    fputs(allowed ? " may connect to " : " may not connect to ", stream);
    print_text(stream, service);
    fprintf(stream, ", by the rule \"%s\"", text_of(explanation, "rule"));
    const char *at = text_of(explanation, "at"), *fix = text_of(explanation, "fix");
    print_place(stream, " at ", at);
    fputs("\n\nlooked at, in this order:\n", stream);
    const json_t *steps = json_object_get(explanation, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++)
        print_step(stream, json_array_get(steps, i));
    if (allowed && json_is_false(json_object_get(explanation, "registered")))
        fputs("\nnobody has registered the service: a connect waits, or fails with REALM_E_NO_SERVICE\n",
              stream);
    if (!allowed && *fix) {
        fputs("\nto allow it: ", stream);
        print_text(stream, fix);
        fputc('\n', stream);
    }
}

/* --- from a file --- */

/* As the broker says it: the file's name without its folder. */
static json_t *place_text(const struct mm_config *config, struct policy_place place)
{
    const char *slash = strrchr(config->source, '/');
    const char *name = slash ? slash + 1 : config->source;
    return place.line == 0 ? json_string(name) : json_sprintf("%s:%u:%u", name, place.line, place.column);
}

static json_t *steps_of(const struct mm_config *config, const struct initial *initial, uint32_t realm,
                        uint32_t service)
{
    struct policy_step steps[STEPS_MAX];
    size_t count = initial_explain(initial, realm, service, steps, STEPS_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < STEPS_MAX; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:o, s:b}", "rule", policy_rule_name(steps[i].rule), "at",
                                        place_text(config, steps[i].place), "matched", steps[i].matched));
    return list;
}

static json_t *explanation_of(const struct mm_config *config, const struct initial *initial, uint32_t realm,
                              uint32_t service)
{
    struct policy_decision decision;
    char fix[700];
    bool allowed = initial_allows(initial, realm, service, &decision);
    initial_fix_text(initial, &decision, fix, sizeof fix);
    return json_pack("{s:b, s:s, s:o, s:s, s:b, s:o}", "allowed", allowed, "rule",
                     policy_rule_name(decision.rule), "at", place_text(config, decision.place), "fix", fix,
                     "registered", 0, "steps", steps_of(config, initial, realm, service));
}

static int unknown(const char *what, const char *name, const char *nearest)
{
    fprintf(stderr, "realm explain: there is no %s \"", what);
    print_text(stderr, name);
    fprintf(stderr, "\"%s%s%s\n", nearest ? "; did you mean \"" : "", nearest ? nearest : "",
            nearest ? "\"?" : "");
    return EXIT_FAILED;
}

static int find_realm(const struct mm_config *config, const char *name, uint32_t *ret_index)
{
    const char **names = calloc(config->realms_count, sizeof *names);
    for (uint32_t i = 0; i < config->realms_count; i++) {
        if (strcmp(config->realms[i].name, name) == 0) {
            free(names);
            *ret_index = i;
            return EXIT_FINE;
        }
        if (names)
            names[i] = config->realms[i].name;
    }
    const char *nearest = names ? realm_nearest(name, names, config->realms_count) : NULL;
    free(names);
    return unknown("realm", name, nearest);
}

static bool is_called(const struct mm_service *service, const char *name)
{
    for (size_t i = 0; i < service->aliases_count; i++)
        if (strcmp(service->aliases[i].name, name) == 0)
            return true;
    return strcmp(service->name, name) == 0;
}

static int find_service(const struct mm_config *config, const char *name, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < config->services_count; i++) {
        if (is_called(&config->services[i], name)) {
            *ret_index = i;
            return EXIT_FINE;
        }
    }
    return unknown("service", name, mm_config_nearest_service(config, name));
}

static int ask_config(const struct arguments *arguments, const struct mm_config *config,
                      json_t **ret_explanation)
{
    uint32_t realm = 0, service = 0;
    struct initial *initial = NULL;
    int status = find_realm(config, arguments->operands[0], &realm);
    if (!status)
        status = find_service(config, arguments->operands[1], &service);
    if (!status && initial_new(config, &initial) != 0) {
        fputs("realm explain: out of memory\n", stderr);
        status = EXIT_FAILED;
    }
    if (!status)
        *ret_explanation = explanation_of(config, initial, realm, service);
    initial_free(initial);
    return status;
}

static int ask_file(const struct arguments *arguments, const char *path, json_t **ret_explanation)
{
    struct scenario_problems problems;
    struct mm_config *config = NULL;
    scenario_problems_init(&problems);
    int status = EXIT_FAILED;
    if (scenario_read(path, &problems, &config) == 0)
        status = ask_config(arguments, config, ret_explanation);
    scenario_problems_print(&problems, stderr, print_colours(stderr));
    scenario_problems_deinit(&problems);
    mm_config_free(config);
    return status;
}

int explain_main(const struct arguments *arguments)
{
    json_t *explanation = NULL;
    const char *path = arguments_value(arguments, "--file");
    int status = path ? ask_file(arguments, path, &explanation)
                      : client_ask(arguments,
                                   json_pack("{s:s, s:s, s:s}", "command", "explain", "realm",
                                             arguments->operands[0], "service", arguments->operands[1]),
                                   &explanation);
    if (status)
        return status;
    if (arguments_has(arguments, "--json"))
        status = print_json(stdout, explanation);
    else
        explain_print(stdout, arguments->operands[0], arguments->operands[1], explanation);
    json_decref(explanation);
    return status;
}
