/*
 * Packing and unpacking of values.
 *
 * The model: a cursor over the caller's buffer that only moves forward, and a first error that stays. The
 * rule: a step is done whole or not at all. pack_room and unpack_take alone move the cursor, each after
 * the one comparison that holds it inside the buffer; the comparison subtracts, so it cannot overflow.
 */
#include <realm/error.h>
#include <realm/pack.h>

#include <string.h>

#include "librealm/core/assert.h"
#include "librealm/core/name.h"

void realm_pack_init(struct realm_pack *pack, void *buffer, size_t capacity)
{
    *pack = (struct realm_pack){.data = buffer, .capacity = capacity};
}

/* Where the next size bytes go, or NULL if they do not fit or an earlier step failed. */
static uint8_t *pack_room(struct realm_pack *pack, size_t size)
{
    if (pack->error)
        return NULL;
    if (size > pack->capacity - pack->size) {
        pack->error = REALM_E_TOO_BIG;
        return NULL;
    }
    uint8_t *room = pack->data + pack->size;
    pack->size += size;
    return room;
}

static void store_little_endian(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t load_little_endian(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

void realm_pack_u32(struct realm_pack *pack, uint32_t value)
{
    uint8_t *room = pack_room(pack, sizeof value);
    if (room)
        store_little_endian(room, value, sizeof value);
}

void realm_pack_u64(struct realm_pack *pack, uint64_t value)
{
    uint8_t *room = pack_room(pack, sizeof value);
    if (room)
        store_little_endian(room, value, sizeof value);
}

void realm_pack_bytes(struct realm_pack *pack, const void *bytes, size_t size)
{
    if (pack->error)
        return;
    if (size > UINT32_MAX || size > SIZE_MAX - sizeof(uint32_t)) {
        pack->error = REALM_E_TOO_BIG;
        return;
    }
    uint8_t *room = pack_room(pack, sizeof(uint32_t) + size);
    if (!room)
        return;
    store_little_endian(room, size, sizeof(uint32_t));
    if (size > 0) /* bytes may then be NULL */
        memcpy(room + sizeof(uint32_t), bytes, size);
}

void realm_pack_string(struct realm_pack *pack, const char *text)
{
    if (pack->error)
        return;
    size_t size = strlen(text);
    if (!realm_utf8_valid(text, size)) {
        pack->error = REALM_E_BAD_ARGUMENT;
        return;
    }
    realm_pack_bytes(pack, text, size);
}

void realm_unpack_init(struct realm_unpack *unpack, const void *data, size_t size)
{
    *unpack = (struct realm_unpack){.data = data, .size = size};
}

/* The next size bytes, or NULL if there are fewer or an earlier step failed. */
static const uint8_t *unpack_take(struct realm_unpack *unpack, size_t size)
{
    if (unpack->error)
        return NULL;
    if (size > unpack->size - unpack->offset) {
        unpack->error = REALM_E_SHORT;
        return NULL;
    }
    const uint8_t *taken = unpack->data + unpack->offset;
    unpack->offset += size;
    return taken;
}

uint32_t realm_unpack_u32(struct realm_unpack *unpack)
{
    const uint8_t *bytes = unpack_take(unpack, sizeof(uint32_t));
    return bytes ? (uint32_t)load_little_endian(bytes, sizeof(uint32_t)) : 0;
}

uint64_t realm_unpack_u64(struct realm_unpack *unpack)
{
    const uint8_t *bytes = unpack_take(unpack, sizeof(uint64_t));
    return bytes ? load_little_endian(bytes, sizeof(uint64_t)) : 0;
}

/*
 * A length and that many bytes. Both are taken or neither: an error leaves the cursor where the value
 * begins, so that a caller can say where in the message it stood.
 */
const void *realm_unpack_bytes(struct realm_unpack *unpack, size_t *ret_size)
{
    size_t start = unpack->offset;
    *ret_size = 0;
    size_t size = realm_unpack_u32(unpack);
    const uint8_t *bytes = unpack_take(unpack, size);
    if (!bytes) {
        unpack->offset = start;
        return NULL;
    }
    *ret_size = size;
    return bytes;
}

/* The error that a string of these bytes is, for a buffer of this capacity. */
static int check_string(const char *text, size_t size, size_t capacity)
{
    if (!realm_utf8_valid(text, size) || memchr(text, '\0', size))
        return REALM_E_BAD_ARGUMENT;
    return size < capacity ? 0 : REALM_E_SHORT;
}

void realm_unpack_string(struct realm_unpack *unpack, char *text, size_t capacity)
{
    realm_assert(capacity >= 1);
    size_t start = unpack->offset, size;
    text[0] = '\0';
    const char *bytes = realm_unpack_bytes(unpack, &size);
    if (!bytes)
        return;
    unpack->error = check_string(bytes, size, capacity);
    if (unpack->error) {
        unpack->offset = start;
        return;
    }
    memcpy(text, bytes, size);
    text[size] = '\0';
}

int realm_unpack_finish(const struct realm_unpack *unpack)
{
    if (unpack->error)
        return unpack->error;
    return unpack->offset == unpack->size ? 0 : REALM_E_BAD_ARGUMENT;
}
