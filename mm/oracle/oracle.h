/*
 * The oracle: what docs/design/capabilities.md says, told a second time.
 *
 * It judges the policy engine in `realm fuzz`: both are asked the same, and where their answers differ, one
 * of them or the page is wrong. For that it shares nothing with the engine, neither code nor types, and it
 * keeps to the opposite way: no table, no hash, no counter, no link. What is true now is found by going
 * through the whole history of events from the start; who holds what, how much is used, what was derived from
 * what is found by looking at everything there is. It is slow by design, and short enough to be read beside
 * the page.
 *
 * Realms, services and capabilities are numbers: the order in which they came to be. Init is realm 0.
 *
 * Pure: no memory of its own, no input or output. Strings are borrowed, for as long as system or events live.
 * A struct oracle_world belongs to one thread.
 */
#ifndef MM_ORACLE_H
#define MM_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORACLE_REALMS       64u /* with all instances that ever were */
#define ORACLE_SERVICES     24u
#define ORACLE_ENTRIES      8u /* of one list of a service */
#define ORACLE_GRANTS       24u
#define ORACLE_NAMES        4u /* of one service */
#define ORACLE_CAPABILITIES 1024u
#define ORACLE_GATES        21u
#define ORACLE_INIT         0
#define ORACLE_NONE         (-1)
#define ORACLE_NO_LIMIT     UINT64_MAX

/* --- the system: what the scenario says; it does not change --- */

enum oracle_right {
    ORACLE_SEND = 1 << 0,
    ORACLE_RECV = 1 << 1,
    ORACLE_GRANT = 1 << 2,
    ORACLE_MINT = 1 << 3,
    ORACLE_REVOKE = 1 << 4,
    ORACLE_MANAGE = 1 << 5,
    ORACLE_READ = 1 << 6,
    ORACLE_WRITE = 1 << 7,
    ORACLE_EXEC = 1 << 8,
};

enum oracle_resource {
    ORACLE_USES_REALMS,
    ORACLE_USES_CHANNELS,
    ORACLE_USES_CAPABILITIES,
    ORACLE_USES_MEMORY,
    ORACLE_USES_DESCRIPTORS,
    ORACLE_USES_REQUESTS,
    ORACLE_RESOURCES,
};

struct oracle_realm {
    const char *name;
    int parent;                        /* ORACLE_NONE: init */
    int instance_of;                   /* a declaration, or ORACLE_NONE */
    bool debug;                        /* declared with it */
    uint32_t gates;                    /* bit n: gate n */
    uint64_t limits[ORACLE_RESOURCES]; /* ORACLE_NO_LIMIT: its parent's */
};

enum oracle_match {
    ORACLE_BY_REALM,
    ORACLE_BY_CHILDREN,
    ORACLE_BY_DESCENDANTS,
    ORACLE_BY_ALL,
    ORACLE_BY_PATH
};

struct oracle_entry {
    enum oracle_match match;
    int realm;           /* BY_REALM */
    const char *pattern; /* BY_PATH */
    uint32_t rights;     /* of an access entry or a grant; 0: none are written there */
};

struct oracle_list {
    struct oracle_entry entries[ORACLE_ENTRIES];
    size_t count;
};

struct oracle_service {
    const char *names[ORACLE_NAMES]; /* the first is its own, then aliases */
    size_t names_count;
    int provider;
    struct oracle_list deny, access;
};

struct oracle_config_grant {
    int service;
    struct oracle_entry to;
};

struct oracle_system {
    struct oracle_realm realms[ORACLE_REALMS]; /* 0 is init; parents before children */
    size_t realms_count;
    struct oracle_service services[ORACLE_SERVICES];
    size_t services_count;
    struct oracle_config_grant grants[ORACLE_GRANTS];
    size_t grants_count;
    bool children_call_parents, parents_call_children, siblings_call;
};

/* --- events --- */

enum oracle_event_kind {
    ORACLE_CONNECT,      /* actor, name */
    ORACLE_REGISTER,     /* actor, name */
    ORACLE_CREATE,       /* actor */
    ORACLE_ALLOCATE,     /* actor, amount: bytes */
    ORACLE_SEAL,         /* actor, source */
    ORACLE_GIVE,         /* the page's GRANT: actor, subject, name, rights */
    ORACLE_DERIVE,       /* actor, source, subject: the target, and what follows below */
    ORACLE_TAKE,         /* the page's REVOKE capability: actor, source */
    ORACLE_TAKE_SERVICE, /* the page's REVOKE child, name: actor, subject, name */
    ORACLE_DELETE,       /* actor, source */
    ORACLE_DISCONNECT,   /* actor, source */
    ORACLE_UNREGISTER,   /* actor, source */
    ORACLE_START,        /* actor, subject */
    ORACLE_KILL,         /* actor, subject */
    ORACLE_QUOTA,        /* actor, subject, resource, amount: the limit */
    ORACLE_GATE,         /* actor, amount: the number */
    ORACLE_LOOK,         /* actor */
    ORACLE_CHARGE,       /* actor, resource, amount */
    ORACLE_RELEASE,      /* actor, resource, amount */
    ORACLE_END,          /* actor, remove */
    ORACLE_INSTANCE,     /* no decision: an instance of subject is declared beside it, called name */
    ORACLE_CLEARED,      /* no decision: a step of removal has reported source */
    ORACLE_EVENT_KINDS,
};

