/*
 * REGISTER, UNREGISTER, DISCONNECT, SPAWN, KILL and END: who may, and what goes with what.
 */
#include "tests/unit/policy/world.h"

struct system {
    struct world world;
    struct policy_realm server, client, other;
    struct policy_service service;
};

static void system_init(struct system *system)
{
    struct world *world = &system->world;
    world_init(world);
    system->server = realm_under(world, world->init);
    system->client = realm_under(world, world->init);
    system->other = realm_under(world, world->init);
    system->service = service_by(world, "database", system->server, 20);
    access_for(world, system->service, POLICY_MATCH_ALL, no_realm, 21);
}

/* Goal: the declared provider registers, once; the endpoint is its receive right. */
Test(lifecycle, register_by_provider)
{
    struct system system;
    system_init(&system);
    struct policy_decision decision = decide(&system.world, register_event(system.server, "database"));
    cr_assert_eq(decision.status, 0);
    cr_assert_eq(decision.rule, POLICY_RULE_PROVIDER);
    cr_assert_eq(decision.place.line, 20);
    cr_assert(same_service(decision.service, system.service));
    struct policy_outcome outcome = put(&system.world, register_event(system.server, "database"), NULL);
    struct policy_capability_info info;
    cr_assert(has_capability(&system.world, outcome.capability, &info));
    cr_assert(same_capability(info.parent, no_capability));
    cr_assert(same_realm(info.holder, system.server));
    cr_assert_eq(info.rights, policy_kind_rights(POLICY_KIND_ENDPOINT));
    cr_assert_eq(outcome.badge, 0);

    decision = decide(&system.world, register_event(system.server, "database"));
    cr_assert_eq(decision.status, REALM_E_EXISTS);
    cr_assert_eq(decision.rule, POLICY_RULE_REGISTERED);
    cr_assert_eq(decision.place.line, 20);
    cr_assert_eq(decision.fix.kind, POLICY_FIX_NONE);
    world_deinit(&system.world);
}

/* Goal: nobody but the declared provider registers; the fix names the declaration. */
Test(lifecycle, register_denied)
{
    struct system system;
    system_init(&system);
    struct policy_realm instance = instance_under(&system.world, system.world.init, system.client);
    struct policy_realm imposters[] = {system.client, instance};
    for (size_t i = 0; i < 2; i++) {
        struct policy_decision decision = decide(&system.world, register_event(imposters[i], "database"));
        cr_assert_eq(decision.status, REALM_E_DENIED);
        cr_assert_eq(decision.rule, POLICY_RULE_PROVIDER);
        cr_assert_eq(decision.place.line, 20);
        cr_assert_eq(decision.fix.kind, POLICY_FIX_PROVIDER);
        cr_assert(same_realm(decision.fix.realm, i == 1 ? system.client : imposters[i]));
        cr_assert(same_service(decision.fix.service, system.service));
    }
    struct policy_decision unknown = decide(&system.world, register_event(system.server, "printer"));
    cr_assert_eq(unknown.status, REALM_E_NO_SERVICE);
    cr_assert_eq(unknown.rule, POLICY_RULE_DECLARED);
    cr_assert_eq(unknown.fix.kind, POLICY_FIX_DECLARE);
    world_deinit(&system.world);
}

/* Goal: an instance of the provider template registers, one at a time. */
Test(lifecycle, register_by_instance)
{
    struct system system;
    system_init(&system);
    struct policy_realm first = instance_under(&system.world, system.client, system.server);
    struct policy_realm second = instance_under(&system.world, system.client, system.server);
    put(&system.world, register_event(first, "database"), NULL);
    cr_assert_eq(decide(&system.world, register_event(second, "database")).status, REALM_E_EXISTS);
    put(&system.world, end_event(first, true), NULL);
    put(&system.world, register_event(second, "database"), NULL);
    world_deinit(&system.world);
}

/* Goal: unregistering removes each send capability first, then the endpoint, and tells who held what. */
Test(lifecycle, unregister_removes_what_was_derived)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_capability endpoint =
        put(world, register_event(system.server, "database"), NULL).capability;
    put(world, connect_event(system.client, "database"), NULL);
    put(world, connect_event(system.other, "database"), NULL);
    put(world, connect_event(system.client, "database"), NULL);
    struct removals gone = {0};
    struct policy_event event = ending_event(POLICY_UNREGISTER, system.server, endpoint);
    cr_assert_eq(decide(world, event).rule, POLICY_RULE_OWNER);
    put(world, event, &gone);
    cr_assert_eq(gone.count, 4);
    size_t clients = 0;
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(gone.list[i].rights, REALM_RIGHT_SEND);
        cr_assert(same_service(gone.list[i].service, system.service));
        clients += same_realm(gone.list[i].holder, system.client);
    }
    cr_assert_eq(clients, 2);
    cr_assert_eq(gone.list[3].kind, POLICY_KIND_ENDPOINT);
    cr_assert(same_capability(gone.list[3].capability, endpoint));
    cr_assert(same_realm(gone.list[3].holder, system.server));
    cr_assert_eq(count_capabilities(world), 0);
    cr_assert_eq(decide(world, connect_event(system.client, "database")).status, REALM_E_NO_SERVICE);
    put(world, register_event(system.server, "database"), NULL);
    world_deinit(world);
}

