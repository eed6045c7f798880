/*
 * The state of the policy engine, as its own files see it.
 *
 *   realms        a tree; a declaration, or an instance of one; and the rest of each, at the same index
 *   services      declared names with their provider, lists of rules and, while registered, endpoint
 *   names         of the services, at the same index; and aliases; both found by one hash
 *   configured    exact grants of the configuration, in their index by (realm, service)
 *   grants        those of parents, found by hash of the same
 *   capabilities  the derivation tree
 *   holdings      capabilities that let their holder do something, by hash of (holder, kind, object)
 *   cuts          what a parent has revoked from a child and nobody has cleared away yet
 *
 * Records refer to each other by index. An index inside a record is always that of a record in use: whoever
 * gives a slot back removes what refers to it first. Only handles from outside need their generation checked,
 * and that happens in policy_decide and in the functions that look.
 *
 * Time is a count of applied events: `now`. A thing made in an event carries its number, and what ends many
 * things at once notes the number of its own event in one place: everything there that is not newer is dead
 * (live.c). So removal costs one step, whatever the size of what goes, and clear.c follows at its own pace.
 *
 * Declarations, services and names are never removed, so rules of the configuration, which name only
 * these, hold as long as the policy does.
 */
#ifndef MM_POLICY_STATE_H
#define MM_POLICY_STATE_H

#include <realm/types.h>

#include "mm/policy/hash.h"
#include "mm/policy/lists.h"
#include "mm/policy/memory.h"
#include "mm/policy/policy.h"
#include "mm/policy/tables.h"

#define POLICY_INIT_REALM 1u
#define POLICY_NAME_NEAR  48u /* bytes of a name that stand in its record */

/* All of a realm that a decision on a CONNECT reads: of a hundred thousand, three megabytes. */
struct realm_record {
    struct policy_slot slot;
    uint32_t parent;      /* 0: this is init */
    uint32_t template_of; /* the declaration that this is an instance of; 0: this is a declaration */
    uint64_t ended;       /* when it last ended: what it holds and is not newer is dead */
    uint32_t cuts;        /* list */
    uint8_t depth;        /* below init */
    uint8_t limited;      /* bit n: it has a limit of its own for resource n */
    bool running, removed;
};
_Static_assert(sizeof(struct realm_record) == 32, "two of them are a cache line");

/* The rest of it, at the same index. */
struct realm_rest {
    struct policy_slot slot;
    uint32_t held;     /* list of the capabilities it holds, ordered by `since` */
    uint32_t children; /* how many, without removed ones */
    uint32_t records;  /* … with them */
    uint32_t root;     /* its own realm capability, or 0 */
    uint32_t objects;  /* realm and memory capabilities that are about it, of any age */
    uint32_t received; /* list of the parent grants it was given */
    uint32_t given;    /* list of the parent grants it gave */
    uint32_t services; /* the first of those it is the declared provider of, or 0 */
    uint32_t services_count;
    struct policy_link pending; /* what it held is to be cleared */
    bool debug;
    uint64_t gates;
    uint64_t limit[POLICY_RESOURCES], use[POLICY_RESOURCES], own[POLICY_RESOURCES];
    struct policy_place place;
    char *name;
    uint32_t name_size;
};

struct entry_record {
    enum policy_match match;
    uint32_t realm; /* MATCH_REALM: a declaration */
    uint32_t rights;
    uint32_t order; /* grants: place among all of the configuration */
    struct policy_place place;
    char *pattern;
    uint32_t pattern_size;
};

struct entry_list {
    uint32_t count, capacity;
    struct entry_record entries[];
};

/* All that a decision reads of it lies in one cache line. */
struct service_record {
    struct policy_slot slot;
    uint32_t provider; /* a declaration */
    uint32_t endpoint; /* a capability, or 0. It may be dead: policy_endpoint() knows */
    uint32_t holder;   /* of the endpoint */
    uint32_t next;     /* of the same provider, or 0 */
    uint64_t since;    /* when the endpoint came to be */
    struct policy_place place;
    struct entry_list *deny, *grants, *access; /* NULL: empty. grants: those by pattern */
};
_Static_assert(sizeof(struct service_record) <= 64, "what a decision reads of a service");

struct name_record {
    struct policy_slot slot;
    uint32_t service;
    uint32_t size;
    union {
        char near[POLICY_NAME_NEAR];
        char *far; /* of one that is longer */
    } text;
};

/* What a grant of the configuration says. */
struct policy_configured {
    uint32_t rights;
    uint32_t order;
    uint32_t next; /* a later grant to the same realm, for the same service, or 0 */
    struct policy_place place;
};

/* The first grant to a realm, for a service, lies in the index itself: a decision finds all of it in one
 * place. */
struct configured_entry {
    uint32_t hash;
    uint32_t realm; /* a declaration; 0: empty */
    uint32_t service;
    struct policy_configured grant;
};
_Static_assert(sizeof(struct configured_entry) == 32, "two of them are a cache line");

struct later_record {
    struct policy_slot slot;
    struct policy_configured grant;
};

/* A parent's. */
struct grant_record {
    struct policy_slot slot;
    uint32_t realm; /* who may */
    uint32_t service;
    uint32_t rights;
    uint32_t giver;
    uint64_t since;
    struct policy_link received, given;
};

