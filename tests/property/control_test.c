/*
 * The decoders of the control and the launch protocol, over generated packets and whatever can become of
 * them.
 *
 * The property (judge.h): a packet is refused, or what comes out is what was sent and all that the headers
 * promise holds for it. Nothing that is cut, grown, flipped or made up gets past that.
 */
#include <criterion/criterion.h>

#include "tests/property/judge.h"
#include "tests/property/packets.h"

struct kind {
    const struct judge *judge;
    size_t (*make)(struct random *random, unsigned type, union packet *ret_packet);
    unsigned first, last; /* types */
};

#define MAKE(protocol, side)                                                                                 \
    static size_t make_##protocol##_##side(struct random *random, unsigned type, union packet *ret_packet)   \
    {                                                                                                        \
        return packets_##protocol##_##side(random, (enum realm_##protocol##_type)type, ret_packet);          \
    }
MAKE(control, request)
MAKE(control, event)
MAKE(launch, request)
MAKE(launch, event)

static const struct kind kinds[] = {
    {&judge_control_request, make_control_request, REALM_CONTROL_HELLO, REALM_CONTROL_SEAL},
    {&judge_control_event, make_control_event, REALM_CONTROL_REPLY, REALM_CONTROL_MAPPED},
    {&judge_launch_request, make_launch_request, REALM_LAUNCH_SPAWN, REALM_LAUNCH_MEMORY},
    {&judge_launch_event, make_launch_event, REALM_LAUNCH_SPAWNED, REALM_LAUNCH_OPENED},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* Calls visit with rounds packets of every type of every kind. */
static void each_packet(uint64_t seed, unsigned rounds,
                        void (*visit)(const struct kind *kind, const union packet *packet, size_t size,
                                      struct random *random))
{
    for (size_t k = 0; k < KINDS; k++) {
        for (unsigned type = kinds[k].first; type <= kinds[k].last; type++) {
            struct random random = {seed + 1000 * k + type};
            for (unsigned round = 0; round < rounds; round++) {
                union packet packet;
                size_t size = kinds[k].make(&random, type, &packet);
                visit(&kinds[k], &packet, size, &random);
            }
        }
    }
}

/* Fails the test with what the packet was, unless the judge is content. Returns the decoder's answer. */
static int judged(const struct kind *kind, const void *packet, size_t size)
{
    int error;
    const char *broken = judge_packet(kind->judge, packet, size, &error);
    if (broken) {
        const struct realm_control_header *header = packet;
        cr_assert_fail("type %u, %zu bytes, answer %s: %s", size >= sizeof *header ? header->type : 0, size,
                       realm_error_name(error), broken);
    }
    return error;
}

static void accept_packet(const struct kind *kind, const union packet *packet, size_t size,
                          struct random *random)
{
    (void)random;
    int error = judged(kind, packet, size);
    cr_assert_eq(error, 0, "type %u: %s", packet->header.type, realm_error_name(error));
}

Test(control, accepts_every_valid_packet)
{
    /* Goal: what the generator makes by the headers' rules is accepted, and comes out as it went in. */
    each_packet(1, 500, accept_packet);
}

static void refuse_other_sizes(const struct kind *kind, const union packet *packet, size_t size,
                               struct random *random)
{
    (void)random;
    for (size_t cut = 0; cut < size; cut++)
        cr_assert_eq(judged(kind, packet, cut), REALM_E_PROTOCOL);
    for (size_t grown = size + 1; grown <= sizeof *packet; grown += 1 + grown / 8)
        cr_assert_eq(judged(kind, packet, grown), REALM_E_PROTOCOL);
    /* A header that agrees with the wrong size does not help. */
    union packet lying = *packet;
    lying.header.size = (uint32_t)size - 1;
    cr_assert_eq(judged(kind, &lying, size - 1), REALM_E_PROTOCOL);
    lying.header.size = (uint32_t)size + 1;
    cr_assert_eq(judged(kind, &lying, size + 1), REALM_E_PROTOCOL);
}

Test(control, refuses_every_truncation_and_extension)
{
    /* Goal: a packet has one size. */
    each_packet(2, 2, refuse_other_sizes);
}

static void refuse_other_decoders(const struct kind *kind, const union packet *packet, size_t size,
                                  struct random *random)
{
    (void)random;
    for (size_t other = 0; other < KINDS; other++) {
        bool same_protocol = (kind - kinds) / 2 == (ptrdiff_t)other / 2;
        if (same_protocol && kind != &kinds[other])
            cr_assert_eq(judged(&kinds[other], packet, size), REALM_E_PROTOCOL);
        else if (!same_protocol)
            judged(&kinds[other], packet, size);
    }
}

Test(control, refuses_packets_of_the_other_side)
{
    /* Goal: nobody is fooled by an answer where a request belongs, or the other way round. */
    each_packet(3, 20, refuse_other_decoders);
}

static void flip_each_bit(const struct kind *kind, const union packet *packet, size_t size,
                          struct random *random)
{
    (void)random;
    union packet flipped = *packet;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        flipped.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int error = judged(kind, &flipped, size);
        /* Of the first eight bytes (version, type, size) only the type has another meaning that fits. */
        bool type_field = bit >= 16 && bit < 32;
        if (bit < 64 && !type_field)
            cr_assert_eq(error, REALM_E_PROTOCOL);
        flipped.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

Test(control, survives_every_bit_flip)
{
    /* Goal: each bit of each type of packet, alone: refused, or still well formed. */
    each_packet(4, 2, flip_each_bit);
}

/* One change of a kind that an attacker would try. */
static void mutate(struct random *random, union packet *packet, size_t size)
{
    static const uint64_t interesting[] = {0,      1,      0x7f,       0x80,       0xff,
                                           0x7fff, 0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX};
    size_t at = random_below(random, size), other = random_below(random, size);
    size_t length = 1 + random_below(random, size - (at > other ? at : other));
    uint64_t value = interesting[random_below(random, sizeof interesting / sizeof interesting[0])];
    size_t width = (size_t)1 << random_below(random, 4);
    switch (random_below(random, 5)) {
    case 0:
        packet->bytes[at] = (uint8_t)random_u64(random);
        break;
    case 1:
        memcpy(packet->bytes + at, &value, width < size - at ? width : size - at);
        break;
    case 2:
        memmove(packet->bytes + at, packet->bytes + other, length);
        break;
    case 3:
        memset(packet->bytes + at, (int)random_below(random, 3), length);
        break;
    default: /* an aligned field becomes a little more or less */
        packet->bytes[at & ~(size_t)3] =
            (uint8_t)(packet->bytes[at & ~(size_t)3] + random_below(random, 3) - 1);
        break;
    }
}

static void mutate_often(const struct kind *kind, const union packet *packet, size_t size,
                         struct random *random)
{
    for (unsigned i = 0; i < 50; i++) {
        union packet mutated = *packet;
        for (size_t changes = 1 + random_below(random, 4); changes > 0; changes--)
            mutate(random, &mutated, size);
        if (random_below(random, 2)) /* half of them get past the header */
            mutated.header = packet->header;
        judged(kind, &mutated, size);
    }
}

Test(control, survives_random_changes)
{
    /* Goal: several changes at once, half of them behind an intact header. */
    each_packet(5, 40, mutate_often);
}

static void random_body(const struct kind *kind, const union packet *packet, size_t size,
                        struct random *random)
{
    union packet made = *packet;
    random_fill(random, made.bytes + sizeof made.header, size - sizeof made.header);
    judged(kind, &made, size);
    random_fill(random, made.bytes, size);
    judged(kind, &made, size);
}

Test(control, survives_random_bytes)
{
    /* Goal: noise behind a valid header, and noise alone. */
    each_packet(6, 100, random_body);
}
