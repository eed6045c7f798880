/*
 * What the files of librealm/client share.
 *
 *     realm ──┬── channels ── link          this realm is the client: it calls, and waits by itself
 *             │       └── started calls     or lets the loop wait
 *             ├── endpoints ── clients ── link   this realm is the server: the loop looks at the clients
 *             ├── tokens     replies that are due
 *             ├── timers
 *             └── pool       own regions that wait for a channel
 *
 * A link is one end of a channel: the region that this realm writes, the one that the peer writes, a
 * producer and a consumer over both. Everything belongs to the thread that opened the realm.
 *
 * The rule: user code (handlers, timers) is called with nothing held. Whoever calls it keeps no pointer to a
 * client, an endpoint or a list over the call, because the handler may end any of them.
 *
 * How the parts work together: docs/design/client.md.
 */
#ifndef REALM_CLIENT_INTERNAL_H
#define REALM_CLIENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/realm.h>

#include "librealm/client/link.h"
#include "librealm/client/list.h"
#include "librealm/client/pending.h"
#include "librealm/client/server.h"
#include "librealm/os/os.h"
#include "librealm/proto/control.h"
#include "librealm/ring/atomics.h"
#include "librealm/ring/ring.h"

#define REALM_GONE_TIMEOUT_NS    (UINT64_C(1) * REALM_SEC) /* for the news of why memory is gone */
#define REALM_HELLO_TIMEOUT_NS   (UINT64_C(2) * REALM_SEC)
#define REALM_CONTROL_TIMEOUT_NS (UINT64_C(10) * REALM_SEC)
#define REALM_COOKIE_BUCKETS     256u
#define REALM_SLOTS_MAX          4096u           /* as many as the Memory Manager gives a realm */
#define REALM_SLOT_CREWS         REALM_SLOTS_MAX /* in the waiter: what wakes for workers that return */
#define REALM_POOL_MAX           256u            /* own regions that wait for a channel */
#define REALM_CLIENT_PENDING_MAX 64u             /* replies due to one client; beyond, it is not read */
#define REALM_PENDING_MAX        4096u           /* replies due in all; beyond, nobody is read */
#define REALM_TIMERS_MAX         1024u
#define REALM_LEFT_MAX           4096u /* clients that are gone and not yet told of */
#define REALM_ABANDONED_MAX      32u   /* connects that timed out here and still wait at the broker */

/* --- an operation's patience (wait.c) --- */

/* The clock is read when the operation first finds that it has to wait, and not before. */
struct realm_wait {
    uint64_t timeout_ns;
    uint64_t deadline_ns; /* valid once started */
    bool started;
};

uint64_t realm_deadline(const struct realm *realm, uint64_t timeout_ns);
/* What is left of a time, from the clock unless it is for ever. */
uint64_t realm_time_left(const struct realm *realm, uint64_t deadline_ns);
void realm_wait_start(const struct realm *realm, struct realm_wait *wait);

/* --- spinning (spin.c) --- */

struct realm_spin {
    uint32_t turns;  /* how long to spin before the next sleep */
    uint32_t sleeps; /* without spinning, since the last time it was tried */
};

/* Looks at a ring in each turn: a pause takes longer than the last leg of a message that is on its way, so
 * most looks should find themselves between two of them. */
#define REALM_SPIN_LOOKS 32u

/* The turns to spin now, no more than fit into the time that is left. */
uint32_t realm_spin_turns(struct realm *realm, struct realm_spin *spin, uint64_t left_ns);
/* Tells how a spin of one turn or more ended. */
void realm_spin_learn(struct realm *realm, struct realm_spin *spin, bool found);

/* --- the control socket (control.c) --- */

/* A request that waits for its answer. There is at most one, because asking calls no user code. */
struct realm_ask {
    uint64_t xid;
    bool answered;
    int status;
    uint64_t value;
    struct realm_channel *channel;               /* CONNECTED */
    struct realm_control_capability *capability; /* CAPABILITY goes here, if it is not NULL */
    struct realm_memory *memory;                 /* MAPPED, the same */
};

/* Sends a packet that has no answer. */
int realm_control_tell(struct realm *realm, const void *packet, size_t size);
/*
 * Sends a request, whose header it completes, and handles what comes until the answer does. packet NULL: the
 * request with ask->xid was sent earlier.
 * Return: 0: see *ask, also for the answer's own status; REALM_E_TIMEOUT; REALM_E_MM_GONE; REALM_E_STOPPED
 * (if stoppable); -errno.
 */
int realm_control_ask(struct realm *realm, struct realm_ask *ask, void *packet, enum realm_control_type type,
                      uint64_t deadline_ns, bool stoppable);
/* The same for a request whose answer is a status and a value. */
int realm_control_simple(struct realm *realm, void *packet, enum realm_control_type type,
                         uint64_t *ret_value);
/* Handles the packets that are there now, up to the answer to a request. Return: 0; -errno. */
int realm_control_drain(struct realm *realm);
void realm_control_fault(struct realm *realm, uint64_t cookie, enum realm_fault_kind kind);
/* Asks the Memory Manager to close a channel, nobody's fault, and waits for no answer. */
void realm_control_give_back(struct realm *realm, uint64_t cookie);
/* Fills in a name from text. Return: 0; REALM_E_BAD_NAME. */
int realm_control_name(struct realm_control_name *ret_name, const char *text);

