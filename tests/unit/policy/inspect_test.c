/*
 * Looking at a policy: handles that name nothing, what a realm holds in its order, who uses most, and the
 * bounds of a declaration.
 */
#include "tests/unit/policy/world.h"

struct household {
    struct world world;
    struct policy_realm parent, one, two, outside, gone;
    struct policy_service service;
};

static void household_init(struct household *home)
{
    world_init(&home->world);
    home->parent = named_under(&home->world, home->world.init, "parent");
    home->one = named_under(&home->world, home->parent, "one");
    home->two = named_under(&home->world, home->parent, "two");
    home->outside = named_under(&home->world, home->world.init, "outside");
    home->service = service_by(&home->world, "vfs", home->outside, 7);
    home->gone = instance_under(&home->world, home->parent, home->one);
    world_start(&home->world);
    put(&home->world, end_event(home->gone, true), NULL);
}

static struct policy_capability create(struct household *home, struct policy_realm realm)
{
    struct policy_event event = {.kind = POLICY_CREATE, .actor = realm};
    return put(&home->world, event, NULL).capability;
}

/* Goal: what is gone and what never was have no parent, no use, no consumers, hold nothing and do not run; a
 * service that never was has no provider, one that is there has. */
Test(inspect, handles_that_name_nothing)
{
    struct household home;
    household_init(&home);
    struct policy *policy = home.world.policy;
    const struct policy_realm nothing[] = {home.gone, no_realm, {9999, 1}, {home.one.index, 77}};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++) {
        struct policy_capability at = no_capability;
        struct policy_capability_info info;
        struct policy_usage usage;
        struct policy_consumer consumers[POLICY_CONSUMERS_MAX];
        cr_assert_not(policy_next_held(policy, nothing[i], &at, &info));
        cr_assert_eq(policy_get_usage(policy, nothing[i], POLICY_MEMORY, &usage), REALM_E_BAD_ARGUMENT);
        cr_assert_eq(policy_consumers(policy, nothing[i], POLICY_CAPABILITIES, consumers), 0);
        cr_assert_not(policy_running(policy, nothing[i]));
        cr_assert(same_realm(policy_parent(policy, nothing[i]), no_realm));
    }
    const struct policy_service never[] = {no_service, {9999, 1}, {home.service.index, 77}};
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        cr_assert(same_realm(policy_provider_of(policy, never[i]), no_realm));
    cr_assert(same_realm(policy_provider_of(policy, home.service), home.outside));
    /* The place behind the last that was ever used: what never was, not what is gone. */
    struct policy_realm behind = {home.gone.index + 1, 1};
    cr_assert_eq(decide(&home.world, connect_event(behind, "vfs")).status, REALM_E_BAD_ARGUMENT);
    cr_assert_eq(decide(&home.world, connect_event(home.gone, "vfs")).status, REALM_E_STALE);
    /* An instance of what never was is no declaration. */
    const struct policy_realm wrong[] = {{0, 5}, {home.one.index, 0}};
    for (size_t i = 0; i < 2; i++) {
        struct policy_declaration declaration = declaration_of("x", home.parent, wrong[i]);
        struct policy_realm realm;
        cr_assert_eq(policy_add_realm(policy, &declaration, &realm), REALM_E_BAD_ARGUMENT);
    }
    world_deinit(&home.world);
}

/* Goal: each word for a number that is one, "?" for those behind and between. */
Test(inspect, words)
{
    cr_assert_str_eq(policy_rule_name(POLICY_RULE_DEBUG), "debug");
    cr_assert_str_eq(policy_rule_name(POLICY_RULES), "?");
    cr_assert_str_eq(policy_resource_name(POLICY_REQUESTS), "requests");
    cr_assert_str_eq(policy_resource_name(POLICY_RESOURCES), "?");
    cr_assert_str_eq(policy_kind_name(POLICY_KIND_GATE), "gate");
    cr_assert_str_eq(policy_kind_name((enum policy_kind)(POLICY_KIND_GATE + 1)), "?");
    cr_assert_str_eq(policy_kind_name((enum policy_kind)0), "?");
    cr_assert_eq(policy_kind_rights((enum policy_kind)0), 0);
    cr_assert_eq(policy_kind_rights((enum policy_kind)(POLICY_KIND_GATE + 1)), 0);
}

/* Goal: children, parents, siblings: `realm explain` shows the rules of the hierarchy in the order of the
 * page. */
