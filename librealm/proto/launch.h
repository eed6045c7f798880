/*
 * The launch protocol: what the broker asks of the launcher, and what it hears back.
 *
 * It runs over a SOCK_SEQPACKET pair made before the two parted. The launcher does only what is listed
 * here: it starts a program that the configuration declares (by its number, never by a path), kills a realm
 * it started, and makes memory, or opens anew what it made. So a broker that was taken over gains no file, no
 * program and no socket that the configuration did not have.
 */
#ifndef REALM_PROTO_LAUNCH_H
#define REALM_PROTO_LAUNCH_H

#include <stddef.h>
#include <stdint.h>

#include "librealm/proto/control.h"

#define REALM_LAUNCH_VERSION          1u
#define REALM_LAUNCH_REGIONS_MAX      16u /* in one request; two descriptors each come back */
#define REALM_LAUNCH_FDS_MAX          32u
#define REALM_LAUNCH_REGION_BYTES_MAX (1024u * 1024u)

/* How a realm says that it is loaded: openat relative to this directory, which nobody has, so that it cannot
 * succeed anywhere. Under the box's filter the launcher sees it, and shuts the box for good. */
#define REALM_LOADED_DIRECTORY (-77)

enum realm_launch_type {
    /* from the broker */
    REALM_LAUNCH_SPAWN = 1,   /* struct realm_launch_spawn   → SPAWNED or FAILED */
    REALM_LAUNCH_KILL = 2,    /* struct realm_launch_kill    → EXITED, in time */
    REALM_LAUNCH_REGIONS = 3, /* struct realm_launch_regions → MADE or FAILED */
    REALM_LAUNCH_STOP = 4,    /* struct realm_launch_header  the system ends: kill all, then exit */
    REALM_LAUNCH_LIMIT = 5,   /* struct realm_launch_limit   moves a realm's limit of private memory
                                                             → LIMITED, if it still runs */
    REALM_LAUNCH_MEMORY = 6,  /* struct realm_launch_memory, but for NEW + `count` descriptors
                                                             → OPENED or FAILED */
    /* to the broker */
    REALM_LAUNCH_SPAWNED = 128, /* struct realm_launch_spawned + control, stdout, stderr [, hint write end] */
    REALM_LAUNCH_FAILED = 129,  /* struct realm_launch_failed */
    REALM_LAUNCH_EXITED = 130,  /* struct realm_launch_exited */
    REALM_LAUNCH_MADE = 131,    /* struct realm_launch_made    + count read-write, then count read-only */
    REALM_LAUNCH_LOADED = 133,  /* struct realm_launch_loaded  its box is shut: its requests may be read */
    REALM_LAUNCH_LIMITED = 134, /* struct realm_launch_limited */
    REALM_LAUNCH_OPENED = 135,  /* struct realm_launch_opened  + count descriptors */
    REALM_LAUNCH_END = 132,     /* struct realm_launch_header  somebody asked the system to end: do so */
};

struct realm_launch_header {
    uint16_t version;
    uint16_t type;
    uint32_t size;
    uint64_t xid;
};
_Static_assert(sizeof(struct realm_launch_header) == 16, "layout");

struct realm_launch_spawn {
    struct realm_launch_header header;
    uint64_t realm;   /* struct realm_id: the broker's name for the process, unique for ever */
    uint32_t program; /* index of the realm declaration in the configuration */
    uint16_t args_count;
    uint16_t args_size;
    struct realm_control_name name;       /* of the instance, for the process title and messages */
    uint8_t args[REALM_SPAWN_ARGS_BYTES]; /* after the declaration's own */
};
_Static_assert(sizeof(struct realm_launch_spawn) == 2344, "layout");

struct realm_launch_kill {
    struct realm_launch_header header;
    uint64_t realm;
};
_Static_assert(sizeof(struct realm_launch_kill) == 24, "layout");

struct realm_launch_limit {
    struct realm_launch_header header;
    uint64_t realm;
    uint64_t private_bytes; /* RLIMIT_DATA, soft */
};
_Static_assert(sizeof(struct realm_launch_limit) == 32, "layout");

struct realm_launch_regions {
    struct realm_launch_header header;
    uint32_t count;
    uint32_t bytes; /* of each; a multiple of the page size */
};
_Static_assert(sizeof(struct realm_launch_regions) == 24, "layout");

