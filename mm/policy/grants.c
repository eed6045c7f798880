/*
 * Exact grants, found through one hash index by realm and service: the configuration's and the parent's lie
 * beside each other there.
 */
#include "mm/policy/grants.h"

#include "librealm/core/siphash.h"
#include "mm/policy/live.h"

static uint32_t hash_of(const struct policy *policy, uint32_t realm, uint32_t service)
{
    uint32_t key[2] = {realm, service};
    return (uint32_t)realm_siphash(policy->hash_key, key, sizeof key);
}

void policy_grants_prefetch(const struct policy *policy, uint32_t realm, uint32_t service)
{
    policy_hash_prefetch(&policy->grants_index, hash_of(policy, realm, service));
}

struct policy_grants_found policy_grants_find(const struct policy *policy, uint32_t realm, uint32_t service)
{
    struct policy_grants_found found = {0, 0};
    uint32_t hash = hash_of(policy, realm, service);
    uint32_t cursor = 0, index;
    while ((index = policy_hash_next(&policy->grants_index, hash, &cursor)) != 0) {
        const struct grant_record *grant = policy_grant_at(policy, index);
        if (grant->realm != realm || grant->service != service)
            continue;
        if (grant->giver == 0)
            found.configured = index;
        else
            found.by_parent = index;
    }
    return found;
}

int policy_grants_reserve(struct policy *policy)
{
    int error = policy_table_reserve(&policy->grants, &policy->memory, 1);
    return error ? error : policy_hash_reserve(&policy->grants_index, &policy->memory, 1);
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
    uint32_t first = policy_grants_find(policy, realm, service).configured;
    uint32_t last = 0, said = 0;
    for (uint32_t i = first; i != 0; i = policy_grant_at(policy, i)->next) {
        said |= policy_grant_at(policy, i)->rights;
        last = i;
    }
    uint32_t order = ++policy->grants_order;
    if (last != 0 && (rights & ~said) == 0)
        return;
    uint32_t index = add(policy, realm, service, rights);
    policy_grant_at(policy, index)->place = place;
    policy_grant_at(policy, index)->order = order;
    if (last != 0)
        policy_grant_at(policy, last)->next = index;
    else
        policy_hash_add(&policy->grants_index, hash_of(policy, realm, service), index);
}

static void end(struct policy *policy, uint32_t index)
{
    const struct grant_record *grant = policy_grant_at(policy, index);
    policy_hash_remove(&policy->grants_index, hash_of(policy, grant->realm, grant->service), index);
    policy_list_remove(POLICY_RECEIVED(policy), &policy_realm_at(policy, grant->realm)->received, index);
    policy_list_remove(POLICY_GIVEN(policy), &policy_realm_at(policy, grant->giver)->given, index);
    policy_table_remove(&policy->grants, index);
}

void policy_grants_give(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service,
                        uint32_t rights)
{
    realm_assert(giver != 0 && policy_realm_at(policy, realm)->parent == giver);
    uint32_t index = policy_grants_find(policy, realm, service).by_parent;
    if (index != 0 && policy_grant_live(policy, policy_grant_at(policy, index))) {
        policy_grant_at(policy, index)->rights = rights;
        return;
    }
    if (index != 0)
        end(policy, index);
    index = add(policy, realm, service, rights);
    policy_grant_at(policy, index)->giver = giver;
    policy_grant_at(policy, index)->since = policy->now;
    policy_list_insert(POLICY_RECEIVED(policy), &policy_realm_at(policy, realm)->received, index);
    policy_list_insert(POLICY_GIVEN(policy), &policy_realm_at(policy, giver)->given, index);
    policy_hash_add(&policy->grants_index, hash_of(policy, realm, service), index);
}

void policy_grants_take(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service)
{
    uint32_t index = policy_grants_find(policy, realm, service).by_parent;
    if (index != 0 && policy_grant_at(policy, index)->giver == giver)
        end(policy, index);
}

bool policy_grants_clear(struct policy *policy, uint32_t realm)
{
    const struct realm_record *record = policy_realm_at(policy, realm);
    uint32_t index = policy_list_last(POLICY_RECEIVED(policy), record->received);
    if (index == 0 || policy_grant_live(policy, policy_grant_at(policy, index)))
        index = policy_list_last(POLICY_GIVEN(policy), record->given);
    if (index == 0 || policy_grant_live(policy, policy_grant_at(policy, index)))
        return false;
    end(policy, index);
    return true;
}
