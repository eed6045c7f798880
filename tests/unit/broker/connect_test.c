/*
 * Registering, connecting, and what becomes of channels.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

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

WORLD_TEST(connect, hello_is_answered_with_page_and_pool)
{
    /* A realm that says hello gets a welcome with its control page, then a pool of the size of its role. */
    world_start(&world);
    struct process *b = world_open(&world, "B");
    struct process *a = world_open(&world, "A");
    struct realm_control_welcome *welcome = &process_letter(a, REALM_CONTROL_WELCOME, 1)->packet.welcome;
    cr_expect_eq(welcome->realm, a->id);
    cr_expect_str_eq((char *)welcome->name.text, "A");
    cr_expect_eq(process_letter(a, REALM_CONTROL_POOL, 0)->packet.pool.count, BROKER_POOL_CLIENT);
    cr_expect_eq(process_letter(b, REALM_CONTROL_POOL, 0)->packet.pool.count, BROKER_POOL_PROVIDER);
    cr_expect_eq(world_counts(&world).regions, BROKER_POOL_CLIENT + BROKER_POOL_PROVIDER);
    cr_expect_eq(world_counts(&world).pages, 2);
    cr_expect_not_null(world_event(&world, "opened", "realm", "A"));
}

WORLD_TEST(connect, a_channel_is_made_of_a_region_of_each)
{
    /* Both ends hear of a channel once, with matching slots and peers, and each region is sealed. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    a->keep = b->keep = true;
    cr_assert_eq(process_connect(a, "database", 0, 7), 0);
    process_pump(b);
    struct letter *connected = process_letter(a, REALM_CONTROL_CONNECTED, 7);
    struct letter *accepted = process_letter(b, REALM_CONTROL_ACCEPTED, 0);
    cr_assert_not_null(accepted);
    struct realm_control_channel *client = &connected->packet.channel, *server = &accepted->packet.channel;
    cr_expect_eq(client->peer, b->id);
    cr_expect_eq(server->peer, a->id);
    cr_expect_neq(client->cookie, server->cookie);
    cr_expect_eq(client->peer_slot, server->slot);
    cr_expect_eq(server->peer_slot, client->slot);
    cr_expect_neq(server->badge, 0);
    cr_expect_eq(client->badge, 0);
    cr_expect_neq(server->endpoint, 0);
    cr_expect_eq(client->has_hint, 0);
    cr_assert_eq(connected->fds_count, 1);

    int region = connected->fds[0];
    struct stat status;
    cr_assert_eq(fstat(region, &status), 0);
    cr_expect_eq(status.st_size, REALM_REGION_DEFAULT_BYTES);
    cr_expect_eq(fcntl(region, F_GET_SEALS), F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL);
    cr_expect_eq(fcntl(region, F_GETFL) & O_ACCMODE, O_RDONLY);
    cr_expect_eq(mmap(NULL, REALM_REGION_DEFAULT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, region, 0),
                 MAP_FAILED);

    struct broker_channel *channel = broker_next_channel(world.broker, NULL);
    cr_assert_not_null(channel);
    cr_expect_str_eq(broker_channel_state(channel), "opening");
    process_ack(a, client->sequence);
    process_ack(b, server->sequence);
    world_settle(&world);
    cr_expect_str_eq(broker_channel_state(channel), "open");
    json_t *event = world_event(&world, "connected", "realm", "A");
    cr_expect_str_eq(event_text(event, "service"), "database");
    cr_expect_str_eq(event_text(event, "server"), "B");
}

WORLD_TEST(connect, aliases_and_hint_pipes)
{
    /* An alias reaches the same service; with the pipe waiter each end gets the other's hint pipe. */
    world.with_hints = true;
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    a->keep = true;
    cr_assert_eq(process_connect(a, "endpoint:1", 0, 7), 0);
    struct letter *connected = process_letter(a, REALM_CONTROL_CONNECTED, 7);
    cr_expect_eq(connected->packet.channel.has_hint, 1);
    cr_assert_eq(connected->fds_count, 2);
    uint32_t slot = connected->packet.channel.peer_slot, got;
    cr_assert_eq(write(connected->fds[1], &slot, sizeof(slot)), sizeof(slot));
    cr_expect_eq(read(b->hint, &got, sizeof(got)), sizeof(got));
}

