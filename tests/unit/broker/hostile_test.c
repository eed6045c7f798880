/*
 * Realms that break the rules, are slow, or die at the worst moment: the broker and the others go on, the
 * log says who and why, and everything is counted back to where it was.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

/* The realm was ended, and the event says for what; B goes on. */
static void assert_ended(struct process *process, const char *what)
{
    process_pump(process);
    cr_assert_not(process->alive);
    json_t *event = world_event(&world, "offence", "realm", process->name);
    cr_assert_not_null(event);
    cr_expect_str_eq(event_text(event, "what"), what);
    cr_expect_eq(world_events(&world, "offence"), 1);
    struct process *b = world_process(&world, "B");
    cr_expect_eq(process_register(b, "database", NULL), 0);
}

static struct process *open_both(void)
{
    world_start(&world);
    world_open(&world, "B");
    return world_open(&world, "A");
}

WORLD_TEST(hostile, garbage)
{
    /* A packet that is no packet is answered, and its sender ended. */
    struct process *a = open_both();
    process_send(a, "this is not a packet of the protocol", 36);
    assert_ended(a, "sent a packet that is not of this protocol");
    cr_expect_eq(process_reply(a, 0), REALM_E_PROTOCOL);
}

WORLD_TEST(hostile, a_cut_packet)
{
    /* Too short for a header, and too short for its type. */
    struct process *a = open_both();
    struct realm_control_named packet = {0};
    realm_control_header_init(&packet.header, REALM_CONTROL_CONNECT, 5);
    process_send(a, &packet, 7);
    assert_ended(a, "sent a packet that is not of this protocol");
}

WORLD_TEST(hostile, a_packet_that_is_too_long)
{
    /* Longer than anything of the protocol: it is not even received whole. */
    struct process *a = open_both();
    static uint8_t packet[2 * REALM_CONTROL_SIZE_MAX];
    process_send(a, packet, sizeof(packet));
    assert_ended(a, "sent a packet that is not of this protocol");
}

WORLD_TEST(hostile, an_empty_packet)
{
    /* Nothing at all is not the end of the stream. */
    struct process *a = open_both();
    process_send(a, "", 0);
    assert_ended(a, "sent a packet that is not of this protocol");
}

WORLD_TEST(hostile, another_version)
{
    /* Another version's hello is answered under its own xid, so that the realm can say what is wrong. */
    world_start(&world);
    world_open(&world, "B");
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A");
    struct realm_control_hello hello = {.waiter = 1};
    realm_control_header_init(&hello.header, REALM_CONTROL_HELLO, 99);
    hello.header.version++;
    process_send(a, &hello, sizeof(hello));
    assert_ended(a, "sent a packet that is not of this protocol");
    cr_expect_eq(process_reply(a, 99), REALM_E_PROTOCOL);
}

WORLD_TEST(hostile, descriptors)
{
    /* What is passed never arrives; the attempt ends the realm. */
    struct process *a = open_both();
    unsigned before = open_descriptors();
    struct realm_control_cookie packet = {.cookie = 1};
    realm_control_header_init(&packet.header, REALM_CONTROL_DISCONNECT, 5);
    struct iovec part = {&packet, sizeof(packet)};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &a->out, sizeof(int));
    cr_assert_eq(sendmsg(a->socket, &message, 0), (ssize_t)sizeof(packet));
    cr_expect_eq(open_descriptors(), before);
    assert_ended(a, "passed descriptors");
}

WORLD_TEST(hostile, speaking_before_hello)
{
    /* The first thing that is said is hello. */
    world_start(&world);
    world_open(&world, "B");
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A");
    cr_expect_eq(process_connect(a, "database", 0, 5), REALM_E_PROTOCOL);
    assert_ended(a, "spoke before it said hello");
}

WORLD_TEST(hostile, hello_twice)
{
    /* … and it is said once. */
    struct process *a = open_both();
    struct realm_control_hello hello = {.waiter = 1};
    realm_control_header_init(&hello.header, REALM_CONTROL_HELLO, 2);
    process_send(a, &hello, sizeof(hello));
    assert_ended(a, "said hello twice");
    cr_expect_eq(process_reply(a, 2), REALM_E_PROTOCOL);
}

