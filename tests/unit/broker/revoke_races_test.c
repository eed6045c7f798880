/*
 * Revocation at the same time as something else: a packet that is not out yet, one that is not acknowledged,
 * a peer that dies, a second revocation, the end of the system. Whatever meets, each channel that goes is
 * told of once, by one event and by one packet to each end that had heard of it.
 */
#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/ring/ring.h"
#include "mm/broker/revoke.h"
#include "tests/unit/broker/world.h"

static struct world world;
static struct process *client, *server;

static void open_both(void)
{
    world_start(&world);
    server = world_open(&world, "B");
    cr_assert_eq(process_register(server, "database", NULL), 0);
    client = world_open(&world, "A");
}

/* The broker's answer to an administrator; nothing else of it runs. */
static uint32_t revoke_all(void)
{
    uint32_t count;
    cr_assert_eq(
        revoke_channels(broker_find_realm(world.broker, "A"), &world.broker->services[DATABASE], &count), 0);
    return count;
}

static void pump(void)
{
    process_pump(client);
    process_pump(server);
    process_pump(client);
}

static off_t size_of(int fd)
{
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);
    return status.st_size;
}

static const struct realm_control_channel *told_of(struct process *process, uint16_t type, uint64_t xid)
{
    const struct letter *letter = process_letter(process, type, xid);
    cr_assert_not_null(letter);
    return &letter->packet.channel;
}

static void expect_closed(struct process *process, unsigned times)
{
    cr_expect_eq(process_letters(process, REALM_CONTROL_CLOSED), times, "%s: %u", process->name,
                 process_letters(process, REALM_CONTROL_CLOSED));
    if (times != 0)
        cr_expect_eq(process_letter(process, REALM_CONTROL_CLOSED, 0)->packet.closed.reason, REALM_E_REVOKED);
}

/* Nothing ended in another way, and nobody is accused of anything. */
static void expect_events(unsigned revoked)
{
    cr_expect_eq(world_events(&world, "revoked"), revoked);
    cr_expect_eq(world_events(&world, "closed"), 0);
    cr_expect_eq(world_events(&world, "offence"), 0);
}

WORLD_TEST(revoke_races, nobody_has_acknowledged)
{
    /* Both have the packet, and neither has said that it has mapped: both are told, and may say so late. */
    open_both();
    client->keep = server->keep = true;
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    process_pump(server);
    cr_assert_eq(revoke_all(), 1);
    pump();
    expect_closed(client, 1);
    expect_closed(server, 1);
    cr_expect_eq(size_of(process_letter(client, REALM_CONTROL_CONNECTED, 7)->fds[0]), 0);
    cr_expect_eq(size_of(process_letter(server, REALM_CONTROL_ACCEPTED, 0)->fds[0]), 0);
    process_ack(client, told_of(client, REALM_CONTROL_CONNECTED, 7)->sequence);
    process_ack(server, told_of(server, REALM_CONTROL_ACCEPTED, 0)->sequence);
    client->keep = server->keep = false;
    pump();
    expect_events(1);
    cr_expect_eq(world_counts(&world).channels, 0);
    cr_expect_eq(process_connect(client, "database", 0, 8), 0);
}

WORLD_TEST(revoke_races, the_client_has_not_heard)
{
    /* CONNECTED waits behind another packet: it never comes, and the connect is decided anew. */
    open_both();
    client->keep = true;
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    cr_assert_eq(process_connect(client, "database", 0, 8), -1);
    process_pump(server);
    cr_assert_eq(process_letters(server, REALM_CONTROL_ACCEPTED), 2);
    cr_assert_eq(revoke_all(), 2);
    pump();
    expect_closed(client, 1);
    expect_closed(server, 2);
    client->keep = false;
    process_ack(client, told_of(client, REALM_CONTROL_CONNECTED, 7)->sequence);
    pump();
    cr_expect_eq(process_letters(client, REALM_CONTROL_CONNECTED), 2);
    cr_expect_not_null(process_letter(client, REALM_CONTROL_CONNECTED, 8));
    expect_closed(client, 1);
    expect_events(2);
    cr_expect_eq(world_counts(&world).channels, 1);
}

WORLD_TEST(revoke_races, neither_has_heard)
{
    /* Nobody has seen the second channel's regions: they serve the next one, whole. */
    open_both();
    client->keep = server->keep = true;
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    process_pump(server);
    cr_assert_eq(process_connect(client, "database", 0, 8), -1);
    process_pump(server);
    cr_assert_eq(process_letters(server, REALM_CONTROL_ACCEPTED), 1);
    cr_assert_eq(revoke_all(), 2);
    pump();
    expect_closed(client, 1);
    expect_closed(server, 1);
    process_ack(client, told_of(client, REALM_CONTROL_CONNECTED, 7)->sequence);
    process_ack(server, told_of(server, REALM_CONTROL_ACCEPTED, 0)->sequence);
    client->keep = server->keep = false;
    pump();
    cr_assert_not_null(process_letter(client, REALM_CONTROL_CONNECTED, 8));
    const struct broker_channel *channel = broker_next_channel(world.broker, NULL);
    cr_assert_not_null(channel);
    cr_expect_eq(size_of(channel->client.region.write_fd), REALM_REGION_DEFAULT_BYTES);
    cr_expect_eq(size_of(channel->server.region.write_fd), REALM_REGION_DEFAULT_BYTES);
    expect_closed(client, 1);
    expect_closed(server, 1);
    expect_events(2);
}

