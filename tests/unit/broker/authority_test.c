/*
 * Authority that realms take back from their children, ask for, and give on although it is no channel: sent
 * raw.
 *
 * C provides "logger" and is C1's parent; A has the gate 7 and may look at others; D provides "network", and
 * A is its client.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <realm/error.h>

#include "mm/broker/admin_answers.h"
#include "mm/broker/diagnosis.h"
#include "tests/unit/broker/world.h"

static struct world world;
static struct process *a, *c, *child, *d;
static uint64_t a_to_d, d_from_a;
static uint64_t last_xid = 800000;

static void open_family(void)
{
    world_start(&world);
    c = world_open(&world, "C");
    cr_assert_eq(process_register(c, "logger", NULL), 0);
    child = world_open(&world, "C1");
    a = world_open(&world, "A");
    d = world_open(&world, "D");
    cr_assert_eq(process_register(d, "network", NULL), 0);
}

static void open_gates(void)
{
    world.realms[A].debug = true;
    world.realms[A].gates = UINT64_C(1) << 7 | UINT64_C(1) << 63;
    open_family();
    cr_assert_eq(process_connect(a, "network", 0, 5), 0);
    process_pump(d);
    a_to_d = process_letter(a, REALM_CONTROL_CONNECTED, 5)->packet.channel.cookie;
    d_from_a = process_letter(d, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie;
}

static int pump(struct process *process)
{
    struct process *all[] = {a, c, child, d};
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 4; i++)
            process_pump(all[i]);
    if (process_letter(process, REALM_CONTROL_CAPABILITY, last_xid))
        return 0;
    return process_reply(process, last_xid);
}

static int send_grant(struct process *process, enum realm_control_type type, const char *whose,
                      const char *service)
{
    struct realm_control_grant packet = {.rights = type == REALM_CONTROL_GRANT ? REALM_RIGHT_SEND : 0};
    realm_control_header_init(&packet.header, type, ++last_xid);
    cr_assert_eq(realm_control_name_init(&packet.child, whose, strlen(whose)), 0);
    cr_assert_eq(realm_control_name_init(&packet.service, service, strlen(service)), 0);
    process_send(process, &packet, sizeof(packet));
    return pump(process);
}

static int ask(struct process *process, enum realm_control_type type, uint32_t number)
{
    struct realm_control_number packet = {.number = number};
    realm_control_header_init(&packet.header, type, ++last_xid);
    process_send(process, &packet, sizeof(packet));
    return pump(process);
}

static int send_cookie(struct process *process, enum realm_control_type type, uint64_t cookie)
{
    struct realm_control_cookie packet = {.cookie = cookie};
    realm_control_header_init(&packet.header, type, ++last_xid);
    process_send(process, &packet, sizeof(packet));
    return pump(process);
}

/* The realm's own cookie of what it holds of a kind. */
static uint64_t held(struct process *process, enum realm_kind kind, uint32_t gate)
{
    uint64_t cookie = 0;
    while (send_cookie(process, REALM_CONTROL_HELD, cookie) == 0) {
        const struct realm_control_capability *told =
            &process_letter(process, REALM_CONTROL_CAPABILITY, last_xid)->packet.capability;
        cookie = told->cookie;
        if (told->kind == kind && told->gate == gate)
            return cookie;
    }
    return 0;
}

/* A gives D what it holds. Return: the status of what failed; 0, with D's cookie. */
static int give(uint64_t source, uint32_t rights, uint64_t *ret_cookie)
{
    struct realm_control_derive packet = {
        .source = source, .via = a_to_d, .rights = rights, .mode = rights ? REALM_COPY : REALM_MOVE};
    realm_control_header_init(&packet.header, REALM_CONTROL_OFFER, ++last_xid);
    process_send(a, &packet, sizeof(packet));
    int status = pump(a);
    if (status)
        return status;
    struct realm_control_ticket taking = {
        .via = d_from_a,
        .ticket = (uint32_t)process_letter(a, REALM_CONTROL_REPLY, last_xid)->packet.reply.value};
    realm_control_header_init(&taking.header, REALM_CONTROL_TAKE, ++last_xid);
    process_send(d, &taking, sizeof(taking));
    status = pump(d);
    if (status == 0)
        *ret_cookie = process_letter(d, REALM_CONTROL_CAPABILITY, last_xid)->packet.capability.cookie;
    return status;
}