WORLD_TEST(connect, a_refusal_says_rule_and_fix)
{
    /* What the policy does not allow is answered at once, and the event names rule, place and remedy. */
    world.realms[D].start = true;
    world_start(&world);
    struct process *d = world_open(&world, "D");
    open_provider();
    cr_expect_eq(process_connect(d, "database", REALM_CONNECT_WAIT, 5), REALM_E_DENIED);
    cr_expect_neq(process_letter(d, REALM_CONTROL_REPLY, 5)->packet.reply.decision, 0);
    json_t *event = world_event(&world, "denied", "realm", "D");
    cr_assert_not_null(event);
    cr_expect_str_eq(event_text(event, "rule"), "default");
    cr_expect_str_eq(event_text(event, "at"), "test.yaml:31:5");
    cr_expect_not_null(
        strstr(event_text(event, "fix"), "add `D` to the `access:` of `database` (test.yaml:31:5)"));
    cr_expect_not_null(strstr(event_text(event, "fix"), "- {to: D, service: database, rights: [send]}"));
    cr_expect_eq(world_counts(&world).channels, 0);
}

WORLD_TEST(connect, an_unknown_name_is_refused_with_the_remedy)
{
    /* A name that nobody declares is a refusal like others: it waits for nothing and says what to do. */
    world_start(&world);
    struct process *a = world_open(&world, "A");
    cr_expect_eq(process_connect(a, "databse", REALM_CONNECT_WAIT, 5), REALM_E_NO_SERVICE);
    cr_expect_not_null(strstr(event_text(world_event(&world, "denied", "realm", "A"), "fix"), "databse"));
    cr_expect_eq(world_counts(&world).waits, 0);
}

WORLD_TEST(connect, only_the_provider_registers_and_only_once)
{
    /* A name belongs to its declared provider, and has one endpoint at a time. */
    world_start(&world);
    struct process *a = world_open(&world, "A"), *b = open_provider();
    cr_expect_eq(process_register(a, "database", NULL), REALM_E_DENIED);
    cr_expect_not_null(strstr(event_text(world_event(&world, "denied", "realm", "A"), "fix"), "provider"));
    cr_expect_eq(process_register(b, "endpoint:1", NULL), REALM_E_EXISTS);
    cr_expect_eq(process_register(b, "nothing", NULL), REALM_E_NO_SERVICE);
    cr_expect_eq(world_counts(&world).endpoints, 1);
}

WORLD_TEST(connect, a_wait_ends_with_the_registration)
{
    /* Allowed but not registered: without the flag it is refused, with it the answer comes in time. */
    world_start(&world);
    struct process *a = world_open(&world, "A");
    cr_expect_eq(process_connect(a, "database", 0, 5), REALM_E_NO_SERVICE);
    cr_expect_eq(process_connect(a, "database", REALM_CONNECT_WAIT, 6), -1);
    cr_expect_eq(world_counts(&world).waits, 1);
    uint64_t decisions = world.broker->decisions;
    world_open(&world, "D"); /* its pool is no business of A's */
    cr_expect_eq(world.broker->decisions, decisions + 1, "only the spawn was decided");
    open_provider();
    process_pump(a);
    cr_expect_not_null(process_letter(a, REALM_CONTROL_CONNECTED, 6));
    cr_expect_eq(world_counts(&world).waits, 0);
}

