/*
 * Explaining: the steps of a decision, and the words for its rules.
 */
#include "tests/unit/policy/world.h"

#define STEPS 16

static size_t explain(const struct world *world, struct policy_realm realm, const char *service,
                      struct policy_step *steps)
{
    struct policy_event event = connect_event(realm, service);
    return policy_explain(world->policy, &event, steps, STEPS);
}

static void expect_step(const struct policy_step *step, enum policy_rule rule, uint32_t line, bool matched)
{
    cr_assert_eq(step->rule, rule, "%s, not %s", policy_rule_name(step->rule), policy_rule_name(rule));
    cr_assert_eq(step->place.line, line, "%s", policy_rule_name(rule));
    cr_assert_eq(step->matched, matched, "%s", policy_rule_name(rule));
}

/* Goal: a denial lists every rule that was looked at, each with its place, and ends with the default. */
Test(explain, denial)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    struct policy_realm client = realm_under(&world, world.init);
    struct policy_service service = service_by(&world, "vfs", server, 20);
    access_for(&world, service, POLICY_MATCH_REALM, server, 21);
    access_for(&world, service, POLICY_MATCH_CHILDREN, no_realm, 22);
    grant_to(&world, client, service, REALM_RIGHT_RECV, 30);
    struct policy_step steps[STEPS];
    cr_assert_eq(explain(&world, client, "vfs", steps), 7);
    expect_step(&steps[0], POLICY_RULE_CONFIG_GRANT, 30, false);
    expect_step(&steps[1], POLICY_RULE_PARENT_GRANT, 0, false);
    expect_step(&steps[2], POLICY_RULE_CHILD_OF_PROVIDER, 0, false);
    expect_step(&steps[3], POLICY_RULE_PARENT_OF_PROVIDER, 0, false);
    expect_step(&steps[4], POLICY_RULE_ACCESS_REALM, 21, false);
    expect_step(&steps[5], POLICY_RULE_ACCESS_CHILDREN, 22, false);
    expect_step(&steps[6], POLICY_RULE_DEFAULT, 20, true);
    world_deinit(&world);
}

/* Goal: the rule that allows is the last step, and those behind it are not looked at. */
Test(explain, allowance)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    struct policy_realm child = realm_under(&world, server);
    struct policy_service service = service_by(&world, "vfs", server, 20);
    access_for(&world, service, POLICY_MATCH_ALL, no_realm, 21);
    struct policy_step steps[STEPS];
    cr_assert_eq(explain(&world, child, "vfs", steps), 3);
    expect_step(&steps[0], POLICY_RULE_CONFIG_GRANT, 0, false);
    expect_step(&steps[1], POLICY_RULE_PARENT_GRANT, 0, false);
    expect_step(&steps[2], POLICY_RULE_CHILD_OF_PROVIDER, 0, true);
    cr_assert_eq(explain(&world, world.init, "vfs", steps), 4);
    expect_step(&steps[3], POLICY_RULE_PARENT_OF_PROVIDER, 0, true);
    world_deinit(&world);
}

/* Goal: where the configuration has only patterns for a service these are looked at, and nothing is before
 * them. */
Test(explain, patterns_alone)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    struct policy_realm client = realm_under(&world, world.init);
    struct policy_service service = service_by(&world, "vfs", server, 20);
    struct policy_service other = service_by(&world, "logger", server, 21);
    struct policy_entry pattern = path_entry("/nobody", REALM_RIGHT_SEND, 30);
    cr_assert_eq(policy_add_grant(world.policy, service, &pattern), 0);
    grant_to(&world, client, other, REALM_RIGHT_SEND, 31);
    struct policy_step steps[STEPS];
    cr_assert_eq(explain(&world, client, "vfs", steps), 5);
    expect_step(&steps[0], POLICY_RULE_CONFIG_GRANT, 30, false);
    expect_step(&steps[1], POLICY_RULE_PARENT_GRANT, 0, false);
    world_deinit(&world);
}

/* Goal: an undeclared service and one's own are explained by the one rule that excludes them. */
Test(explain, exclusions)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    service_by(&world, "vfs", server, 20);
    struct policy_step steps[STEPS];
    cr_assert_eq(explain(&world, server, "printer", steps), 1);
    expect_step(&steps[0], POLICY_RULE_DECLARED, 0, true);
    cr_assert_eq(explain(&world, server, "vfs", steps), 1);
    expect_step(&steps[0], POLICY_RULE_SELF, 20, true);
    cr_assert_eq(explain(&world, no_realm, "vfs", steps), 0);
    struct policy_event event = register_event(server, "vfs");
    cr_assert_eq(policy_explain(world.policy, &event, steps, STEPS), 0);
    world_deinit(&world);
}

/* Goal: a short array is filled as far as it goes, and no further; the count is of all steps. */
Test(explain, capacity)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    struct policy_realm client = realm_under(&world, world.init);
    service_by(&world, "vfs", server, 20);
    struct policy_event event = connect_event(client, "vfs");
    cr_assert_eq(policy_explain(world.policy, &event, NULL, 0), 5);
    struct policy_step steps[3] = {{0}, {0}, {.rule = POLICY_RULE_OWNER}};
    cr_assert_eq(policy_explain(world.policy, &event, steps, 2), 5);
    expect_step(&steps[0], POLICY_RULE_CONFIG_GRANT, 0, false);
    expect_step(&steps[1], POLICY_RULE_PARENT_GRANT, 0, false);
    expect_step(&steps[2], POLICY_RULE_OWNER, 0, false);
    world_deinit(&world);
}

/* Goal: every rule has a word of its own, and those that the header names are these. */
Test(explain, rule_names)
{
    for (enum policy_rule a = POLICY_RULE_NONE; a < POLICY_RULES; a++) {
        cr_assert_not_null(policy_rule_name(a));
        for (enum policy_rule b = POLICY_RULE_NONE; b < a; b++)
            cr_assert_str_neq(policy_rule_name(a), policy_rule_name(b));
    }
    cr_assert_str_eq(policy_rule_name(POLICY_RULE_DEFAULT), "default");
    cr_assert_str_eq(policy_rule_name(POLICY_RULE_CONFIG_GRANT), "grant");
    cr_assert_str_eq(policy_rule_name(POLICY_RULE_ACCESS_CHILDREN), "access: children");
    cr_assert_str_eq(policy_rule_name(POLICY_RULES), "?");
    cr_assert_str_eq(policy_rule_name((enum policy_rule) - 1), "?");
}
