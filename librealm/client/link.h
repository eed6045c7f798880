/*
 * One end of a channel: the region that this realm writes, the one that its peer writes, a producer and a
 * consumer over both (link.c).
 *
 * The rule: everything of one channel's memory stays behind this. Who pushes, pops, parks or wakes does it
 * through a link that is open, that is, whose state is 0.
 */
#ifndef REALM_CLIENT_LINK_H
#define REALM_CLIENT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#include "librealm/os/os.h"
#include "librealm/proto/control.h"
#include "librealm/ring/ring.h"

struct realm;

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
    uint64_t bits;                   /* notifications: as they were raised, or taken (librealm/ring/bits.h) */
    struct realm_urgent *urgent;     /* NULL: none yet */
    struct realm_place_held place;   /* for a message that is written in place */
    struct realm_region *own;        /* written here, read by the peer; NULL: not open */
    const struct realm_region *peer; /* the other way round */
    struct realm_os_region own_memory, peer_memory;
    uint32_t region_bytes, queue_messages; /* as the channel's service has them */
    int state;                             /* 0: open; else the REALM_E_* that ended it */
    int hint;                              /* handle of the peer's hint pipe, or -1 */
    uint32_t slot;                         /* this end's dense number */
    uint32_t peer_slot;                    /* the other end's: what is written into its hint pipe */
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
/* Makes the link known by its slot, until it is closed. Return: 0, also if it is already; -EINVAL: the slot
 * is out of range or another's; -ENOMEM. */
int realm_link_take_slot(struct realm_link *link);
/* The link that the peer's hints or the waiter's wakes call by this slot; NULL: none. */
struct realm_link *realm_link_of_slot(const struct realm *realm, uint32_t slot);
/* The peer sleeps as the bits of its parked word say: wake it. */
void realm_link_wake(struct realm_link *link, uint32_t sleeper);
/* Counts a wake that brought nothing. queued: messages that pay for wakes as those do that were taken, though
 * they are not read yet. True: one too many, the link is ended. */
bool realm_link_spurious(struct realm_link *link, uint32_t queued);

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

#endif
