/*
 * Verdicts become problems: one line each, with the steps in words, each with the rule that allows it and its
 * place, so that the line to change can be seen at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "sim/boot/initial.h"

struct judging {
    const struct initial *initial;
    const struct mm_config *config;
    struct scenario_problems *problems;
    struct population *population;
};

static void place_text(struct policy_place place, char *text, size_t capacity)
{
    text[0] = '\0';
    if (place.line > 0)
        snprintf(text, capacity, " in line %u", place.line);
}

/* The steps: "1. app connects to database (grant in line 7); 2. …". */
static void steps_text(const struct population *population, const struct verdict *verdict, char *text,
                       size_t capacity)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < verdict->plan.count && used < capacity; i++) {
        char words[700], at[40];
        rerun_text(population, &verdict->plan.steps[i], words, sizeof words);
        place_text(verdict->said[i].place, at, sizeof at);
        bool rule = verdict->said[i].rule != POLICY_RULE_NONE;
        used += (size_t)snprintf(text + used, capacity - used, "%s%zu. %s%s%s%s%s", i ? "; " : "", i + 1,
                                 words, rule ? " (" : "", rule ? policy_rule_name(verdict->said[i].rule) : "",
                                 rule ? at : "", rule ? ")" : "");
    }
}

static void add_violation(const struct judging *judging, const struct population *population,
                          const struct mm_assert *assertion, const struct verdict *verdict)
{
    const char *realm = population_name(population, verdict->realm);
    const char *service = judging->config->services[assertion->service].name;
    char steps[1500], at[40];
    steps_text(population, verdict, steps, sizeof steps);
    place_text(verdict->refusal.place, at, sizeof at);
    if (verdict->may)
        scenario_problems_add(
            judging->problems, SCENARIO_ERROR, assertion->place,
            "this does not hold: \"%s\" can come to \"%s\" in %zu steps, and in no fewer: %s", realm, service,
            verdict->plan.count, steps);
    else
        scenario_problems_add(
            judging->problems, SCENARIO_ERROR, assertion->place,
            "this does not hold: \"%s\" may not connect to \"%s\", by the rule \"%s\"%s%s%s", realm, service,
            policy_rule_name(verdict->refusal.rule), at, verdict->plan.count > 0 ? ", after: " : "", steps);
}

static void add_undecided(const struct judging *judging, const struct mm_assert *assertion,
                          const struct verdict *verdict)
{
    scenario_problems_add(
        judging->problems, SCENARIO_WARNING, assertion->place,
        "this could not be decided: %u states were looked at, and none of them breaks it, but "
        "the rules alone do not exclude it",
        verdict->states);
}

/* Too many realms to look at what they could do together: only what the rules say to each. */
static void check_rules_only(const struct judging *judging, const struct mm_assert *assertion)
{
    for (size_t i = 0; i < assertion->subjects_count; i++) {
        const struct mm_subject *subject = &assertion->subjects[i];
        struct policy_decision decision;
        if (subject->kind != MM_SUBJECT_REALM || assertion->kind == MM_ASSERT_ONLY)
            continue;
        bool allowed = initial_allows(judging->initial, subject->realm, assertion->service, &decision);
        if (allowed == (assertion->kind == MM_ASSERT_ALWAYS))
            continue;
        char at[40];
        place_text(decision.place, at, sizeof at);
        scenario_problems_add(judging->problems, SCENARIO_ERROR, assertion->place,
                              "this does not hold: \"%s\" may %sconnect to \"%s\", by the rule \"%s\"%s",
                              judging->config->realms[subject->realm].name, allowed ? "" : "not ",
                              judging->config->services[assertion->service].name,
                              policy_rule_name(decision.rule), at);
        return;
    }
    scenario_problems_add(
        judging->problems, SCENARIO_WARNING, assertion->place,
        "this was held against the rules alone: a scenario of more than %u realms or %u services "
        "is too large to look at what realms could do together",
        POPULATION_REALMS_MAX, POPULATION_SERVICES_MAX);
}

int initial_check_asserts(const struct initial *initial, uint64_t work, struct scenario_problems *problems,
                          initial_judged *visit, void *context)
{
    struct judging judging = {.initial = initial, .config = initial_config(initial), .problems = problems};
    if (judging.config->asserts_count == 0)
        return 0;
    int error = population_new(judging.config, &judging.population);
    if (error == REALM_E_TOO_BIG) {
        for (size_t i = 0; i < judging.config->asserts_count; i++)
            check_rules_only(&judging, &judging.config->asserts[i]);
        return 0;
    }
    struct verdict *verdict = error ? NULL : calloc(1, sizeof *verdict);
    if (!error && !verdict)
        error = -ENOMEM;
    for (size_t i = 0; i < judging.config->asserts_count && !error; i++) {
        const struct mm_assert *assertion = &judging.config->asserts[i];
        error = assertions_judge(judging.population, assertion, &work, verdict);
        if (error)
            break;
        if (verdict->kind == VERDICT_VIOLATED)
            add_violation(&judging, judging.population, assertion, verdict);
        else if (verdict->kind == VERDICT_UNDECIDED)
            add_undecided(&judging, assertion, verdict);
        if (visit)
            visit(context, judging.population, i, verdict);
    }
    free(verdict);
    population_free(judging.population);
    return error;
}
