/*
 * The table is sorted by pid, since exits are looked up by pid and sweeps look up every child; realms are
 * looked up by id only when the broker asks for something, and 4096 comparisons are nothing beside a fork.
 */
#include "mm/launcher/children.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int children_init(struct children *children)
{
    struct child *entries = calloc(CHILDREN_MAX, sizeof *entries);
    if (entries == NULL)
        return -ENOMEM;
    *children = (struct children){.entries = entries};
    return 0;
}

void children_deinit(struct children *children)
{
    free(children->entries);
    *children = (struct children){0};
}

/* The first entry whose pid is not below this one. */
static unsigned lower_bound(const struct children *children, pid_t pid)
{
    unsigned low = 0, high = children->count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;
        if (children->entries[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void children_add(struct children *children, pid_t pid, uint64_t realm)
{
    assert(children->count < CHILDREN_MAX);
    unsigned at = lower_bound(children, pid);
    struct child *entry = &children->entries[at];
    memmove(entry + 1, entry, (children->count - at) * sizeof *entry);
    *entry = (struct child){.pid = pid, .realm = realm};
    children->count++;
}

void children_remove(struct children *children, pid_t pid)
{
    struct child *entry = children_find_pid(children, pid);

    assert(entry != NULL);
    unsigned after = children->count - (unsigned)(entry - children->entries) - 1;
    memmove(entry, entry + 1, after * sizeof *entry);
    children->count--;
}

struct child *children_find_pid(const struct children *children, pid_t pid)
{
    unsigned at = lower_bound(children, pid);
    if (at == children->count || children->entries[at].pid != pid)
        return NULL;
    return &children->entries[at];
}

struct child *children_find_realm(const struct children *children, uint64_t realm)
{
    for (unsigned i = 0; i < children->count; i++)
        if (children->entries[i].realm == realm)
            return &children->entries[i];
    return NULL;
}

void children_kill(pid_t pid)
{
    /* The group may not exist yet (before the child's setsid) or no more; the pid itself always does. */
    (void)kill(-pid, SIGKILL);
    (void)kill(pid, SIGKILL);
}

void children_kill_all(const struct children *children)
{
    for (unsigned i = 0; i < children->count; i++)
        children_kill(children->entries[i].pid);
}

static bool kill_if_stray(const struct children *children, pid_t other, pid_t pid)
{
    return pid > 0 && pid != other && children_find_pid(children, pid) == NULL && kill(pid, SIGKILL) == 0;
}

bool children_kill_strays(const struct children *children, pid_t other)
{
    char text[4096];
    ssize_t size;
    pid_t pid = 0;
    bool any = false;

    /* The kernel's list: pids, each followed by a space. Where it is missing there is no sweep. */
    int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    if (list < 0)
        return false;
    while ((size = read(list, text, sizeof text)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            if (isdigit((unsigned char)text[i])) {
                pid = pid * 10 + (text[i] - '0');
            } else {
                any |= kill_if_stray(children, other, pid);
                pid = 0;
            }
        }
    }
    close(list);
    return any;
}

void children_sweep(void)
{
    const struct children none = {0};
    siginfo_t info;
    int status;

    /* At least one has been killed each time: so each wait ends. Its children are ours by then. */
    while (children_kill_strays(&none, 0)) {
        while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
            ;
        while (children_reap(&status) > 0)
            ;
    }
}

pid_t children_reap(int *ret_wait_status)
{
    siginfo_t info = {0};
    int status;

    /* First only looked at: as long as it is not reaped, its number names its group and no other. */
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
        return errno == ECHILD ? -ECHILD : 0;
    if (info.si_pid == 0)
        return 0;
    (void)kill(-info.si_pid, SIGKILL);
    if (waitpid(info.si_pid, &status, WNOHANG) != info.si_pid)
        return 0;
    *ret_wait_status = status;
    return info.si_pid;
}
