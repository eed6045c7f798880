/*
 * librealm: what a realm links.
 *
 * A realm is a process started by `realm run` from a scenario. It opens itself once, then registers
 * services or connects to others' (service.h, channel.h), and serves them in its event loop (loop.h).
 *
 *     struct realm *realm;
 *     if (realm_open(&realm)) ...
 *
 * Threads: a struct realm and everything obtained from it belong to the thread that opened it.
 * Ownership: every object obtained from a realm ends with realm_close at the latest.
 * Signals: realm_open installs a handler for SIGBUS, by which a revoked channel is noticed, and lets it
 * through in its thread. Faults elsewhere go to the handler that was there before; a program that installs
 * one later must hand on what is not its own. SIGBUS must not be blocked. No call fails because of a signal.
 */
#ifndef REALM_REALM_H
#define REALM_REALM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <realm/capability.h>
#include <realm/channel.h>
#include <realm/error.h>
#include <realm/loop.h>
#include <realm/memory.h>
#include <realm/pack.h>
#include <realm/pending.h>
#include <realm/service.h>
#include <realm/stream.h>
#include <realm/types.h>
#include <realm/workers.h>

#ifdef __cplusplus
extern "C" {
#endif

struct realm;

/*
 * Opens the realm that this process is: says hello to the Memory Manager on the control socket and waits
 * for its welcome (2 s at most).
 *
 * Return: 0; REALM_E_BAD_ARGUMENT: this process was not started as a realm (start it with `realm run`);
 * REALM_E_PROTOCOL: the Memory Manager speaks another version (rebuild against it); REALM_E_TIMEOUT;
 * REALM_E_MM_GONE; -errno. On failure *ret_realm is untouched.
 */
int realm_open(struct realm **ret_realm);

/* Closes every channel and endpoint, then the realm. NULL is a no-op. The Memory Manager sees the end. */
void realm_close(struct realm *realm);

/* The realm's name in the scenario, and its id. The text lives as long as the realm. */
const char *realm_name(const struct realm *realm);
struct realm_id realm_self(const struct realm *realm);

/* Nanoseconds of the monotonic clock (of the virtual clock, when simulated). */
uint64_t realm_now_ns(const struct realm *realm);

/*
 * The descriptor of a file that the scenario hands this realm (`files: {name: …}`); it stays the realm's
 * until realm_close does not touch it: closing it is up to the caller.
 * Return: a descriptor >= 0; -ENOENT: the scenario names no such file.
 */
int realm_file(const struct realm *realm, const char *name);

/* One line of text into the realm's log (`realm logs NAME`); printf-like; cut at 1 KiB. */
void realm_log(struct realm *realm, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct realm_spawn {
    const char *program;     /* name of a realm declared with `parent: <this realm>` in the scenario */
    const char *name;        /* name of the new instance, only if the declaration is a template; else NULL */
    const char *const *args; /* extra arguments after the scenario's, NULL-terminated; or NULL */
};

/*
 * Starts a child. It returns when the child's program runs (not when it has opened its realm).
 *
 * args: at most 64, 2 KiB in all with their terminators.
 * Return: 0; REALM_E_NOT_CHILD: no such realm is declared under this one; REALM_E_EXISTS: it runs already;
 * REALM_E_NOT_STARTED: the program cannot be started (the log says why), or the start limit is reached;
 * REALM_E_LIMIT; REALM_E_TOO_BIG: args; REALM_E_TIMEOUT; REALM_E_MM_GONE; -errno.
 * *ret_child is untouched on failure, and may be NULL.
 */
int realm_spawn(struct realm *realm, const struct realm_spawn *spawn, struct realm_id *ret_child);

/*
 * Ends a child, and with it all its descendants, at once. Return: 0, also if it had ended already;
 * REALM_E_NOT_CHILD; REALM_E_TIMEOUT; REALM_E_MM_GONE; -errno.
 */
int realm_kill(struct realm *realm, const char *child);

/*
 * Lets a child connect to a service that this realm may itself connect to, or provides (Lona: parent
 * grants). It ends with either of the two realms.
 * Return: 0; REALM_E_NOT_CHILD; REALM_E_NO_SERVICE; REALM_E_DENIED: not this realm's to give;
 * REALM_E_TIMEOUT; REALM_E_MM_GONE; -errno.
 */
int realm_grant(struct realm *realm, const char *child, const char *service);

#ifdef __cplusplus
}
#endif

#endif
