/*
 * Batches: what was written is read, and nothing else is taken for a batch.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/ring/batch.h"

#define HEAD sizeof(struct realm_batch_head)

static _Alignas(8) uint8_t bytes[REALM_PAYLOAD_MAX];
static struct realm_batch_writer writer;

static void begin(void)
{
    memset(bytes, 0xee, sizeof bytes);
    writer = (struct realm_batch_writer){.bytes = bytes};
}

static void add(uint64_t tag, const void *data, uint32_t size)
{
    uint32_t room;
    void *place = realm_batch_place(&writer, 0, &room);
    cr_assert_leq(size, room);
    if (size != 0)
        memcpy(place, data, size);
    realm_batch_add(&writer,
                    &(struct realm_batch_head){.tag = tag, .size = (uint16_t)size, .whole = (uint16_t)size});
}

static int check(uint64_t count)
{
    return realm_batch_check(bytes, writer.size, count, REALM_BATCH_MESSAGES);
}

/* Goal: messages of all sizes come out as they went in. */
Test(batch, round_trip)
{
    uint8_t data[REALM_PAYLOAD_MAX];
    for (uint32_t size = 0; size <= REALM_PAYLOAD_MAX - HEAD; size++) {
        begin();
        for (uint32_t i = 0; i < size; i++)
            data[i] = (uint8_t)(size + i);
        add(size, data, size);
        bool two = writer.size + HEAD <= REALM_PAYLOAD_MAX;
        if (two)
            add(7, NULL, 0);
        cr_assert_eq(check(1u + two), 0, "%u", size);
        struct realm_batch_reader reader = {.bytes = bytes, .left = 1u + two};
        struct realm_batch_head head;
        const void *out = realm_batch_next(&reader, &head);
        cr_assert_eq(head.tag, size);
        cr_assert_eq(head.size, size);
        cr_assert_arr_eq(out, data, size);
        if (!two)
            continue;
        realm_batch_next(&reader, &head);
        cr_assert_eq(head.tag, 7u);
        cr_assert_eq(reader.left, 0u);
    }
}

/* Goal: a full batch has 256 messages without data, and room for none more. */
Test(batch, as_many_as_fit)
{
    uint32_t room;
    begin();
    for (uint32_t i = 0; i < REALM_BATCH_MAX; i++)
        add(i, NULL, 0);
    cr_assert_eq(REALM_BATCH_MAX, 256u);
    cr_assert_eq(writer.size, REALM_PAYLOAD_MAX);
    cr_assert_eq(check(256), 0);
    begin();
    realm_batch_place(&writer, 255, &room);
    cr_assert_eq(room, 0u);
    realm_batch_place(&writer, 254, &room);
    cr_assert_eq(room, 16u);
}

static struct realm_batch_head *head_at(uint32_t offset)
{
    return (struct realm_batch_head *)(void *)(bytes + offset);
}

/* Goal: a count that is not the number of messages is none; nor are zero, a wrapped one, or flags. */
Test(batch, false_counts)
{
    static const uint64_t counts[] = {
        0, 1, 3, 257, UINT32_MAX, REALM_BATCH_STOP | 2, UINT64_MAX, UINT64_C(2) << 33};
    begin();
    add(1, "abc", 3);
    add(2, "0123456789", 10);
    cr_assert_eq(check(2), 0);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        cr_expect_eq(check(counts[i]), REALM_E_PEER_FAULT, "%llu", (unsigned long long)counts[i]);
}

/* Goal: no size leads beyond the bytes that are there, neither of a message nor of the batch. */
Test(batch, false_sizes)
{
    static const uint16_t sizes[] = {0, 2, 9, 17, 4096, 32767, 32768, 65528, 65535};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin();
        add(1, "abc", 3);
        add(2, "0123456789", 10);
        head_at(0)->size = head_at(0)->whole = sizes[i];
        cr_expect_eq(check(2), REALM_E_PEER_FAULT, "%u", sizes[i]);
        begin();
        add(1, "abc", 3);
        add(2, "0123456789", 10);
        head_at(24)->size = head_at(24)->whole = sizes[i];
        cr_expect_eq(check(2), REALM_E_PEER_FAULT, "%u", sizes[i]);
    }
    for (uint32_t size = 0; size <= REALM_PAYLOAD_MAX; size++)
        if (size != writer.size)
            cr_assert_eq(realm_batch_check(bytes, size, 2, REALM_BATCH_MESSAGES), REALM_E_PEER_FAULT);
    cr_expect_eq(realm_batch_check(bytes, SIZE_MAX, 2, REALM_BATCH_MESSAGES), REALM_E_PEER_FAULT);
    cr_expect_eq(realm_batch_check(bytes, REALM_PAYLOAD_MAX + 8, 2, REALM_BATCH_MESSAGES),
                 REALM_E_PEER_FAULT);
}

/* Goal: what a message does not use is zero; a result says no less than it brings, and no more than a
 * payload. */
Test(batch, false_fields)
{
    begin();
    add(1, "abc", 3);
    bytes[HEAD + 5] = 1;
    cr_expect_eq(check(1), REALM_E_PEER_FAULT);
    begin();
    add(1, "abc", 3);
    head_at(0)->status = 1;
    cr_expect_eq(check(1), REALM_E_PEER_FAULT);
    cr_expect_eq(realm_batch_check(bytes, writer.size, 1, REALM_BATCH_RESULTS), 0);
    head_at(0)->status = 0;
    head_at(0)->whole = 4;
    cr_expect_eq(check(1), REALM_E_PEER_FAULT);
    cr_expect_eq(realm_batch_check(bytes, writer.size, 1, REALM_BATCH_RESULTS), 0);
    head_at(0)->whole = 2;
    cr_expect_eq(realm_batch_check(bytes, writer.size, 1, REALM_BATCH_RESULTS), REALM_E_PEER_FAULT);
    head_at(0)->whole = REALM_PAYLOAD_MAX + 1;
    cr_expect_eq(realm_batch_check(bytes, writer.size, 1, REALM_BATCH_RESULTS), REALM_E_PEER_FAULT);
}

/* Goal: whatever bytes they are, those that are accepted are read within their size, and to its end. Each
 * input lies at the end of memory of its own, where a sanitizer sees one byte more. */
Test(batch, any_bytes)
{
    uint64_t state = 1;
    unsigned accepted = 0;
    for (unsigned round = 0; round < 200000; round++) {
        begin();
        for (unsigned i = 0; i < 3; i++)
            add(i, "0123456789abcdefghij", (uint32_t)(round + 7 * i) % 20);
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        const uint32_t at = (uint32_t)(state >> 33) % writer.size;
        bytes[at] ^= (uint8_t)(1u << (state >> 60 & 7u));
        const uint64_t count = 1 + (state >> 20) % 4;
        uint8_t *alone = malloc(writer.size);
        memcpy(alone, bytes, writer.size);
        if (realm_batch_check(alone, writer.size, count, REALM_BATCH_MESSAGES) == 0) {
            struct realm_batch_reader reader = {.bytes = alone, .left = (uint32_t)count};
            struct realm_batch_head head;
            accepted++;
            while (reader.left != 0) {
                const uint8_t *data = realm_batch_next(&reader, &head);
                cr_assert(data >= alone && data + head.size <= alone + writer.size);
            }
            cr_assert_eq(reader.at, writer.size);
        }
        free(alone);
    }
    cr_assert(accepted > 1000 && accepted < 100000, "%u", accepted); /* both were tried */
}
