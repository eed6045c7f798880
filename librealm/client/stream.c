/*
 * Streams, the client's side: one that is written, and one that is read.
 *
 * Model: a writer has an offset and a window. Chunks are one-way messages, which keep their order; when the
 * window is full the writer asks, with a call that carries no bytes, and the answer opens the window again.
 * The end is such a question, too, whose answer is the verdict. A question that timed out is asked again;
 * since it carries no bytes it does not matter how many of them were received.
 *
 * The rule: a byte is counted as written when its chunk is in the queue, and then it is never sent again. So
 * whatever ends a write early, the next goes on behind it, and nothing is lost or doubled.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/client/call.h"
#include "librealm/client/chunk.h"

struct realm_stream {
    struct realm_channel *channel;
    uint64_t op;
    uint64_t number;
    enum realm_priority priority; /* of all its messages: in one queue they keep their order */
    uint64_t offset;
    uint32_t window; /* bytes that may be sent before the next question */
    bool finishing;  /* that this was all is said, or may be */
    bool ended;      /* by the service: its verdict */
    int32_t status;
    uint64_t value;
};

int realm_stream_open(struct realm_channel *channel, uint64_t op, struct realm_stream **ret_stream)
{
    struct realm_stream *stream = malloc(sizeof *stream);
    if (!stream)
        return -ENOMEM;
    *stream = (struct realm_stream){.channel = channel,
                                    .op = op,
                                    .number = ++channel->last_stream,
                                    .priority = realm_call_priority(channel->link.realm, REALM_NORMAL),
                                    .window = REALM_STREAM_WINDOW};
    *ret_stream = stream;
    return 0;
}

uint64_t realm_stream_offset(const struct realm_stream *stream)
{
    return stream->offset;
}

static struct chunk_head head_of(const struct realm_stream *stream, uint32_t length, uint32_t flags)
{
    return (struct chunk_head){
        .stream = stream->number, .offset = stream->offset, .length = length, .flags = flags};
}

/* A call without bytes, in the queue of the chunks, whatever is being served. Return: as realm_call. */
static int question(struct realm_stream *stream, uint32_t flags, struct realm_reply *reply,
                    uint64_t timeout_ns)
{
    const struct chunk_head head = head_of(stream, 0, flags);
    struct realm_calling call = {.channel = stream->channel,
                                 .priority = stream->priority,
                                 .reply = reply,
                                 .wait = {.timeout_ns = timeout_ns}};
    const struct realm_message message = {.kind = REALM_MESSAGE_CALL, .size = sizeof head, .tag = stream->op};
    return realm_call_message(&call, &message, &head);
}

/* Return: 0: the window is open; REALM_E_CANCELLED: the service has ended the stream; else as realm_call. */
static int ask(struct realm_stream *stream, uint64_t timeout_ns)
{
    struct realm_reply reply = {0};
    int error = question(stream, CHUNK_ASK, &reply, timeout_ns);
    if (error)
        return error;
    if (reply.status != 0) {
        stream->ended = true;
        stream->status = reply.status;
        stream->value = reply.value;
        return REALM_E_CANCELLED;
    }
    stream->window = REALM_STREAM_WINDOW;
    return 0;
}

static int send_chunk(struct realm_stream *stream, const uint8_t *data, uint32_t length, uint64_t timeout_ns)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    const struct chunk_head head = head_of(stream, length, 0);
    memcpy(payload, &head, sizeof head);
    memcpy(payload + sizeof head, data, length);
    int error = realm_send_at(stream->channel, stream->priority, stream->op, payload, sizeof head + length,
                              timeout_ns);
    if (error)
        return error;
    stream->offset += length;
    stream->window -= length;
    return 0;
}

static uint32_t next_length(const struct realm_stream *stream, size_t size)
{
    uint32_t length = stream->window < REALM_CHUNK_MAX ? stream->window : REALM_CHUNK_MAX;
    return size < length ? (uint32_t)size : length;
}

/* One step, if there is time left for it: nobody waits because of this. */
static uint64_t left_of(const struct realm *realm, uint64_t deadline_ns)
{
    uint64_t left_ns = realm_time_left(realm, deadline_ns);
    return left_ns != 0 ? left_ns : 1;
}

