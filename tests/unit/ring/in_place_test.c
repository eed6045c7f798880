/* The ring without copies, and its four queues side by side. */
#include <criterion/criterion.h>

#include <realm/error.h>

#include "tests/unit/ring/pair.h"

static struct pair pair;

static void set_up(void)
{
    pair_init(&pair, REALM_QUEUE_MESSAGES);
}

static void tear_down(void)
{
    pair_deinit(&pair);
}

TestSuite(in_place, .init = set_up, .fini = tear_down);

static int put(uint64_t tag, size_t size)
{
    void *place = NULL;
    int error = realm_producer_reserve(&pair.producer, size, &place);
    if (error != 0)
        return error;
    memset(place, (int)tag, size);
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .size = (uint16_t)size, .tag = tag};
    return realm_producer_commit(&pair.producer, &message);
}

/* Takes the next message, in place if it lies so. Return: whether it did. */
static bool take(uint64_t tag, size_t size)
{
    struct realm_message message;
    const void *payload = &pair;
    cr_assert_eq(realm_consumer_peek(&pair.consumer, &message, &payload), 0);
    cr_assert_eq(message.tag, tag);
    cr_assert_eq(message.size, size);
    uint8_t copy[REALM_PAYLOAD_MAX], expected[REALM_PAYLOAD_MAX];
    memset(expected, (int)tag, size);
    bool contiguous = payload != NULL;
    if (contiguous) {
        memcpy(copy, payload, size);
        cr_assert_eq(realm_consumer_consume(&pair.consumer), 0);
    } else {
        cr_assert_eq(realm_consumer_pop(&pair.consumer, &message, copy, sizeof copy), 0);
    }
    cr_assert_arr_eq(copy, expected, size);
    return contiguous;
}

/* Goal: what is reserved lies in one piece and arrives, from every line of the queue and for every number of
 * lines; what was in the way of it at the end is padding that nobody sees. */
Test(in_place, from_every_line)
{
    for (uint32_t start = 0; start < PAIR_LINES; start++) {
        for (size_t size = 40; size <= REALM_PAYLOAD_MAX; size += 64) {
            pair_start_at(&pair, 5 * PAIR_LINES + start, 0);
            int error = put(start, size);
            if (error == REALM_E_QUEUE_FULL) {
                /* The padding and the message together are more than the queue: one after the other. */
                struct realm_message message;
                const void *payload;
                cr_assert_eq(realm_consumer_peek(&pair.consumer, &message, &payload), REALM_E_WOULD_BLOCK);
                error = put(start, size);
            }
            cr_assert_eq(error, 0, "start %u size %zu", start, size);
            cr_assert(take(start, size));
            cr_assert_not(realm_consumer_ready(&pair.consumer));
        }
    }
}

/* Goal: a message that was copied in may wrap; then it cannot be looked at in place, and popping it works. */
Test(in_place, what_wraps_is_popped)
{
    uint8_t payload[300];
    memset(payload, 9, sizeof payload);
    pair_start_at(&pair, PAIR_LINES - 2, 0);
    struct realm_message message = {.kind = REALM_MESSAGE_CALL, .size = sizeof payload, .tag = 9};
    cr_assert_eq(realm_producer_push(&pair.producer, &message, payload), 0);
    cr_expect_not(take(9, sizeof payload));
}

/* Goal: nothing is there before the commit, a smaller size may be committed, and a place can be left. */
Test(in_place, nothing_before_the_commit)
{
    void *place = NULL;
    cr_assert_eq(realm_producer_reserve(&pair.producer, 1000, &place), 0);
    memset(place, 3, 1000);
    cr_expect_not(realm_consumer_ready(&pair.consumer));
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .size = 100, .tag = 3};
    cr_assert_eq(realm_producer_commit(&pair.producer, &message), 0);
    cr_expect(take(3, 100));
    cr_assert_eq(realm_producer_reserve(&pair.producer, 1000, &place), 0);
    memset(place, 0xff, 1000);
    message.tag = 4;
    memset(place, 4, 100);
    cr_assert_eq(realm_producer_push(&pair.producer, &message, place), 0, "the place was not committed");
    cr_expect(take(4, 100));
    cr_expect_eq(realm_producer_reserve(&pair.producer, REALM_PAYLOAD_MAX + 1, &place), REALM_E_TOO_BIG);
}

