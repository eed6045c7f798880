/*
 * Batches, as a service receives them: one entry that is handed out one message at a time.
 *
 * A batch is taken out of the ring whole, checked whole, and kept with its client, one for each queue; its
 * messages come in the client's turns, before what lies behind them in the queue. Those of a batch of
 * operations are calls, done one after the other: each is handed out when the one before it was answered, and
 * meanwhile the client is held. The answers become one reply, which is sent with the last, or with the first
 * that failed if the client said STOP.
 *
 * The rule: a service that replies with realm_reply needs to know nothing of this. Each message has its
 * token, and the reply to it the same limits as any; of an answer that does not fit beside the others the
 * client gets as much as fits, and how much there was. What cannot be cut is refused, so that the service
 * knows: a place for a reply that is larger than what is left, and a capability, of which the one reply has
 * none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/client/internal.h"
#include "librealm/core/assert.h"
#include "librealm/ring/batch.h"

struct realm_unpacked {
    struct realm_batch_reader reader;
    bool operations; /* calls, to be answered together */
    bool stop;
    uint32_t call;
    int32_t taken;     /* of the replies, as the client said */
    uint32_t reserved; /* bytes of the place for the next answer, or 0 */
    struct realm_batch_writer results;
    _Alignas(8) uint8_t bytes[REALM_PAYLOAD_MAX];
    _Alignas(8) uint8_t result_bytes[REALM_PAYLOAD_MAX];
};

void realm_unpack_free(struct realm_client *client)
{
    for (unsigned queue = 0; queue < REALM_QUEUES; queue++) {
        free(client->unpacked[queue]);
        client->unpacked[queue] = NULL;
    }
    client->unpacked_ready = 0;
}

int realm_unpack_open(const struct realm_turn *turn, const struct realm_message *message, const void *payload)
{
    struct realm_client *client = turn->client;
    struct realm_unpacked **place = &client->unpacked[turn->queue];
    const uint64_t count = message->tag & ~REALM_BATCH_STOP;
    if (!*place) {
        *place = malloc(sizeof **place);
        if (!*place)
            return -ENOMEM;
    }
    struct realm_unpacked *batch = *place;
    memcpy(batch->bytes, payload, message->size);
    int error = realm_batch_check(batch->bytes, message->size, count, REALM_BATCH_MESSAGES);
    if (error)
        return error;
    batch->reader = (struct realm_batch_reader){.bytes = batch->bytes, .left = (uint32_t)count};
    batch->operations = message->kind == REALM_MESSAGE_CALL;
    batch->stop = (message->tag & REALM_BATCH_STOP) != 0;
    batch->call = message->call;
    batch->taken = message->status;
    batch->reserved = 0;
    batch->results = (struct realm_batch_writer){.bytes = batch->result_bytes};
    client->unpacked_ready |= 1u << turn->queue;
    return 0;
}

const void *realm_unpack_next(const struct realm_turn *turn, struct realm_message *ret_message,
                              uint64_t *ret_token)
{
    struct realm_client *client = turn->client;
    struct realm_unpacked *batch = client->unpacked[turn->queue];
    struct realm_batch_head head;
    const void *data = realm_batch_next(&batch->reader, &head);
    *ret_message =
        (struct realm_message){.kind = batch->operations ? REALM_MESSAGE_CALL : REALM_MESSAGE_ONEWAY,
                               .size = head.size,
                               .call = batch->call,
                               .status = batch->taken,
                               .tag = head.tag};
    *ret_token = realm_request_serve(turn, ret_message);
    if (batch->operations) {
        realm_token_find(client->link.realm, *ret_token)->operation = (uint8_t)(turn->queue + 1u);
        client->operating = true;
        realm_client_move(client, REALM_PLACE_HELD);
    }
    if (batch->operations || batch->reader.left == 0)
        client->unpacked_ready &= ~(1u << turn->queue);
    return data;
}

/* --- answers --- */

static struct realm_unpacked *batch_of(const struct realm_token *entry)
{
    return entry->client->unpacked[entry->operation - 1u];
}

static void write_result(struct realm_unpacked *batch, const struct realm_message *answer, const void *data)
{
    uint32_t room;
    void *place = realm_batch_place(&batch->results, batch->reader.left, &room);
    uint32_t fits = answer->size < room ? answer->size : room;
    if (fits != 0 && data != place)
        memcpy(place, data, fits);
    const struct realm_batch_head head = {
        .tag = answer->tag, .status = answer->status, .size = (uint16_t)fits, .whole = answer->size};
    realm_batch_add(&batch->results, &head);
}

int realm_unpack_answer(struct realm *realm, uint64_t token, const struct realm_message *answer,
                        const void *data)
{
    struct realm_token *entry = realm_token_find(realm, token);
    struct realm_client *client = entry->client;
    struct realm_unpacked *batch = batch_of(entry);
    if (answer->ticket != 0)
        return REALM_E_BAD_ARGUMENT;
    const struct realm_batch_writer before = batch->results;
    write_result(batch, answer, data);
    client->operating = false;
    batch->reserved = 0;
    if (batch->reader.left != 0 && !(batch->stop && answer->status != 0)) {
        client->unpacked_ready |= 1u << (entry->operation - 1u);
        realm_token_free(realm, entry); /* one that was held for it is read again */
        realm_sleep_rouse(client);
        if (realm->serving.token == token)
            realm->serving.active = false;
        return 0;
    }
    const struct realm_message reply = {.kind = REALM_MESSAGE_REPLY,
                                        .batch = true,
                                        .size = (uint16_t)batch->results.size,
                                        .call = batch->call,
                                        .tag = batch->results.count};
    int error = realm_reply_push(realm, token, &reply, batch->result_bytes);
    if (error == REALM_E_QUEUE_FULL) { /* the service may try again */
        batch->results = before;
        client->operating = true;
    }
    return error;
}

int realm_unpack_reserve(const struct realm_token *entry, size_t size, void **ret_data)
{
    struct realm_unpacked *batch = batch_of(entry);
    uint32_t room;
    void *place = realm_batch_place(&batch->results, batch->reader.left, &room);
    if (size > room)
        return REALM_E_TOO_BIG;
    batch->reserved = (uint32_t)size + 1u;
    *ret_data = place;
    return 0;
}

int realm_unpack_commit(struct realm *realm, uint64_t token, const struct realm_message *answer, size_t size)
{
    struct realm_unpacked *batch = batch_of(realm_token_find(realm, token));
    uint32_t room;
    if (batch->reserved == 0)
        return REALM_E_STALE;
    if (size > batch->reserved - 1u)
        return REALM_E_TOO_BIG;
    return realm_unpack_answer(realm, token, answer,
                               realm_batch_place(&batch->results, batch->reader.left, &room));
}
