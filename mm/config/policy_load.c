/*
 * A configuration becomes policy state.
 *
 * A file may declare a child before its parent, but the policy takes a parent first. So each realm is added
 * after its ancestors, the topmost one that is missing first. Handle {0, 0} names nothing in the policy and
 * therefore marks here what has not been added yet.
 */
#include "mm/config/policy_load.h"

#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

static struct policy_name name_of(const char *text)
{
    return (struct policy_name){.text = text, .size = strlen(text)};
}

static struct policy_place place_of(struct mm_place place)
{
    return (struct policy_place){.line = place.line, .column = place.column};
}

static const enum policy_resource resources[MM_RESOURCES] = {[MM_RESOURCE_REALMS] = POLICY_REALMS,
                                                             [MM_RESOURCE_CHANNELS] = POLICY_CHANNELS,
                                                             [MM_RESOURCE_CAPABILITIES] = POLICY_CAPABILITIES,
                                                             [MM_RESOURCE_MEMORY] = POLICY_MEMORY,
                                                             [MM_RESOURCE_DESCRIPTORS] = POLICY_DESCRIPTORS,
                                                             [MM_RESOURCE_REQUESTS] = POLICY_REQUESTS};

/* --- realms --- */

/* The topmost ancestor of a realm (or the realm itself) that has not been added; its parent has been. */
static int topmost_missing(const struct mm_config *config, const struct policy_realm *realms, uint32_t realm,
                           uint32_t *ret_topmost)
{
    for (size_t steps = 0; steps <= config->realms_count; steps++) {
        uint32_t parent = config->realms[realm].parent;
        if (parent != MM_INIT && parent >= config->realms_count)
            return REALM_E_BAD_ARGUMENT;
        if (parent == MM_INIT || realms[parent].index != 0) {
            *ret_topmost = realm;
            return 0;
        }
        realm = parent;
    }
    return REALM_E_BAD_ARGUMENT; /* went round in a circle */
}

static int add_realm(const struct mm_config *config, struct policy *policy, struct policy_realm *realms,
                     uint32_t number)
{
    const struct mm_realm *realm = &config->realms[number];
    const struct policy_declaration declaration = {
        .parent = realm->parent == MM_INIT ? policy_init_realm(policy) : realms[realm->parent],
        .name = name_of(realm->name),
        .place = place_of(realm->place),
        .debug = realm->debug,
        .gates = realm->gates};
    int error = policy_add_realm(policy, &declaration, &realms[number]);
    for (size_t i = 0; !error && i < MM_RESOURCES; i++)
        if (realm->quota.limited[i])
            error = policy_set_limit(policy, realms[number], resources[i], realm->quota.limit[i]);
    return error;
}

static int load_realms(const struct mm_config *config, struct policy *policy, struct policy_realm *ret_realms)
{
    memset(ret_realms, 0, config->realms_count * sizeof *ret_realms);
    for (uint32_t i = 0; i < config->realms_count; i++) {
        while (ret_realms[i].index == 0) {
            uint32_t next;
            int error = topmost_missing(config, ret_realms, i, &next);
            if (!error)
                error = add_realm(config, policy, ret_realms, next);
            if (error)
                return error;
        }
    }
    return 0;
}

/* --- rules --- */

