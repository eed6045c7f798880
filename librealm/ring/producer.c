/*
 * The sending end of a queue.
 *
 * Model: positions count lines of 64 bytes, modulo 2^32, and never stop; an entry occupies the lines from
 * its position to its commit. What the producer stores where is numbered P1 to P5 in docs/design/ring.md.
 *
 * Rule: of the peer it believes one thing, a tail that moves from where it was last seen towards what was
 * produced. The tail is looked at only when the shadow of it says that the queue is full.
 */
#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/ring/entry.h"

/* The gone word of a region that is never taken away. */
static const uint32_t never_gone;

uint32_t realm_region_lines(size_t region_bytes)
{
    const size_t head = offsetof(struct realm_region, lines);
    const size_t queue_bytes = region_bytes / REALM_QUEUES;
    if (region_bytes > REALM_REGION_MAX_BYTES || region_bytes % (REALM_QUEUES * REALM_LINE) != 0 ||
        queue_bytes <= head)
        return 0;
    uint32_t lines = (uint32_t)((queue_bytes - head) / REALM_LINE);
    return lines >= REALM_ENTRY_LINES_MAX ? lines : 0;
}

void realm_producer_init(struct realm_producer *producer, enum realm_priority queue, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint32_t limit)
{
    uint32_t lines = realm_region_lines(region_bytes);
    realm_assert(lines != 0 && limit >= 1 && limit <= REALM_QUEUE_MESSAGES_MAX);
    *producer = (struct realm_producer){.entries = own->lines + queue_offset(queue, region_bytes),
                                        .own = own,
                                        .peer = peer,
                                        .queue = queue,
                                        .lines = lines,
                                        .limit = limit};
    realm_producer_guard(producer, &never_gone, &never_gone);
}

void realm_producer_guard(struct realm_producer *producer, const uint32_t *own_gone,
                          const uint32_t *peer_gone)
{
    producer->own_gone = own_gone;
    producer->peer_gone = peer_gone;
}

/* Whether an entry of count lines fits, as far as the shadow of the peer's tail knows. */
static inline bool producer_fits(const struct realm_producer *producer, uint32_t count)
{
    return producer->position - producer->seen_lines + count <= producer->lines &&
           producer->messages - producer->seen_messages < producer->limit;
}

/*
 * Brings the shadow up to date. The acquiring load of tail_lines comes before the stores of the next entry:
 * the consumer, who released it after its last load of the old entry, is done with those lines. It stores
 * tail_messages first, so what is read here is at least as new.
 */
static int producer_refresh(struct realm_producer *producer)
{
    uint32_t tail_lines = realm_load_acquire(&producer->peer->tail_lines[producer->queue]);
    uint32_t tail_messages = realm_load_relaxed(&producer->peer->tail_messages[producer->queue]);
    if (realm_load_gone(producer->peer_gone) != 0)
        return REALM_E_REVOKED;

    /* A tail moves from where it was last seen towards what was produced, and never back or beyond. */
    uint32_t waiting_lines = producer->position - tail_lines;
    uint32_t waiting_messages = producer->messages - tail_messages;
    if (waiting_lines > producer->position - producer->seen_lines ||
        waiting_messages > producer->messages - producer->seen_messages || waiting_messages > waiting_lines)
        return REALM_E_PEER_FAULT;
    producer->seen_lines = tail_lines;
    producer->seen_messages = tail_messages;
    return 0;
}

/* Return: 0: an entry of count lines may be written now; REALM_E_QUEUE_FULL; REALM_E_PEER_FAULT;
 * REALM_E_REVOKED. */
static inline int producer_room(struct realm_producer *producer, uint32_t count)
{
    if (__builtin_expect(producer_fits(producer, count), 1))
        return 0;
    int error = producer_refresh(producer);
    if (error != 0)
        return error;
    return producer_fits(producer, count) ? 0 : REALM_E_QUEUE_FULL;
}

/* Writes what the entry's first line has no room for, into the lines after it: split where the queue wraps.
 */
static void write_rest(struct realm_producer *producer, const uint8_t *rest, uint32_t size)
{
    uint32_t offset = advance(producer->index, 1, producer->lines) * REALM_LINE;
    /* A second line is on its way while the first is prepared; of many, the stores themselves are quicker. */
    if (size <= REALM_LINE)
        realm_prefetch_write(producer->entries + offset);
    uint32_t before_wrap = producer->lines * REALM_LINE - offset;
    if (size <= before_wrap) {
        memcpy(producer->entries + offset, rest, size);
    } else {
        memcpy(producer->entries + offset, rest, before_wrap);
        memcpy(producer->entries, rest + before_wrap, size - before_wrap);
    }
}

/*
 * The first line comes last. A receiver that is awake looks at it all the time and takes it away at each
 * look; so the stores to it stand together, and while they are made the other lines are on their way.
 */