/* Goal: disconnecting removes the one capability and nothing beside it. */
Test(lifecycle, disconnect_removes_one)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    put(world, register_event(system.server, "database"), NULL);
    struct policy_capability caps[3];
    for (size_t i = 0; i < 3; i++)
        caps[i] = put(world, connect_event(system.client, "database"), NULL).capability;
    struct removals gone = {0};
    put(world, ending_event(POLICY_DISCONNECT, system.client, caps[1]), &gone);
    cr_assert_eq(gone.count, 1);
    cr_assert(same_capability(gone.list[0].capability, caps[1]));
    struct policy_capability_info info;
    cr_assert(has_capability(world, caps[0], &info));
    cr_assert_not(has_capability(world, caps[1], &info));
    cr_assert(has_capability(world, caps[2], &info));
    world_deinit(world);
}

/* Goal: a capability is ended by its holder or by init; another realm learns nothing but STALE. */
Test(lifecycle, only_the_owner_ends)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_capability endpoint =
        put(world, register_event(system.server, "database"), NULL).capability;
    struct policy_capability send = put(world, connect_event(system.client, "database"), NULL).capability;
    struct policy_event refused[] = {
        ending_event(POLICY_UNREGISTER, system.client, endpoint),
        ending_event(POLICY_DISCONNECT, system.other, send),
        ending_event(POLICY_DISCONNECT, system.server, send),
        ending_event(POLICY_DISCONNECT, system.client, no_capability),
        ending_event(POLICY_DISCONNECT, system.client, (struct policy_capability){send.index, 77}),
        ending_event(POLICY_UNREGISTER, system.server, (struct policy_capability){UINT32_MAX, 1}),
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct policy_decision decision = decide(world, refused[i]);
        cr_assert_eq(decision.status, REALM_E_STALE, "event %zu", i);
        cr_assert_eq(decision.rule, POLICY_RULE_OWNER, "event %zu", i);
        cr_assert(same_service(decision.service, no_service));
    }
    put(world, ending_event(POLICY_DISCONNECT, world->init, send), NULL);
    put(world, ending_event(POLICY_UNREGISTER, world->init, endpoint), NULL);
    cr_assert_eq(count_capabilities(world), 0);
    cr_assert_eq(decide(world, ending_event(POLICY_DISCONNECT, system.client, send)).status, REALM_E_STALE);
    world_deinit(world);
}

/* Goal: the owner that names the wrong kind of capability made a mistake: BAD_ARGUMENT. */
Test(lifecycle, wrong_kind)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_capability endpoint =
        put(world, register_event(system.server, "database"), NULL).capability;
    struct policy_capability send = put(world, connect_event(system.client, "database"), NULL).capability;
    struct policy_event disconnect = ending_event(POLICY_DISCONNECT, system.server, endpoint);
    struct policy_event unregister = ending_event(POLICY_UNREGISTER, system.client, send);
    cr_assert_eq(decide(world, disconnect).status, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(decide(world, unregister).status, REALM_E_BAD_ARGUMENT);
    world_deinit(world);
}

/* Only the parent, init and who holds the realm capability: not others, not below, not itself. */
static void hold_for_parents(struct system *system, enum policy_event_kind kind, struct policy_realm child,
                             struct policy_realm grandchild)
{
    struct world *world = &system->world;
    struct policy_decision allowed = decide(world, child_event(kind, system->client, child));
    cr_assert_eq(allowed.status, 0);
    cr_assert_eq(allowed.rule, POLICY_RULE_PARENT);
    cr_assert_eq(decide(world, child_event(kind, world->init, child)).status, 0);
    struct policy_realm others[] = {system->other, system->server};
    for (size_t k = 0; k < 2; k++) {
        struct policy_decision denied = decide(world, child_event(kind, others[k], child));
        cr_assert_eq(denied.status, REALM_E_NOT_CHILD);
        cr_assert_eq(denied.rule, POLICY_RULE_PARENT);
    }
    cr_assert_eq(decide(world, child_event(kind, system->client, grandchild)).status, REALM_E_NOT_CHILD);
}

/* Goal: a parent and init may start and kill; everyone else is told NOT_CHILD. What runs is not started
 * again. */
