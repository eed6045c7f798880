/*
 * Capabilities on the wire, sent raw: what a realm may ask of the broker about what it holds, in the right
 * order and in every wrong one.
 *
 * B provides "database" and has all rights on its endpoint; A is its client; D provides "network", and A is
 * its client too. B gives A what it needs.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>

#include <realm/error.h>

#include "mm/broker/diagnosis.h"
#include "mm/broker/penalty.h"
#include "tests/unit/broker/world.h"

#define ALL (REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE)

static struct world world;
static struct process *a, *b, *d;
static uint64_t endpoint;         /* B's cookie of "database" */
static uint64_t a_to_b, b_from_a; /* the ends of A's channel to "database" */
static uint64_t a_to_d, d_from_a; /* … and to "network" */
static uint64_t last_xid = 500000;

static void open_channel(struct process *client, const char *service, struct process *server,
                         uint64_t *ret_client, uint64_t *ret_server)
{
    uint64_t xid = ++last_xid;
    cr_assert_eq(process_connect(client, service, 0, xid), 0);
    process_pump(server);
    *ret_client = process_letter(client, REALM_CONTROL_CONNECTED, xid)->packet.channel.cookie;
    *ret_server = process_letter(server, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie;
}

static void open_all(void)
{
    world_start(&world);
    b = world_open(&world, "B");
    cr_assert_eq(process_register(b, "database", &endpoint), 0);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    d = world_open(&world, "D");
    cr_assert_eq(process_register(d, "network", NULL), 0);
    a = world_open(&world, "A");
    open_channel(a, "database", b, &a_to_b, &b_from_a);
    open_channel(a, "network", d, &a_to_d, &d_from_a);
}

/* Sends and pumps everybody; the answer's status, 0 for CONNECTED and CAPABILITY, -1: none yet. */
static int answer_to(struct process *process, uint64_t xid)
{
    struct process *all[] = {a, b, d};
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 3; i++)
            if (all[i] && all[i]->socket >= 0)
                process_pump(all[i]);
    }
    if (process_letter(process, REALM_CONTROL_CONNECTED, xid) ||
        process_letter(process, REALM_CONTROL_CAPABILITY, xid))
        return 0;
    return process_reply(process, xid);
}

static int send_derive(struct process *process, enum realm_control_type type,
                       struct realm_control_derive packet)
{
    realm_control_header_init(&packet.header, type, ++last_xid);
    process_send(process, &packet, sizeof(packet));
    return answer_to(process, last_xid);
}

static int offer(struct process *process, uint64_t source, uint64_t via, uint32_t rights,
                 uint32_t *ret_ticket)
{
    struct realm_control_derive packet = {
        .source = source, .via = via, .rights = rights, .mode = rights ? REALM_COPY : REALM_MOVE};
    int status = send_derive(process, REALM_CONTROL_OFFER, packet);
    if (status == 0)
        *ret_ticket = (uint32_t)process_letter(process, REALM_CONTROL_REPLY, last_xid)->packet.reply.value;
    return status;
}

static int send_ticket(struct process *process, enum realm_control_type type, uint64_t via, uint32_t ticket)
{
    struct realm_control_ticket packet = {.via = via, .ticket = ticket};
    realm_control_header_init(&packet.header, type, ++last_xid);
    process_send(process, &packet, sizeof(packet));
    return answer_to(process, last_xid);
}

static int take(struct process *process, uint64_t via, uint32_t ticket, uint64_t *ret_cookie)
{
    int status = send_ticket(process, REALM_CONTROL_TAKE, via, ticket);
    struct letter *connected = process_letter(process, REALM_CONTROL_CONNECTED, last_xid);
    if (connected)
        *ret_cookie = connected->packet.channel.cookie;
    return status;
}

static int send_cookie(struct process *process, enum realm_control_type type, uint64_t cookie)
{
    struct realm_control_cookie packet = {.cookie = cookie};
    realm_control_header_init(&packet.header, type, ++last_xid);
    process_send(process, &packet, sizeof(packet));
    return answer_to(process, last_xid);
}

