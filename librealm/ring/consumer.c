/*
 * The receiving end of a queue.
 *
 * Model: the entry awaited at a position is there when its first word holds a commit that fits. What a line
 * held before may look like that; the consumer saw it when it consumed it, and remembers one bit a line.
 * Steps C1 to C6 and S1 to S3 of docs/design/ring.md.
 *
 * Rule: nothing that the peer wrote is used before it was copied into a local and the local was checked.
 * Beyond that, the fast path touches no shared line but the entry's own.
 */
#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/ring/entry.h"

/* The gone word of a region that is never taken away. */
static const uint32_t never_gone;

void realm_consumer_init(struct realm_consumer *consumer, enum realm_priority queue, struct realm_region *own,
                         const struct realm_region *peer, size_t region_bytes, uint64_t *payload_lines)
{
    uint32_t lines = realm_region_lines(region_bytes);
    realm_assert(lines != 0);
    /* Fresh lines are zero, and so is no commit that the first lap awaits. */
    memset(payload_lines, 0, REALM_CONSUMER_WORDS(region_bytes) * sizeof *payload_lines);
    *consumer = (struct realm_consumer){.entries = peer->lines + queue_offset(queue, region_bytes),
                                        .own = own,
                                        .peer = peer,
                                        .queue = queue,
                                        .lines = lines,
                                        .payload_lines = payload_lines};
    realm_consumer_guard(consumer, &never_gone);
}

void realm_consumer_guard(struct realm_consumer *consumer, const uint32_t *peer_gone)
{
    consumer->peer_gone = peer_gone;
}

/* The fields of an entry that share the word of its commit; the others are zero. */
static inline struct realm_entry entry_of(uint64_t first_word)
{
    struct realm_entry entry = {0};
    memcpy(&entry, &first_word, sizeof first_word);
    return entry;
}

bool realm_consumer_head_has_passed(const struct realm_consumer *consumer)
{
    uint32_t head = realm_load_acquire(&consumer->peer->head[consumer->queue]);
    return head - consumer->position - 1u < consumer->lines;
}

/* --- mimicry --- */

/* Sets the bits of up to 64 lines of one piece, from an index on, to those of a mask. */
static void store_bits(uint64_t *bits, uint32_t index, uint32_t count, uint64_t mask)
{
    const uint64_t some = UINT64_MAX >> (64u - count);
    const uint32_t at = index % 64u;
    uint64_t *low = &bits[index / 64u];
    low[0] = (low[0] & ~(some << at)) | mask << at;
    if (at + count > 64u)
        low[1] = (low[1] & ~(some >> (64u - at))) | mask >> (64u - at);
}

/* Notes count lines of one piece. turn: the position that the first of them has one lap on. */
static void note_piece(struct realm_consumer *consumer, uint32_t index, uint32_t count, uint32_t turn)
{
    const uint8_t *line = consumer->entries + index * REALM_LINE;
    while (count != 0) {
        const uint32_t some = count < 64u ? count : 64u;
        uint64_t mask = 0;
        for (uint32_t i = 0; i < some; i++, line += REALM_LINE) {
            uint32_t commit = realm_load_relaxed((const uint32_t *)(const void *)line);
            mask |= (uint64_t)realm_commit_fits(commit, turn + i) << i;
        }
        store_bits(consumer->payload_lines, index, some, mask);
        index += some;
        turn += some;
        count -= some;
    }
}

/*
 * Remembers, line by line, whether what the consumed entry leaves behind looks like the commit that the
 * line's next turn awaits, one lap on. Its first line does not: the commit of this lap lies a whole lap
 * before that.
 */
static void note_payload(struct realm_consumer *consumer, uint32_t count)
{
    const uint32_t index = advance(consumer->index, 1, consumer->lines);
    const uint32_t turn = consumer->position + consumer->lines + 1u;
    const uint32_t to_end = consumer->lines - index;
    if (count - 1u <= to_end) {
        note_piece(consumer, index, count - 1u, turn);
    } else {
        note_piece(consumer, index, to_end, turn);
        note_piece(consumer, 0, count - 1u - to_end, turn + to_end);
    }
}

/* --- claims --- */

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