WORLD_TEST(hostile, a_name_that_is_none)
{
    /* A bad name is the asker's error, not an offence: it is answered and the realm lives on. */
    struct process *a = open_both();
    struct realm_control_named packet = {0};
    realm_control_header_init(&packet.header, REALM_CONTROL_CONNECT, 5);
    packet.name.size = 3;
    memcpy(packet.name.text, "a\0b", 3);
    process_send(a, &packet, sizeof(packet));
    process_pump(a);
    cr_expect_eq(process_reply(a, 5), REALM_E_BAD_NAME);
    cr_expect(a->alive);
}

WORLD_TEST(hostile, an_acknowledgement_of_nothing)
{
    /* Only what is in flight can be acknowledged, and only once. */
    struct process *a = open_both();
    process_ack(a, process_letter(a, REALM_CONTROL_POOL, 0)->packet.pool.sequence);
    assert_ended(a, "acknowledged what it was not sent");
}

WORLD_TEST(hostile, a_report_that_makes_no_sense)
{
    /* A packet that has no answer cannot be answered with an error. */
    struct process *a = open_both();
    struct realm_control_fault fault = {.cookie = 1, .kind = 77};
    realm_control_header_init(&fault.header, REALM_CONTROL_FAULT, 0);
    process_send(a, &fault, sizeof(fault));
    assert_ended(a, "sent a value out of range in a packet that has no answer");
}

WORLD_TEST(hostile, who_does_not_take_its_welcome_is_ended)
{
    /* The welcome lies unacknowledged: two seconds, not one moment less. */
    world_start(&world);
    world_open(&world, "B");
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A");
    a->keep = true;
    process_hello(a);
    world_advance(&world, BROKER_ACK_DEADLINE_NS - 1);
    cr_expect(a->alive);
    world_advance(&world, 1);
    assert_ended(a, "did not acknowledge the descriptors it was sent");
}

WORLD_TEST(hostile, a_busy_realm_that_nobody_waits_for_lives)
{
    /* A realm that computes for a minute with a refill unread has done nothing wrong. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    cr_assert_eq(process_register(b, "database", NULL), 0);
    struct process *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "database", 0, 5), 0); /* a refill follows */
    a->keep = b->keep = true;
    cr_assert_eq(process_connect(a, "database", 0, 6), 0);
    world_advance(&world, 60 * REALM_SEC);
    cr_expect(a->alive);
    cr_expect(b->alive);
}

WORLD_TEST(hostile, a_provider_that_takes_no_pool_is_ended_for_its_clients)
{
    /* It acknowledges its welcome and nothing more; as soon as a client needs it, its time runs. */
    world_start(&world);
    struct process *b = world_process(&world, "B");
    b->keep = true;
    process_hello(b);
    process_ack(b, process_letter(b, REALM_CONTROL_WELCOME, 1)->packet.welcome.sequence);
    cr_assert_eq(process_register(b, "database", NULL), 0);
    struct process *a = world_open(&world, "A");
    world_advance(&world, 60 * REALM_SEC);
    cr_expect(b->alive);
    cr_assert_eq(process_connect(a, "database", 0, 5), -1);
    world_advance(&world, BROKER_ACK_DEADLINE_NS);
    cr_expect_not(b->alive);
    process_pump(a);
    cr_expect_eq(process_reply(a, 5), REALM_E_NO_SERVICE);
}

WORLD_TEST(hostile, who_reads_nothing_is_ended)
{
    /* Answers pile up until the socket is full and 64 more wait: then the realm is ended. */
    struct process *a = open_both();
    struct realm_control_named packet = {0};
    realm_control_header_init(&packet.header, REALM_CONTROL_REGISTER, 5);
    realm_control_name_init(&packet.name, "database", 8);
    unsigned sent = 0;
    while (a->alive && sent < 5000) {
        process_send(a, &packet, sizeof(packet));
        world_settle(&world);
        cr_assert_leq(world_counts(&world).packets, BROKER_QUEUE_ANSWERS + 8);
        sent++;
    }
    cr_expect_not(a->alive);
    json_t *event = world_event(&world, "offence", "realm", "A");
    cr_expect_str_eq(event_text(event, "what"), "did not read what it was sent");
    cr_expect_eq(world_counts(&world).packets, 0);
}