static int after_the_delay(struct process *process)
{
    world_advance(&world, 2 * REALM_MSEC);
    return answer_to(process, last_xid);
}

/* B gives A a send capability to "database" with all rights; A's cookie for it. */
static uint64_t endow(void)
{
    uint32_t ticket = 0;
    uint64_t cookie = 0;
    cr_assert_eq(offer(b, endpoint, b_from_a, ALL, &ticket), 0);
    cr_assert_eq(take(a, a_to_b, ticket, &cookie), 0);
    return cookie;
}

/* A gives D a copy; D's cookie for it. */
static uint64_t pass_to_d(uint64_t source)
{
    uint32_t ticket = 0;
    uint64_t cookie = 0;
    cr_assert_eq(offer(a, source, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
    cr_assert_eq(take(d, d_from_a, ticket, &cookie), 0);
    return cookie;
}

/* --- the way it goes --- */

WORLD_TEST(delegate, a_capability_that_was_taken_is_a_channel)
{
    /* The taker gets CONNECTED, the server ACCEPTED with the badge; nobody else hears anything. */
    open_all();
    uint64_t own = endow();
    const struct realm_control_channel *first = &process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel;
    cr_expect_eq(first->endpoint, endpoint);
    uint64_t badge = first->badge;
    unsigned accepted = process_letters(d, REALM_CONTROL_ACCEPTED);
    uint64_t theirs = pass_to_d(own);
    const struct realm_control_channel *second =
        &process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel;
    cr_expect_neq(theirs, own);
    cr_expect_eq(second->badge, badge); /* a copy of a send keeps it */
    cr_expect_eq(process_letter(d, REALM_CONTROL_CONNECTED, 0)->packet.channel.rights, REALM_RIGHT_SEND);
    cr_expect_eq(process_letter(a, REALM_CONTROL_CONNECTED, 0)->packet.channel.rights, ALL);
    cr_expect_eq(second->rights, 0); /* the server's end has none */
    cr_expect_eq(second->peer, broker_find_realm(world.broker, "D")->id);
    cr_expect_eq(process_letters(d, REALM_CONTROL_ACCEPTED), accepted);
    cr_expect_eq(world_events(&world, "delegated"), 2);
    cr_expect_eq(world_counts(&world).channels, 4);
}

static off_t size_of(int region)
{
    struct stat status;
    cr_assert_eq(fstat(region, &status), 0);
    return status.st_size;
}

WORLD_TEST(delegate, a_revocation_reaches_what_lingers)
{
    /* B disconnects D, whose channel A had derived: D may read its last reply for a second, but not after A
     * has revoked. The channel that A has by connecting, disconnected as well, is nobody's to revoke. */
    open_all();
    uint64_t own = endow();
    process_forget(b);
    d->keep = true;
    pass_to_d(own);
    const struct letter *connected = process_letter(d, REALM_CONTROL_CONNECTED, last_xid);
    int region = connected->fds[0];
    process_ack(d, connected->packet.channel.sequence);
    uint64_t d_from_b = process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie;
    cr_assert_eq(send_cookie(b, REALM_CONTROL_DISCONNECT, d_from_b), 0);
    cr_expect_gt(size_of(region), 0);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(region), 0);
}

WORLD_TEST(delegate, revoking_takes_what_was_derived_and_nothing_else)
{
    /* D's channel goes, with REVOKED at both ends; A's stays; the answer comes when it is gone. Twice is
     * allowed. */
    open_all();
    uint64_t own = endow(), theirs = pass_to_d(own);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, own), 0);
    struct letter *closed = process_letter(d, REALM_CONTROL_CLOSED, 0);
    cr_assert_not_null(closed);
    cr_expect_eq(closed->packet.closed.cookie, theirs);
    cr_expect_eq(closed->packet.closed.reason, REALM_E_REVOKED);
    cr_expect_eq(process_letters(b, REALM_CONTROL_CLOSED), 1);
    cr_expect_eq(process_letters(a, REALM_CONTROL_CLOSED), 0);
    cr_expect_eq(world_counts(&world).channels, 3);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(send_cookie(d, REALM_CONTROL_REVOKE, theirs), REALM_E_STALE);
    pass_to_d(own); /* and it can be given again */
}

