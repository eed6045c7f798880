/*
 * The ring's two ends.
 *
 * Model: positions count lines of 64 bytes, modulo 2^32, and never stop; an entry occupies the lines from
 * its position to its commit. The capacity is no power of two, so each end moves a private index along
 * with its position and wraps it by subtraction.
 *
 * Rule: nothing that the peer wrote is used before it was copied into a local and the local was checked.
 * Beyond that, the fast path touches no shared line but the entry's own: the producer's head is written
 * but read only by sleepers (and where old payload mimics a commit), the consumer's tail is read only when
 * the shadow of it says that the ring is full.
 *
 * docs/design/ring.md numbers the steps and argues why no wake is lost and no claim believed.
 */
#include "librealm/ring/ring.h"

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/ring/atomics.h"

#define ENTRY_BYTES     ((uint32_t)sizeof(struct realm_entry))
#define FIRST_BYTES     (REALM_LINE - ENTRY_BYTES) /* payload in an entry's first line */
#define ENTRY_WORDS     (sizeof(struct realm_entry) / sizeof(uint64_t))
#define ENTRY_LINES_MAX ((ENTRY_BYTES + REALM_PAYLOAD_MAX + REALM_LINE - 1u) / REALM_LINE)
#define REGION_HEAD     ((uint32_t)offsetof(struct realm_region, lines))

/* Lines that an entry with so many bytes of payload occupies. */
static inline uint32_t entry_lines(uint32_t size)
{
    return (ENTRY_BYTES + size + REALM_LINE - 1u) / REALM_LINE;
}

static inline uint32_t advance(uint32_t index, uint32_t count, uint32_t lines)
{
    uint32_t next = index + count;
    return next < lines ? next : next - lines;
}

/* A commit is believable at a position if it ends an entry of at least one line and at most the largest. */
static inline bool commit_fits(uint32_t commit, uint32_t position)
{
    return commit - position - 1u < ENTRY_LINES_MAX;
}

/* The gone word of a region that is never taken away. */
static const uint32_t never_gone;

uint32_t realm_region_lines(size_t region_bytes)
{
    if (region_bytes > REALM_REGION_MAX_BYTES || region_bytes % REALM_LINE != 0 ||
        region_bytes <= REGION_HEAD)
        return 0;
    uint32_t lines = ((uint32_t)region_bytes - REGION_HEAD) / REALM_LINE;
    return lines >= ENTRY_LINES_MAX ? lines : 0;
}

/* --- the producer --- */