WORLD_TEST(connect, waits_are_bounded_and_end_with_their_realm)
{
    /* The 33rd wait of a realm costs its first; and no wait outlives its realm. */
    world_start(&world);
    struct process *a = world_open(&world, "A");
    for (uint64_t i = 0; i < BROKER_REALM_WAITS + 1; i++)
        process_connect(a, "database", REALM_CONNECT_WAIT, 100 + i);
    cr_expect_eq(process_reply(a, 100), REALM_E_LIMIT);
    cr_expect_eq(process_reply(a, 101), -1);
    cr_expect_eq(world_counts(&world).waits, BROKER_REALM_WAITS);
    process_exit(a, 0);
    cr_expect_eq(world_counts(&world).waits, 0);
}

WORLD_TEST(connect, an_empty_pool_is_waited_for)
{
    /* While the launcher makes no memory connects wait; when it can again they are served in order. */
    world_start(&world);
    struct process *b = open_provider();
    struct process *a = world_open(&world, "A");
    world.hold_regions = true;
    uint64_t xid = 10;
    while (process_connect(a, "database", 0, xid) == 0)
        xid++;
    cr_expect_eq(xid, 10 + BROKER_POOL_CLIENT);
    cr_expect_eq(process_reply(a, xid), -1);
    cr_expect_eq(world_counts(&world).waits, 1);
    process_pump(b);
    cr_expect_eq(process_letters(b, REALM_CONTROL_ACCEPTED), BROKER_POOL_CLIENT);
    /* Nobody can help: after its deadline the client is told. */
    world_advance(&world, BROKER_POOL_DEADLINE_NS - 1);
    process_pump(a);
    cr_expect_eq(process_reply(a, xid), -1);
    world_advance(&world, 1);
    process_pump(a);
    cr_expect_eq(process_reply(a, xid), REALM_E_LIMIT);
    cr_expect_eq(world_counts(&world).waits, 0);
}

WORLD_TEST(connect, many_connects_at_once_all_succeed)
{
    /* A burst of more connects than any pool holds is served by refills. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    for (uint64_t i = 0; i < 30; i++) {
        struct realm_control_named packet = {0};
        realm_control_header_init(&packet.header, REALM_CONTROL_CONNECT, 200 + i);
        realm_control_name_init(&packet.name, "database", 8);
        process_send(a, &packet, sizeof(packet));
    }
    for (unsigned i = 0; i < 60; i++) {
        process_pump(a);
        process_pump(b);
    }
    cr_expect_eq(process_letters(a, REALM_CONTROL_CONNECTED), 30);
    cr_expect_eq(process_letters(b, REALM_CONTROL_ACCEPTED), 30);
    cr_expect_eq(world_counts(&world).channels, 30);
    /* Slots are dense, and no region serves twice. */
    bool slots[30] = {false};
    uint32_t regions[30];
    unsigned count = 0;
    for (unsigned i = 0; i < a->inbox_count; i++) {
        struct realm_control_channel *channel = &a->inbox[i].packet.channel;
        if (channel->header.type != REALM_CONTROL_CONNECTED)
            continue;
        cr_assert_lt(channel->slot, 30);
        cr_expect_not(slots[channel->slot]);
        slots[channel->slot] = true;
        for (unsigned j = 0; j < count; j++)
            cr_expect_neq(regions[j], channel->region);
        regions[count++] = channel->region;
    }
    /* Whoever waited for a pool waits no more, and the broker does not wake up for a deadline of nobody's. */
    cr_expect_eq(world_counts(&world).waits, 0);
    cr_expect_not(world.broker->waits_timer.armed);
}

