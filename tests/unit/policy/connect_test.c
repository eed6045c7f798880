/*
 * CONNECT: the order of the rules, what each decision carries, templates and their instances.
 */
#include "tests/unit/policy/world.h"

/* Two top-level realms, and a service of the one, declared at 20:5. */
struct pair {
    struct world world;
    struct policy_realm client, server;
    struct policy_service service;
};

static void pair_init(struct pair *pair)
{
    world_init(&pair->world);
    pair->client = realm_under(&pair->world, pair->world.init);
    pair->server = realm_under(&pair->world, pair->world.init);
    pair->service = service_by(&pair->world, "logger", pair->server, 20);
}

static struct policy_decision ask(struct pair *pair, struct policy_realm realm)
{
    return decide(&pair->world, connect_event(realm, "logger"));
}

/* Goal: a denial by default carries everything a person needs: service, provider, place and fix. */
Test(connect, default_denial)
{
    struct pair pair;
    pair_init(&pair);
    struct policy_decision decision = ask(&pair, pair.client);
    cr_assert_eq(decision.status, REALM_E_DENIED);
    cr_assert_eq(decision.rule, POLICY_RULE_DEFAULT);
    cr_assert_eq(decision.place.line, 20);
    cr_assert_eq(decision.place.column, 5);
    cr_assert_eq(decision.fix.kind, POLICY_FIX_ACCESS);
    cr_assert(same_realm(decision.fix.realm, pair.client));
    cr_assert(same_service(decision.fix.service, pair.service));
    cr_assert(same_service(decision.service, pair.service));
    cr_assert(same_realm(decision.provider, pair.server));
    cr_assert_not(decision.registered);
    world_deinit(&pair.world);
}

/* Goal: an undeclared name is NO_SERVICE by rule DECLARED, and the fix is to declare it. */
Test(connect, undeclared)
{
    struct pair pair;
    pair_init(&pair);
    struct policy_decision decision = decide(&pair.world, connect_event(pair.client, "printer"));
    cr_assert_eq(decision.status, REALM_E_NO_SERVICE);
    cr_assert_eq(decision.rule, POLICY_RULE_DECLARED);
    cr_assert_eq(decision.place.line, 0);
    cr_assert_eq(decision.fix.kind, POLICY_FIX_DECLARE);
    cr_assert(same_service(decision.service, no_service));
    cr_assert(same_realm(decision.provider, no_realm));
    world_deinit(&pair.world);
}

/* Goal: once the service that a fix asks for is declared, the same connect is no longer undeclared. */
Test(connect, declare_fix_works)
{
    struct pair pair;
    pair_init(&pair);
    service_by(&pair.world, "printer", pair.server, 40);
    cr_assert_eq(decide(&pair.world, connect_event(pair.client, "printer")).rule, POLICY_RULE_DEFAULT);
    world_deinit(&pair.world);
}

/* Goal: a realm does not connect to its own service, whatever would allow it. */
Test(connect, self)
{
    struct pair pair;
    pair_init(&pair);
    access_for(&pair.world, pair.service, POLICY_MATCH_ALL, no_realm, 21);
    grant_to(&pair.world, pair.server, pair.service, REALM_RIGHT_SEND, 30);
    for (int registered = 0; registered <= 1; registered++) {
        struct policy_decision decision = ask(&pair, pair.server);
        cr_assert_eq(decision.status, REALM_E_DENIED);
        cr_assert_eq(decision.rule, POLICY_RULE_SELF);
        cr_assert_eq(decision.fix.kind, POLICY_FIX_NONE);
        cr_assert_eq(decision.place.line, 20);
        if (!registered)
            put(&pair.world, register_event(pair.server, "logger"), NULL);
    }
    world_deinit(&pair.world);
}

