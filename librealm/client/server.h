/*
 * What serves: endpoints, their clients, replies that are due, timers, and the loop's step with its sleeps.
 *
 * The rule: user code (handlers, timers) is called with nothing held. Whoever calls it keeps no pointer to a
 * client, an endpoint or a list over the call, because the handler may end any of them.
 */
#ifndef REALM_CLIENT_SERVER_H
#define REALM_CLIENT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/loop.h>
#include <realm/service.h>

#include "librealm/client/crew.h"
#include "librealm/client/link.h"
#include "librealm/client/list.h"
#include "librealm/client/pending.h"
#include "librealm/ring/atomics.h"
#include "librealm/ring/bits.h"

/* --- the server's side (endpoint.c, request.c, token.c) --- */

enum realm_place {
    REALM_PLACE_ACTIVE, /* awake: the loop looks at its ring */
    REALM_PLACE_PARKED, /* its parked word says so and the waiter has it armed */
    REALM_PLACE_HELD,   /* too many replies are due: not read until some are given */
    REALM_PLACE_FULL,   /* replies wait for room (kept.c): not read, but parked and armed */
};

struct realm_client {
    struct realm_link link;
    struct realm_endpoint *endpoint;
    struct realm_list of_place; /* in one of the endpoint's three lists; FULL: with the parked ones; gone, and
                                   to be told of: in the realm's (leave.c) */
    enum realm_place place;
    struct realm_id id;
    uint64_t badge;
    uint64_t last_served;          /* the realm's count of requests when this one was last served */
    struct realm_consumer *popped; /* from this queue last, while the realm owes it a look */
    uint32_t pending;              /* replies due */
    uint32_t tokens;               /* the first of them: index + 1, or 0 */
    struct realm_list kept;        /* replies that were given and wait for room (kept.c) */
    struct realm_unpacked
        *unpacked[REALM_QUEUES]; /* batches that were taken; NULL: none ever was (unpack.c) */
    uint32_t unpacked_ready;     /* a bit for each queue whose batch has a message to hand out */
    bool operating;              /* an operation of a batch is being done: not read meanwhile */
};

struct realm_endpoint {
    struct realm *realm;
    struct realm_list of_realm;
    uint64_t cookie;
    realm_handler *handler;
    void *context;
    realm_leave_handler *leave_handler; /* NULL: it does not want to hear of clients that are gone */
    void *leave_context;
    struct realm_crew *crew; /* its workers, or NULL */
    struct realm_list active, parked, held;
    uint32_t active_count;
    uint32_t passed[REALM_QUEUES]; /* requests that went before one of this class, which was waiting */
    size_t clients;
};