/* What `realm graph` is told of the grants of parents. who NULL: there is none. */
static void expect_granted(const char *who, const char *by)
{
    json_t *rules = admin_answers_rules(world.broker);
    const json_t *found = NULL;
    for (size_t i = 0; i < json_array_size(rules); i++)
        if (strcmp(event_text(json_array_get(rules, i), "kind"), "parent grant") == 0)
            found = json_array_get(rules, i);
    cr_expect_eq(found != NULL, who != NULL);
    if (found && who) {
        cr_expect_str_eq(event_text(found, "who"), who);
        cr_expect_str_eq(event_text(found, "by"), by);
    }
    json_decref(rules);
}

/* --- a parent, through its own socket --- */

WORLD_TEST(authority, a_parent_revokes_what_its_child_holds)
{
    /* Both of the child's channels end with REVOKED; what the rules allow may be asked for again. */
    open_family();
    cr_assert_eq(process_connect(child, "logger", 0, 5), 0);
    cr_assert_eq(process_connect(child, "logger", 0, 6), 0);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "C1", "logger"), 0);
    cr_expect_eq(process_letters(child, REALM_CONTROL_CLOSED), 2);
    cr_expect_eq(process_letter(child, REALM_CONTROL_CLOSED, 0)->packet.closed.reason, REALM_E_REVOKED);
    cr_expect_eq(world_counts(&world).channels, 0);
    cr_expect_eq(world_events(&world, "revoked"), 2);
    cr_expect_eq(process_connect(child, "logger", 0, 7), 0);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "C1", "logger"), 0);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "C1", "logger"), 0, "twice is allowed");
}

WORLD_TEST(authority, a_parent_revokes_its_grant)
{
    /* Where only the parent's grant lets the child in, it does not get in again. */
    world.config.hierarchy.children_to_parent = MM_CHOICE_NO;
    world.services[LOGGER].access_count = 0;
    open_family();
    cr_assert_eq(process_connect(child, "logger", 0, 5), REALM_E_DENIED);
    cr_assert_eq(send_grant(c, REALM_CONTROL_GRANT, "C1", "logger"), 0);
    expect_granted("C1", "C");
    cr_assert_eq(process_connect(child, "logger", 0, 6), 0);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "C1", "logger"), 0);
    cr_expect_eq(process_letters(child, REALM_CONTROL_CLOSED), 1);
    cr_expect_eq(process_connect(child, "logger", 0, 7), REALM_E_DENIED);
    expect_granted(NULL, NULL);
}

WORLD_TEST(authority, nobody_revokes_from_others_children)
{
    /* Of one that is no child, of oneself, of the parent and of a name that nobody has the answer is the
     * same. */
    open_family();
    cr_assert_eq(process_connect(child, "logger", 0, 5), 0);
    cr_assert_eq(process_connect(a, "network", 0, 6), 0);
    cr_expect_eq(send_grant(a, REALM_CONTROL_REVOKE_CHILD, "C1", "logger"), REALM_E_NOT_CHILD);
    cr_expect_eq(send_grant(child, REALM_CONTROL_REVOKE_CHILD, "C1", "logger"), REALM_E_NOT_CHILD);
    cr_expect_eq(send_grant(child, REALM_CONTROL_REVOKE_CHILD, "C", "logger"), REALM_E_NOT_CHILD);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "A", "network"), REALM_E_NOT_CHILD);
    cr_expect_eq(send_grant(d, REALM_CONTROL_REVOKE_CHILD, "A", "network"), REALM_E_NOT_CHILD);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "nobody", "logger"), REALM_E_NOT_CHILD);
    cr_expect_eq(send_grant(c, REALM_CONTROL_REVOKE_CHILD, "C1", "nothing"), REALM_E_NO_SERVICE);
    cr_expect_eq(world_counts(&world).channels, 2);
    cr_expect_eq(process_letters(child, REALM_CONTROL_CLOSED), 0);
}

