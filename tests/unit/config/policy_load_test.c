/* Loading a configuration into the policy engine, and freeing one. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/config/policy_load.h"

static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)old_size;
    long *left = context;
    if (new_size == 0) {
        free(memory);
        return NULL;
    }
    return *left >= 0 && (*left)-- == 0 ? NULL : realloc(memory, new_size);
}

static struct policy *new_policy(long *allocations)
{
    static const uint8_t key[16] = {1, 2, 3};
    const struct policy_memory memory = {.resize = resize, .context = allocations};
    struct policy *policy = NULL;
    if (policy_new(&memory, key, &policy) != 0)
        return NULL;
    return policy;
}

/* A configuration owns its names; here they are borrowed. */
static char name_A[] = "A", name_C[] = "C", name_C1[] = "C1", name_C2[] = "C2", name_a[] = "a",
            name_b[] = "b", name_logger[] = "logger", name_open[] = "open", name_port[] = "port:7",
            name_s[] = "s";

/* Four realms, the child before its parent; two services with a name each more. */
static struct mm_realm realms[4] = {{.name = name_A, .parent = MM_INIT},
                                    {.name = name_C1, .parent = 2},
                                    {.name = name_C, .parent = MM_INIT},
                                    {.name = name_C2, .parent = 1}};
static struct mm_access access_list[] = {{.kind = MM_ACCESS_REALM, .realm = 0, .place = {10, 3}},
                                         {.kind = MM_ACCESS_CHILDREN, .place = {11, 3}}};
static struct mm_access access_all[] = {{.kind = MM_ACCESS_ALL, .place = {12, 3}}};
static struct mm_alias aliases[] = {{name_port, {13, 3}}};
static struct mm_service services[2] = {
    {.name = name_logger, .provider = 2, .access = access_list, .access_count = 2, .place = {9, 1}},
    {.name = name_open,
     .provider = 0,
     .access = access_all,
     .access_count = 1,
     .aliases = aliases,
     .aliases_count = 1}};
static struct mm_grant grants[] = {{.realm = 3, .service = 0, .rights = REALM_RIGHT_SEND, .place = {20, 5}}};

static struct mm_config sample(void)
{
    return (struct mm_config){.realms = realms,
                              .realms_count = 4,
                              .services = services,
                              .services_count = 2,
                              .grants = grants,
                              .grants_count = 1};
}

static struct policy_decision ask(const struct policy *policy, struct policy_realm realm, const char *name)
{
    struct policy_event event = {
        .kind = POLICY_CONNECT, .actor = realm, .service = {.text = name, .size = strlen(name)}};
    struct policy_decision decision;
    policy_would_connect(policy, &event, &decision);
    return decision;
}

/* Goal: the tree is the configuration's, whatever the order of the file. */
Test(policy_load, tree)
{
    long forever = -1;
    struct mm_config config = sample();
    struct policy *policy = new_policy(&forever);
    struct policy_realm handles[4];
    struct policy_service names[2];
    cr_assert_eq(mm_config_load(&config, policy, handles, names), 0);
    cr_assert_eq(policy_parent(policy, handles[0]).index, policy_init_realm(policy).index);
    cr_assert_eq(policy_parent(policy, handles[1]).index, handles[2].index);
    cr_assert_eq(policy_parent(policy, handles[3]).index, handles[1].index);
    cr_assert_eq(policy_find_service(policy, (struct policy_name){"port:7", 6}).index, names[1].index);
    policy_free(policy);
}

