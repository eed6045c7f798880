/*
 * Instances come in rounds: first those below declared realms, then those below instances. A realm is only
 * ever added behind its parent.
 */
#include "mm/analysis/population.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/pattern_names.h"

/* --- the realms --- */

static bool is_there(const struct population *population, uint32_t parent, const char *name)
{
    for (uint32_t i = 0; i < population->count; i++)
        if (population->realms[i].parent == parent && strcmp(population_name(population, i), name) == 0)
            return true;
    return false;
}

static int add(struct population *population, uint32_t declaration, uint32_t parent, const char *name)
{
    if (name && is_there(population, parent, name))
        return 0;
    if (population->count == POPULATION_REALMS_MAX) {
        population->cut = true;
        return 0;
    }
    char *copy = name ? strdup(name) : NULL;
    if (name && !copy)
        return -ENOMEM;
    population->realms[population->count++] =
        (struct population_realm){.declaration = declaration,
                                  .parent = parent,
                                  .name = copy,
                                  .boot = !name && population->config->realms[declaration].start};
    return 0;
}

/* Declared realms in the order of the file, but parents first; templates only have instances. */
static int add_declared(struct population *population)
{
    const struct mm_config *config = population->config;
    uint32_t *places = calloc(config->realms_count + 1, sizeof *places);
    if (!places)
        return -ENOMEM;
    int error = 0;
    bool more = true;
    memset(places, 0xff, config->realms_count * sizeof *places);
    while (more && !error) {
        more = false;
        for (uint32_t i = 0; i < config->realms_count && !error; i++) {
            const struct mm_realm *realm = &config->realms[i];
            bool ready = realm->parent == MM_INIT || places[realm->parent] != UINT32_MAX;
            if (realm->template || places[i] != UINT32_MAX || !ready)
                continue;
            places[i] = population->count;
            error = add(population, i, realm->parent == MM_INIT ? POPULATION_NOBODY : places[realm->parent],
                        NULL);
            more = true;
        }
    }
    free(places);
    return error;
}

/* The instances of one template below one realm. */
static int add_instances(struct population *population, uint32_t template, uint32_t parent)
{
    const struct mm_config *config = population->config;
    char name[REALM_NAME_MAX + 1];
    struct whatif_path path;
    int error = 0;
    for (unsigned i = 1; i <= 2 && !error; i++) {
        snprintf(name, sizeof name, "%.240s-%u", config->realms[template].name, i);
        error = add(population, template, parent, name);
    }
    path.count = 0;
    if (parent != POPULATION_NOBODY)
        population_path(population, parent, &path);
    const char *components[POLICY_DEPTH_MAX];
    for (size_t i = 0; i < path.count; i++)
        components[i] =
            path.steps[i].name ? path.steps[i].name : config->realms[path.steps[i].declaration].name;
    const char *pattern;
    for (size_t at = 0; !error && (pattern = pattern_names_next(config, &at));)
        if (pattern_names_choose(pattern, components, path.count, name, sizeof name))
            error = add(population, template, parent, name);
    return error;
}

static int add_all_instances(struct population *population)
{
    const struct mm_config *config = population->config;
    uint32_t first = 0;
    for (uint32_t i = 0; i < config->realms_count; i++) {
        int error = 0;
        if (config->realms[i].template && config->realms[i].parent == MM_INIT)
            error = add_instances(population, i, POPULATION_NOBODY);
        if (error)
            return error;
    }
    for (; first < population->count; first++) { /* whoever is added is a parent, too, when its turn comes */
        for (uint32_t i = 0; i < config->realms_count; i++) {
            bool below = config->realms[i].template &&
                         config->realms[i].parent == population->realms[first].declaration;
            int error = below ? add_instances(population, i, first) : 0;
            if (error)
                return error;
        }
    }
    return 0;
}

const char *population_name(const struct population *population, uint32_t realm)
{
    const struct population_realm *record = &population->realms[realm];
    return record->name ? record->name : population->config->realms[record->declaration].name;
}

void population_path(const struct population *population, uint32_t realm, struct whatif_path *ret_path)
{
    size_t count = 0, at = 0;
    for (uint32_t i = realm; i != POPULATION_NOBODY && count < POLICY_DEPTH_MAX;
         i = population->realms[i].parent)
        count++;
    ret_path->count = at = count;
    for (uint32_t i = realm; at > 0; i = population->realms[i].parent)
        ret_path->steps[--at] = (struct whatif_step){.declaration = population->realms[i].declaration,
                                                     .name = population->realms[i].name};
}

bool population_provides(const struct population *population, uint32_t realm, uint32_t service)
{
    return population->realms[realm].declaration == population->config->services[service].provider;
}

bool population_is_subject(const struct population *population, const struct mm_subject *subject,
                           uint32_t realm)
{
    const char *components[POLICY_DEPTH_MAX];
    struct whatif_path path;
    switch (subject->kind) {
    case MM_SUBJECT_REALM:
        return population->realms[realm].declaration == subject->realm;
    case MM_SUBJECT_DESCENDANTS:
        for (uint32_t i = population->realms[realm].parent; i != POPULATION_NOBODY;
             i = population->realms[i].parent)
            if (population->realms[i].declaration == subject->realm)
                return true;
        return false;
    case MM_SUBJECT_ALL:
        return true;
    case MM_SUBJECT_PATH:
        population_path(population, realm, &path);
        for (size_t i = 0; i < path.count; i++)
            components[i] = path.steps[i].name ? path.steps[i].name
                                               : population->config->realms[path.steps[i].declaration].name;
        return pattern_names_match(subject->pattern, components, path.count);
    }
    return false;
}

/* --- what the rules say --- */