enum oracle_mode { ORACLE_COPY, ORACLE_MINTED, ORACLE_MOVE };

struct oracle_event {
    enum oracle_event_kind kind;
    int actor, subject;
    int source; /* a capability; what was never there is ORACLE_NONE */
    const char *name;
    uint32_t rights;
    enum oracle_mode mode;
    uint64_t badge;
    uint64_t offset, size; /* of a window; 0, 0: none is asked for */
    int via;               /* a capability, or ORACLE_NONE */
    enum oracle_resource resource;
    uint64_t amount;
    bool remove;
};

/* --- the answer --- */

enum oracle_status {
    ORACLE_ALLOWED,
    ORACLE_NO_SERVICE,
    ORACLE_DENIED,
    ORACLE_EXISTS,
    ORACLE_LIMIT,
    ORACLE_BAD_ARGUMENT,
    ORACLE_STALE,
    ORACLE_NOT_CHILD,
    ORACLE_INCAPABLE,
};

/* Which list of the scenario a rule stands in. */
enum oracle_where { ORACLE_NOWHERE, ORACLE_IN_DENY, ORACLE_IN_GRANTS, ORACLE_IN_ACCESS };

struct oracle_answer {
    enum oracle_status status;
    const char *rule; /* as the page writes it; "": none */
    enum oracle_where where;
    int service;     /* of a list of a service; or ORACLE_NONE */
    size_t entry;    /* of that list, from 0 */
    uint32_t rights; /* CONNECT that a rule allows: what the capability gets */

    /* LIMIT by `quota` */
    int limiting; /* the realm whose limit it is */
    enum oracle_resource resource;
    uint64_t limit, use;
};

/* --- what there is, after a history --- */

enum oracle_kind {
    ORACLE_IS_ENDPOINT,
    ORACLE_IS_SEND,
    ORACLE_IS_MEMORY,
    ORACLE_IS_REALM,
    ORACLE_IS_NAME,
    ORACLE_IS_DEBUG,
    ORACLE_IS_GATE,
};

enum oracle_state { ORACLE_LIVE, ORACLE_DEAD, ORACLE_GONE };

struct oracle_capability {
    enum oracle_kind kind;
    enum oracle_state state; /* DEAD: removed, not yet reported by a step */
    int holder;
    int parent;    /* ORACLE_NONE: a root */
    int service;   /* endpoint and send of a declared one; name; else ORACLE_NONE */
    int endpoint;  /* send: the capability that receives */
    int realm;     /* realm: which; memory: who allocated it */
    uint64_t gate; /* gate: its number */
    uint32_t rights;
    uint64_t badge;
    uint64_t offset, size; /* memory: the window; of a root, the object */
    bool sealed;           /* memory */
};

struct oracle_given {
    int giver, child, service;
    uint32_t rights;
};

struct oracle_world {
    const struct oracle_system *system;
    struct oracle_realm realms[ORACLE_REALMS];
    bool running[ORACLE_REALMS], removed[ORACLE_REALMS];
    size_t realms_count;
    struct oracle_capability capabilities[ORACLE_CAPABILITIES];
    size_t capabilities_count;
    struct oracle_given given[ORACLE_REALMS * ORACLE_SERVICES];
    size_t given_count;
    uint64_t charges[ORACLE_REALMS][ORACLE_RESOURCES];
    uint64_t badges; /* how many were counted out */
};

/* The world before anything has happened: nothing runs but init. The system is borrowed. */
void oracle_world_init(struct oracle_world *world, const struct oracle_system *system);

/* The world after count events, each of which was allowed (or has no decision), from the start. */
void oracle_replay(const struct oracle_system *system, const struct oracle_event *events, size_t count,
                   struct oracle_world *ret_world);

/* What the page answers. Changes nothing; every event has an answer, also one that makes no sense. */
void oracle_decide(const struct oracle_world *world, const struct oracle_event *event,
                   struct oracle_answer *ret_answer);

/* What the page says an allowed event does. */
void oracle_apply(struct oracle_world *world, const struct oracle_event *event);

/* Is there room for what one more event may make? A history that has none ends there. */
bool oracle_has_room(const struct oracle_world *world);

/* Sections 1 and 3: what a realm and all below it use; and may it connect, with which rights. */
uint64_t oracle_use(const struct oracle_world *world, int realm, enum oracle_resource resource);
/* true: allowed by rule (endpoint and quota are not asked for), and the answer's rights are what it gets. */
bool oracle_may_connect(const struct oracle_world *world, int actor, int service,
                        struct oracle_answer *ret_answer);
/* The service that a name or alias means, or ORACLE_NONE. */
int oracle_service(const struct oracle_world *world, const char *name);

/* Section 2: may a step of removal report this capability now? */
bool oracle_may_clear(const struct oracle_world *world, int capability);

/* `/` for init, else the parent's path and the name, in which a `/` or `\` has a `\` before it; what goes
 * beyond ORACLE_PATH_MAX is cut off. */
#define ORACLE_PATH_MAX 8192u
void oracle_path(const struct oracle_world *world, int realm, char ret_path[ORACLE_PATH_MAX]);

/* Section 3's patterns. */
bool oracle_pattern_matches(const char *pattern, const char *path);

/* Section 1's tables. */
uint32_t oracle_rights_of(enum oracle_kind kind);

#endif
