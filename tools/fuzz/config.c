/* The system of a scenario as the fuzzer's. Realm 0 is init: a scenario's first realm is 1. */
#include "tools/fuzz/config.h"

#include <string.h>

#include <realm/types.h>

#include "tools/fuzz/generate.h"

static bool too_much(const char *what, const char **ret_why)
{
    *ret_why = what;
    return false;
}

static void add_realm(const struct mm_realm *realm, struct oracle_realm *ret_realm)
{
    memset(ret_realm, 0, sizeof *ret_realm);
    ret_realm->name = realm->name;
    ret_realm->parent = realm->parent == MM_INIT ? ORACLE_INIT : (int)realm->parent + 1;
    ret_realm->instance_of = ORACLE_NONE;
    ret_realm->debug = realm->debug;
    ret_realm->gates = (uint32_t)realm->gates;
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++)
        ret_realm->limits[i] = realm->quota.limited[i] ? realm->quota.limit[i] : ORACLE_NO_LIMIT;
}

static uint32_t rights_of(uint32_t rights)
{
    return ORACLE_SEND | (rights & REALM_RIGHT_GRANT ? ORACLE_GRANT : 0u) |
           (rights & REALM_RIGHT_MINT ? ORACLE_MINT : 0u) |
           (rights & REALM_RIGHT_REVOKE ? ORACLE_REVOKE : 0u);
}

static struct oracle_entry entry_of(const struct mm_access *access)
{
    static const enum oracle_match matches[] = {[MM_ACCESS_REALM] = ORACLE_BY_REALM,
                                                [MM_ACCESS_CHILDREN] = ORACLE_BY_CHILDREN,
                                                [MM_ACCESS_ALL] = ORACLE_BY_ALL,
                                                [MM_ACCESS_DESCENDANTS] = ORACLE_BY_DESCENDANTS,
                                                [MM_ACCESS_PATH] = ORACLE_BY_PATH};
    return (struct oracle_entry){.match = matches[access->kind],
                                 .realm = access->kind == MM_ACCESS_REALM ? (int)access->realm + 1 : 0,
                                 .pattern = access->pattern,
                                 .rights = rights_of(access->rights)};
}

static bool add_service(const struct mm_service *service, struct oracle_service *ret_service,
                        const char **ret_why)
{
    memset(ret_service, 0, sizeof *ret_service);
    if (service->aliases_count + 1 > ORACLE_NAMES)
        return too_much("a service has too many aliases", ret_why);
    if (service->access_count > ORACLE_ENTRIES)
        return too_much("an access list is too long", ret_why);
    ret_service->names[ret_service->names_count++] = service->name;
    for (size_t i = 0; i < service->aliases_count; i++)
        ret_service->names[ret_service->names_count++] = service->aliases[i].name;
    ret_service->provider = (int)service->provider + 1;
    for (size_t i = 0; i < service->access_count; i++)
        ret_service->access.entries[ret_service->access.count++] = entry_of(&service->access[i]);
    return true;
}

static bool add_denials(const struct mm_config *config, struct oracle_system *system, const char **ret_why)
{
    for (size_t i = 0; i < config->denies_count; i++) {
        struct oracle_list *deny = &system->services[config->denies[i].service].deny;
        if (deny->count == ORACLE_ENTRIES)
            return too_much("a list of deny is too long", ret_why);
        deny->entries[deny->count] = entry_of(&config->denies[i].who);
        deny->entries[deny->count++].rights = 0;
    }
    return true;
}

static bool is_below(const struct mm_config *config, uint32_t realm, uint32_t above)
{
    for (size_t steps = 0; steps < config->realms_count && realm != MM_INIT; steps++) {
        realm = config->realms[realm].parent;
        if (realm == above)
            return true;
    }
    return false;
}

/* Whom a subject means: declarations as bits, or a pattern. */
static bool add_subject(const struct mm_config *config, const struct mm_subject *subject,
                        struct fuzz_assert *row, const char **ret_why)
{
    for (uint32_t i = 0; i < config->realms_count; i++)
        if (subject->kind == MM_SUBJECT_ALL || (subject->kind == MM_SUBJECT_REALM && subject->realm == i) ||
            (subject->kind == MM_SUBJECT_DESCENDANTS && is_below(config, i, subject->realm)))
            row->realms |= UINT64_C(1) << (i + 1);
    if (subject->kind != MM_SUBJECT_PATH)
        return true;
    if (row->paths_count == FUZZ_ASSERT_PATHS)
        return too_much("an assertion names too many paths", ret_why);
    row->paths[row->paths_count++] = subject->pattern;
    return true;
}

