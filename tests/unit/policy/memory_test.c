/*
 * Out of memory: whichever request fails, the call says so, nothing that can be seen has changed, and the
 * same call succeeds once there is memory.
 */
#include "tests/unit/policy/world.h"

#include <errno.h>
#include <stdio.h>

#include "mm/policy/entries.h"
#include "mm/policy/grants.h"
#include "mm/policy/memory.h"

/* Goal: the engine's own number for want of memory is the system's. */
Test(memory, number)
{
    cr_assert_eq(POLICY_NO_MEMORY, -ENOMEM);
}

/* Goal: making a policy fails cleanly at each of its requests, whether those after it would fail or not. */
Test(memory, making)
{
    for (int once = 0; once <= 1; once++) {
        struct test_memory counted = {.fails_once = once};
        struct policy_memory memory = {test_memory_resize, &counted};
        struct policy *untouched = (struct policy *)(void *)&counted;
        struct policy *policy = untouched;
        size_t failed = 0;
        for (;;) {
            test_memory_fail(&counted, failed + 1);
            int error = policy_new(&memory, world_key, &policy);
            if (!error)
                break;
            cr_assert_eq(error, -ENOMEM);
            cr_assert_eq(policy, untouched);
            cr_assert_eq(counted.blocks, 0);
            failed++;
        }
        cr_assert_gt(failed, 0);
        policy_free(policy);
        policy_free(NULL);
        cr_assert_eq(counted.blocks, 0);
    }
}

/* One step of building and using a system that grows every table; its outputs go where the next finds them.
 */
struct growing {
    struct world world;
    struct policy_realm realms[200];
    struct policy_service services[200];
    char name[32];
};

enum step {
    ADD_REALM,
    ADD_SERVICE,
    ADD_ALIAS,
    ADD_ACCESS,
    ADD_DENY,
    ADD_GRANT,
    ADD_PATTERN,
    GRANT,
    REVOKE,
    STEPS
};

static int reserve(struct growing *growing, struct policy_event event)
{
    return policy_reserve(growing->world.policy, &event);
}

static int take_step(struct growing *growing, enum step step, uint32_t i)
{
    struct policy *policy = growing->world.policy;
    struct policy_realm init = growing->world.init, realm = growing->realms[i];
    struct policy_declaration declaration = declaration_of("realm", init, no_realm);
    struct policy_entry entry = entry_of(POLICY_MATCH_REALM, realm, REALM_RIGHT_SEND, i + 1);
    struct policy_entry pattern = path_entry("/realm", REALM_RIGHT_SEND, i + 1);
    snprintf(growing->name, sizeof growing->name, step == ADD_SERVICE ? "service-%u" : "port:%u", i);
    switch (step) {
    case ADD_REALM:
        return policy_add_realm(policy, &declaration, &growing->realms[i]);
    case ADD_SERVICE:
        return policy_add_service(policy, name_of(growing->name), realm, (struct policy_place){i + 1, 1},
                                  &growing->services[i]);
    case ADD_ALIAS:
        return policy_add_alias(policy, growing->services[i], name_of(growing->name));
    case ADD_ACCESS: /* all on one list, so that it grows */
        return policy_add_access(policy, growing->services[0], &entry);
    case ADD_DENY:
        return policy_add_deny(policy, growing->services[1 % (i + 1)], &entry);
    case ADD_GRANT:
        return policy_add_grant(policy, growing->services[i / 2], &entry);
    case ADD_PATTERN:
        return policy_add_grant(policy, growing->services[2 % (i + 1)], &pattern);
    case GRANT:
        return reserve(growing, grant_event(init, realm, "service-0"));
    case REVOKE:
        return reserve(growing, child_event(POLICY_REVOKE_CHILD, init, realm));
    case STEPS:
        break;
    }
    return 0;
}

