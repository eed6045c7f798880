/*
 * Streams: more bytes than a message holds, in order, as chunks (DarqOS).
 *
 *     client                                   service
 *     realm_stream_write     ── chunk ──>      realm_incoming_take     to the service …
 *                            ── chunk ──>
 *                            ── may I? ──>
 *                            <── yes ───       realm_incoming_more
 *     realm_stream_finish    ── that was all ─>
 *                            <── verdict ──    realm_incoming_end
 *
 *     realm_reader_read      ── from there ──> realm_wanted_parse      … and from it
 *                            <── chunk ────    realm_wanted_give
 *
 * Each chunk says which stream it is of and where in it its bytes belong, so that one that is missing, comes
 * twice or out of order is noticed, and nothing of it is taken. What the receiver has no room for is not
 * sent: after each REALM_STREAM_WINDOW bytes the sender asks and waits until the service says that it has
 * room for as many again. A reader asks for each chunk.
 *
 * A stream lives on its channel: when that ends, so does the stream. The client's functions return why; a
 * service that wants to know asks for it with realm_on_leave, and gives what it is told to
 * realm_incoming_left. All functions belong to the thread that opened the realm.
 */
#ifndef REALM_STREAM_H
#define REALM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/channel.h>
#include <realm/service.h>
#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REALM_CHUNK_MAX (REALM_PAYLOAD_MAX - 24u) /* bytes of data in one chunk */
#define REALM_STREAM_WINDOW                                                                                  \
    (4u * REALM_CHUNK_MAX) /* that the sender may be ahead of the service's consent                          \
                            */

/* --- to a service: the client's side --- */

struct realm_stream; /* one that this realm writes */

/* Begins a stream. op is the service's own number for what is to be done with it; all its messages carry it.
 * Nothing is sent yet. All of it has one priority: that of what is being served now, or else REALM_NORMAL.
 * Return: 0: *ret_stream is the caller's until realm_stream_close; -ENOMEM. */
int realm_stream_open(struct realm_channel *channel, uint64_t op, struct realm_stream **ret_stream);

/*
 * Writes size bytes behind those written before; it waits for room, up to the timeout (not REALM_POLL).
 * *ret_written (which may be NULL) is set in any case: so many, the first ones, are on their way, and a later
 * write goes on behind them. Return: 0: all; REALM_E_TIMEOUT: the service has no room; REALM_E_CANCELLED: the
 * service has ended the stream, realm_stream_finish tells its verdict; REALM_E_BAD_ARGUMENT: REALM_POLL, or
 * behind realm_stream_finish, whatever that returned; REALM_E_PEER_DEAD, REALM_E_REVOKED, REALM_E_PEER_FAULT:
 * the channel has ended, and the stream with it.
 */
int realm_stream_write(struct realm_stream *stream, const void *data, size_t size, uint64_t timeout_ns,
                       size_t *ret_written);

/*
 * Says that this was all, and waits for the service's verdict, which *reply takes as that of a call (NULL:
 * only whether there was one). Nothing can be written after it. Return: 0; REALM_E_TIMEOUT: try again; else
 * as realm_stream_write and realm_call.
 */
int realm_stream_finish(struct realm_stream *stream, struct realm_reply *reply, uint64_t timeout_ns);

/* Frees it. A service that waits for more of one that was not finished is told, if there is room to tell it.
 * NULL is a no-op. Before realm_disconnect. */
void realm_stream_close(struct realm_stream *stream);

/* How many bytes were written so far. */
uint64_t realm_stream_offset(const struct realm_stream *stream);

/* --- to a service: its side --- */

/* What a service knows of a stream that it receives: its own memory, zeros before the first chunk. */
struct realm_incoming {
    uint64_t stream;
    uint64_t offset;  /* bytes that came */
    uint64_t limit;   /* bytes that may come before the service agrees again */
    uint64_t channel; /* that it comes through: what capability.via is in its requests */
    uint64_t token;   /* of a question that waits for its answer, or 0 */
    uint64_t value;   /* the verdict's */
    int32_t status;
    bool open, consent, ended;
    bool last; /* the end has come: of bytes nothing more is taken, and the verdict is awaited */
};

