/*
 * GRANT: a parent lets its child connect to what it holds itself.
 */
#include <stdio.h>

#include "tests/unit/policy/world.h"

#include "librealm/core/siphash.h"
#include "mm/policy/grants.h"

struct home {
    struct world world;
    struct policy_realm server, parent, child, stranger;
    struct policy_service service;
};

static void home_init(struct home *home)
{
    struct world *world = &home->world;
    world_init(world);
    home->server = realm_under(world, world->init);
    home->parent = realm_under(world, world->init);
    home->child = realm_under(world, home->parent);
    home->stranger = realm_under(world, world->init);
    home->service = service_by(world, "vfs", home->server, 20);
}

static enum policy_rule rule_for(struct home *home, struct policy_realm realm)
{
    return foresee(&home->world, realm, "vfs").rule;
}

/* Goal: a parent that may connect may grant, also before the service is registered. */
Test(grant, by_one_who_may_connect)
{
    struct home home;
    home_init(&home);
    grant_to(&home.world, home.parent, home.service, REALM_RIGHT_SEND, 30);
    struct policy_event event = grant_event(home.parent, home.child, "vfs");
    struct policy_decision decision = decide(&home.world, event);
    cr_assert_eq(decision.status, 0);
    cr_assert_eq(decision.rule, POLICY_RULE_HOLDS);
    cr_assert_eq(decision.place.line, 30, "of the rule by which the parent holds it");
    cr_assert(same_service(decision.service, home.service));
    cr_assert_eq(rule_for(&home, home.child), POLICY_RULE_DEFAULT);
    put(&home.world, event, NULL);
    cr_assert_eq(rule_for(&home, home.child), POLICY_RULE_PARENT_GRANT);
    cr_assert_eq(decide(&home.world, connect_event(home.child, "vfs")).place.line, 0);
    world_deinit(&home.world);
}

/* Goal: the provider grants its own service; so does an instance of it. */
Test(grant, by_the_provider)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    struct policy_realm child = realm_under(world, home.server);
    struct policy_realm instance = instance_under(world, home.stranger, home.server);
    struct policy_realm its_child = realm_under(world, instance);
    cr_assert_eq(decide(world, grant_event(home.server, child, "vfs")).place.line, 20);
    put(world, grant_event(home.server, child, "vfs"), NULL);
    cr_assert_eq(rule_for(&home, child), POLICY_RULE_PARENT_GRANT);
    put(world, grant_event(instance, its_child, "vfs"), NULL);
    cr_assert_eq(rule_for(&home, its_child), POLICY_RULE_PARENT_GRANT);
    world_deinit(world);
}

/* Goal: nobody gives what it does not hold; the fix, applied, lets it. */
Test(grant, of_what_one_lacks)
{
    struct home home;
    home_init(&home);
    struct policy_event event = grant_event(home.parent, home.child, "vfs");
    struct policy_decision decision = decide(&home.world, event);
    cr_assert_eq(decision.status, REALM_E_DENIED);
    cr_assert_eq(decision.rule, POLICY_RULE_HOLDS);
    cr_assert_eq(decision.place.line, 20);
    cr_assert_eq(decision.fix.kind, POLICY_FIX_ACCESS);
    cr_assert(same_realm(decision.fix.realm, home.parent));
    access_for(&home.world, decision.fix.service, POLICY_MATCH_REALM, decision.fix.realm, 21);
    put(&home.world, event, NULL);
    world_deinit(&home.world);
}

/* Goal: only to one's own child: not to oneself, the parent, a sibling, a grandchild. */
Test(grant, to_what_is_no_child)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_ALL, no_realm, 21);
    struct policy_realm grandchild = realm_under(world, home.child);
    struct policy_realm others[] = {home.parent, world->init, home.stranger, grandchild};
    for (size_t i = 0; i < 4; i++) {
        struct policy_decision decision = decide(world, grant_event(home.parent, others[i], "vfs"));
        cr_assert_eq(decision.status, REALM_E_NOT_CHILD, "other %zu", i);
        cr_assert_eq(decision.rule, POLICY_RULE_PARENT);
        cr_assert_eq(decision.fix.kind, i < 2 ? POLICY_FIX_NONE : POLICY_FIX_PARENT, "other %zu", i);
    }
    struct policy_event by_init = grant_event(world->init, home.child, "vfs");
    cr_assert_eq(decide(world, by_init).status, REALM_E_NOT_CHILD, "init is no exception");
    world_deinit(world);
}

