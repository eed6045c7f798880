/*
 * Calls and one-way messages: the client's side of a channel, without the Memory Manager.
 *
 *     push the request → wake the server if it sleeps → spin on the line where the reply will be
 *         → sleep on the server's bell and the epoch → take the reply
 *
 * The rule: a call ends, whatever the peer does. Each wait includes the epoch, so that the news of the peer's
 * end ends it, and the deadline. Replies for other calls that come meanwhile are theirs (reply.c).
 */
#include "librealm/client/call.h"

#include <errno.h>

#include "librealm/core/stop_point.h"

/* Sleeps on the given words of the peer and the epoch. Return: 0: look again; REALM_E_TIMEOUT; -errno. */
static int sleep_on(struct realm_calling *call, struct realm_os_word *words, unsigned count)
{
    struct realm_link *link = &call->channel->link;
    struct realm *realm = link->realm;
    words[count] = (struct realm_os_word){.address = &realm->page->epoch, .seen = realm->epoch_seen};
    realm_request_settle(realm);
    int error = realm_os_wait(realm->os, words, count + 1u, call->wait.deadline_ns);
    bool something = realm_epoch_changed(realm) || realm_consumer_ready(&link->consumer) ||
                     realm_load_relaxed(words[0].address) != words[0].seen;
    if (error == 0 && !something)
        realm_link_spurious(link, 0);
#ifdef REALM_DEBUG
    if (error == REALM_E_TIMEOUT && realm_consumer_ready(&link->consumer))
        realm->lost_wakes++;
#endif
    /* Interrupted: a look costs nothing, but it is not the peer's doing. */
    return error == REALM_E_WOULD_BLOCK ? 0 : error;
}

/* --- waiting for the reply --- */

static bool spin_for_reply(struct realm_calling *call, uint64_t left_ns)
{
    struct realm_link *link = &call->channel->link;
    struct realm *realm = link->realm;
    uint32_t turns = realm_spin_turns(realm, &realm->spin_call, left_ns);
    if (turns == 0)
        return false;
    for (uint32_t turn = 0; turn < turns; turn++) {
        for (unsigned look = 0; look < REALM_SPIN_LOOKS; look++) {
            if (realm_consumer_ready(&link->consumer)) {
                realm_spin_learn(realm, &realm->spin_call, true);
                return true;
            }
        }
        if (realm_epoch_changed(realm))
            return true;
        realm_os_spin(realm->os);
    }
    realm_spin_learn(realm, &realm->spin_call, false);
    return false;
}

/*
 * Who serves and calls listens to its own clients meanwhile: when one of them has something more urgent than
 * what is being served, the call is raised to that, wherever its request lies or is served. The boost word is
 * read by whoever chooses there, and the bell wakes a server that itself waits in a call.
 */
static int sleep_nested(struct realm_calling *call, struct realm_os_word *words)
{
    struct realm_link *link = &call->channel->link;
    struct realm *realm = link->realm;
    enum realm_priority pressing = call->rank;
    realm_request_settle(realm);
    int error = realm_sleep_nested(link, words, call->wait.deadline_ns, &pressing);
    if (pressing > call->rank && !link->state) {
        call->rank = pressing;
        realm_store_relaxed(&link->own->boost, 1u + (uint32_t)pressing);
        realm_link_pushed(link);
        call->boosted = true;
    }
    return error == REALM_E_WOULD_BLOCK ? 0 : error;
}

static int wait_for_reply(struct realm_calling *call)
{
    struct realm_link *link = &call->channel->link;
    realm_pending_unpark(call->channel);
    /* The first time, all of the timeout is left. */
    uint64_t left_ns = call->wait.timeout_ns;
    if (call->wait.started)
        left_ns = realm_time_left(link->realm, call->wait.deadline_ns);
    else
        realm_wait_start(link->realm, &call->wait);
    if (spin_for_reply(call, left_ns))
        return realm_hear(link->realm);
    struct realm_os_word words[2];
    if (!realm_consumer_park(&link->consumer, REALM_PARKED_FUTEX, &words[0].address, &words[0].seen))
        return 0;
    int error = call->nested ? sleep_nested(call, words) : sleep_on(call, words, 1);
    realm_consumer_unpark(&link->consumer);
    int hearing = realm_hear(link->realm);
    return error ? error : hearing;
}

