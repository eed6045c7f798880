/*
 * The policy engine against the oracle: random systems, random sequences of events, many of them nonsense.
 * After each event the two agree on the decision, on what lives, on who uses how much; and what clearing
 * reports, the oracle allows to be reported. (`realm fuzz` does the same for longer, and with coverage.)
 */
#include "tests/property/policy_pair.h"

#define SEQUENCES 1500
#define EVENTS    100

static void hold_same_answer(struct pair *pair, const struct policy_decision *real,
                             const struct oracle_answer *expected)
{
    cr_assert(real->status == pair_status(expected->status),
              "seed %llu, step %zu, event %d: the engine says %s by %s, the oracle %s by %s",
              (unsigned long long)pair->seed, pair->step, (int)pair->event.kind,
              realm_error_name(real->status), policy_rule_name(real->rule),
              realm_error_name(pair_status(expected->status)), expected->rule);
    HOLD(pair,
         strcmp(real->rule == POLICY_RULE_NONE ? "" : policy_rule_name(real->rule), expected->rule) == 0);
    if (pair->event.kind == ORACLE_CONNECT && real->status == 0)
        HOLD(pair, real->rights == pair_rights(expected->rights));
    if (real->status == REALM_E_LIMIT && real->rule == POLICY_RULE_QUOTA) {
        HOLD(pair, same_realm(real->quota.realm, pair->realms[expected->limiting]));
        HOLD(pair, real->quota.resource == (enum policy_resource)expected->resource);
        HOLD(pair, real->quota.limit == expected->limit && real->quota.use == expected->use);
    }
}

static void hold_same_capability(struct pair *pair, size_t i)
{
    const struct oracle_capability *expected = &pair->oracle.capabilities[i];
    struct policy_capability_info info, parent;
    bool live = policy_capability_get(pair->policy, pair->capabilities[i], &info);
    HOLD(pair, live == (expected->state == ORACLE_LIVE));
    if (!live)
        return;
    HOLD(pair, info.kind == (enum policy_kind)((int)expected->kind + 1));
    HOLD(pair, info.rights == pair_rights(expected->rights));
    HOLD(pair, same_realm(info.holder, pair->realms[expected->holder]));
    HOLD(pair, info.badge == expected->badge);
    HOLD(pair, info.window.size == expected->size && info.window.offset == expected->offset);
    HOLD(pair, (info.parent.index == 0) == (expected->parent == ORACLE_NONE));
    if (expected->parent != ORACLE_NONE) {
        HOLD(pair, same_capability(info.parent, pair->capabilities[expected->parent]));
        HOLD(pair, policy_capability_get(pair->policy, info.parent, &parent));
        HOLD(pair, info.kind != parent.kind || (info.rights & ~parent.rights) == 0);
    }
}

static void hold_same_world(struct pair *pair)
{
    size_t live = 0, seen = 0;
    for (size_t i = 0; i < pair->oracle.capabilities_count; i++) {
        hold_same_capability(pair, i);
        live += pair->oracle.capabilities[i].state == ORACLE_LIVE;
    }
    struct policy_capability_info info;
    for (uint32_t cursor = 0; policy_next_capability(pair->policy, &cursor, &info);)
        seen++;
    HOLD(pair, seen == live);
    for (size_t i = 0; i < pair->oracle.realms_count; i++) {
        if (pair->oracle.removed[i])
            continue;
        for (unsigned resource = 0; resource < POLICY_RESOURCES; resource++) {
            struct policy_usage usage;
            HOLD(pair, policy_get_usage(pair->policy, pair->realms[i], (enum policy_resource)resource,
                                        &usage) == 0);
            HOLD(pair, usage.use == oracle_use(&pair->oracle, (int)i, (enum oracle_resource)resource));
        }
        HOLD(pair, i == 0 || policy_running(pair->policy, pair->realms[i]) == pair->oracle.running[i]);
    }
}

static void cleared(void *context, const struct policy_capability_info *info)
{
    struct pair *pair = context;
    int number = pair_number(pair, info->capability);
    HOLD(pair, number != ORACLE_NONE && oracle_may_clear(&pair->oracle, number));
    struct oracle_event event = {.kind = ORACLE_CLEARED, .source = number};
    oracle_apply(&pair->oracle, &event);
}

static void put_both(struct pair *pair)
{
    struct policy_event event;
    struct policy_decision real;
    struct oracle_answer expected;
    struct policy_outcome outcome;
    pair_translate(pair, &event);
    oracle_decide(&pair->oracle, &pair->event, &expected);
    HOLD(pair, policy_reserve(pair->policy, &event) == 0);
    policy_decide(pair->policy, &event, &real);
    hold_same_answer(pair, &real, &expected);
    pair->put++;
    pair->allowed += real.status == 0;
    if (real.status != 0)
        return;
    size_t before = pair->oracle.capabilities_count;
    policy_apply(pair->policy, &event, &real, &outcome);
    oracle_apply(&pair->oracle, &pair->event);
    pair_name_new(pair, before, &outcome);
}

static void run(struct pair *pair, uint64_t seed)
{
    pair_init(pair, seed);
    for (pair->step = 0; pair->step < EVENTS && oracle_has_room(&pair->oracle); pair->step++) {
        size_t choice = random_below(&pair->random, 20);
        if (choice == 0 && pair->step >= PAIR_DECLARED)
            pair_add_instance(pair);
        else if (choice <= 2)
            policy_clear(pair->policy, random_below(&pair->random, 6), cleared, pair);
        else {
            pair_draw(pair);
            put_both(pair);
        }
        hold_same_world(pair);
    }
    while (!policy_clear(pair->policy, 1 + random_below(&pair->random, 9), cleared, pair)) {
    }
    hold_same_world(pair);
    for (size_t i = 0; i < pair->oracle.capabilities_count; i++)
        HOLD(pair, pair->oracle.capabilities[i].state != ORACLE_DEAD);
    policy_free(pair->policy);
}

/* Goal: whatever happens, in whatever order, engine and oracle tell the same story. */
Test(policy, agrees_with_the_oracle, .timeout = 240)
{
    static struct pair pair;
    size_t allowed = 0, events = 0;
    for (uint64_t seed = 1; seed <= SEQUENCES; seed++) {
        run(&pair, seed);
        allowed += pair.allowed;
        events += pair.put;
    }
    cr_assert_gt(allowed, events * 3 / 10, "too much nonsense: %zu of %zu", allowed, events);
}
