/*
 * Fuzz target: the decoders of the control protocol, of both directions.
 *
 * The input is judged twice: as it is, and with a header put right (version, size, and a type if it has none;
 * short inputs are padded with zeros), so that most inputs get as far as the fields. The judge is that of the
 * property tests.
 */
#include <stdio.h>

#include "tests/property/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_judged(const struct judge *judge, const void *packet, size_t size)
{
    const char *broken = judge_packet(judge, packet, size, NULL);
    if (broken) {
        fprintf(stderr, "does not hold: %s\n", broken);
        __builtin_trap();
    }
}

/* A name that the initializer takes is one that the decoder takes, too. */
static void assert_name(const uint8_t *data, size_t size)
{
    struct realm_control_named packet = {0};
    int error = realm_control_name_init(&packet.name, (const char *)data, size);
    realm_control_header_init(&packet.header, REALM_CONTROL_REGISTER, 1);
    union realm_control_request request;
    if (error == 0 && realm_control_decode_request(&packet, sizeof packet, &request) != 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    assert_judged(&judge_control_request, data, size);
    assert_judged(&judge_control_event, data, size);
    assert_name(data, size);

    alignas(8) uint8_t packet[REALM_CONTROL_SIZE_MAX] = {0};
    struct realm_control_header header;
    if (size > 0)
        memcpy(packet, data, size < sizeof packet ? size : sizeof packet);
    memcpy(&header, packet, sizeof header);
    if (realm_control_size(header.type) == 0)
        header.type = (uint16_t)(1 + header.type % REALM_CONTROL_LOOK);
    realm_control_header_init(&header, (enum realm_control_type)header.type, header.xid);
    memcpy(packet, &header, sizeof header);
    assert_judged(&judge_control_request, packet, header.size);
    assert_judged(&judge_control_event, packet, header.size);
    return 0;
}
