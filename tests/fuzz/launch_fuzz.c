/*
 * Fuzz target: the decoders of the launch protocol, of both directions. As control_fuzz.c: the input is
 * judged as it is, and with its header put right.
 */
#include <stdio.h>

#include "tests/property/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_judged(const struct judge *judge, const void *packet, size_t size)
{
    int error;
    const char *broken = judge_packet(judge, packet, size, &error);
    if (!broken && error == REALM_E_BAD_NAME)
        broken = "the launch protocol answers PROTOCOL or BAD_ARGUMENT";
    if (broken) {
        fprintf(stderr, "does not hold: %s\n", broken);
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assert_judged(&judge_launch_request, data, size);
    assert_judged(&judge_launch_event, data, size);

    alignas(8) uint8_t packet[REALM_CONTROL_SIZE_MAX] = {0};
    struct realm_launch_header header;
    if (size > 0)
        memcpy(packet, data, size < sizeof packet ? size : sizeof packet);
    memcpy(&header, packet, sizeof header);
    if (realm_launch_size(header.type) == 0)
        header.type = (uint16_t)(1 + header.type % REALM_LAUNCH_LIMIT);
    realm_launch_header_init(&header, (enum realm_launch_type)header.type, header.xid);
    memcpy(packet, &header, sizeof header);
    assert_judged(&judge_launch_request, packet, header.size);
    assert_judged(&judge_launch_event, packet, header.size);
    return 0;
}
