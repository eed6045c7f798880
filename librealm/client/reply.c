/*
 * Replies, as the client takes them.
 *
 * The rule: a reply that no call of its channel waits for, or ever gave up on, is an impossible claim. So a
 * peer cannot keep a call busy with replies that nobody asked for. Where the replies of other calls may come
 * each is taken into own memory first, so that none goes into the memory of a caller that it is not for.
 * Where none may, it goes there at once: if it is not the awaited one after all, that call fails, and the
 * channel with it.
 */
#include "librealm/client/call.h"

#include <string.h>

#include "librealm/core/stop_point.h"

/* Takes one reply that is there: the awaited one, or that of another call. */
static int take_reply(struct realm_calling *call)
{
    struct realm_channel *channel = call->channel;
    struct realm_link *link = &channel->link;
    struct realm_reply *reply = call->reply;
    uint8_t late[REALM_PAYLOAD_MAX];
    /* Where another call's reply may come it must not go into the caller's memory. */
    bool detour = channel->unsettled != 0;
    void *data = detour ? late : reply ? reply->data : NULL;
    size_t capacity = detour ? sizeof late : reply ? reply->capacity : 0;
    struct realm_message message;
    int error = realm_consumer_pop(&link->consumer, &message, data, capacity);
    if (error)
        return error;
    REALM_STOP_POINT("reply-taken");
    link->messages++;
    if (__builtin_expect(detour, 0))
        realm_pending_made_room(channel);
    if (message.kind != REALM_MESSAGE_REPLY)
        return REALM_E_PEER_FAULT;
    if (call->number == 0 || message.call != call->number)
        return detour ? realm_pending_replied(channel, &message, late) : REALM_E_PEER_FAULT;
    if (message.batch != call->batch)
        return REALM_E_PEER_FAULT;
    /* The request was taken before it was answered. */
    realm_producer_learn(call->producer, call->position);
    call->answered = true;
    call->result = 0;
    if (!reply)
        return 0;
    reply->status = message.status;
    reply->capability = (struct realm_ticket){.via = link->cookie, .number = message.ticket};
    reply->value = message.tag;
    reply->size = message.size;
    size_t fits = message.size < reply->capacity ? message.size : reply->capacity;
    if (detour && fits != 0)
        memcpy(reply->data, late, fits);
    /* Who wants no payload misses none. */
    if (fits < message.size && reply->capacity != 0)
        call->result = REALM_E_SHORT;
    return 0;
}

void realm_reply_failed(struct realm_link *link, int error)
{
    if (error == REALM_E_PEER_FAULT)
        realm_link_fault(link, REALM_FAULT_CLAIM);
    else if (error == REALM_E_REVOKED && !link->state)
        realm_link_gone(link);
}

void realm_reply_take_all(struct realm_calling *call)
{
    struct realm_link *link = &call->channel->link;
    if (link->state && link->state != REALM_E_PEER_DEAD)
        return;
    while (!call->answered && realm_consumer_ready(&link->consumer)) {
        int error = take_reply(call);
        if (error) {
            realm_reply_failed(link, error);
            return;
        }
    }
}