WORLD_TEST(connect, disconnect_tells_the_server)
{
    /* The client's end of a channel: it is answered, the server is told, everything is given back. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    process_pump(b);
    struct broker_counts before = world_counts(&world);
    cr_assert_eq(process_connect(a, "database", 0, 7), 0);
    process_pump(b);
    uint64_t cookie = process_letter(a, REALM_CONTROL_CONNECTED, 7)->packet.channel.cookie;
    uint64_t servers = process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie;
    cr_expect_eq(process_cookie(b, REALM_CONTROL_DISCONNECT, cookie), REALM_E_INCAPABLE); /* another's */
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, cookie), 0);
    process_pump(b);
    struct letter *closed = process_letter(b, REALM_CONTROL_CLOSED, 0);
    cr_assert_not_null(closed);
    cr_expect_eq(closed->packet.closed.cookie, servers);
    cr_expect_eq(closed->packet.closed.reason, REALM_E_PEER_DEAD);
    cr_expect_eq(process_letters(a, REALM_CONTROL_CLOSED), 0);
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, cookie), REALM_E_STALE);
    struct broker_counts after = world_counts(&world);
    cr_expect_eq(after.channels, before.channels);
    cr_expect_eq(after.cookies, before.cookies);
    cr_expect_not_null(world_event(&world, "disconnected", "realm", "A"));
}

WORLD_TEST(connect, slots_are_used_again_and_badges_are_not)
{
    /* A slot is a small dense number; a badge and a cookie name one channel for ever. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    uint64_t badge = 0, cookie = 0;
    for (uint64_t i = 0; i < 100; i++) {
        cr_assert_eq(process_connect(a, "database", 0, 10 + i), 0);
        process_pump(b);
        struct realm_control_channel *client = &process_letter(a, REALM_CONTROL_CONNECTED, 0)->packet.channel;
        struct realm_control_channel *server = &process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel;
        cr_assert_eq(client->slot, 0);
        cr_assert_eq(server->slot, 0);
        cr_assert_gt(server->badge, badge);
        cr_assert_neq(client->cookie, cookie);
        badge = server->badge;
        cookie = client->cookie;
        cr_assert_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, cookie), 0);
        process_forget(a);
        process_forget(b);
    }
}

WORLD_TEST(connect, unregister_closes_the_clients_channels)
{
    /* An endpoint that is withdrawn takes its channels with it; it can be registered again. */
    world_start(&world);
    struct process *b = world_open(&world, "B"), *a = world_open(&world, "A");
    uint64_t endpoint;
    cr_assert_eq(process_register(b, "database", &endpoint), 0);
    cr_assert_eq(process_connect(a, "database", 0, 7), 0);
    process_pump(b);
    cr_expect_eq(process_cookie(a, REALM_CONTROL_UNREGISTER, endpoint), REALM_E_INCAPABLE);
    cr_expect_eq(process_cookie(b, REALM_CONTROL_UNREGISTER, endpoint), 0);
    process_pump(a);
    cr_assert_not_null(process_letter(a, REALM_CONTROL_CLOSED, 0));
    cr_expect_eq(process_letters(b, REALM_CONTROL_CLOSED), 0);
    cr_expect_eq(world_counts(&world).channels, 0);
    cr_expect_eq(world_counts(&world).endpoints, 0);
    cr_expect_not_null(world_event(&world, "unregistered", "service", "database"));
    cr_expect_eq(process_cookie(b, REALM_CONTROL_UNREGISTER, endpoint), REALM_E_STALE);
    cr_expect_eq(process_register(b, "database", NULL), 0);
}

