/*
 * Channels, the client's side: one connection to a service.
 *
 * Connecting asks the Memory Manager, which checks the policy once; from then on calls go through shared
 * memory directly to the other realm and the Memory Manager is not on the path (Lona: services). Whatever
 * the peer does, every call ends: with a reply, an error, or its deadline.
 */
#ifndef REALM_CHANNEL_H
#define REALM_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm;
struct realm_channel;

/* What came back. The caller sets data and capacity (NULL and 0 if no payload is wanted). */
struct realm_reply {
    int32_t status;  /* the service's own verdict, 0 by convention for success */
    uint64_t value;  /* the service's own value */
    void *data;      /* in: where the payload goes; the caller's. Undefined if the call fails */
    size_t capacity; /* in: bytes there */
    size_t size;     /* out: bytes of the reply, also when it did not fit */
    struct realm_ticket capability; /* out: that came with it (realm/capability.h) */
};

/*
 * Connects to a service by any of its names. If the policy allows it but nobody has registered the
 * service yet, it waits for that up to the timeout; a refusal is immediate.
 *
 * Return: 0; REALM_E_DENIED: `realm explain <realm> <service>` says why; REALM_E_NO_SERVICE: nobody
 * declares the name, or (with REALM_POLL) nobody has registered it; REALM_E_BAD_NAME; REALM_E_LIMIT: too
 * many channels; REALM_E_TIMEOUT; REALM_E_MM_GONE; REALM_E_STOPPED; -errno. *ret_channel is the caller's
 * until realm_disconnect, and untouched on failure.
 */
int realm_connect(struct realm *realm, const char *service, uint64_t timeout_ns,
                  struct realm_channel **ret_channel);

/* Closes the channel; the service is told. NULL is a no-op. Requests not yet received are lost. */
void realm_disconnect(struct realm_channel *channel);

/*
 * Sends a request and waits for its reply.
 *
 * op is the service's own number for what is asked. data (size bytes, at most REALM_PAYLOAD_MAX) is
 * copied before the call returns. reply may be NULL if only success matters.
 * Return: 0: *reply is filled, and reply->status is the service's verdict; REALM_E_SHORT: as 0, but the
 * payload was larger than reply->capacity: the part that fits is there; REALM_E_TOO_BIG;
 * REALM_E_QUEUE_FULL: only with REALM_POLL, else it waits for room; REALM_E_TIMEOUT: the request may
 * have been served; REALM_E_PEER_DEAD, REALM_E_REVOKED, REALM_E_PEER_FAULT: the channel is closed for
 * good, disconnect it and connect anew; REALM_E_STOPPED; -errno.
 */
int realm_call(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
               struct realm_reply *reply, uint64_t timeout_ns);

/*
 * The same with a priority. realm_call has that of the request that is being served, or else REALM_NORMAL;
 * this one has the higher of its own and that of the request being served (so that who waits for the one is
 * not held up by the other). Return: as realm_call; REALM_E_BAD_ARGUMENT: no such priority.
 */
int realm_call_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op, const void *data,
                  size_t size, struct realm_reply *reply, uint64_t timeout_ns);

/*
 * Sends a one-way message: no reply, no receipt. Messages of one channel and priority arrive in order.
 * Return: 0: it is in the queue; REALM_E_QUEUE_FULL: with REALM_POLL, it did not fit (try later);
 * REALM_E_TIMEOUT: there was no room in time; else as realm_call.
 */
int realm_send(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
               uint64_t timeout_ns);

/* The same with a priority, whatever is being served. Return: as realm_send; REALM_E_BAD_ARGUMENT. */
int realm_send_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op, const void *data,
                  size_t size, uint64_t timeout_ns);

/*
 * Sets bits that the service gets in one piece, without a message: for interrupts, and for "there is
 * something new" about what both know. It needs the right to send, as any message does.
 *
 * It never waits and is never too much: a bit that the service has not taken yet stays set, once. A bit that
 * it has taken is news again. Whatever this realm did before is seen by a service that acts on the bit, also
 * where the bit was set already. Notifications are in no order with messages. bits 0 sets nothing.
 * Return: 0; REALM_E_PEER_DEAD, REALM_E_REVOKED, REALM_E_PEER_FAULT: as realm_send; -errno.
 */