WORLD_TEST(hostile, what_was_queued_comes_when_it_reads_again)
{
    /* Less than that is kept, in order, and delivered. */
    struct process *a = open_both();
    struct realm_control_number packet = {.number = 0};
    uint64_t xid = 1000;
    while (world_counts(&world).packets < 10) {
        realm_control_header_init(&packet.header, REALM_CONTROL_LOOK, ++xid);
        process_send(a, &packet, sizeof(packet));
        world_settle(&world);
        cr_assert_lt(xid, 2000);
    }
    process_forget(a);
    process_pump(a);
    cr_assert_eq(a->inbox_count, xid - 1000);
    for (unsigned i = 0; i < a->inbox_count; i++)
        cr_assert_eq(a->inbox[i].packet.header.xid, 1001 + i);
    cr_expect_eq(world_counts(&world).packets, 0);
}

WORLD_TEST(hostile, one_at_a_time_counts_the_same)
{
    /* A realm that waits for each answer has its 10 000 a second, too: looking in vain is no packet. */
    struct process *a = open_both();
    struct realm_control_stats stats = {0};
    realm_control_header_init(&stats.header, REALM_CONTROL_STATS, 0);
    world_advance(&world, REALM_SEC);
    for (stats.calls = 1; stats.calls < BROKER_SECOND_PACKETS; stats.calls++) {
        process_send(a, &stats, sizeof(stats));
        world_settle(&world);
        cr_assert_eq(broker_find_realm(world.broker, "A")->stats.calls, stats.calls);
    }
    cr_expect_eq(world_events(&world, "throttled"), 0);
}

WORLD_TEST(hostile, a_flood_is_throttled_and_stalls_nobody)
{
    /* Of a packet without an answer, 10 000 are taken in a second and not one more until it is over. */
    struct process *a = open_both();
    struct process *b = world_process(&world, "B");
    struct realm_control_stats stats = {0};
    realm_control_header_init(&stats.header, REALM_CONTROL_STATS, 0);
    world_advance(&world, REALM_SEC);
    uint64_t sent = 0;
    for (unsigned stuck = 0; stuck < 3;) {
        stats.calls = sent + 1;
        if (send(a->socket, &stats, sizeof(stats), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            world_settle(&world);
            stuck++;
        } else {
            sent++;
            stuck = 0;
        }
        cr_assert_lt(sent, 20000);
    }
    const struct broker_realm *realm = broker_find_realm(world.broker, "A");
    cr_expect_eq(realm->stats.calls, BROKER_SECOND_PACKETS);
    cr_expect_eq(world_events(&world, "throttled"), 1);
    cr_expect_eq(process_register(b, "database", NULL), 0);
    world_advance(&world, REALM_SEC - 1);
    cr_expect_eq(realm->stats.calls, BROKER_SECOND_PACKETS);
    world_advance(&world, 1);
    for (unsigned i = 0; i < 100; i++)
        world_settle(&world);
    cr_expect_eq(realm->stats.calls, sent);
    cr_expect(a->alive);
}

WORLD_TEST(hostile, a_round_takes_eight_packets)
{
    /* However much is waiting, one realm's share of a round is bounded. */
    struct process *a = open_both();
    struct realm_control_stats stats = {0};
    realm_control_header_init(&stats.header, REALM_CONTROL_STATS, 0);
    for (uint64_t i = 1; i <= 20; i++) {
        stats.calls = i;
        process_send(a, &stats, sizeof(stats));
    }
    const struct broker_realm *realm = broker_find_realm(world.broker, "A");
    cr_assert_eq(broker_step(world.broker, false), 0);
    cr_expect_eq(realm->stats.calls, BROKER_ROUND_PACKETS);
    cr_assert_eq(broker_step(world.broker, false), 0);
    cr_expect_eq(realm->stats.calls, 2 * BROKER_ROUND_PACKETS);
}

WORLD_TEST(hostile, a_closed_socket_gives_everything_back)
{
    /* A realm that closes its socket but runs on owns nothing any more; it can still be killed. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    struct broker_counts before = world_counts(&world);
    cr_assert_eq(process_register(b, "database", NULL), 0);
    struct process *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "database", 0, 5), 0);
    close(b->socket);
    b->socket = -1;
    process_pump(a);
    cr_expect_eq(process_letters(a, REALM_CONTROL_CLOSED), 1);
    cr_expect_eq(world_counts(&world).endpoints, 0);
    cr_expect_eq(world_counts(&world).channels, 0);
    cr_expect_eq(world_counts(&world).sockets, before.sockets);
    cr_expect_str_eq(broker_realm_state(broker_find_realm(world.broker, "B")), "running");
    broker_kill(world.broker, broker_find_realm(world.broker, "B"), BROKER_CAUSE_ADMIN);
    world_settle(&world);
    cr_expect_str_eq(broker_realm_state(broker_find_realm(world.broker, "B")), "terminated");
}

/* Runs the story of a connection up to a step, as a client and a server that stop acknowledging there. */
static void story(struct process *a, struct process *b, unsigned step)
{
    unsigned at = 0;
    if (at++ == step)
        return;
    process_hello(b);
    if (at++ == step)
        return;
    process_register(b, "database", NULL);
    if (at++ == step)
        return;
    process_hello(a);
    a->keep = b->keep = step == at;
    process_connect(a, "database", 0, 5);
    process_pump(b);
    if (at++ == step)
        return;
    process_connect(a, "database", REALM_CONNECT_WAIT, 6);
    process_connect(a, "database", REALM_CONNECT_WAIT, 7);
    if (at++ == step)
        return;
    process_pump(a);
    process_pump(b);
}

static void expect_nothing_left(void)
{
    struct broker_counts counts = world_counts(&world);
    cr_expect_eq(counts.processes, 0);
    cr_expect_eq(counts.sockets, 0);
    cr_expect_eq(counts.pages, 0);
    cr_expect_eq(counts.regions, 0);
    cr_expect_eq(counts.channels, 0);
    cr_expect_eq(counts.endpoints, 0);
    cr_expect_eq(counts.cookies, 0);
    cr_expect_eq(counts.waits, 0);
    cr_expect_eq(counts.packets, 0);
    cr_expect_eq(counts.launch_requests, 0);
    cr_expect_eq(counts.descriptors, 0);
}

static void kill_at(unsigned order, unsigned step)
{
    unsigned descriptors = open_descriptors();
    world_init(&world);
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "A", NULL), 0);
    struct process *a = world_process(&world, "A"), *b = world_process(&world, "B");
    story(a, b, step);
    broker_kill(world.broker, broker_find_realm(world.broker, order % 2 ? "A" : "B"), BROKER_CAUSE_ADMIN);
    if (order < 2)
        world_settle(&world);
    broker_kill(world.broker, broker_find_realm(world.broker, order % 2 ? "B" : "A"), BROKER_CAUSE_ADMIN);
    world_settle(&world);
    expect_nothing_left();
    cr_expect_eq(world_events(&world, "offence"), 0);
    world_deinit(&world);
    cr_assert_eq(open_descriptors(), descriptors, "order %u, step %u", order, step);
}

