/*
 * What the files of librealm/client share.
 *
 *     realm ──┬── channels ── link          this realm is the client: it calls, and waits by itself
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
 * docs/design/client.md tells how the parts work together.
 */
#ifndef REALM_CLIENT_INTERNAL_H
#define REALM_CLIENT_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/realm.h>

#include "librealm/client/list.h"
#include "librealm/os/os.h"
#include "librealm/proto/control.h"
#include "librealm/ring/atomics.h"
#include "librealm/ring/ring.h"

#define REALM_GONE_TIMEOUT_NS    (UINT64_C(1) * REALM_SEC) /* for the news of why memory is gone */
#define REALM_HELLO_TIMEOUT_NS   (UINT64_C(2) * REALM_SEC)
#define REALM_CONTROL_TIMEOUT_NS (UINT64_C(10) * REALM_SEC)
#define REALM_COOKIE_BUCKETS     256u
#define REALM_SLOTS_MAX          65536u
#define REALM_POOL_MAX           256u  /* own regions that wait for a channel */
#define REALM_CLIENT_PENDING_MAX 64u   /* replies due to one client; beyond, it is not read */
#define REALM_PENDING_MAX        4096u /* replies due in all; beyond, nobody is read */
#define REALM_TIMERS_MAX         1024u
#define REALM_ABANDONED_MAX      32u /* connects that timed out here and still wait at the broker */

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

/* --- one end of a channel (link.c) --- */

/* The ends of the queues of a link's requests that are not Normal: made when the first of them is used. */
struct realm_urgent {
    struct realm_producer producers[REALM_QUEUES]; /* the client's */
    struct realm_consumer consumers[REALM_QUEUES]; /* the server's */
    uint64_t payload_lines[];
};

/* A place that was reserved: as long as the producer has not moved on. */
struct realm_place_held {
    struct realm_producer *producer; /* NULL: none */
    uint32_t position;
    uint32_t size;
};

struct realm_link {
    struct realm *realm;
    struct realm_producer producer; /* Normal requests, or replies */
    struct realm_consumer consumer;
    uint64_t marks_taken;            /* as the peer's marks, of what was taken */
    struct realm_urgent *urgent;     /* NULL: none yet */
    struct realm_place_held place;   /* for a message that is written in place */
    struct realm_region *own;        /* written here, read by the peer; NULL: not open */
    const struct realm_region *peer; /* the other way round */
    struct realm_os_region own_memory, peer_memory;
    int state;          /* 0: open; else the REALM_E_* that ended it */
    int hint;           /* handle of the peer's hint pipe, or -1 */
    uint32_t slot;      /* this end's dense number */
    uint32_t peer_slot; /* the other end's: what is written into its hint pipe */
    uint64_t cookie;
    bool is_server;
    uint64_t messages;       /* taken and given */
    uint64_t spurious_wakes; /* wakes with nothing in the ring */
    struct realm_link *next_of_bucket;
};

/*
 * Makes a link of what CONNECTED or ACCEPTED brought. All handles are taken, also on failure. The peer's
 * region is mapped and its descriptor closed before it returns, so that the packet may be acknowledged.
 * Return: 0; -errno: the caller reports it with FAULT.
 */
int realm_link_open(struct realm *realm, struct realm_link *link, const struct realm_control_channel *event,
                    const int *handles, unsigned handles_count);
/* Takes and throws away what came for a channel that nobody wants any more. */
void realm_link_discard(struct realm *realm, const struct realm_control_channel *event, const int *handles,
                        unsigned handles_count);
/* Unmaps both regions. Also after a failed open. */
void realm_link_close(struct realm_link *link);
/* The channel has ended for a reason; the memory stays until realm_link_close. Only the first reason counts.
 */
void realm_link_end(struct realm_link *link, int reason);
/* Ends it because of what the peer did, and tells the Memory Manager. */
void realm_link_fault(struct realm_link *link, enum realm_fault_kind kind);
/*
 * A region of an open link is gone: the Memory Manager took it away, or the peer did so itself. Waits for the
 * Memory Manager to say why, but not long. Ends the link in any case; a server's client is not freed by it,
 * but may be by what else was said.
 */
