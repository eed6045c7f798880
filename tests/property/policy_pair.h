/*
 * One system twice, in the policy engine and in the oracle, and events for both. The oracle's numbers are the
 * common tongue: a realm, a service and a capability are the order in which they came to be.
 */
#ifndef TESTS_PROPERTY_POLICY_PAIR_H
#define TESTS_PROPERTY_POLICY_PAIR_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/oracle/oracle.h"
#include "mm/policy/policy.h"
#include "tests/property/random.h"

#define PAIR_DECLARED 8
#define PAIR_SERVICES 4

struct pair {
    struct random random;
    uint64_t seed;
    size_t step, put, allowed;
    struct oracle_system system;
    struct oracle_world oracle;
    struct policy *policy;
    struct policy_realm realms[ORACLE_REALMS];
    struct policy_service services[ORACLE_SERVICES];
    struct policy_capability capabilities[ORACLE_CAPABILITIES];
    struct oracle_event event;
};

#define HOLD(pair, condition)                                                                                \
    cr_assert((condition), "seed %llu, step %zu, event %d", (unsigned long long)(pair)->seed, (pair)->step,  \
              (int)(pair)->event.kind)

static const char *const pair_names[] = {"database", "*", "vfs", "logger", "none"};
static const char *const pair_realms[] = {"app", "worker", "*", "a/b", "db", "web", "x", "yy"};
static const char *const pair_patterns[] = {"/*", "/**", "/app/*", "/**/worker", "/\\*/**", "/a\\/b/**"};

static inline bool same_realm(struct policy_realm a, struct policy_realm b)
{
    return a.index == b.index && a.generation == b.generation;
}

static inline bool same_capability(struct policy_capability a, struct policy_capability b)
{
    return a.index == b.index && a.generation == b.generation;
}

static inline size_t pair_any(struct pair *pair, size_t below)
{
    return random_below(&pair->random, below);
}

static inline bool pair_chance(struct pair *pair, size_t percent)
{
    return pair_any(pair, 100) < percent;
}

/* --- the two tongues --- */

static inline int pair_status(enum oracle_status status)
{
    static const int codes[] = {[ORACLE_ALLOWED] = 0,
                                [ORACLE_NO_SERVICE] = REALM_E_NO_SERVICE,
                                [ORACLE_DENIED] = REALM_E_DENIED,
                                [ORACLE_EXISTS] = REALM_E_EXISTS,
                                [ORACLE_LIMIT] = REALM_E_LIMIT,
                                [ORACLE_BAD_ARGUMENT] = REALM_E_BAD_ARGUMENT,
                                [ORACLE_STALE] = REALM_E_STALE,
                                [ORACLE_NOT_CHILD] = REALM_E_NOT_CHILD,
                                [ORACLE_INCAPABLE] = REALM_E_INCAPABLE};
    return codes[status];
}

static inline uint32_t pair_rights(uint32_t rights)
{
    static const struct {
        uint32_t oracle, engine;
    } bits[] = {{ORACLE_SEND, REALM_RIGHT_SEND},     {ORACLE_RECV, REALM_RIGHT_RECV},
                {ORACLE_GRANT, REALM_RIGHT_GRANT},   {ORACLE_MINT, REALM_RIGHT_MINT},
                {ORACLE_REVOKE, REALM_RIGHT_REVOKE}, {ORACLE_MANAGE, REALM_RIGHT_MANAGE},
                {ORACLE_READ, REALM_RIGHT_READ},     {ORACLE_WRITE, REALM_RIGHT_WRITE},
                {ORACLE_EXEC, REALM_RIGHT_EXEC}};
    uint32_t engine = 0;
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        engine |= (rights & bits[i].oracle) ? bits[i].engine : 0;
    return engine;
}

static inline struct policy_name pair_text(const char *text)
{
    return (struct policy_name){text, strlen(text)};
}

