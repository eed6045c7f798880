/*
 * NEVER and ONLY ask for each realm whether a fact can come about: a send capability with all the rights.
 * ALWAYS asks what the rules say to each realm, whoever may come to serve: grants only ever add, so the rules
 * alone are the least that it has.
 */
#include "mm/analysis/assertions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/pattern_names.h"

/* --- who is meant --- */

static bool is_named(const struct population *population, const struct mm_assert *assertion, uint32_t realm)
{
    for (size_t i = 0; i < assertion->subjects_count; i++)
        if (population_is_subject(population, &assertion->subjects[i], realm))
            return true;
    return false;
}

/* Whether a realm must never hold it. Nobody need forbid the provider what is its own. */
static bool must_not(const struct population *population, const struct mm_assert *assertion, uint32_t realm)
{
    bool named = is_named(population, assertion, realm);
    if (population_provides(population, realm, assertion->service))
        return false;
    return assertion->kind == MM_ASSERT_NEVER ? named : !named;
}

/* --- NEVER and ONLY --- */

struct trial {
    const struct population *population;
    struct verdict *verdict;
    int error;
};

static bool try_plan(void *context, const struct search_plan *plan)
{
    struct trial *trial = context;
    int error = rerun_plan(trial->population, plan, trial->verdict->said);
    if (error < 0)
        trial->error = error;
    return error != REALM_E_DENIED;
}

/* Who can come to serve which service: who can hold its name. */
static bool *find_servers(const struct facts *facts, const uint32_t *bounds)
{
    uint32_t realms = facts->population->count;
    bool *servers = calloc((size_t)facts->services * realms + 1, sizeof *servers);
    for (uint32_t service = 0; servers && service < facts->services; service++)
        for (uint32_t realm = 0; realm < realms; realm++)
            servers[service * realms + realm] =
                bounds[facts_number(facts, (struct fact){FACT_ENDPOINT, service, realm, 0})] != FACTS_NONE;
    return servers;
}

/* Twice: what is known of servers after the first time leaves out more the second time. */
static int bound_facts(const struct population *population, const bool *trusted, uint64_t *work,
                       struct facts *ret_facts, bool **ret_servers, uint32_t **ret_bounds)
{
    uint32_t *bounds;
    facts_init(ret_facts, population, trusted, NULL, work);
    int error = search_bounds(ret_facts, &bounds);
    if (error)
        return error;
    bool *servers = find_servers(ret_facts, bounds);
    free(bounds);
    if (!servers)
        return -ENOMEM;
    facts_init(ret_facts, population, trusted, servers, work);
    error = search_bounds(ret_facts, ret_bounds);
    if (error)
        free(servers);
    else
        *ret_servers = servers;
    return error;
}

/* The facts that would break it, if they can come about. */
static size_t find_goals(const struct facts *facts, const struct mm_assert *assertion, const uint32_t *bounds,
                         uint32_t *goals)
{
    uint32_t wanted = facts_bits(assertion->rights);
    size_t count = 0;
    for (uint32_t realm = 0; realm < facts->population->count; realm++) {
        if (!must_not(facts->population, assertion, realm))
            continue;
        for (uint32_t bits = 0; bits < 8; bits++) {
            struct fact fact = {FACT_SEND, assertion->service, realm, bits};
            uint32_t number = facts_number(facts, fact);
            if ((bits & wanted) == wanted && bounds[number] != FACTS_NONE)
                goals[count++] = number;
        }
    }
    return count;
}

/* All instances of the declarations that the assertion trusts. */
static void mark_trusted(const struct population *population, const struct mm_assert *assertion,
                         bool *trusted)
{
    for (uint32_t i = 0; i < population->count; i++)
        for (size_t j = 0; j < assertion->trust_count; j++)
            trusted[i] = trusted[i] || population->realms[i].declaration == assertion->trust[j];
}