/* An entry of a list. false: it names a realm that there is not. */
static bool entry_of(const struct mm_config *config, const struct policy_realm *realms,
                     const struct mm_access *access, struct policy_entry *ret_entry)
{
    static const enum policy_match matches[] = {[MM_ACCESS_REALM] = POLICY_MATCH_REALM,
                                                [MM_ACCESS_CHILDREN] = POLICY_MATCH_CHILDREN,
                                                [MM_ACCESS_ALL] = POLICY_MATCH_ALL,
                                                [MM_ACCESS_DESCENDANTS] = POLICY_MATCH_DESCENDANTS,
                                                [MM_ACCESS_PATH] = POLICY_MATCH_PATH};
    if ((size_t)access->kind >= sizeof matches / sizeof matches[0] ||
        (access->kind == MM_ACCESS_REALM && access->realm >= config->realms_count) ||
        (access->kind == MM_ACCESS_PATH && !access->pattern))
        return false;
    *ret_entry = (struct policy_entry){.match = matches[access->kind],
                                       .rights = access->rights ? access->rights : REALM_RIGHT_SEND,
                                       .place = place_of(access->place)};
    if (access->kind == MM_ACCESS_REALM)
        ret_entry->realm = realms[access->realm];
    if (access->kind == MM_ACCESS_PATH)
        ret_entry->pattern = name_of(access->pattern);
    return true;
}

static int load_service(const struct mm_config *config, struct policy *policy,
                        const struct mm_service *declared, const struct policy_realm *realms,
                        struct policy_service *ret_service)
{
    if (declared->provider >= config->realms_count)
        return REALM_E_BAD_ARGUMENT;
    int error = policy_add_service(policy, name_of(declared->name), realms[declared->provider],
                                   place_of(declared->place), ret_service);
    for (size_t i = 0; !error && i < declared->aliases_count; i++)
        error = policy_add_alias(policy, *ret_service, name_of(declared->aliases[i].name));
    for (size_t i = 0; !error && i < declared->access_count; i++) {
        struct policy_entry entry;
        if (!entry_of(config, realms, &declared->access[i], &entry))
            return REALM_E_BAD_ARGUMENT;
        error = policy_add_access(policy, *ret_service, &entry);
    }
    return error;
}

static int load_grant(const struct mm_config *config, struct policy *policy, const struct mm_grant *grant,
                      const struct policy_realm *realms, const struct policy_service *services)
{
    const struct mm_access to = {.kind = grant->pattern ? MM_ACCESS_PATH : MM_ACCESS_REALM,
                                 .realm = grant->realm,
                                 .pattern = grant->pattern,
                                 .rights = grant->rights,
                                 .place = grant->place};
    struct policy_entry entry;
    if (grant->service >= config->services_count || !entry_of(config, realms, &to, &entry))
        return REALM_E_BAD_ARGUMENT;
    return policy_add_grant(policy, services[grant->service], &entry);
}

static int load_deny(const struct mm_config *config, struct policy *policy, const struct mm_deny *deny,
                     const struct policy_realm *realms, const struct policy_service *services)
{
    struct policy_entry entry;
    if (deny->service >= config->services_count || !entry_of(config, realms, &deny->who, &entry))
        return REALM_E_BAD_ARGUMENT;
    return policy_add_deny(policy, services[deny->service], &entry);
}

static unsigned hierarchy_of(const struct mm_hierarchy *hierarchy)
{
    return (hierarchy->children_to_parent != MM_CHOICE_NO ? POLICY_CHILDREN_CALL_PARENTS : 0u) |
           (hierarchy->parent_to_children != MM_CHOICE_NO ? POLICY_PARENTS_CALL_CHILDREN : 0u) |
           (hierarchy->siblings == MM_CHOICE_YES ? POLICY_SIBLINGS_CALL : 0u);
}

int mm_config_load(const struct mm_config *config, struct policy *policy, struct policy_realm *ret_realms,
                   struct policy_service *ret_services)
{
    policy_set_hierarchy(policy, hierarchy_of(&config->hierarchy));
    int error = config->realms_count > 0 ? load_realms(config, policy, ret_realms) : 0;
    for (size_t i = 0; !error && i < config->services_count; i++)
        error = load_service(config, policy, &config->services[i], ret_realms, &ret_services[i]);
    for (size_t i = 0; !error && i < config->denies_count; i++)
        error = load_deny(config, policy, &config->denies[i], ret_realms, ret_services);
    for (size_t i = 0; !error && i < config->grants_count; i++)
        error = load_grant(config, policy, &config->grants[i], ret_realms, ret_services);
    return error;
}
