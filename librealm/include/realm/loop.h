/*
 * The event loop: any number of clients, timers and the control socket, in one wait.
 *
 * It sleeps in one system call with one deadline, and an idle loop is never woken. Awake, it spins for a
 * short adaptive time before it sleeps, because waking an idle processor costs far more than a call does.
 * Handlers and timers run in the thread that runs the loop, one after the other, to completion; a handler
 * may call, reply, connect, start timers, and stop the loop.
 */
#ifndef REALM_LOOP_H
#define REALM_LOOP_H

#include <stdint.h>

#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm;
struct realm_timer;

typedef void realm_timer_handler(struct realm *realm, struct realm_timer *timer, void *context);

/*
 * Runs handlers and timers until the Memory Manager asks the realm to stop or realm_stop is called.
 * Return: 0: asked to stop; REALM_E_MM_GONE: the Memory Manager is gone and every channel is closed;
 * -errno.
 */
int realm_run(struct realm *realm);

/* As realm_run, for one round: waits up to timeout_ns for something to do, and does it.
 * Return: 0: did something; REALM_E_WOULD_BLOCK or REALM_E_TIMEOUT: nothing came; REALM_E_STOPPED;
 * REALM_E_MM_GONE; -errno. */
int realm_run_once(struct realm *realm, uint64_t timeout_ns);

/* Makes realm_run return 0 after the present handler. */
void realm_stop(struct realm *realm);

/*
 * Starts a timer that fires after first_ns and then every period_ns (0: once). Late periods are not made
 * up for: it fires once and keeps its grid. *ret_timer (which may be NULL for a timer that is never
 * cancelled) is valid until realm_timer_cancel, or, fired once, until its handler returns.
 * Return: 0; REALM_E_LIMIT: over 1024 timers; -ENOMEM.
 */
int realm_timer_start(struct realm *realm, uint64_t first_ns, uint64_t period_ns,
                      realm_timer_handler *handler, void *context, struct realm_timer **ret_timer);

/* Also from within its own handler. NULL is a no-op. */
void realm_timer_cancel(struct realm_timer *timer);

#ifdef __cplusplus
}
#endif

#endif
