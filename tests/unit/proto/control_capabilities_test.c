/* The control protocol's checks of what is about capabilities and memory. */
#include "librealm/proto/control.h"

#include <criterion/criterion.h>

#include <realm/error.h>

static int decode(const void *packet)
{
    union realm_control_request request;
    const struct realm_control_header *header = packet;
    return realm_control_decode_request(packet, realm_control_size(header->type), &request);
}

static int decode_event(const void *packet)
{
    union realm_control_event event;
    const struct realm_control_header *header = packet;
    return realm_control_decode_event(packet, realm_control_size(header->type), &event);
}

Test(control, bounds_memory)
{
    /* Goal: so many bytes are so many equal parts of whole pages, few and not large; the same in both
     * directions. */
    static const struct {
        uint64_t bytes;
        uint32_t parts;
        int expected;
    } cases[] = {
        {4096, 1, 0},
        {8 * 4096, 8, 0},
        {UINT64_C(8) << 20, 8, 0},
        {3 * 4096, 3, 0},
        {0, 1, REALM_E_BAD_ARGUMENT},
        {4096, 0, REALM_E_BAD_ARGUMENT},
        {4096, 2, REALM_E_BAD_ARGUMENT},
        {9 * 4096, 9, REALM_E_BAD_ARGUMENT},
        {4095, 1, REALM_E_BAD_ARGUMENT},
        {3 * 4096, 2, REALM_E_BAD_ARGUMENT},
        {(UINT64_C(1) << 20) + 4096, 1, REALM_E_BAD_ARGUMENT},
        {UINT64_MAX - 4095, 1, REALM_E_BAD_ARGUMENT},
        {UINT64_C(1) << 63, 8, REALM_E_BAD_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct realm_control_allocate allocate = {.bytes = cases[i].bytes, .parts = cases[i].parts};
        struct realm_control_mapped mapped = {
            .bytes = cases[i].bytes, .count = cases[i].parts, .rights = REALM_RIGHT_READ};
        realm_control_header_init(&allocate.header, REALM_CONTROL_ALLOCATE, 1);
        realm_control_header_init(&mapped.header, REALM_CONTROL_MAPPED, 1);
        cr_assert_eq(decode(&allocate), cases[i].expected, "case %zu", i);
        cr_assert_eq(decode_event(&mapped), cases[i].expected, "case %zu", i);
    }
    struct realm_control_allocate allocate = {.bytes = 4096, .parts = 1, .reserved = 1};
    realm_control_header_init(&allocate.header, REALM_CONTROL_ALLOCATE, 1);
    cr_assert_eq(decode(&allocate), REALM_E_PROTOCOL);
}

Test(control, maps_to_read_or_to_read_and_write)
{
    /* Goal: of all sets of rights, these two. */
    for (uint32_t rights = 0; rights < 1024; rights++) {
        int expected = rights == REALM_RIGHT_READ || rights == (REALM_RIGHT_READ | REALM_RIGHT_WRITE)
                           ? 0
                           : REALM_E_BAD_ARGUMENT;
        struct realm_control_map map = {.cookie = 5, .rights = rights};
        struct realm_control_mapped mapped = {.bytes = 4096, .count = 1, .rights = rights};
        realm_control_header_init(&map.header, REALM_CONTROL_MAP, 1);
        realm_control_header_init(&mapped.header, REALM_CONTROL_MAPPED, 1);
        cr_assert_eq(decode(&map), expected, "rights %u", rights);
        cr_assert_eq(decode_event(&mapped), expected, "rights %u", rights);
    }
    struct realm_control_map map = {.cookie = 5, .rights = REALM_RIGHT_READ, .reserved = 1};
    realm_control_header_init(&map.header, REALM_CONTROL_MAP, 1);
    cr_assert_eq(decode(&map), REALM_E_PROTOCOL);
}

Test(control, decodes_what_is_about_capabilities)
{
    /* Goal: DERIVE names no channel, rights and modes are known ones, tickets are positive, gates are
     * below 64. */
    struct realm_control_derive derive = {.source = 1, .mode = REALM_COPY, .rights = 511};
    realm_control_header_init(&derive.header, REALM_CONTROL_DERIVE, 1);
    cr_assert_eq(decode(&derive), 0);
    derive.via = 5;
    cr_assert_eq(decode(&derive), REALM_E_BAD_ARGUMENT);
    realm_control_header_init(&derive.header, REALM_CONTROL_OFFER, 1);
    cr_assert_eq(decode(&derive), 0);
    derive.rights = 512;
    cr_assert_eq(decode(&derive), REALM_E_BAD_ARGUMENT);
    derive.rights = 0;
    for (uint32_t mode = 0; mode < 6; mode++) {
        derive.mode = mode;
        cr_assert_eq(decode(&derive), mode >= 1 && mode <= 3 ? 0 : REALM_E_BAD_ARGUMENT);
    }
    struct realm_control_ticket ticket = {.via = 1, .ticket = REALM_TICKET_MAX};
    realm_control_header_init(&ticket.header, REALM_CONTROL_TAKE, 1);
    cr_assert_eq(decode(&ticket), 0);
    ticket.ticket++;
    cr_assert_eq(decode(&ticket), REALM_E_BAD_ARGUMENT);
    ticket.ticket = 0;
    cr_assert_eq(decode(&ticket), REALM_E_BAD_ARGUMENT);
    ticket.reserved = 1;
    cr_assert_eq(decode(&ticket), REALM_E_PROTOCOL);
    struct realm_control_cookie seal = {.cookie = UINT64_MAX};
    realm_control_header_init(&seal.header, REALM_CONTROL_SEAL, 1);
    cr_assert_eq(decode(&seal), 0);
    cr_assert_eq(decode_event(&seal), REALM_E_PROTOCOL);
    struct realm_control_number number = {.number = 63};
    realm_control_header_init(&number.header, REALM_CONTROL_GATE, 1);
    cr_assert_eq(decode(&number), 0);
    number.number = 64;
    cr_assert_eq(decode(&number), REALM_E_BAD_ARGUMENT);
    realm_control_header_init(&number.header, REALM_CONTROL_LOOK, 1);
    number.number = 1;
    cr_assert_eq(decode(&number), REALM_E_BAD_ARGUMENT);
}

Test(control, decodes_capabilities)
{
    /* Goal: a capability has a cookie, a known kind and rights; a channel's rights go to its client alone. */
    struct realm_control_capability capability = {.cookie = 1, .kind = REALM_KIND_GATE, .rights = 511};
    realm_control_header_init(&capability.header, REALM_CONTROL_CAPABILITY, 1);
    cr_assert_eq(decode_event(&capability), 0);
    capability.rights = 512;
    cr_assert_eq(decode_event(&capability), REALM_E_BAD_ARGUMENT);
    capability.rights = 0;
    capability.kind = REALM_KIND_GATE + 1;
    cr_assert_eq(decode_event(&capability), REALM_E_BAD_ARGUMENT);
    for (uint32_t kind = REALM_KIND_ENDPOINT; kind <= REALM_KIND_GATE; kind++) {
        capability.kind = kind;
        capability.sealed = 1; /* nothing else can be */
        cr_assert_eq(decode_event(&capability), kind == REALM_KIND_MEMORY ? 0 : REALM_E_BAD_ARGUMENT);
        capability.sealed = 2;
        cr_assert_eq(decode_event(&capability), REALM_E_BAD_ARGUMENT);
    }
    struct realm_control_channel channel = {
        .cookie = 1, .region_bytes = 4096, .queue_messages = 1, .rights = 511};
    realm_control_header_init(&channel.header, REALM_CONTROL_CONNECTED, 1);
    cr_assert_eq(decode_event(&channel), 0);
    channel.rights = 512;
    cr_assert_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT);
    channel.rights = 1;
    realm_control_header_init(&channel.header, REALM_CONTROL_ACCEPTED, 0);
    cr_assert_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT);
    channel.rights = 0;
    channel.reserved = 1;
    cr_assert_eq(decode_event(&channel), REALM_E_PROTOCOL);
}