int realm_notify(struct realm_channel *channel, uint64_t bits);

/* --- many at once, and without copies --- */

struct realm_outgoing {
    uint64_t op;
    const void *data;
    size_t size; /* at most REALM_PAYLOAD_MAX */
};

/*
 * Sends one-way messages in their order and wakes the service once, or once for each time that the queue is
 * full. Small ones travel together, as many as fit a quarter of the queue: such a batch counts as one message
 * of the queue's limit; to the service they are messages like any. *ret_sent (which may be NULL) is set in
 * any case: so many, the first ones, are in the queue. Return: 0: all; REALM_E_TOO_BIG: none was sent; else
 * as realm_send_at, of the first that was not sent.
 */
int realm_send_many(struct realm_channel *channel, enum realm_priority priority,
                    const struct realm_outgoing *messages, size_t count, uint64_t timeout_ns,
                    size_t *ret_sent);

/* One of several operations in one message: a request, and what came of it. */
struct realm_operation {
    uint64_t op;
    const void *data;
    size_t size;       /* with 16 of head and rounded up to 8, of all together at most REALM_PAYLOAD_MAX */
    void *reply;       /* where the payload of its result goes; the caller's */
    size_t capacity;   /* bytes there */
    bool done;         /* out: whether it was done; if not, what follows is untouched */
    int32_t status;    /* out: the service's verdict */
    uint64_t value;    /* out */
    size_t reply_size; /* out: bytes of the result, also when they did not fit */
};

#define REALM_STOP_AT_FAILURE 1u

/*
 * Calls with several operations in one message (Anos), at most 256, which the service gets one after the
 * other and answers each as any call; one reply brings all results. They are done in their order, each when
 * the one before it was answered. While one is being done nothing else of this channel is served; before the
 * next, what is more urgent is (messages of a higher priority, notifications), and what is less urgent only
 * as often as any other channel's would be (realm/service.h); what lies behind them in their queue is not.
 * What fails does not keep the others from being done, unless flags says REALM_STOP_AT_FAILURE: then a status
 * that is not 0 ends it, and those behind are not done. All results together have room for REALM_PAYLOAD_MAX
 * bytes with their heads.
 *
 * Return: 0: each operation says whether it was done, and how it went; REALM_E_SHORT: as 0, but some result
 * had more payload than there was room for, here or among the others: reply_size says how much;
 * REALM_E_TOO_BIG, REALM_E_BAD_ARGUMENT (none, no such priority or flag): nothing was sent; else as
 * realm_call_at: no operation is said to be done, but with REALM_E_TIMEOUT some may have been or may be yet.
 */
int realm_call_many(struct realm_channel *channel, enum realm_priority priority,
                    struct realm_operation *operations, size_t count, unsigned flags, uint64_t timeout_ns);

/*
 * A place for the next message of a priority, in the channel's own memory: size bytes in one piece, for the
 * caller to write. Nothing is sent before the commit, and a place that is not wanted any more is left. It
 * is lost by the next message of this priority that is sent otherwise.
 * Return: as realm_send_at. *ret_data is valid until the commit or realm_disconnect.
 */
int realm_reserve(struct realm_channel *channel, enum realm_priority priority, size_t size,
                  uint64_t timeout_ns, void **ret_data);

/*
 * Sends what was written into the place: its first size bytes, at most as many as were reserved. The service
 * may see from then on what is written there. Its queue is that of the reserved priority; a call made while
 * something more urgent is served is raised to that, there, as long as it waits for its reply.
 * Return: as realm_send and realm_call; REALM_E_STALE: no place is reserved, or it is lost;
 * REALM_E_TOO_BIG: larger than the place, which stays.
 */
int realm_commit_send(struct realm_channel *channel, uint64_t op, size_t size);
int realm_commit_call(struct realm_channel *channel, uint64_t op, size_t size, struct realm_reply *reply,
                      uint64_t timeout_ns);

/* 0 while the channel is open; else why it is not: REALM_E_PEER_DEAD, REALM_E_REVOKED, REALM_E_PEER_FAULT. */
int realm_channel_state(const struct realm_channel *channel);

/* How many replies came after their call had given up, and were dropped. */
uint64_t realm_channel_late_replies(const struct realm_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
