/*
 * The two races of going to sleep, tried over and over: in each round one thread publishes and asks whether
 * the other sleeps, while the other says that it sleeps and looks whether there is something. That both miss
 * each other is the lost wake-up which the two full fences forbid; a futex hides most of it, because the
 * kernel looks again, a hint pipe would not.
 *
 *     parking_stress [ROUNDS]     of each race (default 25000); exit status 0 or 1
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/ring/atomics.h"
#include "librealm/ring/ring.h"

#define BYTES REALM_REGION_DEFAULT_BYTES
#define LINES 124u

struct channel {
    struct realm_producer producer;
    uint8_t apart[256]; /* the two ends are private to two threads */
    struct realm_consumer consumer;
    uint64_t payload_lines[REALM_CONSUMER_WORDS(BYTES)];
};

static struct channel channel;
static uint64_t rounds = 25000;
static struct {
    uint32_t word;
    uint8_t apart[252];
} turns[2]; /* each thread's own round */
static uint32_t consumer_missed, producer_missed;

/* Both threads leave as close to each other as they can. */
static void meet(unsigned thread, uint32_t round)
{
    realm_store_release(&turns[thread].word, round);
    for (unsigned looks = 0; realm_load_acquire(&turns[1 - thread].word) < round; looks++) {
        if (looks > 1000)
            sched_yield();
    }
}

/* Shifts the two against each other by a few nanoseconds, differently in each round. */
static void drift(uint32_t steps)
{
    for (volatile uint32_t step = 0; step < steps; step++)
        ;
}

static void push(uint16_t size)
{
    static const uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .size = size};
    if (realm_producer_push(&channel.producer, &message, payload) != 0) {
        fprintf(stderr, "parking_stress: a push failed\n");
        exit(1);
    }
}

static void pop(void)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message;
    if (realm_consumer_pop(&channel.consumer, &message, payload, sizeof payload) != 0) {
        fprintf(stderr, "parking_stress: a pop failed\n");
        exit(1);
    }
}

/* The consumer goes to sleep while a message comes. */
static void *consumer_sleeps(void *unused)
{
    for (uint32_t round = 0; round < rounds; round++) {
        const uint32_t *word;
        uint32_t seen;
        meet(1, 3 * round + 1);
        drift(round / 8 % 8);
        bool asleep = realm_consumer_park(&channel.consumer, REALM_PARKED_PIPE, &word, &seen);
        realm_store_relaxed(&consumer_missed, asleep);
        meet(1, 3 * round + 2);
        realm_consumer_unpark(&channel.consumer);
        pop();
        meet(1, 3 * round + 3);
    }
    return unused;
}

static bool message_comes(uint32_t round)
{
    meet(0, 3 * round + 1);
    drift(round % 8);
    push(0);
    bool missed = realm_region_ring(channel.producer.own, channel.producer.peer) == REALM_AWAKE;
    meet(0, 3 * round + 2);
    bool lost = missed && realm_load_relaxed(&consumer_missed) != 0;
    meet(0, 3 * round + 3);
    return lost;
}

/* The producer, with a full ring, goes to sleep while room comes. */
static void *room_comes(void *unused)
{
    for (uint32_t round = 0; round < rounds; round++) {
        meet(1, 3 * round + 1);
        drift(round / 8 % 8);
        pop();
        bool missed = !realm_consumer_space_wanted(&channel.consumer);
        realm_store_relaxed(&consumer_missed, missed);
        meet(1, 3 * round + 2);
        meet(1, 3 * round + 3);
    }
    return unused;
}

static bool producer_sleeps(uint32_t round)
{
    const uint32_t *word;
    uint32_t seen;
    push(LINES / 2 * REALM_LINE - sizeof(struct realm_entry));
    if (round == 0)
        push(LINES / 2 * REALM_LINE - sizeof(struct realm_entry));
    meet(0, 3 * round + 1);
    drift(round % 8);
    realm_store_relaxed(&producer_missed, realm_producer_park(&channel.producer, 0, &word, &seen));
    meet(0, 3 * round + 2);
    bool lost = realm_load_relaxed(&producer_missed) != 0 && realm_load_relaxed(&consumer_missed) != 0;
    realm_producer_unpark(&channel.producer);
    meet(0, 3 * round + 3);
    return lost;
}

static uint64_t race(const char *name, void *(*other)(void *), bool (*self)(uint32_t round))
{
    struct realm_region *own = aligned_alloc(4096, BYTES), *peer = aligned_alloc(4096, BYTES);
    pthread_t thread;
    if (own == NULL || peer == NULL)
        exit(1);
    memset(own, 0, BYTES);
    memset(peer, 0, BYTES);
    memset(turns, 0, sizeof turns);
    realm_producer_init(&channel.producer, REALM_NORMAL, own, peer, BYTES, REALM_QUEUE_MESSAGES);
    realm_consumer_init(&channel.consumer, REALM_NORMAL, peer, own, BYTES, channel.payload_lines);
    if (pthread_create(&thread, NULL, other, NULL) != 0)
        exit(1);
    uint64_t lost = 0;
    for (uint32_t round = 0; round < rounds; round++)
        lost += self(round);
    pthread_join(thread, NULL);
    free(own);
    free(peer);
    printf("%s: %llu of %llu wake-ups lost\n", name, (unsigned long long)lost, (unsigned long long)rounds);
    return lost;
}

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = strtoull(argv[1], NULL, 10);
    if (rounds > UINT32_MAX / 3)
        return 1;
    uint64_t lost = race("a message for a sleeper", consumer_sleeps, message_comes);
    lost += race("room for a sleeper", room_comes, producer_sleeps);
    return lost != 0;
}
