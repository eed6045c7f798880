/*
 * What the tests of asynchronous calls share: one call, its bytes, and how it ended.
 */
#ifndef TESTS_UNIT_CLIENT_PENDING_H
#define TESTS_UNIT_CLIENT_PENDING_H

#include "tests/unit/client/twin.h"

struct one {
    uint64_t op;
    size_t size;
    unsigned ended;
    int result;
    uint64_t at_ns;
};

static inline void note(struct realm *realm, const struct realm_completion *completion, void *context)
{
    struct one *one = context;
    one->ended++;
    one->result = completion->result;
    one->at_ns = realm_now_ns(realm);
    if (completion->result != 0) {
        CHECK(completion->data == NULL && completion->size == 0);
        return;
    }
    const uint8_t *data = completion->data;
    CHECK_EQ(completion->value, one->op + 1);
    CHECK_EQ(completion->size, one->size);
    CHECK((data == NULL) == (one->size == 0));
    for (size_t i = 0; i < one->size; i++)
        CHECK_EQ(data[i], (uint8_t)(one->op * 31u + i));
}

/* Starts one; while there is no room it lets others end. */
static inline void start_one(struct realm *realm, struct realm_channel *channel, struct one *one, uint64_t op,
                             size_t size, uint64_t timeout_ns)
{
    uint8_t bytes[REALM_PAYLOAD_MAX];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(op * 31u + i);
    *one = (struct one){.op = op, .size = size};
    int error;
    while ((error = realm_call_start(channel, op, bytes, size, timeout_ns, note, one, NULL)) ==
           REALM_E_QUEUE_FULL)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    CHECK_EQ(error, 0);
}

#endif
