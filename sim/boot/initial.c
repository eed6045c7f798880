/*
 * A policy engine with the configuration loaded and nothing running. A connect that is allowed finds no
 * endpoint there, which is the policy's "no service" with the allowing rule.
 */
#include "sim/boot/initial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "mm/config/policy_load.h"

struct initial {
    const struct mm_config *config;
    struct policy *policy;
    struct policy_realm *realms;
    struct policy_service *services;
};

static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(memory);
        return NULL;
    }
    return realloc(memory, new_size);
}

int initial_new(const struct mm_config *config, struct initial **ret_initial)
{
    struct initial *initial = calloc(1, sizeof *initial);
    if (!initial)
        return -ENOMEM;
    initial->config = config;
    /* One more than there are: an empty array is no failure. The key hides nothing here: the names are the
     * user's own, and there is no other user to be slowed down. */
    initial->realms = calloc(config->realms_count + 1, sizeof *initial->realms);
    initial->services = calloc(config->services_count + 1, sizeof *initial->services);
    int error = initial->realms && initial->services ? 0 : -ENOMEM;
    const struct policy_memory memory = {.resize = resize};
    const uint8_t key[16] = {0};
    if (!error)
        error = policy_new(&memory, key, &initial->policy);
    if (!error)
        error = mm_config_load(config, initial->policy, initial->realms, initial->services);
    if (error) {
        initial_free(initial);
        return error;
    }
    *ret_initial = initial;
    return 0;
}

void initial_free(struct initial *initial)
{
    if (!initial)
        return;
    policy_free(initial->policy);
    free(initial->realms);
    free(initial->services);
    free(initial);
}

static struct policy_event connect_event(const struct initial *initial, uint32_t realm, uint32_t service)
{
    const char *name = initial->config->services[service].name;
    return (struct policy_event){.kind = POLICY_CONNECT,
                                 .actor = initial->realms[realm],
                                 .service = {.text = name, .size = strlen(name)}};
}

bool initial_allows(const struct initial *initial, uint32_t realm, uint32_t service,
                    struct policy_decision *ret_decision)
{
    struct policy_event event = connect_event(initial, realm, service);
    struct policy_decision decision;
    policy_would_connect(initial->policy, &event, &decision);
    if (ret_decision)
        *ret_decision = decision;
    return decision.status == 0 || decision.status == REALM_E_NO_SERVICE;
}

size_t initial_explain(const struct initial *initial, uint32_t realm, uint32_t service,
                       struct policy_step *ret_steps, size_t capacity)
{
    struct policy_event event = connect_event(initial, realm, service);
    return policy_explain(initial->policy, &event, ret_steps, capacity);
}

static const char *realm_of(const struct initial *initial, struct policy_realm handle)
{
    for (size_t i = 0; i < initial->config->realms_count; i++)
        if (initial->realms[i].index == handle.index && initial->realms[i].generation == handle.generation)
            return initial->config->realms[i].name;
    return "?";
}

static const char *service_of(const struct initial *initial, struct policy_service handle)
{
    for (size_t i = 0; i < initial->config->services_count; i++)
        if (initial->services[i].index == handle.index &&
            initial->services[i].generation == handle.generation)
            return initial->config->services[i].name;
    return "?";
}

void initial_fix_text(const struct initial *initial, const struct policy_decision *decision, char *text,
                      size_t capacity)
{
    text[0] = '\0';
    if (decision->fix.kind == POLICY_FIX_ACCESS)
        snprintf(text, capacity, "add \"%s\" to the access of service \"%s\"",
                 realm_of(initial, decision->fix.realm), service_of(initial, decision->fix.service));
}

void initial_check_asserts(const struct initial *initial, struct scenario_problems *problems)
{
    const struct mm_config *config = initial->config;
    for (size_t i = 0; i < config->asserts_count; i++) {
        const struct mm_assert *assertion = &config->asserts[i];
        const char *realm = config->realms[assertion->realm].name;
        const char *service = config->services[assertion->service].name;
        struct policy_decision decision;
        bool allowed = initial_allows(initial, assertion->realm, assertion->service, &decision);
        if (allowed && assertion->kind == MM_ASSERT_NEVER) {
            char at[40] = "";
            if (decision.place.line > 0)
                snprintf(at, sizeof at, " in line %u", decision.place.line);
            scenario_problems_add(problems, SCENARIO_ERROR, assertion->place,
                                  "this does not hold: \"%s\" may connect to \"%s\", by the rule \"%s\"%s",
                                  realm, service, policy_rule_name(decision.rule), at);
        } else if (!allowed && assertion->kind == MM_ASSERT_ALWAYS) {
            char fix[700];
            initial_fix_text(initial, &decision, fix, sizeof fix);
            scenario_problems_add(
                problems, SCENARIO_ERROR, assertion->place,
                "this does not hold: \"%s\" may not connect to \"%s\", by the rule \"%s\"%s%s", realm,
                service, policy_rule_name(decision.rule), fix[0] ? "; " : "", fix);
        }
    }
}
