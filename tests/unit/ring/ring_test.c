/* The ring between two honest ends: what goes in comes out, and every return code. */
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

TestSuite(ring, .init = set_up, .fini = tear_down);

static int push(uint64_t tag, uint16_t size)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    memset(payload, (int)tag, sizeof payload);
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .size = size, .tag = tag};
    return realm_producer_push(&pair.producer, &message, payload);
}

static int pop(struct realm_message *ret_message)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    return realm_consumer_pop(&pair.consumer, ret_message, payload, sizeof payload);
}

/* Goal: only sizes that hold whole lines and one message of the largest size are regions. */
Test(ring, region_sizes)
{
    cr_expect_eq(realm_region_lines(0), 0);
    cr_expect_eq(realm_region_lines(4 * 256), 0);
    cr_expect_eq(realm_region_lines(4 * (256 + 64 * 64)), 0, "one line short of the largest message");
    cr_expect_eq(realm_region_lines(4 * (256 + 65 * 64)), 65);
    cr_expect_eq(realm_region_lines(4 * 8192 - 1), 0);
    cr_expect_eq(realm_region_lines(4 * 8192 + 64), 0, "no whole lines in a quarter");
    cr_expect_eq(realm_region_lines(4 * 8192), 124);
    cr_expect_eq(realm_region_lines(REALM_REGION_MAX_BYTES), (REALM_REGION_MAX_BYTES / 4 - 256) / 64);
    cr_expect_eq(realm_region_lines(REALM_REGION_MAX_BYTES + 256), 0);
    cr_expect_eq(realm_region_lines(SIZE_MAX - 63), 0);
}

/* Goal: every field and every byte of payload arrives as it was sent. */
Test(ring, carries_everything)
{
    uint8_t sent[100], got[100];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (uint8_t)(i * 7);
    struct realm_message message = {.kind = REALM_MESSAGE_REPLY,
                                    .priority = 3,
                                    .size = sizeof sent,
                                    .call = 0xdeadbeef,
                                    .status = -5,
                                    .tag = UINT64_C(0x0123456789abcdef)};
    cr_assert_eq(realm_producer_push(&pair.producer, &message, sent), 0);
    struct realm_message back;
    cr_assert_eq(realm_consumer_pop(&pair.consumer, &back, got, sizeof got), 0);
    cr_expect_eq(back.kind, message.kind);
    cr_expect_eq(back.priority, message.priority);
    cr_expect_eq(back.size, message.size);
    cr_expect_eq(back.call, message.call);
    cr_expect_eq(back.status, message.status);
    cr_expect_eq(back.tag, message.tag);
    cr_expect_arr_eq(got, sent, sizeof sent);
}

/* Goal: an empty ring says so, and ready agrees with pop. */
Test(ring, empty_would_block)
{
    struct realm_message message = {.tag = 42};
    cr_expect_not(realm_consumer_ready(&pair.consumer));
    cr_expect_eq(pop(&message), REALM_E_WOULD_BLOCK);
    cr_expect_eq(message.tag, 42, "outputs stay untouched on failure");
    cr_assert_eq(push(1, 10), 0);
    cr_expect(realm_consumer_ready(&pair.consumer));
    cr_assert_eq(pop(&message), 0);
    cr_expect_not(realm_consumer_ready(&pair.consumer));
}

/* Goal: a payload above the limit is refused and changes nothing. */
Test(ring, too_big)
{
    cr_expect_eq(push(1, REALM_PAYLOAD_MAX + 1), REALM_E_TOO_BIG);
    cr_expect_not(realm_consumer_ready(&pair.consumer));
    cr_expect_eq(push(1, REALM_PAYLOAD_MAX), 0);
}

