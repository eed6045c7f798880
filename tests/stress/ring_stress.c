/*
 * Two threads over one channel, each awake or asleep at random: nothing is lost, doubled, reordered or
 * altered, and no wake-up is lost. Runs under ThreadSanitizer, too.
 *
 *     ring_stress [COUNT]     messages of each phase (default 40000); exit status 0 or 1
 *
 * A lost wake-up would be a sleep without end. Each sleep has a deadline far beyond any honest wait: to
 * reach it is the failure.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/os.h"
#include "librealm/ring/atomics.h"
#include "librealm/ring/ring.h"

#define BYTES        REALM_REGION_DEFAULT_BYTES
#define LOST_WAKE_NS (20 * REALM_SEC)

/* One end of the channel: belongs to one thread. */
struct end {
    struct realm_producer producer;
    struct realm_consumer consumer;
    uint64_t payload_lines[REALM_CONSUMER_WORDS(BYTES)];
    const struct realm_region *peer;
    struct realm_region *own;
    uint64_t random;
    uint64_t count;
    uint64_t sleeps;
};

static void fail(const char *what, uint64_t number)
{
    fprintf(stderr, "ring_stress: %s at message %llu\n", what, (unsigned long long)number);
    exit(1);
}

static uint64_t draw(struct end *end)
{
    end->random ^= end->random << 13;
    end->random ^= end->random >> 7;
    end->random ^= end->random << 17;
    return end->random;
}

static void end_init(struct end *end, struct realm_region *own, struct realm_region *peer, uint64_t seed)
{
    realm_producer_init(&end->producer, REALM_NORMAL, own, peer, BYTES, REALM_QUEUE_MESSAGES);
    realm_consumer_init(&end->consumer, REALM_NORMAL, own, peer, BYTES, end->payload_lines);
    end->own = own;
    end->peer = peer;
    end->random = seed;
    end->sleeps = 0;
}

static void sleep_on(struct end *end, const uint32_t *word, uint32_t seen, uint64_t number)
{
    end->sleeps++;
    struct realm_os_word wait = {.address = word, .seen = seen};
    int error = realm_os_wait(NULL, &wait, 1, realm_os_now_ns(NULL) + LOST_WAKE_NS);
    if (error == REALM_E_TIMEOUT)
        fail("a wake-up was lost", number);
    if (error != 0 && error != REALM_E_WOULD_BLOCK)
        fail("the wait failed", number);
}

/* Mostly spins a little before it sleeps, sometimes sleeps at once: each race gets its turn. */
static bool spin(struct end *end, unsigned *turns)
{
    if ((*turns)++ == 0 && draw(end) % 4 == 0)
        return false;
    realm_spin_pause();
    return *turns < 100;
}

/*
 * Payload and size follow from the number, so that the receiver knows what to expect. In the last phase each
 * message takes three lines and 124 is no multiple of that, so most entries begin where there was payload;
 * and each word of that payload is a commit that fits the line's next turn, but of an entry of one line.
 */
static bool mimicry;

static uint16_t size_of(uint64_t number)
{
    if (mimicry)
        return 3 * REALM_LINE - sizeof(struct realm_entry);
    return (uint16_t)(number % 13 == 0 ? number * 31 % (REALM_PAYLOAD_MAX + 1) : number % 150);
}

static void fill(uint8_t *payload, uint32_t size, uint64_t number)
{
    memset(payload, (int)number, size);
    for (uint32_t at = 0; mimicry && at < size; at += sizeof(uint32_t)) {
        uint32_t line = (at + (uint32_t)sizeof(struct realm_entry)) / REALM_LINE;
        uint32_t commit = (uint32_t)number * 3 + line + 124 + 1;
        memcpy(payload + at, &commit, sizeof commit);
    }
}

