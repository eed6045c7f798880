/*
 * Notifications between two threads: in each round one tells something and sets a bit, twice in quick
 * succession, while the other takes bits as they come. What was told last must be seen by whoever takes the
 * bit last; without the two full fences a bit that is found set already may have been taken by somebody who
 * saw only what was told before.
 *
 *     bits_stress [ROUNDS]     default 200000, a tenth under ThreadSanitizer; exit status 0 or 1
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "librealm/ring/bits.h"

#define PATIENCE 200000000u /* looks, many of them with a yield: a lost bit never comes */

#define APART __attribute__((aligned(128))) /* no two in one line, or in a pair that is fetched together */

/* A region ends in its rings, for which there is no need here; so it stands alone. */
static struct realm_region client APART;
static struct realm_region server APART;
static struct {
    uint32_t told[64] APART; /* what each bit tells of */
    uint32_t seen[64] APART;
} shared;

#if defined(__SANITIZE_THREAD__)
static uint32_t rounds = 20000;
#else
static uint32_t rounds = 200000;
#endif
static uint32_t stop;

/* Shifts the two against each other by a few nanoseconds, differently in each round. */
static void drift(uint32_t steps)
{
    for (volatile uint32_t step = 0; step < steps; step++)
        ;
}

static void *take(void *argument)
{
    (void)argument;
    uint64_t taken = 0;
    for (uint32_t looks = 0; realm_load_acquire(&stop) == 0; looks++) {
        uint64_t bits = realm_bits_set(&client, taken);
        if (bits == 0) {
            if (looks % 1024 == 0)
                sched_yield();
            continue;
        }
        realm_bits_take(&server, &taken, bits);
        for (; bits != 0; bits &= bits - 1u) {
            const unsigned bit = (unsigned)__builtin_ctzll(bits);
            realm_store_release(&shared.seen[bit], realm_load_relaxed(&shared.told[bit]));
        }
    }
    return NULL;
}

/* Whether the bit's last news is seen in the end. */
static int await(unsigned bit)
{
    for (uint32_t looks = 0; looks < PATIENCE; looks++) {
        if (realm_load_acquire(&shared.seen[bit]) == realm_load_relaxed(&shared.told[bit]))
            return 1;
        if (looks % 1024 == 1023)
            sched_yield();
    }
    return 0;
}

int main(int argc, char **argv)
{
    pthread_t taker;
    uint64_t toggled = 0;
    if (argc > 1)
        rounds = (uint32_t)strtoul(argv[1], NULL, 10);
    if (pthread_create(&taker, NULL, take, NULL) != 0)
        return 1;
    for (uint32_t round = 0; round < rounds; round++) {
        const unsigned bit = round % 64u;
        for (uint32_t time = 0; time < 2; time++) {
            realm_store_relaxed(&shared.told[bit], 2u * round + time + 1u);
            (void)realm_bits_raise(&client, &server, &toggled, UINT64_C(1) << bit);
            drift(round % 97u);
        }
        if (!await(bit)) {
            fprintf(stderr, "bits_stress: round %u: a notification was lost\n", round);
            return 1;
        }
    }
    realm_store_release(&stop, 1);
    pthread_join(taker, NULL);
    printf("bits_stress: %u rounds\n", rounds);
    return 0;
}