/* --- waiting for room --- */

/* A server that is at work makes room soon: each turn is one look at its tail. */
static bool spin_for_room(struct realm_link *link, struct realm_producer *producer, size_t size,
                          uint64_t left_ns)
{
    struct realm *realm = link->realm;
    uint32_t turns = realm_spin_turns(realm, &realm->spin_room, left_ns);
    if (turns == 0)
        return false;
    for (uint32_t turn = 0; turn < turns; turn++) {
        for (unsigned look = 0; look < REALM_SPIN_LOOKS; look++) {
            if (realm_consumer_ready(&link->consumer))
                return true; /* a late reply, which the server may wait for */
        }
        if (realm_producer_has_room(producer, size)) {
            realm_spin_learn(realm, &realm->spin_room, true);
            return true;
        }
        if (realm_epoch_changed(realm))
            return true;
        realm_os_spin(realm->os);
    }
    realm_spin_learn(realm, &realm->spin_room, false);
    return false;
}

static int wait_for_room(struct realm_calling *call, struct realm_producer *producer, size_t size)
{
    struct realm_link *link = &call->channel->link;
    realm_pending_unpark(call->channel);
    uint64_t left_ns = call->wait.timeout_ns;
    if (call->wait.started)
        left_ns = realm_time_left(link->realm, call->wait.deadline_ns);
    else
        realm_wait_start(link->realm, &call->wait);
    if (spin_for_room(link, producer, size, left_ns))
        return realm_hear(link->realm);
    /* A server that can reply no more reads no more: so replies end this wait as well. */
    struct realm_os_word words[3];
    if (!realm_producer_park(producer, size, &words[0].address, &words[0].seen))
        return 0;
    int error = 0;
    if (realm_consumer_park(&link->consumer, REALM_PARKED_FUTEX, &words[1].address, &words[1].seen)) {
        error = sleep_on(call, words, 2);
        realm_consumer_unpark(&link->consumer);
    }
    realm_producer_unpark(producer);
    int hearing = realm_hear(link->realm);
    return error ? error : hearing;
}

/* What a push said other than that the queue is full. Return: what the caller says. */
static int push_failed(struct realm_link *link, int error)
{
    if (error == REALM_E_PEER_FAULT)
        realm_link_fault(link, REALM_FAULT_CLAIM);
    if (error != REALM_E_REVOKED)
        return error;
    realm_link_gone(link);
    return link->state;
}

int realm_call_push(struct realm_calling *call, const struct realm_message *message, const void *data)
{
    struct realm_link *link = &call->channel->link;
    struct realm_producer *producer = realm_link_producer(link, call->priority);
    if (!producer)
        return -ENOMEM;
    for (;;) {
        if (link->state)
            return link->state;
        int error = realm_producer_push(producer, message, data);
        if (__builtin_expect(error == 0, 1)) {
            REALM_STOP_POINT("pushed");
            link->messages++;
            realm_link_pushed(link);
            return 0;
        }
        if (error != REALM_E_QUEUE_FULL)
            return push_failed(link, error);
        /* A server whose replies are not taken takes no requests. */
        realm_reply_take_all(call);
        if (call->wait.timeout_ns == REALM_POLL)
            return error;
        error = wait_for_room(call, producer, message->size);
        if (error)
            return error;
    }
}

/* --- in place --- */