int realm_stream_write(struct realm_stream *stream, const void *data, size_t size, uint64_t timeout_ns,
                       size_t *ret_written)
{
    struct realm *realm = stream->channel->link.realm;
    const uint8_t *bytes = data;
    size_t written = 0;
    int error = timeout_ns == REALM_POLL ? REALM_E_BAD_ARGUMENT : 0;
    const uint64_t deadline_ns = error ? 0 : realm_deadline(realm, timeout_ns);
    while (!error && written < size) {
        if (stream->ended) {
            error = REALM_E_CANCELLED;
        } else if (stream->finishing) {
            error = REALM_E_BAD_ARGUMENT;
        } else if (stream->window == 0) {
            error = ask(stream, left_of(realm, deadline_ns));
        } else {
            uint32_t length = next_length(stream, size - written);
            error = send_chunk(stream, bytes + written, length, left_of(realm, deadline_ns));
            written += error ? 0 : length;
        }
    }
    if (ret_written)
        *ret_written = written;
    return error;
}

/* The verdict came before the end: as a reply. */
static int early_verdict(const struct realm_stream *stream, struct realm_reply *reply)
{
    if (reply) {
        reply->status = stream->status;
        reply->value = stream->value;
        reply->size = 0;
        reply->capability = (struct realm_ticket){.number = 0};
    }
    return 0;
}

int realm_stream_finish(struct realm_stream *stream, struct realm_reply *reply, uint64_t timeout_ns)
{
    if (timeout_ns == REALM_POLL)
        return REALM_E_BAD_ARGUMENT;
    if (stream->ended)
        return early_verdict(stream, reply);
    stream->finishing = true;
    struct realm_reply verdict = {0};
    int error = question(stream, CHUNK_LAST, reply ? reply : &verdict, timeout_ns);
    if (error == 0 || error == REALM_E_SHORT) {
        stream->ended = true;
        stream->status = reply ? reply->status : verdict.status;
        stream->value = reply ? reply->value : verdict.value;
    }
    return error;
}

void realm_stream_close(struct realm_stream *stream)
{
    if (!stream)
        return;
    const struct chunk_head head = head_of(stream, 0, CHUNK_ABORT);
    if (!stream->ended)
        (void)realm_send_at(stream->channel, stream->priority, stream->op, &head, sizeof head, REALM_POLL);
    free(stream);
}

/* --- reading --- */

void realm_reader_init(struct realm_reader *reader, struct realm_channel *channel, uint64_t op,
                       uint64_t stream)
{
    *reader = (struct realm_reader){.channel = channel, .op = op, .stream = stream};
}

int realm_reader_read(struct realm_reader *reader, void *data, size_t capacity, uint64_t timeout_ns,
                      size_t *ret_size)
{
    const uint32_t wanted = capacity < REALM_CHUNK_MAX ? (uint32_t)capacity : REALM_CHUNK_MAX;
    const struct chunk_head head = {
        .stream = reader->stream, .offset = reader->offset, .length = wanted, .flags = CHUNK_READ};
    uint8_t payload[REALM_PAYLOAD_MAX];
    struct realm_reply reply = {.data = payload, .capacity = sizeof payload};
    struct chunk_head chunk;
    if (reader->ended || wanted == 0) {
        *ret_size = 0;
        return 0;
    }
    int error = realm_call(reader->channel, reader->op, &head, sizeof head, &reply, timeout_ns);
    if (error)
        return error;
    if (reply.status != 0) {
        reader->status = reply.status;
        return REALM_E_CANCELLED;
    }
    if (!chunk_parse(payload, reply.size, &chunk) || chunk.stream != head.stream ||
        chunk.offset != head.offset || chunk.length > wanted ||
        (chunk.flags != 0 && chunk.flags != CHUNK_LAST) || (chunk.length == 0 && chunk.flags != CHUNK_LAST))
        return REALM_E_PROTOCOL;
    memcpy(data, payload + sizeof chunk, chunk.length);
    reader->offset += chunk.length;
    reader->ended = chunk.flags == CHUNK_LAST;
    *ret_size = chunk.length;
    return 0;
}
