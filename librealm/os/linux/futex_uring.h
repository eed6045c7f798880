/*
 * Compatibility: what the futex operations of io_uring (Linux 6.7) and futex_waitv (5.16) need and the
 * headers of older distributions lack. The numbers are the kernel's interface and never change.
 */
#ifndef REALM_OS_FUTEX_URING_H
#define REALM_OS_FUTEX_URING_H

#include <stdint.h>
#include <string.h>

#include <liburing.h>

#define REALM_IORING_OP_FUTEX_WAIT  51
#define REALM_IORING_OP_FUTEX_WAKE  52
#define REALM_IORING_OP_FUTEX_WAITV 53
#define REALM_FUTEX2_SIZE_U32       2u /* without FUTEX2_PRIVATE (128): the word is shared by processes */
#define REALM_SYS_FUTEX_WAITV       449

/* Prepares a wait for *word to differ from seen. It has no time-out of its own. */
static inline void realm_uring_prep_futex_wait(struct io_uring_sqe *sqe, const uint32_t *word, uint32_t seen)
{
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = REALM_IORING_OP_FUTEX_WAIT;
    sqe->fd = (int)REALM_FUTEX2_SIZE_U32;
    sqe->addr = (uintptr_t)word;
    sqe->addr2 = seen;
    sqe->addr3 = UINT32_MAX; /* the mask: any waker */
}

#endif