/* Goal: an undeclared service, rights other than SEND, and unknown children are refused. */
Test(grant, malformed)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_ALL, no_realm, 21);
    struct policy_decision decision = decide(world, grant_event(home.parent, home.child, "printer"));
    cr_assert_eq(decision.status, REALM_E_NO_SERVICE);
    cr_assert_eq(decision.rule, POLICY_RULE_DECLARED);
    cr_assert_eq(decision.fix.kind, POLICY_FIX_DECLARE);
    uint32_t rights[] = {0, REALM_RIGHT_RECV, REALM_RIGHT_SEND | REALM_RIGHT_RECV, UINT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        struct policy_event event = grant_event(home.parent, home.child, "vfs");
        event.rights = rights[i];
        cr_assert_eq(decide(world, event).status, REALM_E_BAD_ARGUMENT, "rights %x", (unsigned)rights[i]);
        cr_assert_eq(decide(world, event).rule, POLICY_RULE_NONE);
    }
    struct policy_realm forged = {home.child.index, home.child.generation + 1};
    cr_assert_eq(decide(world, grant_event(home.parent, forged, "vfs")).status, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(decide(world, grant_event(home.parent, no_realm, "vfs")).status, REALM_E_BAD_ARGUMENT);
    world_deinit(world);
}

/* Goal: granting twice is granting once: one END leaves nothing of it. */
Test(grant, twice)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_REALM, home.parent, 21);
    put(world, grant_event(home.parent, home.child, "vfs"), NULL);
    size_t bytes = world->memory.bytes;
    for (size_t i = 0; i < 1000; i++)
        put(world, grant_event(home.parent, home.child, "vfs"), NULL);
    cr_assert_eq(world->memory.bytes, bytes);
    put(world, end_event(home.child, false), NULL);
    cr_assert_eq(rule_for(&home, home.child), POLICY_RULE_DEFAULT);
    world_deinit(world);
}

/* Goal: a grant ends with the giver, ends with the receiver, and survives the end of the service. */
Test(grant, ends)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_REALM, home.parent, 21);
    struct policy_realm sibling = realm_under(world, home.parent);
    put(world, grant_event(home.parent, home.child, "vfs"), NULL);
    put(world, grant_event(home.parent, sibling, "vfs"), NULL);

    put(world, register_event(home.server, "vfs"), NULL);
    put(world, end_event(home.server, false), NULL);
    start(world, home.server);
    put(world, register_event(home.server, "vfs"), NULL);
    cr_assert_eq(rule_for(&home, home.child), POLICY_RULE_PARENT_GRANT);

    put(world, end_event(home.child, false), NULL);
    cr_assert_eq(rule_for(&home, home.child), POLICY_RULE_DEFAULT);
    cr_assert_eq(rule_for(&home, sibling), POLICY_RULE_PARENT_GRANT);

    put(world, grant_event(home.parent, home.child, "vfs"), NULL);
    put(world, end_event(home.parent, false), NULL);
    cr_assert_eq(rule_for(&home, home.child), POLICY_RULE_DEFAULT);
    cr_assert_eq(rule_for(&home, sibling), POLICY_RULE_DEFAULT);
    world_deinit(world);
}

/* Goal: a realm that takes the slot of a dead one inherits no grant from it. */
Test(grant, slot_reuse)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_REALM, home.parent, 21);
    struct policy_realm instance = instance_under(world, home.parent, home.child);
    put(world, grant_event(home.parent, instance, "vfs"), NULL);
    put(world, end_event(instance, true), NULL);
    struct policy_realm next = instance_under(world, home.parent, home.child);
    cr_assert_eq(next.index, instance.index);
    cr_assert_neq(next.generation, instance.generation);
    cr_assert_eq(rule_for(&home, next), POLICY_RULE_DEFAULT);
    world_deinit(world);
}

/* Goal: what a child was granted it may grant on; a grant of a grant outlives neither of its two realms. */
Test(grant, on_and_on)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_REALM, home.parent, 21);
    struct policy_realm grandchild = realm_under(world, home.child);
    put(world, grant_event(home.parent, home.child, "vfs"), NULL);
    put(world, grant_event(home.child, grandchild, "vfs"), NULL);
    cr_assert_eq(rule_for(&home, grandchild), POLICY_RULE_PARENT_GRANT);
    put(world, end_event(home.child, false), NULL);
    cr_assert_eq(rule_for(&home, grandchild), POLICY_RULE_DEFAULT);
    world_deinit(world);
}

