/*
 * A ring that was created disabled takes restrictions once, and then is enabled for good: afterwards it
 * refuses every operation, flag and registration that is not listed, also from a program that replaces this
 * one. It is created with SINGLE_ISSUER, so it serves this thread alone, before and after exec.
 */
#include "mm/launcher/ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What librealm's waiter uses (waiter_uring.c). */
#define SQ_ENTRIES 128u
#define CQ_ENTRIES 1024u

/* In <linux/io_uring.h> since 6.7. */
#define OP_FUTEX_WAIT 51
#define OP_FUTEX_WAKE 52

static int restrict_and_enable(int ring)
{
    static const unsigned char operations[] = {OP_FUTEX_WAIT, OP_FUTEX_WAKE, IORING_OP_POLL_ADD,
                                               IORING_OP_TIMEOUT, IORING_OP_ASYNC_CANCEL};
    enum { COUNT = sizeof operations };
    struct io_uring_restriction restrictions[COUNT];

    memset(restrictions, 0, sizeof restrictions);
    for (unsigned i = 0; i < COUNT; i++) {
        restrictions[i].opcode = IORING_RESTRICTION_SQE_OP;
        restrictions[i].sqe_op = operations[i];
    }
    if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_RESTRICTIONS, restrictions, COUNT) < 0 ||
        syscall(SYS_io_uring_register, ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0) < 0)
        return -errno;
    return 0;
}

static void describe(int number, const struct io_uring_params *params, char *text)
{
    const unsigned char *bytes = (const unsigned char *)params;
    int used = snprintf(text, RING_TEXT_MAX, "REALM_URING=%d:", number);

    for (size_t i = 0; i < sizeof *params; i++)
        used += snprintf(text + used, RING_TEXT_MAX - (size_t)used, "%02x", bytes[i]);
}

/* The kernel makes it closing on exec; at its place it stays open. */
static int place(int ring, int number)
{
    int result = ring == number ? fcntl(ring, F_SETFD, 0) : dup2(ring, number);

    return result < 0 ? -errno : 0;
}

_Static_assert(sizeof "REALM_URING=2147483647:" + 2 * sizeof(struct io_uring_params) <= RING_TEXT_MAX,
               "the text fits");

int ring_make(int number, char ret_text[RING_TEXT_MAX])
{
    struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL |
                                              IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                              IORING_SETUP_CQSIZE,
                                     .cq_entries = CQ_ENTRIES};

    int ring = (int)syscall(SYS_io_uring_setup, SQ_ENTRIES, &params);
    if (ring < 0)
        return -errno;
    int error = restrict_and_enable(ring);
    if (error == 0)
        error = place(ring, number);
    if (error || ring != number)
        close(ring);
    if (error == 0)
        describe(number, &params, ret_text);
    return error;
}