/* Goal: the limit of messages counts what the consumer has not taken, and taking one makes room for one. */
Test(ring, full_of_messages)
{
    for (uint32_t i = 0; i < REALM_QUEUE_MESSAGES; i++)
        cr_assert_eq(push(i, 0), 0);
    cr_expect_eq(push(99, 0), REALM_E_QUEUE_FULL);
    struct realm_message message;
    cr_assert_eq(pop(&message), 0);
    cr_expect_eq(push(99, 0), 0);
    cr_expect_eq(push(99, 0), REALM_E_QUEUE_FULL);
}

/* Goal: the limit of bytes is every line of the ring, and not one more. */
Test(ring, full_of_bytes)
{
    cr_assert_eq(push(1, 65 * 64 - 24), REALM_E_TOO_BIG);
    cr_assert_eq(push(1, 62 * 64 - 24), 0);
    cr_expect_eq(push(2, 62 * 64 - 23), REALM_E_QUEUE_FULL);
    cr_assert_eq(push(2, 62 * 64 - 24), 0);
    cr_expect_eq(push(3, 0), REALM_E_QUEUE_FULL);
    struct realm_message message;
    cr_assert_eq(pop(&message), 0);
    cr_assert_eq(message.tag, 1);
    cr_expect_eq(push(3, 0), 0);
    cr_assert_eq(pop(&message), 0);
    cr_expect_eq(message.tag, 2, "the one that wrote the last line did not run into the next lap");
}

/* Goal: a payload that wraps arrives whole, for each place where the wrap can cut it. */
Test(ring, payload_wraps)
{
    uint8_t sent[400], got[400];
    for (uint32_t start = PAIR_LINES - 7; start < PAIR_LINES; start++) {
        struct pair other;
        pair_init(&other, REALM_QUEUE_MESSAGES);
        pair_start_at(&other, start, 0);
        for (size_t i = 0; i < sizeof sent; i++)
            sent[i] = (uint8_t)(i + start);
        struct realm_message message = {.kind = REALM_MESSAGE_CALL, .size = sizeof sent, .tag = start};
        cr_assert_eq(realm_producer_push(&other.producer, &message, sent), 0);
        cr_assert_eq(realm_consumer_pop(&other.consumer, &message, got, sizeof got), 0);
        cr_expect_arr_eq(got, sent, sizeof sent, "start %u", start);
        pair_deinit(&other);
    }
}

/* Goal: a message larger than the buffer is taken and cut, its true size told, nothing written beyond. */
Test(ring, cuts_what_does_not_fit)
{
    cr_assert_eq(push(7, 200), 0);
    cr_assert_eq(push(8, 1), 0);
    uint8_t got[65];
    memset(got, 0xee, sizeof got);
    struct realm_message message;
    cr_assert_eq(realm_consumer_pop(&pair.consumer, &message, got, 64), 0);
    cr_expect_eq(message.size, 200);
    cr_expect_eq(got[63], 7);
    cr_expect_eq(got[64], 0xee);
    cr_assert_eq(realm_consumer_pop(&pair.consumer, &message, NULL, 0), 0);
    cr_expect_eq(message.tag, 8, "the whole of the cut message was taken");
}

/* Goal: everything works across the wrap of positions at 2^32, where a commit is 0. */
Test(ring, positions_wrap)
{
    pair_start_at(&pair, UINT32_MAX - 200, UINT32_MAX - 50);
    for (uint64_t i = 0; i < 400; i++) {
        cr_assert_eq(push(i, (uint16_t)(i % 120)), 0);
        struct realm_message message;
        cr_assert_eq(pop(&message), 0);
        cr_assert_eq(message.tag, i);
        cr_assert_eq(pop(&message), REALM_E_WOULD_BLOCK);
    }
    cr_expect_lt(pair.producer.position, 1000u, "the test went through the wrap");
}

/* Goal: an entry whose commit is exactly 0 is seen, and zeroed lines alone are no entry. */
Test(ring, commit_of_zero)
{
    pair_start_at(&pair, UINT32_MAX, 0);
    struct realm_message message;
    cr_assert_eq(pop(&message), REALM_E_WOULD_BLOCK);
    cr_assert_eq(push(5, 0), 0);
    cr_assert_eq(pair.producer.position, 0);
    cr_assert_eq(pop(&message), 0);
    cr_expect_eq(message.tag, 5);
}

