/*
 * Asynchronous calls.
 *
 *                    reply, deadline, cancelled, end of the channel
 *     UNDER WAY (of its channel) ───────────────────────────────────> ENDED (of the realm) ──> its handler
 *
 * A channel with calls under way is awake, and then the loop looks at its reply queue; or parked, and then
 * the waiter has it armed, as it is with the clients of an endpoint. The first deadline of all calls is the
 * loop's, as that of the timers is.
 *
 * The rule: a call that was started ends once, and tells nobody but its handler. So whatever takes a reply
 * off the queue (this loop, or a call that waits for another) hands it to the call that it is for; what is
 * for none of them has to be one that gave up, or the peer lies.
 */
#include "librealm/client/pending.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/client/call.h"

/* Awake channels that are looked at in one step: with more, each has its turn in one of the next. */
#define LOOKS 8u
/* While there are always replies, the clock is looked at after so many. */
#define REPLIES_PER_LOOK 16u

struct realm_pending_call {
    struct realm *realm;
    struct realm_list of_state;    /* under way: of its channel, by start; ended: of the realm, by end */
    struct realm_list of_due;      /* under way with a deadline: of the realm, by deadline */
    struct realm_channel *channel; /* NULL: it has ended */
    struct realm_producer *producer;
    uint32_t position; /* of the producer, after the request */
    uint32_t number;
    uint64_t deadline_ns;
    realm_completion_handler *handler;
    void *context;
    struct realm_completion completion;
    void *copy; /* of the reply's payload, or NULL */
};

static struct realm_pending_call *call_of(struct realm_list *node)
{
    return REALM_LIST_OF(node, struct realm_pending_call, of_state);
}

static struct realm_channel *channel_of(struct realm_list *node)
{
    return REALM_LIST_OF(node, struct realm_channel, of_calling);
}

/* --- ending --- */

/* Out of the lists of those under way. */
static void leave(struct realm_pending_call *call, int result)
{
    struct realm_channel *channel = call->channel;
    realm_list_remove(&call->of_state);
    realm_list_remove(&call->of_due);
    call->channel = NULL;
    call->completion.result = result;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): it loses track of rings; this one is under way */
    if (--channel->started_count == 0) {
        realm_pending_unpark(channel);
        realm_list_remove(&channel->of_calling);
    }
}

static void end(struct realm_pending_call *call, int result)
{
    leave(call, result);
    realm_list_insert(&call->realm->ended, &call->of_state);
}

void realm_pending_end_all(struct realm_channel *channel, int result)
{
    while (channel->started_count != 0)
        end(call_of(channel->started.next), result);
}

int realm_call_cancel(struct realm_pending_call *call)
{
    if (!call->channel)
        return REALM_E_STALE;
    end(call, REALM_E_CANCELLED);
    return 0;
}

/* --- replies --- */

/* *ret_call: whose reply it is, NULL: it came too late. Return: 0; REALM_E_PEER_FAULT: nobody's. */
static int match(struct realm_channel *channel, const struct realm_message *message,
                 struct realm_pending_call **ret_call)
{
    struct realm_pending_call *call = NULL;
    /* Most services answer in order, so it is mostly the first. */
    for (struct realm_list *at = channel->started.next; at != &channel->started; at = at->next) {
        if (call_of(at)->number == message->call) {
            call = call_of(at);
            break;
        }
    }
    if (message->kind != REALM_MESSAGE_REPLY || (call && message->batch) ||
        (!call && channel->unsettled == channel->started_count))
        return REALM_E_PEER_FAULT;
    channel->unsettled--;
    *ret_call = call;
    if (!call) {
        channel->late_replies++;
        channel->link.realm->late_replies++;
        return 0;
    }
    /* The request was taken before it was answered. */
    realm_producer_learn(call->producer, call->position);
    call->completion = (struct realm_completion){
        .status = message->status,
        .value = message->tag,
        .size = message->size,
        .capability = {.via = channel->link.cookie, .number = message->ticket},
    };
    return 0;
}

int realm_pending_replied(struct realm_channel *channel, const struct realm_message *message,
                          const void *data)
{
    struct realm_pending_call *call = NULL;
    int error = match(channel, message, &call);
    if (error || !call)
        return error;
    const size_t size = call->completion.size;
    if (size != 0) {
        call->copy = malloc(size);
        if (!call->copy) {
            end(call, -ENOMEM);
            return 0;
        }
        memcpy(call->copy, data, size);
        call->completion.data = call->copy;
    }
    end(call, 0);
    return 0;
}

void realm_pending_made_room(struct realm_channel *channel)
{
    /* It waits on the bell, which rings for all news. */
    if (realm_consumer_space_wanted(&channel->link.consumer))
        realm_link_pushed(&channel->link);
}

