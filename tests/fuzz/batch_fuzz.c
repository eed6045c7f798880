/*
 * Fuzz target: bytes that a peer says are a batch. The first two bytes are the count that it claims.
 *
 * What is accepted is read to its end, within its size, and written again it gives the same bytes: a batch
 * has one spelling.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/ring/batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition) ((condition) ? (void)0 : __builtin_trap())

static void read_all(const uint8_t *bytes, size_t size, uint32_t count)
{
    _Alignas(8) uint8_t again[REALM_PAYLOAD_MAX];
    struct realm_batch_writer writer = {.bytes = again};
    struct realm_batch_reader reader = {.bytes = bytes, .left = count};
    while (reader.left != 0) {
        struct realm_batch_head head;
        const uint8_t *message = realm_batch_next(&reader, &head);
        HOLDS(message >= bytes && head.size <= size - (size_t)(message - bytes));
        uint32_t room;
        void *place = realm_batch_place(&writer, reader.left, &room);
        HOLDS(head.size <= room);
        memcpy(place, message, head.size);
        realm_batch_add(&writer, &head);
    }
    HOLDS(writer.size == size && memcmp(again, bytes, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const uint32_t count = data[0] | (uint32_t)data[1] << 8;
    uint8_t *bytes = malloc(size - 2); /* of exactly this size: the sanitizer sees one byte more */
    HOLDS(bytes != NULL || size == 2);
    if (size > 2)
        memcpy(bytes, data + 2, size - 2);
    if (realm_batch_check(bytes, size - 2, count, REALM_BATCH_MESSAGES) == 0)
        read_all(bytes, size - 2, count);
    if (realm_batch_check(bytes, size - 2, count, REALM_BATCH_RESULTS) == 0)
        read_all(bytes, size - 2, count);
    free(bytes);
    return 0;
}
