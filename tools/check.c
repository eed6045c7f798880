/*
 * `realm check FILE`: is the scenario sound, and who may connect to what. Problems go to standard error, the
 * answer to standard output; with --json, one object has both.
 */
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "sim/boot/initial.h"
#include "sim/boot/scenario.h"
#include "tools/arguments.h"
#include "tools/print.h"

#define PAIRS_MAX 200000u /* of a realm and a service: more are not asked one by one */

static json_t *problems_of(const struct scenario_problems *problems)
{
    json_t *list = json_array();
    for (size_t i = 0; i < problems->count; i++) {
        const struct scenario_problem *problem = &problems->list[i];
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:i, s:s}", "severity",
                                        problem->severity == SCENARIO_ERROR ? "error" : "warning", "line",
                                        (int)problem->place.line, "column", (int)problem->place.column,
                                        "message", problem->message ? problem->message : ""));
    }
    return list;
}

/* The realms that may connect to a service in the initial state. */
static json_t *clients_of(const struct mm_config *config, const struct initial *initial, uint32_t service)
{
    json_t *list = json_array();
    for (uint32_t realm = 0; realm < config->realms_count; realm++)
        if (initial_allows(initial, realm, service, NULL))
            json_array_append_new(list, json_string(config->realms[realm].name));
    return list;
}

static json_t *services_of(const struct mm_config *config, const struct initial *initial)
{
    bool few = config->realms_count * config->services_count <= PAIRS_MAX;
    json_t *list = json_array();
    for (uint32_t i = 0; i < config->services_count; i++) {
        const struct mm_service *service = &config->services[i];
        json_t *aliases = json_array();
        for (size_t j = 0; j < service->aliases_count; j++)
            json_array_append_new(aliases, json_string(service->aliases[j].name));
        json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:o}", "service", service->name, "aliases",
                                              aliases, "provider", config->realms[service->provider].name,
                                              "clients", few ? clients_of(config, initial, i) : json_null()));
    }
    return list;
}

/* --- assertions --- */

struct judged {
    const struct mm_config *config;
    json_t *list;
    size_t held;
};

static json_t *steps_of(const struct population *population, const struct verdict *verdict)
{
    json_t *list = json_array();
    for (size_t i = 0; verdict->kind == VERDICT_VIOLATED && i < verdict->plan.count; i++) {
        const struct rerun_said *said = &verdict->said[i];
        char text[700];
        rerun_text(population, &verdict->plan.steps[i], text, sizeof text);
        json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:i}", "step", text, "rule",
                                              policy_rule_name(said->rule), "line", (int)said->place.line,
                                              "column", (int)said->place.column));
    }
    return list;
}

static void take_verdict(void *context, const struct population *population, size_t number,
                         const struct verdict *verdict)
{
    static const char *const words[] = {
        [VERDICT_HOLDS] = "proved", [VERDICT_VIOLATED] = "violated", [VERDICT_UNDECIDED] = "undecided"};
    struct judged *judged = context;
    const struct mm_assert *assertion = &judged->config->asserts[number];
    char text[1000];
    assertions_text(judged->config, assertion, text, sizeof text);
    judged->held += verdict->kind == VERDICT_HOLDS;
    json_array_append_new(
        judged->list,
        json_pack("{s:s, s:i, s:i, s:s, s:s, s:i, s:o}", "assertion", text, "line",
                  (int)assertion->place.line, "column", (int)assertion->place.column, "verdict",
                  words[verdict->kind], "realm",
                  verdict->kind == VERDICT_HOLDS ? "" : population_name(population, verdict->realm), "states",
                  (int)verdict->states, "steps", steps_of(population, verdict)));
}

static const char *parent_of(const struct mm_config *config, const struct mm_realm *realm)
{
    return realm->parent == MM_INIT ? "" : config->realms[realm->parent].name;
}

static const char *starts(const struct mm_realm *realm)
{
    if (realm->template)
        return "template";
    return realm->start ? "at boot" : "when asked";
}

