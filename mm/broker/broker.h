/*
 * The broker: registry, policy, channels, life cycles. It reads everything that realms send and trusts none
 * of it; it opens nothing, executes nothing, makes no socket, and never maps channel memory.
 */
#ifndef MM_BROKER_BROKER_H
#define MM_BROKER_BROKER_H

#include "librealm/os/os.h"
#include "mm/config/config.h"

struct broker_options {
    const struct mm_config *config;
    enum realm_waiter_kind waiter; /* what realms are told; for the boot event */
    unsigned parts;                /* of the box, enum sandbox_part bits; for the boot event */
    const char *cgroup;            /* "2", "pids" or "none" (NULL); the same */
    int launcher;                  /* SOCK_SEQPACKET to the launcher (proto/launch.h) */
    int admin_listener;            /* or -1 */
    int events;                    /* or -1 */
};

/* Runs until the system has ended. Return: 0: it ended well or as asked; 1: a realm failed and was not
 * expected to (its last incarnation ended with a non-zero status of its own and nobody killed it); -errno. */
int broker_run(const struct broker_options *options);

#endif