static size_t place_of(const struct population *population, uint32_t service, uint32_t server, uint32_t actor)
{
    return ((size_t)service * (population->count + 1) + server) * population->count + actor;
}

const struct population_answer *population_ask(const struct population *population, uint32_t service,
                                               uint32_t server, uint32_t actor)
{
    return &population->answers[place_of(population, service, server, actor)];
}

static void ask_actors(struct population *population, struct whatif *whatif,
                       const struct policy_realm *handles, uint32_t service, uint32_t server)
{
    for (uint32_t actor = 0; actor < population->count; actor++) {
        struct policy_event event = {.kind = POLICY_CONNECT,
                                     .actor = handles[actor],
                                     .service = whatif_name(population->config->services[service].name)};
        struct policy_decision decision;
        policy_decide(whatif->policy, &event, &decision);
        bool allowed = decision.status == 0 || decision.status == REALM_E_NO_SERVICE;
        population->answers[place_of(population, service, server, actor)] =
            (struct population_answer){.rule = decision.rule,
                                       .place = decision.place,
                                       .rights = allowed ? decision.rights | REALM_RIGHT_SEND : 0};
    }
}

/* The name of a service, as a capability of anybody's. */
static bool find_name(const struct whatif *whatif, uint32_t service, struct policy_capability *ret_name)
{
    struct policy_capability_info info;
    for (uint32_t cursor = 0; policy_next_capability(whatif->policy, &cursor, &info);) {
        if (info.kind == POLICY_KIND_NAME && info.service.index == whatif->services[service].index) {
            *ret_name = info.capability;
            return true;
        }
    }
    return false;
}

/* Hands a name down the tree from init, a copy for each realm on the way. */
static int hand_down(const struct population *population, struct whatif *whatif,
                     const struct policy_realm *handles, struct policy_capability name, uint32_t server,
                     struct policy_capability *ret_name)
{
    uint32_t way[POLICY_DEPTH_MAX], count = 0;
    struct policy_realm giver = policy_init_realm(whatif->policy);
    for (uint32_t i = server; i != POPULATION_NOBODY && count < POLICY_DEPTH_MAX;
         i = population->realms[i].parent)
        way[count++] = i;
    while (count > 0) {
        struct policy_realm taker = handles[way[--count]];
        struct policy_event event = {.kind = POLICY_DERIVE,
                                     .actor = giver,
                                     .subject = taker,
                                     .capability = name,
                                     .mode = POLICY_COPY,
                                     .rights = policy_kind_rights(POLICY_KIND_NAME)};
        struct policy_decision decision;
        int error = whatif_do(whatif, &event, &decision, &name);
        if (error)
            return error;
        if (decision.status != 0)
            break; /* the server does not run: it will not register */
        giver = taker;
    }
    *ret_name = name;
    return 0;
}

/* Lets each realm serve the service in turn. */
static int ask_servers(struct population *population, struct whatif *whatif,
                       const struct policy_realm *handles, uint32_t service)
{
    const struct policy_name text = whatif_name(population->config->services[service].name);
    struct policy_capability name, copy, endpoint;
    struct policy_decision decision;
    ask_actors(population, whatif, handles, service, population->count);
    if (!find_name(whatif, service, &name))
        return 0; /* its provider cannot run: nobody serves it, ever */
    for (uint32_t server = 0; server < population->count; server++) {
        int error = hand_down(population, whatif, handles, name, server, &copy);
        struct policy_event event = {.kind = POLICY_REGISTER, .actor = handles[server], .service = text};
        if (!error)
            error = whatif_do(whatif, &event, &decision, &endpoint);
        if (error)
            return error;
        if (decision.status != 0)
            continue;
        ask_actors(population, whatif, handles, service, server);
        event = (struct policy_event){
            .kind = POLICY_UNREGISTER, .actor = handles[server], .capability = endpoint};
        error = whatif_do(whatif, &event, &decision, NULL);
        if (error)
            return error;
        while (!policy_clear(whatif->policy, 4096, NULL, NULL))
            ;
    }
    return 0;
}

static int ask_rules(struct population *population)
{
    struct policy_realm handles[POPULATION_REALMS_MAX] = {{0, 0}};
    struct whatif whatif;
    int error = whatif_init_unlimited(&whatif, population->config);
    if (error)
        return error;
    for (uint32_t i = 0; i < population->count && !error; i++) {
        struct whatif_path path;
        struct policy_decision decision;
        population_path(population, i, &path);
        error = whatif_start(&whatif, &path, &handles[i], &decision);
    }
    for (uint32_t i = 0; i < population->config->services_count && !error; i++)
        error = ask_servers(population, &whatif, handles, i);
    whatif_deinit(&whatif);
    return error;
}

int population_new(const struct mm_config *config, struct population **ret_population)
{
    struct population *population = calloc(1, sizeof *population);
    if (!population)
        return -ENOMEM;
    population->config = config;
    int error = config->services_count > POPULATION_SERVICES_MAX ? REALM_E_TOO_BIG : 0;
    if (!error)
        error = add_declared(population);
    if (!error && population->cut)
        error = REALM_E_TOO_BIG;
    if (!error)
        error = add_all_instances(population);
    size_t places = config->services_count * (population->count + 1) * population->count;
    if (!error) {
        population->answers = calloc(places + 1, sizeof *population->answers);
        error = population->answers ? ask_rules(population) : -ENOMEM;
    }
    if (error) {
        population_free(population);
        return error;
    }
    *ret_population = population;
    return 0;
}

void population_free(struct population *population)
{
    if (!population)
        return;
    for (uint32_t i = 0; i < population->count; i++)
        free(population->realms[i].name);
    free(population->answers);
    free(population);
}
