/*
 * A flood of refusals is no flood of events: some are told, the others are counted, and none is lost.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>

#include "mm/broker/denials.h"
#include "mm/broker/diagnosis.h"
#include "tests/unit/broker/world.h"

static struct world world;
static uint64_t next_xid = 100;

static long long number_of(const json_t *event, const char *key)
{
    return json_integer_value(json_object_get(event, key));
}

/* A SPAWN that is refused so many times. */
static void spawn_in_vain(struct process *process, const char *program, unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        cr_assert_eq(process_spawn(process, program, NULL, next_xid++), REALM_E_NOT_CHILD);
        process_forget(process);
    }
}

static void expect_more(size_t events, const char *realm, long long count, long long decision)
{
    cr_assert_eq(world_events(&world, "denied-more"), events);
    const json_t *event = world_event(&world, "denied-more", "realm", realm);
    cr_assert_not_null(event);
    cr_expect_eq(number_of(event, "count"), count);
    cr_expect_eq(number_of(event, "decision"), decision);
}

WORLD_TEST(denials, of_one_kind)
{
    /* One is told in a second, the others are one number at its end; all are kept, and the next second begins
     * anew. */
    world_start(&world);
    struct process *d = world_open(&world, "D");
    spawn_in_vain(d, "C1", 200);
    cr_expect_eq(world_events(&world, "denied"), 1);
    world_advance(&world, REALM_SEC - 1);
    cr_expect_eq(world_events(&world, "denied-more"), 0);
    world_advance(&world, 1);
    expect_more(1, "D", 199, 200);
    cr_expect_not_null(diagnosis_find(world.broker, 1));
    cr_expect_not_null(diagnosis_find(world.broker, 200));
    spawn_in_vain(d, "C1", 1);
    cr_expect_eq(world_events(&world, "denied"), 2);
    world_advance(&world, 10 * REALM_SEC);
    cr_expect_eq(world_events(&world, "denied-more"), 1, "nothing was left out");
}

WORLD_TEST(denials, of_connects)
{
    /* The same of what is asked of services. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    for (unsigned i = 0; i < 100; i++)
        cr_assert_eq(process_connect(b, "network", 0, next_xid++), REALM_E_DENIED);
    cr_expect_eq(world_events(&world, "denied"), 1);
    world_advance(&world, REALM_SEC);
    expect_more(1, "B", 99, 100);
}

WORLD_TEST(denials, of_different_kinds)
{
    /* What differs in what was asked, the name or the rule is told beside a flood; and so is what others do.
     */
    world_start(&world);
    world_open(&world, "C");
    struct process *d = world_open(&world, "D");
    spawn_in_vain(d, "C1", 50);
    spawn_in_vain(d, "nobody", 1);
    cr_assert_eq(process_connect(d, "database", 0, next_xid++), REALM_E_DENIED);
    cr_assert_eq(process_connect(d, "C1", 0, next_xid++), REALM_E_NO_SERVICE);
    spawn_in_vain(world_open(&world, "A"), "C1", 1);
    cr_expect_eq(world_events(&world, "denied"), 5);
    world_advance(&world, REALM_SEC);
    expect_more(1, "D", 49, 50);
}

WORLD_TEST(denials, of_more_kinds_than_are_told)
{
    /* Names that are always new are told up to a number; behind that they are counted, too. */
    world_start(&world);
    struct process *d = world_open(&world, "D");
    for (unsigned i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof name, "nobody%u", i);
        spawn_in_vain(d, name, 1);
    }
    cr_expect_eq(world_events(&world, "denied"), DENIALS_KINDS);
    world_advance(&world, REALM_SEC);
    expect_more(1, "D", 100 - DENIALS_KINDS, 100);
}

WORLD_TEST(denials, of_who_ends)
{
    /* What was left out is told before the end, and its next incarnation begins anew. */
    world_start(&world);
    world_open(&world, "A"); /* with the last client the system would end */
    struct process *d = world_open(&world, "D");
    spawn_in_vain(d, "C1", 3);
    process_exit(d, 0);
    expect_more(1, "D", 2, 3);
    size_t index;
    const json_t *event;
    bool ended = false;
    json_array_foreach(world.seen, index, event)
    {
        const char *name = event_text(event, "event");
        ended = ended || strcmp(name, "terminated") == 0;
        cr_expect(!ended || strcmp(name, "denied-more") != 0);
    }
    cr_expect(ended);
    spawn_in_vain(world_open(&world, "D"), "C1", 1);
    cr_expect_eq(world_events(&world, "denied"), 2);
    world_advance(&world, 2 * REALM_SEC);
    cr_expect_eq(world_events(&world, "denied-more"), 1);
}
