/*
 * Calls, one-way messages, replies and deadlines between realms of the twin.
 */
#include "tests/unit/client/twin.h"

/* --- two realms call each other --- */

#define ROUNDS 20u

static int first_caller(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "first", echo, NULL, NULL), 0);
    struct realm_channel *channel = connected(realm, "second");
    for (uint64_t op = 0; op < ROUNDS; op++)
        call_echo(channel, op, (size_t)(op * 211u) % 4097u);
    CHECK_EQ(realm_send(channel, 1000, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static void call_back(struct realm *realm, const struct realm_request *request, void *context)
{
    struct realm_channel **channel = context;
    if (request->token) {
        echo(realm, request, NULL);
        return;
    }
    CHECK_EQ(request->op, 1000);
    for (uint64_t op = 0; op < ROUNDS; op++)
        call_echo(*channel, op, 64);
    realm_stop(realm);
}

static int second_caller(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = NULL;
    CHECK_EQ(realm_register(realm, "second", call_back, &channel, NULL), 0);
    channel = connected(realm, "first");
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static struct sim_world *two_callers(uint64_t seed, enum realm_waiter_kind waiter, unsigned cpus)
{
    struct sim_world *world = sim_world_new(seed);
    sim_world_waiter(world, waiter);
    sim_world_cpus(world, cpus);
    unsigned first = sim_world_add_realm(world, "first", first_caller, NULL);
    sim_world_add_realm(world, "second", second_caller, NULL);
    sim_stop_at(world, first, REALM_SEC);
    run_clean(world, 2);
    return world;
}

Test(call, one_seed_is_one_run)
{
    /* Goal: the same seed gives the same log, byte for byte. */
    struct sim_world *once = two_callers(7, REALM_WAITER_URING, 2);
    struct sim_world *again = two_callers(7, REALM_WAITER_URING, 2);
    size_t once_size, again_size;
    const char *once_log = sim_world_log(once, &once_size);
    const char *again_log = sim_world_log(again, &again_size);
    CHECK_EQ(once_size, again_size);
    CHECK(memcmp(once_log, again_log, once_size) == 0);
    struct sim_world *other = two_callers(8, REALM_WAITER_URING, 2);
    size_t other_size;
    const char *other_log = sim_world_log(other, &other_size);
    CHECK(other_size != once_size || memcmp(once_log, other_log, once_size) != 0);
    sim_world_free(once);
    sim_world_free(again);
    sim_world_free(other);
}

Test(call, every_interleaving_ends_well)
{
    /* Goal: calls in both directions end well under 200 schedules of each waiter, spinning or not. */
    for (uint64_t seed = 0; seed < 200; seed++) {
        sim_world_free(two_callers(seed, REALM_WAITER_URING, seed % 2 + 1));
        sim_world_free(two_callers(seed, REALM_WAITER_PIPE, seed % 2 + 1));
    }
}
