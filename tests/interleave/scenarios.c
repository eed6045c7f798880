/*
 * The production code of the ring under every interleaving of its shared accesses, up to a number of
 * deviations (explore.h): no message is lost, doubled, reordered or altered, no honest peer is accused,
 * nothing beyond a buffer is read or written, no wake-up is lost. Stores are held back as in a store buffer.
 *
 *     interleave DEVIATIONS [SCENARIO]     exit status 0, or 1 with the steps that led to the failure
 *
 * The threads do what librealm/client does with the ring (call.c, sleep.c, request.c), without spinning.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/ring/ring.h"
#include "tests/interleave/explore.h"

#define LINES   65u
#define CANARY  0xa5u
#define MESSAGE 4u /* the most messages of a flow */

/* What goes from thread 0 to thread 1, and how both wait. */
struct flow {
    unsigned count;
    uint16_t sizes[MESSAGE];
    enum realm_priority queues[MESSAGE]; /* REALM_LOW, the first of the enum, stands for Normal */
    uint32_t limit;
    uint32_t start;           /* the position at which both begin */
    enum realm_parked parked; /* of the consumer */
    bool one_ring;            /* for all messages that have room */
    bool in_place;            /* reserve and commit, peek and consume */
    bool mimicry;             /* old payload looks like the entries to come */
    bool replies;             /* each message has an answer, which thread 0 waits for */
};

static const struct flow *flow;

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
    producer->index = consumer->index = flow->start % LINES;
}

/* Each line holds what looks like the entry that comes there next: payload of the lap before. */
static void mimic(struct realm_consumer *consumer)
{
    uint8_t *lines = explore_bytes(0) + offsetof(struct realm_region, lines);
    for (uint32_t i = 0; i < LINES; i++) {
        struct realm_entry entry = {.commit = flow->start + i + 1u, .size = 8, .kind = REALM_MESSAGE_ONEWAY};
        uint32_t index = (flow->start + i) % LINES;
        memcpy(lines + index * REALM_LINE, &entry, sizeof entry);
    }
    memset(consumer->payload_lines, 0xff, sizeof ends[1].payload_lines[0]);
}

static void begin(void)
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

static void end_of_flow(void)
{
    if (explore_is_revoked())
        return;
    if (ends[1].taken != flow->count || (flow->replies && ends[0].taken != flow->count))
        explore_fail("%u of %u messages were taken", ends[1].taken, flow->count);
}

/* What the ring says of peer and memory. True: the memory is gone, and the thread has nothing more to do. */
static bool ended(struct end *end, int error)
{
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
    memset(payload, CANARY, sizeof payload);
    int error = get(consumer, &message, payload, sizeof payload - REALM_LINE);
    if (error == REALM_E_WOULD_BLOCK && marks != 0)
        return ended(end, REALM_E_PEER_FAULT); /* marks are stored after the entry */
    if (error != 0)
        return error;
    if (number == flow->count)
        explore_fail("a message that nobody sent");
    check(&message, payload, number, flow->sizes[number]);
    seen_of[number] = true;
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

static void client(void)
{
    struct end *end = &ends[0];
    bool answered[MESSAGE] = {false}, unrung = false;
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

static void server(void)
{
    struct end *end = &ends[1];
    bool seen[MESSAGE] = {false}, unrung = false;
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

/* --- scenarios --- */

static const struct named_flow {
    const char *name;
    struct flow flow;
    bool revokes;
} flows[] = {
    {"message", {.count = 2, .sizes = {8, 16}, .limit = 4, .parked = REALM_PARKED_FUTEX}, false},
    {"pipe", {.count = 2, .sizes = {0, 8}, .limit = 4, .parked = REALM_PARKED_PIPE}, false},
    {"room", {.count = 3, .sizes = {8, 0, 8}, .limit = 1, .parked = REALM_PARKED_FUTEX}, false},
    {"wrap",
     {.count = 3, .sizes = {60, 100, 8}, .limit = 2, .start = 4u * LINES - 3u, .parked = REALM_PARKED_FUTEX},
     false},
    {"batch",
     {.count = 3, .sizes = {8, 40, 8}, .limit = 2, .parked = REALM_PARKED_FUTEX, .one_ring = true},
     false},
    {"full", {.count = 3, .sizes = {4096, 4096, 8}, .limit = 4, .parked = REALM_PARKED_FUTEX}, false},
    {"mimicry",
     {.count = 3,
      .sizes = {8, 60, 16},
      .limit = 4,
      .start = LINES * 3u,
      .parked = REALM_PARKED_FUTEX,
      .mimicry = true},
     false},
    {"in place",
     {.count = 3,
      .sizes = {60, 100, 8},
      .limit = 2,
      .start = 4u * LINES - 1u,
      .parked = REALM_PARKED_FUTEX,
      .in_place = true},
     false},
    {"queues",
     {.count = 3,
      .sizes = {8, 16, 8},
      .queues = {REALM_HIGH, REALM_NORMAL, REALM_HIGH},
      .limit = 1,
      .parked = REALM_PARKED_FUTEX},
     false},
    {"queues, pipe",
     {.count = 2,
      .sizes = {8, 16},
      .queues = {REALM_HIGH, REALM_NORMAL},
      .limit = 1,
      .parked = REALM_PARKED_PIPE},
     false},
    {"calls",
     {.count = 2, .sizes = {8, 16}, .limit = 1, .parked = REALM_PARKED_FUTEX, .replies = true},
     false},
    {"position 2^32",
     {.count = 2,
      .sizes = {48, 8},
      .limit = 1,
      .start = UINT32_MAX - 1u,
      .parked = REALM_PARKED_FUTEX,
      .mimicry = true},
     false},
    {"revoked", {.count = 2, .sizes = {100, 8}, .limit = 1, .parked = REALM_PARKED_FUTEX}, true},
    {"revoked, mimicry",
     {.count = 1, .sizes = {8}, .limit = 1, .start = LINES, .parked = REALM_PARKED_FUTEX, .mimicry = true},
     true},
    {"revoked in place",
     {.count = 2, .sizes = {30, 8}, .limit = 2, .parked = REALM_PARKED_FUTEX, .in_place = true},
     true},
};

int main(int argc, char **argv)
{
    unsigned deviations = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
    uint64_t executions = 0;
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        if (argc > 2 && strcmp(argv[2], flows[i].name) != 0)
            continue;
        flow = &flows[i].flow;
        const struct explore_scenario scenario = {.name = flows[i].name,
                                                  .begin = begin,
                                                  .threads = {client, server},
                                                  .end = end_of_flow,
                                                  .revokes = flows[i].revokes};
        uint64_t some = explore_all(&scenario, deviations, true);
        printf("%s: %llu executions\n", flows[i].name, (unsigned long long)some);
        fflush(stdout);
        executions += some;
    }
    printf("%llu executions with at most %u deviations\n", (unsigned long long)executions, deviations);
    return executions == 0;
}