/* Takes the next reply of a started call. NULL: there is none now. */
static struct realm_pending_call *take(struct realm_channel *channel, void *buffer)
{
    struct realm_link *link = &channel->link;
    while ((!link->state || link->state == REALM_E_PEER_DEAD) && realm_consumer_ready(&link->consumer)) {
        struct realm_message message;
        struct realm_pending_call *call = NULL;
        int error = realm_consumer_pop(&link->consumer, &message, buffer, REALM_PAYLOAD_MAX);
        if (!error)
            error = match(channel, &message, &call);
        if (error) {
            realm_reply_failed(link, error);
            return NULL;
        }
        link->messages++;
        realm_pending_made_room(channel);
        if (!call)
            continue;
        if (call->completion.size != 0)
            call->completion.data = buffer;
        leave(call, 0);
        return call;
    }
    return NULL;
}

static struct realm_pending_call *take_any(struct realm *realm, void *buffer)
{
    const struct realm_list *last = realm->calling.previous;
    for (unsigned looks = 0; looks < LOOKS && !realm_list_empty(&realm->calling); looks++) {
        struct realm_list *node = realm->calling.next;
        struct realm_channel *channel = channel_of(node);
        realm_list_rotate(&realm->calling);
        struct realm_pending_call *call = take(channel, buffer);
        if (call)
            return call;
        if (channel->link.state)
            realm_pending_end_all(channel, channel->link.state);
        if (node == last)
            break;
    }
    return NULL;
}

/* --- deadlines --- */

static void await_deadline(struct realm_pending_call *call)
{
    struct realm_list *due = &call->realm->due;
    if (call->deadline_ns == REALM_FOREVER)
        return;
    /* From the end, as with timers: those of equal patience come in order. */
    struct realm_list *after = due->previous;
    while (after != due &&
           REALM_LIST_OF(after, struct realm_pending_call, of_due)->deadline_ns > call->deadline_ns)
        after = after->previous;
    realm_list_insert(after->next, &call->of_due);
}

uint64_t realm_pending_due(const struct realm *realm)
{
    if (realm_list_empty(&realm->due))
        return REALM_FOREVER;
    return REALM_LIST_OF(realm->due.next, struct realm_pending_call, of_due)->deadline_ns;
}

static void expire(struct realm *realm)
{
    if (realm_list_empty(&realm->due))
        return;
    const uint64_t now_ns = realm_os_now_ns(realm->os);
    while (realm_pending_due(realm) <= now_ns)
        end(REALM_LIST_OF(realm->due.next, struct realm_pending_call, of_due), REALM_E_TIMEOUT);
}

/* --- the loop's side --- */

static struct realm_pending_call *first_ended(struct realm *realm)
{
    if (realm_list_empty(&realm->ended))
        return NULL;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses track of rings */
    struct realm_pending_call *call = call_of(realm->ended.next);
    realm_list_remove(&call->of_state);
    return call;
}

bool realm_pending_next(struct realm *realm, void *buffer, struct realm_pending_call **ret_call)
{
    if (__builtin_expect(realm->calls_open == 0, 1))
        return false;
    if (++realm->completions % REPLIES_PER_LOOK == 0)
        expire(realm);
    struct realm_pending_call *call = first_ended(realm);
    if (!call)
        call = take_any(realm, buffer);
    if (!call) {
        expire(realm);
        call = first_ended(realm);
    }
    if (!call)
        return false;
    *ret_call = call;
    return true;
}

void realm_pending_deliver(struct realm *realm, struct realm_pending_call *call)
{
    realm->calls_open--;
    if (call->handler)
        call->handler(realm, &call->completion, call->context);
    free(call->copy);
    free(call);
}

void realm_pending_close(struct realm *realm)
{
    struct realm_pending_call *call;
    realm->closing = true;
    for (struct realm_list *at = realm->channels.next; at != &realm->channels; at = at->next)
        realm_pending_end_all(REALM_LIST_OF(at, struct realm_channel, of_realm), REALM_E_CANCELLED);
    while ((call = first_ended(realm)))
        realm_pending_deliver(realm, call);
}

/* --- sleeping --- */

bool realm_pending_ready(const struct realm *realm)
{
    for (struct realm_list *at = realm->calling.next; at != &realm->calling; at = at->next) {
        if (realm_consumer_ready(&channel_of(at)->link.consumer))
            return true;
    }
    return false;
}

int realm_pending_park(struct realm *realm)
{
    while (!realm_list_empty(&realm->calling)) {
        struct realm_channel *channel = channel_of(realm->calling.next);
        if (channel->link.state)
            return REALM_E_WOULD_BLOCK;
        int error = realm_sleep_park_link(&channel->link);
        if (error)
            return error;
        channel->parked = true;
        realm->parked_count++;
        realm_list_remove(&channel->of_calling);
        realm_list_insert(&realm->calling_parked, &channel->of_calling);
    }
    return 0;
}