/* Goal: a grant to a template reaches those of its instances that are the giver's own children. */
Test(grant, to_a_template)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    access_for(world, home.service, POLICY_MATCH_REALM, home.parent, 21);
    struct policy_realm own = instance_under(world, home.parent, home.child);
    struct policy_realm foreign = instance_under(world, home.stranger, home.child);
    put(world, grant_event(home.parent, home.child, "vfs"), NULL);
    cr_assert_eq(rule_for(&home, own), POLICY_RULE_PARENT_GRANT);
    cr_assert_eq(rule_for(&home, foreign), POLICY_RULE_DEFAULT);
    put(world, end_event(own, false), NULL);
    cr_assert_eq(rule_for(&home, own), POLICY_RULE_PARENT_GRANT, "it was not this instance's own");
    put(world, end_event(home.parent, false), NULL);
    cr_assert_eq(rule_for(&home, own), POLICY_RULE_DEFAULT);
    world_deinit(world);
}

/*
 * Goal: grants whose hashes collide are told apart. Among so many realms, granted every other one, some pairs
 * do collide in 32 bits (n * n / 2 / 2^32: about ten).
 */
Test(grant, colliding_realms)
{
    enum { MANY = 300000 };
    static struct policy_realm realms[MANY];
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    for (size_t i = 0; i < MANY; i++) {
        struct policy_declaration declaration = declaration_of("realm", world->init, no_realm);
        cr_assert_eq(policy_add_realm(world->policy, &declaration, &realms[i]), 0);
        if (i % 2 == 0)
            grant_to(world, realms[i], home.service, REALM_RIGHT_SEND, 30);
    }
    for (size_t i = 0; i < MANY; i++) {
        enum policy_rule expected = i % 2 == 0 ? POLICY_RULE_CONFIG_GRANT : POLICY_RULE_DEFAULT;
        cr_assert(rule_for(&home, realms[i]) == expected, "realm %zu", i);
    }
    world_deinit(world);
}

/* Goal: the same for services that collide: what was granted for one is not granted for another. */
Test(grant, colliding_services)
{
    enum { MANY = 200000 };
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    char name[16] = "a";
    for (uint32_t i = 0; i < MANY; i++) {
        memcpy(name + 1, &i, sizeof i);
        struct policy_service service;
        cr_assert_eq(policy_add_service(world->policy, (struct policy_name){name, 1 + sizeof i}, home.server,
                                        (struct policy_place){1, 1}, &service),
                     0);
        if (i % 2 == 0)
            grant_to(world, home.parent, service, REALM_RIGHT_SEND, 30);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        memcpy(name + 1, &i, sizeof i);
        struct policy_event event = {
            .kind = POLICY_CONNECT, .actor = home.parent, .service = {name, 1 + sizeof i}};
        enum policy_rule expected = i % 2 == 0 ? POLICY_RULE_CONFIG_GRANT : POLICY_RULE_DEFAULT;
        cr_assert(decide(world, event).rule == expected, "service %u", i);
    }
    world_deinit(world);
}

/* Goal: forty grants with nothing else between: each has made its own room. */
Test(grant, many_in_a_row)
{
    enum { MANY = 40 };
    struct home home;
    home_init(&home);
    struct policy_realm children[MANY];
    for (size_t i = 0; i < MANY; i++)
        children[i] = realm_under(&home.world, home.parent);
    grant_to(&home.world, home.parent, home.service, REALM_RIGHT_SEND, 30);
    for (size_t i = 0; i < MANY; i++)
        put_only(&home.world, grant_event(home.parent, children[i], "vfs"));
    for (size_t i = 0; i < MANY; i++)
        cr_assert_eq(rule_for(&home, children[i]), POLICY_RULE_PARENT_GRANT);
    world_deinit(&home.world);
}

/* Goal: `grants` takes realms and paths only; no list takes rights without SEND, or such as no send has. */
Test(grant, what_a_list_takes)
{
    struct home home;
    home_init(&home);
    static const enum policy_match others[] = {POLICY_MATCH_CHILDREN, POLICY_MATCH_DESCENDANTS,
                                               POLICY_MATCH_ALL};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct policy_entry entry = entry_of(others[i], no_realm, REALM_RIGHT_SEND, 9);
        cr_assert_eq(policy_add_grant(home.world.policy, home.service, &entry), REALM_E_BAD_ARGUMENT);
    }
    struct policy_entry entry = entry_of(POLICY_MATCH_ALL, no_realm, REALM_RIGHT_GRANT, 9);
    cr_assert_eq(policy_add_access(home.world.policy, home.service, &entry), REALM_E_BAD_ARGUMENT);
    entry.rights = REALM_RIGHT_SEND | REALM_RIGHT_RECV;
    cr_assert_eq(policy_add_access(home.world.policy, home.service, &entry), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(rule_for(&home, home.parent), POLICY_RULE_DEFAULT);
    world_deinit(&home.world);
}

