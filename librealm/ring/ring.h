/*
 * The ring: one direction of a channel, over memory that two realms share and neither trusts.
 *
 * A channel is two regions. Each has one writer, its owner; the peer maps it read-only. The owner's region
 * holds the entries it produces, its cursor as a producer, its cursors as a consumer of the other region,
 * and its parked word. The request ring is the client's region, the reply ring the server's.
 *
 *     region, 8192 bytes by default            ring: the rest, in lines of 64 bytes
 *     ┌────────────┬────────────┬───────────┐  ┌──────┬───────┬──────┬───────┬────
 *     │ parked     │ head       │ tail      │  │entry │payload│entry │entry  │ …
 *     │ (line 0)   │ (line 2)   │ (line 3)  │  └──────┴───────┴──────┴───────┴────
 *     └────────────┴────────────┴───────────┘
 *
 * An entry is 24 bytes and its payload, on whole lines; a payload of 40 bytes travels in one line. Its
 * first word is the commit: the position after the entry, stored last. So a receiver that is awake looks
 * at the line it will read anyway and no other. Cursors count lines and messages, modulo 2^32.
 *
 * The rule: a cursor, a length or a commit in the peer's region is a claim. It is read once, into a local;
 * the local is checked; only the local is used. An impossible claim is REALM_E_PEER_FAULT, never an
 * assertion. And memory may be taken away while it is used: then a copy holds zeros from somewhere on, and
 * the region's gone word says so. It is looked at after every copy. docs/design/ring.md gives the protocol
 * step by step and the argument why it is safe.
 *
 * A struct realm_ring_* is private memory of one realm and belongs to one thread.
 */
#ifndef REALM_RING_H
#define REALM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#define REALM_LINE                 64u
#define REALM_REGION_DEFAULT_BYTES 8192u
#define REALM_REGION_MAX_BYTES     (1024u * 1024u)
#define REALM_QUEUE_MESSAGES       32u /* a ring's limit of messages not yet consumed (HNX) */

/* What a sleeper says in its parked word, so that a producer knows how to wake it. A hint, never trusted. */
enum realm_parked {
    REALM_AWAKE = 0,
    REALM_PARKED_FUTEX = 1, /* sleeps on the producer's head: wake that address */
    REALM_PARKED_PIPE = 2,  /* sleeps on its pipe: write the channel's number into it */
    REALM_PARKED_SPACE = 4, /* or'ed in: it is a producer and sleeps on the consumer's tail for room */
};

/* Line 0..3 of a region. Each word is written by the region's owner only. */
struct realm_region {
    uint32_t parked; /* alone in its pair of lines: read by the peer after every message */
    uint32_t pad0[31];
    uint32_t head; /* as a producer: lines produced */
    uint32_t pad1[15];
    uint32_t tail_lines; /* as a consumer of the peer's region: lines consumed; sleepers for room wait here */
    uint32_t tail_messages; /* messages consumed */
    uint32_t pad2[14];
    uint8_t lines[]; /* the ring */
};
_Static_assert(offsetof(struct realm_region, head) == 128, "layout");
_Static_assert(offsetof(struct realm_region, tail_lines) == 192, "layout");
_Static_assert(offsetof(struct realm_region, lines) == 256, "layout");

enum realm_message_kind {
    REALM_MESSAGE_CALL = 1, /* a reply is due */
    REALM_MESSAGE_ONEWAY = 2,
    REALM_MESSAGE_REPLY = 3,
};

/* A message without its payload, in private memory. */
struct realm_message {
    enum realm_message_kind kind;
    uint8_t priority; /* 0 today */
    uint16_t size;    /* bytes of payload, at most REALM_PAYLOAD_MAX */
    uint32_t call;    /* CALL: chosen by the caller; REPLY: the call it answers; ONEWAY: 0 */
    int32_t status;   /* REPLY */
    uint64_t tag;     /* CALL, ONEWAY: the operation; REPLY: the value */
};

/* The entry in the ring, as it lies in shared memory. */
struct realm_entry {
    uint32_t commit;
    uint16_t size;
    uint8_t kind;
    uint8_t priority;
    uint32_t call;
    int32_t status;
    uint64_t tag;
};
_Static_assert(sizeof(struct realm_entry) == 24, "layout");

struct realm_producer {
    struct realm_region *own;        /* entries and head go here */
    const struct realm_region *peer; /* the consumer's tail is here */
    const uint32_t *own_gone, *peer_gone;
    uint32_t lines;      /* capacity */
    uint32_t position;   /* lines produced */
    uint32_t index;      /* of the next line, position modulo capacity */
    uint32_t messages;   /* produced */
    uint32_t limit;      /* of messages outstanding */
    uint32_t seen_lines; /* shadow of the peer's tail */
    uint32_t seen_messages;
};

