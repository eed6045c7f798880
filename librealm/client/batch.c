/*
 * Many messages in one entry, as the client sends them: one-way ones, and operations that one reply answers.
 *
 * The rule: what is in the queue is in it whole. Messages are packed into a batch before the ring is touched;
 * a batch that finds no room waits as one message does. So the count of those that were sent is exact.
 */
#include <errno.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/client/call.h"
#include "librealm/ring/batch.h"

/* An entry takes at most this part of its queue: the receiver works at one while the next is written. */
#define QUEUE_PARTS 4u

struct packer {
    struct realm_batch_writer writer;
    _Alignas(8) uint8_t bytes[REALM_PAYLOAD_MAX];
};

static void pack(struct packer *packer, uint64_t op, const void *data, size_t size)
{
    uint32_t room;
    void *place = realm_batch_place(&packer->writer, 0, &room);
    if (size != 0)
        memcpy(place, data, size);
    const struct realm_batch_head head = {.tag = op, .size = (uint16_t)size, .whole = (uint16_t)size};
    realm_batch_add(&packer->writer, &head);
}

/* --- one-way --- */

/* How many of the messages go into one entry of at most so many bytes: at least 1, which then goes alone. */
static size_t pack_some(struct packer *packer, const struct realm_outgoing *messages, size_t count,
                        uint32_t bytes_max)
{
    size_t some = 0;
    packer->writer = (struct realm_batch_writer){.bytes = packer->bytes};
    while (some < count && messages[some].size <= bytes_max &&
           packer->writer.size + realm_batch_bytes((uint32_t)messages[some].size) <= bytes_max) {
        pack(packer, messages[some].op, messages[some].data, messages[some].size);
        some++;
    }
    return some != 0 ? some : 1u;
}

/* The next entry: a batch of some, or one message. */
static struct realm_message entry_of(const struct packer *packer, size_t some,
                                     const struct realm_outgoing *next, enum realm_priority priority,
                                     const void **ret_data)
{
    const bool batch = some > 1;
    *ret_data = batch ? packer->bytes : next->data;
    return (struct realm_message){.kind = REALM_MESSAGE_ONEWAY,
                                  .priority = (uint8_t)priority,
                                  .batch = batch,
                                  .size = (uint16_t)(batch ? packer->writer.size : next->size),
                                  .tag = batch ? some : next->op};
}

static uint32_t batch_bytes_max(const struct realm_producer *producer)
{
    const uint32_t bytes = producer->lines / QUEUE_PARTS * REALM_LINE - (uint32_t)sizeof(struct realm_entry);
    return bytes < REALM_PAYLOAD_MAX ? bytes : REALM_PAYLOAD_MAX;
}

/* Return: as realm_send_many, which has checked everything. */
static int send_all(struct realm_calling *call, struct realm_producer *producer,
                    const struct realm_outgoing *messages, size_t count, size_t *sent)
{
    struct realm_link *link = &call->channel->link;
    struct packer packer;
    uint32_t bytes_max = batch_bytes_max(producer);
    bool rung = true; /* for all that was sent */
    int error = 0;
    while (!error && *sent < count) {
        const struct realm_outgoing *next = &messages[*sent];
        const size_t some = pack_some(&packer, next, count - *sent, bytes_max);
        const void *data;
        const struct realm_message message = entry_of(&packer, some, next, call->priority, &data);
        rung = link->state || realm_producer_push(producer, &message, data) != 0;
        if (!rung) {
            link->messages++;
        } else {
            /* No room, or worse: those before are rung for, and this entry is sent as if alone. */
            if (*sent != 0)
                realm_link_pushed(link);
            error = realm_call_push(call, &message, data);
        }
        if (error == REALM_E_QUEUE_FULL && some > 1) {
            bytes_max = 0; /* one by one, as many as fit */
            error = 0;
            continue;
        }
        if (!error)
            *sent += some;
    }
    if (!rung)
        realm_link_pushed(link);
    return error;
}

