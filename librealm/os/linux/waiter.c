/*
 * The waiter: chooses between its two kinds and dispatches to the one chosen.
 *
 * AUTO means what the launcher said in REALM_WAITER; if that is AUTO too, what this machine gives: io_uring
 * futex waits where they work and are known to be sound, else the hint pipe. A kind asked for by name is
 * used if it works at all.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "librealm/os/linux/linux.h"
#include "librealm/os/linux/probe.h"

static int open_kind(struct realm_os *os, enum realm_waiter_kind kind, struct realm_waiter **ret_waiter)
{
    if (kind == REALM_WAITER_PIPE)
        return realm_waiter_pipe_open(os, ret_waiter);
    return realm_waiter_uring_open(os, ret_waiter, NULL);
}

enum realm_waiter_kind realm_waiter_choice(struct realm_os *os)
{
    if (os->waiter != REALM_WAITER_AUTO)
        return os->waiter;
    return realm_waiter_probe() == NULL ? REALM_WAITER_URING : REALM_WAITER_PIPE;
}

int realm_waiter_open(struct realm_os *os, enum realm_waiter_kind kind, struct realm_waiter **ret_waiter)
{
    return open_kind(os, kind == REALM_WAITER_AUTO ? realm_waiter_choice(os) : kind, ret_waiter);
}

void realm_waiter_close(struct realm_waiter *waiter)
{
    if (waiter == NULL)
        return;
    if (waiter->kind == REALM_WAITER_PIPE)
        realm_waiter_pipe_close(waiter);
    else
        realm_waiter_uring_close(waiter);
}

enum realm_waiter_kind realm_waiter_kind(const struct realm_waiter *waiter)
{
    return waiter->kind;
}

void realm_waiter_ignore_control(struct realm_waiter *waiter)
{
    waiter->control_ignored = true;
}

int realm_waiter_arm(struct realm_waiter *waiter, uint32_t slot, const uint32_t *word, uint32_t seen)
{
    if (slot >= REALM_WAITER_SLOTS_MAX)
        return -ENOMEM;
    if (waiter->kind == REALM_WAITER_PIPE)
        return realm_waiter_pipe_arm(waiter, slot);
    return realm_waiter_uring_arm(waiter, slot, word, seen);
}

void realm_waiter_disarm(struct realm_waiter *waiter, uint32_t slot)
{
    if (waiter->kind == REALM_WAITER_PIPE)
        realm_waiter_pipe_disarm(waiter, slot);
    else
        realm_waiter_uring_disarm(waiter, slot);
}

int realm_waiter_wait(struct realm_waiter *waiter, uint64_t deadline_ns, uint32_t *ret_wakes,
                      unsigned capacity, unsigned *ret_count)
{
    assert(capacity >= 1);
    if (waiter->kind == REALM_WAITER_PIPE)
        return realm_waiter_pipe_wait(waiter, deadline_ns, ret_wakes, capacity, ret_count);
    return realm_waiter_uring_wait(waiter, deadline_ns, ret_wakes, capacity, ret_count);
}
