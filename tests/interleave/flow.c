/*
 * The model: an honest pair. Whatever an honest end finds false, or finds missing, is a mistake of the ring.
 * Where the regions are tampered with, an end may find them false; what it takes nevertheless must be a
 * message that the peer's bytes can be.
 */
#include "tests/interleave/flow.h"

#include <string.h>

#include <realm/error.h>

#define CANARY 0xa5u

const struct flow *flow;

/* One end: a thread's private memory. */
static struct end {
    struct realm_producer producers[REALM_QUEUES];
    struct realm_consumer consumers[REALM_QUEUES];
    uint64_t payload_lines[REALM_QUEUES][REALM_CONSUMER_WORDS(EXPLORE_BYTES)];
    struct realm_region *own;
    const struct realm_region *peer;
    uint64_t marks_taken;
    struct realm_consumer *owed; /* the look for a peer that waits for room is owed */
    unsigned taken;
    bool lost; /* the memory was taken away */
} ends[2];

static uint8_t byte_of(unsigned message, uint32_t at)
{
    return (uint8_t)(message * 37u + at * 3u + 1u);
}

/* --- both ends --- */

static void start_at(struct realm_producer *producer, struct realm_consumer *consumer)
{
    producer->position = producer->seen_lines = consumer->position = flow->start;
    producer->index = consumer->index = flow->start % FLOW_LINES;
}

/* Each line holds what looks like the entry that comes there next: payload of the lap before. */
static void mimic(struct realm_consumer *consumer)
{
    uint8_t *lines = explore_bytes(0) + offsetof(struct realm_region, lines);
    for (uint32_t i = 0; i < FLOW_LINES; i++) {
        struct realm_entry entry = {.commit = flow->start + i + 1u, .size = 8, .kind = REALM_MESSAGE_ONEWAY};
        uint32_t index = (flow->start + i) % FLOW_LINES;
        memcpy(lines + index * REALM_LINE, &entry, sizeof entry);
    }
    memset(consumer->payload_lines, 0xff, sizeof ends[1].payload_lines[0]);
}

void flow_begin(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct end *end = &ends[i];
        *end = (struct end){.own = explore_region(i), .peer = explore_region(1u - i)};
        for (unsigned queue = 0; queue < REALM_QUEUES; queue++) {
            realm_producer_init(&end->producers[queue], (enum realm_priority)queue, end->own, end->peer,
                                EXPLORE_BYTES, flow->limit);
            realm_consumer_init(&end->consumers[queue], (enum realm_priority)queue, end->own, end->peer,
                                EXPLORE_BYTES, end->payload_lines[queue]);
        }
    }
    start_at(&ends[0].producers[REALM_NORMAL], &ends[1].consumers[REALM_NORMAL]);
    struct realm_region *client = (struct realm_region *)(void *)explore_bytes(0);
    struct realm_region *server = (struct realm_region *)(void *)explore_bytes(1);
    client->head[REALM_NORMAL] = server->tail_lines[REALM_NORMAL] = flow->start;
    if (flow->mimicry)
        mimic(&ends[1].consumers[REALM_NORMAL]);
}

void flow_end(void)
{
    if (explore_is_revoked() || explore_is_tampered())
        return;
    if (ends[1].taken != flow->count || (flow->replies && ends[0].taken != flow->count))
        explore_fail("%u of %u messages were taken", ends[1].taken, flow->count);
}

/* What the ring says of peer and memory. True: the memory is gone, and the thread has nothing more to do. */
static bool ended(struct end *end, int error)
{
    if (error == REALM_E_PEER_FAULT && explore_is_tampered()) {
        end->lost = true;
        return true;
    }
    if (error != REALM_E_REVOKED)
        explore_fail("an honest peer and: error %d", error);
    if (!explore_is_revoked())
        explore_fail("gone is what is there");
    end->lost = true;
    return true;
}

static enum realm_priority queue_of(unsigned number)
{
    return flow->queues[number] == REALM_LOW ? REALM_NORMAL : flow->queues[number];
}

static void ring(struct end *end)
{
    uint32_t sleeper = realm_region_ring(end->own, end->peer);
    if (sleeper & REALM_PARKED_FUTEX)
        explore_wake(&end->own->bell);
    if (sleeper & REALM_PARKED_PIPE)
        explore_hint();
}