/* Goal: of two mechanisms that both allow, the earlier in the documented order is the one named. */
Test(connect, order_of_mechanisms)
{
    struct pair pair;
    pair_init(&pair);
    struct world *world = &pair.world;
    struct policy_realm child = realm_under(world, pair.server);
    access_for(world, pair.service, POLICY_MATCH_REALM, child, 21);
    cr_assert_eq(ask(&pair, child).rule, POLICY_RULE_CHILD_OF_PROVIDER);
    put(world, grant_event(pair.server, child, "logger"), NULL);
    cr_assert_eq(ask(&pair, child).rule, POLICY_RULE_PARENT_GRANT);
    grant_to(world, child, pair.service, REALM_RIGHT_SEND, 30);
    cr_assert_eq(ask(&pair, child).rule, POLICY_RULE_CONFIG_GRANT);
    cr_assert_eq(ask(&pair, child).place.line, 30);
    world_deinit(world);
}

/* Goal: an access list is read in its own order, and the first entry that admits is the place named. */
Test(connect, order_of_access_entries)
{
    struct pair pair;
    pair_init(&pair);
    struct policy_realm other = realm_under(&pair.world, pair.world.init);
    access_for(&pair.world, pair.service, POLICY_MATCH_REALM, other, 21);
    access_for(&pair.world, pair.service, POLICY_MATCH_CHILDREN, no_realm, 22);
    access_for(&pair.world, pair.service, POLICY_MATCH_REALM, pair.client, 23);
    access_for(&pair.world, pair.service, POLICY_MATCH_ALL, no_realm, 24);
    access_for(&pair.world, pair.service, POLICY_MATCH_REALM, other, 25);
    cr_assert_eq(ask(&pair, other).place.line, 21);
    cr_assert_eq(ask(&pair, pair.client).place.line, 23);
    cr_assert_eq(ask(&pair, pair.client).rule, POLICY_RULE_ACCESS_REALM);
    struct policy_realm third = realm_under(&pair.world, pair.world.init);
    cr_assert_eq(ask(&pair, third).place.line, 24);
    cr_assert_eq(ask(&pair, third).place.column, 9);
    cr_assert_eq(ask(&pair, third).rule, POLICY_RULE_ACCESS_ALL);
    world_deinit(&pair.world);
}

/* Goal: a grant without SEND does not let connect, and does not hide one after it that has SEND. */
Test(connect, grant_needs_send)
{
    struct pair pair;
    pair_init(&pair);
    grant_to(&pair.world, pair.client, pair.service, 0, 29);
    grant_to(&pair.world, pair.client, pair.service, REALM_RIGHT_RECV | REALM_RIGHT_READ, 30);
    cr_assert_eq(ask(&pair, pair.client).rule, POLICY_RULE_DEFAULT);
    grant_to(&pair.world, pair.client, pair.service, REALM_RIGHT_SEND | REALM_RIGHT_READ, 31);
    grant_to(&pair.world, pair.client, pair.service, REALM_RIGHT_SEND, 32);
    cr_assert_eq(ask(&pair, pair.client).rule, POLICY_RULE_CONFIG_GRANT);
    cr_assert_eq(ask(&pair, pair.client).place.line, 31);
    world_deinit(&pair.world);
}

/* Goal: a grant holds for the one realm and the one service it names. */
Test(connect, grant_is_exact)
{
    struct pair pair;
    pair_init(&pair);
    struct policy_realm child = realm_under(&pair.world, pair.client);
    struct policy_realm other = realm_under(&pair.world, pair.world.init);
    service_by(&pair.world, "database", pair.server, 25);
    grant_to(&pair.world, pair.client, pair.service, REALM_RIGHT_SEND, 30);
    cr_assert_eq(ask(&pair, pair.client).rule, POLICY_RULE_CONFIG_GRANT);
    cr_assert_eq(ask(&pair, child).rule, POLICY_RULE_DEFAULT);
    cr_assert_eq(ask(&pair, other).rule, POLICY_RULE_DEFAULT);
    cr_assert_eq(decide(&pair.world, connect_event(pair.client, "database")).rule, POLICY_RULE_DEFAULT);
    world_deinit(&pair.world);
}