Test(inspect, the_hierarchy_in_its_order)
{
    static const enum policy_rule order[] = {POLICY_RULE_CONFIG_GRANT,        POLICY_RULE_PARENT_GRANT,
                                             POLICY_RULE_CHILD_OF_PROVIDER,   POLICY_RULE_PARENT_OF_PROVIDER,
                                             POLICY_RULE_SIBLING_OF_PROVIDER, POLICY_RULE_DEFAULT};
    enum { RULES = sizeof order / sizeof order[0] };
    struct household home;
    household_init(&home);
    policy_set_hierarchy(home.world.policy,
                         POLICY_CHILDREN_CALL_PARENTS | POLICY_PARENTS_CALL_CHILDREN | POLICY_SIBLINGS_CALL);
    struct policy_event event = connect_event(home.one, "vfs");
    struct policy_step steps[RULES + 2];
    cr_assert_eq(policy_explain(home.world.policy, &event, steps, RULES + 2), RULES);
    for (size_t i = 0; i < RULES; i++)
        cr_assert_eq(steps[i].rule, order[i], "step %zu", i);
    world_deinit(&home.world);
}

/* Memory of which one request fails, and the next does not. */
struct once {
    struct test_memory memory;
    size_t calls, fails;
};

static void *resize_once(void *context, void *old, size_t old_size, size_t new_size)
{
    struct once *once = context;
    if (new_size > 0 && ++once->calls == once->fails)
        return NULL;
    return test_memory_resize(&once->memory, old, old_size, new_size);
}

/* Goal: whichever request fails while a service is declared, it is not declared, and the next try declares
 * it: with a name that lies in its record, one of the last size that does, and one that does not, where the
 * tables are full. */
Test(inspect, a_service_for_which_one_request_fails)
{
    static const size_t sizes[] = {5, 48, 49, 200};
    char name[200];
    memset(name, 'n', sizeof name);
    for (size_t i = 0; i < 4; i++)
        for (size_t before = 0; before < 20; before++)
            for (size_t n = 1; n <= 5; n++) {
                struct once once = {.calls = 0};
                struct policy_memory from = {resize_once, &once};
                struct policy *policy;
                struct policy_service service, found;
                cr_assert_eq(policy_new(&from, world_key, &policy), 0);
                struct policy_realm init = policy_init_realm(policy);
                for (size_t j = 0; j < before; j++) {
                    char other[2] = {(char)('a' + j), 0};
                    cr_assert_eq(policy_add_service(policy, name_of(other), init, (struct policy_place){1, 1},
                                                    &service),
                                 0);
                }
                struct policy_name called = {name, sizes[i]};
                once.calls = 0;
                once.fails = n;
                int error = policy_add_service(policy, called, init, (struct policy_place){1, 1}, &service);
                once.fails = 0;
                cr_assert(error == 0 || error == -12);
                found = policy_find_service(policy, called);
                cr_assert_eq(same_service(found, no_service), error != 0);
                if (error)
                    cr_assert_eq(
                        policy_add_service(policy, called, init, (struct policy_place){1, 1}, &service), 0);
                cr_assert(same_service(policy_find_service(policy, called), service));
                policy_free(policy);
                cr_assert_eq(once.memory.blocks, 0);
            }
}

