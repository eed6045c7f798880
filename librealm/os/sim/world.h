/*
 * The twin's inside: what its files share.
 */
#ifndef REALM_OS_SIM_WORLD_H
#define REALM_OS_SIM_WORLD_H

#include "librealm/os/sim/sim.h"

#include <ucontext.h>

#include "mm/policy/policy.h"

#define SIM_REALMS_MAX  256u
#define SIM_HINTS_MAX   16u /* a small pipe, so that it fills */
#define SIM_SPIN_NS     1000u
#define SIM_STACK_BYTES (256u * 1024u)
#define SIM_POOL_CLIENT 2u /* regions kept ready for a realm */
#define SIM_POOL_SERVER 8u /* … and for one that has registered a service */
#define SIM_LET_GO      128u

/* --- coroutines (fiber.c) --- */

struct sim_fiber {
    ucontext_t context, caller;
    void *stack;
    void (*main)(void *argument);
    void *argument;
    bool doomed; /* it may be left in the middle: what it allocates then is lost on purpose */
    /* of the address sanitizer */
    void *fake_stack, *caller_fake_stack;
    const void *caller_stack;
    size_t caller_stack_bytes;
};

void sim_fiber_init(struct sim_fiber *fiber, void (*main)(void *argument), void *argument);
void sim_fiber_deinit(struct sim_fiber *fiber);
/* Runs it until it yields or its main returns. */
void sim_fiber_resume(struct sim_fiber *fiber);
void sim_fiber_yield(struct sim_fiber *fiber);

/* --- memory and what a handle may stand for (memory.c) --- */

struct sim_memory {
    uint8_t *bytes;
    size_t size;
    unsigned refs;
    uint32_t number; /* for the log, where an address would differ between runs */
    uint32_t gone;   /* it was taken away: in the twin, every realm has touched it at once */
    struct sim_memory *next;
};

/* A part of a memory object (windows.c). */
struct sim_part {
    int fd;
    size_t size;
    unsigned refs;
    bool gone;
    bool sealed; /* nobody is given it to be written */
};

struct sim_object {
    struct sim_memory *memory; /* a channel's memfd */
    struct sim_part *part;     /* … or one of a memory object's */
    struct realm_os *hints;    /* … or the write end of a realm's hint pipe */
};

struct sim_memory *sim_memory_new(struct sim_world *world, size_t size); /* one reference */
void sim_memory_ref(struct sim_memory *memory);
void sim_memory_unref(struct sim_world *world, struct sim_memory *memory);
/* What a truncation does: from now on there are zeros, nobody is woken there, and no wait sleeps there. */
void sim_memory_take_away(struct sim_memory *memory);
struct sim_memory *sim_memory_of(struct sim_world *world, const void *address);
int sim_handle_add(struct realm_os *os, struct sim_object object); /* takes the reference */
struct sim_object *sim_handle(struct realm_os *os, int handle);
/* Gives the reference back. */
void sim_object_release(struct sim_world *world, const struct sim_object *object);
/* The realm has ended: everything that it holds goes. */
void sim_memory_release(struct realm_os *os);

struct sim_part *sim_part_new(size_t size, bool sealed); /* one reference, zeros */
struct sim_part *sim_part_copy(const struct sim_part *part, bool sealed);
void sim_part_ref(struct sim_part *part);
void sim_part_unref(struct sim_part *part);
/* Every window that has it ends. */
void sim_part_take_away(const struct sim_world *world, struct sim_part *part);
void sim_windows_release(struct realm_os *os);

/* --- packets --- */

struct sim_packet {
    uint8_t bytes[REALM_CONTROL_SIZE_MAX];
    size_t size;
    struct sim_object objects[REALM_CONTROL_FDS_MAX];
    unsigned objects_count;
    struct sim_packet *next;
};

struct sim_queue {
    struct sim_packet *first, *last;
};

void sim_queue_push(struct sim_queue *queue, struct sim_packet *packet);
struct sim_packet *sim_queue_pop(struct sim_queue *queue); /* NULL: empty */

/* --- a realm --- */

struct sim_region {
    uint32_t number;
    struct sim_memory *memory;
};