/* Goal: the same grant said again costs nothing: what one decision looks at stays bounded by the rights. */
Test(connect, grants_repeated)
{
    struct pair pair;
    pair_init(&pair);
    for (uint32_t line = 1; line <= 1000; line++)
        grant_to(&pair.world, pair.client, pair.service, REALM_RIGHT_GRANT << line % 3, line);
    struct policy_event event = connect_event(pair.client, "logger");
    cr_assert_eq(policy_explain(pair.world.policy, &event, NULL, 0), 3 + 4, "three grants, and what follows");
    world_deinit(&pair.world);
}

/* Goal: an alias means the service, in every way; a name bound once cannot be bound again. */
Test(connect, aliases)
{
    struct pair pair;
    pair_init(&pair);
    struct world *world = &pair.world;
    struct policy_service other = service_by(world, "network", pair.server, 25);
    cr_assert_eq(policy_add_alias(world->policy, pair.service, name_of("endpoint:1")), 0);
    cr_assert_eq(policy_add_alias(world->policy, other, name_of("endpoint:1")), REALM_E_EXISTS);
    cr_assert_eq(policy_add_alias(world->policy, pair.service, name_of("logger")), REALM_E_EXISTS);
    cr_assert_eq(policy_add_alias(world->policy, no_service, name_of("port:1")), REALM_E_BAD_ARGUMENT);
    struct policy_service again;
    cr_assert_eq(policy_add_service(world->policy, name_of("endpoint:1"), pair.client,
                                    (struct policy_place){0}, &again),
                 REALM_E_EXISTS);
    access_for(world, pair.service, POLICY_MATCH_REALM, pair.client, 21);
    put(world, register_event(pair.server, "endpoint:1"), NULL);
    cr_assert_eq(decide(world, register_event(pair.server, "logger")).rule, POLICY_RULE_REGISTERED);
    put(world, connect_event(pair.client, "endpoint:1"), NULL);
    struct policy_decision decision = decide(world, connect_event(pair.client, "endpoint:1"));
    cr_assert(same_service(decision.service, pair.service));
    cr_assert(decision.registered);
    world_deinit(world);
}

/* Goal: what the configuration says of a template holds for its instances, and a denial's fix names it. */
Test(connect, client_templates)
{
    struct pair pair;
    pair_init(&pair);
    struct world *world = &pair.world;
    struct policy_realm worker = realm_under(world, pair.client);
    struct policy_realm instance = instance_under(world, pair.client, worker);
    struct policy_decision denied = ask(&pair, instance);
    cr_assert_eq(denied.fix.kind, POLICY_FIX_ACCESS);
    cr_assert(same_realm(denied.fix.realm, worker));
    access_for(world, pair.service, POLICY_MATCH_REALM, denied.fix.realm, 21);
    cr_assert_eq(ask(&pair, instance).rule, POLICY_RULE_ACCESS_REALM);
    cr_assert_eq(ask(&pair, worker).rule, POLICY_RULE_ACCESS_REALM);
    grant_to(world, worker, pair.service, REALM_RIGHT_SEND, 30);
    cr_assert_eq(ask(&pair, instance).rule, POLICY_RULE_CONFIG_GRANT);
    cr_assert_eq(ask(&pair, pair.client).rule, POLICY_RULE_DEFAULT);
    world_deinit(world);
}