void realm_producer_init(struct realm_producer *producer, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint32_t limit)
{
    uint32_t lines = realm_region_lines(region_bytes);
    realm_assert(lines != 0 && limit >= 1);
    *producer = (struct realm_producer){.own = own, .peer = peer, .lines = lines, .limit = limit};
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
    uint32_t tail_lines = realm_load_acquire(&producer->peer->tail_lines);
    uint32_t tail_messages = realm_load_relaxed(&producer->peer->tail_messages);
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

/* Writes what the entry's first line has no room for, into the lines after it: split where the ring wraps. */
static void write_rest(struct realm_producer *producer, const uint8_t *rest, uint32_t size)
{
    uint8_t *lines = producer->own->lines;
    uint32_t offset = advance(producer->index, 1, producer->lines) * REALM_LINE;
    uint32_t before_wrap = producer->lines * REALM_LINE - offset;
    if (size <= before_wrap) {
        memcpy(lines + offset, rest, size);
    } else {
        memcpy(lines + offset, rest, before_wrap);
        memcpy(lines, rest + before_wrap, size - before_wrap);
    }
}

/*
 * The first line comes last. A receiver that is awake looks at it all the time and takes it away at each
 * look; so the stores to it stand together, and while they are made the other lines are on their way.
 */
static inline void write_payload(struct realm_producer *producer, const uint8_t *payload, uint32_t size)
{
    uint8_t *first = producer->own->lines + producer->index * REALM_LINE + ENTRY_BYTES;
    if (size <= FIRST_BYTES) {
        memcpy(first, payload, size);
    } else {
        write_rest(producer, payload + FIRST_BYTES, size - FIRST_BYTES);
        memcpy(first, payload, FIRST_BYTES);
    }
}

int realm_producer_push(struct realm_producer *producer, const struct realm_message *message,
                        const void *payload)
{
    if (message->size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    uint32_t count = entry_lines(message->size);
    if (!producer_fits(producer, count)) {
        int error = producer_refresh(producer);
        if (error != 0)
            return error;
        if (!producer_fits(producer, count))
            return REALM_E_QUEUE_FULL;
    }

    uint32_t commit = producer->position + count;
    struct realm_entry entry = {
        .commit = commit,
        .size = message->size,
        .kind = (uint8_t)message->kind,
        .priority = message->priority,
        .call = message->call,
        .status = message->status,
        .tag = message->tag,
    };
    uint64_t words[ENTRY_WORDS];
    memcpy(words, &entry, sizeof entry);

    realm_word64 *shared = (realm_word64 *)(void *)(producer->own->lines + producer->index * REALM_LINE);
    if (message->size != 0)
        write_payload(producer, payload, message->size);
    realm_store_relaxed64(&shared[1], words[1]);
    realm_store_relaxed64(&shared[2], words[2]);
    /* All of the entry is stored before its commit; the commit before head. */
    realm_store_release64(&shared[0], words[0]);
    realm_store_release(&producer->own->head, commit);

    producer->position = commit;
    producer->index = advance(producer->index, count, producer->lines);
    producer->messages++;
    /* Some of the stores may have gone into memory that nobody reads. */
    return realm_load_gone(producer->own_gone) == 0 ? 0 : REALM_E_REVOKED;
}

uint32_t realm_producer_sleeper(const struct realm_producer *producer)
{
    /* The store of head, before the load of parked: see realm_fence_full. */
    realm_fence_full();
    return realm_load_relaxed(&producer->peer->parked) & (REALM_PARKED_FUTEX | REALM_PARKED_PIPE);
}

bool realm_producer_park(struct realm_producer *producer, size_t size, const uint32_t **ret_word,
                         uint32_t *ret_seen)
{
    realm_assert(size <= REALM_PAYLOAD_MAX);
    struct realm_region *own = producer->own;
    realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) | REALM_PARKED_SPACE);
    /* The store of parked, before the loads of tail. */
    realm_fence_full();
    /* An impossible tail is something, too: the push that follows reports it. */
    if (producer_refresh(producer) != 0 || producer_fits(producer, entry_lines((uint32_t)size))) {
        realm_producer_unpark(producer);
        return false;
    }
    *ret_word = &producer->peer->tail_lines;
    *ret_seen = producer->seen_lines;
    return true;
}

void realm_producer_unpark(struct realm_producer *producer)
{
    struct realm_region *own = producer->own;
    realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & ~(uint32_t)REALM_PARKED_SPACE);
}

/* --- the consumer --- */

void realm_consumer_init(struct realm_consumer *consumer, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint64_t *payload_lines)
{
    uint32_t lines = realm_region_lines(region_bytes);
    realm_assert(lines != 0);
    /* Fresh lines are zero, and so is no commit that the first lap awaits. */
    memset(payload_lines, 0, REALM_CONSUMER_WORDS(region_bytes) * sizeof *payload_lines);
    *consumer =
        (struct realm_consumer){.own = own, .peer = peer, .lines = lines, .payload_lines = payload_lines};
    realm_consumer_guard(consumer, &never_gone);
}

void realm_consumer_guard(struct realm_consumer *consumer, const uint32_t *peer_gone)
{
    consumer->peer_gone = peer_gone;
}

static inline const realm_word64 *consumer_entry(const struct realm_consumer *consumer)
{
    return (const realm_word64 *)(const void *)(consumer->peer->lines + consumer->index * REALM_LINE);
}

/* The fields of an entry that share the word of its commit; the others are zero. */
static inline struct realm_entry entry_of(uint64_t first_word)
{
    struct realm_entry entry = {0};
    memcpy(&entry, &first_word, sizeof first_word);
    return entry;
}

