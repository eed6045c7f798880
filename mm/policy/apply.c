/*
 * Applying: an event that was decided with status 0 on this very state changes it. Nothing here can fail, and
 * nothing here takes memory: policy_reserve has made room for what the event makes.
 */
#include "mm/policy/policy.h"

#include <realm/types.h>

#include "mm/policy/grants.h"
#include "mm/policy/holdings.h"
#include "mm/policy/quota.h"
#include "mm/policy/state.h"
#include "mm/policy/tree.h"

int policy_reserve(struct policy *policy, const struct policy_event *event)
{
    uint32_t count = 1;
    if (event->kind == POLICY_START && policy_realm_known(policy, event->subject))
        count = 1 + policy_endowment(policy, event->subject.index);
    int error = policy_table_reserve(&policy->capabilities, &policy->memory, count);
    if (!error && (event->kind == POLICY_START || event->kind == POLICY_DERIVE))
        error = policy_holdings_reserve(policy, count);
    if (!error && event->kind == POLICY_GRANT)
        error = policy_grants_reserve(policy);
    if (!error && event->kind == POLICY_REVOKE_CHILD)
        error = policy_table_reserve(&policy->cuts, &policy->memory, 1);
    return error;
}

static const struct policy_window no_window = {0, 0};

static void apply_register(struct policy *policy, const struct policy_event *event,
                           const struct policy_decision *decision, struct policy_outcome *outcome)
{
    uint32_t service = decision->service.index;
    uint32_t endpoint =
        policy_tree_root(policy, event->actor.index, POLICY_KIND_ENDPOINT, service, no_window);
    struct service_record *record = policy_service_at(policy, service);
    record->endpoint = endpoint;
    record->holder = event->actor.index;
    record->since = policy->now;
    outcome->capability = policy_capability_handle(policy, endpoint);
}

static void apply_root(struct policy *policy, const struct policy_event *event,
                       struct policy_outcome *outcome)
{
    bool memory = event->kind == POLICY_ALLOCATE;
    struct policy_window window = {0, memory ? event->amount : 0};
    uint32_t root =
        policy_tree_root(policy, event->actor.index, memory ? POLICY_KIND_MEMORY : POLICY_KIND_ENDPOINT,
                         memory ? event->actor.index : 0, window);
    outcome->capability = policy_capability_handle(policy, root);
}

static void apply_connect(struct policy *policy, const struct policy_event *event,
                          const struct policy_decision *decision, struct policy_outcome *outcome)
{
    uint32_t endpoint = policy_service_at(policy, decision->service.index)->endpoint;
    realm_assert(endpoint != 0);
    outcome->badge = ++policy->badges;
    uint32_t send =
        policy_tree_derive(policy, endpoint, event->actor.index, decision->rights, outcome->badge, no_window);
    outcome->capability = policy_capability_handle(policy, send);
}

static uint64_t new_badge(struct policy *policy, const struct policy_event *event,
                          const struct capability_record *source)
{
    if (event->mode == POLICY_MINT)
        return event->badge | POLICY_BADGE_MINTED;
    return source->kind == POLICY_KIND_ENDPOINT ? ++policy->badges : source->badge;
}

static void apply_derive(struct policy *policy, const struct policy_event *event,
                         const struct policy_decision *decision, struct policy_outcome *outcome)
{
    uint32_t index = event->capability.index;
    if (event->mode == POLICY_MOVE) {
        policy_tree_move(policy, index, event->subject.index);
    } else {
        uint64_t badge = new_badge(policy, event, policy_capability_at(policy, index));
        index =
            policy_tree_derive(policy, index, event->subject.index, decision->rights, badge, event->window);
    }
    outcome->capability = policy_capability_handle(policy, index);
    outcome->badge = policy_capability_at(policy, index)->badge;
}

/* What the child holds of the service is dead at once; the cut is how one knows, and where clearing goes on.
 */
static void apply_revoke_child(struct policy *policy, const struct policy_event *event,
                               const struct policy_decision *decision)
{
    uint32_t subject = event->subject.index, service = decision->service.index;
    struct realm_record *realm = policy_realm_at(policy, subject);
    policy_grants_take(policy, event->actor.index, subject, service);
    uint32_t held = policy_rest_at(policy, subject)->held;
    if (held == 0)
        return;
    uint32_t index = realm->cuts;
    while (index != 0 && policy_cut_at(policy, index)->service != service)
        index = policy_list_older(POLICY_CUTS(policy), realm->cuts, index);
    if (index == 0) {
        index = policy_table_add(&policy->cuts);
        policy_cut_at(policy, index)->realm = subject;
        policy_cut_at(policy, index)->service = service;
        policy_list_insert(POLICY_CUTS(policy), &realm->cuts, index);
        policy_list_insert(POLICY_CUT(policy), &policy->cut, index);
    }
    policy_cut_at(policy, index)->at = policy->now;
    policy_cut_at(policy, index)->next = held;
}

