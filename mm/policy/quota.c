/*
 * Quotas down the tree. Each realm knows what it uses itself and what it and all below it use together, so a
 * check is one walk up, and children win nothing.
 */
#include "mm/policy/quota.h"

#include <realm/error.h>

static bool is_below(const struct policy *policy, uint32_t realm, uint32_t ancestor)
{
    while (realm != 0 && realm != ancestor)
        realm = policy_realm_at(policy, realm)->parent;
    return realm == ancestor;
}

/* What the demands before this one would have used by then, where this realm's limit counts. */
static uint64_t used_before(const struct policy *policy, const struct quota_demand *demands, size_t before,
                            uint32_t realm, enum policy_resource resource)
{
    uint64_t amount = 0;
    for (size_t i = 0; i < before; i++) {
        if (demands[i].resource == resource && is_below(policy, demands[i].realm, realm))
            amount += demands[i].amount;
    }
    return amount;
}

static void refuse(const struct policy *policy, struct policy_decision *decision, uint32_t realm,
                   const struct quota_demand *demand)
{
    const struct realm_rest *record = policy_rest_at(policy, realm);
    decision->status = REALM_E_LIMIT;
    decision->rule = POLICY_RULE_QUOTA;
    decision->place = record->place;
    decision->quota.realm = policy_realm_handle(policy, realm);
    decision->quota.resource = demand->resource;
    decision->quota.limit = record->limit[demand->resource];
    decision->quota.use = record->use[demand->resource];
    decision->quota.wanted = demand->amount;
}

bool policy_quota_check(const struct policy *policy, const struct quota_demand *demands, size_t count,
                        struct policy_decision *decision)
{
    for (size_t i = 0; i < count; i++) {
        enum policy_resource resource = demands[i].resource;
        if (demands[i].amount == 0)
            continue;
        for (uint32_t realm = demands[i].realm; realm != 0; realm = policy_realm_at(policy, realm)->parent) {
            if (!(policy_realm_at(policy, realm)->limited >> resource & 1) && realm != POLICY_INIT_REALM)
                continue; /* at init, what can be counted is a limit, too */
            const struct realm_rest *record = policy_rest_at(policy, realm);
            uint64_t limit = record->limit[resource];
            uint64_t use = record->use[resource] + used_before(policy, demands, i, realm, resource);
            if (use > limit || demands[i].amount > limit - use) {
                refuse(policy, decision, realm, &demands[i]);
                return false;
            }
        }
    }
    return true;
}

void policy_quota_limit(struct policy *policy, uint32_t realm, enum policy_resource resource, uint64_t limit)
{
    struct realm_record *record = policy_realm_at(policy, realm);
    policy_rest_at(policy, realm)->limit[resource] = limit;
    record->limited = (uint8_t)(record->limited & ~(1u << resource));
    if (limit != POLICY_UNLIMITED)
        record->limited = (uint8_t)(record->limited | 1u << resource);
}

void policy_quota_charge(struct policy *policy, uint32_t realm, enum policy_resource resource,
                         uint64_t amount)
{
    policy_rest_at(policy, realm)->own[resource] += amount;
    for (; realm != 0; realm = policy_realm_at(policy, realm)->parent)
        policy_rest_at(policy, realm)->use[resource] += amount;
}

void policy_quota_release(struct policy *policy, uint32_t realm, enum policy_resource resource,
                          uint64_t amount)
{
    realm_assert(policy_rest_at(policy, realm)->own[resource] >= amount);
    policy_rest_at(policy, realm)->own[resource] -= amount;
    for (; realm != 0; realm = policy_realm_at(policy, realm)->parent)
        policy_rest_at(policy, realm)->use[resource] -= amount;
}
