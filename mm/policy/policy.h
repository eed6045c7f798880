/*
 * The policy engine: who may do what, and why.
 *
 * It is pure: state and event in, decision with its reason out. It knows realms (a tree), declared
 * services with their names, registered endpoints, grants, and the derivation tree of capabilities. It
 * performs no input or output, has no clock and no names of its own invention: the broker runs it live,
 * the simulator and the fuzzer run the same code.
 *
 * The pattern of every change (seL4: decode, then invoke): policy_reserve makes room, policy_decide checks
 * everything and changes nothing, policy_apply changes and cannot fail.
 *
 * Default: deny. What allows a connect, in this order, first match wins (docs/design/policy.md):
 *   1. a grant of the configuration      `grants: {to: A, service: database}`
 *   2. a grant by the realm's parent     realm_grant()
 *   3. the hierarchy                     the provider is the realm's parent, or its child
 *   4. the service's own policy          `access: [A, children, all]`
 *
 * Not thread-safe: one thread owns a struct policy.
 */
#ifndef MM_POLICY_H
#define MM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Generational handles; index 0 is never in use: {0, 0} names nothing. */
struct policy_realm {
    uint32_t index, generation;
};
struct policy_service {
    uint32_t index, generation;
};
struct policy_capability {
    uint32_t index, generation;
};

/* Where in the scenario a rule stands; line 0: nowhere. */
struct policy_place {
    uint32_t line, column;
};

/* A name; not NUL-terminated, borrowed for the call. */
struct policy_name {
    const char *text;
    size_t size;
};

/* Memory comes in as an argument: this and nothing else is called. size is never 0; NULL is out of memory. */
struct policy_memory {
    void *(*resize)(void *context, void *memory, size_t old_size, size_t new_size); /* new_size 0 frees */
    void *context;
};

struct policy;

/* --- making one, and the trusted configuration --- */

/* hash_key: 16 random bytes, so that names cannot be chosen to collide. Return: 0; -ENOMEM. */
int policy_new(const struct policy_memory *memory, const uint8_t hash_key[16], struct policy **ret_policy);
void policy_free(struct policy *policy); /* NULL is a no-op */

/* The realm that is everyone's ancestor: the system itself. It always exists. */
struct policy_realm policy_init_realm(const struct policy *policy);

/*
 * Declares a realm under a parent. template_of: for an instance, the declaration it was made from ({0,0}
 * for a declaration): rules that name the declaration hold for its instances. A declared realm exists in
 * the policy whether it runs or not. Return: 0; REALM_E_BAD_ARGUMENT: no such parent or template (init and
 * instances are no templates); -ENOMEM.
 */
int policy_add_realm(struct policy *policy, struct policy_realm parent, struct policy_realm template_of,
                     struct policy_realm *ret_realm);

/*
 * Rules of the configuration name declarations, never instances: provider, and realm in policy_add_access and
 * policy_add_grant, must be a declaration, else REALM_E_BAD_ARGUMENT. On failure nothing has changed.
 *
 * Return: 0; REALM_E_EXISTS: the name is taken; REALM_E_BAD_ARGUMENT: no such provider or service, or the
 * name is empty or over REALM_NAME_MAX; -ENOMEM. Any bytes make a name: here they are data.
 */
int policy_add_service(struct policy *policy, struct policy_name name, struct policy_realm provider,
                       struct policy_place place, struct policy_service *ret_service);
int policy_add_alias(struct policy *policy, struct policy_service service, struct policy_name name);

enum policy_access { POLICY_ACCESS_REALM, POLICY_ACCESS_CHILDREN, POLICY_ACCESS_ALL };
/* realm only for POLICY_ACCESS_REALM. Return: 0; REALM_E_BAD_ARGUMENT; -ENOMEM. */
int policy_add_access(struct policy *policy, struct policy_service service, enum policy_access kind,
                      struct policy_realm realm, struct policy_place place);
/*
 * Init configuration. A grant that adds no right to earlier ones for the same two changes nothing. Only
 * REALM_RIGHT_SEND lets connect. Return: 0; REALM_E_BAD_ARGUMENT; -ENOMEM.
 */
int policy_add_grant(struct policy *policy, struct policy_realm realm, struct policy_service service,
                     uint32_t rights, struct policy_place place);

/* --- events --- */

enum policy_event_kind {
    POLICY_REGISTER,   /* actor binds a name */
    POLICY_UNREGISTER, /* actor withdraws the endpoint */
    POLICY_CONNECT,    /* actor asks for a channel to a name */
    POLICY_DISCONNECT, /* a channel's capability ends */
    POLICY_GRANT,      /* actor lets its child connect to a name */
    POLICY_SPAWN,      /* actor starts subject (a declaration or an instance) */
    POLICY_KILL,       /* actor ends subject */
    POLICY_END,        /* actor has ended: what it held and gave ends with it */
};

struct policy_event {
    enum policy_event_kind kind;
    struct policy_realm actor;
    struct policy_realm subject;         /* GRANT, SPAWN, KILL: the child */
    struct policy_name service;          /* REGISTER, CONNECT, GRANT */
    struct policy_capability capability; /* UNREGISTER: endpoint; DISCONNECT: send */
    uint32_t rights;                     /* GRANT: REALM_RIGHT_SEND, else it is a bad argument */
    bool remove;                         /* END: the realm was an instance: forget it, too */
};

