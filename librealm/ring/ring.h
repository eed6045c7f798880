/*
 * The ring: one queue of a channel's direction, over memory that two realms share and neither trusts.
 *
 * A channel is two regions. Each has one writer, its owner; the peer maps it read-only. The owner's region
 * holds the entries it produces, its cursors as a producer, its cursors as a consumer of the other region,
 * and how it sleeps. Requests lie in the client's region, replies in the server's.
 *
 * A region is four queues of equal size, one for each priority; Normal comes first, and the first 256 bytes
 * are the bookkeeping of all. (The first 256 bytes of the other three are not used.)
 *
 *     region, 32768 bytes by default               a queue, in lines of 64 bytes
 *     ┌──────────────────────┬─────────────────┐    ┌──────┬───────┬──────┬───────┬────
 *     │ parked, marks  bell, │ Normal          │    │entry │payload│entry │entry  │ …
 *     │ (line 0)  heads tails│                 │    └──────┴───────┴──────┴───────┴────
 *     ├──────────────────────┴─────────────────┤
 *     │ Low     │ High     │ Critical          │
 *
 * An entry is 24 bytes and its payload, on whole lines; a payload of 40 bytes travels in one line. Its
 * first word is the commit: the position after the entry, stored last. So a receiver that is awake looks
 * at the line it will read anyway and at no other. Cursors count lines and messages, modulo 2^32.
 *
 * The rule: a cursor, a length or a commit in the peer's region is a claim. It is read once, into a local;
 * the local is checked; only the local is used. An impossible claim is REALM_E_PEER_FAULT, never an
 * assertion. And memory may be taken away while it is used: then a copy holds zeros from somewhere on, and
 * the region's gone word says so. It is looked at after every copy. docs/design/ring.md gives the protocol
 * step by step and the argument why it is safe.
 *
 * A struct realm_producer or realm_consumer is private memory of one realm and belongs to one thread.
 */
#ifndef REALM_RING_H
#define REALM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#include "librealm/ring/atomics.h"

#define REALM_LINE                 64u
#define REALM_QUEUES               4u /* one for each enum realm_priority */
#define REALM_REGION_DEFAULT_BYTES (REALM_QUEUES * 8192u)
#define REALM_REGION_MAX_BYTES     (1024u * 1024u)
#define REALM_QUEUE_MESSAGES       32u /* a queue's limit of messages not yet consumed (HNX) */
#define REALM_QUEUE_MESSAGES_MAX   4096u

/* What a sleeper says in its parked word, so that a producer knows how to wake it. A hint, never trusted. */
enum realm_parked {
    REALM_AWAKE = 0,
    REALM_PARKED_FUTEX = 1, /* sleeps on the producer's bell: wake that address */
    REALM_PARKED_PIPE = 2,  /* sleeps on its pipe: write the channel's number into it */
    REALM_PARKED_SPACE = 4, /* or'ed in: it is a producer and sleeps on the consumer's tail for room */
};

/* The bookkeeping of a region. Each word is written by the region's owner only. */
struct realm_region {
    /* line 0, alone in its pair of lines: read by the peer after every message, seldom written */
    uint32_t parked;
    uint32_t boost; /* 0, or 1 + the priority to which all that is queued here is raised */
    uint64_t marks; /* messages produced with each priority but Normal, 16 bits each */
    uint64_t bits;  /* notifications, as a producer (bits.h) */
    uint32_t pad0[26];
    /* line 2, as a producer */
    uint32_t bell;               /* changes when there is anything new; sleepers wait here */
    uint32_t head[REALM_QUEUES]; /* lines produced */
    uint32_t pad1[11];
    /* line 3, as a consumer of the peer's region */
    uint32_t tail_lines[REALM_QUEUES]; /* lines consumed; sleepers for room wait here */
    uint32_t tail_messages[REALM_QUEUES];
    uint64_t bits_taken; /* of the peer's notifications */
    uint32_t pad2[6];
    uint8_t lines[]; /* the queues */
};
_Static_assert(offsetof(struct realm_region, marks) == 8, "layout");
_Static_assert(offsetof(struct realm_region, bits) == 16, "layout");
_Static_assert(offsetof(struct realm_region, bell) == 128, "layout");
_Static_assert(offsetof(struct realm_region, tail_lines) == 192, "layout");
_Static_assert(offsetof(struct realm_region, bits_taken) == 224, "layout");
_Static_assert(offsetof(struct realm_region, lines) == 256, "layout");

enum realm_message_kind {
    REALM_MESSAGE_CALL = 1, /* a reply is due */
    REALM_MESSAGE_ONEWAY = 2,
    REALM_MESSAGE_REPLY = 3,
    REALM_MESSAGE_PAD = 4, /* nothing: fills the lines up to the end of the queue */
};

/* In an entry's kind: a capability comes with the message, and status is its ticket (1 to 2^31 - 1). */
#define REALM_MESSAGE_TICKET 0x80u
/* The payload is a batch (batch.h), and tag its count and flags. Never with a ticket. */
#define REALM_MESSAGE_BATCH 0x40u