struct realm_chunk {
    uint64_t offset; /* of the first byte in the stream */
    const void *data;
    size_t size;
    bool last; /* that was all: the service owes its verdict (realm_incoming_end). It may come again, without
                  bytes, from a client that has given up waiting for that */
    bool aborted; /* the client gives up; the stream has ended */
};

/*
 * A request is the next of a stream. A client may have several at once; realm_incoming_stream says of which a
 * request is. *ret_chunk points into the request. A stream that has begun anew replaces one that had ended.
 * Return: 0: *ret_chunk; one without bytes is the end (last), the client's giving up (aborted), a question,
 * which is answered as soon as the service agrees, or says nothing; REALM_E_STALE: the stream has ended here,
 * the client is told when it asks; REALM_E_PROTOCOL: it is no chunk, or not the next of this stream (a gap, a
 * chunk that came before, another stream, a length that is not there, anything but a second last or aborted
 * behind the end): nothing is taken, the stream has ended, with this code as the verdict's status. But if it
 * is another client's than the stream, it alone is refused, with this code as the status, and *incoming is as
 * it was: clients cannot end each other's streams, nor learn their verdicts. So a service that has one for
 * several clients gives realm_incoming_left what it is told of those that are gone, else a stream that one of
 * them left open keeps the others out.
 * A client that asks again before it was answered gets the answer to its last question; to those before it
 * gets REALM_E_STALE as the status, which is no verdict.
 */
int realm_incoming_take(struct realm *realm, struct realm_incoming *incoming,
                        const struct realm_request *request, struct realm_chunk *ret_chunk);

/* Which stream of its client a request is of, for a service that has several. Return: 0; REALM_E_PROTOCOL. */
int realm_incoming_stream(const struct realm_request *request, uint64_t *ret_stream);

/* There is room for REALM_STREAM_WINDOW bytes beyond those that came: the client may go on. Without this it
 * stops, and waits. */
void realm_incoming_more(struct realm *realm, struct realm_incoming *incoming);

/* The verdict, at the end or before. Before, the client learns it with its next question. */
void realm_incoming_end(struct realm *realm, struct realm_incoming *incoming, int32_t status, uint64_t value);

/*
 * A client is gone (realm_on_leave). If the stream was that client's it has ended here, with the reason as
 * its status; else nothing happens. Return: true: it ended in the middle: neither its end nor a verdict was
 * there, so what came is not all of it.
 */
bool realm_incoming_left(struct realm_incoming *incoming, const struct realm_leaving *leaving);

/* --- from a service --- */

/* A stream that this realm reads: the caller's own memory. */
struct realm_reader {
    struct realm_channel *channel;
    uint64_t op;
    uint64_t stream; /* the service's name for what is read */
    uint64_t offset; /* of the next byte; may be set to read elsewhere */
    int32_t status;  /* after REALM_E_CANCELLED: the service's reason */
    bool ended;      /* the last byte was read */
};

void realm_reader_init(struct realm_reader *reader, struct realm_channel *channel, uint64_t op,
                       uint64_t stream);

/*
 * Reads the next bytes, at most capacity and REALM_CHUNK_MAX. Return: 0: *ret_size of them, 0 only at the end
 * (or with capacity 0); REALM_E_CANCELLED: the service refuses, reader->status says why; REALM_E_PROTOCOL:
 * what came is not the chunk that was asked for, nothing is read; else as realm_call; after REALM_E_TIMEOUT
 * it may be tried again, and nothing is lost.
 */
int realm_reader_read(struct realm_reader *reader, void *data, size_t capacity, uint64_t timeout_ns,
                      size_t *ret_size);

/* What a reader asks a service for. */
struct realm_wanted {
    uint64_t stream, offset;
    size_t size; /* at most; at most REALM_CHUNK_MAX */
};

/* Return: 0; REALM_E_PROTOCOL: the request asks for no chunk. */
int realm_wanted_parse(const struct realm_request *request, struct realm_wanted *ret_wanted);
/* Replies with a chunk: size bytes, at most wanted->size; last: the stream ends behind them. (To refuse:
 * realm_reply with a status.) Return: as realm_reply; REALM_E_TOO_BIG: more than was wanted. */
int realm_wanted_give(struct realm *realm, uint64_t token, const struct realm_wanted *wanted,
                      const void *data, size_t size, bool last);

#ifdef __cplusplus
}
#endif

#endif
