/*
 * Deciding: everything about an event is checked here, and nothing is changed.
 */
#include "mm/policy/decide.h"

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/entries.h"
#include "mm/policy/grants.h"
#include "mm/policy/holdings.h"
#include "mm/policy/live.h"
#include "mm/policy/names.h"
#include "mm/policy/quota.h"
#include "mm/policy/tree.h"

int policy_check_realm(const struct policy *policy, struct policy_realm realm)
{
    if (policy_realm_known(policy, realm))
        return 0;
    bool possible = realm.index != 0 && realm.index < policy->realms.end && realm.generation != 0 &&
                    realm.generation <= policy_table_slot(&policy->realms, realm.index)->generation;
    return possible ? REALM_E_STALE : REALM_E_BAD_ARGUMENT;
}

void policy_settle(struct policy_decision *decision, int status, enum policy_rule rule)
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
    policy_settle(decision, REALM_E_NO_SERVICE, POLICY_RULE_DECLARED);
    decision->fix.kind = POLICY_FIX_DECLARE;
    return 0;
}

static bool has_subject(enum policy_event_kind kind)
{
    return kind == POLICY_GRANT || kind == POLICY_DERIVE || kind == POLICY_REVOKE_CHILD ||
           kind == POLICY_START || kind == POLICY_KILL || kind == POLICY_QUOTA;
}

static int check_realms(const struct policy *policy, const struct policy_event *event)
{
    int status = policy_check_realm(policy, event->actor);
    if (status == 0 && event->kind != POLICY_END && !policy_realm_at(policy, event->actor.index)->running)
        status = REALM_E_STALE;
    /* The target of a DERIVE is looked at after its source. */
    if (status == 0 && has_subject(event->kind) && event->kind != POLICY_DERIVE)
        status = policy_check_realm(policy, event->subject);
    return status;
}

static bool check_quota(const struct policy *policy, uint32_t realm, enum policy_resource resource,
                        uint64_t amount, struct policy_decision *decision)
{
    const struct quota_demand demand = {realm, resource, amount};
    return policy_quota_check(policy, &demand, 1, decision);
}

/* --- services --- */

static void decide_register(const struct policy *policy, const struct policy_event *event,
                            struct policy_decision *decision)
{
    uint32_t actor = event->actor.index, index = resolve(policy, event->service, decision);
    if (index == 0)
        return;
    decision->place = policy_service_at(policy, index)->place;
    if (actor != POLICY_INIT_REALM && policy_holdings_find(policy, actor, POLICY_KIND_NAME, index) == 0) {
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_PROVIDER);
        suggest(policy, decision, POLICY_FIX_PROVIDER, actor, index);
    } else if (policy_endpoint(policy, index) != 0) {
        policy_settle(decision, REALM_E_EXISTS, POLICY_RULE_REGISTERED);
    } else if (check_quota(policy, actor, POLICY_CAPABILITIES, 1, decision)) {
        policy_settle(decision, 0, POLICY_RULE_PROVIDER);
    }
}

static void check_connect_quota(struct policy_walk *walk, struct policy_decision *decision)
{
    const struct quota_demand demands[] = {{walk->actor, POLICY_CAPABILITIES, 1},
                                           {walk->actor, POLICY_CHANNELS, 1}};
    if (policy_quota_check(walk->policy, demands, 2, decision) && walk->policy->badges < POLICY_BADGE_MAX)
        return;
    decision->rights = 0;
    decision->status = REALM_E_LIMIT;
    decision->rule = POLICY_RULE_QUOTA;
    policy_rules_look(walk, POLICY_RULE_QUOTA, decision->place, true);
}

void policy_decide_walk(struct policy_walk *walk, struct policy_decision *decision)
{
    const struct policy *policy = walk->policy;
    decision->status = policy_rules_connect(walk);
    decision->rule = walk->rule;
    decision->place = walk->place;
    if (walk->service == 0) {
        decision->fix.kind = POLICY_FIX_DECLARE;
        return;
    }
    decision->service = policy_service_handle(policy, walk->service);
    decision->provider = policy_realm_handle(policy, walk->provider);
    decision->registered = policy_endpoint(policy, walk->service) != 0;
    if (walk->rule == POLICY_RULE_DEFAULT)
        suggest(policy, decision, POLICY_FIX_ACCESS, walk->actor, walk->service);
    if (decision->status != 0)
        return;
    decision->rights = walk->rights;
    if (!decision->registered)
        decision->status = REALM_E_NO_SERVICE;
    else
        check_connect_quota(walk, decision);
}

