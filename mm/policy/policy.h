/*
 * The policy engine: who may do what, and why. docs/design/capabilities.md is its law.
 *
 * It is pure: state and event in, decision with its reason out. It knows realms (a tree), declared services
 * with their rules, and the derivation tree of capabilities. It performs no input or output, has no clock and
 * no names of its own invention: the broker runs it live, the simulator and the fuzzer run the same code.
 *
 * The pattern of every change (seL4: decode, then invoke): policy_reserve makes room, policy_decide checks
 * everything and changes nothing, policy_apply changes and cannot fail. What an event removes is dead at
 * once; policy_clear clears it away afterwards, as much at a time as the caller wants.
 *
 * Default: deny. One thread owns a struct policy.
 */
#ifndef MM_POLICY_H
#define MM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Limits. */
#define POLICY_DEPTH_MAX     32u /* realms below init, and generations below a root capability */
#define POLICY_PATTERN_MAX   1024u
#define POLICY_GATES_MAX     64u               /* gated calls are numbered below this */
#define POLICY_BADGE_MAX     (UINT64_MAX >> 1) /* that can be chosen for a mint */
#define POLICY_BADGE_MINTED  (UINT64_C(1) << 63)
#define POLICY_PAGE_BYTES    UINT64_C(4096)
#define POLICY_UNLIMITED     UINT64_MAX
#define POLICY_CONSUMERS_MAX 3u

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

/* A name; not NUL-terminated, borrowed for the call. Any bytes make one: here names are data. */
struct policy_name {
    const char *text;
    size_t size;
};

/* Memory comes in as an argument: this and nothing else is called. size is never 0; NULL is out of memory. */
struct policy_memory {
    void *(*resize)(void *context, void *memory, size_t old_size, size_t new_size); /* new_size 0 frees */
    void *context;
};

enum policy_kind {
    POLICY_KIND_ENDPOINT = 1,
    POLICY_KIND_SEND,
    POLICY_KIND_MEMORY,
    POLICY_KIND_REALM,
    POLICY_KIND_NAME,
    POLICY_KIND_DEBUG,
    POLICY_KIND_GATE,
};
/* All rights that a capability of this kind can have (REALM_RIGHT_*); 0: no such kind. */
uint32_t policy_kind_rights(enum policy_kind kind);
const char *policy_kind_name(enum policy_kind kind); /* "endpoint", "send", …; "?" */

enum policy_resource {
    POLICY_REALMS,       /* running below the realm */
    POLICY_CHANNELS,     /* send capabilities held */
    POLICY_CAPABILITIES, /* of any kind, held */
    POLICY_MEMORY,       /* bytes of the memory objects it allocated */
    POLICY_DESCRIPTORS,  /* these two are charged from outside: CHARGE, RELEASE */
    POLICY_REQUESTS,
    POLICY_RESOURCES,
};
const char *policy_resource_name(enum policy_resource resource); /* "realms", "channels", …; "?" */

struct policy;

/* --- making one, and the trusted configuration --- */

/* hash_key: 16 random bytes, so that names cannot be chosen to collide. Return: 0; -ENOMEM. */
int policy_new(const struct policy_memory *memory, const uint8_t hash_key[16], struct policy **ret_policy);
void policy_free(struct policy *policy); /* NULL is a no-op */

/* The realm that is everyone's ancestor: the system itself. It always exists, and runs. */
struct policy_realm policy_init_realm(const struct policy *policy);

struct policy_declaration {
    struct policy_realm parent;
    struct policy_realm template_of; /* the declaration that this is an instance of; {0,0}: a declaration */
    struct policy_name name;         /* one component of a path, whatever bytes it has */
    struct policy_place place;
    bool debug;     /* its endowment, besides the names of its services; an instance has its template's */
    uint64_t gates; /* bit n: the gated call n */
};
/*
 * Adds a realm, which is dormant. An instance has the limits that its template has now; rules that name the
 * template hold for it. Return: 0; REALM_E_BAD_ARGUMENT: no such parent or template (init and instances are
 * no templates), or the name is empty or over REALM_NAME_MAX; REALM_E_LIMIT: over POLICY_DEPTH_MAX realms
 * deep; -ENOMEM. On failure nothing has changed.
 */
int policy_add_realm(struct policy *policy, const struct policy_declaration *declaration,
                     struct policy_realm *ret_realm);

/* A limit of the realm's own; POLICY_UNLIMITED: none. Return: 0; REALM_E_BAD_ARGUMENT. */
int policy_set_limit(struct policy *policy, struct policy_realm realm, enum policy_resource resource,
                     uint64_t limit);

