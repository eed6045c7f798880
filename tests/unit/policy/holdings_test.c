/*
 * Holdings: found by hash, and told apart by what they are about.
 */
#include "tests/unit/policy/world.h"

#include "mm/policy/holdings.h"

/*
 * Goal: of holdings whose hashes collide the right one is found. So many that some of those that are held
 * collide in 32 bits with some that are asked for and are not held (200000 * 200000 / 2^32: about nine), by
 * their object as well as by their kind.
 */
Test(holdings, that_collide)
{
    enum { MANY = 200000 };
    static struct policy_realm realms[MANY];
    struct world world;
    world_init(&world);
    for (size_t i = 0; i < MANY; i++) {
        struct policy_declaration declaration = declaration_of("realm", world.init, no_realm);
        cr_assert_eq(policy_add_realm(world.policy, &declaration, &realms[i]), 0);
        put_only(&world, child_event(POLICY_START, world.init, realms[i]));
    }
    for (uint32_t i = 0; i < MANY; i++) {
        uint32_t found =
            policy_holdings_find(world.policy, world.init.index, POLICY_KIND_REALM, realms[i].index);
        cr_assert_eq(policy_capability_at(world.policy, found)->object, realms[i].index);
        uint32_t never = realms[MANY - 1].index + 1 + i;
        cr_assert_eq(policy_holdings_find(world.policy, world.init.index, POLICY_KIND_REALM, never), 0);
        cr_assert_eq(policy_holdings_find(world.policy, world.init.index, POLICY_KIND_NAME, never), 0);
    }
    world_deinit(&world);
}
