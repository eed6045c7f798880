/*
 * Deciding: everything about an event is checked here, and nothing is changed.
 *
 * Each kind of event has one function, which reads as the rule it implements: what is refused first stands
 * first, and a function that comes to its end has allowed. Handles in events come from outside; only here
 * are they held against the tables.
 */
#include "mm/policy/policy.h"

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/names.h"
#include "mm/policy/rules.h"
#include "mm/policy/state.h"

/* 0, or what is wrong with the handle: nothing ever had it, or its realm is gone. */
static int check_realm(const struct policy *policy, struct policy_realm realm)
{
    if (policy_realm_known(policy, realm))
        return 0;
    bool possible = realm.index != 0 && realm.index < policy->realms.end;
    return possible ? REALM_E_STALE : REALM_E_BAD_ARGUMENT;
}

static void settle(struct policy_decision *decision, int status, enum policy_rule rule)
{
    decision->status = status;
    decision->rule = rule;
}

static void suggest(const struct policy *policy, struct policy_decision *decision, enum policy_fix_kind kind,
                    uint32_t realm, uint32_t service)
{
    decision->fix.kind = kind;
    decision->fix.realm = policy_realm_handle(policy, policy_declaration(policy, realm));
    decision->fix.service = policy_service_handle(policy, service);
}

/* Finds out which service an event is about. Return: its index; 0: none, and the event is refused. */
static uint32_t resolve(const struct policy *policy, struct policy_name name,
                        struct policy_decision *decision)
{
    uint32_t service = policy_names_find(policy, name);
    if (service != 0) {
        decision->service = policy_service_handle(policy, service);
        return service;
    }
    settle(decision, REALM_E_NO_SERVICE, POLICY_RULE_DECLARED);
    decision->fix.kind = POLICY_FIX_DECLARE;
    return 0;
}

static void decide_register(const struct policy *policy, const struct policy_event *event,
                            struct policy_decision *decision)
{
    uint32_t index = resolve(policy, event->service, decision);
    if (index == 0)
        return;
    const struct service_record *service = policy_service_at(policy, index);
    decision->place = service->place;
    settle(decision, 0, POLICY_RULE_PROVIDER);
    if (policy_declaration(policy, event->actor.index) != service->provider) {
        settle(decision, REALM_E_DENIED, POLICY_RULE_PROVIDER);
        suggest(policy, decision, POLICY_FIX_PROVIDER, event->actor.index, index);
    } else if (service->endpoint != 0) {
        settle(decision, REALM_E_EXISTS, POLICY_RULE_REGISTERED);
    }
}

static void decide_connect(const struct policy *policy, const struct policy_event *event,
                           struct policy_decision *decision)
{
    uint32_t index = resolve(policy, event->service, decision);
    if (index == 0)
        return;
    struct policy_walk walk = {.policy = policy, .actor = event->actor.index, .service = index};
    decision->status = policy_rules_connect(&walk);
    decision->rule = walk.rule;
    decision->place = walk.place;
    decision->provider = policy_realm_handle(policy, policy_provider(policy, index));
    decision->registered = policy_service_at(policy, index)->endpoint != 0;
    if (walk.rule == POLICY_RULE_DEFAULT)
        suggest(policy, decision, POLICY_FIX_ACCESS, event->actor.index, index);
    if (decision->status == 0 && !decision->registered)
        decision->status = REALM_E_NO_SERVICE;
}

/*
 * Whether the scenario could declare the subject under the actor. It names no instances, and its realms form
 * a tree, so what the actor descends from, init above all, cannot come to stand below it. The length of this
 * walk is the depth of the tree.
 */
static bool could_be_child(const struct policy *policy, uint32_t subject, uint32_t actor)
{
    uint32_t declared = policy_declaration(policy, subject);
    if (policy_declaration(policy, actor) != actor)
        return false;
    for (uint32_t realm = actor; realm != 0; realm = policy_realm_at(policy, realm)->parent) {
        if (policy_declaration(policy, realm) == declared)
            return false;
    }
    return true;
}

