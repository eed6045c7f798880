/*
 * A batch: many messages as the payload of one entry.
 *
 *     ┌──────┬───────┬──────┬───────────────┬──────┬───
 *     │ head │ data, │ head │ data, up to a │ head │ …       each head 16 bytes
 *     │      │ padded│      │ multiple of 8 │      │
 *
 * One entry means one commit, one look at the peer's tail, one wake, and lines that are full. A batch of
 * operations is answered by a batch of results, in the same order; those that are not there were not done.
 *
 * The rule: a reader walks over a private copy that realm_batch_check has accepted as a whole; so no message
 * of a batch is handed out of which a later one turns out to be impossible.
 */
#ifndef REALM_RING_BATCH_H
#define REALM_RING_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#define REALM_BATCH_MAX (REALM_PAYLOAD_MAX / (uint32_t)sizeof(struct realm_batch_head)) /* messages */

struct realm_batch_head {
    uint64_t tag;   /* message: the operation; result: the value */
    int32_t status; /* message: 0 */
    uint16_t size;  /* bytes of data that follow, without the padding, which is zero */
    uint16_t whole; /* message: the same; result: how many there were, of which size fitted */
};
_Static_assert(sizeof(struct realm_batch_head) == 16, "layout");

enum realm_batch_kind { REALM_BATCH_MESSAGES, REALM_BATCH_RESULTS };

/* An entry's tag: how many messages, and what becomes of the rest when one fails. */
#define REALM_BATCH_STOP (UINT64_C(1) << 32)
#define REALM_BATCH_TAGS (REALM_BATCH_STOP | UINT32_MAX)

/* What a message takes with its head. */
static inline uint32_t realm_batch_bytes(uint32_t size)
{
    return (uint32_t)sizeof(struct realm_batch_head) + ((size + 7u) & ~7u);
}

/* bytes is the caller's, aligned to 8 and REALM_PAYLOAD_MAX long. */
struct realm_batch_writer {
    uint8_t *bytes;
    uint32_t size; /* written */
    uint32_t count;
};

/* Where the data of the next message goes, and how much of it fits, apart from `others` further heads. */
void *realm_batch_place(const struct realm_batch_writer *writer, uint32_t others, uint32_t *ret_room);
/* Completes the message whose data (head->size bytes, as many as there is room for) is in its place. */
void realm_batch_add(struct realm_batch_writer *writer, const struct realm_batch_head *head);

/*
 * Whether bytes hold exactly `count` messages (1 to REALM_BATCH_MAX; results may be none). Costs a look at
 * each head. Return: 0; REALM_E_PEER_FAULT.
 */
int realm_batch_check(const uint8_t *bytes, size_t size, uint64_t count, enum realm_batch_kind kind);

/* A batch that was checked, and what is left of it. */
struct realm_batch_reader {
    const uint8_t *bytes;
    uint32_t at;
    uint32_t left; /* messages */
};

/* The next message. There must be one. Return: its data. */
const void *realm_batch_next(struct realm_batch_reader *reader, struct realm_batch_head *ret_head);

#endif
