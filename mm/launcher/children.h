/*
 * The launcher's children: which process is which realm, and how processes are ended and reaped.
 *
 * A realm is killed with its process group. What left that group becomes the launcher's own child when its
 * parent ends (the launcher is a subreaper), and whatever is the launcher's child without having been
 * started by it is killed. So no process survives by forking twice.
 */
#ifndef MM_LAUNCHER_CHILDREN_H
#define MM_LAUNCHER_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILDREN_MAX 4096u

struct child {
    pid_t pid;
    uint64_t realm;
    bool silent; /* its start failed and that was said: its exit is no news */
};

struct children {
    struct child *entries; /* sorted by pid */
    unsigned count;
};

/* Return: 0; -ENOMEM. */
int children_init(struct children *children);
void children_deinit(struct children *children); /* ends no process */

/* There is room: the caller has looked at count. */
void children_add(struct children *children, pid_t pid, uint64_t realm);
void children_remove(struct children *children, pid_t pid);

/* NULL if there is none. The pointer is good until the next change. */
struct child *children_find_pid(const struct children *children, pid_t pid);
struct child *children_find_realm(const struct children *children, uint64_t realm);

/* SIGKILL to a realm's process and its group; the process must not have been reaped. */
void children_kill(pid_t pid);
void children_kill_all(const struct children *children);

/* Kills each child of this process that is neither in the table nor `other`. Return: whether there were any.
 */
bool children_kill_strays(const struct children *children, pid_t other);

/* Kills and reaps every child of this process, and what becomes its child by that, until there is none that
 * it may kill. Waits for their ends. */
void children_sweep(void);

/*
 * Reaps one child that has ended, if there is one, without waiting. Before it is reaped, what is left in its
 * process group is killed. Return: its pid; 0: none has ended; -ECHILD: there is no child at all.
 */
pid_t children_reap(int *ret_wait_status);

#endif
