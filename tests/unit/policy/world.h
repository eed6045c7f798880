/*
 * What tests of the policy engine stand on: memory that counts and can be told to fail, and short ways to
 * declare a system and to put events to it.
 */
#ifndef TESTS_UNIT_POLICY_WORLD_H
#define TESTS_UNIT_POLICY_WORLD_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/policy.h"

/* Every block carries its size in front, so that the sizes the engine claims are held against the truth. */
struct test_memory {
    size_t blocks, bytes; /* alive */
    size_t calls;         /* that asked for memory */
    size_t fail_at;       /* the call, counted from 1, from which on there is none; 0: there always is */
    bool fails_once;      /* and after that call there is again */
};

#define TEST_MEMORY_FRONT 16u

static inline void *test_memory_resize(void *context, void *old, size_t old_size, size_t new_size)
{
    struct test_memory *memory = context;
    unsigned char *block = old ? (unsigned char *)old - TEST_MEMORY_FRONT : NULL;
    size_t held = 0;
    if (block)
        memcpy(&held, block, sizeof held);
    cr_assert_eq(held, old_size, "the engine says %zu bytes of a block of %zu", old_size, held);
    cr_assert(new_size > 0 || block, "freeing nothing");
    if (new_size > 0 && memory->fail_at != 0 && ++memory->calls >= memory->fail_at &&
        !(memory->fails_once && memory->calls > memory->fail_at))
        return NULL;
    memory->bytes += new_size - old_size;
    memory->blocks += (block ? 0u : 1u);
    if (new_size == 0) {
        memory->blocks--;
        free(block);
        return NULL;
    }
    /* Always moved and never clean: the engine may count on neither. */
    unsigned char *moved = malloc(new_size + TEST_MEMORY_FRONT);
    cr_assert_not_null(moved);
    memset(moved + TEST_MEMORY_FRONT, 0xa5, new_size);
    if (block)
        memcpy(moved + TEST_MEMORY_FRONT, old, old_size < new_size ? old_size : new_size);
    memcpy(moved, &new_size, sizeof new_size);
    free(block);
    return moved + TEST_MEMORY_FRONT;
}

/* From the n-th request for memory on (1: the next) there is none; 0: there is again. */
static inline void test_memory_fail(struct test_memory *memory, size_t n)
{
    memory->calls = 0;
    memory->fail_at = n;
}

/* Memory of which there is none: it only notes what it was asked for. */
struct no_memory {
    size_t calls, bytes; /* bytes: at last */
};

static inline void *no_memory_resize(void *context, void *old, size_t old_size, size_t new_size)
{
    struct no_memory *memory = context;
    (void)old;
    (void)old_size;
    memory->calls++;
    memory->bytes = new_size;
    return NULL;
}

#define WORLD_REALMS 1024u

struct world {
    struct test_memory memory;
    struct policy *policy;
    struct policy_realm init;
    struct policy_realm realms[WORLD_REALMS]; /* those that were added */
    size_t realms_count, started;             /* … and how many of them were started since */
};

