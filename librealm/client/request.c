/*
 * Requests in, replies out.
 *
 * A request is popped into the receiver's own memory. If a reply is due, a token names it, one-shot, which
 * outlives the handler: a service may reply later and in any order.
 *
 * The rule: a client that sleeps for room is never left asleep. After a pop its parked word must be looked at
 * behind a fence. The fence that a reply needs anyway serves for both, so the look is owed until then; if no
 * reply is given first, it is made up for before the next pop and before this realm waits for anything.
 * A look without a fence, right after the pop, already wakes whoever has slept for a while.
 */
#include "librealm/client/internal.h"

#include <errno.h>
#include <string.h>

#include "librealm/core/stop_point.h"

/* Wakes the client if its parked word says that it waits for room; whether it did. */
static inline bool give_room(struct realm_client *client)
{
    const struct realm_region *peer = client->link.peer;
    if (__builtin_expect((realm_load_relaxed(&peer->parked) & REALM_PARKED_SPACE) == 0, 1))
        return false;
    realm_os_wake(client->link.realm->os, &client->link.own->tail_lines[client->popped->queue]);
    return true;
}

void realm_request_settle(struct realm *realm)
{
    struct realm_client *client = realm->owed;
    if (!client)
        return;
    realm->owed = NULL;
    if (realm_consumer_space_wanted(client->popped))
        realm_os_wake(realm->os, &client->link.own->tail_lines[client->popped->queue]);
}

void realm_request_drop(struct realm_client *client, int error)
{
    if (error == REALM_E_REVOKED)
        realm_link_gone(&client->link);
    if (error < 0 && !client->link.state) { /* this realm's own affair, and no claim of the client's */
        realm_link_end(&client->link, REALM_E_PEER_DEAD);
        realm_control_give_back(client->link.realm, client->link.cookie);
    }
    realm_link_fault(&client->link, REALM_FAULT_CLAIM); /* if it is still open */
    realm_client_free(client);
}

void realm_request_popped(const struct realm_turn *turn, struct realm_consumer *consumer)
{
    struct realm_client *client = turn->client;
    struct realm_link *link = &client->link;
    struct realm *realm = link->realm;
    if (turn->queue != REALM_NORMAL)
        link->marks_taken = (link->marks_taken & ~realm_marks_of(turn->queue, UINT16_MAX)) |
                            realm_marks_of(turn->queue, consumer->messages);
    /* One look may serve for many pops of one queue, but not for two queues. */
    if (__builtin_expect(realm->owed && (realm->owed != client || client->popped != consumer), 0))
        realm_request_settle(realm);
    client->popped = consumer;
    realm->owed = give_room(client) ? NULL : client;
}

uint64_t realm_request_serve(const struct realm_turn *turn, const struct realm_message *message)
{
    struct realm_client *client = turn->client;
    struct realm *realm = client->link.realm;
    client->link.messages++;
    realm->requests++;
    client->last_served = realm->requests;
    uint64_t token = 0;
    if (message->kind == REALM_MESSAGE_CALL) {
        token = realm_token_new(client, message->call);
        if (message->ticket == 0)
            realm_producer_learn(&client->link.producer, (uint32_t)message->status);
    }
    realm->serving = (struct realm_serving){.active = true, .rank = turn->rank, .token = token};
    return token;
}

/* Notifications, as a request. */
static int take_bits(const struct realm_turn *turn, struct realm_request *ret_request)
{
    int error = realm_client_take_bits(turn);
    if (error)
        return error;
    ret_request->op = 0;
    ret_request->token = 0;
    ret_request->client = turn->client->id;
    ret_request->badge = turn->client->badge;
    ret_request->priority = REALM_CRITICAL;
    ret_request->capability = (struct realm_ticket){.number = 0};
    ret_request->bits = turn->bits;
    ret_request->size = 0;
    return 0;
}