/* Goal: what is looked at stays in the queue and keeps its room until it is consumed. */
Test(in_place, keeps_its_room)
{
    cr_assert_eq(put(1, 62 * 64 - 24), 0);
    cr_assert_eq(put(2, 62 * 64 - 24), 0);
    struct realm_message message;
    const void *payload;
    cr_assert_eq(realm_consumer_peek(&pair.consumer, &message, &payload), 0);
    cr_expect_eq(put(3, 0), REALM_E_QUEUE_FULL);
    cr_assert_eq(realm_consumer_consume(&pair.consumer), 0);
    cr_expect_eq(put(3, 0), 0);
}

/* Goal: memory that goes while it is looked at is told of when it is given back. */
Test(in_place, memory_goes_meanwhile)
{
    uint32_t gone = 0;
    realm_consumer_guard(&pair.consumer, &gone);
    cr_assert_eq(put(1, 500), 0);
    struct realm_message message;
    const void *payload;
    cr_assert_eq(realm_consumer_peek(&pair.consumer, &message, &payload), 0);
    gone = 1;
    cr_expect_eq(realm_consumer_consume(&pair.consumer), REALM_E_REVOKED);
    cr_expect_eq(realm_consumer_peek(&pair.consumer, &message, &payload), REALM_E_REVOKED);
}

/* Goal: the four queues of a region are apart: none touches another's lines, each marks its own count, and
 * Normal marks nothing. */
Test(in_place, queues_are_apart)
{
    struct realm_producer producers[REALM_QUEUES];
    struct realm_consumer consumers[REALM_QUEUES];
    uint64_t payload_lines[REALM_QUEUES][REALM_CONSUMER_WORDS(PAIR_BYTES)];
    uint8_t payload[REALM_PAYLOAD_MAX], got[REALM_PAYLOAD_MAX];
    for (unsigned q = 0; q < REALM_QUEUES; q++) {
        realm_producer_init(&producers[q], (enum realm_priority)q, pair.client, pair.server, PAIR_BYTES, 32);
        realm_consumer_init(&consumers[q], (enum realm_priority)q, pair.server, pair.client, PAIR_BYTES,
                            payload_lines[q]);
    }
    for (unsigned lap = 0; lap < 500; lap++) {
        for (unsigned q = 0; q < REALM_QUEUES; q++) {
            struct realm_message message = {
                .kind = REALM_MESSAGE_CALL, .size = (uint16_t)(2500 + 10 * q + lap), .tag = q};
            memset(payload, (int)(q + lap), sizeof payload);
            cr_assert_eq(realm_producer_push(&producers[q], &message, payload), 0);
        }
        uint64_t marks = 0;
        for (unsigned q = 0; q < REALM_QUEUES; q++)
            marks |= q == REALM_NORMAL ? 0 : realm_marks_of((enum realm_priority)q, lap + 1);
        cr_assert_eq(pair.client->marks, marks);
        for (unsigned q = 0; q < REALM_QUEUES; q++) {
            struct realm_message message;
            cr_assert(realm_consumer_ready(&consumers[q]));
            cr_assert_eq(realm_consumer_pop(&consumers[q], &message, got, sizeof got), 0);
            cr_assert_eq(message.tag, q);
            memset(payload, (int)(q + lap), sizeof payload);
            cr_assert_arr_eq(got, payload, message.size);
            cr_assert_not(realm_consumer_ready(&consumers[q]));
        }
    }
    uint8_t *end = (uint8_t *)pair.client + PAIR_BYTES;
    cr_expect_eq(producers[REALM_CRITICAL].entries + PAIR_LINES * REALM_LINE, end, "to the last byte");
}

/* Goal: the marks of one queue count modulo 2^16 without touching those of the next. */
Test(in_place, marks_wrap)
{
    struct realm_producer producer;
    realm_producer_init(&producer, REALM_LOW, pair.client, pair.server, PAIR_BYTES, 32);
    pair.client->marks = realm_marks_of(REALM_HIGH, 7);
    producer.messages = producer.seen_messages = 65535;
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY};
    cr_assert_eq(realm_producer_push(&producer, &message, NULL), 0);
    cr_expect_eq(pair.client->marks, realm_marks_of(REALM_HIGH, 7));
    cr_assert_eq(realm_producer_push(&producer, &message, NULL), 0);
    cr_expect_eq(pair.client->marks, realm_marks_of(REALM_HIGH, 7) | realm_marks_of(REALM_LOW, 1));
}