/* Whether the producer's head, which it stores after the commit, says that the awaited entry is there. */
static bool head_has_passed(const struct realm_consumer *consumer)
{
    uint32_t head = realm_load_acquire(&consumer->peer->head);
    return head - consumer->position - 1u < consumer->lines;
}

/* The line awaited next holds old payload that looks like its commit. */
static inline bool line_mimics(const struct realm_consumer *consumer)
{
    return (consumer->payload_lines[consumer->index / 64u] >> (consumer->index % 64u)) & 1u;
}

bool realm_consumer_ready(const struct realm_consumer *consumer)
{
    uint64_t word = realm_load_acquire64(consumer_entry(consumer));
    /* The next line is fetched along with this one, not after it: where it is payload, its producer has
     * written it by now. A prefetch decides nothing. */
    __builtin_prefetch(consumer->peer->lines + advance(consumer->index, 1, consumer->lines) * REALM_LINE);
    if (!commit_fits(entry_of(word).commit, consumer->position))
        return consumer->failure != 0;
    return !line_mimics(consumer) || head_has_passed(consumer) || consumer->failure != 0;
}

/*
 * Remembers, line by line, whether what the consumed entry leaves behind looks like the commit that the
 * line's next turn awaits, one lap on. Its first line does not: the commit of this lap lies a whole lap
 * before that.
 */
static inline void consumer_note_payload(struct realm_consumer *consumer, uint32_t count)
{
    uint32_t index = consumer->index;
    uint32_t next_turn = consumer->position + consumer->lines;
    bool mimics = false;
    for (uint32_t i = 0;;) {
        uint64_t bit = UINT64_C(1) << (index % 64u);
        uint64_t *bits = &consumer->payload_lines[index / 64u];
        *bits = mimics ? *bits | bit : *bits & ~bit;
        if (++i == count)
            return;
        index = advance(index, 1, consumer->lines);
        const void *line = consumer->peer->lines + index * REALM_LINE;
        struct realm_entry old = entry_of(realm_load_relaxed64(line));
        mimics = commit_fits(old.commit, next_turn + i);
    }
}

static void read_rest(const struct realm_consumer *consumer, uint8_t *rest, uint32_t size)
{
    const uint8_t *lines = consumer->peer->lines;
    uint32_t offset = advance(consumer->index, 1, consumer->lines) * REALM_LINE;
    uint32_t before_wrap = consumer->lines * REALM_LINE - offset;
    if (size <= before_wrap) {
        memcpy(rest, lines + offset, size);
    } else {
        memcpy(rest, lines + offset, before_wrap);
        memcpy(rest + before_wrap, lines, size - before_wrap);
    }
}

/* Copies the first size bytes of the payload of the entry at the consumer's index. */
static inline void read_payload(const struct realm_consumer *consumer, uint8_t *payload, uint32_t size)
{
    const uint8_t *first = consumer->peer->lines + consumer->index * REALM_LINE + ENTRY_BYTES;
    if (size <= FIRST_BYTES) {
        memcpy(payload, first, size);
    } else {
        memcpy(payload, first, FIRST_BYTES);
        read_rest(consumer, payload + FIRST_BYTES, size - FIRST_BYTES);
    }
}

/* Whether what was just read may be other memory than the peer's. From then on every pop says so. */
static inline bool consumer_lost(struct realm_consumer *consumer)
{
    if (__builtin_expect(realm_load_gone(consumer->peer_gone) == 0, 1))
        return false;
    consumer->failure = REALM_E_REVOKED;
    return true;
}

/* There is no entry, or a word that cannot be one: unless the memory went, which looks like either. */
static int consumer_nothing(struct realm_consumer *consumer)
{
    (void)consumer_lost(consumer);
    return consumer->failure != 0 ? consumer->failure : REALM_E_WOULD_BLOCK;
}

static int consumer_false_claim(struct realm_consumer *consumer)
{
    return consumer_lost(consumer) ? REALM_E_REVOKED : REALM_E_PEER_FAULT;
}

