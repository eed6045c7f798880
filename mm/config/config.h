/*
 * The configuration of a system: what a scenario file becomes once it has been read and checked.
 *
 * It is trusted: it says which programs start, who provides what, and who may connect to whom. It is plain
 * data, made by sim/boot (or a test), and read by launcher and broker; nothing changes it afterwards.
 * Places are where in the file a thing stands, so that every decision can name its source.
 */
#ifndef MM_CONFIG_H
#define MM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mm_place {
    uint32_t line; /* from 1; 0: no place */
    uint32_t column;
};

enum mm_file_mode { MM_FILE_READ, MM_FILE_WRITE, MM_FILE_READ_WRITE, MM_FILE_APPEND };

struct mm_file {
    char *name; /* as the realm asks for it */
    char *path; /* absolute */
    enum mm_file_mode mode;
    struct mm_place place;
};

enum mm_restart { MM_RESTART_NEVER, MM_RESTART_ON_FAILURE };

/* The keys of `limits:`. */
enum mm_limit {
    MM_LIMIT_MEMORY,
    MM_LIMIT_ADDRESS_SPACE,
    MM_LIMIT_THREADS,
    MM_LIMIT_DESCRIPTORS,
    MM_LIMIT_CHANNELS,
    MM_LIMIT_WAITS,
    MM_LIMIT_LOG,
    MM_LIMIT_CPU_WEIGHT,
    MM_LIMITS,
};

/* How much a realm may have. 0: as much as the launcher's own user may, or as the broker gives anybody. */
struct mm_limits {
    uint64_t memory_bytes;        /* private: heap, stacks, data */
    uint64_t address_space_bytes; /* everything that is mapped */
    uint32_t threads;             /* with the one it starts with */
    uint32_t descriptors;
    uint32_t channels; /* ends of channels; a default that depends on whether it provides anything */
    uint32_t waits;    /* connects that wait at once */
    uint32_t log_bytes;
    uint32_t cpu_weight;               /* of a cgroup, 1 to 10000; 0: as everybody */
    struct mm_place places[MM_LIMITS]; /* where the file says so; line 0: it does not */
};

#define MM_LIMITS_DEFAULT                                                                                    \
    {                                                                                                        \
        .memory_bytes = UINT64_C(64) << 20, .address_space_bytes = UINT64_C(1) << 30, .threads = 32,         \
        .descriptors = 4096, .waits = 32, .log_bytes = 32768                                                 \
    }

/* How much a realm and all its descendants may use together (docs/design/capabilities.md, section 1). */
enum mm_resource {
    MM_RESOURCE_REALMS,
    MM_RESOURCE_CHANNELS,
    MM_RESOURCE_CAPABILITIES,
    MM_RESOURCE_MEMORY, /* bytes */
    MM_RESOURCE_DESCRIPTORS,
    MM_RESOURCE_REQUESTS,
    MM_RESOURCES, /* how many there are */
};

#define MM_UNLIMITED UINT64_MAX

struct mm_quota {
    bool limited[MM_RESOURCES]; /* else it has its parent's */
    uint64_t limit[MM_RESOURCES];
    struct mm_place place[MM_RESOURCES];
};

#define MM_GATE_MAX          63u  /* gated calls are numbered from 1 (Anos: to 21) */
#define MM_CHANNELS_CLIENT   256u /* of a realm that provides nothing, unless its limits say otherwise */
#define MM_CHANNELS_PROVIDER 4096u

#define MM_INIT UINT32_MAX /* the parent of top-level realms: the system itself */

struct mm_realm {
    char *name;
    char *program; /* absolute path */
    char **args;   /* NULL-terminated, without argv[0]; never NULL itself */
    struct mm_file *files;
    size_t files_count;
    uint32_t parent;   /* index of the parent's declaration, or MM_INIT */
    bool template;     /* many instances may be spawned from it, each under its own name */
    bool start;        /* at boot; else DORMANT until its parent or `realm spawn` starts it */
    bool private_code; /* its program and libraries are copies of its own */
    bool provider;     /* some service names it: it gets what a server needs */
    enum mm_restart restart;
    struct mm_limits limits;
    struct mm_quota quota;
    bool debug;                        /* it may look at others */
    uint64_t gates;                    /* bit n: the gated call n, 1 to MM_GATE_MAX */
    uint32_t start_limit_count;        /* at most so many starts … */
    uint64_t start_limit_ns;           /* … in this time */
    struct mm_place start_limit_place; /* line 0: it is the default */
    struct mm_place place;
};

/* Whom an entry of a list means. */
enum mm_access_kind {
    MM_ACCESS_REALM,       /* a named realm, or the instances of a template */
    MM_ACCESS_CHILDREN,    /* the children of the provider */
    MM_ACCESS_ALL,         /* every realm */
    MM_ACCESS_DESCENDANTS, /* the provider's children, their children, and so on */
    MM_ACCESS_PATH,        /* the realms whose path matches a pattern */
};

