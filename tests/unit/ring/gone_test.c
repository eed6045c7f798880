/*
 * The ring over memory that is taken away. The zeros that come to lie there look like an empty ring, like a
 * full one, or like a false claim; which of them, and where in a copy they begin, is left to no race here:
 * the gone word is set before the call, as by a handler that ran in the middle of it.
 */
#include <criterion/criterion.h>

#include <realm/error.h>

#include "tests/unit/ring/pair.h"

static struct pair pair;
static uint32_t client_gone, server_gone; /* of the two regions */

static void set_up(void)
{
    pair_init(&pair, 4);
    client_gone = server_gone = 0;
    realm_producer_guard(&pair.producer, &client_gone, &server_gone);
    realm_consumer_guard(&pair.consumer, &client_gone);
}

static void tear_down(void)
{
    pair_deinit(&pair);
}

TestSuite(gone, .init = set_up, .fini = tear_down);

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

static bool park(void)
{
    const uint32_t *word;
    uint32_t seen;
    return realm_consumer_park(&pair.consumer, REALM_PARKED_FUTEX, &word, &seen);
}

/* Goal: a copy that was overtaken is no message, though every claim of it holds; nothing is taken, and it
 * stays so when the word is looked at no more. */
Test(gone, a_copy_that_was_overtaken)
{
    static const uint16_t sizes[] = {0, 1, 40, 41, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        tear_down();
        set_up();
        cr_assert_eq(push(sizes[i]), 0);
        client_gone = 1;
        cr_expect_eq(pop(), REALM_E_REVOKED, "%u bytes", sizes[i]);
        cr_expect_eq(pair.consumer.position, 0);
        cr_expect_eq(pair.server->tail_lines[REALM_NORMAL], 0);
        cr_expect(realm_consumer_ready(&pair.consumer)); /* the failure waits to be popped */
    }
}

/* Goal: zeros are not taken for a ring in which nothing is. */
Test(gone, an_empty_ring)
{
    cr_assert_eq(pop(), REALM_E_WOULD_BLOCK);
    client_gone = 1;
    cr_expect_eq(pop(), REALM_E_REVOKED);
    client_gone = 0;
    cr_expect_eq(pop(), REALM_E_REVOKED); /* from then on always */
}

/* Goal: nor for a peer that lies: a realm accuses nobody of what the Memory Manager did. */
Test(gone, a_claim_that_became_false)
{
    *pair_entry(&pair, 0) = (struct realm_entry){.commit = 1, .size = 60000, .kind = REALM_MESSAGE_CALL};
    client_gone = 1;
    cr_expect_eq(pop(), REALM_E_REVOKED);
    tear_down();
    set_up();
    *pair_entry(&pair, 0) = (struct realm_entry){.commit = 2, .size = 1, .kind = REALM_MESSAGE_CALL};
    client_gone = 1;
    cr_expect_eq(pop(), REALM_E_REVOKED);
}

/* Goal: what was pushed into memory that nobody reads was not sent. */
Test(gone, a_push)
{
    cr_assert_eq(push(100), 0);
    client_gone = 1;
    cr_expect_eq(push(100), REALM_E_REVOKED);
}

/* Goal: a full ring whose peer's tail became zero is neither full nor lied about. */
Test(gone, a_tail)
{
    const uint32_t *word;
    uint32_t seen;
    for (unsigned i = 0; i < 4; i++)
        cr_assert_eq(push(10), 0);
    cr_assert_eq(push(10), REALM_E_QUEUE_FULL);
    server_gone = 1;
    cr_expect_eq(push(10), REALM_E_REVOKED);
    cr_expect_not(realm_producer_park(&pair.producer, 10, &word, &seen)); /* nobody would wake it */
    pair.server->tail_lines[REALM_NORMAL] = 77;
    cr_expect_eq(push(10), REALM_E_REVOKED);
}

/* Goal: nobody goes to sleep on a word that is gone, and waking up it is told what happened. */
Test(gone, going_to_sleep)
{
    cr_assert(park());
    realm_consumer_unpark(&pair.consumer);
    client_gone = 1;
    cr_expect_not(park());
    cr_expect_eq(pop(), REALM_E_REVOKED);
    cr_expect_eq(pair.server->parked, 0);
}

/* Goal: a head that went back to zero, or anywhere, is the loss of the memory and not a false claim. */
Test(gone, a_head_that_became_false)
{
    cr_assert_eq(push(10), 0);
    cr_assert_eq(pop(), 0);
    cr_assert_eq(push(10), 0);
    cr_assert_eq(pop(), 0);
    pair.client->head[REALM_NORMAL] = 0;
    memset(pair.client->lines, 0, 128);
    client_gone = 1;
    cr_expect_not(park());
    cr_expect_eq(pop(), REALM_E_REVOKED);
}
