/*
 * What stands before the bytes of a chunk: 24 bytes, as DarqOS has them behind source and destination, which
 * are the channel's.
 */
#ifndef REALM_CLIENT_CHUNK_H
#define REALM_CLIENT_CHUNK_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <realm/stream.h>

enum chunk_flags {
    CHUNK_LAST = 1,  /* that was all */
    CHUNK_ASK = 2,   /* a call: may more be sent? */
    CHUNK_ABORT = 4, /* no more will come */
    CHUNK_READ = 8,  /* a call: length bytes from offset on are wanted */
};

struct chunk_head {
    uint64_t stream;
    uint64_t offset;
    uint32_t length;
    uint32_t flags;
};
_Static_assert(sizeof(struct chunk_head) == 24, "layout");
_Static_assert(sizeof(struct chunk_head) + REALM_CHUNK_MAX == REALM_PAYLOAD_MAX, "a chunk is a payload");

/* Whether a payload is a chunk with exactly these flags, whose bytes are all there (READ: none are). */
static inline bool chunk_parse(const void *payload, size_t size, struct chunk_head *ret_head)
{
    if (size < sizeof *ret_head)
        return false;
    memcpy(ret_head, payload, sizeof *ret_head);
    size -= sizeof *ret_head;
    if (ret_head->flags == CHUNK_READ)
        return size == 0 && ret_head->length <= REALM_CHUNK_MAX;
    /* Only bytes move the offset, and only what has none says anything else. */
    return ret_head->length == size && ret_head->length <= UINT64_MAX - ret_head->offset &&
           (ret_head->flags == 0 || ret_head->flags == CHUNK_LAST ||
            (size == 0 && (ret_head->flags == CHUNK_ASK || ret_head->flags == CHUNK_ABORT)));
}

#endif