static inline int pair_number(const struct pair *pair, struct policy_capability capability)
{
    for (size_t i = 0; i < pair->oracle.capabilities_count; i++) {
        if (same_capability(pair->capabilities[i], capability))
            return (int)i;
    }
    return ORACLE_NONE;
}

static inline struct policy_realm pair_realm(const struct pair *pair, int number)
{
    bool was = number >= 0 && (size_t)number < pair->oracle.realms_count;
    return was ? pair->realms[number] : (struct policy_realm){0, 0};
}

static inline struct policy_capability pair_capability(const struct pair *pair, int number)
{
    return number >= 0 ? pair->capabilities[number] : (struct policy_capability){0, 0};
}

static inline void pair_translate(const struct pair *pair, struct policy_event *ret_event)
{
    static const enum policy_event_kind kinds[ORACLE_EVENT_KINDS] = {[ORACLE_CONNECT] = POLICY_CONNECT,
                                                                     [ORACLE_REGISTER] = POLICY_REGISTER,
                                                                     [ORACLE_CREATE] = POLICY_CREATE,
                                                                     [ORACLE_ALLOCATE] = POLICY_ALLOCATE,
                                                                     [ORACLE_SEAL] = POLICY_SEAL,
                                                                     [ORACLE_GIVE] = POLICY_GRANT,
                                                                     [ORACLE_DERIVE] = POLICY_DERIVE,
                                                                     [ORACLE_TAKE] = POLICY_REVOKE,
                                                                     [ORACLE_TAKE_SERVICE] =
                                                                         POLICY_REVOKE_CHILD,
                                                                     [ORACLE_DELETE] = POLICY_DELETE,
                                                                     [ORACLE_DISCONNECT] = POLICY_DISCONNECT,
                                                                     [ORACLE_UNREGISTER] = POLICY_UNREGISTER,
                                                                     [ORACLE_START] = POLICY_START,
                                                                     [ORACLE_KILL] = POLICY_KILL,
                                                                     [ORACLE_QUOTA] = POLICY_QUOTA,
                                                                     [ORACLE_GATE] = POLICY_GATE,
                                                                     [ORACLE_LOOK] = POLICY_LOOK,
                                                                     [ORACLE_CHARGE] = POLICY_CHARGE,
                                                                     [ORACLE_RELEASE] = POLICY_RELEASE,
                                                                     [ORACLE_END] = POLICY_END};
    const struct oracle_event *event = &pair->event;
    *ret_event = (struct policy_event){
        .kind = kinds[event->kind],
        .actor = pair_realm(pair, event->actor),
        .subject = pair_realm(pair, event->subject),
        .service = pair_text(event->name),
        .capability = pair_capability(pair, event->source),
        .rights = pair_rights(event->rights),
        .mode = (enum policy_mode)((int)event->mode + 1),
        .badge = event->badge,
        .window = {event->offset, event->size},
        .via = pair_capability(pair, event->via),
        .resource = (enum policy_resource)event->resource,
        .amount = event->amount,
        .gate = (uint32_t)event->amount,
        .remove = event->remove,
    };
}

/* Finds the engine's handle of what the oracle made: by what it is, as the two make an endowment in orders of
 * their own. */
static inline void pair_name_new(struct pair *pair, size_t before, const struct policy_outcome *outcome)
{
    size_t after = pair->oracle.capabilities_count;
    if (after == before)
        return;
    pair->capabilities[before] = outcome->capability;
    for (size_t i = before + 1; i < after; i++) {
        const struct oracle_capability *made = &pair->oracle.capabilities[i];
        struct policy_capability at = {0, 0};
        struct policy_capability_info info;
        bool found = false;
        while (!found && policy_next_held(pair->policy, pair->realms[made->holder], &at, &info))
            found =
                info.kind == (enum policy_kind)((int)made->kind + 1) && info.gate == made->gate &&
                info.parent.index == 0 &&
                (made->service == ORACLE_NONE || info.service.index == pair->services[made->service].index);
        HOLD(pair, found && pair_number(pair, at) == ORACLE_NONE);
        pair->capabilities[i] = at;
    }
}

