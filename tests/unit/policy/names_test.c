/*
 * Names are data: no byte of them means anything, and two names are the same only if all bytes are.
 */
#include <stdio.h>

#include "tests/unit/policy/world.h"

#include "mm/policy/names.h"

static struct policy_name bytes(const char *text, size_t size)
{
    return (struct policy_name){text, size};
}

static int declare(struct world *world, struct policy_realm provider, struct policy_name name)
{
    struct policy_service service;
    return policy_add_service(world->policy, name, provider, (struct policy_place){1, 1}, &service);
}

static bool known(const struct world *world, struct policy_name name)
{
    return !same_service(policy_find_service(world->policy, name), no_service);
}

/* Goal: wildcards, separators and NULs match themselves and nothing else. */
Test(names, mean_nothing)
{
    static const char with_nul[] = "data\0base";
    struct policy_name declared[] = {name_of("*"),    name_of("data*"),
                                     name_of("d?ta"), name_of("[a-z]"),
                                     name_of(".*"),   name_of("all"),
                                     name_of("%s%n"), name_of("../x"),
                                     name_of("\xff"), bytes(with_nul, sizeof with_nul - 1)};
    struct policy_name others[] = {name_of("database"), name_of("data"),
                                   name_of("d"),        name_of("a"),
                                   name_of("**"),       name_of("ALL"),
                                   name_of("*all"),     name_of("x"),
                                   bytes("\0", 1),      bytes(with_nul, sizeof with_nul - 2)};
    struct world world;
    world_init(&world);
    size_t count = sizeof declared / sizeof declared[0];
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(declare(&world, world.init, declared[i]), 0, "name %zu", i);
    for (size_t i = 0; i < count; i++) {
        cr_assert(known(&world, declared[i]), "name %zu", i);
        cr_assert_eq(declare(&world, world.init, declared[i]), REALM_E_EXISTS, "name %zu", i);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        cr_assert_not(known(&world, others[i]), "other %zu", i);
    world_deinit(&world);
}

/* Goal: sizes from 1 to the limit are names; none, and more, are not, whatever asks with them. */
Test(names, sizes)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init);
    static char text[10000];
    memset(text, 'n', sizeof text);
    cr_assert_eq(declare(&world, server, bytes(text, 0)), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(declare(&world, server, bytes(NULL, 0)), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(declare(&world, server, bytes(text, REALM_NAME_MAX + 1)), REALM_E_BAD_ARGUMENT);
    cr_assert_eq(declare(&world, server, bytes(text, sizeof text)), REALM_E_BAD_ARGUMENT);
    for (size_t size = 1; size <= REALM_NAME_MAX; size++)
        cr_assert_eq(declare(&world, server, bytes(text, size)), 0);
    size_t none[] = {0, REALM_NAME_MAX + 1, sizeof text};
    for (size_t i = 0; i < 3; i++) {
        enum policy_event_kind kinds[] = {POLICY_REGISTER, POLICY_CONNECT};
        for (size_t k = 0; k < 2; k++) {
            struct policy_event event = {.kind = kinds[k], .actor = server, .service = bytes(text, none[i])};
            cr_assert_eq(decide(&world, event).status, REALM_E_NO_SERVICE);
            cr_assert_eq(decide(&world, event).rule, POLICY_RULE_DECLARED);
        }
    }
    world_deinit(&world);
}

/* Goal: the engine keeps its own copy of a name. */
Test(names, borrowed)
{
    struct world world;
    world_init(&world);
    char text[] = "printer";
    cr_assert_eq(declare(&world, world.init, name_of(text)), 0);
    memset(text, 'x', sizeof text - 1);
    cr_assert(known(&world, name_of("printer")));
    cr_assert_not(known(&world, name_of(text)));
    world_deinit(&world);
}

/* Goal: thousands of names are each found, and mean the service they were declared for. */
Test(names, many)
{
    struct world world;
    world_init(&world);
    enum { MANY = 5000 };
    static struct policy_service services[MANY];
    char text[32];
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "service-%u", i);
        services[i] = service_by(&world, text, world.init, i + 1);
    }
    for (uint32_t i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "service-%u", i);
        cr_assert(same_service(policy_find_service(world.policy, name_of(text)), services[i]));
    }
    cr_assert_not(known(&world, name_of("service-5000")));
    world_deinit(&world);
}

static uint32_t guess(const struct world *world, struct policy_name name)
{
    return policy_names_guess(world->policy, policy_names_hash(world->policy, name));
}

/* Goal: what is guessed from a hash is the service of that name; nothing of an alias, of no name and of none.
 */
Test(names, guess)
{
    static const char longest[REALM_NAME_MAX + 1];
    struct world world;
    world_init(&world);
    cr_assert_eq(guess(&world, name_of("vfs")), 0);
    struct policy_service vfs = service_by(&world, "vfs", world.init, 1);
    struct policy_service logger = service_by(&world, "logger", world.init, 2);
    cr_assert_eq(policy_add_alias(world.policy, vfs, name_of("files")), 0);
    cr_assert_eq(guess(&world, name_of("vfs")), vfs.index);
    cr_assert_eq(guess(&world, name_of("logger")), logger.index);
    cr_assert_eq(guess(&world, name_of("files")), 0);
    cr_assert_eq(guess(&world, name_of("printer")), 0);
    cr_assert_eq(policy_names_hash(world.policy, bytes("", 0)), 0);
    cr_assert_eq(policy_names_hash(world.policy, bytes(longest, sizeof longest)), 0);
    world_deinit(&world);
}
