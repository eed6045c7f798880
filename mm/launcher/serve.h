/*
 * Doing what the broker asks: start, kill, make memory. It neither waits nor decides when the system ends;
 * that is launcher.c's.
 */
#ifndef MM_LAUNCHER_SERVE_H
#define MM_LAUNCHER_SERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mm/config/config.h"
#include "mm/launcher/box.h"
#include "mm/launcher/children.h"
#include "mm/launcher/loader.h"
#include "mm/launcher/outgoing.h"
#include "mm/launcher/spawn.h"

#define SERVE_STARTING_MAX 64u /* between fork and exec at once; further requests stay in the socket */
#define SERVE_BACKLOG_MAX  16u /* answers that wait; the same */

struct serve {
    const struct mm_config *config;
    const struct box *box;
    int socket;   /* to the broker */
    bool muted;   /* nothing more is said to the broker */
    bool crowded; /* the kernel took no more for now: try again in a while */
    struct children children;
    struct outgoing outgoing;
    struct spawn starting[SERVE_STARTING_MAX];
    unsigned starting_count;
    struct loaders loaders;
};

/* Takes over the socket. Return: 0; -ENOMEM (the socket stays the caller's). */
int serve_init(struct serve *serve, const struct mm_config *config, const struct box *box, int socket);
void serve_deinit(struct serve *serve); /* ends no process */

/* Whether it would take a request now. */
bool serve_ready(const struct serve *serve);

/*
 * Takes the requests that are there, at most a round's worth. With only_stop, they are passed over in search
 * of a STOP, for the broker is gone.
 * Return: 0; REALM_E_STOPPED: the broker said STOP; REALM_E_MM_GONE: it hung up, or broke the protocol.
 */
int serve_take(struct serve *serve, bool only_stop);

/* What poll is to look at for the starts and the loaders, at most SERVE_POLL_MAX; and what it found. */
#define SERVE_POLL_MAX (SERVE_STARTING_MAX + CHILDREN_MAX)
unsigned serve_prepare(const struct serve *serve, struct pollfd *fds);
void serve_note(struct serve *serve, const struct pollfd *fds);

/* Looks after the starts that are under way: announces those that are done, ends those over time; answers
 * programs that are being loaded, and shuts their boxes. */
void serve_settle(struct serve *serve);

/* A child was reaped. true: it was a realm, and its exit is announced. */
bool serve_exited(struct serve *serve, pid_t pid, int wait_status);

/* Sends what the socket takes now. */
void serve_flush(struct serve *serve);

/* Passes on that the system is asked to end. The broker goes on hearing of every exit. */
void serve_end(struct serve *serve);

/* Says nothing more to the broker, and lets it know: its end of the socket reads end-of-file. */
void serve_mute(struct serve *serve);

/* The earliest deadline of a start or a loader; UINT64_MAX if there is none. */
uint64_t serve_deadline_ns(const struct serve *serve);

uint64_t serve_now_ns(void);

#endif