/*
 * In a large system each thing that is looked at is far away, so what a CONNECT will look at is fetched side
 * by side, before any of it is looked at: actor and the name's place in the index; then name, service and
 * grants of the service that the index says it is. Nothing here decides: a guess that is wrong costs time.
 */
static uint32_t fetch_ahead(const struct policy *policy, const struct policy_event *event,
                            struct policy_walk *walk)
{
    uint32_t actor = event->actor.index < policy->realms.end ? event->actor.index : 0;
    policy_table_prefetch(&policy->realms, actor);
    uint32_t hash = policy_names_hash(policy, event->service);
    walk->fetched = policy_names_guess(policy, hash);
    if (walk->fetched != 0)
        walk->grants_hash = policy_grants_prefetch(policy, actor, walk->fetched);
    return hash;
}

static void decide_connect(const struct policy *policy, const struct policy_event *event,
                           struct policy_decision *decision)
{
    struct policy_walk walk = {.policy = policy, .actor = event->actor.index};
    uint32_t hash = fetch_ahead(policy, event, &walk);
    decision->status = check_realms(policy, event);
    if (decision->status != 0)
        return;
    policy_table_prefetch(&policy->realms, policy_realm_at(policy, walk.actor)->parent);
    walk.service = policy_names_find_by(policy, event->service, hash);
    policy_decide_walk(&walk, decision);
}

void policy_would_connect(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *ret_decision)
{
    struct policy_decision decision = {.status = policy_check_realm(policy, event->actor)};
    if (decision.status == 0) {
        struct policy_walk walk = {.policy = policy,
                                   .actor = event->actor.index,
                                   .service = policy_names_find(policy, event->service)};
        policy_decide_walk(&walk, &decision);
    }
    *ret_decision = decision;
}

/* --- a realm and its child --- */

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
    policy_settle(decision, REALM_E_NOT_CHILD, POLICY_RULE_PARENT);
    if (could_be_child(policy, event->subject.index, event->actor.index)) {
        uint32_t declared = policy_declaration(policy, event->subject.index);
        decision->fix.kind = POLICY_FIX_PARENT;
        decision->fix.realm = policy_realm_handle(policy, declared);
    }
}

static bool is_child(const struct policy *policy, const struct policy_event *event)
{
    return policy_realm_at(policy, event->subject.index)->parent == event->actor.index;
}

/* Its parent, who holds its realm capability, and init. */
static bool may_manage(const struct policy *policy, const struct policy_event *event)
{
    uint32_t actor = event->actor.index, subject = event->subject.index;
    return actor == POLICY_INIT_REALM || is_child(policy, event) ||
           policy_holdings_find(policy, actor, POLICY_KIND_REALM, subject) != 0;
}

/* Whether the actor itself may do all that it would let its child do. */
static void check_holds(const struct policy *policy, const struct policy_event *event, uint32_t service,
                        struct policy_decision *decision)
{
    uint32_t actor = event->actor.index;
    policy_settle(decision, 0, POLICY_RULE_HOLDS);
    decision->place = policy_service_at(policy, service)->place;
    decision->rights = event->rights;
    if (policy_rules_is_provider(policy, actor, service))
        return;
    struct policy_walk walk = {.policy = policy, .actor = actor, .service = service};
    int status = policy_rules_connect(&walk);
    decision->place = walk.place;
    if (status == 0 && (event->rights & ~walk.rights) == 0)
        return;
    decision->rights = 0;
    decision->status = REALM_E_DENIED;
    if (walk.rule == POLICY_RULE_DEFAULT)
        suggest(policy, decision, POLICY_FIX_ACCESS, actor, service);
}

static void decide_grant(const struct policy *policy, const struct policy_event *event,
                         struct policy_decision *decision)
{
    uint32_t possible = policy_kind_rights(POLICY_KIND_SEND);
    if ((event->rights & ~possible) != 0 || (event->rights & REALM_RIGHT_SEND) == 0) {
        decision->status = REALM_E_BAD_ARGUMENT;
        return;
    }
    if (!is_child(policy, event)) {
        refuse_as_no_child(policy, event, decision);
        return;
    }
    uint32_t index = resolve(policy, event->service, decision);
    if (index == 0)
        return;
    const struct entry_record *deny = policy_denied(policy, index, event->subject.index);
    if (deny) {
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_DENY);
        decision->place = deny->place;
        return;
    }
    check_holds(policy, event, index, decision);
}