WORLD_TEST(revoke_races, the_pool_is_on_its_way)
{
    /* A POOL is out and not acknowledged: the news overtakes it, and what it brought serves the next channel.
     */
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    pump();
    client->keep = true;
    cr_assert_eq(process_connect(client, "database", 0, 8), 0);
    unsigned pools = process_letters(client, REALM_CONTROL_POOL);
    process_ack(client, told_of(client, REALM_CONTROL_CONNECTED, 8)->sequence);
    process_pump(client);
    cr_assert_eq(process_letters(client, REALM_CONTROL_POOL), pools + 1);
    cr_assert_eq(revoke_all(), 2);
    process_pump(client);
    expect_closed(client, 2);
    client->keep = false;
    process_ack(client, process_letter(client, REALM_CONTROL_POOL, 0)->packet.pool.sequence);
    pump();
    expect_events(2);
    cr_expect_eq(process_connect(client, "database", 0, 100), 0);
}

WORLD_TEST(revoke_races, the_server_is_dying)
{
    /* Its socket is closed, and the broker has not seen it yet: revoked, and not closed once more. */
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    pump();
    close(server->socket);
    server->socket = -1;
    cr_assert_eq(revoke_all(), 1);
    process_pump(client);
    expect_closed(client, 1);
    expect_events(1);
    cr_expect_eq(revoke_all(), 0);
}

WORLD_TEST(revoke_races, the_client_is_dying)
{
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    pump();
    close(client->socket);
    client->socket = -1;
    cr_assert_eq(revoke_all(), 1);
    process_pump(server);
    expect_closed(server, 1);
    expect_events(1);
}

WORLD_TEST(revoke_races, the_server_has_died)
{
    /* It ended, and was not revoked: nothing to revoke, but what lingered is gone at once. */
    open_both();
    client->keep = true;
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    int region = process_letter(client, REALM_CONTROL_CONNECTED, 7)->fds[0];
    process_ack(client, told_of(client, REALM_CONTROL_CONNECTED, 7)->sequence);
    pump();
    process_exit(server, 0);
    cr_expect_eq(revoke_all(), 0);
    cr_expect_eq(size_of(region), 0);
    process_pump(client);
    cr_expect_eq(process_letter(client, REALM_CONTROL_CLOSED, 0)->packet.closed.reason, REALM_E_PEER_DEAD);
    cr_expect_eq(world_events(&world, "revoked"), 0);
    cr_expect_eq(world_events(&world, "closed"), 1);
}

WORLD_TEST(revoke_races, twice)
{
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    cr_assert_eq(process_connect(client, "database", 0, 8), 0);
    pump();
    cr_expect_eq(revoke_all(), 2);
    cr_expect_eq(revoke_all(), 0);
    pump();
    expect_closed(client, 2);
    expect_closed(server, 2);
    expect_events(2);
}

WORLD_TEST(revoke_races, a_disconnect_on_its_way)
{
    /* The client has let go at the same time: it is answered that there is nothing any more. */
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    struct realm_control_cookie packet = {.cookie = told_of(client, REALM_CONTROL_CONNECTED, 7)->cookie};
    realm_control_header_init(&packet.header, REALM_CONTROL_DISCONNECT, 50);
    process_send(client, &packet, sizeof(packet));
    cr_assert_eq(revoke_all(), 1);
    pump();
    cr_expect_eq(process_reply(client, 50), REALM_E_STALE);
    expect_closed(client, 1);
    expect_closed(server, 1);
    expect_events(1);
    cr_expect_eq(world_events(&world, "disconnected"), 0);
}

WORLD_TEST(revoke_races, an_accusation_on_its_way)
{
    /* An end that took the zeros for a false claim: nobody is to blame. */
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    pump();
    struct realm_control_fault packet = {.cookie = told_of(server, REALM_CONTROL_ACCEPTED, 0)->cookie,
                                         .kind = REALM_FAULT_CLAIM};
    realm_control_header_init(&packet.header, REALM_CONTROL_FAULT, 0);
    process_send(server, &packet, sizeof(packet));
    cr_assert_eq(revoke_all(), 1);
    pump();
    expect_closed(client, 1);
    expect_closed(server, 1);
    expect_events(1);
}

WORLD_TEST(revoke_races, the_system_ends)
{
    /* Both have been asked to stop, and go on for a while: the axe falls all the same, and the end comes. */
    open_both();
    cr_assert_eq(process_connect(client, "database", 0, 7), 0);
    pump();
    broker_stop(world.broker);
    cr_assert_eq(revoke_all(), 1);
    pump();
    expect_closed(client, 1);
    expect_closed(server, 1);
    process_exit(client, 0);
    process_exit(server, 0);
    cr_expect(world.told_to_stop);
    expect_events(1);
    cr_expect_not_null(world_event(&world, "ended", NULL, NULL));
}
