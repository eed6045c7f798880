/*
 * Quotas: each resource, the nearest limit and the first resource, 0 and the maximum, and who used it up.
 */
#include "tests/unit/policy/world.h"

struct budget {
    struct world world;
    struct policy_realm parent, one, two;
    struct policy_service service;
};

static void budget_init(struct budget *b)
{
    struct world *world = &b->world;
    world_init(world);
    struct policy_realm server = named_under(world, world->init, "server");
    b->parent = named_under(world, world->init, "parent");
    b->one = named_under(world, b->parent, "one");
    b->two = named_under(world, b->parent, "two");
    b->service = service_by(world, "vfs", server, 20);
    access_for(world, b->service, POLICY_MATCH_ALL, no_realm, 21);
    put(world, register_event(server, "vfs"), NULL);
}

static void limit(struct budget *b, struct policy_realm realm, enum policy_resource resource, uint64_t amount)
{
    cr_assert_eq(policy_set_limit(b->world.policy, realm, resource, amount), 0);
}

static struct policy_event resource_event(enum policy_event_kind kind, struct policy_realm actor,
                                          enum policy_resource resource, uint64_t amount)
{
    return (struct policy_event){.kind = kind, .actor = actor, .resource = resource, .amount = amount};
}

static struct policy_event allocate(struct policy_realm actor, uint64_t bytes)
{
    return resource_event(POLICY_ALLOCATE, actor, 0, bytes);
}

static void refused_at(struct budget *b, struct policy_event event, struct policy_realm realm,
                       enum policy_resource resource)
{
    struct policy_decision decision = decide(&b->world, event);
    cr_assert_eq(decision.status, REALM_E_LIMIT, "%s", realm_error_name(decision.status));
    cr_assert_eq(decision.rule, POLICY_RULE_QUOTA);
    cr_assert(same_realm(decision.quota.realm, realm));
    cr_assert_eq(decision.quota.resource, resource, "%s", policy_resource_name(decision.quota.resource));
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(b->world.policy, realm, resource, &usage), 0);
    cr_assert_eq(decision.quota.limit, usage.limit);
    cr_assert_eq(decision.quota.use, usage.use);
    cr_assert_eq(decision.rights, 0);
}

/* Goal: two children share their parent's channels: the second finds them used, and is told by whom. */
Test(quota, shared_down_the_tree)
{
    struct budget b;
    budget_init(&b);
    limit(&b, b.parent, POLICY_CHANNELS, 3);
    limit(&b, b.two, POLICY_CHANNELS, 2);
    put(&b.world, connect_event(b.one, "vfs"), NULL);
    struct policy_capability second = put(&b.world, connect_event(b.one, "vfs"), NULL).capability;
    put(&b.world, connect_event(b.two, "vfs"), NULL);
    refused_at(&b, connect_event(b.two, "vfs"), b.parent, POLICY_CHANNELS);
    struct policy_consumer consumers[POLICY_CONSUMERS_MAX];
    cr_assert_eq(policy_consumers(b.world.policy, b.parent, POLICY_CHANNELS, consumers), 2);
    cr_assert(same_realm(consumers[0].realm, b.one) && consumers[0].own == 2);
    cr_assert(same_realm(consumers[1].realm, b.two) && consumers[1].own == 1);
    put_only(&b.world, ending_event(POLICY_DISCONNECT, b.one, second));
    refused_at(&b, connect_event(b.two, "vfs"), b.parent, POLICY_CHANNELS);
    cr_assert(policy_clear(b.world.policy, 10, NULL, NULL));
    put(&b.world, connect_event(b.two, "vfs"), NULL);
    refused_at(&b, connect_event(b.two, "vfs"), b.two, POLICY_CHANNELS);
    world_deinit(&b.world);
}

/* Goal: a limit of 0 refuses the first, the maximum refuses nothing, for each resource that an event uses. */
Test(quota, zero_and_maximum)
{
    struct budget b;
    budget_init(&b);
    struct policy_event create = {.kind = POLICY_CREATE, .actor = b.one};
    struct policy_event charge = resource_event(POLICY_CHARGE, b.one, POLICY_DESCRIPTORS, 1);
    struct policy_event request = resource_event(POLICY_CHARGE, b.one, POLICY_REQUESTS, 1);
    struct {
        struct policy_event event;
        enum policy_resource resource;
    } uses[] = {{create, POLICY_CAPABILITIES},
                {connect_event(b.one, "vfs"), POLICY_CHANNELS},
                {allocate(b.one, 4096), POLICY_MEMORY},
                {charge, POLICY_DESCRIPTORS},
                {request, POLICY_REQUESTS}};
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        limit(&b, b.one, uses[i].resource, 0);
        refused_at(&b, uses[i].event, b.one, uses[i].resource);
        limit(&b, b.one, uses[i].resource, POLICY_UNLIMITED);
        put(&b.world, uses[i].event, NULL);
    }
    world_deinit(&b.world);
}

