/*
 * Limits that the broker holds for each realm: which request is refused, what is told, and how often.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>

#include "mm/broker/bounds.h"
#include "tests/unit/broker/world.h"

static struct world world;

static struct process *open_provider(void)
{
    struct process *b = world_open(&world, "B");

    cr_assert_eq(process_register(b, "database", NULL), 0);
    return b;
}

static void expect_told(const char *realm, const char *limit, json_int_t value, const char *at)
{
    const json_t *event = world_event(&world, "limited", "realm", realm);

    cr_assert_not_null(event);
    cr_expect_str_eq(event_text(event, "limit"), limit);
    cr_expect_eq(json_integer_value(json_object_get(event, "value")), value);
    cr_expect_str_eq(event_text(event, "at"), at);
    cr_expect_not_null(strstr(event_text(event, "fix"), limit));
}

/* Goal: the client's own limit: as many as it says, told once however often it asks on, and again after a
 * channel is given back. */
WORLD_TEST(bounds, channels_of_a_client)
{
    world.realms[A].limits.channels = 2;
    world.realms[A].limits.places[MM_LIMIT_CHANNELS] = (struct mm_place){7, 21};
    world_start(&world);
    open_provider();
    struct process *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "database", 0, 10), 0);
    cr_assert_eq(process_connect(a, "database", 0, 11), 0);
    for (uint64_t xid = 12; xid < 22; xid++)
        cr_expect_eq(process_connect(a, "database", REALM_CONNECT_WAIT, xid), REALM_E_LIMIT);
    cr_expect_eq(world_events(&world, "limited"), 1);
    char at[BROKER_PLACE_MAX];
    broker_place(world.broker, 7, 21, at);
    expect_told("A", "channels", 2, at);

    const struct letter *letter = process_letter(a, REALM_CONTROL_CONNECTED, 10);
    cr_assert_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, letter->packet.channel.cookie), 0);
    cr_expect_eq(process_connect(a, "database", 0, 30), 0);
}

/* Goal: where a server's channels grow scarce, who holds many gets no more, and who holds few still does. */
WORLD_TEST(bounds, channels_of_a_server_are_shared)
{
    world.services[DATABASE].access[0].kind = MM_ACCESS_ALL;
    world.realms[B].limits.channels = 16;
    world.realms[U].limits.channels = 100;
    world_start(&world);
    struct process *b = open_provider();
    cr_assert_eq(world_spawn(&world, "U", "greedy"), 0);
    cr_assert_eq(world_spawn(&world, "U", "modest"), 0);
    struct process *greedy = world_open(&world, "greedy"), *modest = world_open(&world, "modest");
    uint64_t held = 0;
    while (held < 20 && process_connect(greedy, "database", 0, 10 + held) == 0) {
        held++;
        process_pump(b); /* it maps what it is sent, and its pool is filled again */
    }
    cr_expect_eq(held, 9, "it holds %d", (int)held); /* of 16, 7 are left: fewer than it holds */
    cr_expect_eq(process_connect(modest, "database", 0, 10), 0);
    cr_expect_eq(process_connect(greedy, "database", 0, 40), REALM_E_LIMIT);
    cr_expect_eq(world_events(&world, "limited"), 1);
    char at[BROKER_PLACE_MAX];
    const struct mm_place *declared = &world.realms[B].place;
    broker_place(world.broker, declared->line, declared->column, at); /* of a default: where it would stand */
    expect_told("B", "channels", 16, at);
}

/* Goal: the broker's own descriptors are shared in the same way, whoever the server is. */
WORLD_TEST(bounds, descriptors_of_the_broker_are_shared)
{
    world.services[DATABASE].access[0].kind = MM_ACCESS_ALL;
    world_start(&world);
    world.broker->descriptors_max = 32; /* enough for 8 channels */
    struct process *b = open_provider();
    cr_assert_eq(world_spawn(&world, "U", "greedy"), 0);
    cr_assert_eq(world_spawn(&world, "U", "modest"), 0);
    struct process *greedy = world_open(&world, "greedy"), *modest = world_open(&world, "modest");
    uint64_t held = 0;
    while (held < 20 && process_connect(greedy, "database", 0, 10 + held) == 0) {
        held++;
        process_pump(b);
    }
    cr_expect_eq(held, 5, "it holds %d", (int)held);
    for (uint64_t xid = 40; xid < 50; xid++)
        cr_expect_eq(process_connect(greedy, "database", 0, xid), REALM_E_LIMIT);
    cr_expect_eq(process_connect(modest, "database", 0, 10), 0);
    cr_expect_eq(world_events(&world, "limited"), 1);
    const json_t *event = world_event(&world, "limited", "realm", "greedy");
    cr_expect_str_eq(event_text(event, "limit"), "the broker's descriptors");
    cr_expect_not_null(strstr(event_text(event, "fix"), "ulimit"));
}

/* Goal: waits: the oldest goes when there are too many, as always; the limit is the realm's own. */
WORLD_TEST(bounds, waits)
{
    world.realms[A].limits.waits = 2;
    world_start(&world);
    struct process *a = world_open(&world, "A");
    for (uint64_t xid = 10; xid < 13; xid++)
        process_connect(a, "database", REALM_CONNECT_WAIT, xid);
    cr_expect_eq(process_reply(a, 10), REALM_E_LIMIT);
    cr_expect_eq(process_reply(a, 11), -1);
    cr_expect_eq(world_counts(&world).waits, 2);
    cr_expect_eq(world_events(&world, "limited"), 1);
}

/* Goal: a new incarnation is told of anew. */
WORLD_TEST(bounds, told_once_in_an_incarnation)
{
    world.realms[A].limits.waits = 1;
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "U", "client"), 0); /* or the system would end with A */
    for (unsigned life = 1; life <= 2; life++) {
        struct process *a = world_open(&world, "A");
        for (uint64_t xid = 10; xid < 15; xid++)
            process_connect(a, "database", REALM_CONNECT_WAIT, xid);
        cr_expect_eq(world_events(&world, "limited"), life);
        process_exit(a, 0);
        world_settle(&world);
    }
}

/* Goal: defaults: a provider may have as many as there are slots, a client fewer, so that one client does not
 * fill a server. */
WORLD_TEST(bounds, defaults)
{
    world_start(&world);
    cr_expect_eq(bounds_channels(broker_find_realm(world.broker, "A")), MM_CHANNELS_CLIENT);
    cr_expect_eq(bounds_channels(broker_find_realm(world.broker, "B")), MM_CHANNELS_PROVIDER);
    cr_expect_eq(bounds_waits(broker_find_realm(world.broker, "A")), BROKER_REALM_WAITS);
    cr_expect_eq(bounds_log_bytes(broker_find_realm(world.broker, "A")), LOGS_REALM_BYTES);
}