static void apply_start(struct policy *policy, const struct policy_event *event,
                        struct policy_outcome *outcome)
{
    uint32_t subject = event->subject.index;
    uint32_t parent = policy_realm_at(policy, subject)->parent;
    struct realm_rest *rest = policy_rest_at(policy, subject);
    policy_realm_at(policy, subject)->running = true;
    policy_quota_charge(policy, parent, POLICY_REALMS, 1);
    rest->root = policy_tree_root(policy, parent, POLICY_KIND_REALM, subject, no_window);
    outcome->capability = policy_capability_handle(policy, rest->root);
    uint32_t service = policy_rest_at(policy, policy_declaration(policy, subject))->services;
    for (; service != 0; service = policy_service_at(policy, service)->next)
        policy_tree_root(policy, subject, POLICY_KIND_NAME, service, no_window);
    if (rest->debug)
        policy_tree_root(policy, subject, POLICY_KIND_DEBUG, 0, no_window);
    for (uint32_t gate = 0; gate < POLICY_GATES_MAX; gate++) {
        if (rest->gates >> gate & 1)
            policy_tree_root(policy, subject, POLICY_KIND_GATE, gate, no_window);
    }
}

/* What it holds, gave and was given is dead by its age; its own realm capability is another's, and marked. */
static void apply_end(struct policy *policy, const struct policy_event *event)
{
    struct realm_record *realm = policy_realm_at(policy, event->actor.index);
    struct realm_rest *rest = policy_rest_at(policy, event->actor.index);
    realm->ended = policy->now;
    if (realm->running) {
        realm->running = false;
        policy_quota_release(policy, realm->parent, POLICY_REALMS, 1);
    }
    static const enum policy_resource charged[] = {POLICY_DESCRIPTORS, POLICY_REQUESTS};
    for (size_t i = 0; i < sizeof charged / sizeof charged[0]; i++)
        policy_quota_release(policy, event->actor.index, charged[i], rest->own[charged[i]]);
    if (rest->root != 0)
        policy_tree_kill(policy, rest->root);
    rest->root = 0;
    if (event->remove) {
        realm_assert(realm->template_of != 0 && rest->children == 0);
        realm->removed = true;
        policy_rest_at(policy, realm->parent)->children--;
    }
    if (!policy_list_has(POLICY_ENDED(policy), event->actor.index))
        policy_list_insert(POLICY_ENDED(policy), &policy->ended, event->actor.index);
}

static void apply(struct policy *policy, const struct policy_event *event,
                  const struct policy_decision *decision, struct policy_outcome *outcome)
{
    switch (event->kind) {
    case POLICY_REGISTER:
        apply_register(policy, event, decision, outcome);
        break;
    case POLICY_CREATE:
    case POLICY_ALLOCATE:
        apply_root(policy, event, outcome);
        break;
    case POLICY_SEAL:
        policy_capability_at(policy, event->capability.index)->rights &= (uint16_t)~REALM_RIGHT_WRITE;
        break;
    case POLICY_CONNECT:
        apply_connect(policy, event, decision, outcome);
        break;
    case POLICY_GRANT:
        policy_grants_give(policy, event->actor.index, event->subject.index, decision->service.index,
                           event->rights);
        break;
    case POLICY_DERIVE:
        apply_derive(policy, event, decision, outcome);
        break;
    case POLICY_REVOKE:
        policy_tree_revoke(policy, event->capability.index);
        break;
    case POLICY_REVOKE_CHILD:
        apply_revoke_child(policy, event, decision);
        break;
    case POLICY_DELETE:
    case POLICY_DISCONNECT:
    case POLICY_UNREGISTER:
        policy_tree_delete(policy, event->capability.index);
        break;
    case POLICY_START:
        apply_start(policy, event, outcome);
        break;
    case POLICY_QUOTA:
        policy_quota_limit(policy, event->subject.index, event->resource, event->amount);
        break;
    case POLICY_CHARGE:
        policy_quota_charge(policy, event->actor.index, event->resource, event->amount);
        break;
    case POLICY_RELEASE:
        policy_quota_release(policy, event->actor.index, event->resource, event->amount);
        break;
    case POLICY_END:
        apply_end(policy, event);
        break;
    case POLICY_KILL: /* END follows, for each realm that ends */
    case POLICY_GATE:
    case POLICY_LOOK:
        break;
    }
}

void policy_apply(struct policy *policy, const struct policy_event *event,
                  const struct policy_decision *decision, struct policy_outcome *ret_outcome)
{
    struct policy_outcome outcome = {0};
    realm_assert(decision->status == 0 && policy_realm_known(policy, event->actor));
    policy->now++;
    apply(policy, event, decision, &outcome);
    if (ret_outcome)
        *ret_outcome = outcome;
}
