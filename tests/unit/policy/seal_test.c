/*
 * SEAL: who may, when, and that nothing is written any more after it, at any depth.
 */
#include "tests/unit/policy/world.h"

#define FULL (REALM_RIGHT_READ | REALM_RIGHT_WRITE | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE)

/* A realm that allocated memory, and its child. */
struct sealing {
    struct world world;
    struct policy_realm owner, child;
    struct policy_capability memory;
};

static void sealing_init(struct sealing *s)
{
    world_init(&s->world);
    s->owner = realm_under(&s->world, s->world.init);
    s->child = realm_under(&s->world, s->owner);
    struct policy_event allocate = {.kind = POLICY_ALLOCATE, .actor = s->owner, .amount = 4 * 4096};
    s->memory = put(&s->world, allocate, NULL).capability;
}

static struct policy_event seal(struct policy_realm actor, struct policy_capability memory)
{
    return ending_event(POLICY_SEAL, actor, memory);
}

static struct policy_event copy(struct policy_realm actor, struct policy_capability source,
                                struct policy_realm target, uint32_t rights)
{
    return (struct policy_event){.kind = POLICY_DERIVE,
                                 .mode = POLICY_COPY,
                                 .actor = actor,
                                 .subject = target,
                                 .capability = source,
                                 .rights = rights,
                                 .window = {0, 4096}};
}

static struct policy_event move(struct policy_realm actor, struct policy_capability source,
                                struct policy_realm target)
{
    return (struct policy_event){
        .kind = POLICY_DERIVE, .mode = POLICY_MOVE, .actor = actor, .subject = target, .capability = source};
}

static void answered(struct sealing *s, struct policy_event event, int status, enum policy_rule rule)
{
    struct policy_decision decision = decide(&s->world, event);
    cr_assert_eq(decision.status, status, "%s", realm_error_name(decision.status));
    cr_assert_eq(decision.rule, rule, "%s", policy_rule_name(decision.rule));
}

static struct policy_capability_info info_of(struct sealing *s, struct policy_capability capability)
{
    struct policy_capability_info info;
    cr_assert(policy_capability_get(s->world.policy, capability, &info));
    return info;
}

/* Goal: the root loses WRITE and nothing else, and so does all that is derived from it later; what is derived
 * is as sealed as the root. */
Test(seal, takes_write_away)
{
    struct sealing s;
    sealing_init(&s);
    cr_assert_not(info_of(&s, s.memory).sealed);
    answered(&s, seal(s.owner, s.memory), 0, POLICY_RULE_OWNER);
    cr_assert_not(info_of(&s, s.memory).sealed, "decided is not done");
    put(&s.world, seal(s.owner, s.memory), NULL);
    cr_assert(info_of(&s, s.memory).sealed);
    cr_assert_eq(info_of(&s, s.memory).rights,
                 policy_kind_rights(POLICY_KIND_MEMORY) & ~(uint32_t)REALM_RIGHT_WRITE);
    answered(&s, copy(s.owner, s.memory, s.owner, FULL), REALM_E_DENIED, POLICY_RULE_RIGHTS);
    struct policy_capability below =
        put(&s.world, copy(s.owner, s.memory, s.child, FULL & ~(uint32_t)REALM_RIGHT_WRITE), NULL).capability;
    cr_assert(info_of(&s, below).sealed);
    answered(&s, copy(s.child, below, s.child, REALM_RIGHT_WRITE), REALM_E_DENIED, POLICY_RULE_RIGHTS);
    below = put(&s.world, copy(s.child, below, s.child, REALM_RIGHT_READ), NULL).capability;
    cr_assert(info_of(&s, below).sealed);
    world_deinit(&s.world);
}

/* Goal: who does not hold it is told nothing; what is no memory is no argument; twice is told as such, of
 * what was derived from it, too. */