/* --- the system --- */

static inline struct oracle_entry pair_entry(struct pair *pair, bool grant)
{
    static const uint32_t rights[] = {ORACLE_SEND, ORACLE_SEND | ORACLE_GRANT,
                                      ORACLE_SEND | ORACLE_REVOKE | ORACLE_GRANT,
                                      ORACLE_SEND | ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE};
    struct oracle_entry entry = {.match = (enum oracle_match)pair_any(pair, 5),
                                 .realm = (int)pair_any(pair, PAIR_DECLARED),
                                 .pattern = pair_patterns[pair_any(pair, 6)],
                                 .rights = rights[pair_any(pair, 4)]};
    if (grant && entry.match != ORACLE_BY_PATH)
        entry.match = ORACLE_BY_REALM;
    return entry;
}

static inline struct policy_entry pair_engine_entry(const struct pair *pair, const struct oracle_entry *entry)
{
    return (struct policy_entry){.match = (enum policy_match)entry->match,
                                 .realm = pair->realms[entry->realm],
                                 .pattern = pair_text(entry->pattern),
                                 .rights = pair_rights(entry->rights)};
}

static inline void *pair_resize(void *context, void *old, size_t old_size, size_t new_size)
{
    (void)context;
    (void)old_size;
    if (new_size > 0)
        return realloc(old, new_size);
    free(old);
    return NULL;
}

static inline void pair_add_realm(struct pair *pair, struct oracle_realm *realm,
                                  struct policy_realm *ret_realm)
{
    struct policy_declaration declaration = {.parent = pair->realms[realm->parent],
                                             .name = pair_text(realm->name),
                                             .debug = realm->debug,
                                             .gates = realm->gates};
    if (realm->instance_of != ORACLE_NONE)
        declaration.template_of = pair->realms[realm->instance_of];
    HOLD(pair, policy_add_realm(pair->policy, &declaration, ret_realm) == 0);
}

static inline void pair_declare(struct pair *pair, size_t i)
{
    struct oracle_realm *realm = &pair->system.realms[i];
    *realm = (struct oracle_realm){.name = pair_realms[i - 1],
                                   .parent = (int)pair_any(pair, i),
                                   .instance_of = ORACLE_NONE,
                                   .debug = pair_chance(pair, 30),
                                   .gates = pair_chance(pair, 30) ? 6 : 0};
    pair_add_realm(pair, realm, &pair->realms[i]);
    for (unsigned resource = 0; resource < ORACLE_RESOURCES; resource++) {
        bool limited = pair_chance(pair, 8);
        realm->limits[resource] =
            limited ? pair_any(pair, 12) * (resource == ORACLE_USES_MEMORY ? 4096 : 1) : ORACLE_NO_LIMIT;
        policy_set_limit(pair->policy, pair->realms[i], (enum policy_resource)resource,
                         realm->limits[resource]);
    }
}

static inline void pair_add_rules(struct pair *pair, size_t i)
{
    struct oracle_service *service = &pair->system.services[i];
    for (size_t n = pair_any(pair, 3); n > 0; n--) {
        struct oracle_entry entry = pair_entry(pair, false);
        struct policy_entry engine = pair_engine_entry(pair, &entry);
        service->access.entries[service->access.count++] = entry;
        HOLD(pair, policy_add_access(pair->policy, pair->services[i], &engine) == 0);
    }
    if (pair_chance(pair, 30)) {
        struct oracle_entry entry = pair_entry(pair, false);
        struct policy_entry engine = pair_engine_entry(pair, &entry);
        service->deny.entries[service->deny.count++] = entry;
        HOLD(pair, policy_add_deny(pair->policy, pair->services[i], &engine) == 0);
    }
}

static inline void pair_add_grants(struct pair *pair)
{
    for (size_t n = pair_any(pair, 6); n > 0; n--) {
        struct oracle_config_grant grant = {(int)pair_any(pair, PAIR_SERVICES), pair_entry(pair, true)};
        struct policy_entry engine = pair_engine_entry(pair, &grant.to);
        pair->system.grants[pair->system.grants_count++] = grant;
        HOLD(pair, policy_add_grant(pair->policy, pair->services[grant.service], &engine) == 0);
    }
}