enum policy_rule {
    POLICY_RULE_NONE = 0,
    POLICY_RULE_DEFAULT, /* nothing allows it */
    POLICY_RULE_CONFIG_GRANT,
    POLICY_RULE_PARENT_GRANT,
    POLICY_RULE_CHILD_OF_PROVIDER,  /* hierarchy: a child may call its parent */
    POLICY_RULE_PARENT_OF_PROVIDER, /* hierarchy: a parent may call its child */
    POLICY_RULE_ACCESS_REALM,
    POLICY_RULE_ACCESS_CHILDREN,
    POLICY_RULE_ACCESS_ALL,
    POLICY_RULE_PROVIDER,   /* only the declared provider registers */
    POLICY_RULE_DECLARED,   /* only declared services exist */
    POLICY_RULE_REGISTERED, /* a service has one endpoint at a time */
    POLICY_RULE_PARENT,     /* only its parent spawns, kills, or grants to a realm */
    POLICY_RULE_HOLDS,      /* nobody gives what it does not hold */
    POLICY_RULE_OWNER,      /* only its holder ends a capability */
    POLICY_RULE_SELF,       /* a realm does not connect to itself: the call would wait for itself */
};

/* A short, stable word for events and people, such as "default", "grant", "access: children". */
const char *policy_rule_name(enum policy_rule rule);

/* The smallest change of the scenario that would allow what was denied. */
enum policy_fix_kind {
    POLICY_FIX_NONE = 0, /* none: it is a matter of order or time, not of policy */
    POLICY_FIX_ACCESS,   /* add `realm` to the `access:` of `service` */
    POLICY_FIX_PROVIDER, /* make `realm` the provider of `service` */
    POLICY_FIX_DECLARE,  /* declare a service of the name asked for */
    POLICY_FIX_PARENT,   /* declare `realm` with the actor as its parent */
};

struct policy_fix {
    enum policy_fix_kind kind;
    struct policy_realm realm;
    struct policy_service service;
};

struct policy_decision {
    int status; /* 0: allowed; else REALM_E_* */
    enum policy_rule rule;
    struct policy_place place; /* of that rule, or of the service's declaration where no rule matched */
    struct policy_fix fix;
    struct policy_service service; /* the one the name resolved to, or {0,0} */
    struct policy_realm provider;  /* CONNECT: the realm whose endpoint it is, or the declared provider */
    bool registered;               /* CONNECT: an endpoint is there now */
};

/*
 * Decides an event and changes nothing. A CONNECT that is allowed but finds no endpoint is status
 * REALM_E_NO_SERVICE with the allowing rule: it may be tried again once the service is registered.
 * Never fails: an event that makes no sense (an unknown handle) is a decision with REALM_E_BAD_ARGUMENT
 * or REALM_E_STALE and no rule. Bounded by the number of rules on one service, not by the size of the system
 * (a refused GRANT, SPAWN or KILL of what is no child: by the depth of the tree).
 */
void policy_decide(const struct policy *policy, const struct policy_event *event,
                   struct policy_decision *ret_decision);

/* Makes room so that the next policy_apply cannot fail. Return: 0; -ENOMEM. */
int policy_reserve(struct policy *policy);

/* What applying did. */
struct policy_outcome {
    struct policy_capability capability; /* REGISTER: the endpoint; CONNECT: the send capability */
    uint64_t badge;                      /* CONNECT: tells the endpoint's clients apart, never reused */
};

/*
 * Called for each capability that an event removed, deepest first; it must not call back into the policy.
 */
typedef void policy_removed(void *context, struct policy_capability capability, struct policy_realm holder,
                            uint32_t rights, struct policy_service service);

/*
 * Applies an event whose decision, made on this very state and with room reserved, has status 0. removed and
 * ret_outcome may be NULL.
 */
void policy_apply(struct policy *policy, const struct policy_event *event,
                  const struct policy_decision *decision, policy_removed *removed, void *context,
                  struct policy_outcome *ret_outcome);

/* --- looking at it --- */

/* The service that a name or alias means; {0,0} if none. */
struct policy_service policy_find_service(const struct policy *policy, struct policy_name name);
struct policy_realm policy_parent(const struct policy *policy, struct policy_realm realm);

struct policy_capability_info {
    struct policy_capability capability;
    struct policy_capability parent; /* it was derived from; {0,0} for an endpoint */
    struct policy_realm holder;
    struct policy_service service;
    uint32_t rights; /* RECV: an endpoint; SEND: a connection */
    uint64_t badge;
};
/* Steps through all capabilities in a stable order: *cursor starts at 0. false: no more. */
bool policy_next_capability(const struct policy *policy, uint32_t *cursor,
                            struct policy_capability_info *ret_info);

/*
 * The rules that were looked at for a CONNECT, in order, for `realm explain`: fills up to capacity, returns
 * how many there are in all. The last one, and no other, has matched: it is the one that decided. DECLARED
 * and SELF are listed only if they decide. None for another event, or an unknown actor.
 */
struct policy_step {
    enum policy_rule rule;
    struct policy_place place;
    bool matched;
};
size_t policy_explain(const struct policy *policy, const struct policy_event *event,
                      struct policy_step *ret_steps, size_t capacity);

#endif
