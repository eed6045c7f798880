/*
 * SipHash-2-4: two rounds for each word of eight bytes, four at the end.
 *
 * The message is cut into little-endian words; the last one carries what is left over in its low bytes and
 * the length, modulo 256, in its highest, so that no message is another one's beginning.
 */
#include "librealm/core/siphash.h"

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static uint64_t load_little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t word = 0;
    for (size_t i = 0; i < size; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static void rounds(struct state *state, unsigned count)
{
    uint64_t v0 = state->v0, v1 = state->v1, v2 = state->v2, v3 = state->v3;
    while (count-- > 0) {
        v0 += v1;
        v1 = rotate(v1, 13) ^ v0;
        v0 = rotate(v0, 32);
        v2 += v3;
        v3 = rotate(v3, 16) ^ v2;
        v0 += v3;
        v3 = rotate(v3, 21) ^ v0;
        v2 += v1;
        v1 = rotate(v1, 17) ^ v2;
        v2 = rotate(v2, 32);
    }
    *state = (struct state){v0, v1, v2, v3};
}

static void absorb(struct state *state, uint64_t word)
{
    state->v3 ^= word;
    rounds(state, 2);
    state->v0 ^= word;
}

uint64_t realm_siphash(const uint8_t key[16], const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t key0 = load_little_endian(key, 8), key1 = load_little_endian(key + 8, 8);
    /* The constants spell "somepseudorandomlygeneratedbytes". */
    struct state state = {
        .v0 = key0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = key1 ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = key1 ^ UINT64_C(0x7465646279746573),
    };
    size_t whole = size - size % 8;
    for (size_t offset = 0; offset < whole; offset += 8)
        absorb(&state, load_little_endian(bytes + offset, 8));

    uint64_t last = (uint64_t)size << 56;
    if (size % 8 != 0)
        last |= load_little_endian(bytes + whole, size % 8);
    absorb(&state, last);

    state.v2 ^= 0xff;
    rounds(&state, 4);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