/*
 * Goal: an honest producer whose payload is crafted to look like commits never yields a phantom message:
 * each 32-bit word of it is a commit that would fit the position that its line has one lap later.
 */
Test(ring, payload_that_mimics_commits)
{
    uint32_t payload[REALM_PAYLOAD_MAX / 4];
    uint8_t got[REALM_PAYLOAD_MAX];
    uint64_t mimics = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        uint16_t size = (uint16_t)(i * 977 % (REALM_PAYLOAD_MAX + 1));
        uint32_t ahead = 1 + (uint32_t)(i % 65);
        for (uint32_t word = 0; word < REALM_PAYLOAD_MAX / 4; word++) {
            uint32_t line = (24 + word * 4) / REALM_LINE;
            payload[word] = pair.producer.position + line + PAIR_LINES + ahead;
        }
        struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .size = size, .tag = i};
        cr_assert_eq(realm_producer_push(&pair.producer, &message, payload), 0);
        cr_assert_eq(realm_consumer_pop(&pair.consumer, &message, got, sizeof got), 0);
        cr_assert_eq(message.tag, i);
        cr_assert_arr_eq(got, payload, size);

        uint32_t commit = pair_entry(&pair, pair.consumer.index)->commit;
        mimics += commit - pair.consumer.position - 1 < 65;
        cr_assert_not(realm_consumer_ready(&pair.consumer));
        cr_assert_eq(pop(&message), REALM_E_WOULD_BLOCK);
    }
    cr_expect_gt(mimics, 1000, "the awaited line did look like a commit, often");
}

/* Goal: what mimicked a commit is remembered for the line's next turn and no longer. */
Test(ring, mimicry_is_forgotten)
{
    pair_start_at(&pair, 1000, 0);
    struct realm_message message;
    for (uint32_t line = 0; line < PAIR_LINES; line++) {
        cr_assert_eq(push(line, 0), 0);
        cr_assert_eq(pop(&message), 0);
    }
    for (uint32_t line = 0; line < PAIR_LINES; line++)
        cr_expect_not(pair.payload_lines[line / 64] >> (line % 64) & 1, "line %u", line);
}

/* Goal: a producer learns how its consumer sleeps, and only from the bits that say so. */
Test(ring, sleeper)
{
    cr_expect_eq(pair_ring(&pair), REALM_AWAKE);
    const uint32_t *word;
    uint32_t seen;
    cr_assert(realm_consumer_park(&pair.consumer, REALM_PARKED_PIPE, &word, &seen));
    cr_expect_eq(pair_ring(&pair), REALM_PARKED_PIPE);
    realm_consumer_unpark(&pair.consumer);
    cr_assert(realm_consumer_park(&pair.consumer, REALM_PARKED_FUTEX, &word, &seen));
    cr_expect_eq(pair_ring(&pair), REALM_PARKED_FUTEX);
    realm_consumer_unpark(&pair.consumer);
    cr_expect_eq(pair_ring(&pair), REALM_AWAKE);
    pair.server->parked = UINT32_MAX;
    cr_expect_eq(pair_ring(&pair), REALM_PARKED_FUTEX | REALM_PARKED_PIPE);
}

/* Goal: parking names the producer's bell with the value that ringing changes, and fails when there is a
 * message. */
