/*
 * A call or send that is under way, in the frame of whoever waits for it.
 */
#ifndef REALM_CLIENT_CALL_H
#define REALM_CLIENT_CALL_H

#include "librealm/client/internal.h"

struct realm_calling {
    struct realm_channel *channel;
    enum realm_priority priority; /* the queue of its request */
    enum realm_priority rank;     /* of a nested one: how urgent it is by now, as its queue or raised */
    bool nested;                  /* made while serving: it may become more urgent while it waits */
    uint32_t number;              /* of the awaited reply; 0: none is */
    struct realm_reply *reply;
    struct realm_wait wait;
    struct realm_producer *producer; /* of its queue */
    uint32_t position;               /* of the queue, after the request */
    bool answered;
    bool boosted;
    bool batch; /* the reply is one, too */
    int result;
};

/*
 * Takes the replies that are there, up to the awaited one. After the peer's death too: it may have replied
 * before. False claims, and memory that is gone, end the link. (reply.c)
 */
void realm_reply_take_all(struct realm_calling *call);

/* A link of a channel ends for what a reply was, or for where it was to lie: REALM_E_PEER_FAULT,
 * REALM_E_REVOKED. (reply.c) */
void realm_reply_failed(struct realm_link *link, int error);

/* Puts the message into the ring, when there is room for it, and wakes the peer. Return: 0;
 * REALM_E_QUEUE_FULL, only if the wait polls; else as realm_send. (call.c) */
int realm_call_push(struct realm_calling *call, const struct realm_message *message, const void *data);

/* The number of the channel's next call. */
static inline uint32_t realm_call_number(struct realm_channel *channel)
{
    uint32_t number = ++channel->last_call;
    return number != 0 ? number : ++channel->last_call;
}

/* Numbers and pushes a message of kind CALL and waits for its reply. Return: as realm_call. (call.c) */
int realm_call_message(struct realm_calling *call, const struct realm_message *message, const void *data);

/* A call made while serving is at least as urgent as what is being served. */
static inline enum realm_priority realm_call_priority(const struct realm *realm, enum realm_priority priority)
{
    const struct realm_serving *serving = &realm->serving;
    return serving->active && serving->rank > priority ? serving->rank : priority;
}

#endif