/* The hierarchy: who may call whom without any other rule. At first: the first two. */
enum policy_hierarchy {
    POLICY_CHILDREN_CALL_PARENTS = 1,
    POLICY_PARENTS_CALL_CHILDREN = 2,
    POLICY_SIBLINGS_CALL = 4,
};
void policy_set_hierarchy(struct policy *policy, unsigned hierarchy);

/*
 * Rules of the configuration name declarations, never instances: provider must be one, else
 * REALM_E_BAD_ARGUMENT. Return: 0; REALM_E_EXISTS: the name is taken; REALM_E_BAD_ARGUMENT: no such provider
 * or service, or the name is empty or over REALM_NAME_MAX; -ENOMEM. On failure nothing has changed.
 *
 * A realm gets the names of its services at START: to one that runs already nothing is given.
 */
int policy_add_service(struct policy *policy, struct policy_name name, struct policy_realm provider,
                       struct policy_place place, struct policy_service *ret_service);
int policy_add_alias(struct policy *policy, struct policy_service service, struct policy_name name);

/* An entry of one of the lists of a service: which realms it matches. */
enum policy_match {
    POLICY_MATCH_REALM,       /* this declaration, and its instances */
    POLICY_MATCH_CHILDREN,    /* whose parent is the provider */
    POLICY_MATCH_DESCENDANTS, /* whose proper ancestor is the provider */
    POLICY_MATCH_ALL,
    POLICY_MATCH_PATH, /* whose path matches the pattern */
};
struct policy_entry {
    enum policy_match match;
    struct policy_realm realm;  /* MATCH_REALM: a declaration */
    struct policy_name pattern; /* MATCH_PATH: 1 to POLICY_PATTERN_MAX bytes, beginning with '/'; copied */
    uint32_t rights;            /* grants, access; access: with SEND, within SEND GRANT MINT REVOKE */
    struct policy_place place;
};
/*
 * Adds to the end of a list. Grants: REALM and PATH only; rights that no send can have are left out; one
 * without SEND never lets connect; an exact one that adds no right to earlier ones about the same two is not
 * kept. Return: 0; REALM_E_BAD_ARGUMENT; -ENOMEM. On failure nothing has changed.
 */
int policy_add_deny(struct policy *policy, struct policy_service service, const struct policy_entry *entry);
int policy_add_grant(struct policy *policy, struct policy_service service, const struct policy_entry *entry);
int policy_add_access(struct policy *policy, struct policy_service service, const struct policy_entry *entry);

/* --- events --- */

enum policy_event_kind {
    POLICY_REGISTER = 1, /* binds a declared name to a new endpoint */
    POLICY_CREATE,       /* makes an anonymous endpoint */
    POLICY_ALLOCATE,     /* makes a memory object of `amount` bytes */
    POLICY_SEAL,         /* nobody writes the memory object any more whose root `capability` is */
    POLICY_CONNECT,      /* asks for a channel to a name */
    POLICY_GRANT,        /* lets the child `subject` connect to a name, with `rights` */
    POLICY_DERIVE,       /* copies, mints or moves `capability` to `subject` */
    POLICY_REVOKE,       /* removes all that was derived from `capability` */
    POLICY_REVOKE_CHILD, /* removes all that the child `subject` holds of a service */
    POLICY_DELETE,       /* removes `capability` alone; a root with all that was derived from it */
    POLICY_DISCONNECT,   /* the same, of a send */
    POLICY_UNREGISTER,   /* the same, of an endpoint */
    POLICY_START,        /* starts `subject`: it runs, and gets its endowment */
    POLICY_KILL,         /* asks whether `subject` may be ended; END follows */
    POLICY_QUOTA,        /* sets the limit of `subject` for `resource` to `amount` */
    POLICY_GATE,         /* asks whether the gated call `gate` may be made */
    POLICY_LOOK,         /* asks whether the actor may look at others */
    POLICY_CHARGE,       /* uses `amount` of `resource`: descriptors or requests */
    POLICY_RELEASE,      /* gives it back */
    POLICY_END,          /* has ended: what it held and gave ends with it. The actor need not run */
};

enum policy_mode { POLICY_COPY = 1, POLICY_MINT, POLICY_MOVE };

struct policy_window {
    uint64_t offset, size; /* bytes, whole pages */
};