/* What can be seen of the state, as one number: decisions of all on some, and names. */
static uint64_t fingerprint(const struct growing *growing, uint32_t realms)
{
    uint64_t seen = count_capabilities(&growing->world);
    char name[32];
    for (uint32_t i = 0; i <= realms && i < 200; i++) {
        for (uint32_t k = 0; k < 8; k++) {
            snprintf(name, sizeof name, k % 2 ? "port:%u" : "service-%u", k < 4 ? k : i);
            struct policy_event event = connect_event(growing->realms[i], name);
            struct policy_decision decision;
            policy_would_connect(growing->world.policy, &event, &decision);
            seen = seen * 1099511628211u + (uint64_t)decision.status * 64 + (uint64_t)decision.rule;
            seen = seen * 1099511628211u + decision.place.line + decision.service.index;
        }
    }
    return seen;
}

/* Takes a step with the first, second … request failing, until it asks for no more and succeeds. */
static size_t take_step_in_need(struct growing *growing, enum step step, uint32_t i)
{
    uint64_t before = fingerprint(growing, i);
    for (size_t n = 1;; n++) {
        test_memory_fail(&growing->world.memory, n);
        struct policy_realm realm = growing->realms[i];
        struct policy_service service = growing->services[i];
        int error = take_step(growing, step, i);
        test_memory_fail(&growing->world.memory, 0);
        if (!error)
            return n - 1;
        cr_assert_eq(error, -ENOMEM);
        cr_assert(same_realm(realm, growing->realms[i]));
        cr_assert(same_service(service, growing->services[i]));
        cr_assert_eq(fingerprint(growing, i), before, "step %d of round %u left a trace", (int)step, i);
        cr_assert_lt(n, 10);
    }
}

/* Goal: every request of every call fails once, on the way from nothing to hundreds of everything. */
Test(memory, each_request_fails_once)
{
    static struct growing growing;
    world_init(&growing.world);
    size_t failures[STEPS] = {0};
    for (uint32_t i = 0; i < 200; i++) {
        for (enum step step = ADD_REALM; step < STEPS; step++)
            failures[step] += take_step_in_need(&growing, step, i);
        put(&growing.world, child_event(POLICY_START, growing.world.init, growing.realms[i]), NULL);
        if (i > 0) /* the first is denied it */
            put(&growing.world, grant_event(growing.world.init, growing.realms[i], "service-0"), NULL);
        put(&growing.world, revoke_child_event(growing.world.init, growing.realms[i], "service-0"), NULL);
        snprintf(growing.name, sizeof growing.name, "service-%u", i);
        put(&growing.world, register_event(growing.realms[i], growing.name), NULL);
        if (i > 0)
            put(&growing.world, connect_event(growing.realms[i], "service-0"), NULL);
    }
    for (enum step step = ADD_REALM; step < STEPS; step++)
        cr_assert_gt(failures[step], step == REVOKE ? 0 : 1, "step %d never was in need", (int)step);
    cr_assert_eq(count_capabilities(&growing.world), 399);
    world_deinit(&growing.world);
}

/* Goal: what was reserved suffices for any one event, also when tables are full to the brim. */
Test(memory, apply_takes_none)
{
    struct world world;
    world_init(&world);
    struct policy_realm parent = realm_under(&world, world.init);
    struct policy_service service = service_by(&world, "vfs", world.init, 1);
    access_for(&world, service, POLICY_MATCH_ALL, no_realm, 2);
    put(&world, register_event(world.init, "vfs"), NULL); /* put() holds that applying asks for nothing */
    for (size_t i = 0; i < 300; i++) {
        struct policy_realm child = realm_under(&world, parent);
        put(&world, grant_event(parent, child, "vfs"), NULL);
        put(&world, connect_event(child, "vfs"), NULL);
    }
    cr_assert_eq(count_capabilities(&world), 301);
    put(&world, end_event(parent, false), NULL);
    world_deinit(&world);
}

