/*
 * How long to spin before a sleep.
 *
 * Waking a processor that sleeps costs tens of times what a call costs between two that are awake, so it
 * pays to look a little longer before going to sleep, as long as looking often finds something. The time is
 * counted in turns of realm_os_spin, measured against the clock once; no turn reads the clock.
 *
 * The rule: a spin that found something makes the next one longer, up to the cap; one that did not halves
 * it, down to nothing; and from nothing, one sleep in many tries the cap again. With one processor, nobody
 * else runs while this one spins: then never.
 */
#include "librealm/client/internal.h"

#define START_NS      40000u
#define CAP_NS        100000u
#define FLOOR_NS      1000u /* below, a spin is not worth its look at the budget */
#define RETRY_SLEEPS  64u   /* one sleep in so many spins after all */
#define SAMPLE_TURNS  64u
#define SAMPLE_ROUNDS 3u

/* The shortest of a few samples: an interruption makes a sample longer, nothing makes it shorter. */
static void calibrate(struct realm *realm)
{
    uint64_t best_ns = UINT64_MAX;
    for (unsigned round = 0; round < SAMPLE_ROUNDS; round++) {
        uint64_t start_ns = realm_os_now_ns(realm->os);
        for (unsigned turn = 0; turn < SAMPLE_TURNS; turn++) {
            for (unsigned look = 0; look < REALM_SPIN_LOOKS; look++)
                (void)realm_epoch_changed(realm); /* as any look at a line that has not changed */
            realm_os_spin(realm->os);
        }
        uint64_t sample_ns = realm_os_now_ns(realm->os) - start_ns;
        if (sample_ns < best_ns)
            best_ns = sample_ns;
    }
    uint64_t turn_ns = best_ns / SAMPLE_TURNS;
    realm->spin_turn_ns = turn_ns == 0 ? 1u : turn_ns < CAP_NS ? (uint32_t)turn_ns : CAP_NS;
    realm->spin_call.turns = realm->spin_loop.turns = realm->spin_room.turns = START_NS / realm->spin_turn_ns;
}

uint32_t realm_spin_turns(struct realm *realm, struct realm_spin *spin, uint64_t left_ns)
{
    if (realm->cpus < 2)
        return 0;
    if (__builtin_expect(realm->spin_turn_ns == 0, 0))
        calibrate(realm);
    uint32_t turns = spin->turns;
    if (turns == 0 && ++spin->sleeps >= RETRY_SLEEPS) {
        spin->sleeps = 0;
        turns = CAP_NS / realm->spin_turn_ns;
    }
    if (left_ns >= CAP_NS + realm->spin_turn_ns)
        return turns;
    uint32_t fit = (uint32_t)left_ns / realm->spin_turn_ns;
    return fit < turns ? fit : turns;
}

void realm_spin_learn(struct realm *realm, struct realm_spin *spin, bool found)
{
    uint32_t cap = CAP_NS / realm->spin_turn_ns;
    if (!found) {
        spin->turns /= 2;
        if (spin->turns < FLOOR_NS / realm->spin_turn_ns)
            spin->turns = 0;
    } else if (spin->turns == 0) {
        spin->turns = cap;
    } else if (spin->turns < cap) {
        uint32_t longer = spin->turns + spin->turns / 4u + 1u;
        spin->turns = longer < cap ? longer : cap;
    }
}
