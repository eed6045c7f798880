/*
 * Exact grants, found by realm and service. The configuration's are never removed, so their index is a table
 * with open addressing, linear probing, at most half full, in which the grants lie themselves. A parent's lie
 * in a table of their own, as they come and go, and are found through an index.
 */
#include "mm/policy/grants.h"

#include <string.h>

#include "librealm/core/siphash.h"
#include "mm/policy/live.h"

#define FIRST_CAPACITY 16u

static uint32_t hash_of(const struct policy *policy, uint32_t realm, uint32_t service)
{
    uint32_t key[2] = {realm, service};
    return (uint32_t)realm_siphash(policy->hash_key, key, sizeof key);
}

uint32_t policy_grants_prefetch(const struct policy *policy, uint32_t realm, uint32_t service)
{
    uint32_t hash = hash_of(policy, realm, service);
    if (policy->configured_capacity > 0)
        __builtin_prefetch(&policy->configured[hash & (policy->configured_capacity - 1)]);
    policy_hash_prefetch(&policy->grants_index, hash);
    return hash;
}

/* --- of the configuration --- */

/* Where these two are, or the empty place where they would be. There is one: the table is half empty. */
static struct configured_entry *place_of(const struct policy *policy, uint32_t realm, uint32_t service,
                                         uint32_t hash)
{
    uint32_t mask = policy->configured_capacity - 1;
    struct configured_entry *entry = &policy->configured[hash & mask];
    while (entry->realm != 0 && (entry->realm != realm || entry->service != service))
        entry = &policy->configured[++hash & mask];
    return entry;
}

static int grow(struct policy *policy)
{
    uint32_t old_capacity = policy->configured_capacity;
    struct configured_entry *old = policy->configured;
    uint32_t capacity = old_capacity > 0 ? old_capacity * 2 : FIRST_CAPACITY;
    if (capacity > POLICY_CAPACITY_MAX)
        return POLICY_NO_MEMORY;
    struct configured_entry *fresh = policy_memory_resize(&policy->memory, NULL, 0, capacity * sizeof *fresh);
    if (!fresh)
        return POLICY_NO_MEMORY;
    memset(fresh, 0, capacity * sizeof *fresh);
    policy->configured = fresh;
    policy->configured_capacity = capacity;
    for (uint32_t i = 0; i < old_capacity; i++) {
        if (old[i].realm != 0)
            *place_of(policy, old[i].realm, old[i].service, old[i].hash) = old[i];
    }
    policy_memory_free(&policy->memory, old, old_capacity * sizeof *old);
    return 0;
}

const struct policy_configured *policy_grants_later(const struct policy *policy,
                                                    const struct policy_configured *grant)
{
    if (grant->next == 0)
        return NULL;
    const struct later_record *record = policy_table_at(&policy->later, grant->next);
    return &record->grant;
}

void policy_grants_configure(struct policy *policy, uint32_t realm, uint32_t service, uint32_t rights,
                             struct policy_place place)
{
    uint32_t hash = hash_of(policy, realm, service), order = ++policy->grants_order, said = 0;
    struct configured_entry *entry = place_of(policy, realm, service, hash);
    struct policy_configured grant = {.rights = rights, .order = order, .place = place};
    if (entry->realm == 0) {
        *entry = (struct configured_entry){.hash = hash, .realm = realm, .service = service, .grant = grant};
        policy->configured_used++;
        return;
    }
    struct policy_configured *last = &entry->grant;
    for (said = last->rights; last->next != 0; said |= last->rights) {
        struct later_record *record = policy_table_at(&policy->later, last->next);
        last = &record->grant;
    }
    if ((rights & ~said) == 0)
        return;
    last->next = policy_table_add(&policy->later);
    struct later_record *record = policy_table_at(&policy->later, last->next);
    record->grant = grant;
}

/* --- of both --- */

struct policy_grants_found policy_grants_find(const struct policy *policy, uint32_t realm, uint32_t service,
                                              uint32_t hash)
{
    struct policy_grants_found found = {NULL, 0};
    uint32_t cursor = 0, index;
    if (policy->configured_capacity > 0) {
        const struct configured_entry *entry = place_of(policy, realm, service, hash);
        found.configured = entry->realm != 0 ? &entry->grant : NULL;
    }
    while ((index = policy_hash_next(&policy->grants_index, hash, &cursor)) != 0) {
        const struct grant_record *grant = policy_grant_at(policy, index);
        if (grant->realm == realm && grant->service == service)
            found.by_parent = index;
    }
    return found;
}

int policy_grants_reserve(struct policy *policy)
{
    int error = policy_table_reserve(&policy->grants, &policy->memory, 1);
    if (!error)
        error = policy_table_reserve(&policy->later, &policy->memory, 1);
    if (!error)
        error = policy_hash_reserve(&policy->grants_index, &policy->memory, 1);
    if (!error && policy->configured_used >= policy->configured_capacity / 2)
        error = grow(policy);
    return error;
}

void policy_grants_deinit(struct policy *policy)
{
    policy_memory_free(&policy->memory, policy->configured,
                       policy->configured_capacity * sizeof *policy->configured);
    policy_hash_deinit(&policy->grants_index, &policy->memory);
    policy_table_deinit(&policy->later, &policy->memory);
    policy_table_deinit(&policy->grants, &policy->memory);
}

/* --- of parents --- */

static uint32_t by_parent(const struct policy *policy, uint32_t realm, uint32_t service)
{
    return policy_grants_find(policy, realm, service, hash_of(policy, realm, service)).by_parent;
}

static void end(struct policy *policy, uint32_t index)
{
    const struct grant_record *grant = policy_grant_at(policy, index);
    policy_hash_remove(&policy->grants_index, hash_of(policy, grant->realm, grant->service), index);
    policy_list_remove(POLICY_RECEIVED(policy), &policy_rest_at(policy, grant->realm)->received, index);
    policy_list_remove(POLICY_GIVEN(policy), &policy_rest_at(policy, grant->giver)->given, index);
    policy_table_remove(&policy->grants, index);
}

void policy_grants_give(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service,
                        uint32_t rights)
{
    realm_assert(giver != 0 && policy_realm_at(policy, realm)->parent == giver);
    uint32_t index = by_parent(policy, realm, service);
    if (index != 0)
        end(policy, index);
    index = policy_table_add(&policy->grants);
    struct grant_record *grant = policy_grant_at(policy, index);
    grant->realm = realm;
    grant->service = service;
    grant->rights = rights;
    grant->giver = giver;
    grant->since = policy->now;
    policy_list_insert(POLICY_RECEIVED(policy), &policy_rest_at(policy, realm)->received, index);
    policy_list_insert(POLICY_GIVEN(policy), &policy_rest_at(policy, giver)->given, index);
    policy_hash_add(&policy->grants_index, hash_of(policy, realm, service), index);
}

void policy_grants_take(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service)
{
    uint32_t index = by_parent(policy, realm, service);
    if (index != 0 && policy_grant_at(policy, index)->giver == giver)
        end(policy, index);
}

bool policy_grants_clear(struct policy *policy, uint32_t realm)
{
    const struct realm_rest *record = policy_rest_at(policy, realm);
    uint32_t index = policy_list_last(POLICY_RECEIVED(policy), record->received);
    if (index == 0 || policy_grant_live(policy, policy_grant_at(policy, index)))
        index = policy_list_last(POLICY_GIVEN(policy), record->given);
    if (index == 0 || policy_grant_live(policy, policy_grant_at(policy, index)))
        return false;
    end(policy, index);
    return true;
}
