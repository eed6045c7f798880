/*
 * The rule of the checks: a code of the contract, cursors and indices in range, and nothing in the own region
 * that the victim has not stored.
 */
#include "tests/stress/victim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/os.h"

#define PAGE    4096u
#define WAIT_NS 100000u /* of a victim that sleeps: it goes on, whatever wakes it */

struct victim victim;
struct realm_region *own, *flipped;
const struct realm_region *peer;
uint8_t *buffer_end;
uint64_t accepted, faults;

void fail(const char *what, uint64_t detail)
{
    fprintf(stderr, "flipping_stress: %s (%llu)\n", what, (unsigned long long)detail);
    exit(1);
}

/* --- memory --- */

/* A mapping between two pages that nobody may touch. */
static void *guarded(int fd, size_t bytes, int protection)
{
    uint8_t *reserved = mmap(NULL, bytes + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (reserved == MAP_FAILED ||
        mmap(reserved + PAGE, bytes, protection,
             MAP_FIXED | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED), fd, 0) == MAP_FAILED)
        fail("no memory", bytes);
    return reserved + PAGE;
}

void *victim_guarded(size_t bytes)
{
    return guarded(-1, bytes, PROT_READ | PROT_WRITE);
}

void victim_map(void)
{
    int fds[2];
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = memfd_create("flipping", MFD_CLOEXEC);
        if (fds[i] < 0 || ftruncate(fds[i], BYTES) != 0)
            fail("no memfd", i);
    }
    own = guarded(fds[0], BYTES, PROT_READ | PROT_WRITE);
    flipped = guarded(fds[1], BYTES, PROT_READ | PROT_WRITE);
    peer = guarded(fds[1], BYTES, PROT_READ);
    buffer_end = (uint8_t *)guarded(-1, 2 * PAGE, PROT_READ | PROT_WRITE) + 2 * PAGE;
    close(fds[0]);
    close(fds[1]);
}

void victim_begin(void)
{
    memset(own, 0, BYTES);
    realm_producer_init(&victim.producer, REALM_NORMAL, own, peer, BYTES, REALM_QUEUE_MESSAGES);
    realm_consumer_init(&victim.consumer, REALM_NORMAL, own, peer, BYTES, victim.payload_lines);
}

/* --- the victim --- */

static bool is_known(int error)
{
    return error == 0 || error == REALM_E_WOULD_BLOCK || error == REALM_E_PEER_FAULT ||
           error == REALM_E_QUEUE_FULL;
}

void victim_check(void)
{
    if (own->head[REALM_NORMAL] != victim.producer.position ||
        own->tail_lines[REALM_NORMAL] != victim.consumer.position ||
        own->tail_messages[REALM_NORMAL] != victim.consumer.messages)
        fail("the own cursors are not the own ones", own->head[REALM_NORMAL]);
    if (victim.consumer.index >= LINES || victim.producer.index >= LINES ||
        victim.producer.position - victim.producer.seen_lines > LINES)
        fail("an index out of range", victim.consumer.index);
}

/* Takes one message into a buffer that ends at a guard page. Return: as realm_consumer_pop. */
int victim_take(struct realm_message *message, size_t capacity, bool in_place)
{
    const void *payload = NULL;
    uint8_t *buffer = buffer_end - capacity;
    uint32_t before = victim.consumer.position;
    int error = in_place ? realm_consumer_peek(&victim.consumer, message, &payload)
                         : realm_consumer_pop(&victim.consumer, message, buffer, capacity);
    if (!is_known(error) || error == REALM_E_QUEUE_FULL)
        fail("what a pop may not say", (uint64_t)error);
    if (error == 0 && in_place && !payload)
        error = realm_consumer_pop(&victim.consumer, message, buffer, capacity);
    else if (error == 0 && in_place) {
        size_t some = message->size < capacity ? message->size : capacity;
        memcpy(buffer, payload, some);
        if (realm_consumer_consume(&victim.consumer) != 0)
            fail("a consume that fails", 0);
    }
    if (error != 0) {
        faults += error == REALM_E_PEER_FAULT;
        return error;
    }
    accepted++;
    if (message->size > REALM_PAYLOAD_MAX || message->kind < REALM_MESSAGE_CALL ||
        message->kind > REALM_MESSAGE_REPLY)
        fail("a message that is none", message->kind);
    if (victim.consumer.position - before > 2u * REALM_ENTRY_LINES_MAX)
        fail("a message of too many lines", victim.consumer.position - before);
    return 0;
}

/* Return: as realm_producer_push. */
int victim_put(uint16_t size, bool in_place)
{
    struct realm_message message = {.kind = REALM_MESSAGE_REPLY, .size = size, .tag = size};
    uint8_t *payload = buffer_end - size;
    void *place;
    memset(payload, 0x5a, size);
    int error = in_place ? realm_producer_reserve(&victim.producer, size, &place)
                         : realm_producer_push(&victim.producer, &message, payload);
    if (error == 0 && in_place) {
        memcpy(place, payload, size);
        error = realm_producer_commit(&victim.producer, &message);
    }
    if (!is_known(error) || error == REALM_E_WOULD_BLOCK)
        fail("what a push may not say", (uint64_t)error);
    faults += error == REALM_E_PEER_FAULT;
    return error;
}

void victim_park_and_ring(bool sleep)
{
    const uint32_t *words[2];
    uint32_t seen[2];
    if (realm_producer_park(&victim.producer, 100, &words[0], &seen[0])) {
        struct realm_os_word word = {.address = words[0], .seen = seen[0]};
        if (sleep)
            (void)realm_os_wait(NULL, &word, 1, realm_os_now_ns(NULL) + WAIT_NS);
        realm_producer_unpark(&victim.producer);
    }
    if (realm_consumer_park(&victim.consumer, REALM_PARKED_FUTEX, &words[1], &seen[1])) {
        struct realm_os_word word = {.address = words[1], .seen = seen[1]};
        if (sleep)
            (void)realm_os_wait(NULL, &word, 1, realm_os_now_ns(NULL) + WAIT_NS);
        realm_consumer_unpark(&victim.consumer);
    }
    if (own->parked != REALM_AWAKE)
        fail("it believes that it sleeps", own->parked);
    if (realm_region_ring(own, peer) > (REALM_PARKED_FUTEX | REALM_PARKED_PIPE))
        fail("a sleeper of no kind", 0);
    (void)realm_consumer_space_wanted(&victim.consumer);
    (void)realm_producer_has_room(&victim.producer, 4096);
}