Test(hostile, a_kill_at_every_step)
{
    /* Client or server first, one after the other or both at once: nothing is left, whatever the step. */
    for (unsigned order = 0; order < 4; order++)
        for (unsigned step = 0; step < 7; step++)
            kill_at(order, step);
}

WORLD_TEST(hostile, an_offender_is_restarted_like_any_failure)
{
    /* Being ended for an offence is a failure: on-failure restarts it, and the exit status shows it. */
    world.realms[A].restart = MM_RESTART_ON_FAILURE;
    struct process *a = open_both();
    process_send(a, "garbage", 7);
    process_pump(a);
    cr_expect_str_eq(broker_realm_state(broker_find_realm(world.broker, "A")), "restarting");
    world_advance(&world, BROKER_BACKOFF_FIRST_NS);
    cr_expect_not_null(world_process(&world, "A"));
}

WORLD_TEST(hostile, cookies_cannot_be_borrowed)
{
    /* The server's cookie in the client's hand means nothing, nor does an endpoint's as a channel's. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    uint64_t endpoint;
    cr_assert_eq(process_register(b, "database", &endpoint), 0);
    struct process *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "database", 0, 5), 0);
    process_pump(b);
    uint64_t servers = process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie;
    uint64_t clients = process_letter(a, REALM_CONTROL_CONNECTED, 5)->packet.channel.cookie;
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, servers), REALM_E_INCAPABLE);
    cr_expect_eq(process_cookie(b, REALM_CONTROL_DISCONNECT, endpoint), REALM_E_STALE);
    cr_expect_eq(process_cookie(b, REALM_CONTROL_UNREGISTER, servers), REALM_E_STALE);
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, 0), REALM_E_INCAPABLE);
    cr_expect_eq(world_counts(&world).channels, 1);
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, clients), 0);
}
