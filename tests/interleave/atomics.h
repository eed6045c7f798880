/*
 * In place of librealm/ring/atomics.h: each access to shared memory is a step of the explorer (explore.h).
 *
 * This is included before anything else (-include), and keeps the other file out by its guard. What it leaves
 * out, the ring does not use: then it would not compile. memcpy is replaced as well, after <string.h>; an
 * access that comes neither through here nor through memcpy ends the program, since nothing is mapped where
 * the regions are said to be.
 */
#ifndef REALM_RING_ATOMICS_H
#define REALM_RING_ATOMICS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tests/interleave/explore.h"

#define memcpy explore_copy

typedef uint64_t realm_word64 __attribute__((__may_alias__));

static inline uint32_t realm_load_acquire(const uint32_t *word)
{
    return (uint32_t)explore_load(word, sizeof *word);
}

static inline uint32_t realm_load_relaxed(const uint32_t *word)
{
    return (uint32_t)explore_load(word, sizeof *word);
}

static inline void realm_store_release(uint32_t *word, uint32_t value)
{
    explore_store(word, value, sizeof *word, true);
}

static inline void realm_store_relaxed(uint32_t *word, uint32_t value)
{
    explore_store(word, value, sizeof *word, false);
}

static inline uint64_t realm_load_acquire64(const realm_word64 *word)
{
    return explore_load(word, sizeof *word);
}

static inline uint64_t realm_load_relaxed64(const realm_word64 *word)
{
    return explore_load(word, sizeof *word);
}

static inline void realm_store_release64(realm_word64 *word, uint64_t value)
{
    explore_store(word, value, sizeof *word, true);
}

static inline void realm_store_relaxed64(realm_word64 *word, uint64_t value)
{
    explore_store(word, value, sizeof *word, false);
}

static inline void realm_fence_full(void)
{
    explore_fence();
}

/* As where it is no exchange: the store may be held back until the fence. */
static inline void realm_store_and_fence(uint32_t *word, uint32_t value)
{
    explore_store(word, value, sizeof *word, true);
    explore_fence();
}

static inline uint32_t realm_load_gone(const uint32_t *gone)
{
    return explore_load_gone(gone);
}

static inline void realm_prefetch_write(const void *line)
{
    (void)line;
}

#endif
