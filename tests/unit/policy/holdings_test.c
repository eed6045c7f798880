/*
 * Holdings: found by hash, and told apart by what they are about.
 */
#include "tests/unit/policy/world.h"

#include "librealm/core/siphash.h"
#include "mm/policy/holdings.h"

static uint32_t hash_of(const uint8_t key[16], uint32_t holder, enum policy_kind kind, uint32_t object)
{
    uint32_t about[] = {holder, (uint32_t)kind, object};
    return (uint32_t)realm_siphash(key, about, sizeof about);
}

static void add_and_start(struct world *world, uint32_t index, bool started)
{
    struct policy_declaration declaration = declaration_of("realm", world->init, no_realm);
    struct policy_realm realm;
    cr_assert_eq(policy_add_realm(world->policy, &declaration, &realm), 0);
    cr_assert_eq(realm.index, index);
    if (started)
        put_only(world, child_event(POLICY_START, world->init, realm));
}

/*
 * Goal: of holdings whose hashes collide the right one is found, and none that is not held. The keys were
 * searched for one under which init's capabilities for two of the first realms collide, and one for a realm's
 * and a name's.
 */
Test(holdings, that_collide)
{
    static const struct {
        uint8_t key[16];
        uint32_t held;
        enum policy_kind kind; /* of the other, which init does not hold */
        uint32_t object;
    } cases[] = {
        {{0x77, 0xef, 0x44}, 2, POLICY_KIND_REALM, 9},
        {{0x77, 0xef, 0x44}, 9, POLICY_KIND_REALM, 2},
        {{0xb5, 0x9c, 0x4b}, 25, POLICY_KIND_NAME, 11},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        world_init_keyed(&world, cases[i].key);
        for (uint32_t index = 2; index <= 25; index++)
            add_and_start(&world, index, index == cases[i].held);
        cr_assert_eq(hash_of(cases[i].key, world.init.index, POLICY_KIND_REALM, cases[i].held),
                     hash_of(cases[i].key, world.init.index, cases[i].kind, cases[i].object), "they collide");
        uint32_t found =
            policy_holdings_find(world.policy, world.init.index, POLICY_KIND_REALM, cases[i].held);
        cr_assert_neq(found, 0);
        cr_assert_eq(policy_capability_at(world.policy, found)->object, cases[i].held);
        cr_assert_eq(policy_holdings_find(world.policy, world.init.index, cases[i].kind, cases[i].object), 0);
        world_deinit(&world);
    }
}

/* Goal: two that collide and are both held are each found, and the one that is left when the other goes. */
Test(holdings, both_of_two_that_collide)
{
    static const uint8_t key[16] = {0x77, 0xef, 0x44};
    struct world world;
    world_init_keyed(&world, key);
    for (uint32_t index = 2; index <= 9; index++)
        add_and_start(&world, index, true);
    for (uint32_t index = 2; index <= 9; index += 7) {
        uint32_t found = policy_holdings_find(world.policy, world.init.index, POLICY_KIND_REALM, index);
        cr_assert_eq(policy_capability_at(world.policy, found)->object, index);
    }
    put(&world, end_event((struct policy_realm){2, 1}, false), NULL);
    cr_assert_eq(policy_holdings_find(world.policy, world.init.index, POLICY_KIND_REALM, 2), 0);
    uint32_t left = policy_holdings_find(world.policy, world.init.index, POLICY_KIND_REALM, 9);
    cr_assert_eq(policy_capability_at(world.policy, left)->object, 9);
    world_deinit(&world);
}