/* Assertions are judged in each state. What a realm that is trusted gives away breaks none: it is trusted not
 * to. */
static bool add_assert(const struct mm_config *config, const struct mm_assert *assertion,
                       struct fuzz_assert *row, const char **ret_why)
{
    static const enum fuzz_assert_kind kinds[] = {
        [MM_ASSERT_NEVER] = FUZZ_NEVER, [MM_ASSERT_ALWAYS] = FUZZ_ALWAYS, [MM_ASSERT_ONLY] = FUZZ_ONLY};
    uint64_t provider = UINT64_C(1) << (config->services[assertion->service].provider + 1);
    *row = (struct fuzz_assert){.kind = kinds[assertion->kind],
                                .service = (int)assertion->service,
                                .rights = rights_of(assertion->rights),
                                .line = assertion->place.line};
    for (size_t i = 0; i < assertion->trust_count; i++)
        row->trust |= UINT64_C(1) << (assertion->trust[i] + 1);
    for (size_t i = 0; i < assertion->subjects_count; i++)
        if (!add_subject(config, &assertion->subjects[i], row, ret_why))
            return false;
    if (assertion->kind == MM_ASSERT_ONLY)
        row->realms |= provider;
    else if (assertion->kind == MM_ASSERT_NEVER)
        row->realms &= ~provider;
    return true;
}

bool config_case(const struct mm_config *config, struct fuzz_case *ret_case, const char **ret_why)
{
    struct oracle_system *system = &ret_case->system;
    memset(ret_case, 0, sizeof *ret_case);
    if (config->realms_count + 1 > ORACLE_REALMS / 2)
        return too_much("there are too many realms", ret_why);
    if (config->services_count > ORACLE_SERVICES || config->grants_count > ORACLE_GRANTS)
        return too_much("there are too many services or grants", ret_why);
    for (size_t i = 0; i < config->realms_count; i++)
        if (config->realms[i].gates >> (ORACLE_GATES + 1) != 0)
            return too_much("a gate has too high a number", ret_why);
    system->children_call_parents = config->hierarchy.children_to_parent != MM_CHOICE_NO;
    system->parents_call_children = config->hierarchy.parent_to_children != MM_CHOICE_NO;
    system->siblings_call = config->hierarchy.siblings == MM_CHOICE_YES;
    add_realm(&(const struct mm_realm){.name = (char *)"", .parent = MM_INIT}, &system->realms[0]);
    system->realms[0].parent = ORACLE_NONE;
    for (size_t i = 0; i < config->realms_count; i++) {
        add_realm(&config->realms[i], &system->realms[i + 1]);
        if (!config->realms[i].template)
            ret_case->singles |= UINT64_C(1) << (i + 1);
    }
    system->realms_count = config->realms_count + 1;
    for (size_t i = 0; i < config->services_count; i++)
        if (!add_service(&config->services[i], &system->services[i], ret_why))
            return false;
    system->services_count = config->services_count;
    for (size_t i = 0; i < config->grants_count; i++) {
        const struct mm_grant *from = &config->grants[i];
        struct oracle_config_grant *grant = &system->grants[system->grants_count++];
        grant->service = (int)from->service;
        grant->to =
            entry_of(&(const struct mm_access){.kind = from->pattern ? MM_ACCESS_PATH : MM_ACCESS_REALM,
                                               .realm = from->realm,
                                               .pattern = from->pattern,
                                               .rights = from->rights});
        if (!(from->rights & REALM_RIGHT_SEND)) /* it lets nobody connect */
            grant->to.rights &= ~(uint32_t)ORACLE_SEND;
    }
    if (!add_denials(config, system, ret_why))
        return false;
    if (config->asserts_count > FUZZ_ASSERTS)
        return too_much("there are too many assertions", ret_why);
    for (size_t i = 0; i < config->asserts_count; i++)
        if (!add_assert(config, &config->asserts[i], &ret_case->asserts[ret_case->asserts_count++], ret_why))
            return false;
    generate_names(ret_case);
    return true;
}
