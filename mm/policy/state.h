/*
 * The state of the policy engine, as its own files see it.
 *
 *   realms        a tree; a declaration, or an instance of one
 *   services      declared names with their provider, access list and, while registered, endpoint
 *   names         names and aliases, found by hash
 *   grants        found by hash of (realm, service, who gave it)
 *   capabilities  the derivation tree: endpoints, and the send capabilities derived from each
 *
 * Records refer to each other by index. An index inside a record is always that of a live record: whoever
 * removes a record removes what refers to it first. Only handles from outside need their generation checked,
 * and that happens in one place, policy_decide.
 *
 * Declarations, services and names are never removed, so rules of the configuration, which name only
 * these, hold as long as the policy does.
 */
#ifndef MM_POLICY_STATE_H
#define MM_POLICY_STATE_H

#include "mm/policy/hash.h"
#include "mm/policy/lists.h"
#include "mm/policy/memory.h"
#include "mm/policy/policy.h"
#include "mm/policy/tables.h"

#define POLICY_INIT_REALM 1u

struct realm_record {
    struct policy_slot slot;
    uint32_t parent;      /* 0: this is init */
    uint32_t template_of; /* the declaration that this is an instance of; 0: this is a declaration */
    uint32_t children;    /* how many */
    uint32_t held;        /* list of the capabilities it holds */
    uint32_t received;    /* list of the parent grants it was given */
    uint32_t given;       /* list of the parent grants it gave */
};

struct access_entry {
    enum policy_access kind;
    uint32_t realm; /* ACCESS_REALM: a declaration */
    struct policy_place place;
};

struct service_record {
    struct policy_slot slot;
    uint32_t provider; /* a declaration */
    uint32_t endpoint; /* a capability, or 0 */
    struct policy_place place;
    struct access_entry *access;
    uint32_t access_count, access_capacity;
};

struct name_record {
    struct policy_slot slot;
    uint32_t service;
    uint32_t size;
    char *text;
};

struct grant_record {
    struct policy_slot slot;
    uint32_t realm; /* who may; for a grant of the configuration a declaration */
    uint32_t service;
    uint32_t rights;
    uint32_t giver;            /* the parent, or 0: the configuration */
    struct policy_place place; /* configuration */
    uint32_t next;             /* configuration: a later grant to the same realm, for the same service */
    struct policy_link received, given; /* parent */
};

struct capability_record {
    struct policy_slot slot;
    uint64_t badge;
    uint32_t holder;
    uint32_t service;
    uint32_t rights;
    uint32_t parent;   /* 0: an endpoint */
    uint32_t children; /* list of what was derived from it */
    struct policy_link sibling;
    struct policy_link held;
};
_Static_assert(sizeof(struct capability_record) <= 128, "what a capability may cost");

struct policy {
    struct policy_memory memory;
    uint8_t hash_key[16];
    struct policy_table realms, services, names, grants, capabilities;
    struct policy_hash names_index, grants_index;
    uint64_t badges; /* the last one given */
};

static inline struct realm_record *policy_realm_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->realms, index);
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

/* Handles of live records. */
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
    return policy_table_names(&policy->realms, realm.index, realm.generation);
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

/* The realm that serves: who registered the endpoint, or the declared provider while nobody has. */
static inline uint32_t policy_provider(const struct policy *policy, uint32_t service)
{
    const struct service_record *record = policy_service_at(policy, service);
    return record->endpoint != 0 ? policy_capability_at(policy, record->endpoint)->holder : record->provider;
}

#endif