/* --- gates and looking --- */

WORLD_TEST(authority, gates_and_looking)
{
    /* Who was declared with them has them, and nobody else has any. */
    open_gates();
    for (uint32_t gate = 0; gate < REALM_CONTROL_GATES; gate++) {
        cr_expect_eq(ask(a, REALM_CONTROL_GATE, gate), gate == 7 || gate == 63 ? 0 : REALM_E_INCAPABLE);
        cr_expect_eq(ask(d, REALM_CONTROL_GATE, gate), REALM_E_INCAPABLE);
    }
    cr_expect_eq(ask(a, REALM_CONTROL_GATE, REALM_CONTROL_GATES), REALM_E_BAD_ARGUMENT);
    cr_expect_eq(ask(a, REALM_CONTROL_LOOK, 0), 0);
    cr_expect_eq(ask(d, REALM_CONTROL_LOOK, 0), REALM_E_INCAPABLE);
    cr_expect_eq(ask(a, REALM_CONTROL_LOOK, 1), REALM_E_BAD_ARGUMENT);
}

/* --- refusals that no service is behind --- */

/* The newest refusal of this kind is told, with its rule, and is in the log under its number. */
static void expect_told(const char *asked, const char *realm, const char *name, const char *rule,
                        const char *yaml)
{
    const json_t *event = world_event(&world, "denied", "asked", asked);
    cr_assert_not_null(event, "%s was not told", asked);
    cr_expect_str_eq(event_text(event, "realm"), realm);
    cr_expect_str_eq(event_text(event, "service"), name);
    cr_expect_str_eq(event_text(event, "rule"), rule);
    const struct diagnosis_entry *entry =
        diagnosis_find(world.broker, (uint64_t)json_integer_value(json_object_get(event, "decision")));
    cr_assert_not_null(entry, "%s is not in the log", asked);
    json_t *was = admin_answers_decision(world.broker, entry);
    cr_expect_str_eq(event_text(was, "asked"), asked);
    cr_expect_str_eq(event_text(was, "rule"), rule);
    if (*yaml)
        cr_expect_not_null(strstr(event_text(was, "yaml"), yaml), "%s", event_text(was, "yaml"));
    else
        cr_expect_str_eq(event_text(was, "yaml"), "");
    json_decref(was);
}

WORLD_TEST(authority, refused_gates_and_looks_are_told)
{
    /* With what would give them; nothing gives gate 0. */
    open_gates();
    cr_expect_eq(ask(a, REALM_CONTROL_GATE, 7), 0);
    cr_expect_eq(ask(a, REALM_CONTROL_LOOK, 0), 0);
    cr_expect_eq(world_events(&world, "denied"), 0);
    cr_expect_eq(ask(d, REALM_CONTROL_GATE, 7), REALM_E_INCAPABLE);
    expect_told("gate", "D", "(gate 7)", "gate", "name: D\n    capabilities:\n      - {gate: 7}");
    cr_expect_eq(ask(d, REALM_CONTROL_GATE, 0), REALM_E_INCAPABLE);
    expect_told("gate", "D", "(gate 0)", "gate", "");
    cr_expect_eq(ask(d, REALM_CONTROL_LOOK, 0), REALM_E_INCAPABLE);
    expect_told("look", "D", "others", "debug", "name: D\n    capabilities:\n      - debug");
    cr_expect_eq(world_events(&world, "denied"), 3);
}