struct realm_consumer {
    struct realm_region *own;        /* tail goes here */
    const struct realm_region *peer; /* entries and the producer's head are here */
    const uint32_t *peer_gone;
    uint32_t lines;
    uint32_t position; /* lines consumed */
    uint32_t index;
    uint32_t messages;
    uint32_t last; /* lines of the entry taken last, whose head may not be stored yet */
    /* What the next pop says if it finds nothing; 0: that there is nothing. REALM_E_PEER_FAULT: park found a
     * head without its message; REALM_E_REVOKED: the memory is gone. */
    int failure;
    /* One bit a line: set while the line holds old payload that looks like the commit awaited there next. */
    uint64_t *payload_lines;
};

/* How many uint64_t of private memory a consumer of a region of this size needs for payload_lines. */
#define REALM_CONSUMER_WORDS(region_bytes) ((((region_bytes) / REALM_LINE) + 63u) / 64u)

/* The number of ring lines in a region of this many bytes: 0 if the size is no multiple of REALM_LINE, too
 * small for one full message, or over REALM_REGION_MAX_BYTES. */
uint32_t realm_region_lines(size_t region_bytes);

/*
 * own and peer are the two regions of a channel, both of region_bytes (a size that realm_region_lines
 * accepts), fresh: all zero. limit is 1 or more. The memory is borrowed for the struct's life.
 */
void realm_producer_init(struct realm_producer *producer, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint32_t limit);
void realm_consumer_init(struct realm_consumer *consumer, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint64_t *payload_lines);

/*
 * The regions' gone words: private memory, not zero once a region's memory was taken away (librealm/os/os.h).
 * Without this call the ends believe that it never is. Afterwards whatever is read or written is zeros or
 * lost, and what finds that out returns REALM_E_REVOKED: nothing was taken, or nothing reaches the peer.
 */
void realm_producer_guard(struct realm_producer *producer, const uint32_t *own_gone,
                          const uint32_t *peer_gone);
void realm_consumer_guard(struct realm_consumer *consumer, const uint32_t *peer_gone);

/*
 * Puts a message into the ring and publishes it. The caller then wakes the peer if realm_producer_sleeper
 * says so.
 * Return: 0; REALM_E_QUEUE_FULL: too many messages or bytes are waiting, nothing was written;
 * REALM_E_TOO_BIG; REALM_E_PEER_FAULT: the peer's tail is impossible: close the channel; REALM_E_REVOKED.
 */
int realm_producer_push(struct realm_producer *producer, const struct realm_message *message,
                        const void *payload);

/*
 * To be asked after a push: how the consumer sleeps, if it does (enum realm_parked bits without SPACE).
 * Orders the store of head before the load of parked (full fence).
 */
uint32_t realm_producer_sleeper(const struct realm_producer *producer);

/* Whether a message is there. Costs one load of a line that is about to be read anyway. */
bool realm_consumer_ready(const struct realm_consumer *consumer);

/*
 * Takes the next message: its head into *ret_message, up to capacity bytes of its payload into payload. The
 * copy is private: the sender cannot change it. A message larger than capacity is taken all the same and
 * cut; ret_message->size tells its true size.
 * Return: 0; REALM_E_WOULD_BLOCK: none; REALM_E_PEER_FAULT: an impossible claim, nothing was taken;
 * REALM_E_REVOKED: nothing was taken, and payload holds anything.
 */
int realm_consumer_pop(struct realm_consumer *consumer, struct realm_message *ret_message, void *payload,
                       size_t capacity);

/* To be asked after a pop: whether the peer sleeps for room (full fence; wake own->tail_lines then). */
bool realm_consumer_space_wanted(const struct realm_consumer *consumer);

/*
 * The two halves of going to sleep. park says in own->parked how this end sleeps, then (full fence) looks
 * again: false means that there is something, and it is unparked again. If true, wait for *ret_word to
 * differ from *ret_seen, which fails at once if it has already. unpark goes back to awake.
 */
bool realm_consumer_park(struct realm_consumer *consumer, enum realm_parked how, const uint32_t **ret_word,
                         uint32_t *ret_seen);
void realm_consumer_unpark(struct realm_consumer *consumer);

/* The same for a producer that waits for room for one message of size bytes of payload. */
bool realm_producer_park(struct realm_producer *producer, size_t size, const uint32_t **ret_word,
                         uint32_t *ret_seen);
void realm_producer_unpark(struct realm_producer *producer);

#endif