/* Padding brings nothing. */
static inline bool is_kind(const struct realm_entry *entry)
{
    const unsigned flags = entry->kind & (REALM_MESSAGE_TICKET | REALM_MESSAGE_BATCH);
    const unsigned kind = entry->kind ^ flags;
    if (__builtin_expect(flags == 0, 1))
        return kind >= REALM_MESSAGE_CALL && kind <= REALM_MESSAGE_PAD;
    return kind >= REALM_MESSAGE_CALL && kind < REALM_MESSAGE_PAD &&
           (flags == REALM_MESSAGE_BATCH || (flags == REALM_MESSAGE_TICKET && entry->status > 0));
}

/* Copies the awaited entry without its payload, if it is there, and checks every claim in it against what an
 * honest producer could have written here. Return: 0; as realm_consumer_pop. */
static inline int examine(struct realm_consumer *consumer, struct realm_entry *ret_entry, uint32_t *ret_count)
{
    const realm_word64 *shared =
        (const realm_word64 *)(const void *)(consumer->entries + consumer->index * REALM_LINE);
    uint64_t words[ENTRY_WORDS];
    words[0] = realm_load_acquire64(&shared[0]);
    if (!realm_commit_fits(entry_of(words[0]).commit, consumer->position))
        return consumer_nothing(consumer);
    if (__builtin_expect(realm_consumer_mimics(consumer), 0)) {
        if (!realm_consumer_head_has_passed(consumer))
            return consumer_nothing(consumer);
        /* The commit was stored before that head: this load, after it, sees the true one. */
        words[0] = realm_load_acquire64(&shared[0]);
    }
    words[1] = realm_load_relaxed64(&shared[1]);
    words[2] = realm_load_relaxed64(&shared[2]);
    memcpy(ret_entry, words, sizeof *ret_entry);

    uint32_t count = entry_lines(ret_entry->size);
    if (ret_entry->size > REALM_PAYLOAD_MAX || !is_kind(ret_entry) ||
        ret_entry->commit != consumer->position + count)
        return consumer_false_claim(consumer);
    *ret_count = count;
    return 0;
}

/*
 * Gives the entry's lines back, unless the memory was taken away. The last look at the peer's region is
 * behind: the loads of the entry come before the stores here, after which the producer may overwrite it.
 */
static inline int release(struct realm_consumer *consumer, uint32_t count)
{
    consumer->payload_lines[consumer->index / 64u] &= ~(UINT64_C(1) << (consumer->index % 64u));
    if (count > 1)
        note_payload(consumer, count);
    if (consumer_lost(consumer))
        return REALM_E_REVOKED;
    consumer->position += count;
    consumer->index = advance(consumer->index, count, consumer->lines);
    consumer->messages++;
    realm_store_relaxed(&consumer->own->tail_messages[consumer->queue], consumer->messages);
    realm_store_release(&consumer->own->tail_lines[consumer->queue], consumer->position);
    return 0;
}

/*
 * A pad is allowed where the queue ends, so never after another: skipping one is all there is to do. With it
 * goes the next message's place, not its turn. Return: as realm_consumer_pop.
 */
static int next_entry(struct realm_consumer *consumer, struct realm_entry *ret_entry, uint32_t *ret_count)
{
    int error = examine(consumer, ret_entry, ret_count);
    if (error != 0 || __builtin_expect(ret_entry->kind != REALM_MESSAGE_PAD, 1))
        return error;
    if (consumer->index + *ret_count != consumer->lines || consumer->index == 0)
        return consumer_false_claim(consumer);
    error = release(consumer, *ret_count);
    if (error == 0)
        error = examine(consumer, ret_entry, ret_count);
    if (error == 0 && ret_entry->kind == REALM_MESSAGE_PAD)
        error = consumer_false_claim(consumer);
    return error;
}

static inline void fill_message(struct realm_message *message, const struct realm_entry *entry)
{
    const bool ticket = (entry->kind & REALM_MESSAGE_TICKET) != 0;
    *message = (struct realm_message){
        .kind = (enum realm_message_kind)(entry->kind & ~(REALM_MESSAGE_TICKET | REALM_MESSAGE_BATCH)),
        .priority = entry->priority,
        .batch = (entry->kind & REALM_MESSAGE_BATCH) != 0,
        .size = entry->size,
        .call = entry->call,
        .status = ticket ? 0 : entry->status,
        .ticket = ticket ? (uint32_t)entry->status : 0,
        .tag = entry->tag,
    };
}