static inline void describe(const struct realm_turn *turn, const struct realm_message *message,
                            struct realm_request *request)
{
    const struct realm_client *client = turn->client;
    request->op = message->tag;
    request->client = client->id;
    request->badge = client->badge;
    request->priority = turn->rank;
    request->capability = (struct realm_ticket){.via = client->link.cookie, .number = message->ticket};
    request->bits = 0;
    request->size = message->size;
}

/* The next message of a batch. */
static int take_unpacked(const struct realm_turn *turn, struct realm_request *ret_request)
{
    struct realm_message message;
    const void *data = realm_unpack_next(turn, &message, &ret_request->token);
    memcpy(ret_request->data, data, message.size);
    describe(turn, &message, ret_request);
    return 0;
}

int realm_request_take(const struct realm_turn *turn, struct realm_request *ret_request)
{
    if (__builtin_expect(turn->bits != 0, 0))
        return take_bits(turn, ret_request);
    struct realm_client *client = turn->client;
    int error = realm_token_reserve(client->link.realm);
    if (error)
        return error;
    struct realm_message message;
    if (__builtin_expect(client->unpacked_ready >> turn->queue & 1u, 0))
        return take_unpacked(turn, ret_request);
    struct realm_consumer *consumer = realm_link_consumer(&client->link, turn->queue);
    if (!consumer)
        return -ENOMEM;
    uint32_t before = consumer->messages;
    error = realm_consumer_pop(consumer, &message, ret_request->data, sizeof ret_request->data);
    if (error == REALM_E_WOULD_BLOCK && (turn->queue == REALM_NORMAL || before != consumer->messages)) {
        realm_request_popped(turn, consumer); /* there was only padding */
        return error;
    }
    /* A mark without an entry is a false claim, too. */
    if (error || message.kind == REALM_MESSAGE_REPLY) {
        realm_request_drop(client, error);
        return REALM_E_WOULD_BLOCK;
    }
    realm_request_popped(turn, consumer);
    REALM_STOP_POINT("request-taken");
    if (__builtin_expect(message.batch, 0)) {
        error = realm_unpack_open(turn, &message, ret_request->data);
        if (!error)
            return take_unpacked(turn, ret_request);
        realm_request_drop(client, error);
        return REALM_E_WOULD_BLOCK;
    }
    describe(turn, &message, ret_request);
    ret_request->token = realm_request_serve(turn, &message);
    return 0;
}

int realm_receive(struct realm_endpoint *endpoint, struct realm_request *ret_request, uint64_t timeout_ns)
{
    struct realm_found found;
    return realm_loop_next(endpoint->realm, endpoint, timeout_ns,
                           (struct realm_taken){.request = ret_request}, &found);
}

int realm_receive_many(struct realm_endpoint *endpoint, struct realm_request *ret_requests, size_t capacity,
                       uint64_t timeout_ns, size_t *ret_count)
{
    if (capacity == 0)
        return REALM_E_BAD_ARGUMENT;
    int error = realm_receive(endpoint, &ret_requests[0], timeout_ns);
    if (error)
        return error;
    struct realm *realm = endpoint->realm;
    struct realm_found found;
    size_t count = 1;
    enum realm_priority highest = realm->serving.rank;
    while (count < capacity &&
           realm_loop_look(realm, endpoint, (struct realm_taken){.request = &ret_requests[count]}, &found) ==
               0) {
        highest = realm->serving.rank > highest ? realm->serving.rank : highest;
        count++;
    }
    /* All of them wait for whatever is called meanwhile. No single reply ends that. */
    if (count > 1)
        realm->serving = (struct realm_serving){.active = true, .rank = highest};
    *ret_count = count;
    return 0;
}

/* --- replies --- */

