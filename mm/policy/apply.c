/*
 * Applying: an event that was decided with status 0 on this very state changes it. Nothing here can fail, and
 * nothing here takes memory: policy_reserve has made room for the one capability or grant that an event
 * makes at most.
 *
 * Removal follows the derivation tree: a capability goes after everything that was derived from it. The way
 * back up is in the records (parent, first child), so no depth needs a stack.
 */
#include "mm/policy/policy.h"

#include <stddef.h>

#include <realm/types.h>

#include "mm/policy/grants.h"
#include "mm/policy/state.h"

/* Whom to tell about each capability that goes. */
struct listener {
    policy_removed *removed;
    void *context;
};

/* derived_from: 0 for an endpoint. */
static uint32_t add_capability(struct policy *policy, uint32_t holder, uint32_t service, uint32_t rights,
                               uint32_t derived_from)
{
    uint32_t index = policy_table_add(&policy->capabilities);
    struct capability_record *record = policy_capability_at(policy, index);
    record->holder = holder;
    record->service = service;
    record->rights = rights;
    record->parent = derived_from;
    if (derived_from != 0)
        policy_list_insert(&policy->capabilities, offsetof(struct capability_record, sibling),
                           &policy_capability_at(policy, derived_from)->children, index);
    policy_list_insert(&policy->capabilities, offsetof(struct capability_record, held),
                       &policy_realm_at(policy, holder)->held, index);
    return index;
}

/* Removes a capability that nothing is derived from. */
static void remove_leaf(struct policy *policy, uint32_t index, const struct listener *listener)
{
    const struct capability_record *record = policy_capability_at(policy, index);
    const struct capability_record gone = *record;
    struct policy_capability capability = policy_capability_handle(policy, index);
    realm_assert(gone.children == 0);
    if (gone.parent != 0)
        policy_list_remove(&policy->capabilities, offsetof(struct capability_record, sibling),
                           &policy_capability_at(policy, gone.parent)->children, index);
    else
        policy_service_at(policy, gone.service)->endpoint = 0;
    policy_list_remove(&policy->capabilities, offsetof(struct capability_record, held),
                       &policy_realm_at(policy, gone.holder)->held, index);
    policy_table_remove(&policy->capabilities, index);
    if (listener->removed)
        listener->removed(listener->context, capability, policy_realm_handle(policy, gone.holder),
                          gone.rights, policy_service_handle(policy, gone.service));
}

/* Removes a capability and everything derived from it, deepest first. */
static void remove_subtree(struct policy *policy, uint32_t root, const struct listener *listener)
{
    uint32_t index = root;
    for (;;) {
        const struct capability_record *record = policy_capability_at(policy, index);
        if (record->children != 0) {
            index = record->children;
            continue;
        }
        uint32_t parent = record->parent;
        remove_leaf(policy, index, listener);
        if (index == root)
            return;
        index = parent;
    }
}

static void apply_register(struct policy *policy, const struct policy_event *event,
                           const struct policy_decision *decision, struct policy_outcome *outcome)
{
    uint32_t service = decision->service.index;
    uint32_t endpoint = add_capability(policy, event->actor.index, service, REALM_RIGHT_RECV, 0);
    policy_service_at(policy, service)->endpoint = endpoint;
    outcome->capability = policy_capability_handle(policy, endpoint);
}

static void apply_connect(struct policy *policy, const struct policy_event *event,
                          const struct policy_decision *decision, struct policy_outcome *outcome)
{
    uint32_t service = decision->service.index;
    uint32_t endpoint = policy_service_at(policy, service)->endpoint;
    realm_assert(endpoint != 0);
    uint32_t send = add_capability(policy, event->actor.index, service, REALM_RIGHT_SEND, endpoint);
    outcome->badge = ++policy->badges;
    policy_capability_at(policy, send)->badge = outcome->badge;
    outcome->capability = policy_capability_handle(policy, send);
}

static void apply_end(struct policy *policy, const struct policy_event *event,
                      const struct listener *listener)
{
    struct realm_record *realm = policy_realm_at(policy, event->actor.index);
    while (realm->held != 0)
        remove_subtree(policy, realm->held, listener);
    policy_grants_end(policy, event->actor.index);
    if (event->remove) {
        realm_assert(realm->template_of != 0 && realm->children == 0);
        policy_realm_at(policy, realm->parent)->children--;
        policy_table_remove(&policy->realms, event->actor.index);
    }
}

void policy_apply(struct policy *policy, const struct policy_event *event,
                  const struct policy_decision *decision, policy_removed *removed, void *context,
                  struct policy_outcome *ret_outcome)
{
    const struct listener listener = {removed, context};
    struct policy_outcome outcome = {0};
    realm_assert(decision->status == 0 && policy_realm_known(policy, event->actor));
    switch (event->kind) {
    case POLICY_REGISTER:
        apply_register(policy, event, decision, &outcome);
        break;
    case POLICY_CONNECT:
        apply_connect(policy, event, decision, &outcome);
        break;
    case POLICY_UNREGISTER:
    case POLICY_DISCONNECT:
        remove_subtree(policy, event->capability.index, &listener);
        break;
    case POLICY_GRANT:
        policy_grants_give(policy, event->actor.index, event->subject.index, decision->service.index,
                           event->rights);
        break;
    case POLICY_SPAWN: /* whether a realm runs is its life cycle's business, not the policy's */
    case POLICY_KILL:  /* END follows, for each realm that ends */
        break;
    case POLICY_END:
        apply_end(policy, event, &listener);
        break;
    }
    if (ret_outcome)
        *ret_outcome = outcome;
}