int realm_send_many(struct realm_channel *channel, enum realm_priority priority,
                    const struct realm_outgoing *messages, size_t count, uint64_t timeout_ns,
                    size_t *ret_sent)
{
    struct realm_link *link = &channel->link;
    size_t sent = 0;
    int error = (unsigned)priority > REALM_CRITICAL ? REALM_E_BAD_ARGUMENT : realm_hear(link->realm);
    for (size_t i = 0; i < count && !error; i++)
        error = messages[i].size > REALM_PAYLOAD_MAX ? REALM_E_TOO_BIG : 0;
    struct realm_calling call = {
        .channel = channel, .priority = priority, .wait = {.timeout_ns = timeout_ns}};
    struct realm_producer *producer = error ? NULL : realm_link_producer(link, priority);
    if (!error && !producer)
        error = -ENOMEM;
    if (!error)
        error = send_all(&call, producer, messages, count, &sent);
    if (ret_sent)
        *ret_sent = sent;
    return error;
}

/* --- operations --- */

static int pack_operations(struct packer *packer, const struct realm_operation *operations, size_t count)
{
    if (count == 0)
        return REALM_E_BAD_ARGUMENT;
    if (count > REALM_BATCH_MAX)
        return REALM_E_TOO_BIG;
    packer->writer = (struct realm_batch_writer){.bytes = packer->bytes};
    for (size_t i = 0; i < count; i++) {
        if (operations[i].size > REALM_PAYLOAD_MAX ||
            packer->writer.size + realm_batch_bytes((uint32_t)operations[i].size) > REALM_PAYLOAD_MAX)
            return REALM_E_TOO_BIG;
        pack(packer, operations[i].op, operations[i].data, operations[i].size);
    }
    return 0;
}

/* Return: 0; REALM_E_SHORT: some result has less data than there was; REALM_E_PEER_FAULT. */
static int unpack_results(struct realm_operation *operations, size_t count, const struct realm_reply *reply,
                          bool stop)
{
    if (reply->status != 0 || reply->value == 0 || reply->value > count ||
        realm_batch_check(reply->data, reply->size, reply->value, REALM_BATCH_RESULTS))
        return REALM_E_PEER_FAULT;
    struct realm_batch_reader reader = {.bytes = reply->data, .left = (uint32_t)reply->value};
    int result = 0;
    int32_t last = 0;
    for (size_t i = 0; reader.left != 0; i++) {
        struct realm_operation *operation = &operations[i];
        struct realm_batch_head head;
        const void *data = realm_batch_next(&reader, &head);
        size_t fits = head.size < operation->capacity ? head.size : operation->capacity;
        if (fits != 0)
            memcpy(operation->reply, data, fits);
        operation->done = true;
        operation->status = last = head.status;
        operation->value = head.tag;
        operation->reply_size = head.whole;
        if (fits < head.whole && operation->capacity != 0)
            result = REALM_E_SHORT;
    }
    /* What was not done has a reason: the last that was failed, and the client had said STOP. */
    return reply->value == count || (stop && last != 0) ? result : REALM_E_PEER_FAULT;
}

int realm_call_many(struct realm_channel *channel, enum realm_priority priority,
                    struct realm_operation *operations, size_t count, unsigned flags, uint64_t timeout_ns)
{
    struct packer packer;
    _Alignas(8) uint8_t results[REALM_PAYLOAD_MAX];
    struct realm_reply reply = {.data = results, .capacity = sizeof results};
    if ((unsigned)priority > REALM_CRITICAL || (flags & ~REALM_STOP_AT_FAILURE) != 0)
        return REALM_E_BAD_ARGUMENT;
    int error = pack_operations(&packer, operations, count);
    if (error)
        return error;
    for (size_t i = 0; i < count; i++)
        operations[i].done = false;
    const bool stop = (flags & REALM_STOP_AT_FAILURE) != 0;
    struct realm_calling call = {.channel = channel,
                                 .priority = realm_call_priority(channel->link.realm, priority),
                                 .batch = true,
                                 .reply = &reply,
                                 .wait = {.timeout_ns = timeout_ns}};
    const struct realm_message message = {.kind = REALM_MESSAGE_CALL,
                                          .batch = true,
                                          .size = (uint16_t)packer.writer.size,
                                          .tag = count | (stop ? REALM_BATCH_STOP : 0)};
    error = realm_call_message(&call, &message, packer.bytes);
    if (error)
        return error;
    error = unpack_results(operations, count, &reply, stop);
    if (error == REALM_E_PEER_FAULT) {
        for (size_t i = 0; i < count; i++)
            operations[i].done = false;
        realm_link_fault(&channel->link, REALM_FAULT_CLAIM);
    }
    return error;
}
