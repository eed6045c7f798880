/* The ring against a peer that lies: each impossible claim is found, none is believed, nothing is taken. */
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

TestSuite(hostile, .init = set_up, .fini = tear_down);

static int push(uint16_t size)
{
    static const uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .size = size};
    return realm_producer_push(&pair.producer, &message, payload);
}

static int pop(void)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_message message;
    return realm_consumer_pop(&pair.consumer, &message, payload, sizeof payload);
}

static void expect_nothing_taken(uint32_t position)
{
    cr_expect_eq(pair.consumer.position, position);
    cr_expect_eq(pair.server->tail_lines[REALM_NORMAL], position);
}

/* Goal: a size that the commit contradicts is a fault, for every size there is. */
Test(hostile, size_against_commit)
{
    for (uint32_t size = 0; size <= UINT16_MAX; size++) {
        for (uint32_t commit = 1; commit <= 65; commit++) {
            *pair_entry(&pair, 0) =
                (struct realm_entry){.commit = commit, .size = (uint16_t)size, .kind = REALM_MESSAGE_CALL};
            if (size <= REALM_PAYLOAD_MAX && commit == (24 + size + 63) / 64)
                continue;
            cr_assert_eq(pop(), REALM_E_PEER_FAULT, "size %u commit %u", size, commit);
        }
    }
    expect_nothing_taken(0);
}

/* Goal: only the three kinds of message are messages, each alone or as a batch (and padding where the queue
 * ends). */
Test(hostile, kinds)
{
    for (uint32_t kind = 0; kind <= UINT8_MAX; kind++) {
        uint32_t plain = kind & ~REALM_MESSAGE_BATCH;
        bool known = plain >= REALM_MESSAGE_CALL && plain <= REALM_MESSAGE_REPLY;
        uint32_t position = pair.consumer.position;
        *pair_entry(&pair, pair.consumer.index) =
            (struct realm_entry){.commit = position + 1, .size = 0, .kind = (uint8_t)kind};
        cr_assert_eq(pop(), known ? 0 : REALM_E_PEER_FAULT, "kind %u", kind);
        cr_expect_eq(pair.consumer.position, known ? position + 1 : position);
    }
}

/* Goal: a commit out of reach of its position is no message, whatever it is. */
Test(hostile, commits_out_of_reach)
{
    static const uint32_t commits[] = {0, 66, 67, 124, 125, 1u << 31, UINT32_MAX - 64, UINT32_MAX};
    for (size_t i = 0; i < sizeof commits / sizeof *commits; i++) {
        *pair_entry(&pair, 0) = (struct realm_entry){.commit = commits[i], .kind = REALM_MESSAGE_CALL};
        cr_expect_not(realm_consumer_ready(&pair.consumer), "commit %u", commits[i]);
        cr_expect_eq(pop(), REALM_E_WOULD_BLOCK, "commit %u", commits[i]);
    }
    expect_nothing_taken(0);
}

/* Goal: a head that lies decides nothing where no old payload mimics a commit, and harms no sleeper. */
Test(hostile, head_without_message)
{
    static const uint32_t heads[] = {1, 65, 124, 125, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pair.client->head[REALM_NORMAL] = heads[i];
        const uint32_t *word;
        uint32_t seen;
        cr_expect_eq(pop(), REALM_E_WOULD_BLOCK);
        cr_assert(realm_consumer_park(&pair.consumer, REALM_PARKED_FUTEX, &word, &seen));
        realm_consumer_unpark(&pair.consumer);
    }
    cr_assert_eq(push(0), 0);
    cr_expect_eq(pop(), 0);
}

/* Goal: where old payload mimics the awaited commit, a head out of reach is no message. */
Test(hostile, head_out_of_reach_over_mimicry)
{
    pair_start_at(&pair, 10, 0);
    pair_entry(&pair, 10)->commit = 11;
    static const uint32_t heads[] = {9, 10, 10 + 125, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        pair.client->head[REALM_NORMAL] = heads[i];
        cr_expect_not(realm_consumer_ready(&pair.consumer));
        cr_expect_eq(pop(), REALM_E_WOULD_BLOCK);
    }
    expect_nothing_taken(10);
}

