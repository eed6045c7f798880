/*
 * What the files of os/linux share: the realm's own view of its process, and the two kinds of waiter.
 *
 * A realm starts with a control socket at descriptor 3 and three words of environment (overview.md). They
 * are read once, at realm_os_open; the struct is constant from then on.
 */
#ifndef REALM_OS_LINUX_H
#define REALM_OS_LINUX_H

#include <liburing.h>
#include <time.h>

#include "librealm/os/os.h"

/* A descriptor that the scenario hands over. */
struct os_file {
    char *name;
    int fd;
};

struct realm_os {
    int control; /* SOCK_SEQPACKET */
    int hint;    /* read end of the hint pipe, or -1 */
    int ring;    /* the io_uring that the launcher made, or -1; with ring_params */
    struct io_uring_params ring_params;
    enum realm_waiter_kind waiter;
    unsigned cpus;
    char *files_text; /* the names, in one piece */
    struct os_file *files;
    unsigned files_count;
};

/* An absolute time of CLOCK_MONOTONIC. */
struct timespec realm_os_timespec(uint64_t ns);

/* How long from now until the deadline: for system calls that take a relative time. */
struct timespec realm_os_remaining(uint64_t deadline_ns);

/* The common head of a waiter; waiter.c dispatches on the kind. */
struct realm_waiter {
    enum realm_waiter_kind kind;
    bool control_ignored; /* the control socket's end was received: it is readable for ever */
};

/* Slots are dense; a larger number is a mistake of the broker that must not become a huge table. */
#define REALM_WAITER_SLOTS_MAX (UINT32_C(1) << 24)

/* waiter_uring.c. *ret_reason, if not NULL, gets why it returns -ENOTSUP. */
int realm_waiter_uring_open(struct realm_os *os, struct realm_waiter **ret_waiter, const char **ret_reason);
void realm_waiter_uring_close(struct realm_waiter *waiter);
int realm_waiter_uring_arm(struct realm_waiter *waiter, uint32_t slot, const uint32_t *word, uint32_t seen);
void realm_waiter_uring_disarm(struct realm_waiter *waiter, uint32_t slot);
int realm_waiter_uring_wait(struct realm_waiter *waiter, uint64_t deadline_ns, uint32_t *ret_wakes,
                            unsigned capacity, unsigned *ret_count);

/* waiter_pipe.c */
int realm_waiter_pipe_open(struct realm_os *os, struct realm_waiter **ret_waiter);
void realm_waiter_pipe_close(struct realm_waiter *waiter);
int realm_waiter_pipe_arm(struct realm_waiter *waiter, uint32_t slot);
void realm_waiter_pipe_disarm(struct realm_waiter *waiter, uint32_t slot);
int realm_waiter_pipe_wait(struct realm_waiter *waiter, uint64_t deadline_ns, uint32_t *ret_wakes,
                           unsigned capacity, unsigned *ret_count);

#endif