WORLD_TEST(connect, a_provider_that_dies_is_told_to_its_clients)
{
    /* The clients of a dead provider get CLOSED with PEER_DEAD, and their epoch is bumped after it. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "database", 0, 7), 0);
    struct broker_realm *record = broker_find_realm(world.broker, "A");
    uint32_t epoch = record->page->epoch;
    process_exit(b, 1 << 8);
    cr_expect_neq(record->page->epoch, epoch);
    process_pump(a);
    struct letter *closed = process_letter(a, REALM_CONTROL_CLOSED, 0);
    cr_assert_not_null(closed);
    cr_expect_eq(closed->packet.closed.reason, REALM_E_PEER_DEAD);
    cr_expect_eq(closed->packet.closed.cookie,
                 process_letter(a, REALM_CONTROL_CONNECTED, 7)->packet.channel.cookie);
    cr_expect_str_eq(event_text(world_event(&world, "closed", "realm", "A"), "reason"), "peer-dead");
    cr_expect_eq(world_counts(&world).cookies, 0);
}

WORLD_TEST(connect, a_fault_closes_the_channel_for_the_other)
{
    /* A realm that reports its peer's false claim ends the channel; the accused hears PEER_FAULT. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "database", 0, 7), 0);
    process_pump(b);
    struct realm_control_fault fault = {
        .cookie = process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie,
        .kind = REALM_FAULT_CLAIM};
    realm_control_header_init(&fault.header, REALM_CONTROL_FAULT, 0);
    process_send(b, &fault, sizeof(fault));
    process_pump(a);
    cr_assert_not_null(process_letter(a, REALM_CONTROL_CLOSED, 0));
    cr_expect_eq(process_letter(a, REALM_CONTROL_CLOSED, 0)->packet.closed.reason, REALM_E_PEER_FAULT);
    cr_expect_str_eq(event_text(world_event(&world, "closed", "realm", "A"), "reason"), "peer-fault");
    /* Once more, late: the channel is gone, and that is no offence. */
    process_send(b, &fault, sizeof(fault));
    process_pump(b);
    cr_expect_not_null(world_process(&world, "B"));
    cr_expect_eq(world_events(&world, "offence"), 0);
}

WORLD_TEST(connect, what_is_queued_for_a_channel_that_ends_is_withdrawn)
{
    /* A server that has not been told of a channel never hears of it when the client goes first. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    b->keep = true;
    cr_assert_eq(process_connect(a, "database", 0, 7), 0); /* its ACCEPTED stays in flight */
    cr_assert_eq(process_connect(a, "database", 0, 8), 0); /* … and this one is queued behind it */
    uint64_t cookie = process_letter(a, REALM_CONTROL_CONNECTED, 8)->packet.channel.cookie;
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, cookie), 0);
    process_pump(b);
    process_ack(b, process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel.sequence);
    process_pump(b);
    cr_expect_eq(process_letters(b, REALM_CONTROL_ACCEPTED), 1);
    cr_expect_eq(process_letters(b, REALM_CONTROL_CLOSED), 0);
}

WORLD_TEST(connect, regions_that_nobody_has_seen_serve_again)
{
    /* A channel ends while both of its packets are queued: the one that lives has its region back. */
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    a->keep = b->keep = true;
    process_connect(a, "database", 0, 7); /* in flight at both ends */
    uint32_t ready = broker_find_realm(world.broker, "B")->pool.ready_count;
    process_connect(a, "database", 0, 8); /* queued at both */
    cr_assert_eq(world_counts(&world).channels, 2);
    cr_assert_eq(broker_find_realm(world.broker, "B")->pool.ready_count, ready - 1);
    process_exit(a, 0);
    cr_expect_eq(broker_find_realm(world.broker, "B")->pool.ready_count, ready);
}

WORLD_TEST(connect, a_connect_whose_server_dies_unheard_is_decided_anew)
{
    /* CONNECTED is still queued when the server dies: the client's wait goes on to the next server. */
    world.realms[B].restart = MM_RESTART_ON_FAILURE;
    world_start(&world);
    struct process *b = open_provider(), *a = world_open(&world, "A");
    process_pump(b);
    a->keep = true;
    cr_assert_eq(process_connect(a, "database", REALM_CONNECT_WAIT, 7), 0); /* in flight from now on */
    cr_assert_eq(process_connect(a, "database", REALM_CONNECT_WAIT, 8), -1);
    cr_assert_eq(process_connect(a, "database", 0, 9), -1);
    cr_expect_eq(world_counts(&world).channels + world_counts(&world).waits, 3);
    process_exit(b, 1 << 8);
    process_pump(a);
    cr_expect_eq(process_letters(a, REALM_CONTROL_CLOSED), 1); /* of the first only */
    cr_expect_eq(process_reply(a, 9), REALM_E_NO_SERVICE);
    cr_expect_eq(process_reply(a, 8), -1);
    world_advance(&world, BROKER_BACKOFF_FIRST_NS);
    open_provider();
    a->keep = false;
    process_ack(a, process_letter(a, REALM_CONTROL_CONNECTED, 7)->packet.channel.sequence);
    for (unsigned i = 0; i < 5; i++)
        process_pump(a);
    cr_expect_not_null(process_letter(a, REALM_CONTROL_CONNECTED, 8));
}

