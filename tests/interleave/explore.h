/*
 * Systematic interleaving of two threads over two regions of shared memory.
 *
 * The threads are coroutines. Before each access to shared memory stands a point at which something else may
 * happen: the other thread goes on instead; the store to come, and all that this thread stores after it, is
 * held back from the other (a store buffer); what is held back comes out; the memory is taken away. Usually
 * none of this happens: a thread runs until it sleeps or ends, and its stores are seen at once. Each thing
 * that does happen is a deviation; all executions with at most so many deviations are run, one after the
 * other.
 *
 * Region 0 is written by thread 0 alone, region 1 by thread 1. Their addresses are reserved and nothing is
 * mapped there; the bytes lie elsewhere.
 *
 * What fails ends the program with the steps that led there.
 */
#ifndef TESTS_INTERLEAVE_EXPLORE_H
#define TESTS_INTERLEAVE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPLORE_BYTES (4u * 4416u) /* of a region: the smallest that the ring takes */

struct explore_scenario {
    const char *name;
    void (*begin)(void); /* sets up private memory; the regions are zero */
    void (*threads[2])(void);
    void (*end)(void); /* both threads have ended, and nothing is held back */
    bool revokes;      /* the memory may be taken away once, at any point */
    /* A hostile peer: at any point one of so many changes may be made to the bytes of the regions. Then it is
     * no failure that nobody wakes a thread. */
    unsigned tampers;
    void (*tamper)(unsigned number);
};

/*
 * Runs all executions with at most so many deviations. weak: a single store that is no release can also be
 * held back alone, so that later ones overtake it, up to the thread's next release or fence.
 * Return: how many executions there were.
 */
uint64_t explore_all(const struct explore_scenario *scenario, unsigned deviations, bool weak);

/* The address of a region for the code under test, and its bytes for who sets them up. */
void *explore_region(unsigned thread);
uint8_t *explore_bytes(unsigned thread);
bool explore_is_revoked(void);
bool explore_is_tampered(void);

__attribute__((noreturn, format(printf, 1, 2))) void explore_fail(const char *format, ...);

/* --- steps --- */

uint64_t explore_load(const void *address, unsigned bytes);
void explore_store(void *address, uint64_t value, unsigned bytes, bool release);
void explore_fence(void);
uint32_t explore_load_gone(const uint32_t *gone); /* of private memory */
/* As memcpy; between private memory and a region in four pieces, each a step. */
void *explore_copy(void *to, const void *from, size_t size);

/* --- the kernel --- */

/* A futex wait: compares and goes to sleep as one step; no fence. */
void explore_wait(const uint32_t *word, uint32_t seen);
/* A futex wake: a fence, then whoever sleeps on the word is awake. */
void explore_wake(const uint32_t *word);
/* The hint pipe of the other thread, and one's own. */
void explore_hint(void);
void explore_wait_for_hint(void);

#endif