static void decide_revoke_child(const struct policy *policy, const struct policy_event *event,
                                struct policy_decision *decision)
{
    if (!may_manage(policy, event))
        refuse_as_no_child(policy, event, decision);
    else if (resolve(policy, event->service, decision) != 0)
        policy_settle(decision, 0, POLICY_RULE_PARENT);
}

static void check_start_quota(const struct policy *policy, uint32_t subject, struct policy_decision *decision)
{
    const struct realm_record *realm = policy_realm_at(policy, subject);
    const struct quota_demand demands[] = {
        {realm->parent, POLICY_REALMS, 1},
        {realm->parent, POLICY_CAPABILITIES, 1},
        {subject, POLICY_CAPABILITIES, policy_endowment(policy, subject)},
    };
    policy_quota_check(policy, demands, 3, decision);
}

static void decide_start(const struct policy *policy, const struct policy_event *event,
                         struct policy_decision *decision)
{
    const struct realm_record *subject = policy_realm_at(policy, event->subject.index);
    policy_settle(decision, 0, POLICY_RULE_PARENT);
    if (!is_child(policy, event) && event->actor.index != POLICY_INIT_REALM)
        refuse_as_no_child(policy, event, decision);
    else if (subject->running)
        policy_settle(decision, REALM_E_EXISTS, POLICY_RULE_RUNNING);
    else if (!policy_realm_at(policy, subject->parent)->running)
        policy_settle(decision, REALM_E_STALE, POLICY_RULE_NONE);
    else
        check_start_quota(policy, event->subject.index, decision);
}

static void decide_kill(const struct policy *policy, const struct policy_event *event,
                        struct policy_decision *decision)
{
    policy_settle(decision, 0, POLICY_RULE_PARENT);
    if (!may_manage(policy, event))
        refuse_as_no_child(policy, event, decision);
}

/* Nobody sets its own limits. */
static void decide_quota(const struct policy *policy, const struct policy_event *event,
                         struct policy_decision *decision)
{
    policy_settle(decision, 0, POLICY_RULE_PARENT);
    if ((unsigned)event->resource >= POLICY_RESOURCES)
        policy_settle(decision, REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    else if (!may_manage(policy, event) || event->subject.index == event->actor.index)
        refuse_as_no_child(policy, event, decision);
}

/* --- capabilities of one's own --- */

static void decide_allocate(const struct policy *policy, const struct policy_event *event,
                            struct policy_decision *decision)
{
    const struct quota_demand demands[] = {{event->actor.index, POLICY_CAPABILITIES, 1},
                                           {event->actor.index, POLICY_MEMORY, event->amount}};
    if (event->amount == 0 || event->amount % POLICY_PAGE_BYTES != 0)
        decision->status = REALM_E_BAD_ARGUMENT;
    else
        policy_quota_check(policy, demands, 2, decision);
}

/* What was derived and is dead counts until it is cleared away, as in quotas: so this looks at no more than
 * two records. */
static void decide_seal(const struct policy *policy, const struct policy_event *event,
                        struct policy_decision *decision)
{
    uint32_t index = policy_held_at(policy, event->actor.index, event->capability);
    policy_settle(decision, REALM_E_STALE, POLICY_RULE_OWNER);
    if (index == 0)
        return;
    const struct capability_record *record = policy_capability_at(policy, index);
    if (record->kind != POLICY_KIND_MEMORY)
        policy_settle(decision, REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    else if (policy_is_sealed(policy, record))
        policy_settle(decision, REALM_E_EXISTS, POLICY_RULE_SEAL);
    else if (record->parent != 0 || record->children != 0)
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_SEAL);
    else
        policy_settle(decision, 0, POLICY_RULE_OWNER);
}

static void decide_revoke(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *decision)
{
    uint32_t index = policy_held_at(policy, event->actor.index, event->capability);
    policy_settle(decision, 0, POLICY_RULE_OWNER);
    if (index == 0)
        policy_settle(decision, REALM_E_STALE, POLICY_RULE_OWNER);
    else if ((policy_capability_at(policy, index)->rights & REALM_RIGHT_REVOKE) == 0)
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_RIGHTS);
}

static bool is_of_wrong_kind(enum policy_event_kind event, uint32_t kind)
{
    return (event == POLICY_DISCONNECT && kind != POLICY_KIND_SEND) ||
           (event == POLICY_UNREGISTER && kind != POLICY_KIND_ENDPOINT);
}

