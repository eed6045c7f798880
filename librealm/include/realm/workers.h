/*
 * Worker threads: several threads that serve the requests of one endpoint side by side.
 *
 * The thread that opened the realm runs the loop and is the only one that touches channels. It hands each
 * request to the worker that has been idle longest, and sends what the worker answers. So of N idle workers
 * each has its turn in N requests; and while all are at work requests wait in their clients' queues, with the
 * limits and priorities that they have there.
 *
 * A worker gets a request and a place for its answer, both its own until it returns, and a context of its
 * own. It may use no other function of librealm: no struct realm, no channel, no endpoint. Whatever it shares
 * with others is its program's to protect. It runs with a stack of 256 KiB.
 */
#ifndef REALM_WORKERS_H
#define REALM_WORKERS_H

#include <stddef.h>
#include <stdint.h>

#include <realm/service.h>
#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm_endpoint;

#define REALM_WORKERS_MAX 64u /* of one endpoint */

/* What a worker answers; zero when it is called. */
struct realm_answer {
    uint64_t value;
    size_t size; /* bytes of data, at most REALM_PAYLOAD_MAX */
    uint8_t data[REALM_PAYLOAD_MAX] __attribute__((aligned(16)));
};

/*
 * Serves one request in a worker's thread. request->token is of no use there: a call is answered when this
 * returns, with the status that it returns; for one-way messages and notifications the answer is dropped.
 * If the client is gone by then, the answer is dropped as well.
 */
typedef int32_t realm_work(const struct realm_request *request, struct realm_answer *answer, void *context);

/*
 * Starts count (1 to REALM_WORKERS_MAX) workers for an endpoint that was registered without a handler; from
 * then on realm_run and realm_run_once serve it. The n-th worker has contexts[n] (contexts NULL: none has
 * one). The threads count against the realm's limit (`limits: {threads}`); their signal mask is the caller's.
 * realm_unregister and realm_close let each finish what it is at, and then end them: they wait for that.
 * Return: 0; REALM_E_BAD_ARGUMENT: of count, or the endpoint has a handler or workers; REALM_E_LIMIT: the
 * realm may not have so many threads, and none runs; -ENOTSUP: there are no threads (in the simulator);
 * -ENOMEM; -errno.
 */
int realm_workers_start(struct realm_endpoint *endpoint, unsigned count, realm_work *work,
                        void *const *contexts);

#ifdef __cplusplus
}
#endif

#endif