/* --- sending --- */

static int put(struct realm_producer *producer, unsigned number, uint16_t size, bool in_place)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY,
                                    .size = size,
                                    .call = number + 1u,
                                    .status = (int32_t)number,
                                    .tag = ~(uint64_t)number};
    for (uint32_t i = 0; i < size; i++)
        payload[i] = byte_of(number, i);
    if (!in_place)
        return realm_producer_push(producer, &message, payload);
    void *place;
    int error = realm_producer_reserve(producer, size, &place);
    if (error != 0)
        return error;
    explore_copy(place, payload, size);
    return realm_producer_commit(producer, &message);
}

static void wait_for_room(struct realm_producer *producer, uint16_t size)
{
    const uint32_t *word;
    uint32_t seen;
    if (!realm_producer_park(producer, size, &word, &seen))
        return;
    explore_wait(word, seen);
    realm_producer_unpark(producer);
}

/* Sends one message. Return: false: the memory is gone. */
static bool send(struct end *end, enum realm_priority queue, unsigned number, uint16_t size, bool *unrung)
{
    struct realm_producer *producer = &end->producers[queue];
    for (;;) {
        int error = put(producer, number, size, flow->in_place);
        if (error == 0)
            return true;
        if (error != REALM_E_QUEUE_FULL)
            return !ended(end, error);
        if (*unrung || flow->in_place)
            ring(end);
        *unrung = false;
        wait_for_room(producer, size);
    }
}

/* --- receiving --- */

static void settle(struct end *end)
{
    struct realm_consumer *popped = end->owed;
    end->owed = NULL;
    if (popped && realm_consumer_space_wanted(popped))
        explore_wake(&end->own->tail_lines[popped->queue]);
}

/* As realm_request_popped. */
static void popped(struct end *end, struct realm_consumer *consumer)
{
    if (end->owed && end->owed != consumer)
        settle(end);
    end->owed = consumer;
    if ((realm_load_relaxed(&end->peer->parked) & REALM_PARKED_SPACE) == 0)
        return;
    explore_wake(&end->own->tail_lines[consumer->queue]);
    end->owed = NULL;
}

static int get(struct realm_consumer *consumer, struct realm_message *message, uint8_t *payload,
               size_t capacity)
{
    const void *place;
    if (!flow->in_place)
        return realm_consumer_pop(consumer, message, payload, capacity);
    int error = realm_consumer_peek(consumer, message, &place);
    if (error != 0)
        return error;
    if (!place)
        return realm_consumer_pop(consumer, message, payload, capacity);
    if (message->size <= capacity)
        explore_copy(payload, place, message->size);
    return realm_consumer_consume(consumer);
}

static void check(const struct realm_message *message, const uint8_t *payload, unsigned number, uint16_t size)
{
    if (message->kind != REALM_MESSAGE_ONEWAY || message->call != number + 1u || message->size != size ||
        message->status != (int32_t)number || message->tag != ~(uint64_t)number)
        explore_fail("instead of message %u: kind %d, call %u, %u bytes", number, (int)message->kind,
                     message->call, (unsigned)message->size);
    for (uint32_t i = 0; i < size; i++) {
        if (payload[i] != byte_of(number, i))
            explore_fail("message %u is altered from byte %u on", number, i);
    }
    for (uint32_t i = 0; i < REALM_LINE; i++) {
        if (payload[size + i] != CANARY)
            explore_fail("more was copied than the message has");
    }
}

/* From a peer that tampers: any message that its bytes can be, and no more. */
static void check_hostile(const struct realm_consumer *before, const struct realm_consumer *after,
                          const struct realm_message *message, const uint8_t *payload, size_t capacity)
{
    uint32_t lines = ((uint32_t)sizeof(struct realm_entry) + message->size + REALM_LINE - 1u) / REALM_LINE;
    uint32_t padding = after->position - before->position - lines;
    if (message->size > REALM_PAYLOAD_MAX || message->kind < REALM_MESSAGE_CALL ||
        message->kind > REALM_MESSAGE_REPLY)
        explore_fail("a message of kind %d and %u bytes", (int)message->kind, (unsigned)message->size);
    if (padding != 0 && before->index + padding != FLOW_LINES)
        explore_fail("%u bytes on %u lines", (unsigned)message->size, lines + padding);
    if (after->index >= FLOW_LINES)
        explore_fail("an index of %u", after->index);
    for (size_t i = message->size; i < capacity + REALM_LINE; i++) {
        if (payload[i] != CANARY)
            explore_fail("more was copied than the message has");
    }
}