WORLD_TEST(connect, a_parents_grant_lets_its_child_in)
{
    /* C1 may not use "network"; its parent C, which may not either, cannot grant it; D to its own could. */
    world.services[NETWORK].access_count = 0;
    world.realms[C1].parent = D;
    world.realms[D].start = true;
    world.services[DATABASE].access[0] = (struct mm_access){.kind = MM_ACCESS_REALM, .realm = D};
    world_start(&world);
    struct process *d = world_open(&world, "D");
    open_provider();
    cr_assert_eq(world_spawn(&world, "C1", NULL), 0);
    struct process *c1 = world_open(&world, "C1");
    cr_expect_eq(process_connect(c1, "database", 0, 5), REALM_E_DENIED);

    struct realm_control_grant grant = {.rights = REALM_RIGHT_SEND};
    realm_control_header_init(&grant.header, REALM_CONTROL_GRANT, 77);
    realm_control_name_init(&grant.child, "C1", 2);
    realm_control_name_init(&grant.service, "logger", 6);
    process_send(d, &grant, sizeof(grant));
    process_pump(d);
    cr_expect_eq(process_reply(d, 77), REALM_E_DENIED); /* not D's to give */
    realm_control_header_init(&grant.header, REALM_CONTROL_GRANT, 78);
    realm_control_name_init(&grant.service, "database", 8);
    process_send(d, &grant, sizeof(grant));
    process_pump(d);
    cr_expect_eq(process_reply(d, 78), 0);
    cr_expect_not_null(world_event(&world, "granted", "child", "C1"));
    cr_expect_eq(process_connect(c1, "database", 0, 6), 0);
    realm_control_header_init(&grant.header, REALM_CONTROL_GRANT, 79);
    realm_control_name_init(&grant.child, "B", 1);
    process_send(d, &grant, sizeof(grant));
    process_pump(d);
    cr_expect_eq(process_reply(d, 79), REALM_E_NOT_CHILD);
}

WORLD_TEST(connect, explain_says_what_would_happen)
{
    /* The explanation agrees with the decision, and names every rule that was looked at. */
    world_start(&world);
    struct broker_explanation *explanation;
    const struct broker_realm *a = broker_find_realm(world.broker, "A"),
                              *d = broker_find_realm(world.broker, "D");
    cr_assert_eq(broker_explain(world.broker, a, "endpoint:1", 0, &explanation), 0);
    cr_expect(explanation->allowed);
    cr_expect_not(explanation->registered);
    cr_expect_str_eq(explanation->reason.at, "test.yaml:31:40");
    cr_expect_gt(explanation->steps_count, 0);
    cr_expect(explanation->steps[explanation->steps_count - 1].matched);
    free(explanation);
    cr_assert_eq(broker_explain(world.broker, d, "database", 0, &explanation), 0);
    cr_expect_not(explanation->allowed);
    cr_expect_str_eq(explanation->reason.rule, "default");
    free(explanation);
    cr_assert_eq(broker_explain(world.broker, d, "databse", 0, &explanation), REALM_E_NO_SERVICE);
    cr_expect_not_null(strstr(explanation->reason.fix, "databse"));
    free(explanation);
}