static const uint8_t world_key[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
static const struct policy_realm no_realm = {0, 0};
static const struct policy_service no_service = {0, 0};
static const struct policy_capability no_capability = {0, 0};

static inline void world_init_keyed(struct world *world, const uint8_t key[16])
{
    *world = (struct world){0};
    struct policy_memory memory = {test_memory_resize, &world->memory};
    cr_assert_eq(policy_new(&memory, key, &world->policy), 0);
    world->init = policy_init_realm(world->policy);
}

static inline void world_init(struct world *world)
{
    world_init_keyed(world, world_key);
}

/* Whatever happened, the engine gives back what it took. */
static inline void world_deinit(struct world *world)
{
    policy_free(world->policy);
    cr_assert_eq(world->memory.blocks, 0);
    cr_assert_eq(world->memory.bytes, 0);
}

static inline struct policy_name name_of(const char *text)
{
    return (struct policy_name){text, strlen(text)};
}

static inline bool same_realm(struct policy_realm a, struct policy_realm b)
{
    return a.index == b.index && a.generation == b.generation;
}

static inline bool same_service(struct policy_service a, struct policy_service b)
{
    return a.index == b.index && a.generation == b.generation;
}

static inline bool same_capability(struct policy_capability a, struct policy_capability b)
{
    return a.index == b.index && a.generation == b.generation;
}

static inline struct policy_declaration declaration_of(const char *name, struct policy_realm parent,
                                                       struct policy_realm template_of)
{
    return (struct policy_declaration){
        .parent = parent, .template_of = template_of, .name = name_of(name), .place = {100, 3}};
}

static inline struct policy_realm add_realm(struct world *world, struct policy_declaration declaration)
{
    struct policy_realm realm;
    cr_assert_eq(policy_add_realm(world->policy, &declaration, &realm), 0);
    cr_assert_lt(world->realms_count, WORLD_REALMS);
    world->realms[world->realms_count++] = realm;
    return realm;
}

static inline struct policy_realm named_under(struct world *world, struct policy_realm parent,
                                              const char *name)
{
    return add_realm(world, declaration_of(name, parent, no_realm));
}

static inline struct policy_realm realm_under(struct world *world, struct policy_realm parent)
{
    return named_under(world, parent, "realm");
}

static inline struct policy_realm instance_under(struct world *world, struct policy_realm parent,
                                                 struct policy_realm template_of)
{
    return add_realm(world, declaration_of("instance", parent, template_of));
}

/* A service declared at `line`, column 5. */
static inline struct policy_service service_by(struct world *world, const char *name,
                                               struct policy_realm provider, uint32_t line)
{
    struct policy_service service;
    struct policy_place place = {line, 5};
    cr_assert_eq(policy_add_service(world->policy, name_of(name), provider, place, &service), 0);
    return service;
}

static inline struct policy_entry entry_of(enum policy_match match, struct policy_realm realm,
                                           uint32_t rights, uint32_t line)
{
    return (struct policy_entry){.match = match, .realm = realm, .rights = rights, .place = {line, 9}};
}

static inline struct policy_entry path_entry(const char *pattern, uint32_t rights, uint32_t line)
{
    return (struct policy_entry){
        .match = POLICY_MATCH_PATH, .pattern = name_of(pattern), .rights = rights, .place = {line, 9}};
}

static inline void access_for(struct world *world, struct policy_service service, enum policy_match match,
                              struct policy_realm realm, uint32_t line)
{
    struct policy_entry entry = entry_of(match, realm, REALM_RIGHT_SEND, line);
    cr_assert_eq(policy_add_access(world->policy, service, &entry), 0);
}

static inline void deny_to(struct world *world, struct policy_service service, enum policy_match match,
                           struct policy_realm realm, uint32_t line)
{
    struct policy_entry entry = entry_of(match, realm, 0, line);
    cr_assert_eq(policy_add_deny(world->policy, service, &entry), 0);
}

static inline void grant_to(struct world *world, struct policy_realm realm, struct policy_service service,
                            uint32_t rights, uint32_t line)
{
    struct policy_entry entry = entry_of(POLICY_MATCH_REALM, realm, rights, line);
    cr_assert_eq(policy_add_grant(world->policy, service, &entry), 0);
}

/* --- events --- */

static inline struct policy_event register_event(struct policy_realm actor, const char *service)
{
    return (struct policy_event){.kind = POLICY_REGISTER, .actor = actor, .service = name_of(service)};
}

static inline struct policy_event connect_event(struct policy_realm actor, const char *service)
{
    return (struct policy_event){.kind = POLICY_CONNECT, .actor = actor, .service = name_of(service)};
}

static inline struct policy_event grant_event(struct policy_realm actor, struct policy_realm child,
                                              const char *service)
{
    return (struct policy_event){.kind = POLICY_GRANT,
                                 .actor = actor,
                                 .subject = child,
                                 .service = name_of(service),
                                 .rights = REALM_RIGHT_SEND};
}

static inline struct policy_event child_event(enum policy_event_kind kind, struct policy_realm actor,
                                              struct policy_realm subject)
{
    return (struct policy_event){.kind = kind, .actor = actor, .subject = subject};
}

static inline struct policy_event revoke_child_event(struct policy_realm actor, struct policy_realm child,
                                                     const char *service)
{
    return (struct policy_event){
        .kind = POLICY_REVOKE_CHILD, .actor = actor, .subject = child, .service = name_of(service)};
}

static inline struct policy_event ending_event(enum policy_event_kind kind, struct policy_realm actor,
                                               struct policy_capability capability)
{
    return (struct policy_event){.kind = kind, .actor = actor, .capability = capability};
}

static inline struct policy_event end_event(struct policy_realm actor, bool remove)
{
    return (struct policy_event){.kind = POLICY_END, .actor = actor, .remove = remove};
}

/* Starts what was added since. A parent is always added before its children, and a provider of a service
 * before that: so realms are started as late as possible, when the first event needs them. */
static inline void world_start(struct world *world)
{
    for (; world->started < world->realms_count; world->started++) {
        struct policy_event event = child_event(POLICY_START, world->init, world->realms[world->started]);
        struct policy_decision decision;
        cr_assert_eq(policy_reserve(world->policy, &event), 0);
        policy_decide(world->policy, &event, &decision);
        cr_assert_eq(decision.status, 0);
        policy_apply(world->policy, &event, &decision, NULL);
    }
}

static inline struct policy_decision decide(struct world *world, struct policy_event event)
{
    struct policy_decision decision;
    world_start(world);
    policy_decide(world->policy, &event, &decision);
    return decision;
}

/* The decision on a connect as it would be if the realm ran. */
static inline struct policy_decision foresee(struct world *world, struct policy_realm realm,
                                             const char *service)
{
    struct policy_event event = connect_event(realm, service);
    struct policy_decision decision;
    policy_would_connect(world->policy, &event, &decision);
    return decision;
}

/* What went, in the order in which it went. */
struct removals {
    bool all; /* not only endpoints and sends */
    size_t count;
    struct policy_capability_info list[64];
};

static inline void note_removal(void *context, const struct policy_capability_info *info)
{
    struct removals *removals = context;
    if (!removals->all && info->kind != POLICY_KIND_ENDPOINT && info->kind != POLICY_KIND_SEND)
        return;
    cr_assert_lt(removals->count, sizeof removals->list / sizeof removals->list[0]);
    removals->list[removals->count++] = *info;
}

/* Puts an event that must be allowed, and clears nothing. Applying takes no memory. */
static inline struct policy_outcome put_only(struct world *world, struct policy_event event)
{
    world_start(world);
    cr_assert_eq(policy_reserve(world->policy, &event), 0);
    struct policy_decision decision = decide(world, event);
    cr_assert_eq(decision.status, 0, "refused: %s, %s", realm_error_name(decision.status),
                 policy_rule_name(decision.rule));
    struct policy_outcome outcome;
    test_memory_fail(&world->memory, 1);
    policy_apply(world->policy, &event, &decision, &outcome);
    test_memory_fail(&world->memory, 0);
    return outcome;
}

/* The same, all the way: what it removed is cleared away. */
static inline struct policy_outcome put(struct world *world, struct policy_event event,
                                        struct removals *removals)
{
    struct policy_outcome outcome = put_only(world, event);
    test_memory_fail(&world->memory, 1);
    while (!policy_clear(world->policy, 3, removals ? note_removal : NULL, removals)) {
    }
    test_memory_fail(&world->memory, 0);
    return outcome;
}

/* Starts what has ended, as the system does it. */
static inline void start(struct world *world, struct policy_realm realm)
{
    put(world, child_event(POLICY_START, world->init, realm), NULL);
}

/* Endpoints and sends: what nobody gets by merely being started. */
static inline size_t count_capabilities(const struct world *world)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    size_t count = 0;
    while (policy_next_capability(world->policy, &cursor, &info))
        count += info.kind == POLICY_KIND_ENDPOINT || info.kind == POLICY_KIND_SEND;
    return count;
}

static inline bool has_capability(const struct world *world, struct policy_capability capability,
                                  struct policy_capability_info *ret_info)
{
    return policy_capability_get(world->policy, capability, ret_info);
}

#endif
