/*
 * Fuzz target: unpacking hostile bytes, and packing again what came out.
 *
 * The input is a script and a message: its first byte is the number of steps, then two bytes a step (which
 * kind of value, and what buffer a string gets), the rest is what is unpacked. What was unpacked without an
 * error is packed again and must give the very bytes that were consumed: the format has one spelling.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/pack.h>

#include "librealm/core/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(condition) ((condition) ? (void)0 : __builtin_trap())

static void step_string(struct realm_unpack *unpack, struct realm_pack *pack, size_t capacity)
{
    char *text = malloc(capacity); /* of exactly this size: the sanitizer sees one byte more */
    HOLDS(text != NULL);
    realm_unpack_string(unpack, text, capacity);
    HOLDS(memchr(text, 0, capacity) != NULL);
    HOLDS(realm_utf8_valid(text, strlen(text)));
    HOLDS(!unpack->error || text[0] == '\0');
    if (!unpack->error)
        realm_pack_string(pack, text);
    free(text);
}

static void step_bytes(struct realm_unpack *unpack, struct realm_pack *pack)
{
    size_t size;
    const uint8_t *bytes = realm_unpack_bytes(unpack, &size);
    HOLDS((bytes == NULL) == (unpack->error != 0));
    HOLDS(bytes || size == 0);
    HOLDS(!bytes || (bytes >= unpack->data && size <= unpack->size &&
                     (size_t)(bytes - unpack->data) <= unpack->size - size));
    if (!unpack->error)
        realm_pack_bytes(pack, bytes, size);
}

static void step(struct realm_unpack *unpack, struct realm_pack *pack, uint8_t kind, size_t capacity)
{
    int error = unpack->error;
    size_t offset = unpack->offset;
    uint64_t number = 0;
    switch (kind % 4) {
    case 0:
        number = realm_unpack_u32(unpack);
        if (!unpack->error)
            realm_pack_u32(pack, (uint32_t)number);
        break;
    case 1:
        number = realm_unpack_u64(unpack);
        if (!unpack->error)
            realm_pack_u64(pack, number);
        break;
    case 2:
        step_string(unpack, pack, capacity);
        break;
    default:
        step_bytes(unpack, pack);
        break;
    }
    HOLDS(unpack->offset <= unpack->size && unpack->offset >= offset);
    HOLDS(!error || unpack->error == error);
    HOLDS(!unpack->error || (number == 0 && unpack->offset == offset));
    HOLDS(!unpack->error || unpack->error == REALM_E_SHORT || unpack->error == REALM_E_BAD_ARGUMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t steps = data[0] % 64;
    if (size < 1 + 2 * steps)
        return 0;
    const uint8_t *script = data + 1, *message = script + 2 * steps;
    size_t message_size = (size_t)(data + size - message);

    uint8_t *packed = malloc(message_size + 1);
    HOLDS(packed != NULL);
    struct realm_unpack unpack;
    struct realm_pack pack;
    realm_unpack_init(&unpack, message, message_size);
    realm_pack_init(&pack, packed, message_size);
    for (size_t i = 0; i < steps; i++)
        step(&unpack, &pack, script[2 * i], 1 + (size_t)script[2 * i + 1]);
    HOLDS(pack.error == 0);
    HOLDS(pack.size == unpack.offset);
    HOLDS(memcmp(packed, message, pack.size) == 0);
    int finish = realm_unpack_finish(&unpack);
    HOLDS((finish == 0) == (unpack.error == 0 && unpack.offset == message_size));
    free(packed);
    return 0;
}
