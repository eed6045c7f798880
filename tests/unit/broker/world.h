/*
 * A world around one broker: a launcher that forks nothing, realms that are the test itself, and a clock
 * that moves only when the test says so. Everything runs in the test's one thread, a step at a time, so that
 * a test sees the same order on every run.
 */
#ifndef TESTS_UNIT_BROKER_WORLD_H
#define TESTS_UNIT_BROKER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "librealm/proto/control.h"
#include "librealm/proto/launch.h"
#include "mm/broker/state.h"

#define WORLD_PROCESSES 256
#define WORLD_INBOX     512

/* A packet that a fake realm got. */
struct letter {
    union realm_control_event packet;
    int fds[REALM_CONTROL_FDS_MAX];
    unsigned fds_count;
};

/* A realm's process, played by the test. */
struct process {
    struct world *world;
    uint64_t id;
    char name[REALM_NAME_MAX + 1];
    uint32_t program;
    uint32_t args_count;
    uint8_t args[64];
    int socket; /* the realm's end; -1: closed */
    int out, err;
    int hint; /* read end */
    bool alive;
    bool keep;   /* does not acknowledge by itself */
    bool orphan; /* it is told to stop living, and does not: no EXITED comes for its KILL */
    struct letter inbox[WORLD_INBOX];
    unsigned inbox_count;
};

struct world {
    struct broker *broker;
    struct mm_config config;
    struct mm_realm realms[8];
    struct mm_service services[8];
    struct mm_access access[8];
    struct mm_alias aliases[8];
    int launcher; /* the launcher's end; -1: gone */
    int events;   /* read end */
    struct process *processes[WORLD_PROCESSES];
    unsigned processes_count;
    json_t *seen; /* array of all events */
    char *partial;
    size_t partial_size;
    bool hold_regions; /* the launcher does not answer REGIONS for pools */
    bool fail_regions;
    bool short_regions; /* … answers with memfds that are too small */
    bool hold_loaded;   /* boxes are not shut */
    bool hold_spawns;
    bool fail_spawns;
    bool hold_memory;            /* requests about memory wait, and all that comes after them */
    unsigned fail_memory;        /* 1 << way: what the launcher cannot do about memory */
    bool spoil_seals;            /* what was to be sealed cannot be taken away any more */
    unsigned memory_requests[8]; /* by way */
    bool fail_limits;            /* the launcher cannot move them */
    bool with_hints;
    bool told_to_stop; /* the broker has sent STOP */
    unsigned held_spawns_count;
    unsigned kills;
};

/*
 * The scenario of the tests, which they may change before they start it:
 *   A: a client.   B: provides "database" (access: A; alias "endpoint:1").
 *   C: provides "logger" (access: children).   D: provides "network" (access: A).
 *   C1: a child of C, started on demand.   T: a template under C.   U: a template under init.
 * Only B starts at boot, unless the test says otherwise.
 */
enum { A, B, C, D, C1, T, U, WORLD_REALMS };
enum { DATABASE, LOGGER, NETWORK, WORLD_SERVICES };

void world_init(struct world *world);
void world_start(struct world *world); /* makes the broker and settles */
void world_deinit(struct world *world);

/* Runs broker and launcher until nothing moves any more. */
void world_settle(struct world *world);
/* The launcher's part alone: answers one request. false: there is none. */
bool world_serve(struct world *world);

/* Parts of it: a request with its descriptors; an answer with some; a failure; and what it does about memory.
 */
ssize_t world_receive(const struct world *world, void *packet, size_t capacity, int *ret_fds,
                      unsigned *ret_count);
void world_answer(struct world *world, const void *packet, size_t size, const int *fds, unsigned fds_count);
void world_fail(struct world *world, uint64_t xid, uint64_t realm, uint32_t stage);
bool world_memory_next(const struct world *world); /* the next request is about memory */
void world_memory(struct world *world, const struct realm_launch_memory *request, const int *from);

/* The launcher says that this realm's box is shut; without hold_loaded it says so at once. */
void world_say_loaded(struct world *world, const struct process *process);
void world_advance(struct world *world, uint64_t ns);
uint64_t world_now_ns(void);

/* The newest live process of this name, or NULL. */
struct process *world_process(struct world *world, const char *name);
/* Its process ends by itself. wait_status as of waitpid. */
void process_exit(struct process *process, int wait_status);

/* An administrator's spawn. */
int world_spawn(struct world *world, const char *program, const char *name);
struct broker_counts world_counts(struct world *world);

/* The newest event of this kind with this member (or any, if key is NULL). Borrowed; NULL: none. */
json_t *world_event(struct world *world, const char *event, const char *key, const char *value);
size_t world_events(struct world *world, const char *event);
const char *event_text(const json_t *event, const char *key); /* "" if it is not there */

/* How many descriptors this process has open. */
unsigned open_descriptors(void);

/* Under AddressSanitizer: fails if memory was lost. */
void expect_no_leaks(void);

/*
 * A test in a world of its own, called `world`; and whatever it did, no descriptor is left when the broker is
 * gone. (Not a fixture: what fails after a test's body does not fail the test.)
 */
#define WORLD_TEST(suite, name)                                                                              \
    static void suite##_##name##_body(void);                                                                 \
    Test(suite, name)                                                                                        \
    {                                                                                                        \
        unsigned descriptors = open_descriptors();                                                           \
        world_init(&world);                                                                                  \
        suite##_##name##_body();                                                                             \
        world_deinit(&world);                                                                                \
        cr_assert_eq(open_descriptors(), descriptors, "descriptors are left");                               \
        expect_no_leaks();                                                                                   \
    }                                                                                                        \
    static void suite##_##name##_body(void)

/* --- a realm's side --- */

void process_send(struct process *process, const void *packet, size_t size);
/* Takes what is there, acknowledging (unless `keep`) after mapping as librealm would; then settles. */
void process_pump(struct process *process);
void process_ack(struct process *process, uint64_t sequence);
/* The last letter of this type, and for xid != 0, of this xid; NULL: none. */
struct letter *process_letter(struct process *process, uint16_t type, uint64_t xid);
unsigned process_letters(const struct process *process, uint16_t type);
void process_forget(struct process *process); /* empties the inbox, closing what came with it */

/* These send, pump, and give back the status of the REPLY, or -1 if there is none yet. */
void process_hello(struct process *process);
int process_register(struct process *process, const char *service, uint64_t *ret_cookie);
int process_named(struct process *process, enum realm_control_type type, const char *name, uint32_t flags,
                  uint64_t xid);
int process_cookie(struct process *process, enum realm_control_type type, uint64_t cookie);
/* SPAWN with the arguments "x" and "y". name: NULL for what is no template. */
int process_spawn(struct process *process, const char *program, const char *name, uint64_t xid);
/* Connects without waiting for anything. 0: CONNECTED came. */
int process_connect(struct process *process, const char *service, uint32_t flags, uint64_t xid);
int process_reply(struct process *process, uint64_t xid);

/* A world with A and B running and open, "database" registered. */
struct process *world_open(struct world *world, const char *name);

#endif
