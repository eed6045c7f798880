/*
 * Looking at the state: what is live, who holds it, who uses how much.
 */
#include "mm/policy/inspect.h"

#include <realm/error.h>

#include "mm/policy/live.h"

void policy_inspect(const struct policy *policy, uint32_t capability, struct policy_capability_info *ret_info)
{
    const struct capability_record *record = policy_capability_at(policy, capability);
    struct policy_capability_info info = {
        .capability = policy_capability_handle(policy, capability),
        .kind = (enum policy_kind)record->kind,
        .rights = record->rights,
        .holder = policy_realm_handle(policy, record->holder),
        .root = policy_capability_handle(policy, record->root),
        .window = record->window,
        .sealed = policy_is_sealed(policy, record),
        .badge = record->badge,
        .user = record->user,
    };
    /* A deleted one is no longer anybody's parent, though its children may not have been told. */
    uint32_t parent = record->parent;
    while (parent != 0 && policy_capability_at(policy, parent)->state == CAPABILITY_DELETED)
        parent = policy_capability_at(policy, parent)->parent;
    if (parent != 0)
        info.parent = policy_capability_handle(policy, parent);
    if (record->kind == POLICY_KIND_REALM || record->kind == POLICY_KIND_MEMORY)
        info.realm = policy_realm_handle(policy, record->object);
    else if (record->kind == POLICY_KIND_GATE)
        info.gate = record->object;
    else if (record->object != 0)
        info.service = policy_service_handle(policy, record->object);
    *ret_info = info;
}

bool policy_capability_get(const struct policy *policy, struct policy_capability capability,
                           struct policy_capability_info *ret_info)
{
    uint32_t index = policy_live_at(policy, capability);
    if (index == 0)
        return false;
    policy_inspect(policy, index, ret_info);
    return true;
}

void policy_set_user(struct policy *policy, struct policy_capability capability, uint64_t user)
{
    uint32_t index = policy_live_at(policy, capability);
    realm_assert(index != 0);
    policy_capability_at(policy, index)->user = user;
}

static bool is_live(const struct policy *policy, uint32_t index)
{
    return policy_table_is_live(&policy->capabilities, index) && policy_live(policy, index);
}

bool policy_next_capability(const struct policy *policy, uint32_t *cursor,
                            struct policy_capability_info *ret_info)
{
    uint32_t index = *cursor + 1;
    while (index < policy->capabilities.end && !is_live(policy, index))
        index++;
    if (index >= policy->capabilities.end)
        return false;
    policy_inspect(policy, index, ret_info);
    *cursor = index;
    return true;
}

bool policy_next_held(const struct policy *policy, struct policy_realm holder, struct policy_capability *at,
                      struct policy_capability_info *ret_info)
{
    if (!policy_realm_known(policy, holder))
        return false;
    uint32_t head = policy_rest_at(policy, holder.index)->held, index = head;
    if (at->index != 0) {
        uint32_t last = policy_live_at(policy, *at);
        if (last == 0 || policy_capability_at(policy, last)->holder != holder.index)
            return false;
        index = policy_list_older(POLICY_HELD(policy), head, last);
    }
    while (index != 0 && !policy_live(policy, index))
        index = policy_list_older(POLICY_HELD(policy), head, index);
    if (index == 0)
        return false;
    *at = policy_capability_handle(policy, index);
    policy_inspect(policy, index, ret_info);
    return true;
}

bool policy_next_parent_grant(const struct policy *policy, uint32_t *cursor,
                              struct policy_parent_grant *ret_grant)
{
    uint32_t index = *cursor + 1;
    while (index < policy->grants.end && !(policy_table_is_live(&policy->grants, index) &&
                                           policy_grant_live(policy, policy_grant_at(policy, index))))
        index++;
    if (index >= policy->grants.end)
        return false;
    const struct grant_record *grant = policy_grant_at(policy, index);
    *ret_grant = (struct policy_parent_grant){.giver = policy_realm_handle(policy, grant->giver),
                                              .realm = policy_realm_handle(policy, grant->realm),
                                              .service = policy_service_handle(policy, grant->service),
                                              .rights = grant->rights};
    *cursor = index;
    return true;
}

struct policy_realm policy_init_realm(const struct policy *policy)
{
    return policy_realm_handle(policy, POLICY_INIT_REALM);
}

struct policy_realm policy_parent(const struct policy *policy, struct policy_realm realm)
{
    uint32_t parent = policy_realm_known(policy, realm) ? policy_realm_at(policy, realm.index)->parent : 0;
    return parent != 0 ? policy_realm_handle(policy, parent) : (struct policy_realm){0, 0};
}

bool policy_running(const struct policy *policy, struct policy_realm realm)
{
    return policy_realm_known(policy, realm) && policy_realm_at(policy, realm.index)->running;
}

struct policy_realm policy_provider_of(const struct policy *policy, struct policy_service service)
{
    if (!policy_service_known(policy, service))
        return (struct policy_realm){0, 0};
    return policy_realm_handle(policy, policy_provider(policy, service.index));
}

/* --- quotas --- */

int policy_get_usage(const struct policy *policy, struct policy_realm realm, enum policy_resource resource,
                     struct policy_usage *ret_usage)
{
    if (!policy_realm_known(policy, realm) || (unsigned)resource >= POLICY_RESOURCES)
        return REALM_E_BAD_ARGUMENT;
    const struct realm_rest *record = policy_rest_at(policy, realm.index);
    *ret_usage = (struct policy_usage){record->limit[resource], record->use[resource], record->own[resource]};
    return 0;
}

static bool is_within(const struct policy *policy, uint32_t realm, uint32_t ancestor)
{
    while (realm != 0 && realm != ancestor)
        realm = policy_realm_at(policy, realm)->parent;
    return realm == ancestor;
}

/* Puts one in its place among the largest so far. Return: how many there are now. */
static size_t insert(struct policy_consumer *consumers, size_t count, struct policy_consumer one)
{
    size_t place = count;
    while (place > 0 && consumers[place - 1].own < one.own)
        place--;
    if (place == POLICY_CONSUMERS_MAX)
        return count;
    size_t end = count < POLICY_CONSUMERS_MAX ? count + 1 : count;
    for (size_t i = end - 1; i > place; i--)
        consumers[i] = consumers[i - 1];
    consumers[place] = one;
    return end;
}

size_t policy_consumers(const struct policy *policy, struct policy_realm realm, enum policy_resource resource,
                        struct policy_consumer ret_consumers[POLICY_CONSUMERS_MAX])
{
    size_t count = 0;
    if (!policy_realm_known(policy, realm) || (unsigned)resource >= POLICY_RESOURCES)
        return 0;
    for (uint32_t i = 1; i < policy->realms.end; i++) {
        if (!policy_table_is_live(&policy->realms, i))
            continue;
        uint64_t own = policy_rest_at(policy, i)->own[resource];
        if (own > 0 && is_within(policy, i, realm.index))
            count =
                insert(ret_consumers, count, (struct policy_consumer){policy_realm_handle(policy, i), own});
    }
    return count;
}
