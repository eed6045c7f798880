/*
 * Cgroups: one for the system, below the one in which it was started, and in it one for each realm.
 */
#ifndef MM_LAUNCHER_CGROUP_H
#define MM_LAUNCHER_CGROUP_H

#include <stdint.h>
#include <sys/types.h>

#include "mm/config/config.h"

enum cgroup_kind {
    CGROUP_NONE,
    CGROUP_TWO,  /* version 2: memory, processes, and the weight of the processor */
    CGROUP_PIDS, /* version 1: the number of processes and threads alone */
};

struct cgroup {
    enum cgroup_kind kind;
    int above;  /* the folder in which the system's is made; -1 for NONE */
    int system; /* the system's own; -1 for NONE */
    char name[32];
};

/*
 * Makes the system's cgroup below a folder, which is this process's own cgroup. In version 2 a cgroup that is
 * divided must not have processes itself: so this process and its parent (the front end) move into one below.
 * What earlier systems, killed with everything around them, have left there is removed. NONE: a *ret_cgroup
 * in which everything below does nothing. Return: 0; -errno: nothing has changed, and *ret_cgroup is as for
 * NONE.
 */
int cgroup_open(const char *folder, enum cgroup_kind kind, struct cgroup *ret_cgroup);

/* All realms have ended. Moves back what has moved, and removes the system's cgroup. */
void cgroup_close(struct cgroup *cgroup);

/* What is left to the front end when the launcher was killed: goes back to the folder, and removes all
 * cgroups whose launcher is no more. */
void cgroup_sweep(const char *folder, enum cgroup_kind kind);

/* Makes a realm's cgroup with its limits and moves its process there. Return: 0; -errno: nothing is left. */
int cgroup_enter(const struct cgroup *cgroup, uint64_t realm, pid_t pid, const struct mm_limits *limits);

/* The realm's process has been reaped. */
void cgroup_leave(const struct cgroup *cgroup, uint64_t realm);

#endif