Test(lifecycle, start_and_kill)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    world_start(world);
    struct policy_realm child, grandchild;
    struct policy_declaration declaration = declaration_of("child", system.client, no_realm);
    cr_assert_eq(policy_add_realm(world->policy, &declaration, &child), 0);
    declaration.parent = child;
    cr_assert_eq(policy_add_realm(world->policy, &declaration, &grandchild), 0);
    hold_for_parents(&system, POLICY_START, child, grandchild);
    cr_assert_eq(decide(world, child_event(POLICY_START, world->init, grandchild)).status, REALM_E_STALE,
                 "its parent does not run");
    cr_assert_eq(decide(world, child_event(POLICY_START, child, grandchild)).status, REALM_E_STALE,
                 "nor does the actor");
    put(world, child_event(POLICY_START, system.client, child), NULL);
    struct policy_decision again = decide(world, child_event(POLICY_START, system.client, child));
    cr_assert_eq(again.status, REALM_E_EXISTS);
    cr_assert_eq(again.rule, POLICY_RULE_RUNNING);
    put(world, child_event(POLICY_START, child, grandchild), NULL);
    hold_for_parents(&system, POLICY_KILL, child, grandchild);
    put(world, child_event(POLICY_KILL, system.client, child), NULL);
    cr_assert(policy_running(world->policy, child), "KILL only asks; END follows");
    put(world, end_event(child, false), NULL);
    cr_assert_not(policy_running(world->policy, child));
    cr_assert_eq(decide(world, child_event(POLICY_KILL, system.client, child)).status, 0,
                 "it is over anyway");
    world_deinit(world);
}

/* Goal: the fix PARENT is named where the scenario can say it, and not where it cannot. */
Test(lifecycle, parent_fix)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_realm child = realm_under(world, system.client);
    struct policy_realm instance = instance_under(world, system.client, child);
    struct policy_decision decision = decide(world, child_event(POLICY_KILL, system.other, instance));
    cr_assert_eq(decision.fix.kind, POLICY_FIX_PARENT);
    cr_assert(same_realm(decision.fix.realm, child));
    struct policy_event unfixable[] = {
        child_event(POLICY_KILL, child, system.client),   /* an ancestor */
        child_event(POLICY_KILL, child, child),           /* itself */
        child_event(POLICY_KILL, child, world->init),     /* init has no parent */
        child_event(POLICY_KILL, instance, system.other), /* an instance has no place in the scenario */
        child_event(POLICY_KILL, child, instance),        /* one's own instance */
    };
    for (size_t i = 0; i < sizeof unfixable / sizeof unfixable[0]; i++) {
        cr_assert_eq(decide(world, unfixable[i]).status, REALM_E_NOT_CHILD, "event %zu", i);
        cr_assert_eq(decide(world, unfixable[i]).fix.kind, POLICY_FIX_NONE, "event %zu", i);
    }
    world_deinit(world);
}

/* Goal: a realm's end takes its endpoints with all connections to them, and its own connections. */
Test(lifecycle, end_takes_what_it_held)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_service mine = service_by(world, "logger", system.client, 30);
    access_for(world, mine, POLICY_MATCH_ALL, no_realm, 31);
    put(world, register_event(system.server, "database"), NULL);
    put(world, register_event(system.client, "logger"), NULL);
    put(world, connect_event(system.client, "database"), NULL);
    struct policy_capability kept = put(world, connect_event(system.other, "database"), NULL).capability;
    put(world, connect_event(system.other, "logger"), NULL);
    put(world, connect_event(system.server, "logger"), NULL);
    struct removals gone = {0};
    put(world, end_event(system.client, false), &gone);
    cr_assert_eq(gone.count, 4);
    struct policy_capability_info info;
    cr_assert_eq(count_capabilities(world), 2);
    cr_assert(has_capability(world, kept, &info));
    bool endpoint_gone = false;
    for (size_t i = 0; i < gone.count; i++) {
        bool to_mine = same_service(gone.list[i].service, mine);
        cr_assert(to_mine || same_realm(gone.list[i].holder, system.client));
        cr_assert_not(endpoint_gone && to_mine, "a connection went after its endpoint");
        endpoint_gone |= gone.list[i].kind == POLICY_KIND_ENDPOINT;
    }
    cr_assert(endpoint_gone);
    start(world, system.client);
    put(world, register_event(system.client, "logger"), NULL);
    put(world, end_event(system.client, false), NULL);
    world_deinit(world);
}

/* Goal: an instance without children can be forgotten; nothing else can. */
Test(lifecycle, end_with_remove)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_realm instance = instance_under(world, system.client, system.other);
    struct policy_realm below = instance_under(world, instance, system.other);
    cr_assert_eq(decide(world, end_event(system.client, true)).status, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(decide(world, end_event(world->init, true)).status, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(decide(world, end_event(instance, true)).status, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(decide(world, end_event(instance, false)).status, 0);
    put(world, end_event(below, true), NULL);
    cr_assert(same_realm(policy_parent(world->policy, below), no_realm));
    put(world, end_event(instance, true), NULL);
    cr_assert_eq(decide(world, end_event(instance, true)).status, REALM_E_STALE);
    world_deinit(world);
}

/* Goal: the tree says who a realm's parent is; init has none, and it always is there. */
Test(lifecycle, parents)
{
    struct system system;
    system_init(&system);
    struct world *world = &system.world;
    struct policy_realm child = realm_under(world, system.client);
    cr_assert(same_realm(policy_parent(world->policy, child), system.client));
    cr_assert(same_realm(policy_parent(world->policy, system.client), world->init));
    cr_assert(same_realm(policy_parent(world->policy, world->init), no_realm));
    cr_assert_eq(decide(world, end_event(world->init, false)).status, REALM_E_BAD_ARGUMENT);
    cr_assert(same_realm(policy_init_realm(world->policy), world->init));
    world_deinit(world);
}