WORLD_TEST(delegate, a_server_that_revokes_its_endpoint)
{
    /* Everything derived from the endpoint goes, the connects' channels too; the endpoint stays. */
    open_all();
    pass_to_d(endow());
    cr_expect_eq(send_cookie(b, REALM_CONTROL_REVOKE, endpoint), 0);
    cr_expect_eq(world_counts(&world).channels, 1);
    cr_expect_eq(process_letters(a, REALM_CONTROL_CLOSED), 2);
    cr_expect_eq(process_connect(a, "database", 0, 77), 0);
}

WORLD_TEST(delegate, moved)
{
    /* The giver's channel dies; what it gave on before stays derived from what was moved. */
    open_all();
    uint64_t own = endow(), theirs = 0;
    uint32_t ticket = 0;
    cr_assert_eq(offer(a, own, a_to_d, 0, &ticket), 0);
    cr_assert_eq(take(d, d_from_a, ticket, &theirs), 0);
    struct letter *closed = process_letter(a, REALM_CONTROL_CLOSED, 0);
    cr_assert_not_null(closed);
    cr_expect_eq(closed->packet.closed.cookie, own);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, own), REALM_E_STALE);
    cr_expect_eq(send_cookie(d, REALM_CONTROL_REVOKE, theirs), 0); /* its rights moved along */
    cr_expect_eq(world_counts(&world).channels, 3);
}

WORLD_TEST(delegate, minted_badges_cannot_be_taken_for_counted_ones)
{
    open_all();
    struct realm_control_derive packet = {
        .source = endow(), .rights = REALM_RIGHT_SEND, .mode = REALM_MINT, .badge = 1};
    cr_assert_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), 0);
    cr_expect_eq(process_letter(b, REALM_CONTROL_ACCEPTED, 0)->packet.channel.badge, POLICY_BADGE_MINTED | 1);
    packet.badge = POLICY_BADGE_MINTED | 1;
    cr_expect_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), REALM_E_BAD_ARGUMENT);
    packet.badge = 0;
    cr_expect_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), REALM_E_BAD_ARGUMENT);
}

WORLD_TEST(delegate, an_anonymous_endpoint)
{
    /* It has no name; its maker gives capabilities to it; without it they are gone. */
    open_all();
    struct realm_control_header create;
    realm_control_header_init(&create, REALM_CONTROL_CREATE, ++last_xid);
    process_send(a, &create, sizeof(create));
    cr_assert_eq(answer_to(a, last_xid), 0);
    const struct realm_control_capability made =
        process_letter(a, REALM_CONTROL_CAPABILITY, last_xid)->packet.capability;
    cr_expect_eq(made.kind, REALM_KIND_ENDPOINT);
    cr_expect_eq(made.name.size, 0);
    uint32_t ticket = 0;
    uint64_t theirs = 0;
    cr_assert_eq(offer(a, made.cookie, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
    cr_assert_eq(take(d, d_from_a, ticket, &theirs), 0);
    cr_expect_eq(process_letter(a, REALM_CONTROL_ACCEPTED, 0)->packet.channel.endpoint, made.cookie);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_DELETE, made.cookie), 0);
    cr_expect_eq(process_letter(d, REALM_CONTROL_CLOSED, 0)->packet.closed.cookie, theirs);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_DELETE, made.cookie), REALM_E_STALE);
}