/* What is wanted of memory that is a capability. What comes along must be the launcher's own, and sealed. */
enum realm_launch_way {
    REALM_LAUNCH_NEW = 1, /* made, of zeros */
    REALM_LAUNCH_COPY,    /* made, with what the ones that come hold */
    REALM_LAUNCH_READ,    /* the ones that come, opened anew to be read */
    REALM_LAUNCH_WRITE,   /* … and to be written */
    REALM_LAUNCH_SEAL,    /* as COPY, and what is made can be written by nobody */
};

struct realm_launch_memory {
    struct realm_launch_header header;
    uint32_t count; /* 1 to REALM_CONTROL_PARTS_MAX */
    uint32_t bytes; /* of each, whole pages, at most REALM_LAUNCH_REGION_BYTES_MAX */
    uint32_t way;   /* enum realm_launch_way */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_launch_memory) == 32, "layout");

struct realm_launch_spawned {
    struct realm_launch_header header;
    uint64_t realm;
    int32_t pid;       /* as the launcher sees it; for people only */
    uint32_t has_hint; /* 1: the write end of the realm's hint pipe is the fourth descriptor */
};
_Static_assert(sizeof(struct realm_launch_spawned) == 32, "layout");

/* Where a spawn failed: tells people what to mend. */
enum realm_launch_stage {
    REALM_STAGE_RESOURCES = 1, /* pipes, sockets, memory */
    REALM_STAGE_FORK = 2,
    REALM_STAGE_FILE = 3, /* a file that the scenario hands over cannot be opened */
    REALM_STAGE_EXEC = 4, /* the program is missing or not executable */
    REALM_STAGE_REGIONS = 5,
};

struct realm_launch_failed {
    struct realm_launch_header header;
    uint64_t realm;  /* 0 for REGIONS and MEMORY */
    int32_t error;   /* errno, positive */
    uint32_t stage;  /* enum realm_launch_stage */
    uint32_t detail; /* REALM_STAGE_FILE: index of the file in the declaration */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_launch_failed) == 40, "layout");

struct realm_launch_exited {
    struct realm_launch_header header;
    uint64_t realm;
    int32_t wait_status; /* as of waitpid */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_launch_exited) == 32, "layout");

/* Why the listener was closed. */
enum realm_launch_shut {
    REALM_SHUT_STATIC = 1,   /* nothing to load: right after exec */
    REALM_SHUT_LOADED = 2,   /* librealm said so */
    REALM_SHUT_OPENS = 3,    /* after 64 opens */
    REALM_SHUT_DEADLINE = 4, /* after 10 s */
};

struct realm_launch_loaded {
    struct realm_launch_header header;
    uint64_t realm;
    uint32_t shut; /* enum realm_launch_shut */
    uint32_t opens;
};
_Static_assert(sizeof(struct realm_launch_loaded) == 32, "layout");

struct realm_launch_limited {
    struct realm_launch_header header;
    uint64_t realm;
    uint64_t private_bytes; /* where the limit is now; 0: where it was */
    int32_t error;          /* errno, positive; 0: it was moved */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_launch_limited) == 40, "layout");

struct realm_launch_made {
    struct realm_launch_header header;
    uint32_t count;
    uint32_t bytes;
};
_Static_assert(sizeof(struct realm_launch_made) == 24, "layout");

struct realm_launch_opened {
    struct realm_launch_header header;
    uint32_t count;
    uint32_t bytes; /* of each */
};
_Static_assert(sizeof(struct realm_launch_opened) == 24, "layout");

union realm_launch_request {
    struct realm_launch_header header;
    struct realm_launch_spawn spawn;
    struct realm_launch_kill kill;
    struct realm_launch_regions regions;
    struct realm_launch_limit limit;
    struct realm_launch_memory memory;
};

union realm_launch_event {
    struct realm_launch_header header;
    struct realm_launch_spawned spawned;
    struct realm_launch_failed failed;
    struct realm_launch_exited exited;
    struct realm_launch_made made;
    struct realm_launch_loaded loaded;
    struct realm_launch_limited limited;
    struct realm_launch_opened opened;
};

/* As realm_control_decode_request: 0, or REALM_E_PROTOCOL or REALM_E_BAD_ARGUMENT. */
int realm_launch_decode_request(const void *packet, size_t size, union realm_launch_request *ret_request);
int realm_launch_decode_event(const void *packet, size_t size, union realm_launch_event *ret_event);
/* How many descriptors a request that was decoded comes with. */
unsigned realm_launch_request_fds(const union realm_launch_request *request);
size_t realm_launch_size(uint16_t type);
void realm_launch_header_init(struct realm_launch_header *header, enum realm_launch_type type, uint64_t xid);

#endif
