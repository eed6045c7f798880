/*
 * A peer that writes anything anywhere in its region, between the steps of an end that does not trust it.
 *
 * The input is a script: steps of the honest end (push, reserve and commit, pop, peek and consume, park,
 * learn) and of the peer (a word somewhere, an entry where the honest end looks, cursors). What must hold
 * after each step: a code of the contract, positions and indices in range, no more taken than a queue can
 * hold; and by the sanitizers: not a byte beyond the two regions and the caller's buffer.
 */
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/ring/ring.h"

#define BYTES           (REALM_QUEUES * 8192u)
#define MUST(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
    const uint8_t *data;
    size_t size;
};

static uint32_t take(struct script *script, unsigned bytes)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < bytes && script->size != 0; i++, script->size--)
        value |= (uint32_t)*script->data++ << (8u * i);
    return value;
}

struct world {
    struct realm_region *own, *peer; /* of the honest end; the other one is the fuzzer's */
    struct realm_producer producer;
    struct realm_consumer consumer;
    enum realm_priority queue;
    uint64_t payload_lines[REALM_CONSUMER_WORDS(BYTES)];
};

/* --- what the peer does --- */

static void write_word(struct world *world, struct script *script)
{
    uint32_t at = take(script, 2) % (BYTES / 4u), value = take(script, 4);
    memcpy((uint8_t *)world->peer + 4u * at, &value, sizeof value);
}

static void write_entry(struct world *world, struct script *script)
{
    uint32_t size = take(script, 2), off = take(script, 1), kind = take(script, 1);
    uint32_t lines = (24u + (size & 0x1fffu) + 63u) / 64u;
    struct realm_entry entry = {.commit = world->consumer.position + (off < 200 ? lines : off),
                                .size = (uint16_t)(size & 0x1fffu),
                                .kind = (uint8_t)(kind < 200 ? 1u + kind % 4u : kind)};
    memcpy((uint8_t *)(uintptr_t)world->consumer.entries + world->consumer.index * REALM_LINE, &entry,
           sizeof entry);
    world->peer->head[world->queue] = entry.commit + (off % 3u == 0 ? take(script, 1) : 0);
}

static void write_tails(struct world *world, struct script *script)
{
    world->peer->tail_lines[world->queue] = world->producer.seen_lines + take(script, 1);
    world->peer->tail_messages[world->queue] = world->producer.seen_messages + take(script, 1);
}

/* --- what the honest end does --- */

static bool known(int error)
{
    return error == 0 || error == REALM_E_QUEUE_FULL || error == REALM_E_WOULD_BLOCK ||
           error == REALM_E_PEER_FAULT;
}

static void send(struct world *world, struct script *script, bool in_place)
{
    static const uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message = {.kind = REALM_MESSAGE_CALL,
                                    .size = (uint16_t)(take(script, 2) % (REALM_PAYLOAD_MAX + 1u))};
    void *place = NULL;
    if (!in_place) {
        MUST(known(realm_producer_push(&world->producer, &message, payload)));
    } else {
        int error = realm_producer_reserve(&world->producer, message.size, &place);
        MUST(known(error));
        if (error != 0)
            return;
        memset(place, 0xa5, message.size);
        MUST(realm_producer_commit(&world->producer, &message) == 0);
    }
}

static void receive(struct world *world, struct script *script, bool in_place)
{
    struct realm_message message = {.size = 0};
    const void *payload = NULL;
    size_t capacity = take(script, 2) % (REALM_PAYLOAD_MAX + 1u);
    uint8_t *buffer = malloc(capacity == 0 ? 1 : capacity); /* exactly, for the sanitizer */
    uint32_t before = world->consumer.position;
    MUST(buffer != NULL);
    int error = in_place ? realm_consumer_peek(&world->consumer, &message, &payload)
                         : realm_consumer_pop(&world->consumer, &message, buffer, capacity);
    MUST(known(error) && error != REALM_E_QUEUE_FULL);
    if (in_place && error == 0 && payload != NULL) {
        volatile uint8_t sum = 0;
        for (uint32_t i = 0; i < message.size; i++)
            sum = (uint8_t)(sum + ((const uint8_t *)payload)[i]);
        write_word(world, script); /* the peer goes on meanwhile */
        MUST(realm_consumer_consume(&world->consumer) == 0);
    }
    MUST(message.size <= REALM_PAYLOAD_MAX);
    MUST(world->consumer.position - before <= 2u * REALM_ENTRY_LINES_MAX);
    free(buffer);
}

static void park(struct world *world)
{
    const uint32_t *word = NULL;
    uint32_t seen;
    if (realm_consumer_park(&world->consumer, REALM_PARKED_FUTEX, &word, &seen))
        realm_consumer_unpark(&world->consumer);
    if (realm_producer_park(&world->producer, 100, &word, &seen))
        realm_producer_unpark(&world->producer);
    MUST(world->own->parked == REALM_AWAKE);
}

static void step(struct world *world, struct script *script)
{
    uint32_t kind = take(script, 1);
    switch (kind % 10u) {
    case 0:
        write_word(world, script);
        break;
    case 1:
    case 2:
        write_entry(world, script);
        break;
    case 3:
        write_tails(world, script);
        break;
    case 4:
    case 5:
        send(world, script, kind % 2u != 0);
        break;
    case 6:
    case 7:
        receive(world, script, kind % 2u != 0);
        break;
    case 8:
        park(world);
        break;
    default:
        realm_producer_learn(&world->producer, take(script, 4));
        break;
    }
    MUST(world->consumer.index < world->consumer.lines && world->producer.index < world->producer.lines);
    MUST(world->producer.position - world->producer.seen_lines <= world->producer.lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct script script = {data, size};
    struct world world = {.own = aligned_alloc(64, BYTES), .peer = aligned_alloc(64, BYTES)};
    MUST(world.own != NULL && world.peer != NULL);
    memset(world.own, 0, BYTES);
    memset(world.peer, 0, BYTES);
    world.queue = (enum realm_priority)(take(&script, 1) % REALM_QUEUES);
    realm_producer_init(&world.producer, world.queue, world.own, world.peer, BYTES, REALM_QUEUE_MESSAGES);
    realm_consumer_init(&world.consumer, world.queue, world.own, world.peer, BYTES, world.payload_lines);
    while (script.size != 0)
        step(&world, &script);
    free(world.own);
    free(world.peer);
    return 0;
}
