/*
 * Channels to services whose queues have a size of their own.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include <realm/error.h>

#include "librealm/ring/ring.h"
#include "tests/unit/broker/world.h"

static struct world world;

static struct process *open_provider(void)
{
    struct process *provider = world_open(&world, "B");
    cr_assert_eq(process_register(provider, "database", NULL), 0);
    return provider;
}

/* The size of the region behind the last letter of this kind. */
static off_t region_size(struct process *process, uint16_t type, uint64_t xid)
{
    struct stat status;
    cr_assert_eq(fstat(process_letter(process, type, xid)->fds[0], &status), 0);
    return status.st_size;
}

WORLD_TEST(pool, a_service_has_queues_of_its_own_size)
{
    /* Goal: both ends of a channel get regions of its service's size and hear of its limit; channels to other
     * services of the same realms keep the default. */
    world.services[DATABASE].queue = (struct mm_queue){.messages = 7, .bytes = 65536};
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A"), *d;
    world_spawn(&world, "D", NULL);
    d = world_open(&world, "D");
    cr_assert_eq(process_register(d, "network", NULL), 0);
    cr_assert_eq(process_named(a, REALM_CONTROL_CONNECT, "database", 0, 7),
                 -1); /* the region is on its way */
    for (unsigned i = 0; i < 4; i++) {
        process_pump(b);
        process_pump(a);
    }
    struct realm_control_channel *client = &process_letter(a, REALM_CONTROL_CONNECTED, 7)->packet.channel;
    struct realm_control_channel *server = &process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel;
    cr_expect_eq(client->region_bytes, 4 * 65536u);
    cr_expect_eq(client->queue_messages, 7u);
    cr_expect_eq(server->region_bytes, 4 * 65536u);
    cr_expect_eq(server->queue_messages, 7u);
    const struct broker_channel *channel = broker_next_channel(world.broker, NULL);
    struct stat status;
    cr_assert_eq(fstat(channel->client.region.write_fd, &status), 0);
    cr_expect_eq(status.st_size, 4 * 65536);
    cr_assert_eq(fstat(channel->server.region.write_fd, &status), 0);
    cr_expect_eq(status.st_size, 4 * 65536);

    a->keep = d->keep = true;
    cr_assert_eq(process_connect(a, "network", 0, 8), 0);
    cr_expect_eq(process_letter(a, REALM_CONTROL_CONNECTED, 8)->packet.channel.region_bytes,
                 REALM_REGION_DEFAULT_BYTES);
    cr_expect_eq(process_letter(a, REALM_CONTROL_CONNECTED, 8)->packet.channel.queue_messages,
                 REALM_QUEUE_MESSAGES);
    cr_expect_eq(region_size(a, REALM_CONTROL_CONNECTED, 8), REALM_REGION_DEFAULT_BYTES);
}

WORLD_TEST(pool, regions_of_two_sizes_take_turns)
{
    /* Goal: a realm that connects without end to a service with large queues does not keep another from one
     * with small queues, nor from one with the default, although all take from one server's pool. */
    world.services[LOGGER] = world.services[DATABASE];
    world.services[LOGGER].name = (char *)(uintptr_t) "large";
    world.services[LOGGER].aliases_count = 0;
    world.services[LOGGER].queue.bytes = 262144;
    world.services[NETWORK] = world.services[LOGGER];
    world.services[NETWORK].name = (char *)(uintptr_t) "small";
    world.services[NETWORK].queue.bytes = 5120;
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    cr_assert_eq(process_register(b, "large", NULL), 0);
    cr_assert_eq(process_register(b, "small", NULL), 0);
    for (uint64_t xid = 100; xid < 160; xid++)
        process_named(a, REALM_CONTROL_CONNECT,
                      xid % 3 == 0   ? "database"
                      : xid % 3 == 1 ? "large"
                                     : "small",
                      0, xid);
    for (unsigned i = 0; i < 200; i++) {
        process_pump(b);
        process_pump(a);
    }
    unsigned small = 0, large = 0, usual = 0;
    for (uint64_t xid = 100; xid < 160; xid++) {
        struct letter *letter = process_letter(a, REALM_CONTROL_CONNECTED, xid);
        if (!letter)
            continue; /* more than wait at once: the oldest were answered LIMIT */
        uint32_t bytes = letter->packet.channel.region_bytes;
        cr_expect_eq(bytes, xid % 3 == 0 ? REALM_REGION_DEFAULT_BYTES : xid % 3 == 1 ? 1048576u : 20480u);
        usual += xid % 3 == 0;
        large += xid % 3 == 1;
        small += xid % 3 == 2;
    }
    cr_expect_geq(usual, 10u);
    cr_expect_geq(large, 10u);
    cr_expect_geq(small, 10u);
    cr_expect_eq(world_counts(&world).waits, 0u);
    cr_expect_leq(broker_find_realm(world.broker, "B")->pool.ready_count, BROKER_POOL_REGIONS_MAX);
}
