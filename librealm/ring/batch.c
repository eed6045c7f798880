/*
 * Writing, checking and reading a batch. The sizes that a peer claims are looked at here and nowhere else.
 */
#include "librealm/ring/batch.h"

#include <string.h>

#include <realm/error.h>

#include "librealm/core/assert.h"

#define HEAD ((uint32_t)sizeof(struct realm_batch_head))

void *realm_batch_place(const struct realm_batch_writer *writer, uint32_t others, uint32_t *ret_room)
{
    const uint32_t taken = writer->size + (others + 1u) * HEAD;
    *ret_room = taken < REALM_PAYLOAD_MAX ? REALM_PAYLOAD_MAX - taken : 0;
    return writer->bytes + writer->size + HEAD;
}

void realm_batch_add(struct realm_batch_writer *writer, const struct realm_batch_head *head)
{
    const uint32_t bytes = realm_batch_bytes(head->size);
    realm_assert(bytes <= REALM_PAYLOAD_MAX - writer->size);
    uint8_t *at = writer->bytes + writer->size;
    memcpy(at, head, HEAD);
    memset(at + HEAD + head->size, 0, bytes - HEAD - head->size);
    writer->size += bytes;
    writer->count++;
}

static bool is_zero(const uint8_t *bytes, uint32_t count)
{
    uint8_t any = 0;
    for (uint32_t i = 0; i < count; i++)
        any |= bytes[i];
    return any == 0;
}

static bool head_fits(const struct realm_batch_head *head, size_t left, enum realm_batch_kind kind)
{
    if (realm_batch_bytes(head->size) > left)
        return false;
    if (kind == REALM_BATCH_MESSAGES)
        return head->status == 0 && head->whole == head->size;
    return head->whole >= head->size && head->whole <= REALM_PAYLOAD_MAX;
}

int realm_batch_check(const uint8_t *bytes, size_t size, uint64_t count, enum realm_batch_kind kind)
{
    if (size > REALM_PAYLOAD_MAX || count > REALM_BATCH_MAX || (count == 0 && kind == REALM_BATCH_MESSAGES))
        return REALM_E_PEER_FAULT;
    size_t at = 0;
    for (uint64_t i = 0; i < count; i++) {
        struct realm_batch_head head;
        if (size - at < HEAD)
            return REALM_E_PEER_FAULT;
        memcpy(&head, bytes + at, HEAD);
        if (!head_fits(&head, size - at, kind))
            return REALM_E_PEER_FAULT;
        const uint32_t next = realm_batch_bytes(head.size);
        if (!is_zero(bytes + at + HEAD + head.size, next - HEAD - head.size))
            return REALM_E_PEER_FAULT;
        at += next;
    }
    return at == size ? 0 : REALM_E_PEER_FAULT;
}

const void *realm_batch_next(struct realm_batch_reader *reader, struct realm_batch_head *ret_head)
{
    realm_assert(reader->left != 0);
    const uint8_t *at = reader->bytes + reader->at;
    memcpy(ret_head, at, HEAD);
    reader->at += realm_batch_bytes(ret_head->size);
    reader->left--;
    return at + HEAD;
}