static json_t *realms_of(const struct mm_config *config)
{
    json_t *list = json_array();
    for (size_t i = 0; i < config->realms_count; i++) {
        const struct mm_realm *realm = &config->realms[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "realm", realm->name, "parent",
                                              parent_of(config, realm), "starts", starts(realm), "restart",
                                              realm->restart == MM_RESTART_NEVER ? "never" : "on-failure",
                                              "program", realm->program));
    }
    return list;
}

static void print_summary(const struct mm_config *config, const struct initial *initial, size_t held)
{
    static const struct print_column realms[] = {{"REALM", "realm", PRINT_TEXT, false},
                                                 {"PARENT", "parent", PRINT_TEXT, false},
                                                 {"STARTS", "starts", PRINT_TEXT, false},
                                                 {"RESTART", "restart", PRINT_TEXT, false},
                                                 {"PROGRAM", "program", PRINT_TEXT, false}};
    static const struct print_column services[] = {{"SERVICE", "service", PRINT_TEXT, false},
                                                   {"ALIASES", "aliases", PRINT_TEXT, false},
                                                   {"PROVIDER", "provider", PRINT_TEXT, false},
                                                   {"MAY CONNECT", "clients", PRINT_TEXT, false}};
    printf(
        "%s: system \"%s\" is sound: %zu realms, %zu services, %zu grants, %zu of %zu assertions proved\n\n",
        config->source, config->system, config->realms_count, config->services_count, config->grants_count,
        held, config->asserts_count);
    json_t *rows = realms_of(config);
    print_table(stdout, rows, realms, sizeof realms / sizeof realms[0], "no realms");
    json_decref(rows);
    putchar('\n');
    rows = services_of(config, initial);
    print_table(stdout, rows, services, sizeof services / sizeof services[0], "no services");
    json_decref(rows);
}

static int print_as_json(const char *path, const struct mm_config *config, const struct initial *initial,
                         const struct scenario_problems *problems, json_t *assertions)
{
    json_t *answer = json_pack("{s:s, s:b, s:o}", "file", path, "ok", problems->errors == 0, "problems",
                               problems_of(problems));
    if (answer && initial) {
        json_object_set_new(answer, "system", json_string(config->system));
        json_object_set_new(answer, "realms", realms_of(config));
        json_object_set_new(answer, "services", services_of(config, initial));
        json_object_set(answer, "assertions", assertions);
    }
    int status = answer ? print_json(stdout, answer) : EXIT_FAILED;
    json_decref(answer);
    return status;
}

int check_main(const struct arguments *arguments)
{
    const char *path = arguments->operands[0];
    struct scenario_problems problems;
    struct mm_config *config = NULL;
    struct initial *initial = NULL;
    scenario_problems_init(&problems);
    int error = scenario_read(path, &problems, &config);
    if (!error && config->replay) {
        int status = fuzz_replay(path, config->replay, false, arguments_has(arguments, "--json"));
        mm_config_free(config);
        scenario_problems_deinit(&problems);
        return status;
    }
    if (!error)
        error = initial_new(config, &initial);
    struct judged judged = {.config = config, .list = json_array()};
    if (!error)
        error = initial_check_asserts(initial, ASSERTIONS_WORK, &problems, take_verdict, &judged);
    if (!error) {
        initial_check_rules(config, &problems);
        scenario_problems_sort(&problems);
    }
    int status = EXIT_FINE;
    if (arguments_has(arguments, "--json"))
        status = print_as_json(path, config, initial, &problems, judged.list);
    else
        scenario_problems_print(&problems, stderr, print_colours(stderr));
    if (error < 0)
        fprintf(stderr, "realm check: %s: %s\n", path, strerror(-error));
    if (error || problems.errors > 0)
        status = EXIT_FAILED;
    else if (!status && !arguments_has(arguments, "--json"))
        print_summary(config, initial, judged.held);
    json_decref(judged.list);
    initial_free(initial);
    mm_config_free(config);
    scenario_problems_deinit(&problems);
    return status;
}
