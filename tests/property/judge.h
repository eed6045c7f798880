/*
 * The judge of the four decoders: whatever the bytes, the answer is one that the header allows, and the
 * output is what that answer promises.
 */
#ifndef TESTS_PROPERTY_JUDGE_H
#define TESTS_PROPERTY_JUDGE_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/property/invariants.h"

struct judge {
    int (*decode)(const void *packet, size_t size, void *ret_decoded);
    const char *(*invariants)(const void *decoded);
    size_t decoded_size; /* of the union */
};

#define JUDGE_OF(protocol, side)                                                                             \
    static inline int judge_decode_##protocol##_##side(const void *packet, size_t size, void *ret_decoded)   \
    {                                                                                                        \
        return realm_##protocol##_decode_##side(packet, size, ret_decoded);                                  \
    }                                                                                                        \
    static inline const char *judge_invariants_##protocol##_##side(const void *decoded)                      \
    {                                                                                                        \
        return invariants_##protocol##_##side(decoded);                                                      \
    }                                                                                                        \
    static const struct judge judge_##protocol##_##side                                                      \
        __attribute__((unused)) = {judge_decode_##protocol##_##side, judge_invariants_##protocol##_##side,   \
                                   sizeof(union realm_##protocol##_##side)}

JUDGE_OF(control, request);
JUDGE_OF(control, event);
JUDGE_OF(launch, request);
JUDGE_OF(launch, event);

/* Whether all bytes are what the output was filled with: each equals its neighbour, and the first is that. */
static inline bool judge_untouched(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0xee && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static inline const char *judge_output(const struct judge *judge, int error, const uint8_t *packet,
                                       size_t size, const uint8_t *decoded)
{
    static const uint8_t zero[REALM_CONTROL_SIZE_MAX];
    const size_t header_size = sizeof(struct realm_control_header);
    switch (error) {
    case 0:
        if (size > judge->decoded_size || memcmp(decoded, packet, size) != 0)
            return "what was accepted is what was sent";
        return judge->invariants(decoded);
    case REALM_E_PROTOCOL:
        if (!judge_untouched(decoded, judge->decoded_size))
            return "what is not the protocol leaves the output alone";
        return NULL;
    case REALM_E_BAD_NAME:
    case REALM_E_BAD_ARGUMENT:
        if (size < header_size || memcmp(decoded, packet, header_size) != 0)
            return "a refused field leaves a valid header";
        if (memcmp(decoded + header_size, zero, judge->decoded_size - header_size) != 0)
            return "a refused field leaves nothing but the header";
        return NULL;
    default:
        return "a decoder answers 0, PROTOCOL, BAD_NAME or BAD_ARGUMENT";
    }
}

/*
 * Decodes a packet and returns NULL or what is wrong with the answer. The decoder sees a copy of exactly size
 * bytes, so that the address sanitizer catches a look beyond it. *ret_error (may be NULL) is its answer.
 */
static inline const char *judge_packet(const struct judge *judge, const void *packet, size_t size,
                                       int *ret_error)
{
    alignas(16) uint8_t decoded[REALM_CONTROL_SIZE_MAX];
    uint8_t *exact = calloc(1, size ? size : 1);
    if (!exact)
        return "there is memory";
    if (size > 0)
        memcpy(exact, packet, size);
    memset(decoded, 0xee, sizeof decoded);
    int error = judge->decode(exact, size, decoded);
    const char *broken = judge_output(judge, error, exact, size, decoded);
    if (!broken && !judge_untouched(decoded + judge->decoded_size, sizeof decoded - judge->decoded_size))
        broken = "nothing is written behind the output";
    free(exact);
    if (ret_error)
        *ret_error = error;
    return broken;
}

#endif