/* A message without its payload, in private memory. */
struct realm_message {
    enum realm_message_kind kind;
    uint8_t priority; /* of the queue that it was sent through: a claim, of use to nobody */
    bool batch;
    uint16_t size;   /* bytes of payload, at most REALM_PAYLOAD_MAX */
    uint32_t call;   /* CALL: chosen by the caller; REPLY: the call it answers; ONEWAY: 0 */
    int32_t status;  /* REPLY; CALL: lines consumed of the replies, a hint (realm_producer_learn); with a
                        ticket: 0 */
    uint32_t ticket; /* of the capability that comes with it; 0: none */
    uint64_t tag;    /* CALL, ONEWAY: the operation; REPLY: the value */
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

/* The most lines that an entry takes. */
#define REALM_ENTRY_LINES_MAX                                                                                \
    (((uint32_t)sizeof(struct realm_entry) + REALM_PAYLOAD_MAX + REALM_LINE - 1u) / REALM_LINE)

struct realm_producer {
    uint8_t *entries;                /* the queue's lines, in the own region */
    struct realm_region *own;        /* head, marks and bell are here */
    const struct realm_region *peer; /* the consumer's tail is here */
    const uint32_t *own_gone, *peer_gone;
    enum realm_priority queue;
    uint32_t lines;      /* capacity */
    uint32_t position;   /* lines produced */
    uint32_t index;      /* of the next line, position modulo capacity */
    uint32_t messages;   /* produced */
    uint32_t limit;      /* of messages outstanding */
    uint32_t seen_lines; /* shadow of the peer's tail */
    uint32_t seen_messages;
};

struct realm_consumer {
    const uint8_t *entries;          /* the queue's lines, in the peer's region */
    struct realm_region *own;        /* tail goes here */
    const struct realm_region *peer; /* the producer's head, marks and bell are here */
    const uint32_t *peer_gone;
    enum realm_priority queue;
    uint32_t lines;
    uint32_t position; /* lines consumed */
    uint32_t index;
    uint32_t messages;
    uint32_t peeked; /* lines of the entry that is being looked at in place; 0: none is */
    /* What the next pop says if it finds nothing; 0: that there is nothing. REALM_E_REVOKED: the memory is
     * gone. */
    int failure;
    /* One bit a line: set while the line holds old payload that looks like the commit awaited there next. */
    uint64_t *payload_lines;
};

/* How many uint64_t of private memory a consumer in a region of this size needs for payload_lines. */
#define REALM_CONSUMER_WORDS(region_bytes) ((((region_bytes) / REALM_QUEUES / REALM_LINE) + 63u) / 64u)

/* The number of lines of each queue in a region of this many bytes: 0 if its quarter is no multiple of
 * REALM_LINE, too small for one full message, or the region over REALM_REGION_MAX_BYTES. */
uint32_t realm_region_lines(size_t region_bytes);

/*
 * An end of one queue. own and peer are the two regions of a channel, both of region_bytes (a size that
 * realm_region_lines accepts), fresh: all zero. limit is 1 to REALM_QUEUE_MESSAGES_MAX. The memory is
 * borrowed for the struct's life.
 */
void realm_producer_init(struct realm_producer *producer, enum realm_priority queue, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint32_t limit);
void realm_consumer_init(struct realm_consumer *consumer, enum realm_priority queue, struct realm_region *own,
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
 * Puts a message into the queue: a consumer that is awake finds it. After one such message or many the
 * caller rings the bell for those who sleep.
 * Return: 0; REALM_E_QUEUE_FULL: too many messages or bytes are waiting, nothing was written;
 * REALM_E_TOO_BIG; REALM_E_PEER_FAULT: the peer's tail is impossible: close the channel; REALM_E_REVOKED.
 */
int realm_producer_push(struct realm_producer *producer, const struct realm_message *message,
                        const void *payload);

/*
 * Rings the bell of the own region, after whatever was stored for the peer to see, and says how the peer
 * sleeps, if it does (enum realm_parked bits without SPACE): then wake it. Orders the store of the bell
 * before the load of parked.
 */
static inline uint32_t realm_region_ring(struct realm_region *own, const struct realm_region *peer)
{
    realm_store_and_fence(&own->bell, realm_load_relaxed(&own->bell) + 1u);
    return realm_load_relaxed(&peer->parked) & (REALM_PARKED_FUTEX | REALM_PARKED_PIPE);
}

/*
 * The same without a copy: a contiguous place for size bytes of payload in the own region, for the caller to
 * fill; where the queue would wrap, its end is padded first. commit publishes it, with a size of at most what
 * was reserved. In between the queue is left alone; a place that is not committed costs nothing.
 * Return: as push; REALM_E_QUEUE_FULL: ring the bell all the same, the padding may have become an entry.
 */
int realm_producer_reserve(struct realm_producer *producer, size_t size, void **ret_payload);
int realm_producer_commit(struct realm_producer *producer, const struct realm_message *message);

/* A commit is believable at a position if it ends an entry of at least one line and at most the largest. */
static inline bool realm_commit_fits(uint32_t commit, uint32_t position)
{
    return commit - position - 1u < REALM_ENTRY_LINES_MAX;
}

/* The line awaited next holds old payload that looks like its commit: then the producer's head decides. */
static inline bool realm_consumer_mimics(const struct realm_consumer *consumer)
{
    return (consumer->payload_lines[consumer->index / 64u] >> (consumer->index % 64u)) & 1u;
}

/* Whether the producer's head, which it stores after the commit, says that the awaited entry is there. */
bool realm_consumer_head_has_passed(const struct realm_consumer *consumer);

/*
 * What the peer has consumed, learnt otherwise than from its tail: a reply says that its call was taken; a
 * request carries how far its sender has taken the replies. So where every message has an answer no tail is
 * looked at, and it stays in its owner's cache. A claim: one that no tail could make is ignored; a false one
 * costs the peer the lines that it gives away unread.
 */
static inline void realm_producer_learn(struct realm_producer *producer, uint32_t consumed_lines)
{
    if (producer->position - consumed_lines < producer->position - producer->seen_lines)
        producer->seen_lines = consumed_lines;
}

/* Whether there is room for size bytes now, from the peer's tail. An impossible tail is room, too: the push
 * that follows reports it. */
bool realm_producer_has_room(struct realm_producer *producer, size_t size);

/* Whether the queue has something to take, or failure something to say. Costs one load of a line that is
 * about to be read anyway. */
static inline bool realm_consumer_ready(const struct realm_consumer *consumer)
{
    const uint8_t *line = consumer->entries + consumer->index * REALM_LINE;
    uint32_t commit = realm_load_acquire((const uint32_t *)(const void *)line);
    /* The next line is fetched along with this one, not after it: where it is payload, its producer has
     * written it by now. A prefetch decides nothing, so it may lie beyond the queue. */
    __builtin_prefetch(line + REALM_LINE);
    if (__builtin_expect(!realm_commit_fits(commit, consumer->position), 1))
        return consumer->failure != 0;
    return __builtin_expect(!realm_consumer_mimics(consumer), 1) ||
           realm_consumer_head_has_passed(consumer) || consumer->failure != 0;
}

/* How many lines wait, as the producer's head says: any number, which only counts. */
static inline uint32_t realm_consumer_claimed_lines(const struct realm_consumer *consumer)
{
    return realm_load_acquire(&consumer->peer->head[consumer->queue]) - consumer->position;
}

/*
 * Takes the next message: its head into *ret_message, up to capacity bytes of its payload into payload. The
 * copy is private: the sender cannot change it. A message larger than capacity is taken all the same and
 * cut; ret_message->size tells its true size.
 * Return: 0; REALM_E_WOULD_BLOCK: none; REALM_E_PEER_FAULT: an impossible claim, nothing was taken;
 * REALM_E_REVOKED: nothing was taken, and payload holds anything.
 */
int realm_consumer_pop(struct realm_consumer *consumer, struct realm_message *ret_message, void *payload,
                       size_t capacity);

/*
 * The same without a copy. peek finds the next message and where its payload lies in the peer's memory;
 * *ret_payload is NULL if it lies in two pieces: then pop it. The payload is hostile: it may change between
 * two looks at it, and turn to zeros. consume gives it back; nothing else may be asked of the consumer
 * before. Return of peek: as pop. Return of consume: 0; REALM_E_REVOKED: what was read may have been zeros.
 */
int realm_consumer_peek(struct realm_consumer *consumer, struct realm_message *ret_message,
                        const void **ret_payload);
int realm_consumer_consume(struct realm_consumer *consumer);

/* To be asked after a pop: whether the peer sleeps for room (full fence; wake the queue's own->tail_lines
 * then). */
bool realm_consumer_space_wanted(const struct realm_consumer *consumer);

/*
 * The two halves of going to sleep on the peer's bell. park says in own->parked how this end sleeps, then
 * (full fence) looks again: false means that this queue has something, and it is unparked again. If true,
 * look at whatever else the bell rings for, and wait for *ret_word to differ from *ret_seen, which fails at
 * once if it has already. unpark goes back to awake.
 */
bool realm_consumer_park(struct realm_consumer *consumer, enum realm_parked how, const uint32_t **ret_word,
                         uint32_t *ret_seen);
void realm_consumer_unpark(struct realm_consumer *consumer);

/* Parks by FUTEX or PIPE whatever is there already: only news is to wake. Afterwards look at everything. */
void realm_consumer_listen(struct realm_consumer *consumer, enum realm_parked how, const uint32_t **ret_word,
                           uint32_t *ret_seen);

/* The same for a producer that waits for room for one message of size bytes of payload. */
bool realm_producer_park(struct realm_producer *producer, size_t size, const uint32_t **ret_word,
                         uint32_t *ret_seen);
void realm_producer_unpark(struct realm_producer *producer);

/*
 * The marks: how a consumer learns, from the one line that it looks at anyway, that a queue other than
 * Normal has something. They are stored after the entry, so marks without an entry are a false claim.
 */
static inline uint64_t realm_marks_of(enum realm_priority queue, uint32_t messages)
{
    return (uint64_t)(uint16_t)messages << (16u * (unsigned)queue);
}

#endif