/* Goal: room is made for what an event makes and for nothing else, and want of any of it is told. */
Test(memory, room_for_this_event)
{
    static const enum policy_event_kind plain[] = {POLICY_REGISTER, POLICY_CREATE, POLICY_ALLOCATE,
                                                   POLICY_CONNECT,  POLICY_REVOKE, POLICY_END};
    static const enum policy_event_kind more[] = {POLICY_GRANT, POLICY_DERIVE, POLICY_START,
                                                  POLICY_REVOKE_CHILD};
    struct world world;
    world_init(&world);
    struct policy_event create = {.kind = POLICY_CREATE, .actor = world.init};
    test_memory_fail(&world.memory, 1);
    cr_assert_eq(policy_reserve(world.policy, &create), -ENOMEM);
    test_memory_fail(&world.memory, 0);
    cr_assert_eq(policy_reserve(world.policy, &create), 0);
    test_memory_fail(&world.memory, 1);
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct policy_event event = child_event(plain[i], world.init, no_realm);
        cr_assert_eq(policy_reserve(world.policy, &event), 0, "event %d needs no more", (int)plain[i]);
    }
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        struct policy_event event = child_event(more[i], world.init, no_realm);
        cr_assert_eq(policy_reserve(world.policy, &event), -ENOMEM, "event %d needs more", (int)more[i]);
    }
    test_memory_fail(&world.memory, 0);
    world_deinit(&world);
}

/* Goal: a list of rules of the largest size is the last one; what would be larger is not even asked for. */
Test(memory, largest_list)
{
    struct world world;
    world_init(&world);
    struct no_memory asked = {0};
    struct policy_memory real = world.policy->memory;
    world.policy->memory = (struct policy_memory){no_memory_resize, &asked};
    struct policy_entry entry = entry_of(POLICY_MATCH_ALL, no_realm, REALM_RIGHT_SEND, 1);
    struct entry_list full = {.count = POLICY_CAPACITY_MAX / 2, .capacity = POLICY_CAPACITY_MAX / 2};
    struct entry_list *list = &full;
    cr_assert_eq(policy_entries_add(world.policy, &list, &entry, 1), POLICY_NO_MEMORY);
    cr_assert_eq(asked.bytes, sizeof full + POLICY_CAPACITY_MAX * sizeof(struct entry_record));
    asked = (struct no_memory){0};
    full.count = full.capacity = POLICY_CAPACITY_MAX;
    cr_assert_eq(policy_entries_add(world.policy, &list, &entry, 1), POLICY_NO_MEMORY);
    cr_assert_eq(asked.calls, 0);
    world.policy->memory = real;
    world_deinit(&world);
}

/* Goal: the same of the configuration's grants. */
Test(memory, largest_configuration)
{
    struct world world;
    world_init(&world);
    cr_assert_eq(policy_grants_reserve(world.policy), 0);
    struct no_memory asked = {0};
    struct policy_memory real = world.policy->memory;
    uint32_t capacity = world.policy->configured_capacity;
    world.policy->memory = (struct policy_memory){no_memory_resize, &asked};
    world.policy->configured_capacity = POLICY_CAPACITY_MAX / 2;
    world.policy->configured_used = POLICY_CAPACITY_MAX / 4;
    cr_assert_eq(policy_grants_reserve(world.policy), POLICY_NO_MEMORY);
    cr_assert_eq(asked.bytes, POLICY_CAPACITY_MAX * sizeof(struct configured_entry));
    asked = (struct no_memory){0};
    world.policy->configured_capacity = POLICY_CAPACITY_MAX;
    world.policy->configured_used = POLICY_CAPACITY_MAX / 2;
    cr_assert_eq(policy_grants_reserve(world.policy), POLICY_NO_MEMORY);
    cr_assert_eq(asked.calls, 0);
    world.policy->memory = real;
    world.policy->configured_capacity = capacity;
    world.policy->configured_used = 0;
    world_deinit(&world);
}
