/*
 * What the box of every realm is made of: decided once, before the first start (docs/design/sandbox.md).
 *
 * Without SECCOMP there is no box at all, since nothing could serve the loader in an empty root: programs
 * then start as plain processes. Only tests of the launcher do that; `realm run` refuses.
 */
#ifndef MM_LAUNCHER_BOX_H
#define MM_LAUNCHER_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "librealm/os/os.h"
#include "mm/launcher/cgroup.h"
#include "mm/sandbox/filter.h"

struct box {
    unsigned parts; /* enum sandbox_part bits; without SECCOMP none */
    int landlock_abi;
    enum realm_waiter_kind waiter; /* that the system was asked to use */
    bool root;                     /* the launcher runs as root: realms must not */
    struct rlimit files_limit;     /* RLIMIT_NOFILE as the user had it */
    struct cgroup cgroup;          /* borrowed: the system's; NONE unless it is set */
    uint64_t loading_ns;           /* that a program has from its exec until it is loaded */
    int launcher;                  /* pidfd of this process: readable when it is no more */
    struct sandbox_program plain, with_ring;
};

/*
 * Makes the filters. weakened: see struct sandbox_filter_options. Return: 0; -errno, and nothing is left.
 */
int box_init(struct box *box, unsigned parts, int landlock_abi, int weakened, enum realm_waiter_kind waiter,
             const struct rlimit *files_limit);
void box_deinit(struct box *box);

/* Whether there is a box at all. */
bool box_closed(const struct box *box);

#endif
