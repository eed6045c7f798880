/*
 * DERIVE: each of its nine checks, in their order, and what a copy, a mint and a move are.
 */
#include "tests/unit/policy/world.h"

#include "mm/policy/state.h"

#define SEND_RIGHTS (REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE)

/* A server with an endpoint, a client of it with every right, the client's child, and a stranger. */
struct deriving {
    struct world world;
    struct policy_realm server, client, child, stranger;
    struct policy_service service;
    struct policy_capability endpoint, send, memory;
};

static void deriving_init(struct deriving *d)
{
    struct world *world = &d->world;
    world_init(world);
    d->server = realm_under(world, world->init);
    d->client = realm_under(world, world->init);
    d->child = realm_under(world, d->client);
    d->stranger = realm_under(world, world->init);
    d->service = service_by(world, "vfs", d->server, 20);
    struct policy_entry access = entry_of(POLICY_MATCH_ALL, no_realm, SEND_RIGHTS, 21);
    cr_assert_eq(policy_add_access(world->policy, d->service, &access), 0);
    d->endpoint = put(world, register_event(d->server, "vfs"), NULL).capability;
    d->send = put(world, connect_event(d->client, "vfs"), NULL).capability;
    struct policy_event allocate = {.kind = POLICY_ALLOCATE, .actor = d->client, .amount = 16 * 4096};
    d->memory = put(world, allocate, NULL).capability;
}

static struct policy_event copy(struct policy_realm actor, struct policy_capability source,
                                struct policy_realm target, uint32_t rights)
{
    return (struct policy_event){.kind = POLICY_DERIVE,
                                 .mode = POLICY_COPY,
                                 .actor = actor,
                                 .subject = target,
                                 .capability = source,
                                 .rights = rights};
}

static struct policy_event move(struct policy_realm actor, struct policy_capability source,
                                struct policy_realm target)
{
    struct policy_event event = copy(actor, source, target, 0);
    event.mode = POLICY_MOVE;
    return event;
}

static struct policy_event mint(struct policy_realm actor, struct policy_capability source,
                                struct policy_realm target, uint64_t badge)
{
    struct policy_event event = copy(actor, source, target, REALM_RIGHT_SEND);
    event.mode = POLICY_MINT;
    event.badge = badge;
    return event;
}

static struct policy_event window(struct deriving *d, uint64_t offset, uint64_t size)
{
    struct policy_event event = copy(d->client, d->memory, d->child, REALM_RIGHT_READ);
    event.window = (struct policy_window){offset, size};
    return event;
}

static void refused(struct deriving *d, struct policy_event event, int status, enum policy_rule rule)
{
    struct policy_decision decision = decide(&d->world, event);
    cr_assert_eq(decision.status, status, "%s", realm_error_name(decision.status));
    cr_assert_eq(decision.rule, rule, "%s", policy_rule_name(decision.rule));
    cr_assert_eq(decision.rights, 0);
}

static struct policy_capability_info made(struct deriving *d, struct policy_event event)
{
    struct policy_capability_info info;
    struct policy_outcome outcome = put(&d->world, event, NULL);
    cr_assert(policy_capability_get(d->world.policy, outcome.capability, &info));
    return info;
}

/* Goal: what is another's, stale or never was looks the same; init may derive from anything. */
Test(derive, source)
{
    struct deriving d;
    deriving_init(&d);
    refused(&d, copy(d.stranger, d.send, d.stranger, REALM_RIGHT_SEND), REALM_E_STALE, POLICY_RULE_OWNER);
    refused(&d, copy(d.client, no_capability, d.child, REALM_RIGHT_SEND), REALM_E_STALE, POLICY_RULE_OWNER);
    struct policy_capability forged = {d.send.index, d.send.generation + 1};
    refused(&d, copy(d.client, forged, d.child, REALM_RIGHT_SEND), REALM_E_STALE, POLICY_RULE_OWNER);
    cr_assert_eq(decide(&d.world, copy(d.world.init, d.send, d.stranger, REALM_RIGHT_SEND)).status, 0);
    world_deinit(&d.world);
}

