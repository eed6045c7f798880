/*
 * Deciding a DERIVE: nine checks, in the order of the law (docs/design/capabilities.md, 5).
 */
#include "mm/policy/decide.h"

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/entries.h"
#include "mm/policy/live.h"
#include "mm/policy/quota.h"

/* What the new capability would be. */
struct derivation {
    const struct policy *policy;
    const struct policy_event *event;
    uint32_t source, target;
    const struct capability_record *record; /* of the source */
    enum policy_kind kind;
    uint32_t rights;
    struct policy_window window;
};

static int check_target(const struct policy *policy, struct policy_realm target)
{
    int status = policy_check_realm(policy, target);
    if (status == 0 && !policy_realm_at(policy, target.index)->running)
        status = REALM_E_STALE;
    return status;
}

static bool is_channel_kind(enum policy_kind kind)
{
    return kind == POLICY_KIND_ENDPOINT || kind == POLICY_KIND_SEND;
}

static bool window_makes_sense(struct policy_window window)
{
    return window.size > 0 && window.size % POLICY_PAGE_BYTES == 0 &&
           window.offset % POLICY_PAGE_BYTES == 0 && window.offset <= UINT64_MAX - window.size;
}

/* Fills in kind, rights and window. Return: whether the arguments make sense together. */
static bool read_arguments(struct derivation *derivation)
{
    const struct policy_event *event = derivation->event;
    const struct capability_record *source = derivation->record;
    enum policy_kind kind = (enum policy_kind)source->kind;
    bool no_window = event->window.offset == 0 && event->window.size == 0;
    derivation->kind = kind == POLICY_KIND_ENDPOINT ? POLICY_KIND_SEND : kind;
    derivation->rights = event->rights;
    derivation->window = event->window;
    if (event->mode == POLICY_MOVE) {
        derivation->rights = source->rights;
        derivation->window = source->window;
        return event->rights == 0 && event->badge == 0 && no_window && kind != POLICY_KIND_ENDPOINT;
    }
    if (event->rights == 0 || (event->rights & ~policy_kind_rights(derivation->kind)) != 0)
        return false;
    if (kind == POLICY_KIND_MEMORY ? !window_makes_sense(event->window) : !no_window)
        return false;
    if (event->mode == POLICY_MINT)
        return is_channel_kind(kind) && event->badge >= 1 && event->badge <= POLICY_BADGE_MAX;
    return event->mode == POLICY_COPY && event->badge == 0;
}

/* The actor itself, its child, or the realm at the other end of `via`. */
static bool is_in_reach(const struct derivation *derivation)
{
    const struct policy *policy = derivation->policy;
    uint32_t actor = derivation->event->actor.index, target = derivation->target;
    if (target == actor || policy_realm_at(policy, target)->parent == actor)
        return true;
    uint32_t via = policy_live_at(policy, derivation->event->via);
    if (via == 0 || policy_capability_at(policy, via)->kind != POLICY_KIND_SEND)
        return false;
    uint32_t client = policy_capability_at(policy, via)->holder;
    uint32_t server = policy_capability_at(policy, policy_capability_at(policy, via)->root)->holder;
    return (actor == client && target == server) || (actor == server && target == client);
}

static uint32_t possible_rights(const struct capability_record *source)
{
    if (source->kind != POLICY_KIND_ENDPOINT)
        return source->rights;
    return REALM_RIGHT_SEND | (source->rights & ~REALM_RIGHT_RECV);
}

static bool is_within(struct policy_window inner, struct policy_window outer)
{
    return inner.offset >= outer.offset && inner.offset - outer.offset <= outer.size &&
           inner.size <= outer.size - (inner.offset - outer.offset);
}

/* Checks 5 and 6. */
static bool check_rights(const struct derivation *derivation, struct policy_decision *decision)
{
    const struct capability_record *source = derivation->record;
    const struct policy_event *event = derivation->event;
    bool gives = derivation->target != event->actor.index;
    if ((gives && (source->rights & REALM_RIGHT_GRANT) == 0) ||
        (event->mode == POLICY_MINT && (source->rights & REALM_RIGHT_MINT) == 0) ||
        (derivation->rights & ~possible_rights(source)) != 0) {
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_RIGHTS);
        return false;
    }
    if (source->kind == POLICY_KIND_MEMORY && !is_within(derivation->window, source->window)) {
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_WINDOW);
        return false;
    }
    return true;
}

static bool check_denied(const struct derivation *derivation, struct policy_decision *decision)
{
    const struct policy *policy = derivation->policy;
    const struct capability_record *source = derivation->record;
    if (derivation->kind != POLICY_KIND_SEND)
        return true;
    const struct entry_record *deny =
        source->object != 0 ? policy_denied(policy, source->object, derivation->target) : NULL;
    if (deny) {
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_DENY);
        decision->place = deny->place;
        return false;
    }
    if (policy_capability_at(policy, source->root)->holder == derivation->target) {
        policy_settle(decision, REALM_E_DENIED, POLICY_RULE_SELF);
        return false;
    }
    return true;
}

static void check_quota(const struct derivation *derivation, struct policy_decision *decision)
{
    struct quota_demand demands[2] = {{derivation->target, POLICY_CAPABILITIES, 1}};
    size_t count = 1;
    if (derivation->event->mode == POLICY_MOVE && derivation->event->actor.index == derivation->target)
        return;
    if (derivation->kind == POLICY_KIND_SEND)
        demands[count++] = (struct quota_demand){derivation->target, POLICY_CHANNELS, 1};
    policy_quota_check(derivation->policy, demands, count, decision);
}

/* A fresh badge is wanted, and all have been given. */
static bool lacks_badge(const struct derivation *derivation)
{
    return derivation->event->mode == POLICY_COPY && derivation->record->kind == POLICY_KIND_ENDPOINT &&
           derivation->policy->badges >= POLICY_BADGE_MAX;
}

static void decide_rest(struct derivation *derivation, struct policy_decision *decision)
{
    const struct policy *policy = derivation->policy;
    if (!read_arguments(derivation)) {
        decision->status = REALM_E_BAD_ARGUMENT;
        return;
    }
    if (!is_in_reach(derivation)) {
        policy_settle(decision, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
        return;
    }
    if (!check_rights(derivation, decision) || !check_denied(derivation, decision))
        return;
    bool deepens = derivation->event->mode != POLICY_MOVE;
    if (deepens && policy_generations(policy, derivation->source) >= POLICY_DEPTH_MAX) {
        policy_settle(decision, REALM_E_LIMIT, POLICY_RULE_DEPTH);
        return;
    }
    if (lacks_badge(derivation)) {
        policy_settle(decision, REALM_E_LIMIT, POLICY_RULE_QUOTA);
        return;
    }
    policy_settle(decision, 0, POLICY_RULE_OWNER);
    decision->rights = derivation->rights;
    check_quota(derivation, decision);
}

void policy_decide_derive(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *decision)
{
    uint32_t source = policy_held_at(policy, event->actor.index, event->capability);
    if (source == 0) {
        policy_settle(decision, REALM_E_STALE, POLICY_RULE_OWNER);
        return;
    }
    decision->status = check_target(policy, event->subject);
    if (decision->status)
        return;
    struct derivation derivation = {.policy = policy,
                                    .event = event,
                                    .source = source,
                                    .target = event->subject.index,
                                    .record = policy_capability_at(policy, source)};
    decide_rest(&derivation, decision);
    if (decision->status)
        decision->rights = 0;
}