WORLD_TEST(delegate, held_tells_everything_once)
{
    /* B holds the name of its service and the endpoint; a cookie that was told can be used. */
    open_all();
    uint64_t cookie = 0;
    unsigned kinds[8] = {0}, count = 0;
    while (send_cookie(b, REALM_CONTROL_HELD, cookie) == 0 && ++count < 10) {
        const struct realm_control_capability *told =
            &process_letter(b, REALM_CONTROL_CAPABILITY, last_xid)->packet.capability;
        cookie = told->cookie;
        kinds[told->kind]++;
        cr_expect_str_eq((const char *)told->name.text, "database");
    }
    cr_expect_eq(process_reply(b, last_xid), REALM_E_STALE);
    cr_expect_eq(count, 2);
    cr_expect_eq(kinds[REALM_KIND_NAME], 1);
    cr_expect_eq(kinds[REALM_KIND_ENDPOINT], 1);
}

/* --- every wrong way --- */

WORLD_TEST(delegate, tickets_of_another_channel)
{
    /* A ticket is one end's; it is good for one taking, and only at the other end. */
    open_all();
    uint64_t own = endow(), theirs = 0;
    uint32_t ticket = 0;
    cr_assert_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
    cr_expect_eq(take(b, b_from_a, ticket, &theirs), REALM_E_INCAPABLE); /* A offered nothing there */
    cr_expect_eq(take(a, a_to_d, ticket, &theirs), REALM_E_INCAPABLE);   /* … nor did D to A */
    cr_expect_eq(take(d, a_to_d, ticket, &theirs), -1);                  /* A's end is nothing to D */
    cr_expect_eq(after_the_delay(d), REALM_E_INCAPABLE);
    cr_expect_eq(take(d, d_from_a, ticket + 1, &theirs), REALM_E_INCAPABLE);
    cr_expect_eq(take(d, d_from_a, ticket, &theirs), 0);
    cr_expect_eq(take(d, d_from_a, ticket, &theirs), REALM_E_STALE);
    cr_expect_eq(send_ticket(a, REALM_CONTROL_WITHDRAW, a_to_d, ticket), REALM_E_STALE);
}

WORLD_TEST(delegate, a_peers_invention_costs_the_taker_nothing)
{
    /* The number comes from the other end. However many it makes up, who takes them is not slowed down. */
    open_all();
    uint64_t theirs = 0;
    for (uint32_t ticket = 1; ticket < 50; ticket++)
        cr_assert_eq(take(b, b_from_a, ticket, &theirs), REALM_E_INCAPABLE);
    cr_expect_eq(take(b, b_from_a, REALM_TICKET_MAX, &theirs), REALM_E_INCAPABLE);
    cr_expect_eq(broker_find_realm(world.broker, "B")->wrong_cookies, 0);
    cr_expect_eq(take(b, a_to_b, 1, &theirs), -1, "the cookie is B's own mistake");
    cr_expect_eq(after_the_delay(b), REALM_E_INCAPABLE);
    cr_expect_eq(broker_find_realm(world.broker, "B")->wrong_cookies, 1);
}

WORLD_TEST(delegate, offers_without_end)
{
    /* Sixteen wait; the next is refused; one that is withdrawn makes room, and can be taken no more. */
    open_all();
    uint64_t own = endow(), theirs = 0;
    uint32_t ticket = 0, first = 0;
    for (unsigned i = 0; i < BROKER_END_OFFERS; i++) {
        cr_assert_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
        first = i == 0 ? ticket : first;
    }
    cr_expect_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), REALM_E_LIMIT);
    cr_expect_eq(send_ticket(a, REALM_CONTROL_WITHDRAW, a_to_d, first), 0);
    cr_expect_eq(take(d, d_from_a, first, &theirs), REALM_E_STALE);
    cr_expect_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
    cr_expect_neq(ticket, first);
    /* What was offered of a capability that is gone takes no room. */
    cr_expect_eq(send_cookie(a, REALM_CONTROL_DISCONNECT, own), 0);
    cr_expect_eq(take(d, d_from_a, ticket, &theirs), REALM_E_STALE);
    uint64_t other = endow();
    cr_expect_eq(offer(a, other, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
}

WORLD_TEST(delegate, revoked_between_offer_and_take)
{
    /* The source went meanwhile: there is nothing to be taken, and nothing has changed. */
    open_all();
    uint64_t own = endow(), theirs = 0;
    uint32_t ticket = 0;
    cr_assert_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, endpoint), 0);
    cr_expect_eq(take(d, d_from_a, ticket, &theirs), REALM_E_STALE);
    cr_expect_eq(world_events(&world, "delegated"), 1);
}