/* --- own regions (pool.c) --- */

struct realm_pool_region {
    uint32_t number;
    uint32_t bytes;
    struct realm_os_region memory;
};

struct realm_pool {
    struct realm_pool_region *regions;
    uint32_t count, capacity;
};

/* Maps what POOL brought and closes the handles. What cannot be mapped is missed when a channel takes it. */
void realm_pool_add(struct realm *realm, const struct realm_control_pool *event, const int *handles,
                    unsigned count);
/* The region becomes the caller's to unmap. false: there is no such region. */
bool realm_pool_take(struct realm *realm, uint32_t number, struct realm_pool_region *ret_region);
void realm_pool_close(struct realm *realm);

/* --- the client's side (channel.c, call.c) --- */

struct realm_channel {
    struct realm_link link;
    struct realm_list of_realm;
    uint32_t last_call;
    uint64_t last_stream;
    uint32_t unsettled; /* replies that may come but for the one that is waited for: of started calls, and of
                           those that gave up */
    uint64_t late_replies;
    uint32_t started_count;       /* started calls that are under way (pending.c) */
    bool parked;                  /* its parked word says so and the waiter has it armed */
    struct realm_list started;    /* they */
    struct realm_list of_calling; /* among the realm's channels with such calls, awake or parked */
    uint32_t rights;              /* of the send capability behind it, when it came */
    uint32_t gift;                /* ticket for the message that is about to be sent, or 0 */
};

/* A connect that timed out here while the broker still waits for the service: the next one takes it over. */
struct realm_abandoned {
    uint64_t xid; /* 0: free */
    struct realm_control_name name;
};

/* CONNECTED has come, for whoever asked. Acknowledges it. */
void realm_channel_connected(struct realm *realm, const struct realm_control_channel *event,
                             const int *handles, unsigned handles_count);
/* A connect that nobody waits for any more was refused. */
void realm_channel_refused(struct realm *realm, uint64_t xid);
/* Without telling anybody. */
void realm_channel_free(struct realm_channel *channel);

/* --- the realm --- */

struct realm {
    struct realm_os *os;
    /* looked at by every call */
    const struct realm_control_page *page;
    uint32_t epoch_seen;
    uint32_t revocations_seen;
    bool gone;                 /* the Memory Manager is */
    bool stopped;              /* by the Memory Manager */
    bool stop;                 /* by realm_stop */
    struct realm_client *owed; /* popped from, and not yet asked whether it wants room */
    struct realm_serving serving;
    bool parked_with_something; /* clients, by a nested sleep */
    struct realm_viewing viewing;
    uint32_t spin_turn_ns; /* 0: not calibrated yet */
    unsigned cpus;
    struct realm_spin spin_call, spin_loop, spin_room;
    uint64_t calls, requests;

    struct realm_waiter *waiter; /* NULL: the loop has not slept yet */
    uint32_t parked_count;
    uint32_t turns;             /* of the loop since it last looked for wake-ups */
    uint64_t polled_at_ns;      /* when it did; 0: just now */
    enum realm_found_kind last; /* what the last step did: the others come first now */
    struct realm_list endpoints;
    struct realm_list channels;
    struct realm_list memories;
    struct realm_link **slots; /* clients, and channels with started calls, by their slot */
    uint32_t slots_capacity;
    struct realm_tokens tokens;
    struct realm_list timers;
    uint32_t timers_count;
    struct realm_list left; /* clients that are gone and are to be told of, the first first */
    uint32_t left_count;
    struct realm_list calling, calling_parked; /* channels with started calls */
    struct realm_list due;                     /* started calls with a deadline, sorted by it */
    struct realm_list ended;                   /* calls whose handlers are to be called */
    uint32_t calls_open;                       /* under way or ended */
    struct realm_list crews;                   /* of endpoints with workers */
    struct realm_crew_bell crew_bell;
    uint32_t crew_seen;     /* of the bell, when they were last asked */
    uint32_t crews_at_work; /* workers */
    uint32_t completions;
    bool closing;

    struct realm_pool pool;
    struct realm_link *cookies[REALM_COOKIE_BUCKETS];
    uint32_t links_open;
    struct realm_ask *ask; /* the request that waits, or NULL */
    uint64_t last_xid;
    struct realm_abandoned abandoned[REALM_ABANDONED_MAX];
    uint64_t spurious_wakes, lost_wakes, late_replies;

    struct realm_id id;
    char name[REALM_NAME_MAX + 1];
};

/* Whether the Memory Manager has something urgent. One load of a line that changes only then. */
static inline bool realm_epoch_changed(const struct realm *realm)
{
    return realm_load_acquire(&realm->page->epoch) != realm->epoch_seen;
}

/* Learns what the Memory Manager has to say, if the epoch says that there is something. Return: 0; -errno. */
static inline int realm_hear(struct realm *realm)
{
    return __builtin_expect(realm_epoch_changed(realm), 0) ? realm_control_drain(realm) : 0;
}

/*
 * A client that waits for room is told when some was made. The look at its parked word must come after a
 * fence; the fence after a reply serves as well, so it is put off until the reply, until the loop looks
 * again, or until this realm is about to wait for anything, whichever comes first (request.c).
 */
void realm_request_settle(struct realm *realm);

#endif
