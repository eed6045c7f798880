/*
 * Starting one realm process: from its plan to the moment in which its program runs.
 */
#ifndef MM_LAUNCHER_SPAWN_H
#define MM_LAUNCHER_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "mm/launcher/box.h"
#include "mm/launcher/plan.h"

/* A child between its clone and its exec, as its parent sees it. */
struct spawn {
    uint64_t realm;
    uint64_t xid;
    pid_t pid;
    int report; /* see become_realm */
    bool told;  /* there may be something in it */
    uint64_t deadline_ns;
    int program;             /* a dynamic one, for loader.c; else -1 */
    bool private_code;       /* its libraries are to be copies, too */
    int ends[PLAN_ENDS_MAX]; /* for the broker */
    unsigned ends_count;
};

/*
 * Makes the child and returns without waiting for it. The plan's ends and its program move into *ret_spawn;
 * the rest of the plan may be freed. deadline_ns is kept, nothing more.
 * Return: 0; REALM_E_NOT_STARTED: *ret_failure says why, and nothing has changed.
 */
int spawn_start(struct plan *plan, const struct box *box, const struct realm_launch_spawn *request,
                uint64_t deadline_ns, struct spawn *ret_spawn, struct plan_failure *ret_failure);

/*
 * Looks, without waiting, how far it is. Return: 0: the program runs, or ran; REALM_E_WOULD_BLOCK: not yet,
 * and *ret_listener is -1 or its listener, the caller's from now on; REALM_E_NOT_STARTED: *ret_failure says
 * why, and the child exits by itself.
 */
int spawn_settle(struct spawn *spawn, int *ret_listener, struct plan_failure *ret_failure);

/* Closes what is still open in it. The process is not touched. */
void spawn_deinit(struct spawn *spawn);

#endif
