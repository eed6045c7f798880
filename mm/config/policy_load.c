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

static int load_realms(const struct mm_config *config, struct policy *policy, struct policy_realm *ret_realms)
{
    memset(ret_realms, 0, config->realms_count * sizeof *ret_realms);
    for (uint32_t i = 0; i < config->realms_count; i++) {
        while (ret_realms[i].index == 0) {
            uint32_t next;
            int error = topmost_missing(config, ret_realms, i, &next);
            if (error)
                return error;
            uint32_t parent = config->realms[next].parent;
            const struct policy_declaration declaration = {
                .parent = parent == MM_INIT ? policy_init_realm(policy) : ret_realms[parent],
                .name = name_of(config->realms[next].name),
                .place = place_of(config->realms[next].place),
            };
            error = policy_add_realm(policy, &declaration, &ret_realms[next]);
            if (error)
                return error;
        }
    }
    return 0;
}

static int load_access(const struct mm_config *config, struct policy *policy, const struct mm_access *access,
                       const struct policy_realm *realms, struct policy_service service)
{
    struct policy_entry entry = {.rights = REALM_RIGHT_SEND, .place = place_of(access->place)};
    switch (access->kind) {
    case MM_ACCESS_CHILDREN:
        entry.match = POLICY_MATCH_CHILDREN;
        break;
    case MM_ACCESS_ALL:
        entry.match = POLICY_MATCH_ALL;
        break;
    case MM_ACCESS_REALM:
        if (access->realm >= config->realms_count)
            return REALM_E_BAD_ARGUMENT;
        entry.match = POLICY_MATCH_REALM;
        entry.realm = realms[access->realm];
        break;
    }
    return policy_add_access(policy, service, &entry);
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
    for (size_t i = 0; !error && i < declared->access_count; i++)
        error = load_access(config, policy, &declared->access[i], realms, *ret_service);
    return error;
}

int mm_config_load(const struct mm_config *config, struct policy *policy, struct policy_realm *ret_realms,
                   struct policy_service *ret_services)
{
    int error = config->realms_count > 0 ? load_realms(config, policy, ret_realms) : 0;
    for (size_t i = 0; !error && i < config->services_count; i++)
        error = load_service(config, policy, &config->services[i], ret_realms, &ret_services[i]);
    for (size_t i = 0; !error && i < config->grants_count; i++) {
        const struct mm_grant *grant = &config->grants[i];
        if (grant->realm >= config->realms_count || grant->service >= config->services_count)
            return REALM_E_BAD_ARGUMENT;
        const struct policy_entry entry = {.match = POLICY_MATCH_REALM,
                                           .realm = ret_realms[grant->realm],
                                           .rights = grant->rights,
                                           .place = place_of(grant->place)};
        error = policy_add_grant(policy, ret_services[grant->service], &entry);
    }
    return error;
}