/* The newest refusal, as its event tells it, and as it can be asked for by its number. */
static void expect_told(const char *asked, const char *rule, const char *at, bool mendable)
{
    const json_t *event = world_event(&world, "denied", "asked", asked);
    cr_assert_not_null(event, "%s is not told", asked);
    cr_expect_str_eq(event_text(event, "rule"), rule);
    cr_expect_str_eq(event_text(event, "at"), at);
    uint64_t number = (uint64_t)json_integer_value(json_object_get(event, "decision"));
    const struct diagnosis_entry *entry = diagnosis_find(world.broker, number);
    cr_assert_not_null(entry, "%s is not kept", asked);
    cr_expect_str_eq(entry->asked, asked);
    cr_expect_eq(entry->mendable, mendable);
    struct question question;
    struct edits edits = {.count = 0};
    diagnosis_question_of(world.broker, entry, &question);
    if (mendable)
        cr_expect(fix_find(world.broker->config, &question, &edits) == 0 && edits.count == 1);
}

WORLD_TEST(delegate, nobody_gains_a_right)
{
    /* What A got by connecting has SEND alone: it can be neither given, nor minted, nor revoked from. */
    open_all();
    uint32_t ticket = 0;
    cr_expect_eq(offer(a, a_to_b, a_to_d, REALM_RIGHT_SEND, &ticket), REALM_E_DENIED);
    expect_told("offer", "rights", "test.yaml:31:40", true);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, a_to_b), REALM_E_DENIED);
    expect_told("revoke", "rights", "test.yaml:31:40", true);
    struct realm_control_derive packet = {.source = a_to_b, .mode = REALM_COPY, .rights = ALL};
    cr_expect_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), REALM_E_DENIED);
    packet.rights = REALM_RIGHT_RECV; /* no send has it */
    cr_expect_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), REALM_E_BAD_ARGUMENT);
    packet.rights = 0;
    cr_expect_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), REALM_E_BAD_ARGUMENT);
    packet.source = b_from_a; /* B's cookie, in A's hands */
    packet.rights = REALM_RIGHT_SEND;
    cr_expect_eq(send_derive(a, REALM_CONTROL_DERIVE, packet), -1);
    cr_expect_eq(after_the_delay(a), REALM_E_INCAPABLE);
    packet.source = b_from_a; /* a server's end is no capability of the server's */
    cr_expect_eq(send_derive(b, REALM_CONTROL_DERIVE, packet), REALM_E_BAD_ARGUMENT);
    /* To the server itself, which would wait for itself. */
    cr_expect_eq(offer(a, endow(), a_to_b, REALM_RIGHT_SEND, &ticket), REALM_E_DENIED);
    expect_told("offer", "self", "test.yaml", false);
    cr_expect_eq(world_counts(&world).channels, 3);
}

WORLD_TEST(delegate, killed_between_offer_and_take)
{
    /* With the giver goes its channel, and with that the offer; with the server, what could be taken. */
    for (unsigned who = 0; who < 3; who++) {
        if (who > 0) {
            world_deinit(&world);
            world_init(&world);
        }
        open_all();
        uint64_t own = endow(), theirs = 0;
        uint32_t ticket = 0;
        cr_assert_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), 0);
        process_exit(who == 0 ? a : who == 1 ? b : d, 9);
        world_settle(&world);
        if (who == 0)
            cr_expect_eq(take(d, d_from_a, ticket, &theirs), REALM_E_STALE);
        else if (who == 1)
            cr_expect_eq(take(d, d_from_a, ticket, &theirs), REALM_E_STALE);
        else
            cr_expect_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &ticket), REALM_E_STALE);
        cr_expect_eq(world_events(&world, "offence"), 0);
    }
}

