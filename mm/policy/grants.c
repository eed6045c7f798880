/*
 * Grants, found through one hash index by realm, service and source.
 */
#include "mm/policy/grants.h"

#include "librealm/core/siphash.h"

enum source { CONFIGURATION, PARENT };

static enum source source_of(const struct grant_record *grant)
{
    return grant->giver != 0 ? PARENT : CONFIGURATION;
}

static uint32_t hash_of(const struct policy *policy, uint32_t realm, uint32_t service, enum source source)
{
    uint32_t key[3] = {realm, service, (uint32_t)source};
    return (uint32_t)realm_siphash(policy->hash_key, key, sizeof key);
}

static uint32_t find(const struct policy *policy, uint32_t realm, uint32_t service, enum source source)
{
    uint32_t hash = hash_of(policy, realm, service, source);
    uint32_t cursor = 0, index;
    while ((index = policy_hash_next(&policy->grants_index, hash, &cursor)) != 0) {
        const struct grant_record *grant = policy_grant_at(policy, index);
        if (grant->realm == realm && grant->service == service && source_of(grant) == source)
            return index;
    }
    return 0;
}

int policy_grants_reserve(struct policy *policy)
{
    int error = policy_table_reserve(&policy->grants, &policy->memory);
    return error ? error : policy_hash_reserve(&policy->grants_index, &policy->memory);
}

uint32_t policy_grants_configured(const struct policy *policy, uint32_t realm, uint32_t service)
{
    return find(policy, realm, service, CONFIGURATION);
}

uint32_t policy_grants_by_parent(const struct policy *policy, uint32_t realm, uint32_t service)
{
    return find(policy, realm, service, PARENT);
}

static uint32_t add(struct policy *policy, uint32_t realm, uint32_t service, uint32_t rights)
{
    uint32_t index = policy_table_add(&policy->grants);
    struct grant_record *grant = policy_grant_at(policy, index);
    grant->realm = realm;
    grant->service = service;
    grant->rights = rights;
    return index;
}

void policy_grants_configure(struct policy *policy, uint32_t realm, uint32_t service, uint32_t rights,
                             struct policy_place place)
{
    uint32_t first = policy_grants_configured(policy, realm, service);
    uint32_t last = 0, said = 0;
    for (uint32_t i = first; i != 0; i = policy_grant_at(policy, i)->next) {
        said |= policy_grant_at(policy, i)->rights;
        last = i;
    }
    if (last != 0 && (rights & ~said) == 0)
        return;
    uint32_t index = add(policy, realm, service, rights);
    policy_grant_at(policy, index)->place = place;
    if (last != 0)
        policy_grant_at(policy, last)->next = index;
    else
        policy_hash_add(&policy->grants_index, hash_of(policy, realm, service, CONFIGURATION), index);
}

void policy_grants_give(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service,
                        uint32_t rights)
{
    realm_assert(giver != 0 && policy_realm_at(policy, realm)->parent == giver);
    uint32_t index = policy_grants_by_parent(policy, realm, service);
    if (index != 0) {
        policy_grant_at(policy, index)->rights |= rights;
        return;
    }
    index = add(policy, realm, service, rights);
    policy_grant_at(policy, index)->giver = giver;
    policy_list_insert(&policy->grants, offsetof(struct grant_record, received),
                       &policy_realm_at(policy, realm)->received, index);
    policy_list_insert(&policy->grants, offsetof(struct grant_record, given),
                       &policy_realm_at(policy, giver)->given, index);
    policy_hash_add(&policy->grants_index, hash_of(policy, realm, service, PARENT), index);
}

static void end(struct policy *policy, uint32_t index)
{
    const struct grant_record *grant = policy_grant_at(policy, index);
    policy_hash_remove(&policy->grants_index, hash_of(policy, grant->realm, grant->service, PARENT), index);
    policy_list_remove(&policy->grants, offsetof(struct grant_record, received),
                       &policy_realm_at(policy, grant->realm)->received, index);
    policy_list_remove(&policy->grants, offsetof(struct grant_record, given),
                       &policy_realm_at(policy, grant->giver)->given, index);
    policy_table_remove(&policy->grants, index);
}

void policy_grants_end(struct policy *policy, uint32_t realm)
{
    const struct realm_record *record = policy_realm_at(policy, realm);
    while (record->received != 0)
        end(policy, record->received);
    while (record->given != 0)
        end(policy, record->given);
}
