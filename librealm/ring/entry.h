/*
 * What the two ends of a queue share: how entries lie on lines.
 */
#ifndef REALM_RING_ENTRY_H
#define REALM_RING_ENTRY_H

#include <string.h>

#include "librealm/ring/ring.h"

#define ENTRY_BYTES ((uint32_t)sizeof(struct realm_entry))
#define FIRST_BYTES (REALM_LINE - ENTRY_BYTES) /* payload in an entry's first line */
#define ENTRY_WORDS (sizeof(struct realm_entry) / sizeof(uint64_t))

/* Lines that an entry with so many bytes of payload occupies. */
static inline uint32_t entry_lines(uint32_t size)
{
    return (ENTRY_BYTES + size + REALM_LINE - 1u) / REALM_LINE;
}

/* Position and index move together: the capacity is no power of two, so the index wraps by subtraction. */
static inline uint32_t advance(uint32_t index, uint32_t count, uint32_t lines)
{
    uint32_t next = index + count;
    return next < lines ? next : next - lines;
}

/* Where a queue's lines begin, as an offset from those of the first; Normal is the first. */
static inline size_t queue_offset(enum realm_priority queue, size_t region_bytes)
{
    static const uint8_t places[REALM_QUEUES] = {1, 0, 2, 3};
    return places[queue] * (region_bytes / REALM_QUEUES);
}

/*
 * A copy of at most FIRST_BYTES, without a call: two moves that overlap, of the largest power of two that
 * fits. It touches exactly the bytes from 0 to size.
 */
static inline void copy_first(uint8_t *to, const uint8_t *from, uint32_t size)
{
    if (size >= 16) {
        /* 16 to 40: first and last 16, and what lies between. */
        uint64_t head[2], tail[2], middle[2];
        memcpy(head, from, 16);
        memcpy(middle, from + (size - 16) / 2, 16);
        memcpy(tail, from + size - 16, 16);
        memcpy(to, head, 16);
        memcpy(to + (size - 16) / 2, middle, 16);
        memcpy(to + size - 16, tail, 16);
    } else if (size >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + size - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + size - 8, &tail, 8);
    } else {
        for (uint32_t i = 0; i < size; i++)
            to[i] = from[i];
    }
}

#endif