/* Goal: padding is believed where a queue ends, and once. */
Test(hostile, pads)
{
    for (uint32_t index = 0; index < PAIR_LINES; index++) {
        for (uint32_t count = 1; count <= 65; count++) {
            pair_start_at(&pair, PAIR_LINES + index, 0);
            memset(pair.payload_lines, 0, sizeof pair.payload_lines);
            memset(pair.client->lines, 0, (size_t)PAIR_LINES * REALM_LINE);
            bool ends = index + count == PAIR_LINES && count * 64 - 24 <= REALM_PAYLOAD_MAX;
            *pair_entry(&pair, index) = (struct realm_entry){.commit = PAIR_LINES + index + count,
                                                             .size = (uint16_t)(count * 64 - 24),
                                                             .kind = REALM_MESSAGE_PAD};
            cr_assert_eq(pop(), ends ? REALM_E_WOULD_BLOCK : REALM_E_PEER_FAULT, "%u %u", index, count);
            cr_assert_eq(pair.consumer.position, PAIR_LINES + index + (ends ? count : 0));
            if (!ends)
                continue;
            *pair_entry(&pair, 0) =
                (struct realm_entry){.commit = 2 * PAIR_LINES + 1, .size = 0, .kind = REALM_MESSAGE_PAD};
            cr_assert_eq(pop(), REALM_E_PEER_FAULT, "one after another");
        }
    }
}

/* Goal: a commit that changes between two looks is judged by the second. */
Test(hostile, head_confirms_a_false_entry)
{
    pair_start_at(&pair, 10, 0);
    *pair_entry(&pair, 10) = (struct realm_entry){.commit = 13, .size = 1, .kind = REALM_MESSAGE_CALL};
    pair.client->head[REALM_NORMAL] = 13;
    cr_expect_eq(pop(), REALM_E_PEER_FAULT, "one byte does not take three lines");
    expect_nothing_taken(10);
}

/* Goal: a tail of lines beyond what was produced, or moving back, is a fault. */
Test(hostile, tail_lines)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(push(40), 0);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(pop(), 0);
    /* Fill the lines, so that the tail is looked at; from now on it was seen at 4. */
    cr_assert_eq(push(REALM_PAYLOAD_MAX), 0);
    cr_assert_eq(push(REALM_PAYLOAD_MAX), REALM_E_QUEUE_FULL);
    cr_assert_eq(pair.producer.seen_lines, 4);
    static const uint32_t tails[] = {0, 3, 76, 77, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        pair.server->tail_lines[REALM_NORMAL] = tails[i];
        cr_expect_eq(push(REALM_PAYLOAD_MAX), REALM_E_PEER_FAULT, "tail %u", tails[i]);
    }
    cr_expect_eq(pair.producer.position, 75);
    pair.server->tail_lines[REALM_NORMAL] = 5;
    cr_expect_eq(push(REALM_PAYLOAD_MAX), REALM_E_QUEUE_FULL, "a possible tail is no fault");
}

/* Goal: a tail of messages beyond what was produced, or moving back, is a fault. */
Test(hostile, tail_messages)
{
    for (uint32_t i = 0; i < REALM_QUEUE_MESSAGES; i++)
        cr_assert_eq(push(100), 0);
    cr_assert_eq(pop(), 0);
    cr_assert_eq(pop(), 0);
    cr_assert_eq(push(0), 0);
    cr_assert_eq(push(0), 0);
    cr_assert_eq(push(0), REALM_E_QUEUE_FULL);
    cr_assert_eq(pair.producer.seen_messages, 2);
    static const uint32_t tails[] = {0, 1, 35, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        pair.server->tail_messages[REALM_NORMAL] = tails[i];
        cr_expect_eq(push(0), REALM_E_PEER_FAULT, "tail %u", tails[i]);
    }
}

