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

/* Ends a client for what its memory holds, or no longer holds. */
static void drop(struct realm_client *client, int error)
{
    if (error == REALM_E_REVOKED)
        realm_link_gone(&client->link);
    realm_link_fault(&client->link, REALM_FAULT_CLAIM); /* if it is still open */
    realm_client_free(client);
}

/* Pops from the queue whose turn it is. A mark without an entry is a false claim. Return: as pop; -ENOMEM. */
static int pop(const struct realm_turn *turn, struct realm_consumer **ret_consumer,
               struct realm_message *ret_message, struct realm_request *request)
{
    struct realm_link *link = &turn->client->link;
    struct realm_consumer *consumer = realm_link_consumer(link, turn->queue);
    if (!consumer)
        return -ENOMEM;
    *ret_consumer = consumer;
    uint32_t messages = consumer->messages;
    int error = realm_consumer_pop(consumer, ret_message, request->data, sizeof request->data);
    if (turn->queue == REALM_NORMAL)
        return error;
    link->marks_taken = (link->marks_taken & ~realm_marks_of(turn->queue, UINT16_MAX)) |
                        realm_marks_of(turn->queue, consumer->messages);
    return error == REALM_E_WOULD_BLOCK && messages == consumer->messages ? REALM_E_PEER_FAULT : error;
}

int realm_request_take(const struct realm_turn *turn, struct realm_request *ret_request)
{
    struct realm_client *client = turn->client;
    struct realm_link *link = &client->link;
    struct realm *realm = link->realm;
    int error = realm_token_reserve(realm);
    if (error)
        return error;
    struct realm_message message;
    struct realm_consumer *consumer;
    error = pop(turn, &consumer, &message, ret_request);
    if (error == REALM_E_WOULD_BLOCK || error == -ENOMEM)
        return error;
    if (error || message.kind == REALM_MESSAGE_REPLY) {
        drop(client, error);
        return REALM_E_WOULD_BLOCK;
    }
    client->popped = consumer;
    realm->owed = give_room(client) ? NULL : client;
    REALM_STOP_POINT("request-taken");
    link->messages++;
    realm->requests++;
    client->last_served = realm->requests;
    ret_request->op = message.tag;
    ret_request->token = message.kind == REALM_MESSAGE_CALL ? realm_token_new(client, message.call) : 0;
    ret_request->client = client->id;
    ret_request->badge = client->badge;
    ret_request->priority = turn->rank;
    ret_request->size = message.size;
    realm->serving = (struct realm_serving){.active = true, .rank = turn->rank, .token = ret_request->token};
    return 0;
}

int realm_receive(struct realm_endpoint *endpoint, struct realm_request *ret_request, uint64_t timeout_ns)
{
    struct realm_client *client;
    return realm_loop_next(endpoint->realm, endpoint, timeout_ns, ret_request, &client);
}

int realm_reply(struct realm *realm, uint64_t token, int32_t status, uint64_t value, const void *data,
                size_t size)
{
    struct realm_token *entry = realm_token_find(realm, token);
    if (!entry)
        return REALM_E_STALE;
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    struct realm_client *client = entry->client;
    struct realm_message message = {
        .kind = REALM_MESSAGE_REPLY,
        .size = (uint16_t)size,
        .call = entry->call,
        .status = status,
        .tag = value,
    };
    REALM_STOP_POINT("reply");
    int error = realm_producer_push(&client->link.producer, &message, data);
    if (error == REALM_E_REVOKED || error == REALM_E_PEER_FAULT) {
        drop(client, error);
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
