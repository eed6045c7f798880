/*
 * Asynchronous calls: many under way at once, each of which ends in the loop.
 *
 * A call is started, and the loop (realm/loop.h) calls its handler once, when it has ended: by its reply, by
 * its deadline, because it was cancelled, or with the channel. It comes from realm_run and realm_run_once,
 * never from within the call that starts or cancels, so a handler finds nothing half done. Calls that wait
 * (realm/channel.h) may be made on the same channel meanwhile; each gets its own reply.
 *
 * Threads: everything here belongs to the thread that opened the realm.
 */
#ifndef REALM_PENDING_H
#define REALM_PENDING_H

#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm;
struct realm_channel;
struct realm_pending_call;

#define REALM_PENDING_CALLS_MAX 128u /* under way at once on one channel */

/* How a call ended. */
struct realm_completion {
    /*
     * 0: the reply is here; REALM_E_TIMEOUT: the deadline came first, and REALM_E_CANCELLED:
     * realm_call_cancel, realm_disconnect or realm_close did: the request may have been served, and its reply
     * will be dropped and counted; REALM_E_PEER_DEAD, REALM_E_REVOKED, REALM_E_PEER_FAULT: the channel has
     * ended, as for realm_call; -ENOMEM: there was no memory to keep the reply while another call was waited
     * for.
     */
    int result;
    int32_t status; /* as in struct realm_reply; this and what follows only if result is 0 */
    uint64_t value;
    const void *data; /* size bytes, a private copy, until the handler returns; NULL if none */
    size_t size;
    struct realm_ticket capability; /* that came with it (realm/capability.h) */
};

/* May do anything that a request's handler may: call, start calls, disconnect the channel. */
typedef void realm_completion_handler(struct realm *realm, const struct realm_completion *completion,
                                      void *context);

/*
 * Starts a call. It never waits: what does not fit is refused (REALM_E_QUEUE_FULL), and may be started again
 * from a handler, when another call has ended.
 *
 * op, data and size are as for realm_call, and copied before it returns; so is the priority: that of the
 * request being served, or else REALM_NORMAL. timeout_ns is counted from now. handler (which may be NULL)
 * gets context. *ret_call (which may be NULL) is good for realm_call_cancel until the handler is called.
 * Return: 0: the handler will be called, once; REALM_E_QUEUE_FULL: the service has not taken what was sent
 * before; REALM_E_LIMIT: REALM_PENDING_CALLS_MAX are under way; REALM_E_TOO_BIG; REALM_E_PEER_DEAD,
 * REALM_E_REVOKED, REALM_E_PEER_FAULT: as realm_call; REALM_E_STOPPED: the realm is being closed; -ENOMEM;
 * -errno. On failure the handler is not called and *ret_call untouched.
 */
int realm_call_start(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
                     uint64_t timeout_ns, realm_completion_handler *handler, void *context,
                     struct realm_pending_call **ret_call);

/* The same with a priority, as realm_call_at has it. Also REALM_E_BAD_ARGUMENT: no such priority. */
int realm_call_start_at(struct realm_channel *channel, enum realm_priority priority, uint64_t op,
                        const void *data, size_t size, uint64_t timeout_ns, realm_completion_handler *handler,
                        void *context, struct realm_pending_call **ret_call);

/*
 * Gives a call up: its handler comes with REALM_E_CANCELLED. The service is not told; its reply is dropped.
 * Return: 0; REALM_E_STALE: it had ended already, and the handler comes with that.
 */
int realm_call_cancel(struct realm_pending_call *call);

/* How many calls of a channel are under way: started, and not ended yet. */
size_t realm_calls_pending(const struct realm_channel *channel);

#ifdef __cplusplus
}
#endif

#endif