/* Goal: resources end with the last: the number after it is none. */
Test(inspect, resources_that_are_none)
{
    struct household home;
    household_init(&home);
    struct policy_usage usage;
    struct policy_consumer consumers[POLICY_CONSUMERS_MAX];
    enum policy_resource last = (enum policy_resource)(POLICY_RESOURCES - 1);
    enum policy_resource none = (enum policy_resource)POLICY_RESOURCES;
    cr_assert_eq(policy_get_usage(home.world.policy, home.one, last, &usage), 0);
    cr_assert_eq(policy_get_usage(home.world.policy, home.one, none, &usage), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(policy_consumers(home.world.policy, home.parent, none, consumers), 0);
    cr_assert_eq(policy_set_limit(home.world.policy, home.one, none, 1), REALM_E_BAD_ARGUMENT);
    world_deinit(&home.world);
}

/* Goal: the newest first, without what is dead; going on from another's or from what is dead is over. */
Test(inspect, what_a_realm_holds)
{
    struct household home;
    household_init(&home);
    struct policy *policy = home.world.policy;
    struct policy_capability first = create(&home, home.one), second = create(&home, home.one),
                             third = create(&home, home.one), other = create(&home, home.two);
    struct policy_capability at = no_capability;
    struct policy_capability_info info;
    put_only(&home.world, ending_event(POLICY_DELETE, home.one, second)); /* dead, and not cleared */
    cr_assert(policy_next_held(policy, home.one, &at, &info) && same_capability(at, third));
    cr_assert(policy_next_held(policy, home.one, &at, &info) && same_capability(at, first));
    cr_assert_not(policy_next_held(policy, home.one, &at, &info));
    cr_assert(same_capability(at, first));
    cr_assert_not(policy_next_held(policy, home.one, &other, &info));
    cr_assert_not(policy_next_held(policy, home.one, &second, &info));
    put_only(&home.world, ending_event(POLICY_DELETE, home.one, first));
    cr_assert_not(policy_next_held(policy, home.one, &third, &info));
    uint32_t cursor = 0;
    size_t live = 0;
    while (policy_next_capability(policy, &cursor, &info))
        live += info.kind == POLICY_KIND_ENDPOINT;
    cr_assert_eq(live, 2);
    world_deinit(&home.world);
}

/* Goal: the three that use most, largest first; of equals the older; none from elsewhere, none that uses
 * nothing; one more than three drops the smallest, wherever it comes in. */
Test(inspect, the_largest_consumers)
{
    enum { USERS = 6 };
    static const unsigned uses[USERS] = {2, 5, 2, 7, 3, 1};
    struct household home;
    household_init(&home);
    struct policy_realm realms[USERS];
    struct policy_consumer consumers[POLICY_CONSUMERS_MAX + 1] = {0}; /* the last is nobody's to write */
    struct policy_realm brief = no_realm;
    for (size_t i = 0; i < USERS; i++) {
        realms[i] = realm_under(&home.world, home.two);
        if (i == 1)
            brief = instance_under(&home.world, home.parent, home.one);
    }
    world_start(&home.world);
    put(&home.world, end_event(brief, true), NULL); /* a slot that is free among them */
    for (size_t i = 0; i < USERS; i++) {
        struct policy_event charge = {
            .kind = POLICY_CHARGE, .actor = realms[i], .resource = POLICY_REQUESTS, .amount = uses[i]};
        put(&home.world, charge, NULL);
        if (i == 0) {
            cr_assert_eq(policy_consumers(home.world.policy, home.two, POLICY_REQUESTS, consumers), 1);
            cr_assert(same_realm(consumers[0].realm, realms[0]));
        }
        if (i == 2) {
            cr_assert_eq(policy_consumers(home.world.policy, home.two, POLICY_REQUESTS, consumers), 3);
            cr_assert(same_realm(consumers[0].realm, realms[1]) && consumers[0].own == 5);
            cr_assert(same_realm(consumers[1].realm, realms[0]) && consumers[1].own == 2);
            cr_assert(same_realm(consumers[2].realm, realms[2]) && consumers[2].own == 2);
        }
    }
    cr_assert_eq(policy_consumers(home.world.policy, home.parent, POLICY_REQUESTS, consumers), 3);
    cr_assert(same_realm(consumers[0].realm, realms[3]) && consumers[0].own == 7);
    cr_assert(same_realm(consumers[1].realm, realms[1]) && consumers[1].own == 5);
    cr_assert(same_realm(consumers[2].realm, realms[4]) && consumers[2].own == 3);
    cr_assert_eq(policy_consumers(home.world.policy, home.one, POLICY_REQUESTS, consumers), 0);
    cr_assert_eq(policy_consumers(home.world.policy, realms[4], POLICY_REQUESTS, consumers), 1);
    cr_assert_eq(consumers[POLICY_CONSUMERS_MAX].own, 0);
    world_deinit(&home.world);
}

/* Goal: a realm's name has 1 to 255 bytes, and thirty-two realms lie below init, no more. */
Test(inspect, bounds_of_a_declaration)
{
    struct world world;
    world_init(&world);
    char longest[REALM_NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    struct policy_declaration declaration = declaration_of("", world.init, no_realm);
    struct policy_realm realm;
    cr_assert_eq(policy_add_realm(world.policy, &declaration, &realm), REALM_E_BAD_ARGUMENT);
    declaration.name = (struct policy_name){longest, REALM_NAME_MAX + 1};
    cr_assert_eq(policy_add_realm(world.policy, &declaration, &realm), REALM_E_BAD_ARGUMENT);
    declaration.name.size = REALM_NAME_MAX;
    for (unsigned depth = 1; depth <= POLICY_DEPTH_MAX; depth++) {
        cr_assert_eq(policy_add_realm(world.policy, &declaration, &realm), 0, "depth %u", depth);
        declaration.parent = realm;
    }
    cr_assert_eq(policy_add_realm(world.policy, &declaration, &realm), REALM_E_LIMIT);
    world_deinit(&world);
}

/* Goal: a policy for which there is no memory is none, and what it had taken is given back. */
Test(inspect, a_policy_without_memory)
{
    for (size_t n = 1; n <= 3; n++) {
        struct test_memory memory = {0};
        struct policy_memory from = {test_memory_resize, &memory};
        struct policy *policy = NULL;
        test_memory_fail(&memory, n);
        cr_assert_eq(policy_new(&from, world_key, &policy), -12);
        cr_assert_not(policy);
        cr_assert_eq(memory.blocks, 0);
    }
}

/* Goal: the slot of an instance that is forgotten is used again, under another generation; but not while
 * anything refers to it: a capability of its memory, a child that is still to be forgotten. */
Test(inspect, slots_of_forgotten_instances)
{
    struct household home;
    household_init(&home);
    struct policy_realm first = instance_under(&home.world, home.parent, home.one);
    cr_assert_eq(first.index, home.gone.index, "nothing refers to it any more");
    cr_assert_neq(first.generation, home.gone.generation);
    world_start(&home.world);
    struct policy_event allocate = {.kind = POLICY_ALLOCATE, .actor = first, .amount = POLICY_PAGE_BYTES};
    struct policy_capability memory = put(&home.world, allocate, NULL).capability;
    struct policy_event give = {.kind = POLICY_DERIVE,
                                .actor = home.world.init,
                                .subject = home.parent,
                                .capability = memory,
                                .mode = POLICY_COPY,
                                .rights = REALM_RIGHT_READ,
                                .window = {0, POLICY_PAGE_BYTES}};
    put(&home.world, give, NULL);
    give.mode = POLICY_MOVE;
    give.rights = 0;
    give.window = (struct policy_window){0, 0};
    put(&home.world, give, NULL);
    put(&home.world, end_event(first, true), NULL);
    struct policy_realm second = instance_under(&home.world, home.parent, home.one);
    cr_assert_neq(second.index, first.index, "its memory is still held");
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(home.world.policy, home.parent, POLICY_MEMORY, &usage), 0);
    cr_assert_eq(usage.use, POLICY_PAGE_BYTES, "who allocated it pays, and its parent with it");
    put(&home.world, ending_event(POLICY_DELETE, home.parent, memory), NULL);
    cr_assert_eq(policy_get_usage(home.world.policy, home.parent, POLICY_MEMORY, &usage), 0);
    cr_assert_eq(usage.use, 0);
    struct policy_realm third = instance_under(&home.world, home.parent, home.one);
    cr_assert_eq(third.index, first.index);
    world_deinit(&home.world);
}

/* Goal: what was deleted gives what was derived from it to its parent, also if its holder ends before that is
 * cleared away, step by step. */
Test(inspect, deleted_before_its_holder_ends)
{
    struct household home;
    household_init(&home);
    struct policy *policy = home.world.policy;
    struct policy_event allocate = {
        .kind = POLICY_ALLOCATE, .actor = home.parent, .amount = POLICY_PAGE_BYTES};
    struct policy_capability root = put(&home.world, allocate, NULL).capability;
    struct policy_event give = {.kind = POLICY_DERIVE,
                                .actor = home.world.init,
                                .subject = home.outside,
                                .capability = root,
                                .mode = POLICY_COPY,
                                .rights = REALM_RIGHT_READ | REALM_RIGHT_GRANT,
                                .window = {0, POLICY_PAGE_BYTES}};
    struct policy_capability middle = put(&home.world, give, NULL).capability;
    give.capability = middle;
    give.subject = home.parent;
    struct policy_capability leaf = put(&home.world, give, NULL).capability;
    struct policy_capability_info info;
    put_only(&home.world, ending_event(POLICY_DELETE, home.outside, middle));
    put_only(&home.world, end_event(home.outside, false));
    cr_assert(policy_capability_get(policy, leaf, &info));
    while (!policy_clear(policy, 1, NULL, NULL))
        cr_assert(policy_capability_get(policy, leaf, &info));
    cr_assert(policy_capability_get(policy, leaf, &info));
    cr_assert(same_capability(info.parent, root));
    world_deinit(&home.world);
}
