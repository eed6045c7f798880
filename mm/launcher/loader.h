/*
 * Programs that are being loaded: their seccomp listeners, and what is answered there.
 *
 * Between its filter and the shutting of its listener a realm's openat, execveat, fstat and newfstatat come
 * here. One exec is let through; the program and its libraries are opened for it, read-only; of a descriptor
 * it is told what the file is; all else is refused. Then the listener is closed, and all four fail for ever.
 */
#ifndef MM_LAUNCHER_LOADER_H
#define MM_LAUNCHER_LOADER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <realm/types.h>

#include "librealm/proto/launch.h"
#include "mm/launcher/spawn.h"

#define LOADER_OPENS_MAX 64u
#define LOADER_STATS_MAX 128u
/* Nobody waits for a program that loads, so this is no dearer than 2 s would be; but two hundred that load at
 * once, on two processors that others use as well, take longer than that. */
#define LOADER_DEADLINE_NS (UINT64_C(10) * REALM_SEC)
#define LOADER_PATH_MAX    255u

struct loader {
    uint64_t realm;
    int listener;
    int program;          /* served as /realm; -1 for a static program, to which nothing is served */
    bool private_code;    /* what is served are copies */
    bool executed;        /* its one exec was let through */
    bool ready;           /* poll found something */
    uint32_t opens;       /* notifications answered, but for … */
    uint32_t stats;       /* … questions what a descriptor is */
    pid_t pid;            /* the realm's process, not reaped before its loader is shut */
    uint64_t deadline_ns; /* UINT64_MAX until the program runs */
};

struct loaders {
    struct loader *entries; /* at most one a child: CHILDREN_MAX */
    unsigned count;
};

/* Return: 0; -ENOMEM. */
int loaders_init(struct loaders *loaders);
void loaders_deinit(struct loaders *loaders);

/* Takes over the listener and the program. The process is a child of the caller, who shuts the loader before
 * reaping it. */
void loaders_take(struct loaders *loaders, const struct spawn *spawn, int listener);

/* NULL: none. The pointer is good until the next change. */
struct loader *loaders_find(const struct loaders *loaders, uint64_t realm);

/* Closes its descriptors and forgets it. */
void loaders_shut(struct loaders *loaders, struct loader *loader);

/* Writes count entries for poll, and takes the results. */
void loaders_prepare(const struct loaders *loaders, struct pollfd *fds);
void loaders_note(struct loaders *loaders, const struct pollfd *fds);

/*
 * Answers one notification of a loader that is ready. Return: 0; enum realm_launch_shut: it is to be shut
 * for this reason, of which LOADED is answered by the shutting; -ESRCH: nobody is left to answer.
 */
int loader_serve(struct loader *loader);

uint64_t loaders_deadline_ns(const struct loaders *loaders);

#endif