WORLD_TEST(delegate, a_taken_channel_that_ends_before_it_is_told)
{
    /* D does not acknowledge, so CONNECTED waits behind another packet; the server goes; D is answered. */
    open_all();
    uint64_t own = endow(), theirs = 0;
    uint32_t first = 0, second = 0;
    cr_assert_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &first), 0);
    cr_assert_eq(offer(a, own, a_to_d, REALM_RIGHT_SEND, &second), 0);
    d->keep = true;
    cr_assert_eq(take(d, d_from_a, first, &theirs), 0);
    cr_assert_eq(take(d, d_from_a, second, &theirs), -1);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(answer_to(d, last_xid - 1), REALM_E_REVOKED);
    cr_expect_eq(process_letters(d, REALM_CONTROL_CLOSED), 1);
    cr_expect_eq(world_counts(&world).channels, 3);
}

/* --- what a wrong cookie costs --- */

WORLD_TEST(delegate, the_delay_grows_and_is_the_callers_alone)
{
    /* 50 µs and 5 µs for each failure, 1 ms at most, and up to that again; B is answered at once meanwhile.
     */
    open_all();
    cr_expect_eq(penalty_delay_ns(1, 0), 55000);
    cr_expect_eq(penalty_delay_ns(189, 0), 995000);
    cr_expect_eq(penalty_delay_ns(190, 0), REALM_MSEC);
    cr_expect_eq(penalty_delay_ns(UINT64_MAX, 0), REALM_MSEC);
    cr_expect_eq(penalty_delay_ns(1, 55000), 110000);
    cr_expect_eq(penalty_delay_ns(1, 55001), 55000);
    for (uint64_t failures = 1; failures <= 250; failures++) {
        uint64_t least_ns = penalty_delay_ns(failures, 0);
        uint64_t asked_ns = world_now_ns();
        cr_assert_eq(send_cookie(a, REALM_CONTROL_REVOKE, 0x123456789abcdef + failures), -1);
        uint64_t xid = last_xid;
        cr_assert_eq(send_cookie(b, REALM_CONTROL_HELD, 0), 0);
        world_advance(&world, asked_ns + least_ns - 1 - world_now_ns());
        cr_assert_eq(answer_to(a, xid), -1);
        world_advance(&world, asked_ns + 2 * least_ns - world_now_ns());
        cr_assert_eq(answer_to(a, xid), REALM_E_INCAPABLE);
        process_forget(a);
        process_forget(b);
    }
    cr_expect_eq(broker_find_realm(world.broker, "A")->wrong_cookies, 250);
    cr_expect_eq(broker_find_realm(world.broker, "B")->wrong_cookies, 0);
}

WORLD_TEST(delegate, what_was_queued_waits_behind)
{
    /* Behind a wrong cookie nothing is read, and afterwards everything, in its order. */
    open_all();
    struct realm_control_cookie wrong = {.cookie = 99};
    struct realm_control_number right = {.number = 0};
    realm_control_header_init(&wrong.header, REALM_CONTROL_DELETE, 900);
    process_send(a, &wrong, sizeof(wrong));
    for (uint64_t xid = 901; xid < 905; xid++) {
        realm_control_header_init(&right.header, REALM_CONTROL_LOOK, xid);
        process_send(a, &right, sizeof(right));
    }
    process_forget(a);
    cr_expect_eq(answer_to(a, 901), -1);
    world_advance(&world, 2 * REALM_MSEC);
    cr_expect_eq(answer_to(a, 904), REALM_E_INCAPABLE);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(a->inbox[i].packet.header.xid, 900 + i);
}

WORLD_TEST(delegate, ended_during_the_delay)
{
    /* A realm that goes while its answer is due leaves nothing behind. */
    open_all();
    cr_assert_eq(send_cookie(a, REALM_CONTROL_REVOKE, 3), -1);
    process_exit(a, 9);
    world_settle(&world);
    world_advance(&world, 2 * REALM_MSEC);
    cr_expect_eq(world_events(&world, "offence"), 0);
}