/* Goal: the target is looked at after the source: gone or dormant is STALE, never was BAD_ARGUMENT. */
Test(derive, target)
{
    struct deriving d;
    deriving_init(&d);
    put(&d.world, end_event(d.child, false), NULL);
    refused(&d, copy(d.client, d.send, d.child, REALM_RIGHT_SEND), REALM_E_STALE, POLICY_RULE_NONE);
    refused(&d, copy(d.client, d.send, no_realm, REALM_RIGHT_SEND), REALM_E_BAD_ARGUMENT, POLICY_RULE_NONE);
    refused(&d, copy(d.client, no_capability, no_realm, REALM_RIGHT_SEND), REALM_E_STALE, POLICY_RULE_OWNER);
    world_deinit(&d.world);
}

/* Goal: arguments that make no sense together, each by itself, before reach and rights are looked at. */
Test(derive, arguments)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_event bad[] = {
        copy(d.client, d.send, d.stranger, 0),
        copy(d.client, d.send, d.stranger, REALM_RIGHT_RECV),
        copy(d.client, d.send, d.stranger, UINT32_MAX),
        mint(d.client, d.send, d.stranger, 0),
        mint(d.client, d.send, d.stranger, POLICY_BADGE_MAX + 1),
        mint(d.client, d.memory, d.stranger, 1),
        move(d.server, d.endpoint, d.stranger),
        window(&d, 0, 0),
        window(&d, 0, 4095),
        window(&d, 1, 4096),
        window(&d, UINT64_MAX - 4095, 8192),
        copy(d.client, d.memory, d.child, REALM_RIGHT_READ),
        copy(d.client, d.send, d.stranger, REALM_RIGHT_SEND),
        move(d.client, d.send, d.stranger),
        copy(d.client, d.send, d.stranger, REALM_RIGHT_SEND),
        move(d.client, d.memory, d.stranger),
        copy(d.client, d.send, d.stranger, REALM_RIGHT_SEND),
    };
    bad[12].badge = 1;
    bad[13].rights = REALM_RIGHT_SEND;
    bad[14].window.size = 4096;
    bad[15].window.size = 4096;
    bad[16].mode = (enum policy_mode)4;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct policy_decision decision = decide(&d.world, bad[i]);
        cr_assert_eq(decision.status, REALM_E_BAD_ARGUMENT, "%zu: %s", i, realm_error_name(decision.status));
        cr_assert_eq(decision.rule, POLICY_RULE_NONE);
    }
    world_deinit(&d.world);
}