int realm_reserve(struct realm_channel *channel, enum realm_priority priority, size_t size,
                  uint64_t timeout_ns, void **ret_data)
{
    struct realm_link *link = &channel->link;
    if ((unsigned)priority > REALM_CRITICAL)
        return REALM_E_BAD_ARGUMENT;
    struct realm_producer *producer = realm_link_producer(link, priority);
    struct realm_calling call = {
        .channel = channel, .priority = priority, .wait = {.timeout_ns = timeout_ns}};
    int error = producer ? realm_hear(link->realm) : -ENOMEM;
    while (!error) {
        if (link->state)
            return link->state;
        int outcome = realm_link_reserve(link, producer, size, ret_data);
        if (outcome != REALM_E_QUEUE_FULL)
            return outcome ? push_failed(link, outcome) : 0;
        realm_link_pushed(link); /* padding may have gone out */
        realm_reply_take_all(&call);
        error = timeout_ns == REALM_POLL ? outcome : wait_for_room(&call, producer, size);
    }
    return error;
}

/* Return: 0: it is in the queue, and rung for. */
static int commit(struct realm_channel *channel, struct realm_message *message, size_t size)
{
    struct realm_link *link = &channel->link;
    int error = realm_hear(link->realm);
    if (error || link->state)
        return error ? error : link->state;
    error = realm_link_commit(link, message, size);
    if (error)
        return push_failed(link, error);
    link->messages++;
    realm_link_pushed(link);
    return 0;
}

int realm_commit_send(struct realm_channel *channel, uint64_t op, size_t size)
{
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY, .tag = op};
    return commit(channel, &message, size);
}

/* What a call or send has that says nothing of it: as urgent as what is being served, if anything is. */
static inline enum realm_priority own_priority(const struct realm *realm)
{
    return realm->serving.active ? realm->serving.rank : REALM_NORMAL;
}

static inline int send_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op,
                          const void *data, size_t size, uint64_t timeout_ns)
{
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    struct realm_calling call = {
        .channel = channel, .priority = priority, .wait = {.timeout_ns = timeout_ns}};
    int error = realm_hear(channel->link.realm);
    if (error)
        return error;
    struct realm_message message = {.kind = REALM_MESSAGE_ONEWAY,
                                    .priority = (uint8_t)priority,
                                    .size = (uint16_t)size,
                                    .ticket = channel->gift,
                                    .tag = op};
    return realm_call_push(&call, &message, data);
}

int realm_send(struct realm_channel *channel, uint64_t op, const void *data, size_t size, uint64_t timeout_ns)
{
    return send_at(channel, own_priority(channel->link.realm), op, data, size, timeout_ns);
}

int realm_send_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op, const void *data,
                  size_t size, uint64_t timeout_ns)
{
    if ((unsigned)priority > REALM_CRITICAL)
        return REALM_E_BAD_ARGUMENT;
    return send_at(channel, priority, op, data, size, timeout_ns);
}

/*
 * Before the push: a call whose queue was chosen before, by whoever reserved the place or opened the stream,
 * is raised to what is being served now. The push rings for both.
 */
static void inherit(struct realm_calling *call)
{
    struct realm_link *link = &call->channel->link;
    call->nested = link->realm->serving.active;
    call->rank = realm_call_priority(link->realm, call->priority);
    if (call->rank == call->priority || link->state)
        return;
    realm_store_relaxed(&link->own->boost, 1u + (uint32_t)call->rank);
    call->boosted = true;
}

/* The request is no longer queued or served anywhere, or no longer waited for. */
static void end_nested(const struct realm_calling *call)
{
    struct realm_link *link = &call->channel->link;
    if (call->boosted)
        realm_store_relaxed(&link->own->boost, 0);
    realm_sleep_nested_end(link->realm);
}

/* Return: the error. */
static int not_sent(const struct realm_calling *call, int error)
{
    if (call->boosted)
        realm_store_relaxed(&call->channel->link.own->boost, 0);
    return error;
}