Test(seal, refusals)
{
    struct sealing s;
    sealing_init(&s);
    struct policy_event create = {.kind = POLICY_CREATE, .actor = s.owner};
    struct policy_capability endpoint = put(&s.world, create, NULL).capability;
    answered(&s, seal(s.child, s.memory), REALM_E_STALE, POLICY_RULE_OWNER);
    answered(&s, seal(s.owner, no_capability), REALM_E_STALE, POLICY_RULE_OWNER);
    answered(&s, seal(s.owner, endpoint), REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    put(&s.world, seal(s.owner, s.memory), NULL);
    answered(&s, seal(s.owner, s.memory), REALM_E_EXISTS, POLICY_RULE_SEAL);
    struct policy_capability below =
        put(&s.world, copy(s.owner, s.memory, s.child, REALM_RIGHT_READ), NULL).capability;
    answered(&s, seal(s.child, below), REALM_E_EXISTS, POLICY_RULE_SEAL);
    put(&s.world, ending_event(POLICY_DELETE, s.owner, s.memory), NULL);
    answered(&s, seal(s.owner, s.memory), REALM_E_STALE, POLICY_RULE_OWNER);
    answered(&s, seal(s.child, below), REALM_E_STALE, POLICY_RULE_OWNER);
    world_deinit(&s.world);
}

/* Goal: what is derived cannot be sealed, nor what anything is derived from; what is dead counts until it is
 * cleared away, whichever way it went. */
Test(seal, only_what_is_nobody_elses)
{
    struct sealing s;
    sealing_init(&s);
    for (unsigned way = 0; way < 3; way++) {
        struct policy_capability below =
            put(&s.world, copy(s.owner, s.memory, s.child, FULL), NULL).capability;
        answered(&s, seal(s.child, below), REALM_E_DENIED, POLICY_RULE_SEAL);
        answered(&s, seal(s.owner, s.memory), REALM_E_DENIED, POLICY_RULE_SEAL);
        if (way == 0)
            put_only(&s.world, ending_event(POLICY_REVOKE, s.owner, s.memory));
        else if (way == 1)
            put_only(&s.world, ending_event(POLICY_DELETE, s.child, below));
        else
            put_only(&s.world, end_event(s.child, false));
        answered(&s, seal(s.owner, s.memory), REALM_E_DENIED, POLICY_RULE_SEAL);
        while (!policy_clear(s.world.policy, 1, NULL, NULL))
            ;
        answered(&s, seal(s.owner, s.memory), 0, POLICY_RULE_OWNER);
    }
    world_deinit(&s.world);
}

/* Goal: a root that was moved is its new holder's to seal, and nobody else's but init's; a sealed one can be
 * moved, and stays sealed. What it costs is what it cost. */
Test(seal, moved)
{
    struct sealing s;
    struct policy_usage before, after;
    sealing_init(&s);
    cr_assert_eq(policy_get_usage(s.world.policy, s.owner, POLICY_MEMORY, &before), 0);
    put(&s.world, move(s.owner, s.memory, s.child), NULL);
    answered(&s, seal(s.owner, s.memory), REALM_E_STALE, POLICY_RULE_OWNER);
    answered(&s, seal(s.world.init, s.memory), 0, POLICY_RULE_OWNER);
    put(&s.world, seal(s.child, s.memory), NULL);
    put(&s.world, move(s.child, s.memory, s.child), NULL);
    cr_assert(info_of(&s, s.memory).sealed);
    cr_assert_eq(policy_get_usage(s.world.policy, s.owner, POLICY_MEMORY, &after), 0);
    cr_assert_eq(after.use, before.use);
    put(&s.world, ending_event(POLICY_DELETE, s.child, s.memory), NULL);
    while (!policy_clear(s.world.policy, 1, NULL, NULL))
        ;
    cr_assert_eq(policy_get_usage(s.world.policy, s.owner, POLICY_MEMORY, &after), 0);
    cr_assert_eq(after.use, 0);
    world_deinit(&s.world);
}
