/* Steps from block to block, counted in a table by a hash of both (as AFL does); how often only by magnitude.
 */
#include "tools/fuzz/coverage.h"

#include <stdint.h>
#include <string.h>

#define STEPS 65536u

static _Alignas(64) uint8_t taken[STEPS]; /* by this case; stays at 255 */
static _Alignas(64) uint8_t known[STEPS]; /* by all: a bit for each magnitude */
static uint64_t last;
static size_t distinct;

void __sanitizer_cov_trace_pc(void)
{
    /* Counted from a place in the program, wherever it was loaded: one seed is one search. */
    uint64_t distance = (uintptr_t)__builtin_return_address(0) - (uintptr_t)&coverage_begin;
    uint64_t here = distance * UINT64_C(0x9e3779b97f4a7c15) >> 40;
    uint8_t *count = &taken[(here ^ last) % STEPS];
    last = here >> 1;
    *count = (uint8_t)(*count + (*count < 255));
}

void coverage_begin(void)
{
    memset(taken, 0, sizeof taken);
    last = 0;
}

/* 1, 2, 3, 4–7, 8–15, 16–31, 32–127, 128 and more. */
static uint8_t magnitude(uint8_t count)
{
    static const uint8_t from[] = {1, 2, 3, 4, 8, 16, 32, 128};
    unsigned bit = 0;
    while (bit < 7 && count >= from[bit + 1])
        bit++;
    return (uint8_t)(1u << bit);
}

bool coverage_is_new(void)
{
    bool fresh = false;
    for (size_t i = 0; i < STEPS; i += 8) {
        uint64_t eight;
        memcpy(&eight, &taken[i], sizeof eight);
        for (size_t j = i; eight && j < i + 8; j++) {
            uint8_t bit = taken[j] ? magnitude(taken[j]) : 0;
            if (!(bit & ~known[j]))
                continue;
            distinct += known[j] == 0;
            known[j] |= bit;
            fresh = true;
        }
    }
    return fresh;
}

size_t coverage_count(void)
{
    return distinct;
}