/* What is stale and what is another's look the same to the asker: neither is its own. */
static void decide_delete(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *decision)
{
    uint32_t index = policy_held_at(policy, event->actor.index, event->capability);
    policy_settle(decision, REALM_E_STALE, POLICY_RULE_OWNER);
    if (index == 0)
        return;
    const struct capability_record *record = policy_capability_at(policy, index);
    bool holds_realm = record->kind == POLICY_KIND_REALM && record->parent == 0;
    if (is_of_wrong_kind(event->kind, record->kind))
        policy_settle(decision, REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    else if (holds_realm && policy_realm_at(policy, record->object)->running)
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_OWNER);
    else
        policy_settle(decision, 0, POLICY_RULE_OWNER);
}

static void decide_incapable(const struct policy *policy, const struct policy_event *event,
                             struct policy_decision *decision)
{
    bool gate = event->kind == POLICY_GATE;
    uint32_t held = policy_holdings_find(policy, event->actor.index,
                                         gate ? POLICY_KIND_GATE : POLICY_KIND_DEBUG, gate ? event->gate : 0);
    bool capable = held != 0 || event->actor.index == POLICY_INIT_REALM;
    policy_settle(decision, capable ? 0 : REALM_E_INCAPABLE, gate ? POLICY_RULE_GATE : POLICY_RULE_DEBUG);
}

static void decide_charge(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *decision)
{
    bool counted_here = event->resource != POLICY_DESCRIPTORS && event->resource != POLICY_REQUESTS;
    if (counted_here || (event->kind == POLICY_RELEASE &&
                         event->amount > policy_rest_at(policy, event->actor.index)->own[event->resource]))
        decision->status = REALM_E_BAD_ARGUMENT;
    else if (event->kind == POLICY_CHARGE)
        check_quota(policy, event->actor.index, event->resource, event->amount, decision);
}

static void decide_end(const struct policy *policy, const struct policy_event *event,
                       struct policy_decision *decision)
{
    const struct realm_record *realm = policy_realm_at(policy, event->actor.index);
    bool forgettable = realm->template_of != 0 && policy_rest_at(policy, event->actor.index)->children == 0;
    if (event->actor.index == POLICY_INIT_REALM || (event->remove && !forgettable))
        decision->status = REALM_E_BAD_ARGUMENT;
}

/* --- all events --- */

static void decide(const struct policy *policy, const struct policy_event *event,
                   struct policy_decision *decision)
{
    switch (event->kind) {
    case POLICY_REGISTER:
        decide_register(policy, event, decision);
        return;
    case POLICY_CREATE:
        check_quota(policy, event->actor.index, POLICY_CAPABILITIES, 1, decision);
        return;
    case POLICY_ALLOCATE:
        decide_allocate(policy, event, decision);
        return;
    case POLICY_SEAL:
        decide_seal(policy, event, decision);
        return;
    case POLICY_CONNECT: /* policy_decide */
        return;
    case POLICY_GRANT:
        decide_grant(policy, event, decision);
        return;
    case POLICY_DERIVE:
        policy_decide_derive(policy, event, decision);
        return;
    case POLICY_REVOKE:
        decide_revoke(policy, event, decision);
        return;
    case POLICY_REVOKE_CHILD:
        decide_revoke_child(policy, event, decision);
        return;
    case POLICY_DELETE:
    case POLICY_DISCONNECT:
    case POLICY_UNREGISTER:
        decide_delete(policy, event, decision);
        return;
    case POLICY_START:
        decide_start(policy, event, decision);
        return;
    case POLICY_KILL:
        decide_kill(policy, event, decision);
        return;
    case POLICY_QUOTA:
        decide_quota(policy, event, decision);
        return;
    case POLICY_GATE:
    case POLICY_LOOK:
        decide_incapable(policy, event, decision);
        return;
    case POLICY_CHARGE:
    case POLICY_RELEASE:
        decide_charge(policy, event, decision);
        return;
    case POLICY_END:
        decide_end(policy, event, decision);
        return;
    }
    decision->status = REALM_E_BAD_ARGUMENT;
}

void policy_decide(const struct policy *policy, const struct policy_event *event,
                   struct policy_decision *ret_decision)
{
    struct policy_decision decision = {0};
    if (event->kind == POLICY_CONNECT)
        decide_connect(policy, event, &decision);
    else if ((decision.status = check_realms(policy, event)) == 0)
        decide(policy, event, &decision);
    *ret_decision = decision;
}
