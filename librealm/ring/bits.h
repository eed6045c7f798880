/*
 * Notifications: a set of 64 bits that wakes, without a message.
 *
 * The producer's word has a bit that *toggles* for each notification, and only the producer writes it. The
 * consumer has a word of its own, in its own region: what it has taken. A bit that differs between the two is
 * set; one that was taken toggles again for the next notification; one that is still set is set already, and
 * nothing is written. So nobody writes into another's region, and a bit cannot toggle back unseen.
 *
 * The rule: what is coalesced was not taken yet by somebody who could miss what came before. The producer
 * stores what it has to tell, fences, loads what was taken; the consumer stores what it takes, fences, loads
 * what there is to tell. One of the two loads sees the other's store: if the producer finds its bit still
 * set, the consumer that takes it will see everything.
 *
 * Both words are claims to the other side: any value is a set of bits, which the sender may send anyway, and
 * any value of what was taken costs notifications to none but its writer.
 */
#ifndef REALM_RING_BITS_H
#define REALM_RING_BITS_H

#include <stdbool.h>
#include <stdint.h>

#include "librealm/ring/atomics.h"
#include "librealm/ring/ring.h"

/* Sets bits. toggled is the producer's private copy of its word, 0 at first. Return: whether any of them was
 * not set already: then ring the bell. */
static inline bool realm_bits_raise(struct realm_region *own, const struct realm_region *peer,
                                    uint64_t *toggled, uint64_t bits)
{
    /* What the caller has to tell, before the load of what was taken. */
    realm_fence_full();
    uint64_t fresh = bits & ~(*toggled ^ realm_load_relaxed64(&peer->bits_taken));
    if (fresh == 0)
        return false;
    *toggled ^= fresh;
    realm_store_release64(&own->bits, *toggled);
    return true;
}

/* The bits that are set. taken is the consumer's private copy of what it took, 0 at first. */
static inline uint64_t realm_bits_set(const struct realm_region *peer, uint64_t taken)
{
    return realm_load_acquire64(&peer->bits) ^ taken;
}

/* Takes bits that were found set. What they stand for is looked at after this. */
static inline void realm_bits_take(struct realm_region *own, uint64_t *taken, uint64_t bits)
{
    *taken ^= bits;
    realm_store_release64(&own->bits_taken, *taken);
    /* What was taken, before the loads of what there is to tell. */
    realm_fence_full();
}

#endif
