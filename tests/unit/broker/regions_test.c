/*
 * Regions on their way into a pool: memory that is wrong, late, missing, or was tampered with.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

/* A realm that has taken its welcome and holds its first pool, not acknowledged. */
static struct process *open_with_pool(struct letter **ret_pool)
{
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A");
    a->keep = true;
    process_hello(a);
    process_ack(a, process_letter(a, REALM_CONTROL_WELCOME, 1)->packet.welcome.sequence);
    process_pump(a);
    *ret_pool = process_letter(a, REALM_CONTROL_POOL, 0);
    cr_assert_not_null(*ret_pool);
    return a;
}

static void assert_ended(struct process *process, const char *what)
{
    process_pump(process);
    cr_assert_not(process->alive);
    cr_expect_str_eq(event_text(world_event(&world, "offence", "realm", process->name), "what"), what);
    cr_expect_eq(world_counts(&world).regions, 0);
}

WORLD_TEST(regions, a_region_that_was_tampered_with)
{
    /* A realm that seals or shrinks its region before the broker does gets no channel over it. */
    struct letter *pool;
    struct process *a = open_with_pool(&pool);
    cr_assert_eq(ftruncate(pool->fds[1], 4096), 0);
    process_ack(a, pool->packet.pool.sequence);
    assert_ended(a, "changed a region that it was only to map");
}

WORLD_TEST(regions, a_region_that_was_sealed_ahead)
{
    /* F_SEAL_SEAL set by the realm would leave the region open for ever: the broker notices. */
    struct letter *pool;
    struct process *a = open_with_pool(&pool);
    cr_assert_eq(fcntl(pool->fds[0], F_ADD_SEALS, F_SEAL_SEAL), 0);
    process_ack(a, pool->packet.pool.sequence);
    assert_ended(a, "changed a region that it was only to map");
}

WORLD_TEST(regions, a_region_that_could_not_be_taken_away)
{
    /* F_SEAL_SHRINK set by the realm would let it keep what was revoked: no channel is made over such a
     * region. */
    struct letter *pool;
    struct process *a = open_with_pool(&pool);
    cr_assert_eq(fcntl(pool->fds[0], F_ADD_SEALS, F_SEAL_SHRINK), 0);
    process_ack(a, pool->packet.pool.sequence);
    assert_ended(a, "changed a region that it was only to map");
}

WORLD_TEST(regions, memory_of_the_wrong_size_is_not_used)
{
    /* The launcher's answer is checked like any other: a region that is too small goes to nobody. */
    world_start(&world);
    world.short_regions = true;
    struct process *a = world_open(&world, "A");
    cr_expect_null(process_letter(a, REALM_CONTROL_POOL, 0));
    cr_expect_eq(world_counts(&world).regions, 0);
    cr_expect(a->alive);
}

WORLD_TEST(regions, no_memory_for_a_pool)
{
    /* The launcher can make none: connects are answered in the end, and work once it can again. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    cr_assert_eq(process_register(b, "database", NULL), 0);
    world.fail_regions = true;
    struct process *a = world_open(&world, "A");
    cr_expect_eq(process_connect(a, "database", 0, 5), -1);
    world_advance(&world, BROKER_POOL_DEADLINE_NS);
    process_pump(a);
    cr_expect_eq(process_reply(a, 5), REALM_E_LIMIT);
    world.fail_regions = false;
    process_connect(a, "database", 0, 6);
    process_pump(a);
    cr_expect_not_null(process_letter(a, REALM_CONTROL_CONNECTED, 6));
}

WORLD_TEST(regions, regions_that_come_too_late_are_closed)
{
    /* The launcher answers a request of a realm that has died meanwhile. */
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A");
    struct realm_control_hello hello = {.waiter = 1};
    realm_control_header_init(&hello.header, REALM_CONTROL_HELLO, 1);
    process_send(a, &hello, sizeof(hello));
    cr_assert_eq(broker_step(world.broker, false), 0);
    cr_expect_eq(world_counts(&world).launch_requests, 1);
    close(a->socket);
    a->socket = -1;
    cr_assert_eq(broker_step(world.broker, false), 0);
    world_settle(&world);
    cr_expect_eq(world_counts(&world).launch_requests, 0);
    cr_expect_eq(world_counts(&world).regions, 0);
}