void realm_link_gone(struct realm_link *link);
/* Whether the control page says that this link's channel was revoked. */
bool realm_link_is_revoked(const struct realm_link *link);
struct realm_link *realm_link_find(struct realm *realm, uint64_t cookie);
/* The peer sleeps as the bits of its parked word say: wake it. */
void realm_link_wake(struct realm_link *link, uint32_t sleeper);
/* Counts a wake that brought nothing. True: one too many, the link is ended. */
bool realm_link_spurious(struct realm_link *link);

/* Reserves without waiting, and remembers the place. Return: as realm_producer_reserve. */
int realm_link_reserve(struct realm_link *link, struct realm_producer *producer, size_t size,
                       void **ret_data);
/* Commits what was reserved. Return: as realm_producer_push; REALM_E_STALE. */
int realm_link_commit(struct realm_link *link, struct realm_message *message, size_t size);

/* The end of one queue of the requests. NULL: there is no memory. */
struct realm_producer *realm_link_producer(struct realm_link *link, enum realm_priority queue);
struct realm_consumer *realm_link_consumer(struct realm_link *link, enum realm_priority queue);

/* After a push, or many, or a raised boost: wakes the peer if it sleeps. */
static inline void realm_link_pushed(struct realm_link *link)
{
    uint32_t sleeper = realm_region_ring(link->own, link->peer);
    if (__builtin_expect(sleeper != 0, 0))
        realm_link_wake(link, sleeper);
}

/* --- the control socket (control.c) --- */