static inline void write_payload(struct realm_producer *producer, const uint8_t *payload, uint32_t size)
{
    uint8_t *first = producer->entries + producer->index * REALM_LINE + ENTRY_BYTES;
    if (size <= FIRST_BYTES) {
        copy_first(first, payload, size);
    } else {
        write_rest(producer, payload + FIRST_BYTES, size - FIRST_BYTES);
        memcpy(first, payload, FIRST_BYTES);
    }
}

/* Tells of an entry in a queue that the receiver does not look at by itself. */
static void store_mark(const struct realm_producer *producer)
{
    struct realm_region *own = producer->own;
    uint64_t others = realm_load_relaxed64(&own->marks) & ~realm_marks_of(producer->queue, UINT16_MAX);
    realm_store_release64(&own->marks, others | realm_marks_of(producer->queue, producer->messages));
}

/* Everything but the payload, which is there; the commit last, then the cursors of those who do not look at
 * the entry itself. */
static inline int publish(struct realm_producer *producer, const struct realm_message *message,
                          uint32_t count)
{
    uint32_t commit = producer->position + count;
    struct realm_entry entry = {
        .commit = commit,
        .size = message->size,
        .kind = (uint8_t)(message->kind | (message->ticket ? REALM_MESSAGE_TICKET : 0u) |
                          (message->batch ? REALM_MESSAGE_BATCH : 0u)),
        .priority = message->priority,
        .call = message->call,
        .status = message->ticket ? (int32_t)message->ticket : message->status,
        .tag = message->tag,
    };
    uint64_t words[ENTRY_WORDS];
    memcpy(words, &entry, sizeof entry);

    realm_word64 *shared = (realm_word64 *)(void *)(producer->entries + producer->index * REALM_LINE);
    realm_store_relaxed64(&shared[1], words[1]);
    realm_store_relaxed64(&shared[2], words[2]);
    /* All of the entry is stored before its commit; the commit before head. */
    realm_store_release64(&shared[0], words[0]);
    realm_store_release(&producer->own->head[producer->queue], commit);

    producer->position = commit;
    producer->index = advance(producer->index, count, producer->lines);
    producer->messages++;
    if (producer->queue != REALM_NORMAL)
        store_mark(producer);
    /* Some of the stores may have gone into memory that nobody reads. */
    return realm_load_gone(producer->own_gone) == 0 ? 0 : REALM_E_REVOKED;
}

int realm_producer_push(struct realm_producer *producer, const struct realm_message *message,
                        const void *payload)
{
    if (message->size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    uint32_t count = entry_lines(message->size);
    int error = producer_room(producer, count);
    if (error != 0)
        return error;
    if (message->size != 0)
        write_payload(producer, payload, message->size);
    return publish(producer, message, count);
}

/* --- in place --- */

/* Fills the lines up to the end of the queue with an entry that says nothing. */
static int push_pad(struct realm_producer *producer)
{
    uint32_t count = producer->lines - producer->index;
    int error = producer_room(producer, count);
    if (error != 0)
        return error;
    struct realm_message pad = {.kind = REALM_MESSAGE_PAD,
                                .size = (uint16_t)(count * REALM_LINE - ENTRY_BYTES)};
    return publish(producer, &pad, count);
}

int realm_producer_reserve(struct realm_producer *producer, size_t size, void **ret_payload)
{
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    uint32_t count = entry_lines((uint32_t)size);
    int error = 0;
    if (producer->index + count > producer->lines)
        error = push_pad(producer);
    if (error == 0)
        error = producer_room(producer, count);
    if (error != 0)
        return error;
    *ret_payload = producer->entries + producer->index * REALM_LINE + ENTRY_BYTES;
    return 0;
}

int realm_producer_commit(struct realm_producer *producer, const struct realm_message *message)
{
    uint32_t count = entry_lines(message->size);
    realm_assert(producer_fits(producer, count) && producer->index + count <= producer->lines);
    return publish(producer, message, count);
}

/* --- waiting for room --- */

bool realm_producer_has_room(struct realm_producer *producer, size_t size)
{
    realm_assert(size <= REALM_PAYLOAD_MAX);
    return producer_room(producer, entry_lines((uint32_t)size)) != REALM_E_QUEUE_FULL;
}

bool realm_producer_park(struct realm_producer *producer, size_t size, const uint32_t **ret_word,
                         uint32_t *ret_seen)
{
    realm_assert(size <= REALM_PAYLOAD_MAX);
    struct realm_region *own = producer->own;
    /* The store of parked, before the loads of tail. */
    realm_store_and_fence(&own->parked, realm_load_relaxed(&own->parked) | REALM_PARKED_SPACE);
    /* An impossible tail is something, too: the push that follows reports it. */
    if (producer_refresh(producer) != 0 || producer_fits(producer, entry_lines((uint32_t)size))) {
        realm_producer_unpark(producer);
        return false;
    }
    *ret_word = &producer->peer->tail_lines[producer->queue];
    *ret_seen = producer->seen_lines;
    return true;
}

void realm_producer_unpark(struct realm_producer *producer)
{
    struct realm_region *own = producer->own;
    realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & ~(uint32_t)REALM_PARKED_SPACE);
}
