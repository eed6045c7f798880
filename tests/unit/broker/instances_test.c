/*
 * Instances below instances: they may spawn, they end together, and nothing of them stays.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

/* u1, an instance of U; t1 and t2, instances of T under it. */
static struct process *open_family(void)
{
    world.realms[A].start = true; /* keeps the system going */
    world.realms[T].parent = U;
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "U", "u1"), 0);
    struct process *parent = world_open(&world, "u1");
    cr_assert_eq(process_spawn(parent, "T", "t1", 50), 0);
    cr_assert_eq(process_spawn(parent, "T", "t2", 51), 0);
    return parent;
}

WORLD_TEST(instances, a_family_ends_with_its_parent)
{
    /* The parent's exit ends its children, and when they are reaped all three records are gone. */
    struct process *parent = open_family();
    cr_expect_eq(broker_realm_children(broker_find_realm(world.broker, "u1")), 2);
    struct process *t1 = world_process(&world, "t1");
    t1->orphan = true; /* it takes its time to die */
    process_exit(parent, 0);
    cr_expect_not_null(broker_find_realm(world.broker, "u1"), "its child still runs");
    cr_expect_null(broker_find_realm(world.broker, "t2"));
    process_exit(t1, 9);
    cr_expect_null(broker_find_realm(world.broker, "t1"));
    cr_expect_null(broker_find_realm(world.broker, "u1"));
    cr_expect_eq(world_counts(&world).records, WORLD_REALMS);
}

WORLD_TEST(instances, all_at_once)
{
    /* Killed in one round, parent and children are forgotten in one round: no order leaves one behind. */
    open_family();
    broker_kill(world.broker, broker_find_realm(world.broker, "u1"), BROKER_CAUSE_ADMIN);
    world_settle(&world);
    cr_expect_eq(world_counts(&world).records, WORLD_REALMS);
    cr_assert_eq(world_spawn(&world, "U", "u1"), 0);
    cr_expect_eq(process_spawn(world_open(&world, "u1"), "T", "t1", 60), 0);
}

WORLD_TEST(instances, an_instance_cannot_reach_its_siblings_children)
{
    /* Both may spawn from the template; neither may kill what the other has spawned. */
    open_family();
    cr_assert_eq(world_spawn(&world, "U", "u2"), 0);
    struct process *other = world_open(&world, "u2");
    cr_expect_eq(process_named(other, REALM_CONTROL_KILL, "t1", 0, 70), REALM_E_NOT_CHILD);
    cr_expect_eq(process_spawn(other, "T", "t3", 71), 0);
    cr_expect_eq(process_named(other, REALM_CONTROL_KILL, "t3", 0, 72), 0);
    cr_expect_not_null(world_process(&world, "t1"));
    cr_expect_null(world_process(&world, "t3"));
}
