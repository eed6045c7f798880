/*
 * Makes the seed corpora of the control, launch and pack targets (tests/fuzz/README.md says how to run it).
 *
 * One packet of each type of each protocol, from the generator of the property tests with a fixed seed,
 * without its trailing zeros (the targets put them back); and a few packed messages with their scripts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/pack.h>

#include "tests/property/packets.h"

#define SEED_MAX 600u /* bytes of one file: a grant, whose last field is never zero, takes 545 */

static void write_seed(const char *corpus, const char *target, const char *name, const void *bytes,
                       size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s/%s", corpus, target, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

typedef size_t make_packet(struct random *random, unsigned type, union packet *ret_packet);

#define MAKE(protocol, side)                                                                                 \
    static size_t make_##protocol##_##side(struct random *random, unsigned type, union packet *ret_packet)   \
    {                                                                                                        \
        return packets_##protocol##_##side(random, (enum realm_##protocol##_type)type, ret_packet);          \
    }
MAKE(control, request)
MAKE(control, event)
MAKE(launch, request)
MAKE(launch, event)

/* Draws packets of each type from first to last until one is small enough. */
static void write_packets(const char *corpus, const char *target, make_packet *make, unsigned first,
                          unsigned last)
{
    for (unsigned type = first; type <= last; type++) {
        struct random random = {type};
        union packet packet;
        size_t size;
        do {
            size = make(&random, type, &packet);
            while (size > 0 && packet.bytes[size - 1] == 0)
                size--;
        } while (size > SEED_MAX);
        char name[32];
        snprintf(name, sizeof name, "type-%u", type);
        write_seed(corpus, target, name, packet.bytes, size);
    }
}

static void write_messages(const char *corpus)
{
    uint8_t seed[SEED_MAX] = {5, 0, 0, 1, 0, 2, 63, 3, 0, 2, 0};
    struct realm_pack pack;
    realm_pack_init(&pack, seed + 11, sizeof seed - 11);
    realm_pack_u32(&pack, 7);
    realm_pack_u64(&pack, UINT64_MAX);
    realm_pack_string(&pack, "k\xc3\xa4se \xf0\x9f\xa7\x80");
    realm_pack_bytes(&pack, seed, 32);
    realm_pack_string(&pack, "");
    write_seed(corpus, "pack", "all-kinds", seed, 11 + pack.size);
    write_seed(corpus, "pack", "cut", seed, 11 + pack.size - 1);
    write_seed(corpus, "pack", "left-over", seed, 11 + pack.size + 1);

    static const uint8_t long_claim[] = {1, 3, 0, 0xff, 0xff, 0xff, 0xff, 'a'};
    static const uint8_t with_nul[] = {1, 2, 255, 3, 0, 0, 0, 'a', 0, 'b'};
    static const uint8_t not_utf8[] = {1, 2, 255, 3, 0, 0, 0, 0xed, 0xa0, 0x80};
    write_seed(corpus, "pack", "long-claim", long_claim, sizeof long_claim);
    write_seed(corpus, "pack", "with-nul", with_nul, sizeof with_nul);
    write_seed(corpus, "pack", "not-utf8", not_utf8, sizeof not_utf8);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
        return 2;
    }
    write_packets(argv[1], "control", make_control_request, REALM_CONTROL_HELLO, REALM_CONTROL_SEAL);
    write_packets(argv[1], "control", make_control_event, REALM_CONTROL_REPLY, REALM_CONTROL_MAPPED);
    write_packets(argv[1], "launch", make_launch_request, REALM_LAUNCH_SPAWN, REALM_LAUNCH_MEMORY);
    write_packets(argv[1], "launch", make_launch_event, REALM_LAUNCH_SPAWNED, REALM_LAUNCH_OPENED);
    write_messages(argv[1]);
    return 0;
}