/* Goal: what an entry does not use is not looked at: a pattern that is no memory, where it is about all. */
Test(grant, unused_pattern)
{
    struct home home;
    home_init(&home);
    struct policy_entry entry = entry_of(POLICY_MATCH_ALL, home.parent, REALM_RIGHT_SEND, 9);
    entry.pattern = (struct policy_name){NULL, 5};
    size_t blocks = home.world.memory.blocks;
    cr_assert_eq(policy_add_access(home.world.policy, home.service, &entry), 0);
    cr_assert_eq(home.world.memory.blocks, blocks + 1, "the list, and no pattern");
    cr_assert_eq(rule_for(&home, home.stranger), POLICY_RULE_ACCESS_ALL);
    world_deinit(&home.world);
}

/* Goal: what parents have granted can be looked at, each once, as long as it holds: until it is taken back,
 * or either of the two ends. */
Test(grant, looked_at)
{
    struct home home;
    home_init(&home);
    struct world *world = &home.world;
    struct policy_realm child = realm_under(world, home.server), other = realm_under(world, home.server);
    struct policy_parent_grant grant;
    uint32_t cursor = 0;
    cr_assert(!policy_next_parent_grant(world->policy, &cursor, &grant));
    put(world, grant_event(home.server, child, "vfs"), NULL);
    put(world, grant_event(home.server, child, "vfs"), NULL); /* takes the place of the first */
    put(world, grant_event(home.server, other, "vfs"), NULL);
    unsigned count = 0, of_child = 0;
    for (cursor = 0; policy_next_parent_grant(world->policy, &cursor, &grant); count++) {
        cr_assert(same_service(grant.service, home.service));
        cr_assert_eq(grant.giver.index, home.server.index);
        cr_assert_eq(grant.rights, REALM_RIGHT_SEND);
        of_child += grant.realm.index == child.index;
    }
    cr_assert_eq(count, 2);
    cr_assert_eq(of_child, 1);
    put(world, (struct policy_event){.kind = POLICY_END, .actor = child}, NULL);
    cursor = 0;
    cr_assert(policy_next_parent_grant(world->policy, &cursor, &grant));
    cr_assert_eq(grant.realm.index, other.index);
    cr_assert(!policy_next_parent_grant(world->policy, &cursor, &grant));
    world_deinit(&home.world);
}

/* Goal: a grant whose hash is that of another about the same realm is not that other. The key was searched
 * for one under which two of the first services collide for the first realm. */
Test(grant, that_collides)
{
    static const uint8_t key[16] = {0xa9, 0x4d, 0x29};
    enum { ONE = 18, OTHER = 31 };
    struct world world;
    world_init_keyed(&world, key);
    struct policy_realm child = realm_under(&world, world.init);
    char names[OTHER + 1][16];
    for (uint32_t i = 1; i <= OTHER; i++) {
        snprintf(names[i], sizeof names[i], "service-%u", i);
        cr_assert_eq(service_by(&world, names[i], world.init, i).index, i);
    }
    uint32_t one[] = {child.index, ONE}, other[] = {child.index, OTHER};
    uint32_t hash = (uint32_t)realm_siphash(key, one, sizeof one);
    cr_assert_eq(hash, (uint32_t)realm_siphash(key, other, sizeof other), "they collide");
    for (size_t round = 0; round < 2; round++) {
        put(&world, grant_event(world.init, child, names[round ? OTHER : ONE]), NULL);
        uint32_t of_one = policy_grants_find(world.policy, child.index, ONE, hash).by_parent;
        uint32_t of_other = policy_grants_find(world.policy, child.index, OTHER, hash).by_parent;
        cr_assert_neq(of_one, 0);
        cr_assert_eq(of_other != 0, round == 1);
        cr_assert_neq(of_one, of_other);
    }
    put(&world, revoke_child_event(world.init, child, names[ONE]), NULL);
    cr_assert_eq(policy_grants_find(world.policy, child.index, ONE, hash).by_parent, 0);
    cr_assert_neq(policy_grants_find(world.policy, child.index, OTHER, hash).by_parent, 0);
    world_deinit(&world);
}