static void send(struct end *end, uint64_t number)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message = {
        .kind = REALM_MESSAGE_ONEWAY, .size = size_of(number), .call = (uint32_t)~number, .tag = number};
    fill(payload, message.size, number);
    for (unsigned turns = 0;;) {
        int error = realm_producer_push(&end->producer, &message, payload);
        if (error == 0)
            break;
        if (error != REALM_E_QUEUE_FULL)
            fail(realm_error_text(error), number);
        if (spin(end, &turns))
            continue;
        const uint32_t *word;
        uint32_t seen;
        if (realm_producer_park(&end->producer, message.size, &word, &seen)) {
            sleep_on(end, word, seen, number);
            realm_producer_unpark(&end->producer);
        }
        turns = 0;
    }
    if (realm_region_ring(end->own, end->peer) == REALM_PARKED_FUTEX)
        realm_os_wake(NULL, &end->own->bell);
}

static void receive(struct end *end, uint64_t number)
{
    uint8_t payload[REALM_PAYLOAD_MAX], expected[REALM_PAYLOAD_MAX];
    struct realm_message message;
    for (unsigned turns = 0;;) {
        int error = realm_consumer_pop(&end->consumer, &message, payload, sizeof payload);
        if (error == 0)
            break;
        if (error != REALM_E_WOULD_BLOCK)
            fail(realm_error_text(error), number);
        if (spin(end, &turns))
            continue;
        const uint32_t *word;
        uint32_t seen;
        if (realm_consumer_park(&end->consumer, REALM_PARKED_FUTEX, &word, &seen)) {
            sleep_on(end, word, seen, number);
            realm_consumer_unpark(&end->consumer);
        }
        turns = 0;
    }
    if (realm_consumer_space_wanted(&end->consumer))
        realm_os_wake(NULL, &end->own->tail_lines[REALM_NORMAL]);
    if (message.tag != number || message.call != (uint32_t)~number || message.size != size_of(number))
        fail("lost, doubled, reordered or altered", number);
    fill(expected, message.size, number);
    if (memcmp(payload, expected, message.size) != 0)
        fail("altered payload", number);
}

static void *echo(void *context)
{
    struct end *end = context;
    for (uint64_t number = 0; number < end->count; number++) {
        receive(end, number);
        send(end, number);
    }
    return NULL;
}

static void *drain(void *context)
{
    struct end *end = context;
    for (uint64_t number = 0; number < end->count; number++) {
        receive(end, number);
        /* Now and then the reader is slow, so that the writer finds the ring full. */
        for (uint64_t pause = draw(end) % 64 == 0 ? 2000 : 0; pause != 0; pause--)
            realm_spin_pause();
    }
    return NULL;
}

static void phase(const char *name, void *(*server_thread)(void *), bool replies, uint64_t count)
{
    static struct end client, server;
    struct realm_region *client_region = aligned_alloc(4096, BYTES);
    struct realm_region *server_region = aligned_alloc(4096, BYTES);
    if (client_region == NULL || server_region == NULL)
        fail("out of memory", 0);
    memset(client_region, 0, BYTES);
    memset(server_region, 0, BYTES);
    end_init(&client, client_region, server_region, 88172645463325252u);
    end_init(&server, server_region, client_region, 362436069521288629u);
    client.count = server.count = count;

    pthread_t thread;
    if (pthread_create(&thread, NULL, server_thread, &server) != 0)
        fail("no thread", 0);
    for (uint64_t number = 0; number < count; number++) {
        send(&client, number);
        if (replies)
            receive(&client, number);
    }
    pthread_join(thread, NULL);
    printf("%s: %llu messages, slept %llu and %llu times\n", name, (unsigned long long)count,
           (unsigned long long)client.sleeps, (unsigned long long)server.sleeps);
    free(client_region);
    free(server_region);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 40000;
    phase("ping-pong", echo, true, count);
    phase("one-way", drain, false, count);
    mimicry = true;
    phase("ping-pong with mimicry", echo, true, count);
    phase("one-way with mimicry", drain, false, count);
    return 0;
}