void realm_pending_woken(struct realm_channel *channel)
{
    struct realm *realm = channel->link.realm;
    channel->parked = false;
    realm->parked_count--;
    realm_consumer_unpark(&channel->link.consumer);
    realm_list_remove(&channel->of_calling);
    realm_list_insert(&realm->calling, &channel->of_calling);
}

void realm_pending_unpark(struct realm_channel *channel)
{
    if (!channel->parked)
        return;
    realm_waiter_disarm(channel->link.realm->waiter, channel->link.slot);
    realm_pending_woken(channel);
}

unsigned realm_pending_scan(struct realm *realm)
{
    unsigned found = 0;
    for (struct realm_list *at = realm->calling_parked.next, *next; at != &realm->calling_parked; at = next) {
        next = at->next;
        if (!realm_consumer_ready(&channel_of(at)->link.consumer))
            continue;
        realm_pending_unpark(channel_of(at));
        found++;
    }
    return found;
}

/* --- starting --- */

/* Sends the request of a call that is not in any list yet. */
static int send_request(struct realm_channel *channel, enum realm_priority priority, uint64_t op,
                        const void *data, size_t size, struct realm_pending_call *call)
{
    struct realm_calling sender = {
        .channel = channel, .priority = priority, .wait = {.timeout_ns = REALM_POLL}};
    struct realm_message message = {.kind = REALM_MESSAGE_CALL,
                                    .priority = (uint8_t)priority,
                                    .size = (uint16_t)size,
                                    .call = call->number,
                                    .status = (int32_t)channel->link.consumer.position,
                                    .tag = op};
    int error = realm_call_push(&sender, &message, data);
    if (error)
        return error;
    call->producer = realm_link_producer(&channel->link, priority);
    call->position = call->producer->position;
    return 0;
}

static void enter(struct realm_channel *channel, struct realm_pending_call *call)
{
    struct realm *realm = call->realm;
    if (channel->started_count++ == 0)
        realm_list_insert(&realm->calling, &channel->of_calling);
    realm_list_insert(&channel->started, &call->of_state);
    await_deadline(call);
    channel->unsettled++;
    realm->calls_open++;
    realm->calls++;
}

static int check_start(struct realm_channel *channel, size_t size)
{
    struct realm *realm = channel->link.realm;
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    if (realm->closing)
        return REALM_E_STOPPED;
    if (channel->started_count >= REALM_PENDING_CALLS_MAX)
        return REALM_E_LIMIT;
    int error = realm_hear(realm);
    /* The waiter's reports find the channel by its slot. */
    return error ? error : realm_link_take_slot(&channel->link);
}

static int start(struct realm_channel *channel, enum realm_priority priority, uint64_t op, const void *data,
                 size_t size, const struct realm_pending_call *wanted, struct realm_pending_call **ret_call)
{
    int error = check_start(channel, size);
    if (error)
        return error;
    struct realm_pending_call *call = malloc(sizeof *call);
    if (!call)
        return -ENOMEM;
    *call = *wanted;
    call->number = realm_call_number(channel);
    realm_list_init(&call->of_state);
    realm_list_init(&call->of_due);
    error = send_request(channel, priority, op, data, size, call);
    if (error) {
        free(call);
        return error;
    }
    enter(channel, call);
    if (ret_call)
        *ret_call = call;
    return 0;
}

int realm_call_start(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
                     uint64_t timeout_ns, realm_completion_handler *handler, void *context,
                     struct realm_pending_call **ret_call)
{
    /* realm_call_start_at raises it to that of the request being served. */
    enum realm_priority priority = channel->link.realm->serving.active ? REALM_LOW : REALM_NORMAL;
    return realm_call_start_at(channel, priority, op, data, size, timeout_ns, handler, context, ret_call);
}

int realm_call_start_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op,
                        const void *data, size_t size, uint64_t timeout_ns, realm_completion_handler *handler,
                        void *context, struct realm_pending_call **ret_call)
{
    struct realm *realm = channel->link.realm;
    if ((unsigned)priority > REALM_CRITICAL)
        return REALM_E_BAD_ARGUMENT;
    if (realm->serving.active && realm->serving.rank > priority)
        priority = realm->serving.rank;
    const struct realm_pending_call wanted = {.realm = realm,
                                              .channel = channel,
                                              .deadline_ns = realm_deadline(realm, timeout_ns),
                                              .handler = handler,
                                              .context = context};
    return start(channel, priority, op, data, size, &wanted, ret_call);
}

size_t realm_calls_pending(const struct realm_channel *channel)
{
    return channel->started_count;
}
