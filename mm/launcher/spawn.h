/*
 * Starting one realm process: from its plan to the moment in which its program runs.
 */
#ifndef MM_LAUNCHER_SPAWN_H
#define MM_LAUNCHER_SPAWN_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "mm/launcher/plan.h"

/* A child between its fork and its exec, as its parent sees it. */
struct spawn {
    uint64_t realm;
    uint64_t xid;
    pid_t pid;
    int report; /* end-of-file: the program runs; readable: why it does not */
    uint64_t deadline_ns;
    int ends[PLAN_ENDS_MAX]; /* for the broker */
    unsigned ends_count;
};

/*
 * Forks the child and returns without waiting for it. The plan's ends move into *ret_spawn; the rest of the
 * plan may be freed. files_limit is the RLIMIT_NOFILE that realms get. deadline_ns is kept, nothing more.
 * Return: 0; REALM_E_NOT_STARTED: *ret_failure says why, and nothing has changed.
 */
int spawn_start(struct plan *plan, const struct rlimit *files_limit, const struct realm_launch_spawn *request,
                uint64_t deadline_ns, struct spawn *ret_spawn, struct plan_failure *ret_failure);

/*
 * Looks, without waiting, how far it is. Return: 0: the program runs, or ran; REALM_E_WOULD_BLOCK: not yet;
 * REALM_E_NOT_STARTED: *ret_failure says why, and the child exits by itself.
 */
int spawn_settle(struct spawn *spawn, struct plan_failure *ret_failure);

/* Closes what is still open in it. The process is not touched. */
void spawn_deinit(struct spawn *spawn);

#endif
