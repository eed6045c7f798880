/*
 * A small random source for property tests (SplitMix64, by Steele, Lea and Flood): one seed, one sequence, on
 * every machine.
 */
#ifndef TESTS_PROPERTY_RANDOM_H
#define TESTS_PROPERTY_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_u64(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* 0 to limit - 1, or 0 if limit is 0. */
static inline size_t random_below(struct random *random, size_t limit)
{
    return limit ? (size_t)(random_u64(random) % limit) : 0;
}

static inline void random_fill(struct random *random, void *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)memory)[i] = (uint8_t)random_u64(random);
}

#endif