/* Goal: START takes a realm and a capability of its parent's, and the endowment of its own; END gives back.
 */
Test(quota, start)
{
    struct budget b;
    budget_init(&b);
    struct policy_usage before, after;
    put(&b.world, end_event(b.two, false), NULL);
    struct policy_declaration declaration = declaration_of("three", b.parent, no_realm);
    declaration.debug = true;
    declaration.gates = 0x6;
    struct policy_realm three;
    cr_assert_eq(policy_add_realm(b.world.policy, &declaration, &three), 0);
    struct policy_event event = child_event(POLICY_START, b.parent, three);
    cr_assert_eq(policy_get_usage(b.world.policy, b.parent, POLICY_CAPABILITIES, &before), 0);
    limit(&b, b.parent, POLICY_REALMS, 1);
    refused_at(&b, event, b.parent, POLICY_REALMS);
    limit(&b, b.parent, POLICY_REALMS, 2);
    limit(&b, three, POLICY_CAPABILITIES, 2);
    refused_at(&b, event, three, POLICY_CAPABILITIES);
    limit(&b, three, POLICY_CAPABILITIES, 3);
    limit(&b, b.parent, POLICY_CAPABILITIES, before.use + 3);
    refused_at(&b, event, b.parent, POLICY_CAPABILITIES);
    limit(&b, b.parent, POLICY_CAPABILITIES, before.use + 4);
    put(&b.world, event, NULL);
    cr_assert_eq(decide(&b.world, (struct policy_event){.kind = POLICY_LOOK, .actor = three}).status, 0);
    cr_assert_eq(
        decide(&b.world, (struct policy_event){.kind = POLICY_GATE, .actor = three, .gate = 2}).status, 0);
    put(&b.world, end_event(three, false), NULL);
    cr_assert_eq(policy_get_usage(b.world.policy, b.parent, POLICY_CAPABILITIES, &after), 0);
    cr_assert_eq(after.use, before.use);
    world_deinit(&b.world);
}

/* Goal: only the parent side sets a limit, never the subject; below the use nothing new is let in. */
Test(quota, set_by_event)
{
    struct budget b;
    budget_init(&b);
    struct policy_event set = resource_event(POLICY_QUOTA, b.parent, POLICY_CHANNELS, 1);
    set.subject = b.one;
    put(&b.world, connect_event(b.one, "vfs"), NULL);
    put(&b.world, connect_event(b.one, "vfs"), NULL);
    put(&b.world, set, NULL);
    refused_at(&b, connect_event(b.one, "vfs"), b.one, POLICY_CHANNELS);
    set.actor = b.one;
    cr_assert_eq(decide(&b.world, set).status, REALM_E_NOT_CHILD);
    set.actor = b.two;
    cr_assert_eq(decide(&b.world, set).status, REALM_E_NOT_CHILD);
    set.actor = b.world.init;
    set.resource = POLICY_RESOURCES;
    cr_assert_eq(decide(&b.world, set).status, REALM_E_BAD_ARGUMENT);
    world_deinit(&b.world);
}

/* Goal: charges: only what is charged from outside, no more is released than was charged, END releases all.
 */
Test(quota, charges)
{
    struct budget b;
    budget_init(&b);
    put(&b.world, resource_event(POLICY_CHARGE, b.one, POLICY_REQUESTS, 5), NULL);
    put(&b.world, resource_event(POLICY_RELEASE, b.one, POLICY_REQUESTS, 2), NULL);
    cr_assert_eq(decide(&b.world, resource_event(POLICY_RELEASE, b.one, POLICY_REQUESTS, 4)).status,
                 REALM_E_BAD_ARGUMENT);
    for (enum policy_resource resource = POLICY_REALMS; resource <= POLICY_MEMORY; resource++)
        cr_assert_eq(decide(&b.world, resource_event(POLICY_CHARGE, b.one, resource, 1)).status,
                     REALM_E_BAD_ARGUMENT);
    struct policy_event full = resource_event(POLICY_CHARGE, b.two, POLICY_REQUESTS, UINT64_MAX - 3);
    put(&b.world, full, NULL);
    refused_at(&b, resource_event(POLICY_CHARGE, b.one, POLICY_REQUESTS, 1), b.world.init, POLICY_REQUESTS);
    put(&b.world, end_event(b.two, false), NULL);
    put(&b.world, end_event(b.one, false), NULL);
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(b.world.policy, b.world.init, POLICY_REQUESTS, &usage), 0);
    cr_assert_eq(usage.use, 0);
    world_deinit(&b.world);
}