/* Goal: access lists and grants decide, and each decision names the place the rule came from. */
Test(policy_load, rules_and_places)
{
    long forever = -1;
    struct mm_config config = sample();
    struct policy *policy = new_policy(&forever);
    struct policy_realm handles[4];
    struct policy_service names[2];
    cr_assert_eq(mm_config_load(&config, policy, handles, names), 0);
    struct policy_decision decision = ask(policy, handles[0], "logger");
    cr_assert_eq(decision.rule, POLICY_RULE_ACCESS_REALM);
    cr_assert_eq(decision.place.line, 10u);
    cr_assert_eq(decision.place.column, 3u);
    decision = ask(policy, handles[3], "logger");
    cr_assert_eq(decision.rule, POLICY_RULE_CONFIG_GRANT);
    cr_assert_eq(decision.place.line, 20u);
    decision = ask(policy, handles[2], "port:7");
    cr_assert_eq(decision.rule, POLICY_RULE_ACCESS_ALL);
    policy_free(policy);
}

/* Goal: configurations that are not sound are refused, not followed. */
Test(policy_load, refuses_what_is_not_sound)
{
    struct mm_realm circle[2] = {{.name = name_a, .parent = 1}, {.name = name_b, .parent = 0}};
    struct mm_realm lost[1] = {{.name = name_a, .parent = 7}};
    struct mm_realm good[1] = {{.name = name_a, .parent = MM_INIT}};
    struct mm_access far[] = {{.kind = MM_ACCESS_REALM, .realm = 9}};
    struct mm_service no_provider[] = {{.name = name_s, .provider = 3}};
    struct mm_service far_access[] = {{.name = name_s, .access = far, .access_count = 1}};
    struct mm_service twins[] = {{.name = name_s}, {.name = name_s}};
    struct mm_grant far_grant[] = {{.realm = 0, .service = 5}};
    const struct {
        struct mm_config config;
        int error;
    } cases[] = {
        {{.realms = circle, .realms_count = 2}, REALM_E_BAD_ARGUMENT},
        {{.realms = lost, .realms_count = 1}, REALM_E_BAD_ARGUMENT},
        {{.realms = good, .realms_count = 1, .services = no_provider, .services_count = 1},
         REALM_E_BAD_ARGUMENT},
        {{.realms = good, .realms_count = 1, .services = far_access, .services_count = 1},
         REALM_E_BAD_ARGUMENT},
        {{.realms = good, .realms_count = 1, .services = twins, .services_count = 2}, REALM_E_EXISTS},
        {{.realms = good, .realms_count = 1, .grants = far_grant, .grants_count = 1}, REALM_E_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        long forever = -1;
        struct policy *policy = new_policy(&forever);
        struct policy_realm handles[2];
        struct policy_service names[2];
        cr_assert_eq(mm_config_load(&cases[i].config, policy, handles, names), cases[i].error, "case %zu", i);
        policy_free(policy);
    }
}

/* Goal: an empty configuration loads. */
Test(policy_load, empty)
{
    long forever = -1;
    struct mm_config config = {0};
    struct policy *policy = new_policy(&forever);
    cr_assert_eq(mm_config_load(&config, policy, NULL, NULL), 0);
    policy_free(policy);
}

/* Goal: without memory, at whichever allocation, it says so, and nothing leaks (seen under ASan). */
Test(policy_load, out_of_memory)
{
    struct mm_config config = sample();
    bool succeeded = false;
    for (long allowed = 0; allowed < 200 && !succeeded; allowed++) {
        long left = allowed;
        struct policy *policy = new_policy(&left);
        if (!policy)
            continue;
        struct policy_realm handles[4];
        struct policy_service names[2];
        int error = mm_config_load(&config, policy, handles, names);
        succeeded = error == 0;
        cr_assert(succeeded || error == -12, "allocation %ld: %d", allowed, error);
        policy_free(policy);
    }
    cr_assert(succeeded);
}

/* Goal: NULL and a configuration that was given up half-way are freed. */
Test(config, free_half_made)
{
    mm_config_free(NULL);
    struct mm_config *config = calloc(1, sizeof *config);
    config->system = strdup("s");
    config->realms = calloc(2, sizeof *config->realms);
    config->realms_count = 2;
    config->realms[0].name = strdup("a"); /* no args, no program; the second is empty */
    config->services = calloc(1, sizeof *config->services);
    config->services_count = 1;
    mm_config_free(config);
}