static inline void pair_init(struct pair *pair, uint64_t seed)
{
    const struct policy_memory memory = {.resize = pair_resize};
    const uint8_t key[16] = {1, 2, 3};
    memset(pair, 0, sizeof *pair);
    pair->seed = pair->random.state = seed;
    HOLD(pair, policy_new(&memory, key, &pair->policy) == 0);
    pair->realms[0] = policy_init_realm(pair->policy);
    pair->system.realms[0] =
        (struct oracle_realm){.name = "init", .parent = ORACLE_NONE, .instance_of = ORACLE_NONE};
    for (unsigned resource = 0; resource < ORACLE_RESOURCES; resource++)
        pair->system.realms[0].limits[resource] = ORACLE_NO_LIMIT;
    for (size_t i = 1; i < PAIR_DECLARED; i++)
        pair_declare(pair, i);
    pair->system.realms_count = PAIR_DECLARED;
    for (size_t i = 0; i < PAIR_SERVICES; i++) {
        struct oracle_service *service = &pair->system.services[i];
        service->names[0] = pair_names[i];
        service->names_count = 1;
        service->provider = (int)(1 + pair_any(pair, PAIR_DECLARED - 1));
        HOLD(pair, policy_add_service(pair->policy, pair_text(pair_names[i]), pair->realms[service->provider],
                                      (struct policy_place){1, 1}, &pair->services[i]) == 0);
        pair_add_rules(pair, i);
    }
    pair->system.services_count = PAIR_SERVICES;
    pair_add_grants(pair);
    pair->system.children_call_parents = pair_chance(pair, 70);
    pair->system.parents_call_children = pair_chance(pair, 70);
    pair->system.siblings_call = pair_chance(pair, 30);
    policy_set_hierarchy(pair->policy,
                         (pair->system.children_call_parents ? POLICY_CHILDREN_CALL_PARENTS : 0u) |
                             (pair->system.parents_call_children ? POLICY_PARENTS_CALL_CHILDREN : 0u) |
                             (pair->system.siblings_call ? POLICY_SIBLINGS_CALL : 0u));
    oracle_world_init(&pair->oracle, &pair->system);
}

/* An instance of some declaration, beside it. */
static inline void pair_add_instance(struct pair *pair)
{
    struct oracle_event event = {
        .kind = ORACLE_INSTANCE, .subject = (int)(1 + pair_any(pair, PAIR_DECLARED - 1)), .name = "worker"};
    pair->event = event;
    oracle_apply(&pair->oracle, &event);
    size_t number = pair->oracle.realms_count - 1;
    pair_add_realm(pair, &pair->oracle.realms[number], &pair->realms[number]);
}

/* --- events: mostly what makes sense, sometimes what does not --- */

static inline int pair_any_realm(struct pair *pair)
{
    int realm = (int)pair_any(pair, pair->oracle.realms_count);
    for (int tries = 0; tries < 8 && realm != 0 && !pair->oracle.running[realm] && !pair_chance(pair, 10);
         tries++)
        realm = (int)pair_any(pair, pair->oracle.realms_count);
    return pair_chance(pair, 2) ? ORACLE_NONE : realm;
}

static inline int pair_any_capability(struct pair *pair)
{
    size_t count = pair->oracle.capabilities_count;
    if (count == 0 || pair_chance(pair, 3))
        return ORACLE_NONE;
    int capability = (int)pair_any(pair, count);
    for (int tries = 0; tries < 8 && pair->oracle.capabilities[capability].state != ORACLE_LIVE; tries++)
        capability = (int)pair_any(pair, count);
    return capability;
}