/* Goal: gives reach oneself, children, and both ways along a live channel; nobody else. */
Test(derive, reach)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_event to_stranger = copy(d.client, d.send, d.stranger, REALM_RIGHT_SEND);
    refused(&d, to_stranger, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
    to_stranger.via = d.send;
    refused(&d, to_stranger, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
    struct policy_event to_server = window(&d, 0, 4096), to_client;
    to_server.subject = d.server;
    refused(&d, to_server, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
    to_server.via = d.memory;
    refused(&d, to_server, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
    to_server.via = d.send;
    cr_assert_eq(decide(&d.world, to_server).status, 0);
    to_client = copy(d.server, d.endpoint, d.client, REALM_RIGHT_SEND);
    refused(&d, to_client, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
    to_client.via = d.send;
    cr_assert_eq(decide(&d.world, to_client).status, 0);
    put(&d.world, ending_event(POLICY_DISCONNECT, d.client, d.send), NULL);
    refused(&d, to_client, REALM_E_NOT_CHILD, POLICY_RULE_REACH);
    world_deinit(&d.world);
}

/* Goal: GRANT to give away, MINT to mint, and no right that the source lacks; windows only shrink. */
Test(derive, rights_never_grow)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_capability plain =
        put(&d.world, copy(d.client, d.send, d.client, REALM_RIGHT_SEND), NULL).capability;
    refused(&d, copy(d.client, plain, d.child, REALM_RIGHT_SEND), REALM_E_DENIED, POLICY_RULE_RIGHTS);
    cr_assert_eq(decide(&d.world, copy(d.client, plain, d.client, REALM_RIGHT_SEND)).status, 0);
    refused(&d, move(d.client, plain, d.child), REALM_E_DENIED, POLICY_RULE_RIGHTS);
    refused(&d, mint(d.client, plain, d.client, 7), REALM_E_DENIED, POLICY_RULE_RIGHTS);
    refused(&d, copy(d.client, plain, d.client, SEND_RIGHTS), REALM_E_DENIED, POLICY_RULE_RIGHTS);
    refused(&d, window(&d, 15 * 4096, 2 * 4096), REALM_E_DENIED, POLICY_RULE_WINDOW);
    refused(&d, window(&d, 17 * 4096, 4096), REALM_E_DENIED, POLICY_RULE_WINDOW);
    struct policy_capability_info narrow = made(&d, window(&d, 8 * 4096, 4 * 4096));
    cr_assert_eq(narrow.window.offset, 8 * 4096);
    struct policy_event beyond = copy(d.child, narrow.capability, d.child, REALM_RIGHT_READ);
    beyond.window = (struct policy_window){7 * 4096, 4096};
    refused(&d, beyond, REALM_E_DENIED, POLICY_RULE_WINDOW);
    beyond.rights = REALM_RIGHT_READ | REALM_RIGHT_WRITE;
    refused(&d, beyond, REALM_E_DENIED, POLICY_RULE_RIGHTS);
    world_deinit(&d.world);
}

/* Goal: deny holds for what is derived as for a connect, and nobody gets a send to itself. */
Test(derive, denied_targets)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_event to_server = copy(d.client, d.send, d.server, REALM_RIGHT_SEND);
    to_server.via = d.send;
    refused(&d, to_server, REALM_E_DENIED, POLICY_RULE_SELF);
    deny_to(&d.world, d.service, POLICY_MATCH_REALM, d.child, 25);
    struct policy_event to_child = copy(d.client, d.send, d.child, REALM_RIGHT_SEND);
    refused(&d, to_child, REALM_E_DENIED, POLICY_RULE_DENY);
    cr_assert_eq(decide(&d.world, to_child).place.line, 25);
    refused(&d, move(d.client, d.send, d.child), REALM_E_DENIED, POLICY_RULE_DENY);
    struct policy_event create = {.kind = POLICY_CREATE, .actor = d.client};
    struct policy_capability anonymous = put(&d.world, create, NULL).capability;
    cr_assert_eq(decide(&d.world, copy(d.client, anonymous, d.child, REALM_RIGHT_SEND)).status, 0);
    refused(&d, copy(d.client, anonymous, d.client, REALM_RIGHT_SEND), REALM_E_DENIED, POLICY_RULE_SELF);
    world_deinit(&d.world);
}

/* Goal: the 32nd generation below a root is the last; a move, and a deletion in between, make room. */
Test(derive, depth)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_capability last = d.send, middle = no_capability;
    for (size_t generation = 2; generation <= POLICY_DEPTH_MAX; generation++) {
        last = put(&d.world, copy(d.client, last, d.client, SEND_RIGHTS), NULL).capability;
        middle = generation == 16 ? last : middle;
    }
    refused(&d, copy(d.client, last, d.client, REALM_RIGHT_SEND), REALM_E_LIMIT, POLICY_RULE_DEPTH);
    cr_assert_eq(decide(&d.world, move(d.client, last, d.child)).status, 0);
    put_only(&d.world, ending_event(POLICY_DELETE, d.client, middle));
    cr_assert_eq(decide(&d.world, copy(d.client, last, d.client, REALM_RIGHT_SEND)).status, 0,
                 "not cleared yet");
    put(&d.world, copy(d.client, last, d.client, REALM_RIGHT_SEND), NULL);
    world_deinit(&d.world);
}

/* Goal: counted badges never repeat, a plain copy of a send keeps its badge, a minted one is marked. */
Test(derive, badges)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_capability_info first;
    cr_assert(policy_capability_get(d.world.policy, d.send, &first));
    cr_assert_eq(first.badge, 1);
    struct policy_event of_endpoint = copy(d.server, d.endpoint, d.client, REALM_RIGHT_SEND);
    of_endpoint.via = d.send;
    cr_assert_eq(made(&d, of_endpoint).badge, 2);
    cr_assert_eq(made(&d, copy(d.client, d.send, d.child, REALM_RIGHT_SEND)).badge, 1);
    cr_assert_eq(made(&d, mint(d.client, d.send, d.child, 2)).badge, POLICY_BADGE_MINTED | 2);
    cr_assert_eq(made(&d, mint(d.client, d.send, d.child, POLICY_BADGE_MAX)).badge, UINT64_MAX);
    put(&d.world, ending_event(POLICY_DISCONNECT, d.client, d.send), NULL);
    struct policy_outcome again = put(&d.world, connect_event(d.client, "vfs"), NULL);
    cr_assert_eq(again.badge, 3);
    world_deinit(&d.world);
}