static int await_reply(struct realm_calling *call)
{
    struct realm_link *link = &call->channel->link;
    for (int error = 0;;) {
        realm_reply_take_all(call);
        if (call->answered)
            return call->result;
        if (link->state)
            return link->state;
        if (!error && call->wait.timeout_ns == REALM_POLL)
            error = REALM_E_TIMEOUT;
        if (error) {
            /* The request may be served yet; then its reply comes late. */
            call->channel->unsettled++;
            return error;
        }
        error = wait_for_reply(call);
    }
}

/* Waits for the reply to a request that is in the queue. */
static inline int finish(struct realm_calling *call)
{
    struct realm *realm = call->channel->link.realm;
    call->producer = realm_link_producer(&call->channel->link, call->priority);
    call->position = call->producer->position;
    realm->calls++;
    REALM_STOP_POINT("called");
    int error = await_reply(call);
    if (__builtin_expect(call->nested, 0))
        end_nested(call);
    return error;
}

int realm_commit_call(struct realm_channel *channel, uint64_t op, size_t size, struct realm_reply *reply,
                      uint64_t timeout_ns)
{
    const struct realm_producer *producer = channel->link.place.producer;
    struct realm_calling call = {.channel = channel,
                                 .priority = producer ? producer->queue : REALM_NORMAL,
                                 .number = realm_call_number(channel),
                                 .reply = reply,
                                 .wait = {.timeout_ns = timeout_ns}};
    struct realm_message message = {.kind = REALM_MESSAGE_CALL,
                                    .call = call.number,
                                    .status = (int32_t)channel->link.consumer.position,
                                    .tag = op};
    inherit(&call);
    int error = commit(channel, &message, size);
    return error ? not_sent(&call, error) : finish(&call);
}

static inline int call_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op,
                          const void *data, size_t size, struct realm_reply *reply, uint64_t timeout_ns)
{
    struct realm *realm = channel->link.realm;
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    struct realm_calling call = {.channel = channel,
                                 .priority = priority,
                                 .rank = priority,
                                 .nested = realm->serving.active,
                                 .reply = reply,
                                 .wait = {.timeout_ns = timeout_ns}};
    int error = realm_hear(realm);
    if (error)
        return error;
    const uint32_t number = realm_call_number(channel);
    struct realm_message message = {.kind = REALM_MESSAGE_CALL,
                                    .priority = (uint8_t)priority,
                                    .size = (uint16_t)size,
                                    .call = number,
                                    .status = (int32_t)channel->link.consumer.position,
                                    .ticket = channel->gift,
                                    .tag = op};
    REALM_STOP_POINT("call");
    error = realm_call_push(&call, &message, data);
    call.number = number; /* not before: until now no reply can be meant for it */
    return error ? error : finish(&call);
}

int realm_call_message(struct realm_calling *call, const struct realm_message *message, const void *data)
{
    struct realm_channel *channel = call->channel;
    struct realm *realm = channel->link.realm;
    int error = realm_hear(realm);
    if (error)
        return error;
    inherit(call);
    struct realm_message numbered = *message;
    numbered.priority = (uint8_t)call->priority;
    numbered.call = realm_call_number(channel);
    numbered.status = (int32_t)channel->link.consumer.position;
    error = realm_call_push(call, &numbered, data);
    call->number = numbered.call;
    return error ? not_sent(call, error) : finish(call);
}

int realm_call(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
               struct realm_reply *reply, uint64_t timeout_ns)
{
    return call_at(channel, own_priority(channel->link.realm), op, data, size, reply, timeout_ns);
}

int realm_call_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op, const void *data,
                  size_t size, struct realm_reply *reply, uint64_t timeout_ns)
{
    if ((unsigned)priority > REALM_CRITICAL)
        return REALM_E_BAD_ARGUMENT;
    return call_at(channel, realm_call_priority(channel->link.realm, priority), op, data, size, reply,
                   timeout_ns);
}