/* --- taking --- */

static void read_rest(const struct realm_consumer *consumer, uint8_t *rest, uint32_t size)
{
    uint32_t offset = advance(consumer->index, 1, consumer->lines) * REALM_LINE;
    uint32_t before_wrap = consumer->lines * REALM_LINE - offset;
    if (size <= before_wrap) {
        memcpy(rest, consumer->entries + offset, size);
    } else {
        memcpy(rest, consumer->entries + offset, before_wrap);
        memcpy(rest + before_wrap, consumer->entries, size - before_wrap);
    }
}

/* Copies the first size bytes of the payload of the entry at the consumer's index. */
static inline void read_payload(const struct realm_consumer *consumer, uint8_t *payload, uint32_t size)
{
    const uint8_t *first = consumer->entries + consumer->index * REALM_LINE + ENTRY_BYTES;
    if (size <= FIRST_BYTES) {
        copy_first(payload, first, size);
    } else {
        memcpy(payload, first, FIRST_BYTES);
        read_rest(consumer, payload + FIRST_BYTES, size - FIRST_BYTES);
    }
}

int realm_consumer_pop(struct realm_consumer *consumer, struct realm_message *ret_message, void *payload,
                       size_t capacity)
{
    struct realm_entry entry;
    uint32_t count;
    int error = next_entry(consumer, &entry, &count);
    if (error != 0)
        return error;
    uint32_t size = entry.size < capacity ? entry.size : (uint32_t)capacity;
    if (size != 0)
        read_payload(consumer, payload, size);
    error = release(consumer, count);
    if (error == 0)
        fill_message(ret_message, &entry);
    return error;
}

int realm_consumer_peek(struct realm_consumer *consumer, struct realm_message *ret_message,
                        const void **ret_payload)
{
    struct realm_entry entry;
    uint32_t count;
    int error = next_entry(consumer, &entry, &count);
    if (error != 0)
        return error;
    if (consumer_lost(consumer))
        return REALM_E_REVOKED;
    consumer->peeked = count;
    fill_message(ret_message, &entry);
    bool wraps = consumer->index + count > consumer->lines;
    *ret_payload = wraps ? NULL : consumer->entries + consumer->index * REALM_LINE + ENTRY_BYTES;
    return 0;
}

int realm_consumer_consume(struct realm_consumer *consumer)
{
    realm_assert(consumer->peeked != 0);
    uint32_t count = consumer->peeked;
    consumer->peeked = 0;
    return release(consumer, count);
}

bool realm_consumer_space_wanted(const struct realm_consumer *consumer)
{
    /* The store of tail, before the load of parked. */
    realm_fence_full();
    return (realm_load_relaxed(&consumer->peer->parked) & REALM_PARKED_SPACE) != 0;
}

/* --- going to sleep --- */

void realm_consumer_listen(struct realm_consumer *consumer, enum realm_parked how, const uint32_t **ret_word,
                           uint32_t *ret_seen)
{
    realm_assert(how == REALM_PARKED_FUTEX || how == REALM_PARKED_PIPE);
    struct realm_region *own = consumer->own;
    uint32_t space = realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE;
    /* The store of parked, before the loads of bell and of everything that it rings for. */
    realm_store_and_fence(&own->parked, space | (uint32_t)how);
    *ret_word = &consumer->peer->bell;
    *ret_seen = realm_load_acquire(&consumer->peer->bell);
}

bool realm_consumer_park(struct realm_consumer *consumer, enum realm_parked how, const uint32_t **ret_word,
                         uint32_t *ret_seen)
{
    const uint32_t *word;
    uint32_t seen;
    realm_consumer_listen(consumer, how, &word, &seen);
    if (realm_consumer_ready(consumer) || consumer_lost(consumer)) {
        realm_consumer_unpark(consumer);
        return false;
    }
    *ret_word = word;
    *ret_seen = seen;
    return true;
}

void realm_consumer_unpark(struct realm_consumer *consumer)
{
    struct realm_region *own = consumer->own;
    realm_store_relaxed(&own->parked, realm_load_relaxed(&own->parked) & REALM_PARKED_SPACE);
}