int realm_consumer_pop(struct realm_consumer *consumer, struct realm_message *ret_message, void *payload,
                       size_t capacity)
{
    const realm_word64 *shared = consumer_entry(consumer);
    uint64_t words[ENTRY_WORDS];
    words[0] = realm_load_acquire64(&shared[0]);
    if (!commit_fits(entry_of(words[0]).commit, consumer->position))
        return consumer_nothing(consumer);
    if (line_mimics(consumer)) {
        if (!head_has_passed(consumer))
            return consumer_nothing(consumer);
        /* The commit was stored before that head: this load, after it, sees the true one. */
        words[0] = realm_load_acquire64(&shared[0]);
    }
    words[1] = realm_load_relaxed64(&shared[1]);
    words[2] = realm_load_relaxed64(&shared[2]);
    struct realm_entry entry;
    memcpy(&entry, words, sizeof entry);

    /* Every claim, against what an honest producer could have written here. */
    if (entry.size > REALM_PAYLOAD_MAX || entry.kind < REALM_MESSAGE_CALL || entry.kind > REALM_MESSAGE_REPLY)
        return consumer_false_claim(consumer);
    uint32_t count = entry_lines(entry.size);
    if (entry.commit != consumer->position + count)
        return consumer_false_claim(consumer);

    uint32_t size = entry.size < capacity ? entry.size : (uint32_t)capacity;
    if (size != 0)
        read_payload(consumer, payload, size);
    consumer_note_payload(consumer, count);
    /* The last look at the peer's region is behind: a copy that was overtaken is no message. */
    if (consumer_lost(consumer))
        return REALM_E_REVOKED;
    consumer->position += count;
    consumer->index = advance(consumer->index, count, consumer->lines);
    consumer->messages++;
    consumer->last = count;
    /* The loads of the entry come before these stores, after which the producer may overwrite it. */
    realm_store_relaxed(&consumer->own->tail_messages, consumer->messages);
    realm_store_release(&consumer->own->tail_lines, consumer->position);

    *ret_message = (struct realm_message){
        .kind = (enum realm_message_kind)entry.kind,
        .priority = entry.priority,
        .size = entry.size,
        .call = entry.call,
        .status = entry.status,
        .tag = entry.tag,
    };
    return 0;
}

bool realm_consumer_space_wanted(const struct realm_consumer *consumer)
{
    /* The store of tail, before the load of parked. */
    realm_fence_full();
    return (realm_load_relaxed(&consumer->peer->parked) & REALM_PARKED_SPACE) != 0;
}

bool realm_consumer_park(struct realm_consumer *consumer, enum realm_parked how, const uint32_t **ret_word,
                         uint32_t *ret_seen)
{
    realm_assert(how == REALM_PARKED_FUTEX || how == REALM_PARKED_PIPE);
    struct realm_region *own = consumer->own;
    uint32_t space = realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE;
    realm_store_relaxed(&own->parked, space | (uint32_t)how);
    /* The store of parked, before the loads of head and commit. */
    realm_fence_full();
    uint32_t head = realm_load_acquire(&consumer->peer->head);
    bool ready = realm_consumer_ready(consumer);
    /*
     * An entry may have been taken by its commit before the producer stored head: then head still lies one
     * entry back, and sleeping on that value is right, for the store to come changes it.
     */
    bool caught_up = head == consumer->position || head == consumer->position - consumer->last;
    if (caught_up && !ready && !consumer_lost(consumer)) {
        *ret_word = &consumer->peer->head;
        *ret_seen = head;
        return true;
    }
    /* The commit is stored before head: a head that moved on without one, or out of reach, is a false claim.
     */
    if (!ready && !consumer_lost(consumer))
        consumer->failure = REALM_E_PEER_FAULT;
    realm_consumer_unpark(consumer);
    return false;
}

void realm_consumer_unpark(struct realm_consumer *consumer)
{
    struct realm_region *own = consumer->own;
    realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE);
}