/* Fields that an event does not use are not looked at, except where the law says so. */
struct policy_event {
    enum policy_event_kind kind;
    struct policy_realm actor;
    struct policy_realm subject;
    struct policy_name service;          /* REGISTER, CONNECT, GRANT, REVOKE_CHILD */
    struct policy_capability capability; /* SEAL; DERIVE: the source */
    uint32_t rights;                     /* GRANT, DERIVE: of the new one */
    enum policy_mode mode;               /* DERIVE, from here on */
    uint64_t badge;                      /* a mint's; else 0 */
    struct policy_window window;         /* of memory; else zeros. A move's too: zeros */
    struct policy_capability via;        /* the send whose other end the target is; {0,0}: none */
    enum policy_resource resource;       /* QUOTA, CHARGE, RELEASE */
    uint64_t amount;                     /* … and ALLOCATE */
    uint32_t gate;                       /* GATE */
    bool remove;                         /* END: the realm was an instance: forget it, too */
};

enum policy_rule {
    POLICY_RULE_NONE = 0,
    POLICY_RULE_DECLARED, /* only declared services exist */
    POLICY_RULE_SELF,     /* a realm does not connect to itself: the call would wait for itself */
    POLICY_RULE_DENY,     /* the scenario says who never */
    POLICY_RULE_CONFIG_GRANT,
    POLICY_RULE_PARENT_GRANT,
    POLICY_RULE_CHILD_OF_PROVIDER,
    POLICY_RULE_PARENT_OF_PROVIDER,
    POLICY_RULE_SIBLING_OF_PROVIDER,
    POLICY_RULE_ACCESS_REALM,
    POLICY_RULE_ACCESS_CHILDREN,
    POLICY_RULE_ACCESS_DESCENDANTS,
    POLICY_RULE_ACCESS_ALL,
    POLICY_RULE_ACCESS_PATH,
    POLICY_RULE_DEFAULT,    /* nothing allows it */
    POLICY_RULE_PROVIDER,   /* only who holds its name registers a service */
    POLICY_RULE_REGISTERED, /* a service has one endpoint at a time */
    POLICY_RULE_PARENT,     /* only its parent starts, kills, limits, grants to and revokes from a realm */
    POLICY_RULE_HOLDS,      /* nobody gives what it does not hold */
    POLICY_RULE_OWNER,      /* only its holder disposes of a capability */
    POLICY_RULE_RIGHTS,     /* the capability lacks the right, or does not have what would be given */
    POLICY_RULE_REACH,      /* gives go to oneself, to children, and along channels */
    POLICY_RULE_WINDOW,     /* memory is only ever narrowed */
    POLICY_RULE_SEAL,       /* memory is sealed once, while it is nobody else's */
    POLICY_RULE_DEPTH,      /* generations are bounded */
    POLICY_RULE_RUNNING,    /* a realm runs once */
    POLICY_RULE_QUOTA,
    POLICY_RULE_GATE,
    POLICY_RULE_DEBUG,
    POLICY_RULES,
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
    uint32_t rights; /* CONNECT that is allowed, GRANT, DERIVE: of the new capability or grant */
    struct {
        struct policy_realm realm; /* whose limit it is */
        enum policy_resource resource;
        uint64_t limit, use, wanted; /* use: at present, by the realm and all below it */
    } quota;                         /* rule QUOTA only */
};

/*
 * Decides an event and changes nothing. A CONNECT that is allowed but finds no endpoint is status
 * REALM_E_NO_SERVICE with the allowing rule: it may be tried again once the service is registered.
 * Never fails: an event that makes no sense (an unknown handle) is a decision with REALM_E_BAD_ARGUMENT
 * or REALM_E_STALE and no rule. Bounded by the rules on one service, the depths of the two trees and, for
 * START, the services of one provider; never by the size of the system.
 */
void policy_decide(const struct policy *policy, const struct policy_event *event,
                   struct policy_decision *ret_decision);

/* The decision on a CONNECT as it would be if the actor ran: for those who explain and check. */
void policy_would_connect(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *ret_decision);

/* Makes room so that applying this event cannot fail. Return: 0; -ENOMEM, and nothing that can be seen has
 * changed. Any event, also one that will be refused. */
int policy_reserve(struct policy *policy, const struct policy_event *event);

/* What applying did. */
struct policy_outcome {
    struct policy_capability
        capability; /* REGISTER, CREATE, ALLOCATE, CONNECT, DERIVE; START: the realm's own */
    uint64_t badge; /* CONNECT, DERIVE to a send: tells an endpoint's clients apart */
};

/*
 * Applies an event whose decision, made on this very state and with room reserved, has status 0. O(1) but for
 * START, whose cost is that of the endowment. What it removes is dead from its return on, and stays to be
 * cleared. ret_outcome may be NULL.
 */