/* Goal: hierarchy looks at the realm that registered: an instance's children, not its template's. */
Test(connect, provider_templates)
{
    struct world world;
    world_init(&world);
    struct policy_realm template_of = realm_under(&world, world.init);
    struct policy_realm instance = instance_under(&world, world.init, template_of);
    struct policy_realm other = instance_under(&world, world.init, template_of);
    struct policy_realm child = realm_under(&world, instance);
    struct policy_realm other_child = realm_under(&world, other);
    struct policy_realm template_child = realm_under(&world, template_of);
    struct policy_service service = service_by(&world, "logger", template_of, 20);
    access_for(&world, service, POLICY_MATCH_CHILDREN, no_realm, 21);

    /* Nobody has registered: the template stands for them. */
    cr_assert_eq(decide(&world, connect_event(template_child, "logger")).rule, POLICY_RULE_CHILD_OF_PROVIDER);
    cr_assert_eq(decide(&world, connect_event(child, "logger")).rule, POLICY_RULE_DEFAULT);
    cr_assert_eq(decide(&world, connect_event(world.init, "logger")).rule, POLICY_RULE_PARENT_OF_PROVIDER);
    cr_assert(same_realm(decide(&world, connect_event(child, "logger")).provider, template_of));

    put(&world, register_event(instance, "logger"), NULL);
    cr_assert_eq(decide(&world, connect_event(template_child, "logger")).rule, POLICY_RULE_DEFAULT);
    cr_assert_eq(decide(&world, connect_event(child, "logger")).rule, POLICY_RULE_CHILD_OF_PROVIDER);
    cr_assert_eq(decide(&world, connect_event(other_child, "logger")).rule, POLICY_RULE_DEFAULT);
    cr_assert(same_realm(decide(&world, connect_event(child, "logger")).provider, instance));
    cr_assert_eq(decide(&world, connect_event(instance, "logger")).rule, POLICY_RULE_SELF);
    cr_assert_eq(decide(&world, connect_event(template_of, "logger")).rule, POLICY_RULE_SELF);
    cr_assert_eq(decide(&world, connect_event(other, "logger")).rule, POLICY_RULE_SELF,
                 "of the same template");
    world_deinit(&world);
}

/* Goal: an allowed connect makes a send capability under the endpoint, with a badge never given before. */
Test(connect, applied)
{
    struct pair pair;
    pair_init(&pair);
    struct world *world = &pair.world;
    access_for(world, pair.service, POLICY_MATCH_ALL, no_realm, 21);
    struct policy_capability endpoint = put(world, register_event(pair.server, "logger"), NULL).capability;
    uint64_t last_badge = 0;
    for (size_t i = 0; i < 100; i++) {
        struct policy_outcome outcome = put(world, connect_event(pair.client, "logger"), NULL);
        struct policy_capability_info info;
        cr_assert_gt(outcome.badge, last_badge);
        last_badge = outcome.badge;
        cr_assert(has_capability(world, outcome.capability, &info));
        cr_assert(same_capability(info.parent, endpoint));
        cr_assert(same_realm(info.holder, pair.client));
        cr_assert(same_service(info.service, pair.service));
        cr_assert_eq(info.rights, REALM_RIGHT_SEND);
        cr_assert_eq(info.badge, outcome.badge);
        put(world, ending_event(POLICY_DISCONNECT, pair.client, outcome.capability), NULL);
    }
    cr_assert_eq(count_capabilities(world), 1);
    world_deinit(world);
}

/* Goal: what was connected stays so when the rule that allowed it is gone: policy is asked at connect only.
 */
Test(connect, policy_at_connect_only)
{
    struct pair pair;
    pair_init(&pair);
    struct world *world = &pair.world;
    struct policy_realm child = realm_under(world, pair.client);
    grant_to(world, pair.client, pair.service, REALM_RIGHT_SEND, 30);
    put(world, register_event(pair.server, "logger"), NULL);
    put(world, grant_event(pair.client, child, "logger"), NULL);
    struct policy_capability held = put(world, connect_event(child, "logger"), NULL).capability;
    put(world, end_event(pair.client, false), NULL);
    struct policy_capability_info info;
    cr_assert_eq(ask(&pair, child).rule, POLICY_RULE_DEFAULT);
    cr_assert(has_capability(world, held, &info));
    world_deinit(world);
}