/* Goal: a move changes the holder and nothing else, and takes along what stands behind it. */
Test(derive, moving)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_capability below =
        put(&d.world, copy(d.client, d.send, d.client, SEND_RIGHTS), NULL).capability;
    policy_set_user(d.world.policy, d.send, 77);
    struct policy_capability_info before, after;
    cr_assert(policy_capability_get(d.world.policy, d.send, &before));
    struct policy_outcome outcome = put(&d.world, move(d.client, d.send, d.child), NULL);
    cr_assert(same_capability(outcome.capability, d.send));
    cr_assert(policy_capability_get(d.world.policy, d.send, &after));
    cr_assert(same_realm(after.holder, d.child));
    cr_assert(same_capability(after.parent, before.parent) && after.rights == before.rights);
    cr_assert(after.badge == before.badge && after.user == 77);
    refused(&d, copy(d.client, d.send, d.client, REALM_RIGHT_SEND), REALM_E_STALE, POLICY_RULE_OWNER);
    cr_assert(policy_capability_get(d.world.policy, below, &after), "what was derived stays");
    put(&d.world, end_event(d.client, false), NULL);
    cr_assert(policy_capability_get(d.world.policy, d.send, &after), "it is no longer the client's");
    put(&d.world, end_event(d.child, false), NULL);
    cr_assert_not(policy_capability_get(d.world.policy, d.send, &after));
    world_deinit(&d.world);
}

/* Goal: when the last counted badge is given, a copy of an endpoint and a connect are refused for quota; what
 * keeps a badge or is given one is not. */
Test(derive, badges_that_are_used_up)
{
    struct deriving d;
    deriving_init(&d);
    d.world.policy->badges = POLICY_BADGE_MAX - 1;
    struct policy_event event = copy(d.world.init, d.endpoint, d.client, REALM_RIGHT_SEND);
    struct policy_outcome outcome = put(&d.world, event, NULL);
    cr_assert_eq(outcome.badge, POLICY_BADGE_MAX);
    struct policy_decision decision = decide(&d.world, event);
    cr_assert_eq(decision.status, REALM_E_LIMIT);
    cr_assert_eq(decision.rule, POLICY_RULE_QUOTA);
    cr_assert_eq(decide(&d.world, connect_event(d.client, "vfs")).status, REALM_E_LIMIT);
    cr_assert_eq(decide(&d.world, copy(d.client, d.send, d.client, REALM_RIGHT_SEND)).status, 0);
    cr_assert_eq(decide(&d.world, mint(d.world.init, d.endpoint, d.client, 7)).status, 0);
    world_deinit(&d.world);
}

/* Goal: looking asks for READ, and for nothing else: a copy with REVOKE alone lets nobody look. */
Test(derive, looking_asks_for_read)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_declaration declaration = declaration_of("seer", d.world.init, no_realm);
    declaration.debug = true;
    struct policy_realm seer = add_realm(&d.world, declaration), other = realm_under(&d.world, seer);
    struct policy_realm blind = realm_under(&d.world, seer);
    world_start(&d.world);
    struct policy_capability at = no_capability;
    struct policy_capability_info info;
    while (policy_next_held(d.world.policy, seer, &at, &info) && info.kind != POLICY_KIND_DEBUG) {
    }
    cr_assert_eq(info.kind, POLICY_KIND_DEBUG);
    put(&d.world, copy(seer, at, other, REALM_RIGHT_READ), NULL);
    put(&d.world, copy(seer, at, blind, REALM_RIGHT_REVOKE), NULL);
    cr_assert_eq(decide(&d.world, child_event(POLICY_LOOK, other, no_realm)).status, 0);
    cr_assert_eq(decide(&d.world, child_event(POLICY_LOOK, blind, no_realm)).status, REALM_E_INCAPABLE);
    world_deinit(&d.world);
}

