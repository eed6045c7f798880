/*
 * Before its box is shut a realm is not listened to: while its program loads it could still have files
 * opened for it, and so has no voice yet.
 */
#include <criterion/criterion.h>
#include <signal.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

static struct process *start_held(void)
{
    world.hold_loaded = true;
    world_start(&world);
    struct process *process = world_process(&world, "B");
    cr_assert_not_null(process);
    return process;
}

WORLD_TEST(loaded, nothing_is_read_before)
{
    /* A hello lies unread until LOADED comes, and then is answered as if it had just been said. */
    struct process *process = start_held();
    cr_expect_not_null(world_event(&world, "started", "realm", "B"));
    process_hello(process);
    world_advance(&world, 60 * REALM_SEC);
    cr_expect_null(process_letter(process, REALM_CONTROL_WELCOME, 1));
    cr_expect_null(world_event(&world, "opened", "realm", "B"));
    world_say_loaded(&world, process);
    world_settle(&world);
    process_pump(process);
    cr_expect_not_null(process_letter(process, REALM_CONTROL_WELCOME, 1));
    cr_expect_not_null(world_event(&world, "opened", "realm", "B"));
}

WORLD_TEST(loaded, an_exit_before_is_an_exit)
{
    /* A realm that ends while it loads has ended, whatever it had said. */
    struct process *process = start_held();
    process_hello(process);
    process_exit(process, SIGKILL);
    cr_expect_str_eq(event_text(world_event(&world, "terminated", "realm", "B"), "exit"), "SIGKILL");
    cr_expect_null(world_event(&world, "opened", "realm", "B"));
    cr_expect_eq(world_counts(&world).processes, 0);
}

WORLD_TEST(loaded, a_kill_before_is_a_kill)
{
    /* It can be killed while it loads; that its box is shut afterwards is no news of anybody. */
    struct process *process = start_held();
    broker_kill(world.broker, broker_find_realm(world.broker, "B"), BROKER_CAUSE_ADMIN);
    world_settle(&world);
    cr_expect_str_eq(event_text(world_event(&world, "terminated", "realm", "B"), "exit"), "SIGKILL");
    world_say_loaded(&world, process);
    world_settle(&world);
    cr_expect_eq(world_counts(&world).processes, 0);
    cr_expect_eq(world_counts(&world).sockets, 0);
}

WORLD_TEST(loaded, twice_is_once)
{
    /* LOADED for a realm that is being listened to changes nothing. */
    struct process *process = start_held();
    world_say_loaded(&world, process);
    world_say_loaded(&world, process);
    world_settle(&world);
    process_hello(process);
    cr_expect_not_null(process_letter(process, REALM_CONTROL_WELCOME, 1));
}

WORLD_TEST(loaded, boot_says_what_is_missing)
{
    /* This broker was told of no part: the boot event lists them all. */
    world_start(&world);
    const json_t *missing = json_object_get(world_event(&world, "booted", NULL, NULL), "missing");
    cr_assert_eq(json_array_size(missing), 6);
    cr_expect_str_eq(json_string_value(json_array_get(missing, 0)), "userns");
    cr_expect_str_eq(json_string_value(json_array_get(missing, 5)), "cgroup");
}