static uint64_t marked(const struct end *end)
{
    uint64_t waiting = realm_load_acquire64(&end->peer->marks) ^ end->marks_taken;
    return waiting & ~realm_marks_of(REALM_NORMAL, UINT16_MAX);
}

/* As sleep.c: parks on the bell, looks at everything that it rings for, and waits. */
static void park(struct end *end, enum realm_parked how)
{
    struct realm_consumer *consumer = &end->consumers[REALM_NORMAL];
    const uint32_t *word;
    uint32_t seen;
    if (!realm_consumer_park(consumer, how, &word, &seen))
        return;
    if (marked(end) == 0) {
        if (how == REALM_PARKED_PIPE)
            explore_wait_for_hint();
        else
            explore_wait(word, seen);
    }
    realm_consumer_unpark(consumer);
}

/* The next message in a queue that has one, and which it must be: those of one queue come in order. Return:
 * 0; REALM_E_WOULD_BLOCK; REALM_E_REVOKED. */
static int take(struct end *end, bool *seen_of)
{
    uint8_t payload[REALM_PAYLOAD_MAX + REALM_LINE];
    struct realm_message message;
    uint64_t marks = marked(end);
    enum realm_priority queue =
        marks != 0 ? (enum realm_priority)((63 - __builtin_clzll(marks)) / 16) : REALM_NORMAL;
    unsigned number = 0;
    while (number < flow->count && (seen_of[number] || queue_of(number) != queue))
        number++;
    struct realm_consumer *consumer = &end->consumers[queue];
    const struct realm_consumer before = *consumer;
    memset(payload, CANARY, sizeof payload);
    int error = get(consumer, &message, payload, sizeof payload - REALM_LINE);
    if (error == REALM_E_WOULD_BLOCK && marks != 0)
        return REALM_E_PEER_FAULT; /* marks are stored after the entry */
    if (error != 0)
        return error;
    if (explore_is_tampered()) {
        check_hostile(&before, consumer, &message, payload, REALM_PAYLOAD_MAX);
    } else if (number == flow->count) {
        explore_fail("a message that nobody sent");
    } else {
        check(&message, payload, number, flow->sizes[number]);
        seen_of[number] = true;
    }
    end->taken++;
    if (queue != REALM_NORMAL)
        end->marks_taken = (end->marks_taken & ~realm_marks_of(queue, UINT16_MAX)) |
                           realm_marks_of(queue, consumer->messages);
    popped(end, consumer);
    return 0;
}

/* Takes one message, however long it takes. Return: false: the memory is gone. */
static bool receive(struct end *end, bool *seen_of, enum realm_parked how)
{
    for (;;) {
        int error = take(end, seen_of);
        if (error == 0)
            return true;
        if (error != REALM_E_WOULD_BLOCK)
            return !ended(end, error);
        settle(end);
        park(end, how);
        if (end->lost)
            return false;
    }
}

/* --- threads --- */

void flow_client(void)
{
    struct end *end = &ends[0];
    bool answered[FLOW_MESSAGES] = {false}, unrung = false;
    for (unsigned number = 0; number < flow->count; number++) {
        if (!send(end, queue_of(number), number, flow->sizes[number], &unrung))
            return;
        unrung = true;
        if (!flow->one_ring || number + 1u == flow->count) {
            ring(end);
            unrung = false;
        }
        if (flow->replies && !receive(end, answered, REALM_PARKED_FUTEX))
            return;
    }
}

void flow_server(void)
{
    struct end *end = &ends[1];
    bool seen[FLOW_MESSAGES] = {false}, unrung = false;
    for (unsigned number = 0; number < flow->count; number++) {
        if (!receive(end, seen, flow->parked))
            return;
        if (flow->replies) {
            if (!send(end, REALM_NORMAL, number, flow->sizes[number], &unrung))
                return;
            ring(end);
        }
        settle(end);
    }
}

uint32_t flow_awaited(unsigned side)
{
    return ends[1u - side].consumers[REALM_NORMAL].index;
}