static int judge_reach(const struct population *population, const struct mm_assert *assertion, uint64_t *work,
                       struct verdict *verdict)
{
    bool trusted[POPULATION_REALMS_MAX] = {false};
    uint32_t goals[POPULATION_REALMS_MAX * 8], *bounds, states = SEARCH_STATES;
    struct trial trial = {.population = population, .verdict = verdict};
    struct facts facts;
    bool *servers;
    mark_trusted(population, assertion, trusted);
    int error = bound_facts(population, trusted, work, &facts, &servers, &bounds);
    if (error)
        return error;
    size_t count = find_goals(&facts, assertion, bounds, goals);
    enum search_end end = search_shortest(&facts, bounds, goals, count, SEARCH_STEPS_MAX, try_plan, &trial,
                                          &states, &verdict->plan);
    verdict->kind = count == 0 ? VERDICT_HOLDS : end == SEARCH_FOUND ? VERDICT_VIOLATED : VERDICT_UNDECIDED;
    verdict->may = true;
    verdict->states = SEARCH_STATES - states;
    if (count > 0)
        verdict->realm = facts_fact(&facts, goals[0]).realm;
    if (end == SEARCH_FOUND)
        verdict->realm = verdict->plan.steps[verdict->plan.count - 1].brings.realm;
    free(bounds);
    free(servers);
    return trial.error;
}

/* --- ALWAYS --- */

/* How a realm can come to serve: the shortest plan. */
static int plan_to_serve(const struct facts *facts, const uint32_t *bounds, uint32_t service, uint32_t server,
                         struct verdict *verdict)
{
    struct trial trial = {.population = facts->population, .verdict = verdict};
    uint32_t states = SEARCH_STATES;
    uint32_t goal = facts_number(facts, (struct fact){FACT_ENDPOINT, service, server, 0});
    enum search_end end =
        search_shortest(facts, bounds, &goal, 1, SEARCH_STEPS_MAX, try_plan, &trial, &states, &verdict->plan);
    verdict->states = SEARCH_STATES - states;
    verdict->kind = end == SEARCH_FOUND ? VERDICT_VIOLATED : VERDICT_UNDECIDED;
    return trial.error;
}

static int judge_always(const struct population *population, const struct mm_assert *assertion,
                        uint64_t *work, struct verdict *verdict)
{
    bool trusted[POPULATION_REALMS_MAX] = {false};
    uint32_t *bounds, nobody = population->count, wanted = assertion->rights | REALM_RIGHT_SEND;
    struct facts facts;
    bool *servers;
    mark_trusted(population, assertion, trusted);
    int error = bound_facts(population, trusted, work, &facts, &servers, &bounds);
    if (error)
        return error;
    verdict->kind = VERDICT_HOLDS;
    /* Nobody serves at first; then whoever can. */
    for (uint32_t turn = 0; turn <= nobody && verdict->kind == VERDICT_HOLDS && !error; turn++) {
        uint32_t server = turn == 0 ? nobody : turn - 1;
        if (server < nobody && !servers[assertion->service * nobody + server])
            continue;
        for (uint32_t realm = 0; realm < nobody && verdict->kind == VERDICT_HOLDS && !error; realm++) {
            uint32_t rights = population_ask(population, assertion->service, server, realm)->rights;
            if (!is_named(population, assertion, realm) || (rights & wanted) == wanted || server == realm)
                continue;
            verdict->kind = VERDICT_VIOLATED;
            verdict->realm = realm;
            if (server < nobody)
                error = plan_to_serve(&facts, bounds, assertion->service, server, verdict);
            const struct population_answer *answer =
                population_ask(population, assertion->service, server, realm);
            verdict->refusal = (struct rerun_said){.rule = answer->rule, .place = answer->place};
        }
    }
    free(bounds);
    free(servers);
    return error;
}

int assertions_judge(const struct population *population, const struct mm_assert *assertion, uint64_t *work,
                     struct verdict *ret_verdict)
{
    struct verdict *verdict = calloc(1, sizeof *verdict);
    if (!verdict)
        return -ENOMEM;
    int error = assertion->kind == MM_ASSERT_ALWAYS ? judge_always(population, assertion, work, verdict)
                                                    : judge_reach(population, assertion, work, verdict);
    bool partly = population->cut || *work == 0;
    if (!error && partly && verdict->kind == VERDICT_HOLDS)
        verdict->kind = VERDICT_UNDECIDED;
    if (!error)
        *ret_verdict = *verdict;
    free(verdict);
    return error;
}

/* --- one state --- */

