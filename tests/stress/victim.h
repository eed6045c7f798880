/*
 * The victim of a peer that flips what lies in its own region: one end of a channel, and what it does.
 *
 * Its region lies between guard pages, the peer's is read-only to it, and each buffer ends at a guard page.
 * What it notices of what must not be ends the program.
 */
#ifndef TESTS_STRESS_VICTIM_H
#define TESTS_STRESS_VICTIM_H

#include "librealm/ring/ring.h"

#define BYTES REALM_REGION_DEFAULT_BYTES
#define LINES 124u

struct victim {
    struct realm_producer producer;
    struct realm_consumer consumer;
    uint64_t payload_lines[REALM_CONSUMER_WORDS(BYTES)];
};
extern struct victim victim;

extern struct realm_region *own;        /* the victim's region */
extern const struct realm_region *peer; /* the peer's, read-only */
extern struct realm_region *flipped;    /* … and as the peer sees it */
extern uint8_t *buffer_end;             /* a guard page begins here */
extern uint64_t accepted, faults;       /* messages, and false claims that were noticed */

__attribute__((noreturn)) void fail(const char *what, uint64_t detail);

/* Maps all memory, once. */
void victim_map(void);
/* Private memory between two pages that nobody may touch. */
void *victim_guarded(size_t bytes);

/* A fresh end; the own region is zero. */
void victim_begin(void);
/* Takes one message into a buffer of so many bytes before buffer_end. Return: as realm_consumer_pop. */
int victim_take(struct realm_message *message, size_t capacity, bool in_place);
/* Sends a message of that size. Return: as realm_producer_push. */
int victim_put(uint16_t size, bool in_place);
/* Parks both ways and wakes up at once, or sleeps for a moment; rings the bell; looks for who wants room. */
void victim_park_and_ring(bool sleep);
/* Whether the own cursors are the own ones, and every index is in range. */
void victim_check(void);

#endif