WORLD_TEST(authority, refusals_about_no_child_are_told)
{
    /* To whom it concerns, and in the same words whether the realm is there or not. */
    open_family();
    static const char *const whose[] = {"C1", "nobody"};
    for (size_t i = 0; i < 2; i++) {
        cr_expect_eq(process_named(a, REALM_CONTROL_KILL, whose[i], 0, 70 + i), REALM_E_NOT_CHILD);
        expect_told("kill", "A", whose[i], "parent", "");
        cr_expect_eq(send_grant(a, REALM_CONTROL_REVOKE_CHILD, whose[i], "logger"), REALM_E_NOT_CHILD);
        expect_told("revoke-child", "A", "logger", "parent", "");
        cr_expect_eq(send_grant(a, REALM_CONTROL_GRANT, whose[i], "logger"), REALM_E_NOT_CHILD);
        cr_expect_eq(world_events(&world, "denied"), 3 * (i + 1));
        const json_t *event = world_event(&world, "denied", "service", "logger");
        cr_expect_str_eq(event_text(event, "rule"), "parent");
        cr_expect_eq(json_integer_value(json_object_get(event, "decision")), 3 * ((long long)i + 1));
        world_advance(&world, REALM_SEC); /* else they are only counted: a grant's event names no child */
    }
}

WORLD_TEST(authority, a_gate_is_given_and_taken_back)
{
    open_gates();
    uint64_t gate = held(a, REALM_KIND_GATE, 7), theirs = 0;
    cr_assert_neq(gate, 0);
    cr_expect_eq(give(gate, REALM_RIGHT_SEND, &theirs), REALM_E_BAD_ARGUMENT); /* no gate has it */
    cr_assert_eq(give(gate, REALM_RIGHT_EXEC, &theirs), 0);
    const struct realm_control_capability *told =
        &process_letter(d, REALM_CONTROL_CAPABILITY, last_xid)->packet.capability;
    cr_expect_eq(told->kind, REALM_KIND_GATE);
    cr_expect_eq(told->gate, 7);
    cr_expect_eq(told->rights, REALM_RIGHT_EXEC);
    cr_expect_eq(ask(d, REALM_CONTROL_GATE, 7), 0);
    cr_expect_eq(ask(d, REALM_CONTROL_GATE, 63), REALM_E_INCAPABLE);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, gate), 0);
    cr_expect_eq(ask(d, REALM_CONTROL_GATE, 7), REALM_E_INCAPABLE);
    cr_expect_eq(send_cookie(d, REALM_CONTROL_DELETE, theirs), REALM_E_STALE);
    cr_expect_eq(ask(a, REALM_CONTROL_GATE, 7), 0);
}

WORLD_TEST(authority, looking_is_moved)
{
    open_gates();
    uint64_t theirs = 0;
    cr_assert_eq(give(held(a, REALM_KIND_DEBUG, 0), 0, &theirs), 0);
    cr_expect_eq(ask(a, REALM_CONTROL_LOOK, 0), REALM_E_INCAPABLE);
    cr_expect_eq(ask(d, REALM_CONTROL_LOOK, 0), 0);
    cr_expect_eq(send_cookie(d, REALM_CONTROL_DELETE, theirs), 0);
    cr_expect_eq(ask(d, REALM_CONTROL_LOOK, 0), REALM_E_INCAPABLE);
}

WORLD_TEST(authority, a_right_that_does_not_call_cannot_be_connected_with)
{
    /* Cookies of gates where channels are meant, and of channels where a gate would be needed. */
    open_gates();
    uint64_t gate = held(a, REALM_KIND_GATE, 7), theirs = 0;
    cr_expect_eq(send_cookie(a, REALM_CONTROL_DISCONNECT, gate), REALM_E_STALE);
    cr_expect_eq(send_cookie(a, REALM_CONTROL_UNREGISTER, gate), REALM_E_STALE);
    struct realm_control_derive packet = {
        .source = gate, .via = gate, .rights = REALM_RIGHT_EXEC, .mode = REALM_COPY};
    realm_control_header_init(&packet.header, REALM_CONTROL_OFFER, ++last_xid);
    process_send(a, &packet, sizeof(packet));
    cr_expect_eq(pump(a), REALM_E_BAD_ARGUMENT); /* offered over what is no channel */
    cr_expect_eq(give(gate, REALM_RIGHT_EXEC | REALM_RIGHT_GRANT, &theirs), 0);
    cr_expect_eq(ask(a, REALM_CONTROL_GATE, 7), 0, "a copy leaves the giver its own");
}