static inline enum oracle_event_kind pair_any_kind(struct pair *pair)
{
    static const enum oracle_event_kind often[] = {
        ORACLE_START,   ORACLE_START,   ORACLE_REGISTER, ORACLE_REGISTER, ORACLE_CONNECT, ORACLE_CONNECT,
        ORACLE_CONNECT, ORACLE_CONNECT, ORACLE_ALLOCATE, ORACLE_SEAL,     ORACLE_DERIVE,  ORACLE_DERIVE,
        ORACLE_DERIVE,  ORACLE_DERIVE,  ORACLE_DERIVE,   ORACLE_DERIVE,   ORACLE_DERIVE};
    if (pair_chance(pair, 25))
        return (enum oracle_event_kind)pair_any(pair, ORACLE_INSTANCE);
    return often[pair_any(pair, sizeof often / sizeof often[0])];
}

static inline void pair_draw_derivation(struct pair *pair, struct oracle_event *event)
{
    event->mode = (enum oracle_mode)pair_any(pair, 3);
    event->via = pair_any_capability(pair);
    if (pair_chance(pair, 40))
        event->subject = event->actor;
    if (event->source == ORACLE_NONE)
        return;
    const struct oracle_capability *source = &pair->oracle.capabilities[event->source];
    uint32_t possible = source->kind == ORACLE_IS_ENDPOINT
                            ? (source->rights & ~(uint32_t)ORACLE_RECV) | ORACLE_SEND
                            : source->rights;
    event->rights = pair_chance(pair, 50) ? possible : possible & (uint32_t)random_u64(&pair->random);
    if (event->mode == ORACLE_MOVE && pair_chance(pair, 95))
        event->rights = 0;
    if (event->mode == ORACLE_MINTED || pair_chance(pair, 2))
        event->badge = pair_chance(pair, 90) ? pair_any(pair, 5) : random_u64(&pair->random);
    if (source->kind == ORACLE_IS_MEMORY && event->mode == ORACLE_COPY) {
        event->offset = source->offset + 4096 * pair_any(pair, 2);
        event->size = pair_chance(pair, 80) ? 4096 : source->size;
    }
}

static inline void pair_draw(struct pair *pair)
{
    struct oracle_event event = {
        .kind = pair_any_kind(pair),
        .actor = pair_any_realm(pair),
        .subject = (int)pair_any(pair, pair->oracle.realms_count),
        .source = pair_any_capability(pair),
        .name = pair_names[pair_any(pair, pair_chance(pair, 95) ? PAIR_SERVICES : 5)],
        .rights = pair_chance(pair, 80) ? ORACLE_SEND : (uint32_t)pair_any(pair, 512),
        .via = ORACLE_NONE,
        .resource = (enum oracle_resource)pair_any(pair, ORACLE_RESOURCES),
        .amount = pair_any(pair, 10),
        .remove = pair_chance(pair, 50),
    };
    if (event.source != ORACLE_NONE && pair_chance(pair, 85) && event.kind != ORACLE_START)
        event.actor = pair->oracle.capabilities[event.source].holder;
    if (event.kind == ORACLE_REGISTER && pair_chance(pair, 60))
        event.actor = pair->system
                          .services[oracle_service(&pair->oracle, event.name) > 0
                                        ? oracle_service(&pair->oracle, event.name)
                                        : 0]
                          .provider;
    if (event.kind == ORACLE_START && pair_chance(pair, 70))
        event.actor = ORACLE_INIT;
    if (event.kind == ORACLE_ALLOCATE && pair_chance(pair, 90))
        event.amount = 4096 * (1 + pair_any(pair, 3));
    if (event.kind == ORACLE_END && pair_chance(pair, 60))
        event.actor = (int)pair_any(pair, pair->oracle.realms_count);
    if (event.kind == ORACLE_DERIVE)
        pair_draw_derivation(pair, &event);
    if (pair->step + 1 < PAIR_DECLARED) /* at first everything starts, the parents before their children */
        event = (struct oracle_event){.kind = ORACLE_START, .subject = (int)pair->step + 1, .name = ""};
    pair->event = event;
}

#endif