/* Goal: a gate is passed with EXEC, and with nothing else: a copy with GRANT alone lets nobody through. */
Test(derive, a_gate_asks_for_exec)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_declaration declaration = declaration_of("keeper", d.world.init, no_realm);
    declaration.gates = UINT64_C(1) << 7;
    struct policy_realm keeper = add_realm(&d.world, declaration), other = realm_under(&d.world, keeper);
    struct policy_realm barred = realm_under(&d.world, keeper);
    world_start(&d.world);
    struct policy_capability at = no_capability;
    struct policy_capability_info info;
    while (policy_next_held(d.world.policy, keeper, &at, &info) && info.kind != POLICY_KIND_GATE) {
    }
    cr_assert_eq(info.kind, POLICY_KIND_GATE);
    put(&d.world, copy(keeper, at, other, REALM_RIGHT_EXEC), NULL);
    put(&d.world, copy(keeper, at, barred, REALM_RIGHT_GRANT), NULL);
    struct policy_event pass = {.kind = POLICY_GATE, .actor = other, .gate = 7};
    cr_assert_eq(decide(&d.world, pass).status, 0);
    pass.actor = barred;
    cr_assert_eq(decide(&d.world, pass).status, REALM_E_INCAPABLE);
    world_deinit(&d.world);
}

/* Goal: what was given GRANT alone cannot be sent through, and nothing that can be is derived from it. */
Test(derive, send_does_not_grow_back)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_event give = copy(d.client, d.send, d.client, REALM_RIGHT_GRANT);
    struct policy_capability mute = put(&d.world, give, NULL).capability;
    struct policy_decision decision = decide(&d.world, copy(d.client, mute, d.client, REALM_RIGHT_SEND));
    cr_assert_eq(decision.status, REALM_E_DENIED);
    cr_assert_eq(decision.rule, POLICY_RULE_RIGHTS);
    world_deinit(&d.world);
}

/* Goal: what an event does not use is not looked at: an endpoint that is made with an amount has no window.
 */
Test(derive, an_endpoint_has_no_window)
{
    struct deriving d;
    deriving_init(&d);
    struct policy_event create = {.kind = POLICY_CREATE, .actor = d.client, .amount = 4096};
    struct policy_capability_info info = made(&d, create);
    cr_assert_eq(info.kind, POLICY_KIND_ENDPOINT);
    cr_assert(info.window.offset == 0 && info.window.size == 0);
    world_deinit(&d.world);
}

/* Goal: a capability is charged to its target, a send as a channel as well; what is refused for it gives no
 * rights. */
Test(derive, quota)
{
    static const enum policy_resource resources[] = {POLICY_CAPABILITIES, POLICY_CHANNELS};
    struct deriving d;
    deriving_init(&d);
    struct policy_event give = copy(d.client, d.send, d.child, REALM_RIGHT_SEND);
    for (size_t i = 0; i < sizeof resources / sizeof resources[0]; i++) {
        cr_assert_eq(policy_set_limit(d.world.policy, d.child, resources[i], 0), 0);
        refused(&d, give, REALM_E_LIMIT, POLICY_RULE_QUOTA);
        cr_assert_eq(decide(&d.world, window(&d, 0, 4096)).status, i == 0 ? REALM_E_LIMIT : 0);
        cr_assert_eq(policy_set_limit(d.world.policy, d.child, resources[i], POLICY_UNLIMITED), 0);
    }
    cr_assert_eq(decide(&d.world, give).rights, REALM_RIGHT_SEND);
    world_deinit(&d.world);
}
