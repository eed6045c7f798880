/*
 * Streams, the service's side: what is received, and what is given to readers.
 *
 * The rule: everything that a chunk says of itself is a claim. It is held against what came before, and what
 * does not fit ends the stream; nothing of it is taken. Which client it came from is no claim: what another
 * one says neither ends a stream nor learns its verdict. A question is answered once: at once if the service
 * has agreed since the last bytes, else when it does, and by the verdict if that is first; or, if it is asked
 * again before, as stale. Behind the end no byte is taken, and only the service gives its verdict.
 */
#include <string.h>

#include <realm/error.h>
#include <realm/realm.h>

#include "librealm/client/chunk.h"

int realm_incoming_stream(const struct realm_request *request, uint64_t *ret_stream)
{
    struct chunk_head head;
    if (!chunk_parse(request->data, request->size, &head) || head.flags == CHUNK_READ)
        return REALM_E_PROTOCOL;
    *ret_stream = head.stream;
    return 0;
}

/* A client that has gone meanwhile, or does not take its replies, misses the answer: its call's affair. */
static void answer(struct realm *realm, struct realm_incoming *incoming, int32_t status, uint64_t value)
{
    if (incoming->token != 0)
        (void)realm_reply(realm, incoming->token, status, value, NULL, 0);
    incoming->token = 0;
}

void realm_incoming_end(struct realm *realm, struct realm_incoming *incoming, int32_t status, uint64_t value)
{
    incoming->ended = true;
    incoming->status = status;
    incoming->value = value;
    answer(realm, incoming, status, value);
}

void realm_incoming_more(struct realm *realm, struct realm_incoming *incoming)
{
    if (incoming->ended || incoming->last) /* then only the verdict is awaited */
        return;
    incoming->consent = incoming->token == 0; /* for the question to come */
    incoming->limit = incoming->offset + REALM_STREAM_WINDOW;
    answer(realm, incoming, 0, 0);
}

static int refuse(struct realm *realm, struct realm_incoming *incoming, uint64_t token)
{
    answer(realm, incoming, REALM_E_PROTOCOL, 0);
    incoming->token = token;
    realm_incoming_end(realm, incoming, REALM_E_PROTOCOL, 0);
    return REALM_E_PROTOCOL;
}

/* Another client's: the stream is not its to end. */
static int turn_away(struct realm *realm, const struct realm_request *request)
{
    if (request->token != 0)
        (void)realm_reply(realm, request->token, REALM_E_PROTOCOL, 0, NULL, 0);
    return REALM_E_PROTOCOL;
}

/* Where the client has asked before and given up waiting, only the newest question counts. The older one's
 * answer is neither consent nor verdict, which the service may not have given yet. */
static void asked(struct realm *realm, struct realm_incoming *incoming, uint64_t token)
{
    answer(realm, incoming, REALM_E_STALE, 0);
    incoming->token = token;
}

/* Each client numbers its own streams. */
static bool is_same(const struct realm_incoming *incoming, const struct realm_request *request,
                    const struct chunk_head *head)
{
    return head->stream == incoming->stream && request->capability.via == incoming->channel;
}

/* Whether a chunk is the very next of its stream. Behind the end comes nothing but the question for the
 * verdict, once more, or that the client gives up. */
static bool is_next(const struct realm_incoming *incoming, const struct realm_request *request,
                    const struct chunk_head *head)
{
    return incoming->open && is_same(incoming, request, head) && head->offset == incoming->offset &&
           head->length <= incoming->limit - incoming->offset &&
           (!incoming->last ||
            (head->length == 0 && (head->flags == CHUNK_LAST || head->flags == CHUNK_ABORT)));
}

int realm_incoming_take(struct realm *realm, struct realm_incoming *incoming,
                        const struct realm_request *request, struct realm_chunk *ret_chunk)
{
    struct chunk_head head;
    const bool chunk = chunk_parse(request->data, request->size, &head) && head.flags != CHUNK_READ;
    const bool begins = chunk && head.offset == 0 &&
                        (!incoming->open || (incoming->ended && !is_same(incoming, request, &head)));
    if (begins)
        *incoming = (struct realm_incoming){.stream = head.stream,
                                            .limit = REALM_STREAM_WINDOW,
                                            .channel = request->capability.via,
                                            .open = true};
    if (incoming->open && request->capability.via != incoming->channel)
        return turn_away(realm, request);
    if (incoming->ended) {
        incoming->token = request->token;
        answer(realm, incoming, incoming->status, incoming->value);
        return REALM_E_STALE;
    }
    /* A question has to be a call, and so has the end, with bytes or without: it asks for the verdict. All
     * else must not be one. */
    const bool asks = chunk && (head.flags == CHUNK_ASK || head.flags == CHUNK_LAST);
    if (!chunk || !is_next(incoming, request, &head) || asks != (request->token != 0))
        return refuse(realm, incoming, request->token);
    *ret_chunk = (struct realm_chunk){.offset = head.offset,
                                      .data = request->data + sizeof head,
                                      .size = head.length,
                                      .last = head.flags == CHUNK_LAST,
                                      .aborted = head.flags == CHUNK_ABORT};
    incoming->offset += head.length;
    if (head.length != 0)
        incoming->consent = false;
    incoming->last = incoming->last || head.flags == CHUNK_LAST;
    if (asks)
        asked(realm, incoming, request->token);
    if (head.flags == CHUNK_ASK && incoming->consent)
        realm_incoming_more(realm, incoming);
    if (head.flags == CHUNK_ABORT)
        realm_incoming_end(realm, incoming, REALM_E_CANCELLED, 0);
    return 0;
}

bool realm_incoming_left(struct realm_incoming *incoming, const struct realm_leaving *leaving)
{
    if (!incoming->open || incoming->channel != leaving->channel || incoming->ended)
        return false;
    incoming->ended = true;
    incoming->status = leaving->reason;
    incoming->value = 0;
    incoming->token = 0; /* it went with its client */
    return !incoming->last;
}

/* --- what a reader wants --- */

int realm_wanted_parse(const struct realm_request *request, struct realm_wanted *ret_wanted)
{
    struct chunk_head head;
    if (request->token == 0 || !chunk_parse(request->data, request->size, &head) || head.flags != CHUNK_READ)
        return REALM_E_PROTOCOL;
    *ret_wanted = (struct realm_wanted){.stream = head.stream, .offset = head.offset, .size = head.length};
    return 0;
}

int realm_wanted_give(struct realm *realm, uint64_t token, const struct realm_wanted *wanted,
                      const void *data, size_t size, bool last)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    if (size > wanted->size || size > REALM_CHUNK_MAX)
        return REALM_E_TOO_BIG;
    const struct chunk_head head = {.stream = wanted->stream,
                                    .offset = wanted->offset,
                                    .length = (uint32_t)size,
                                    .flags = last ? CHUNK_LAST : 0};
    memcpy(payload, &head, sizeof head);
    if (size != 0)
        memcpy(payload + sizeof head, data, size);
    return realm_reply(realm, token, 0, 0, payload, sizeof head + size);
}
