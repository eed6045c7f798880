/*
 * Limits of the broker as a whole: what happens at them, and that it goes on afterwards.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/resource.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

WORLD_TEST(limits, records)
{
    /* Instances are counted with the declarations; when some have ended there is room again. */
    world_start(&world);
    world.hold_spawns = true;
    struct broker_realm *realm;
    char name[16];
    struct broker_spawn spawn = {.program = "U", .name = name};
    int error = 0;
    unsigned count = 0;
    for (; count <= BROKER_RECORDS_MAX; count++) {
        snprintf(name, sizeof(name), "u%u", count);
        error = broker_spawn(world.broker, &spawn, &realm);
        if (error)
            break;
        if (count % 500 == 0)
            world_settle(&world); /* the queue to the launcher has a limit of its own */
    }
    cr_expect_eq(error, REALM_E_LIMIT);
    cr_expect_eq(count, BROKER_RECORDS_MAX - WORLD_REALMS);
    cr_expect_eq(world_counts(&world).records, BROKER_RECORDS_MAX);
}

WORLD_TEST(limits, waits)
{
    /* 4096 connects of all realms together may wait; the next is answered at once. */
    world.services[DATABASE].access[0].kind = MM_ACCESS_ALL;
    world_start(&world);
    char name[16];
    struct process *last = NULL;
    for (unsigned i = 0; i <= BROKER_WAITS_MAX / BROKER_REALM_WAITS; i++) {
        snprintf(name, sizeof(name), "u%u", i);
        cr_assert_eq(world_spawn(&world, "U", name), 0);
        last = world_open(&world, name);
        if (i == BROKER_WAITS_MAX / BROKER_REALM_WAITS)
            break;
        for (uint64_t j = 0; j < BROKER_REALM_WAITS; j++)
            cr_assert_eq(process_connect(last, "database", REALM_CONNECT_WAIT, 10 + j), -1);
    }
    cr_expect_eq(world_counts(&world).waits, BROKER_WAITS_MAX);
    cr_expect_eq(process_connect(last, "database", REALM_CONNECT_WAIT, 10), REALM_E_LIMIT);
    process_exit(world_process(&world, "u0"), 0);
    cr_expect_eq(world_counts(&world).waits, BROKER_WAITS_MAX - BROKER_REALM_WAITS);
    cr_expect_eq(process_connect(last, "database", REALM_CONNECT_WAIT, 11), -1);
}

/* The launcher's next answer finds no room for its descriptors. */
static void step_without_descriptors(void)
{
    while (world_serve(&world))
        continue;
    struct rlimit limit, none = {0};
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none.rlim_max = limit.rlim_max;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    cr_expect_eq(broker_step(world.broker, false), 0);
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

WORLD_TEST(limits, a_realm_whose_descriptors_do_not_fit)
{
    /* The launcher has started it, but the broker cannot take its socket: it is ended, and said so. */
    world_start(&world);
    struct broker_spawn spawn = {.program = "D"};
    struct broker_realm *realm;
    cr_assert_eq(broker_spawn(world.broker, &spawn, &realm), 0);
    step_without_descriptors();
    world_settle(&world);
    cr_expect_str_eq(broker_realm_state(realm), "terminated");
    cr_expect_not_null(world_event(&world, "offence", "realm", "D"));
    cr_expect_eq(world_spawn(&world, "D", NULL), 0);
    cr_expect_not_null(world_process(&world, "D"));
}

WORLD_TEST(limits, regions_that_do_not_fit)
{
    /* The pool stays empty, but the request is over: the next connect asks again. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    cr_assert_eq(process_register(b, "database", NULL), 0);
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A");
    struct realm_control_hello hello = {.waiter = 1};
    realm_control_header_init(&hello.header, REALM_CONTROL_HELLO, 1);
    process_send(a, &hello, sizeof(hello));
    cr_assert_eq(broker_step(world.broker, false), 0);
    step_without_descriptors();
    cr_expect_eq(world_counts(&world).launch_requests, 0);
    process_pump(a);
    cr_expect_null(process_letter(a, REALM_CONTROL_POOL, 0));
    process_connect(a, "database", 0, 5);
    process_pump(a);
    cr_expect_not_null(process_letter(a, REALM_CONTROL_CONNECTED, 5));
}