static void refuse_as_no_child(const struct policy *policy, const struct policy_event *event,
                               struct policy_decision *decision)
{
    settle(decision, REALM_E_NOT_CHILD, POLICY_RULE_PARENT);
    if (could_be_child(policy, event->subject.index, event->actor.index)) {
        uint32_t declared = policy_declaration(policy, event->subject.index);
        decision->fix.kind = POLICY_FIX_PARENT;
        decision->fix.realm = policy_realm_handle(policy, declared);
    }
}

static void decide_grant(const struct policy *policy, const struct policy_event *event,
                         struct policy_decision *decision)
{
    decision->status = check_realm(policy, event->subject);
    if (decision->status == 0 && event->rights != REALM_RIGHT_SEND)
        decision->status = REALM_E_BAD_ARGUMENT;
    if (decision->status)
        return;
    if (policy_realm_at(policy, event->subject.index)->parent != event->actor.index) {
        refuse_as_no_child(policy, event, decision);
        return;
    }
    uint32_t index = resolve(policy, event->service, decision);
    if (index == 0)
        return;
    settle(decision, 0, POLICY_RULE_HOLDS);
    decision->place = policy_service_at(policy, index)->place;
    if (policy_rules_is_provider(policy, event->actor.index, index))
        return;
    struct policy_walk walk = {.policy = policy, .actor = event->actor.index, .service = index};
    decision->status = policy_rules_connect(&walk);
    decision->place = walk.place;
    if (decision->status)
        suggest(policy, decision, POLICY_FIX_ACCESS, event->actor.index, index);
}

static void decide_child(const struct policy *policy, const struct policy_event *event,
                         struct policy_decision *decision)
{
    decision->status = check_realm(policy, event->subject);
    if (decision->status)
        return;
    uint32_t parent = policy_realm_at(policy, event->subject.index)->parent;
    settle(decision, 0, POLICY_RULE_PARENT);
    if (parent == 0 || (parent != event->actor.index && event->actor.index != POLICY_INIT_REALM))
        refuse_as_no_child(policy, event, decision);
}

/* What is stale and what is another's look the same to the asker: neither is its own. */
static void decide_ending(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *decision)
{
    struct policy_capability capability = event->capability;
    settle(decision, REALM_E_STALE, POLICY_RULE_OWNER);
    if (!policy_table_names(&policy->capabilities, capability.index, capability.generation))
        return;
    const struct capability_record *record = policy_capability_at(policy, capability.index);
    if (record->holder != event->actor.index && event->actor.index != POLICY_INIT_REALM)
        return;
    bool is_endpoint = record->parent == 0;
    if (is_endpoint == (event->kind == POLICY_UNREGISTER))
        decision->status = 0;
    else
        settle(decision, REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
}

static void decide_end(const struct policy *policy, const struct policy_event *event,
                       struct policy_decision *decision)
{
    const struct realm_record *realm = policy_realm_at(policy, event->actor.index);
    if (event->remove && (realm->template_of == 0 || realm->children > 0))
        decision->status = REALM_E_BAD_ARGUMENT;
}

void policy_decide(const struct policy *policy, const struct policy_event *event,
                   struct policy_decision *ret_decision)
{
    struct policy_decision decision = {.status = check_realm(policy, event->actor)};
    if (decision.status == 0) {
        switch (event->kind) {
        case POLICY_REGISTER:
            decide_register(policy, event, &decision);
            break;
        case POLICY_CONNECT:
            decide_connect(policy, event, &decision);
            break;
        case POLICY_UNREGISTER:
        case POLICY_DISCONNECT:
            decide_ending(policy, event, &decision);
            break;
        case POLICY_GRANT:
            decide_grant(policy, event, &decision);
            break;
        case POLICY_SPAWN:
        case POLICY_KILL:
            decide_child(policy, event, &decision);
            break;
        case POLICY_END:
            decide_end(policy, event, &decision);
            break;
        default:
            decision.status = REALM_E_BAD_ARGUMENT;
        }
    }
    *ret_decision = decision;
}