/* What the Memory Manager knows of a realm. */
struct sim_record {
    uint64_t id;
    struct policy_realm policy; /* {0,0}: it has not said hello */
    struct sim_holding *holdings;
    bool welcomed, provider, gone;
    struct sim_memory *page;
    struct sim_queue laden; /* packets with descriptors that wait for the acknowledgement of the last */
    uint64_t in_flight, next_sequence;
    bool in_flight_pool;
    uint32_t next_region;
    struct sim_region ready[SIM_POOL_SERVER], sent[SIM_POOL_SERVER];
    unsigned ready_count, sent_count;
    uint64_t slots[REALM_CONTROL_SLOTS / 64u];
    uint64_t let_go[SIM_LET_GO]; /* the cookies that were its own until lately */
    unsigned let_go_next;
    struct realm_control_stats stats;
};

struct realm_os {
    struct sim_world *world;
    unsigned number;
    const char *name;
    int (*main)(void *argument);
    void *argument;
    struct sim_fiber fiber;
    bool ended;
    int exit;
    uint64_t kill_at_step;
    uint64_t control_fails_ns; /* 0: it does not */
    uint64_t close_at_step;    /* its channels are, for that reason */
    int close_reason;

    /* asleep */
    bool blocked, timed_out;
    uint64_t deadline_ns;
    const struct realm_os_word *words;
    unsigned words_count;
    bool on_control;
    struct realm_waiter *on_waiter;

    struct realm_waiter *waiter;
    struct sim_queue inbox;
    uint32_t hints[SIM_HINTS_MAX];
    unsigned hints_count;
    bool hints_lost;
    struct sim_object *handles;
    unsigned handles_count;
    struct sim_memory **maps;
    unsigned maps_count;
    struct sim_window *windows;
    struct sim_counters counters;
    struct sim_record record;
};

struct sim_event {
    uint64_t at_ns;
    enum { SIM_EVENT_STOP, SIM_EVENT_QUERY, SIM_EVENT_GONE } kind;
    unsigned realm;
    struct sim_event *next;
};

struct sim_manager;

struct sim_world {
    uint64_t random;
    uint64_t now_ns;
    uint64_t interrupt_ns; /* 0: waits on words are never interrupted */
    uint64_t steps, steps_max;
    unsigned cpus;
    enum realm_waiter_kind waiter;
    uint32_t region_bytes, queue_messages;
    struct realm_os *realms[SIM_REALMS_MAX];
    unsigned realms_count;
    struct sim_memory *memory;
    uint32_t next_memory;
    struct sim_event *events;
    struct sim_manager *manager;
    bool manager_gone;
    uint64_t manager_steps, manager_steps_max; /* taken; that it ends before, 0: never */
    char *log;
    size_t log_size, log_capacity;
};

void *sim_alloc(size_t size); /* zeroed; aborts without memory */
void *sim_grow(void *memory, size_t size);
uint64_t sim_random(struct sim_world *world);
void sim_log(struct sim_world *world, const char *who, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The realm whose coroutine runs. */
struct realm_os *sim_current(void);
/* A step: others may go on before this call returns. */
void sim_step(struct realm_os *os, const char *what, uint64_t detail);
/* Sleeps until sim_unblock or the deadline. The caller has set what it sleeps on. False: the deadline. */
bool sim_block(struct realm_os *os, uint64_t deadline_ns);
void sim_unblock(struct realm_os *os);
/* Wakes everyone who sleeps on the word. */
void sim_wake_word(struct sim_world *world, const uint32_t *word);
/* A woken word, for an armed waiter (waiter.c). */
void sim_waiter_woken(struct realm_waiter *waiter, const uint32_t *word);

/* --- the Memory Manager (manager.c) --- */

struct sim_manager *sim_manager_new(struct sim_world *world);
void sim_manager_free(struct sim_manager *manager);
/* A packet from a realm, or, with packet NULL, its end. Handled at a later step of the manager's own. */
void sim_manager_post(struct sim_manager *manager, struct realm_os *realm, struct sim_packet *packet);
bool sim_manager_busy(const struct sim_manager *manager);
void sim_manager_step(struct sim_manager *manager);
/* Closes the realm's channels for a reason: their memory goes at once, the news comes at a later step. */
void sim_manager_close(struct sim_manager *manager, struct realm_os *realm, int reason);
void sim_manager_tell(struct sim_manager *manager, struct realm_os *realm, enum realm_control_type type);

#endif