/* What a push or commit of a reply came to; the client may be gone afterwards. Return: as realm_reply. */
static int replied(struct realm *realm, struct realm_token *entry, uint64_t token, int error)
{
    struct realm_client *client = entry->client;
    if (error == REALM_E_REVOKED || error == REALM_E_PEER_FAULT) {
        realm_request_drop(client, error);
        return error == REALM_E_REVOKED ? REALM_E_STALE : error;
    }
    if (error)
        return error;
    realm_token_free(realm, entry);
    if (realm->serving.token == token)
        realm->serving.active = false;
    REALM_STOP_POINT("reply-pushed");
    client->link.messages++;
    realm_link_pushed(&client->link);
    REALM_STOP_POINT("replied");
    if (realm->owed == client) {
        /* Behind the fence of the push. */
        realm->owed = NULL;
        give_room(client);
    }
    return 0;
}

/* The client will get it when it has taken others. */
static int keep(struct realm *realm, struct realm_token *entry, uint64_t token,
                const struct realm_message *message, const void *data)
{
    int error = realm_reply_keep(entry, message, data);
    if (!error && realm->serving.token == token)
        realm->serving.active = false;
    return error;
}

static inline int push_reply(struct realm *realm, struct realm_token *entry, uint64_t token,
                             const struct realm_message *message, const void *data)
{
    int error = realm_producer_push(&entry->client->link.producer, message, data);
    if (__builtin_expect(error == REALM_E_QUEUE_FULL, 0))
        return keep(realm, entry, token, message, data);
    return replied(realm, entry, token, error);
}

static inline int reply_at(struct realm *realm, uint64_t token, int32_t status, uint64_t value,
                           const void *data, size_t size, uint32_t ticket)
{
    struct realm_token *entry = realm_token_find(realm, token);
    if (!entry)
        return REALM_E_STALE;
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    struct realm_message message = {
        .kind = REALM_MESSAGE_REPLY,
        .size = (uint16_t)size,
        .call = entry->call,
        .status = status,
        .ticket = ticket,
        .tag = value,
    };
    REALM_STOP_POINT("reply");
    if (__builtin_expect(entry->operation != 0, 0))
        return realm_unpack_answer(realm, token, &message, data);
    return push_reply(realm, entry, token, &message, data);
}

int realm_reply_push(struct realm *realm, uint64_t token, const struct realm_message *reply, const void *data)
{
    return push_reply(realm, realm_token_find(realm, token), token, reply, data);
}

int realm_reply(struct realm *realm, uint64_t token, int32_t status, uint64_t value, const void *data,
                size_t size)
{
    return reply_at(realm, token, status, value, data, size, 0);
}

int realm_reply_ticket(struct realm *realm, uint64_t token, uint64_t value, const void *data, size_t size,
                       uint32_t ticket)
{
    return reply_at(realm, token, 0, value, data, size, ticket);
}

int realm_reserve_reply(struct realm *realm, uint64_t token, size_t size, void **ret_data)
{
    struct realm_token *entry = realm_token_find(realm, token);
    if (!entry)
        return REALM_E_STALE;
    if (entry->operation != 0)
        return realm_unpack_reserve(entry, size, ret_data);
    struct realm_link *link = &entry->client->link;
    int error = realm_link_reserve(link, &link->producer, size, ret_data);
    if (error == REALM_E_QUEUE_FULL)
        realm_link_pushed(link); /* padding may have gone out */
    if (error != REALM_E_REVOKED && error != REALM_E_PEER_FAULT)
        return error;
    realm_request_drop(entry->client, error);
    return error == REALM_E_REVOKED ? REALM_E_STALE : error;
}

int realm_commit_reply(struct realm *realm, uint64_t token, int32_t status, uint64_t value, size_t size)
{
    struct realm_token *entry = realm_token_find(realm, token);
    if (!entry)
        return REALM_E_STALE;
    struct realm_message message = {
        .kind = REALM_MESSAGE_REPLY, .call = entry->call, .status = status, .tag = value};
    if (entry->operation != 0) {
        message.size = (uint16_t)size;
        return realm_unpack_commit(realm, token, &message, size);
    }
    int error = realm_link_commit(&entry->client->link, &message, size);
    return replied(realm, entry, token, error);
}