struct mm_access {
    enum mm_access_kind kind;
    uint32_t realm; /* MM_ACCESS_REALM: index */
    struct mm_place place;
    uint32_t rights; /* REALM_RIGHT_*, with SEND; 0: just SEND */
    char *pattern;   /* MM_ACCESS_PATH; else NULL */
};

/* One more name of a service. Numbers and names do not meet: endpoint ids (HNX) and ports (DarqOS) are
 * addressed as "endpoint:1" and "port:11001". */
struct mm_alias {
    char *name;
    struct mm_place place;
};

/* What each queue of a service's channels holds at most, whichever comes first. 0: the default. */
struct mm_queue {
    uint32_t messages; /* 1 to MM_QUEUE_MESSAGES_MAX */
    uint32_t bytes;    /* whole KiB, MM_QUEUE_BYTES_MIN to _MAX; 256 of them are bookkeeping */
};
#define MM_QUEUE_MESSAGES_MAX 4096u
#define MM_QUEUE_BYTES_MIN    5120u /* the largest message fits */
#define MM_QUEUE_BYTES_MAX    262144u

struct mm_service {
    char *name;
    uint32_t provider; /* index of a realm */
    struct mm_access *access;
    size_t access_count;
    struct mm_alias *aliases;
    size_t aliases_count;
    struct mm_queue queue;
    struct mm_place place;
};

/* Who may connect to what, whatever the service's own list says. */
struct mm_grant {
    uint32_t realm;   /* index: who may; unless there is a pattern */
    uint32_t service; /* index: connect to what */
    uint32_t rights;
    struct mm_place place;
    char *pattern; /* the realms whose path matches it; NULL: the realm */
};

/* Who may not, whatever else says so: an entry of a service's `deny`, or of `grants`. */
struct mm_deny {
    uint32_t service;
    struct mm_access who; /* without rights */
};

enum mm_choice { MM_CHOICE_DEFAULT, MM_CHOICE_YES, MM_CHOICE_NO };

/* Who may call whom without a rule, by their place in the tree. Default: yes, yes, no. */
struct mm_hierarchy {
    enum mm_choice children_to_parent, parent_to_children, siblings;
};

enum mm_assert_kind {
    MM_ASSERT_NEVER,  /* none of the subjects can ever get there */
    MM_ASSERT_ALWAYS, /* each of them may, in every state */
    MM_ASSERT_ONLY,   /* nobody else can ever */
};

/* Whom an assertion speaks of. */
enum mm_subject_kind {
    MM_SUBJECT_REALM,       /* a realm, or all instances of a template */
    MM_SUBJECT_DESCENDANTS, /* of a realm, without itself */
    MM_SUBJECT_ALL,
    MM_SUBJECT_PATH,
};

struct mm_subject {
    enum mm_subject_kind kind;
    uint32_t realm; /* index; REALM, DESCENDANTS */
    char *pattern;  /* PATH; else NULL */
};

struct mm_assert {
    enum mm_assert_kind kind;
    struct mm_subject *subjects;
    size_t subjects_count; /* of an ONLY also 0: nobody at all */
    uint32_t service;
    uint32_t rights; /* with all of these; SEND is among them */
    uint32_t *trust; /* realms that give nothing away, whatever they may: indices */
    size_t trust_count;
    struct mm_place place;
};

/* What the scenario demands of the machine; boot fails where it is not given. */
enum mm_requirement_kind {
    MM_REQUIRE_USERNS,
    MM_REQUIRE_LANDLOCK,
    MM_REQUIRE_SECCOMP,
    MM_REQUIRE_URING, /* io_uring's futex operations */
    MM_REQUIRE_WAITV, /* futex_waitv(2) */
    MM_REQUIRE_CGROUP,
};

struct mm_requirement {
    enum mm_requirement_kind kind;
    struct mm_place place;
};

struct mm_config {
    char *system; /* name */
    char *source; /* path of the file, as given; for messages */
    struct mm_realm *realms;
    size_t realms_count;
    struct mm_service *services;
    size_t services_count;
    struct mm_grant *grants;
    size_t grants_count;
    struct mm_deny *denies;
    size_t denies_count;
    struct mm_hierarchy hierarchy;
    struct mm_assert *asserts;
    size_t asserts_count;
    struct mm_requirement *requirements;
    size_t requirements_count;
    char *replay; /* a case of the fuzzer; then there is nothing else but the system's name. NULL: none */
    struct mm_place replay_place;
};

/* Frees everything in it, then it. NULL is a no-op; half-made configurations are fine. */
void mm_config_free(struct mm_config *config);

/* The service's name or alias that was probably meant, borrowed; NULL: none, or no memory to look for it. */
const char *mm_config_nearest_service(const struct mm_config *config, const char *name);

#endif
