/*
 * Starting a Memory Manager: the front end's one call. It forks the launcher, which forks the broker.
 */
#ifndef MM_START_H
#define MM_START_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "librealm/os/os.h"
#include "mm/config/config.h"

struct mm_options {
    enum realm_waiter_kind waiter;
    uint64_t orphan_grace_ns; /* 0: the default, 5 s */
    unsigned parts;           /* enum sandbox_part bits that the machine gives (mm/sandbox/features.h) */
    int landlock_abi;
    bool cgroup_pids;   /* threads can be counted by a cgroup of version 1 (mm/sandbox/features.h) */
    int weakened;       /* a rule of the realms' filter to leave out, for the adversary suite; -1: none */
    int admin_listener; /* listening unix stream socket, or -1 */
    int events;         /* write end of a pipe: one JSON object a line; never waited for */
};

/*
 * Starts a system. The descriptors are the caller's to close afterwards. When the caller dies, all of it
 * dies; to end it politely, send SIGTERM to *ret_launcher, then wait for it (its exit status is 0 if the
 * system ended by itself or as asked, 1 otherwise), then call mm_sweep. The caller becomes a child subreaper.
 * Return: 0; -errno.
 */
int mm_start(const struct mm_config *config, const struct mm_options *options, pid_t *ret_launcher);

/*
 * Once the launcher has been reaped: kills and reaps what it has left, which is something only if it was
 * killed. All of that is this process's children by then, and every child of this process is taken for it.
 */
void mm_sweep(void);

#endif
