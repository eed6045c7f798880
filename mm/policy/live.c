/*
 * Liveness by age. Why no mark can be missed and none kills too much: what is dead cannot be moved or derived
 * from, so whatever stood below a mark when it was set still has its age of then, and whatever came later is
 * newer than the mark.
 */
#include "mm/policy/live.h"

static bool was_cut(const struct policy *policy, const struct realm_record *holder,
                    const struct capability_record *record)
{
    if (record->kind != POLICY_KIND_SEND || record->object == 0)
        return false;
    for (uint32_t i = holder->cuts; i != 0; i = policy_list_older(POLICY_CUTS(policy), holder->cuts, i)) {
        const struct cut_record *cut = policy_cut_at(policy, i);
        if (cut->service == record->object && record->since <= cut->at)
            return true;
    }
    return false;
}

/* Whether it ended by itself or by its holder, so that all that was derived from it is dead, too. */
static bool ended(const struct policy *policy, const struct capability_record *record)
{
    if (record->state == CAPABILITY_DEAD)
        return true;
    if (record->state == CAPABILITY_DELETED)
        return false;
    const struct realm_record *holder = policy_realm_at(policy, record->holder);
    return record->since <= holder->ended || (holder->cuts != 0 && was_cut(policy, holder, record));
}

bool policy_ended(const struct policy *policy, uint32_t capability)
{
    return ended(policy, policy_capability_at(policy, capability));
}

bool policy_live(const struct policy *policy, uint32_t capability)
{
    const struct capability_record *record = policy_capability_at(policy, capability);
    uint64_t since = record->since;
    if (record->state != CAPABILITY_HELD || ended(policy, record))
        return false;
    while (record->parent != 0) {
        record = policy_capability_at(policy, record->parent);
        if (since <= record->cut || ended(policy, record))
            return false;
    }
    return true;
}

uint32_t policy_generations(const struct policy *policy, uint32_t capability)
{
    uint32_t count = 0;
    for (uint32_t i = policy_capability_at(policy, capability)->parent; i != 0;
         i = policy_capability_at(policy, i)->parent)
        count += policy_capability_at(policy, i)->state != CAPABILITY_DELETED;
    return count;
}

uint32_t policy_live_at(const struct policy *policy, struct policy_capability capability)
{
    if (!policy_table_names(&policy->capabilities, capability.index, capability.generation))
        return 0;
    return policy_live(policy, capability.index) ? capability.index : 0;
}

uint32_t policy_held_at(const struct policy *policy, uint32_t actor, struct policy_capability capability)
{
    uint32_t index = policy_live_at(policy, capability);
    if (index == 0 || actor == POLICY_INIT_REALM)
        return index;
    return policy_capability_at(policy, index)->holder == actor ? index : 0;
}

/* An endpoint is a root and is never moved, so it dies by itself (and the service forgets it) or with its
 * holder. */
uint32_t policy_endpoint(const struct policy *policy, uint32_t service)
{
    const struct service_record *record = policy_service_at(policy, service);
    if (record->endpoint == 0 || record->since <= policy_realm_at(policy, record->holder)->ended)
        return 0;
    return record->endpoint;
}

uint32_t policy_provider(const struct policy *policy, uint32_t service)
{
    const struct service_record *record = policy_service_at(policy, service);
    return policy_endpoint(policy, service) != 0 ? record->holder : record->provider;
}

bool policy_grant_live(const struct policy *policy, const struct grant_record *grant)
{
    return grant->since > policy_realm_at(policy, grant->giver)->ended &&
           grant->since > policy_realm_at(policy, grant->realm)->ended;
}
