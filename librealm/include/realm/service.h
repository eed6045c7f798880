/*
 * Services: the receiving side.
 *
 * A realm that the scenario names as a service's provider registers it and gets an endpoint: the receive
 * right. Requests of all clients of an endpoint come out one at a time: the most urgent first (HNX); of
 * equally urgent ones round robin among the clients; those of one client and priority first in first out.
 * After 1024 requests that went before a less urgent one, one of its priority is next. A request is the
 * receiver's private copy: the sender cannot change it.
 *
 * Notifications of a client (realm_notify) come as a request without a message, in its bits, before anything
 * that is less than Critical. All that the client has set since the last are in one.
 */
#ifndef REALM_SERVICE_H
#define REALM_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm;
struct realm_endpoint;

struct realm_request {
    uint64_t op;
    uint64_t token;               /* names the reply that is due; 0 for a one-way message */
    struct realm_id client;       /* who sent it: told by the Memory Manager, not by the client */
    uint64_t badge;               /* of the capability it came through: tells the service's clients apart */
    enum realm_priority priority; /* how urgent it is; a call made while serving it inherits that */
    struct realm_ticket
        capability; /* that came with it (realm/capability.h); via is always set: its channel */
    uint64_t bits;  /* not 0: no message, but notifications (realm_notify); op, token, size: 0 */
    uint32_t size;  /* bytes of data */
    uint8_t data[REALM_PAYLOAD_MAX] __attribute__((aligned(16)));
};

/* What a service does with a request. It replies once with request->token, now or later, if it is not 0. */
typedef void realm_handler(struct realm *realm, const struct realm_request *request, void *context);

/*
 * Registers a service under a name, or one of the aliases, that the scenario gives this realm.
 *
 * handler may be NULL: then requests are taken with realm_receive; else realm_run calls it, with context.
 * Return: 0; REALM_E_DENIED: the scenario names another provider; REALM_E_NO_SERVICE: it declares no such
 * service; REALM_E_EXISTS: registered already; REALM_E_BAD_NAME; REALM_E_TIMEOUT; REALM_E_MM_GONE;
 * -errno. *ret_endpoint (which may be NULL) lives until realm_unregister; it is untouched on failure.
 */
int realm_register(struct realm *realm, const char *service, realm_handler *handler, void *context,
                   struct realm_endpoint **ret_endpoint);

/* Withdraws the service and closes its clients' channels; they are told. NULL is a no-op. */
void realm_unregister(struct realm_endpoint *endpoint);

/*
 * Takes the next request. Three modes (DarqOS): REALM_POLL, REALM_FOREVER, or a timeout.
 * Return: 0; REALM_E_WOULD_BLOCK: polling, and there is none; REALM_E_TIMEOUT; REALM_E_STOPPED: the
 * realm is asked to end; REALM_E_MM_GONE; -errno. *ret_request is undefined on failure.
 */
int realm_receive(struct realm_endpoint *endpoint, struct realm_request *ret_request, uint64_t timeout_ns);

/*
 * Replies to a request, once. data (size bytes, at most REALM_PAYLOAD_MAX) is copied.
 *
 * It never waits. A reply for which the client has made no room yet is kept and sent when it has; meanwhile
 * the client is not read. Return: 0; REALM_E_STALE: replied already, or its client is gone: forget it;
 * REALM_E_TOO_BIG (a second attempt may follow); REALM_E_QUEUE_FULL: there is no room, and no memory to keep
 * it (a second attempt may follow); REALM_E_PEER_FAULT: the client broke the rules and its channel is closed.
 */
int realm_reply(struct realm *realm, uint64_t token, int32_t status, uint64_t value, const void *data,
                size_t size);

/* --- many at once, and without copies --- */

/*
 * Takes up to capacity requests: waits for the first as realm_receive does, and takes the others without
 * waiting, each as realm_receive would. If there are several, a call made from then on, up to the next
 * receive, inherits the highest of their priorities. Return: 0: *ret_count of them, at least 1; else as
 * realm_receive.
 */
int realm_receive_many(struct realm_endpoint *endpoint, struct realm_request *ret_requests, size_t capacity,
                       uint64_t timeout_ns, size_t *ret_count);

/* A request that is looked at where it lies. */
struct realm_view {
    uint64_t op;
    uint64_t token;
    struct realm_id client;
    uint64_t badge;
    enum realm_priority priority;
    struct realm_ticket capability;
    uint64_t bits; /* as a request's; then there is no view, and nothing to consume */
    uint32_t size;
    const void *data; /* the client's memory: see realm_peek */
};

/*
 * As realm_receive, without copying the payload. There is one view at a time; it ends with realm_consume, or
 * with the next receive or peek of this realm.
 *
 * data is memory that the client goes on writing as it likes, and that turns to zeros if the channel is
 * revoked. So it is read like a sensor, not like a variable: each byte at most once, into a local; a length
 * or an index found there is checked in the local. What must not change between check and use is copied
 * first: realm_receive does that, and is the better choice but for bulk data that is only passed on or summed
 * up. Reading it never faults before realm_consume. The client's queue keeps the room until then.
 */
int realm_peek(struct realm_endpoint *endpoint, struct realm_view *ret_view, uint64_t timeout_ns);

/* Ends the view; its data must not be touched any more. Return: 0; REALM_E_REVOKED: the channel ended
 * meanwhile, and what was read may have been zeros; REALM_E_STALE: there is no view. */
int realm_consume(struct realm *realm);

/*
 * A place for a reply in the channel's own memory, as realm_reserve is for a request; lost by the next reply
 * to the same client. realm_commit_reply sends its first size bytes. Return: as realm_reply, but for
 * REALM_E_QUEUE_FULL: there is no room now (realm_reply would keep the reply); REALM_E_TOO_BIG, also for less
 * than REALM_PAYLOAD_MAX: the request is one of several operations in one message (realm_call_many), whose
 * answers share one reply, with 16 bytes of head each: reserve less, or use realm_reply, which sends as much
 * as fits; of the commit also REALM_E_STALE: no place, or it is lost.
 */
int realm_reserve_reply(struct realm *realm, uint64_t token, size_t size, void **ret_data);
int realm_commit_reply(struct realm *realm, uint64_t token, int32_t status, uint64_t value, size_t size);

/* --- clients that are gone --- */

/* A channel of the endpoint that has ended, with its client's part of it. */
struct realm_leaving {
    struct realm_id client;
    uint64_t badge;
    uint64_t channel; /* which one: what capability.via was in its requests */
    int reason;       /* REALM_E_PEER_DEAD: the client has ended, or disconnected; REALM_E_REVOKED;
                         REALM_E_PEER_FAULT: it broke the rules */
};

typedef void realm_leave_handler(struct realm *realm, const struct realm_leaving *leaving, void *context);

/*
 * From now on realm_run and realm_run_once call handler, with context, once for each channel of this endpoint
 * that ends, whether or not it ever carried a request; none of its requests comes after that (a worker may
 * still be at one), and what lay in its queue is lost. Not for those that realm_unregister ends. Where the
 * Memory Manager has asked the realm to stop, those that had ended before are told of first. Up to 4096 wait
 * to be told of while no loop runs (a service that lives by realm_receive calls realm_run_once with
 * REALM_POLL now and then); then no more clients are taken. NULL: no more, also of those that wait. It cannot
 * fail.
 */
void realm_on_leave(struct realm_endpoint *endpoint, realm_leave_handler *handler, void *context);

/* How many clients are connected now. */
size_t realm_endpoint_clients(const struct realm_endpoint *endpoint);

#ifdef __cplusplus
}
#endif

#endif
