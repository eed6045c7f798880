/*
 * Notifications in three sets of the same bit, each telling of something newer: whoever takes the bit last
 * sees what was told last, and no set is left with its taker asleep.
 */
#include "tests/interleave/notes.h"

#include "librealm/ring/bits.h"
#include "tests/interleave/explore.h"

#define TOLD 3u

static uint64_t toggled, taken;
static uint32_t seen;

static struct realm_region *region(unsigned thread)
{
    return explore_region(thread);
}

/* What is told lies where the first queue would. */
static uint32_t *news(void)
{
    return (uint32_t *)(void *)region(0)->lines;
}

void notes_begin(void)
{
    toggled = taken = 0;
    seen = 0;
}

void notes_client(void)
{
    for (uint32_t number = 1; number <= TOLD; number++) {
        realm_store_relaxed(news(), number);
        if (!realm_bits_raise(region(0), region(1), &toggled, 1))
            continue;
        if (realm_region_ring(region(0), region(1)) & REALM_PARKED_FUTEX)
            explore_wake(&region(0)->bell);
    }
}

/* As realm_sleep_park_link: parked, then the second look, then the wait. */
static void sleep_for_bits(void)
{
    struct realm_consumer consumer = {.own = region(1), .peer = region(0)};
    const uint32_t *word;
    uint32_t bell;
    realm_consumer_listen(&consumer, REALM_PARKED_FUTEX, &word, &bell);
    if (realm_bits_set(region(0), taken) == 0)
        explore_wait(word, bell);
    realm_consumer_unpark(&consumer);
}

void notes_server(void)
{
    while (seen != TOLD) {
        const uint64_t bits = realm_bits_set(region(0), taken);
        if (bits > 1)
            explore_fail("a bit that nobody set");
        if (bits == 0) {
            sleep_for_bits();
            continue;
        }
        realm_bits_take(region(1), &taken, bits);
        seen = realm_load_relaxed(news());
    }
}

void notes_end(void)
{
    if (seen != TOLD)
        explore_fail("what was told last was not seen");
}
