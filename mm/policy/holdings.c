/*
 * Holdings: an index from (holder, kind, object) to the newest such capability, from which the others are
 * linked. A search passes those that are dead and not cleared yet.
 */
#include "mm/policy/holdings.h"

#include <realm/types.h>

#include "librealm/core/siphash.h"
#include "mm/policy/live.h"

static uint32_t hash_of(const struct policy *policy, uint32_t holder, uint32_t kind, uint32_t object)
{
    uint32_t key[3] = {holder, kind, object};
    return (uint32_t)realm_siphash(policy->hash_key, key, sizeof key);
}

/* The newest that was added, dead or alive, or 0. */
static uint32_t first(const struct policy *policy, uint32_t hash, uint32_t holder, uint32_t kind,
                      uint32_t object)
{
    uint32_t cursor = 0, index;
    while ((index = policy_hash_next(&policy->holdings_index, hash, &cursor)) != 0) {
        const struct capability_record *record = policy_capability_at(policy, index);
        if (record->holder == holder && record->kind == kind && record->object == object)
            return index;
    }
    return 0;
}

static bool counts(const struct capability_record *record)
{
    switch ((enum policy_kind)record->kind) {
    case POLICY_KIND_REALM:
    case POLICY_KIND_NAME:
        return (record->rights & REALM_RIGHT_MANAGE) != 0;
    case POLICY_KIND_DEBUG:
        return (record->rights & REALM_RIGHT_READ) != 0;
    case POLICY_KIND_GATE:
        return (record->rights & REALM_RIGHT_EXEC) != 0;
    case POLICY_KIND_ENDPOINT:
    case POLICY_KIND_SEND:
    case POLICY_KIND_MEMORY:
        break;
    }
    return false;
}

int policy_holdings_reserve(struct policy *policy, uint32_t count)
{
    return policy_hash_reserve(&policy->holdings_index, &policy->memory, count);
}

void policy_holdings_add(struct policy *policy, uint32_t capability)
{
    const struct capability_record *record = policy_capability_at(policy, capability);
    if (!counts(record))
        return;
    uint32_t hash = hash_of(policy, record->holder, record->kind, record->object);
    uint32_t newest = first(policy, hash, record->holder, record->kind, record->object);
    if (newest != 0)
        policy_hash_replace(&policy->holdings_index, hash, newest, capability);
    else
        policy_hash_add(&policy->holdings_index, hash, capability);
    policy_list_insert(POLICY_SAME(policy), &newest, capability);
}

void policy_holdings_remove(struct policy *policy, uint32_t capability)
{
    const struct capability_record *record = policy_capability_at(policy, capability);
    if (!counts(record))
        return;
    uint32_t hash = hash_of(policy, record->holder, record->kind, record->object);
    uint32_t newest = first(policy, hash, record->holder, record->kind, record->object);
    uint32_t left = newest;
    policy_list_remove(POLICY_SAME(policy), &left, capability);
    if (left == 0)
        policy_hash_remove(&policy->holdings_index, hash, newest);
    else if (left != newest)
        policy_hash_replace(&policy->holdings_index, hash, newest, left);
}

uint32_t policy_holdings_find(const struct policy *policy, uint32_t holder, enum policy_kind kind,
                              uint32_t object)
{
    uint32_t hash = hash_of(policy, holder, (uint32_t)kind, object);
    uint32_t newest = first(policy, hash, holder, (uint32_t)kind, object);
    for (uint32_t i = newest; i != 0; i = policy_list_older(POLICY_SAME(policy), newest, i)) {
        if (policy_live(policy, i))
            return i;
    }
    return 0;
}