static bool means(const struct mm_subject *subject, const struct assertions_realm *realm)
{
    switch (subject->kind) {
    case MM_SUBJECT_REALM:
        return realm->declaration == subject->realm;
    case MM_SUBJECT_ALL:
        return true;
    case MM_SUBJECT_PATH:
        return pattern_names_match(subject->pattern, realm->path, realm->path_count);
    case MM_SUBJECT_DESCENDANTS:
        for (size_t i = 0; i + 1 < realm->path_count; i++)
            if (realm->ancestors[i] == subject->realm)
                return true;
        return false;
    }
    return false;
}

static bool holds(const struct assertions_state *state, const struct assertions_realm *realm, uint32_t rights)
{
    struct policy_capability at = {0, 0};
    struct policy_capability_info info;
    while (policy_next_held(state->policy, realm->realm, &at, &info))
        if (info.kind == POLICY_KIND_SEND && info.service.index == state->service.index &&
            (info.rights & rights) == rights)
            return true;
    return false;
}

static bool refused(const struct assertions_state *state, const struct mm_assert *assertion,
                    const struct assertions_realm *realm)
{
    const struct policy_event event = {.kind = POLICY_CONNECT,
                                       .actor = realm->realm,
                                       .service =
                                           whatif_name(state->config->services[assertion->service].name)};
    struct policy_decision decision;
    if (!policy_running(state->policy, realm->realm))
        return false;
    policy_decide(state->policy, &event, &decision);
    bool allowed =
        decision.status == 0 || decision.status == REALM_E_NO_SERVICE || decision.rule == POLICY_RULE_QUOTA;
    return !allowed ||
           (decision.rule != POLICY_RULE_QUOTA && (decision.rights & assertion->rights) != assertion->rights);
}

bool assertions_broken(const struct assertions_state *state, const struct mm_assert *assertion,
                       size_t *ret_realm)
{
    for (size_t i = 0; i < state->realms_count; i++) {
        const struct assertions_realm *realm = &state->realms[i];
        bool named = false, broken;
        for (size_t j = 0; j < assertion->subjects_count && !named; j++)
            named = means(&assertion->subjects[j], realm);
        if (assertion->kind == MM_ASSERT_ALWAYS)
            broken = named && refused(state, assertion, realm);
        else
            broken = named == (assertion->kind == MM_ASSERT_NEVER) &&
                     realm->declaration != state->config->services[assertion->service].provider &&
                     holds(state, realm, assertion->rights | REALM_RIGHT_SEND);
        if (broken) {
            *ret_realm = i;
            return true;
        }
    }
    return false;
}

/* --- in words --- */

static size_t put(char *text, size_t used, size_t capacity, const char *words)
{
    if (used < capacity)
        used += (size_t)snprintf(text + used, capacity - used, "%s", words);
    return used;
}

static size_t put_subject(const struct mm_config *config, const struct mm_subject *subject, char *text,
                          size_t used, size_t capacity)
{
    switch (subject->kind) {
    case MM_SUBJECT_REALM:
        return put(text, used, capacity, config->realms[subject->realm].name);
    case MM_SUBJECT_DESCENDANTS:
        used = put(text, used, capacity, "descendants of ");
        return put(text, used, capacity, config->realms[subject->realm].name);
    case MM_SUBJECT_ALL:
        return put(text, used, capacity, "all");
    case MM_SUBJECT_PATH:
        return put(text, used, capacity, subject->pattern);
    }
    return used;
}

void assertions_text(const struct mm_config *config, const struct mm_assert *assertion, char *text,
                     size_t capacity)
{
    static const char *const kinds[] = {
        [MM_ASSERT_NEVER] = "never: ", [MM_ASSERT_ALWAYS] = "always: ", [MM_ASSERT_ONLY] = "only: "};
    bool list = assertion->subjects_count != 1;
    size_t used = put(text, 0, capacity, kinds[assertion->kind]);
    used = put(text, used, capacity, list ? "[" : "");
    for (size_t i = 0; i < assertion->subjects_count; i++) {
        used = put(text, used, capacity, i ? ", " : "");
        used = put_subject(config, &assertion->subjects[i], text, used, capacity);
    }
    used = put(text, used, capacity, list ? "] -> " : " -> ");
    put(text, used, capacity, config->services[assertion->service].name);
}