enum capability_state {
    CAPABILITY_HELD,
    CAPABILITY_DELETED, /* it is gone, what was derived from it goes to its parent */
    CAPABILITY_DEAD,    /* it is gone, with all that was derived from it */
};

struct capability_record {
    struct policy_slot slot;
    uint64_t since; /* when it came to its holder */
    uint64_t cut;   /* when it was last revoked: what was derived from it and is not newer is dead */
    uint64_t badge;
    uint64_t user;
    uint32_t holder;
    uint32_t object;   /* a service or 0; a realm; a gate's number (tree.c) */
    uint32_t root;     /* itself, for a root */
    uint32_t parent;   /* 0: a root */
    uint32_t children; /* list of what was derived from it */
    uint8_t kind, state;
    uint16_t rights;
    struct policy_link sibling;
    struct policy_link held;
    struct policy_link pending; /* in policy->dead or policy->deleted */
    struct policy_link same;    /* in holdings */
    struct policy_window window;
};
_Static_assert(sizeof(struct capability_record) <= 128, "what a capability may cost");

/* A parent has revoked a service from its child: sends that it holds and that are not newer are dead. */
struct cut_record {
    struct policy_slot slot;
    uint32_t realm, service;
    uint64_t at;
    uint32_t next;               /* the next capability to look at, or 0 */
    struct policy_link of_realm; /* in realm_record.cuts */
    struct policy_link pending;
};

struct policy {
    struct policy_memory memory;
    uint8_t hash_key[16];
    struct policy_table realms, rests, services, names, aliases, later, grants, capabilities, cuts;
    struct policy_hash names_index, grants_index, holdings_index;
    struct configured_entry *configured;
    uint32_t configured_capacity, configured_used; /* capacity: 0 or a power of two */
    uint64_t now;                                  /* the number of the last applied event */
    uint64_t badges;                               /* the last one counted */
    uint32_t grants_order;                         /* grants of the configuration so far */
    unsigned hierarchy;
    /* Lists of what is to be cleared. */
    uint32_t deleted, dead, ended, cut;
};

static inline struct realm_record *policy_realm_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->realms, index);
}

static inline struct realm_rest *policy_rest_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->rests, index);
}

static inline struct service_record *policy_service_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->services, index);
}

static inline struct grant_record *policy_grant_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->grants, index);
}

static inline struct capability_record *policy_capability_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->capabilities, index);
}

/* A root has all rights of its kind until it is sealed; so what it lacks says that it was. */
static inline bool policy_is_sealed(const struct policy *policy, const struct capability_record *record)
{
    return record->kind == POLICY_KIND_MEMORY &&
           (policy_capability_at(policy, record->root)->rights & REALM_RIGHT_WRITE) == 0;
}

static inline struct cut_record *policy_cut_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->cuts, index);
}

/* The lists, each with the offset of its link. */
#define POLICY_CHILDREN(policy) &(policy)->capabilities, offsetof(struct capability_record, sibling)
#define POLICY_HELD(policy)     &(policy)->capabilities, offsetof(struct capability_record, held)
#define POLICY_PENDING(policy)  &(policy)->capabilities, offsetof(struct capability_record, pending)
#define POLICY_SAME(policy)     &(policy)->capabilities, offsetof(struct capability_record, same)
#define POLICY_ENDED(policy)    &(policy)->rests, offsetof(struct realm_rest, pending)
#define POLICY_RECEIVED(policy) &(policy)->grants, offsetof(struct grant_record, received)
#define POLICY_GIVEN(policy)    &(policy)->grants, offsetof(struct grant_record, given)
#define POLICY_CUTS(policy)     &(policy)->cuts, offsetof(struct cut_record, of_realm)
#define POLICY_CUT(policy)      &(policy)->cuts, offsetof(struct cut_record, pending)

/* Handles of records in use. */
static inline struct policy_realm policy_realm_handle(const struct policy *policy, uint32_t index)
{
    return (struct policy_realm){index, policy_table_generation(&policy->realms, index)};
}

static inline struct policy_service policy_service_handle(const struct policy *policy, uint32_t index)
{
    return (struct policy_service){index, policy_table_generation(&policy->services, index)};
}

static inline struct policy_capability policy_capability_handle(const struct policy *policy, uint32_t index)
{
    return (struct policy_capability){index, policy_table_generation(&policy->capabilities, index)};
}

/* Whether handles from outside name something now. */
static inline bool policy_realm_known(const struct policy *policy, struct policy_realm realm)
{
    return policy_table_names(&policy->realms, realm.index, realm.generation) &&
           !policy_realm_at(policy, realm.index)->removed;
}

static inline bool policy_service_known(const struct policy *policy, struct policy_service service)
{
    return policy_table_names(&policy->services, service.index, service.generation);
}

/* The realm that the configuration knows: an instance's template, or the realm itself. */
static inline uint32_t policy_declaration(const struct policy *policy, uint32_t realm)
{
    uint32_t template_of = policy_realm_at(policy, realm)->template_of;
    return template_of != 0 ? template_of : realm;
}

#endif