/* Goal: over a limit that was lowered nothing more is let in, and what takes nothing is. */
Test(quota, nothing_is_always_free)
{
    struct budget b;
    budget_init(&b);
    put(&b.world, resource_event(POLICY_CHARGE, b.one, POLICY_REQUESTS, 5), NULL);
    limit(&b, b.one, POLICY_REQUESTS, 3);
    refused_at(&b, resource_event(POLICY_CHARGE, b.one, POLICY_REQUESTS, 1), b.one, POLICY_REQUESTS);
    put(&b.world, resource_event(POLICY_CHARGE, b.one, POLICY_REQUESTS, 0), NULL);
    world_deinit(&b.world);
}

/* Goal: who allocated an object pays for it until it is gone, whoever holds it by then. */
Test(quota, memory)
{
    struct budget b;
    budget_init(&b);
    for (uint64_t bytes = 0; bytes < 4096; bytes += 4095)
        cr_assert_eq(decide(&b.world, allocate(b.parent, bytes)).status, REALM_E_BAD_ARGUMENT);
    limit(&b, b.parent, POLICY_MEMORY, 8192);
    struct policy_capability object = put(&b.world, allocate(b.parent, 8192), NULL).capability;
    struct policy_event give = {.kind = POLICY_DERIVE,
                                .mode = POLICY_MOVE,
                                .actor = b.parent,
                                .subject = b.one,
                                .capability = object};
    put(&b.world, give, NULL);
    refused_at(&b, allocate(b.parent, 4096), b.parent, POLICY_MEMORY);
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(b.world.policy, b.one, POLICY_MEMORY, &usage), 0);
    cr_assert_eq(usage.use, 0);
    put(&b.world, ending_event(POLICY_DELETE, b.one, object), NULL);
    cr_assert_eq(policy_get_usage(b.world.policy, b.parent, POLICY_MEMORY, &usage), 0);
    cr_assert_eq(usage.use, 0);
    world_deinit(&b.world);
}

/* Goal: gates and debug: only by number, only with the right, only by the living; init needs none. */
Test(quota, gates_and_debug)
{
    struct budget b;
    budget_init(&b);
    for (uint32_t gate = 0; gate < 70; gate += 23) {
        struct policy_event event = {.kind = POLICY_GATE, .actor = b.one, .gate = gate};
        cr_assert_eq(decide(&b.world, event).status, REALM_E_INCAPABLE);
        cr_assert_eq(decide(&b.world, event).rule, POLICY_RULE_GATE);
        event.actor = b.world.init;
        cr_assert_eq(decide(&b.world, event).status, 0);
    }
    struct policy_event look = {.kind = POLICY_LOOK, .actor = b.one};
    cr_assert_eq(decide(&b.world, look).status, REALM_E_INCAPABLE);
    cr_assert_eq(decide(&b.world, look).rule, POLICY_RULE_DEBUG);
    world_deinit(&b.world);
}

/* Goal: who is endowed with every gate gets each of them, once, and no other. */
Test(quota, every_gate)
{
    struct budget b;
    budget_init(&b);
    struct policy_declaration declaration = declaration_of("keeper", b.world.init, no_realm);
    declaration.gates = UINT64_MAX;
    struct policy_realm keeper = add_realm(&b.world, declaration);
    for (uint32_t gate = 0; gate <= POLICY_GATES_MAX; gate++) {
        struct policy_event event = {.kind = POLICY_GATE, .actor = keeper, .gate = gate};
        cr_assert_eq(decide(&b.world, event).status, gate < POLICY_GATES_MAX ? 0 : REALM_E_INCAPABLE, "%u",
                     gate);
    }
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(b.world.policy, keeper, POLICY_CAPABILITIES, &usage), 0);
    cr_assert_eq(usage.own, POLICY_GATES_MAX);
    world_deinit(&b.world);
}
