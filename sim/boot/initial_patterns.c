/*
 * Patterns and denials that are likely mistakes: a pattern that meets no realm, or all; a denial of nobody; a
 * rule that a denial makes void.
 *
 * A pattern is tried on every declared realm, and on a template's instances by whether a name can be chosen
 * for them that it meets. That is bounded: a file with very many patterns and realms is not looked at to its
 * end.
 */
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "mm/analysis/pattern_names.h"
#include "mm/analysis/whatif.h"
#include "sim/boot/initial_rules.h"

#define TRIALS_MAX 2000000u

struct trials {
    const struct mm_config *config;
    struct scenario_problems *problems;
    size_t left;
};

/* Whether a pattern can meet a realm: itself, or an instance of the template that it is. */
static bool can_meet(const struct mm_config *config, const char *pattern, uint32_t realm)
{
    const char *components[POLICY_DEPTH_MAX];
    char name[REALM_NAME_MAX + 1];
    struct whatif_path path;
    whatif_path_of(config, realm, &path);
    for (size_t i = 0; i < path.count; i++)
        components[i] = config->realms[path.steps[i].declaration].name;
    if (pattern_names_match(pattern, components, path.count))
        return true;
    return config->realms[realm].template && path.count > 0 &&
           pattern_names_choose(pattern, components, path.count - 1, name, sizeof name);
}

static void check_pattern(struct trials *trials, const char *pattern, struct mm_place place)
{
    const struct mm_config *config = trials->config;
    size_t met = 0;
    if (trials->left < config->realms_count)
        return;
    trials->left -= config->realms_count;
    for (uint32_t i = 0; i < config->realms_count; i++)
        met += can_meet(config, pattern, i);
    if (met == 0)
        scenario_problems_add(trials->problems, SCENARIO_WARNING, place,
                              "this matches nothing: no realm has a path like \"%.200s\"", pattern);
    else if (met == config->realms_count && met > 1)
        scenario_problems_add(trials->problems, SCENARIO_WARNING, place,
                              "this matches everything: every realm has a path like \"%.200s\"", pattern);
}

static void check_denial(struct trials *trials, const struct mm_deny *deny, size_t *denied)
{
    const struct mm_config *config = trials->config;
    const struct mm_service *service = &config->services[deny->service];
    if (deny->who.kind == MM_ACCESS_PATH)
        check_pattern(trials, deny->who.pattern, deny->who.place);
    if (deny->who.kind != MM_ACCESS_REALM)
        return;
    const char *name = config->realms[deny->who.realm].name;
    if (deny->who.realm == service->provider)
        scenario_problems_add(
            trials->problems, SCENARIO_WARNING, deny->who.place,
            "this denies nothing: \"%s\" provides the service, and a realm does not connect to itself", name);
    else if (denied[deny->who.realm] == deny->service + 1u)
        scenario_problems_add(trials->problems, SCENARIO_WARNING, deny->who.place, "\"%s\" is denied already",
                              name);
    denied[deny->who.realm] = deny->service + 1u;
}

void initial_check_patterns(const struct mm_config *config, struct scenario_problems *problems)
{
    struct trials trials = {.config = config, .problems = problems, .left = TRIALS_MAX};
    size_t *denied = calloc(config->realms_count + 1, sizeof *denied);
    if (!denied)
        return;
    for (size_t i = 0; i < config->services_count; i++)
        for (size_t j = 0; j < config->services[i].access_count; j++)
            if (config->services[i].access[j].kind == MM_ACCESS_PATH)
                check_pattern(&trials, config->services[i].access[j].pattern,
                              config->services[i].access[j].place);
    for (size_t i = 0; i < config->grants_count; i++)
        if (config->grants[i].pattern)
            check_pattern(&trials, config->grants[i].pattern, config->grants[i].place);
    for (size_t i = 0; i < config->denies_count; i++)
        check_denial(&trials, &config->denies[i], denied);
    free(denied);
}