/* Who is next: whose queue, and as what. */
struct realm_turn {
    struct realm_client *client;
    enum realm_priority queue; /* where the request lies */
    uint64_t bits;             /* not 0: notifications, and no request */
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

/* A client whose link is closed, and whose endpoint wants to hear of that, becomes the loop's to tell of and
 * to free; the first of them is told of; those of an endpoint are freed. (leave.c) */
void realm_leave_note(struct realm_client *client);
void realm_leave_tell(struct realm *realm);
void realm_leave_forget(struct realm_endpoint *endpoint);
/* Whether so many wait to be told of that the endpoint must take no more clients. */
bool realm_leave_crowded(const struct realm_endpoint *endpoint);

static inline bool realm_client_armed(const struct realm_client *client)
{
    return client->place == REALM_PLACE_PARKED || client->place == REALM_PLACE_FULL;
}

/* A reply that is due. */
struct realm_token {
    struct realm_client *client; /* NULL: free */
    uint32_t generation;         /* counts the uses of this place, so that a token fits only once */
    uint32_t call;
    uint8_t operation;       /* of a batch: 1 + its queue; else 0 */
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

/* A reply that found no room is the client's to give: its token is stale from now on. Return: 0;
 * REALM_E_QUEUE_FULL: there is no memory either, and the token stays. (kept.c) */
int realm_reply_keep(struct realm_token *token, const struct realm_message *message, const void *data);
/* A FULL client was reported, and is not armed any more. It may be freed here. */
void realm_kept_woken(struct realm_client *client);
/* Whether there is room for the first reply of a FULL client. */
bool realm_kept_fits(struct realm_client *client);
/* How many messages a FULL client says to have queued, as far as it can have. */
uint32_t realm_kept_queued(const struct realm_client *client);
void realm_kept_free(struct realm_client *client);

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
/* Takes notifications instead. Return: 0; REALM_E_WOULD_BLOCK: its memory was taken away, and it is freed.
 * (notify.c) */
int realm_client_take_bits(const struct realm_turn *turn);
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
/* Pushes a reply, or keeps it. Return: as realm_reply. */
int realm_reply_push(struct realm *realm, uint64_t token, const struct realm_message *reply,
                     const void *data);

/*
 * A batch that was popped becomes the client's, to be handed out. Return: 0; REALM_E_PEER_FAULT: it is none;
 * -ENOMEM. (unpack.c)
 */
int realm_unpack_open(const struct realm_turn *turn, const struct realm_message *message,
                      const void *payload);
/* The next message of the turn's batch is served. Return: its data, the client's until the next look at it.
 */
const void *realm_unpack_next(const struct realm_turn *turn, struct realm_message *ret_message,
                              uint64_t *ret_token);
/* The reply to an operation. Return: as realm_reply; REALM_E_BAD_ARGUMENT: with a ticket. */
int realm_unpack_answer(struct realm *realm, uint64_t token, const struct realm_message *answer,
                        const void *data);
/* The same in place. */
int realm_unpack_reserve(const struct realm_token *entry, size_t size, void **ret_data);
int realm_unpack_commit(struct realm *realm, uint64_t token, const struct realm_message *answer, size_t size);
void realm_unpack_free(struct realm_client *client);

/* Ends a client for what its memory holds, or no longer holds; with -errno, for what this realm cannot do for
 * it, which is no fault of the client's: to that this end is dead. */
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

/* The notifications that it has set. */
static inline uint64_t realm_client_bits(const struct realm_client *client)
{
    return realm_bits_set(client->link.peer, client->link.bits);
}

/* Whether there is anything to take that its Normal queue does not show. */
static inline bool realm_client_called(const struct realm_client *client)
{
    return (realm_client_marked(client) | realm_client_bits(client)) != 0;
}

/* Whether there is anything to take, of any priority. */
static inline bool realm_client_ready(const struct realm_client *client)
{
    return realm_consumer_ready(&client->link.consumer) || realm_client_called(client) ||
           client->unpacked_ready != 0;
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

/* A wait is for an endpoint, or, with NULL, for all that have a handler or an idle worker. */
static inline bool realm_endpoint_in_scope(const struct realm_endpoint *endpoint,
                                           const struct realm_endpoint *only)
{
    if (only)
        return endpoint == only;
    return endpoint->handler != NULL || (endpoint->crew && realm_crew_idle(endpoint->crew));
}

/* Where the next request of an endpoint with an idle worker goes; and hands it over. (workers.c) */
struct realm_request *realm_workers_place(struct realm_endpoint *endpoint);
void realm_workers_give(struct realm_endpoint *endpoint);
/* Answers for the workers that have returned. */
void realm_workers_collect(struct realm *realm);
/* Ends an endpoint's workers, if it has any. */
void realm_workers_end(struct realm_endpoint *endpoint);

/* Spins on the active clients in scope. True: something is there. */
bool realm_sleep_spin(struct realm *realm, struct realm_endpoint *only, uint64_t left_ns);
/* Parks and arms what is in scope and waits. Return: 0: look again; REALM_E_TIMEOUT; -errno. */
int realm_sleep_wait(struct realm *realm, struct realm_endpoint *only, uint64_t deadline_ns);
/* Looks for wake-ups and control packets without waiting. Return: 0; -errno. */
int realm_sleep_poll(struct realm *realm);
int realm_sleep_open(struct realm *realm);
/* Parks an active client and arms it, or holds one that is not to be read. Return: 0; REALM_E_WOULD_BLOCK: it
 * has something; -errno. */
int realm_sleep_park(struct realm_client *client);
/* A parked client has something that it did not send just now: it is awake again. */
void realm_sleep_rouse(struct realm_client *client);
/* The same for the link alone. */
int realm_sleep_park_link(struct realm_link *link);
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

/* What a step found to do. */
enum realm_found_kind {
    REALM_FOUND_REQUEST,    /* it is taken */
    REALM_FOUND_TIMER,      /* the first one is due */
    REALM_FOUND_COMPLETION, /* a call has ended */
    REALM_FOUND_LEAVING,    /* a client is gone */
    REALM_FOUND_KINDS,
};

struct realm_found {
    enum realm_found_kind kind;
    struct realm_client *client;     /* REQUEST: whose it is */
    struct realm_pending_call *call; /* COMPLETION */
};

/* The next thing to do for realm_receive and realm_run_once. With only, there are requests and nothing else;
 * without, a request is taken into taken.request, and a completion's payload too. Return: 0; else as
 * realm_receive. */
int realm_loop_next(struct realm *realm, struct realm_endpoint *only, uint64_t timeout_ns,
                    struct realm_taken taken, struct realm_found *ret_found);
/* The same without any waiting: REALM_E_WOULD_BLOCK if there is nothing now. */
int realm_loop_look(struct realm *realm, struct realm_endpoint *only, struct realm_taken taken,
                    struct realm_found *ret_found);

/* What is being served: calls made meanwhile inherit its rank. Of several that were taken together, the
 * highest. */
struct realm_serving {
    bool active;
    enum realm_priority rank;
    uint64_t token; /* the reply that ends it, or 0: only the next receive does, or the handler's return */
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

#endif