void policy_apply(struct policy *policy, const struct policy_event *event,
                  const struct policy_decision *decision, struct policy_outcome *ret_outcome);

/* --- clearing away what is dead --- */

struct policy_capability_info {
    struct policy_capability capability;
    enum policy_kind kind;
    uint32_t rights;
    struct policy_realm holder;
    struct policy_capability parent; /* it was derived from; {0,0}: a root */
    struct policy_capability root;   /* of its tree: itself, for a root. Of a send: the endpoint */
    struct policy_service service;   /* endpoint, send, name; {0,0}: an anonymous endpoint's */
    struct policy_realm realm;       /* realm: its object; memory: who allocated it */
    struct policy_window window;     /* memory */
    bool sealed;                     /* memory: nobody writes it */
    uint32_t gate;                   /* gate */
    uint64_t badge;                  /* send */
    uint64_t user;                   /* policy_set_user; 0 at first */
};

/* Called for each capability that is cleared, after all that was derived from it; it must not call back. */
typedef void policy_removed(void *context, const struct policy_capability_info *info);

/*
 * Clears away what is dead: at most `max` small steps, each of which clears a capability or does something
 * equally small. Events may come between calls. removed may be NULL. Return: whether nothing is left to do.
 */
bool policy_clear(struct policy *policy, size_t max, policy_removed *removed, void *context);

/* --- looking at it --- */

/* The service that a name or alias means; {0,0} if none. */
struct policy_service policy_find_service(const struct policy *policy, struct policy_name name);
/* The realm that serves it: who holds the endpoint, or the declared provider while nobody does. */
struct policy_realm policy_provider_of(const struct policy *policy, struct policy_service service);
struct policy_realm policy_parent(const struct policy *policy, struct policy_realm realm); /* init: {0,0} */
bool policy_running(const struct policy *policy, struct policy_realm realm);

/* false: it is not live. */
bool policy_capability_get(const struct policy *policy, struct policy_capability capability,
                           struct policy_capability_info *ret_info);
/* Keeps a number of the caller's with a live capability, for what stands behind it: a channel, a memory
 * object. It moves with the capability. */
void policy_set_user(struct policy *policy, struct policy_capability capability, uint64_t user);
/* Steps through the live capabilities in a stable order: *cursor starts at 0. false: no more. */
bool policy_next_capability(const struct policy *policy, uint32_t *cursor,
                            struct policy_capability_info *ret_info);
/* The live capabilities of one holder, the newest first: *at starts as {0,0}. false: no more. */
bool policy_next_held(const struct policy *policy, struct policy_realm holder, struct policy_capability *at,
                      struct policy_capability_info *ret_info);

/* What parents have granted, in a stable order: *cursor starts at 0. false: no more. */
struct policy_parent_grant {
    struct policy_realm giver, realm;
    struct policy_service service;
    uint32_t rights;
};
bool policy_next_parent_grant(const struct policy *policy, uint32_t *cursor,
                              struct policy_parent_grant *ret_grant);

struct policy_usage {
    uint64_t limit; /* its own; POLICY_UNLIMITED: none */
    uint64_t use;   /* by it and all below it */
    uint64_t own;   /* by itself alone */
};
/* Return: 0; REALM_E_BAD_ARGUMENT. */
int policy_get_usage(const struct policy *policy, struct policy_realm realm, enum policy_resource resource,
                     struct policy_usage *ret_usage);
/*
 * The largest consumers of a resource among a realm and all below it, by their own use, largest first, then
 * the older; none that uses nothing. Takes a look at every realm. Return: how many.
 */
struct policy_consumer {
    struct policy_realm realm;
    uint64_t own;
};
size_t policy_consumers(const struct policy *policy, struct policy_realm realm, enum policy_resource resource,
                        struct policy_consumer ret_consumers[POLICY_CONSUMERS_MAX]);

/*
 * The rules that were looked at for a CONNECT, in order, for `realm explain`: fills up to capacity, returns
 * how many there are in all. The last one has matched: it is the one that decided. Of the others none has,
 * but the rule that would have allowed what QUOTA refuses. DECLARED, SELF and QUOTA are listed only if they
 * decide. None for another event, or an unknown actor; whether the actor runs does not matter.
 */
struct policy_step {
    enum policy_rule rule;
    struct policy_place place;
    bool matched;
};
size_t policy_explain(const struct policy *policy, const struct policy_event *event,
                      struct policy_step *ret_steps, size_t capacity);

#endif