/* Goal: what is learnt otherwise moves the shadow forward to what was produced at most, and never back. */
Test(hostile, learning)
{
    for (int i = 0; i < 10; i++)
        cr_assert_eq(push(40), 0);
    static const uint32_t claims[] = {0, UINT32_MAX, 11, 12, 1u << 31, 1000};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        realm_producer_learn(&pair.producer, claims[i]);
        cr_expect_eq(pair.producer.seen_lines, 0, "claim %u", claims[i]);
    }
    realm_producer_learn(&pair.producer, 4);
    cr_expect_eq(pair.producer.seen_lines, 4);
    realm_producer_learn(&pair.producer, 3);
    cr_expect_eq(pair.producer.seen_lines, 4);
    realm_producer_learn(&pair.producer, 10);
    cr_expect_eq(pair.producer.seen_lines, 10, "all of it");
    /* The tail itself lies behind what the peer has said otherwise: it contradicts itself. */
    cr_assert_eq(push(REALM_PAYLOAD_MAX), 0);
    cr_expect_eq(push(REALM_PAYLOAD_MAX), REALM_E_PEER_FAULT);
}

/* Goal: a consumer that gives back all lines but keeps messages waiting contradicts itself. */
Test(hostile, messages_without_lines)
{
    for (uint32_t i = 0; i < REALM_QUEUE_MESSAGES; i++)
        cr_assert_eq(push(0), 0);
    pair.server->tail_lines[REALM_NORMAL] = REALM_QUEUE_MESSAGES;
    cr_expect_eq(push(0), REALM_E_PEER_FAULT);
}

/* Goal: a producer does not go to sleep on an impossible tail: the push that follows reports it. */
Test(hostile, parking_on_a_false_tail)
{
    for (uint32_t i = 0; i < REALM_QUEUE_MESSAGES; i++)
        cr_assert_eq(push(0), 0);
    pair.server->tail_lines[REALM_NORMAL] = 4000;
    const uint32_t *word;
    uint32_t seen;
    cr_expect_not(realm_producer_park(&pair.producer, 0, &word, &seen));
    cr_expect_eq(pair.client->parked, REALM_AWAKE);
    cr_expect_eq(push(0), REALM_E_PEER_FAULT);
}

/*
 * Goal: whatever bytes fill the peer's region, both ends stay within their memory and end with a code of
 * their contract (AddressSanitizer watches the first half of that).
 */
Test(hostile, random_regions)
{
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 20000; round++) {
        /* Mostly plausible first words, at the lines that the consumer is about to look at. */
        for (uint32_t i = 0; i < 4; i++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            uint32_t line = (pair.consumer.index + i) % PAIR_LINES;
            *pair_entry(&pair, line) =
                (struct realm_entry){.commit = pair.consumer.position + i + (uint32_t)(state % 70),
                                     .size = (uint16_t)(state >> 8 & 0x1fff),
                                     .kind = (uint8_t)(state >> 21 & 3)};
        }
        pair.client->head[REALM_NORMAL] = (uint32_t)(state >> 24);
        int error = pop();
        cr_assert(error == 0 || error == REALM_E_WOULD_BLOCK || error == REALM_E_PEER_FAULT);
        pair.server->tail_lines[REALM_NORMAL] = (uint32_t)(state >> 30);
        pair.server->tail_messages[REALM_NORMAL] = (uint32_t)(state >> 28);
        error = push((uint16_t)(state >> 40 & 0xfff));
        cr_assert(error == 0 || error == REALM_E_QUEUE_FULL || error == REALM_E_PEER_FAULT);
        cr_assert_lt(pair.consumer.index, PAIR_LINES);
        cr_assert_leq(pair.producer.position - pair.producer.seen_lines, PAIR_LINES);
    }
}