Test(ring, consumer_parks)
{
    const uint32_t *word = NULL;
    uint32_t seen = 77;
    cr_assert_eq(push(1, 0), 0);
    cr_expect_not(realm_consumer_park(&pair.consumer, REALM_PARKED_FUTEX, &word, &seen));
    cr_expect_null(word);
    cr_expect_eq(seen, 77);
    cr_expect_eq(pair.server->parked, REALM_AWAKE);

    struct realm_message message;
    cr_assert_eq(pop(&message), 0);
    cr_assert(realm_consumer_park(&pair.consumer, REALM_PARKED_FUTEX, &word, &seen));
    cr_expect_eq(word, &pair.client->bell);
    cr_expect_eq(*word, seen);
    cr_assert_eq(push(2, 0), 0);
    cr_expect_eq(*word, seen, "one bell for many messages");
    cr_expect_eq(pair_ring(&pair), REALM_PARKED_FUTEX);
    cr_expect_neq(*word, seen);
}

/* Goal: an entry can be taken by its commit before the bell has rung for it. Parking then waits for that. */
Test(ring, consumer_parks_before_the_bell)
{
    cr_assert_eq(push(1, 300), 0);
    struct realm_message message;
    cr_assert_eq(pop(&message), 0);
    const uint32_t *word;
    uint32_t seen;
    cr_assert(realm_consumer_park(&pair.consumer, REALM_PARKED_FUTEX, &word, &seen));
    cr_expect_eq(pair_ring(&pair), REALM_PARKED_FUTEX);
    cr_expect_neq(*word, seen);
    cr_expect_eq(pop(&message), REALM_E_WOULD_BLOCK);
}

/* Goal: a producer parks on the consumer's tail only while its message does not fit. */
Test(ring, producer_parks)
{
    const uint32_t *word = NULL;
    uint32_t seen = 77;
    cr_expect_not(realm_producer_park(&pair.producer, REALM_PAYLOAD_MAX, &word, &seen));
    cr_expect_eq(pair.client->parked, REALM_AWAKE);
    cr_expect_not(realm_consumer_space_wanted(&pair.consumer));

    cr_assert_eq(push(1, 62 * 64 - 24), 0);
    cr_assert_eq(push(2, 61 * 64 - 24), 0);
    cr_expect_not(realm_producer_park(&pair.producer, 40, &word, &seen), "one line is left");
    cr_assert(realm_producer_park(&pair.producer, 41, &word, &seen));
    cr_expect_eq(word, &pair.server->tail_lines[REALM_NORMAL]);
    cr_expect_eq(*word, seen);
    cr_expect(realm_consumer_space_wanted(&pair.consumer));

    struct realm_message message;
    cr_assert_eq(pop(&message), 0);
    cr_expect_neq(*word, seen);
    realm_producer_unpark(&pair.producer);
    cr_expect_not(realm_consumer_space_wanted(&pair.consumer));
    cr_expect_eq(push(3, 41), 0);
}

/* Goal: one end can be parked both ways, and leaving one state keeps the other. */
Test(ring, both_ways_of_parking)
{
    struct realm_consumer replies;
    uint64_t payload_lines[REALM_CONSUMER_WORDS(PAIR_BYTES)];
    realm_consumer_init(&replies, REALM_NORMAL, pair.client, pair.server, PAIR_BYTES, payload_lines);
    for (uint32_t i = 0; i < REALM_QUEUE_MESSAGES; i++)
        cr_assert_eq(push(i, 0), 0);
    const uint32_t *word;
    uint32_t seen;
    cr_assert(realm_consumer_park(&replies, REALM_PARKED_FUTEX, &word, &seen));
    cr_assert(realm_producer_park(&pair.producer, 0, &word, &seen));
    cr_expect_eq(pair.client->parked, REALM_PARKED_FUTEX | REALM_PARKED_SPACE);
    realm_consumer_unpark(&replies);
    cr_expect_eq(pair.client->parked, REALM_PARKED_SPACE);
    cr_assert(realm_consumer_park(&replies, REALM_PARKED_PIPE, &word, &seen));
    cr_expect_eq(pair.client->parked, REALM_PARKED_PIPE | REALM_PARKED_SPACE);
    realm_producer_unpark(&pair.producer);
    cr_expect_eq(pair.client->parked, REALM_PARKED_PIPE);
}