/* A request that waits for its answer. There is at most one, because asking calls no user code. */
struct realm_ask {
    uint64_t xid;
    bool answered;
    int status;
    uint64_t value;
    struct realm_channel *channel;               /* CONNECTED */
    struct realm_control_capability *capability; /* CAPABILITY goes here, if it is not NULL */
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
/* Fills in a name from text. Return: 0; REALM_E_BAD_NAME. */
int realm_control_name(struct realm_control_name *ret_name, const char *text);

/* --- own regions (pool.c) --- */

struct realm_pool_region {
    uint32_t number;
    struct realm_os_region memory;
};

struct realm_pool {
    struct realm_pool_region *regions;
    uint32_t count, capacity;
};

/* Maps what POOL brought and closes the handles. What cannot be mapped is missed when a channel takes it. */
void realm_pool_add(struct realm *realm, uint32_t first, const int *handles, unsigned count);
/* The region becomes the caller's to unmap. false: there is no such region. */
bool realm_pool_take(struct realm *realm, uint32_t number, struct realm_os_region *ret_region);
void realm_pool_close(struct realm *realm);

/* --- the client's side (channel.c, call.c) --- */

struct realm_channel {
    struct realm_link link;
    struct realm_list of_realm;
    uint32_t last_call;
    uint32_t abandoned; /* calls that gave up and whose replies may still come */
    uint64_t late_replies;
    uint32_t gift; /* ticket for the message that is about to be sent, or 0 */
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

/* --- the server's side (endpoint.c, request.c, token.c) --- */

enum realm_place {
    REALM_PLACE_ACTIVE, /* awake: the loop looks at its ring */
    REALM_PLACE_PARKED, /* its parked word says so and the waiter has it armed */
    REALM_PLACE_HELD,   /* too many replies are due: not read until some are given */
};

struct realm_client {
    struct realm_link link;
    struct realm_endpoint *endpoint;
    struct realm_list of_place; /* in one of the endpoint's three lists */
    enum realm_place place;
    struct realm_id id;
    uint64_t badge;
    uint64_t last_served;          /* the realm's count of requests when this one was last served */
    struct realm_consumer *popped; /* from this queue last, while the realm owes it a look */
    uint32_t pending;              /* replies due */
    uint32_t tokens;               /* the first of them: index + 1, or 0 */
};

struct realm_endpoint {
    struct realm *realm;
    struct realm_list of_realm;
    uint64_t cookie;
    realm_handler *handler;
    void *context;
    struct realm_list active, parked, held;
    uint32_t active_count;
    uint32_t passed[REALM_QUEUES]; /* requests that went before one of this class, which was waiting */
    size_t clients;
};

/* Who is next: whose queue, and as what. */
struct realm_turn {
    struct realm_client *client;
    enum realm_priority queue; /* where the request lies */
    enum realm_priority rank;  /* how urgent it is: as its queue or, raised, more */
};

/* realm_reply, with status 0, of a message with a ticket. */
int realm_reply_ticket(struct realm *realm, uint64_t token, uint64_t value, const void *data, size_t size,
                       uint32_t ticket);

/* Makes an endpoint whose cookie is still to come, and sees to it that the loop can wait for its clients.
 * Return: 0; -errno. */
int realm_endpoint_new(struct realm *realm, realm_handler *handler, void *context,
                       struct realm_endpoint **ret_endpoint);
/* ACCEPTED has come. Acknowledges it. */
void realm_endpoint_accepted(struct realm *realm, const struct realm_control_channel *event,
                             const int *handles, unsigned handles_count);
void realm_endpoint_free(struct realm_endpoint *endpoint);
/* Frees a client whose link has ended: its tokens go stale. */
void realm_client_free(struct realm_client *client);
void realm_client_move(struct realm_client *client, enum realm_place place);
/* The client that the peer's hints or the waiter's wakes call by this slot; NULL: none. */
struct realm_client *realm_client_of_slot(const struct realm *realm, uint32_t slot);

/* A reply that is due. */
struct realm_token {
    struct realm_client *client; /* NULL: free */
    uint32_t generation;         /* counts the uses of this place, so that a token fits only once */
    uint32_t call;
    uint32_t next, previous; /* of the client, or of the free ones: index + 1, or 0 */
};

struct realm_tokens {
    struct realm_token *entries;
    uint32_t capacity;
    uint32_t free;  /* index + 1, or 0 */
    uint32_t count; /* in use */
};

/* Makes sure that the next token can be had. Return: 0; -ENOMEM. */
int realm_token_reserve(struct realm *realm);
uint64_t realm_token_new(struct realm_client *client, uint32_t call);
/* NULL: stale, or never was one. */
struct realm_token *realm_token_find(const struct realm *realm, uint64_t token);
/* Makes it stale. Clients that were held for too many of them are read again. */
void realm_token_free(struct realm *realm, struct realm_token *entry);

/* --- the loop (loop.c, request.c, sleep.c, timer.c) --- */

struct realm_timer {
    struct realm *realm;
    struct realm_list of_realm; /* sorted by deadline, equal ones in the order of their start */
    uint64_t deadline_ns, period_ns;
    realm_timer_handler *handler;
    void *context;
    bool running, cancelled;
};

/* Takes the next message of the client whose turn it is. Return: 0; REALM_E_WOULD_BLOCK: none after all, or
 * its claims ended the link; -ENOMEM: nothing was taken. */
int realm_request_take(const struct realm_turn *turn, struct realm_request *ret_request);
/* The same for a view, which is the realm's one (in_place.c). */
int realm_view_open(const struct realm_turn *turn, struct realm_view *ret_view);
/* Before anything else is taken. */
void realm_view_end(struct realm *realm);
/* The client of the view goes: its memory stays mapped for whoever still looks at it. */
void realm_view_orphan(struct realm_client *client);
/* What follows each pop: the look that is owed to the client, the counts, the marks. */
void realm_request_popped(const struct realm_turn *turn, struct realm_consumer *consumer);
/* What is served from now on. Return: its token, or 0. */
uint64_t realm_request_serve(const struct realm_turn *turn, const struct realm_message *message);
/* Ends a client for what its memory holds, or no longer holds. */
void realm_request_drop(struct realm_client *client, int error);
/* The next of an endpoint's clients that has a request: the most urgent, from where the last round stopped.
 * false: none has one. (turn.c) */
bool realm_endpoint_turn(struct realm_endpoint *endpoint, struct realm_turn *ret_turn);

/* The counts of a client's marks that no request of it answers to yet. */
static inline uint64_t realm_client_marked(const struct realm_client *client)
{
    const struct realm_link *link = &client->link;
    uint64_t waiting = realm_load_acquire64(&link->peer->marks) ^ link->marks_taken;
    return waiting & ~realm_marks_of(REALM_NORMAL, UINT16_MAX);
}

/* Whether there is anything to take, of any priority. */
static inline bool realm_client_ready(const struct realm_client *client)
{
    return realm_consumer_ready(&client->link.consumer) || realm_client_marked(client) != 0;
}

/* How urgent it is what an awake client has queued, or waits for: REALM_LOW if it has nothing. */
enum realm_priority realm_client_presses(const struct realm_client *client);

/* The deadline of the first timer; REALM_FOREVER: there is none. */
uint64_t realm_timer_next(const struct realm *realm);
/* Whether it has come. The clock is read only if there is a timer. */
bool realm_timer_due(const struct realm *realm);
/* Fires the first timer. */
void realm_timer_fire(struct realm *realm);
void realm_timer_free_all(struct realm *realm);

/* A wait is for an endpoint, or, with NULL, for all that have a handler. */
static inline bool realm_endpoint_in_scope(const struct realm_endpoint *endpoint,
                                           const struct realm_endpoint *only)
{
    return only ? endpoint == only : endpoint->handler != NULL;
}

/* Spins on the active clients in scope. True: something is there. */
bool realm_sleep_spin(struct realm *realm, struct realm_endpoint *only, uint64_t left_ns);
/* Parks and arms what is in scope and waits. Return: 0: look again; REALM_E_TIMEOUT; -errno. */
int realm_sleep_wait(struct realm *realm, struct realm_endpoint *only, uint64_t deadline_ns);
/* Looks for wake-ups and control packets without waiting. Return: 0; -errno. */
int realm_sleep_poll(struct realm *realm);
int realm_sleep_open(struct realm *realm);
/* Parks an active client and arms it. Return: 0; REALM_E_WOULD_BLOCK: it has something; -errno. */
int realm_sleep_park(struct realm_client *client);
/*
 * Waits for the reply of a call made while serving, and for what clients send meanwhile: on the link's word,
 * which its parked word says, and on all clients. *pressing: how urgent is what they have, as far as known;
 * if it rises, it returns at once. Return: 0: look again; REALM_E_TIMEOUT; -errno.
 */
int realm_sleep_nested(struct realm_link *link, const struct realm_os_word *word, uint64_t deadline_ns,
                       enum realm_priority *pressing);
/* After nested sleeps: clients that were parked although they had something are awake again. */
void realm_sleep_nested_end(struct realm *realm);

/* Where a request goes: into the receiver's memory, or, with that NULL, a view of it. */
struct realm_taken {
    struct realm_request *request;
    struct realm_view *view;
};

/* The next thing to do for realm_receive and realm_run_once: a request of *ret_client, or, with NULL, the
 * first timer. Return: 0; else as realm_receive. */
int realm_loop_next(struct realm *realm, struct realm_endpoint *only, uint64_t timeout_ns,
                    struct realm_taken taken, struct realm_client **ret_client);
/* The same without any waiting: REALM_E_WOULD_BLOCK if there is nothing now. */
int realm_loop_look(struct realm *realm, struct realm_endpoint *only, struct realm_taken taken,
                    struct realm_client **ret_client);

/* What is being served: calls made meanwhile inherit its rank. */
struct realm_serving {
    bool active;
    enum realm_priority rank;
    uint64_t token;
};

/* The view that is open. */
struct realm_viewing {
    bool open;
    bool copied;                 /* it wrapped, and lies in bounce */
    struct realm_client *client; /* NULL: gone meanwhile */
    struct realm_turn turn;
    struct realm_os_region orphan; /* the gone client's memory, to be unmapped; memory NULL: none */
    uint8_t *bounce;               /* NULL: not needed yet */
};

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
    uint32_t turns;        /* of the loop since it last looked for wake-ups */
    uint64_t polled_at_ns; /* when it did; 0: just now */
    bool timer_was_last;   /* the last turn was a timer's: now it is the clients' */
    struct realm_list endpoints;
    struct realm_list channels;
    struct realm_client **slots;
    uint32_t slots_capacity;
    struct realm_tokens tokens;
    struct realm_list timers;
    uint32_t timers_count;

    struct realm_pool pool;
    struct realm_link *cookies[REALM_COOKIE_BUCKETS];
    uint32_t links_open;
    struct realm_ask *ask; /* the request that waits, or NULL */
    uint64_t last_xid;
    struct realm_abandoned abandoned[REALM_ABANDONED_MAX];
    uint64_t spurious_wakes, lost_wakes;

    struct realm_id id;
    uint32_t region_bytes, queue_messages;
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
