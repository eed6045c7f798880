/* Notifications at the ring: toggled, taken, set again; and whatever the other side's word says. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "librealm/ring/bits.h"

static struct realm_region client, server;
static uint64_t toggled, taken;

static void fresh(void)
{
    client = (struct realm_region){.parked = 0};
    server = (struct realm_region){.parked = 0};
    toggled = taken = 0;
}

static uint64_t take_all(void)
{
    uint64_t bits = realm_bits_set(&client, taken);
    realm_bits_take(&server, &taken, bits);
    return bits;
}

Test(bits, each_is_told_once_and_can_be_told_again, .init = fresh)
{
    /* Goal: a bit that is set rings once; one that was taken rings again, and no other comes along. */
    for (unsigned round = 0; round < 1000; round++) {
        const uint64_t one = UINT64_C(1) << (round % 64u), two = UINT64_C(1) << (round * 7u % 64u);
        cr_assert(realm_bits_raise(&client, &server, &toggled, one));
        cr_assert_not(realm_bits_raise(&client, &server, &toggled, one));
        cr_assert_eq(realm_bits_raise(&client, &server, &toggled, one | two), one != two);
        cr_assert_eq(take_all(), one | two);
        cr_assert_eq(take_all(), 0);
    }
    cr_assert_not(realm_bits_raise(&client, &server, &toggled, 0));
    cr_assert(realm_bits_raise(&client, &server, &toggled, UINT64_MAX));
    cr_assert_eq(take_all(), UINT64_MAX);
}

Test(bits, some_may_be_taken_and_others_left, .init = fresh)
{
    /* Goal: what is set between the look and the taking stays set. */
    cr_assert(realm_bits_raise(&client, &server, &toggled, 3));
    uint64_t seen = realm_bits_set(&client, taken);
    cr_assert(realm_bits_raise(&client, &server, &toggled, 12));
    realm_bits_take(&server, &taken, seen);
    cr_assert_eq(take_all(), 12);
}

Test(bits, a_false_word_is_its_writers_loss, .init = fresh)
{
    /* Goal: whatever the consumer claims to have taken, the producer writes its own word and nothing else,
     * and goes on with the next honest value; whatever the producer's word is, it is a set of bits. */
    srand(7);
    for (unsigned round = 0; round < 1000; round++) {
        server.bits_taken = (uint64_t)rand() << 33 ^ (uint64_t)rand();
        (void)realm_bits_raise(&client, &server, &toggled, (uint64_t)rand());
        cr_assert_eq(client.bits, toggled);
    }
    (void)take_all();
    cr_assert_eq(server.bits_taken, client.bits);
    cr_assert(realm_bits_raise(&client, &server, &toggled, 1));
    cr_assert_eq(take_all(), 1);
    client.bits = ~client.bits;
    cr_assert_eq(take_all(), UINT64_MAX);
}
