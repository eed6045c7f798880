/*
 * `realm explain --file`: a scenario of which nothing runs is asked as if it ran, with the object for an
 * answer that a running system gives.
 */
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "librealm/core/nearest.h"
#include "mm/analysis/fix.h"
#include "sim/boot/scenario.h"
#include "tools/explain.h"
#include "tools/print.h"

/* As the broker says it: the file's name without its folder. */
static json_t *place_text(const struct mm_config *config, struct policy_place place)
{
    const char *slash = strrchr(config->source, '/');
    const char *name = slash ? slash + 1 : config->source;
    return place.line == 0 ? json_string(name) : json_sprintf("%s:%u:%u", name, place.line, place.column);
}

static json_t *steps_of(const struct mm_config *config, const struct question_answer *answer)
{
    json_t *list = json_array();
    for (size_t i = 0; i < answer->steps_count && i < QUESTION_STEPS_MAX; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:o, s:b}", "rule", policy_rule_name(answer->steps[i].rule), "at",
                            place_text(config, answer->steps[i].place), "matched", answer->steps[i].matched));
    return list;
}

/* Each edit as a line, and all of them as YAML. */
static void add_fix(const struct mm_config *config, const struct question *question, json_t *explanation)
{
    struct edits edits;
    char line[EDIT_TEXT_MAX];
    json_t *lines = json_array();
    if (fix_find(config, question, &edits) != 0)
        edits.count = 0;
    for (size_t i = 0; i < edits.count; i++) {
        edit_line(config, &edits.list[i], line, sizeof line);
        json_array_append_new(lines, json_string(line));
    }
    char *yaml = edits_yaml(config, &edits);
    json_object_set_new(explanation, "edits", lines);
    json_object_set_new(explanation, "yaml", json_string(yaml ? yaml : ""));
    free(yaml);
}

static json_t *explanation_of(const struct mm_config *config, const struct arguments *arguments,
                              const struct question *question, const char *right)
{
    struct question_answer answer;
    if (question_ask(config, question, &answer) != 0)
        return NULL;
    json_t *explanation = json_pack(
        "{s:s, s:s, s:b, s:s, s:o, s:b, s:o}", "realm", arguments->operands[0], "service", question->service,
        "allowed", answer.satisfied, "rule", policy_rule_name(answer.decision.rule), "at",
        place_text(config, answer.decision.place), "registered", 1, "steps", steps_of(config, &answer));
    if (explanation && right)
        json_object_set_new(explanation, "right", json_string(right));
    if (explanation && !answer.satisfied)
        add_fix(config, question, explanation);
    return explanation;
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

static bool find_right(const char *name, uint32_t *ret_rights)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } rights[] = {{"send", REALM_RIGHT_SEND},
                  {"grant", REALM_RIGHT_GRANT},
                  {"mint", REALM_RIGHT_MINT},
                  {"revoke", REALM_RIGHT_REVOKE}};
    for (size_t i = 0; name && i < sizeof rights / sizeof rights[0]; i++) {
        if (strcmp(rights[i].name, name) == 0) {
            *ret_rights |= rights[i].bit;
            return true;
        }
    }
    return name == NULL;
}

static int ask_config(const struct arguments *arguments, const struct mm_config *config,
                      json_t **ret_explanation)
{
    const char *right = arguments_value(arguments, "--right");
    struct question question = {
        .kind = QUESTION_CONNECT, .service = arguments->operands[1], .rights = REALM_RIGHT_SEND};
    uint32_t realm = 0, service = 0;
    int status = find_realm(config, arguments->operands[0], &realm);
    if (!status)
        status = find_service(config, arguments->operands[1], &service);
    if (!status && !find_right(right, &question.rights))
        status = EXIT_USAGE; /* the table of options has said so */
    if (status)
        return status;
    whatif_path_of(config, realm, &question.actor);
    *ret_explanation = explanation_of(config, arguments, &question, right);
    if (*ret_explanation)
        return EXIT_FINE;
    fputs("realm explain: out of memory\n", stderr);
    return EXIT_FAILED;
}

int explain_file(const struct arguments *arguments, const char *path, json_t **ret_explanation)
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
