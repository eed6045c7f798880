/*
 * Sleeping on words of shared memory, and waking their sleepers.
 *
 * Futexes are shared ones throughout (never PRIVATE): the two ends of a channel are two processes. Waiting
 * and waking need no more than a read-only mapping.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/linux/futex_uring.h"
#include "librealm/os/linux/linux.h"

#define WORDS_MAX 8u

/* Where futex_waitv is forbidden, only the first word can wake; the others are looked at this often. */
#define SLICE_NS (5u * REALM_MSEC)

/* As in <linux/futex.h> since 5.16. */
struct waitv {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};

static int sleep_status(long result)
{
    if (result >= 0)
        return 0;
    switch (errno) {
    case EAGAIN: /* a word had changed already */
    case EFAULT: /* the page was taken away: the channel was revoked, and its flag says so */
        return 0;
    case EINTR:
        return REALM_E_WOULD_BLOCK;
    case ETIMEDOUT:
        return REALM_E_TIMEOUT;
    default:
        return -errno;
    }
}

static int wait_one(const struct realm_os_word *word, uint64_t deadline_ns)
{
    struct timespec until = realm_os_timespec(deadline_ns);
    return sleep_status(syscall(SYS_futex, word->address, FUTEX_WAIT_BITSET, word->seen,
                                deadline_ns == REALM_FOREVER ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY));
}

static int wait_without_waitv(struct realm_os *os, const struct realm_os_word *words, unsigned count,
                              uint64_t deadline_ns)
{
    if (count == 1)
        return wait_one(words, deadline_ns);
    uint64_t slice_end_ns = realm_os_now_ns(os) + SLICE_NS;
    if (deadline_ns <= slice_end_ns)
        return wait_one(words, deadline_ns);
    int error = wait_one(words, slice_end_ns);
    return error == REALM_E_TIMEOUT ? REALM_E_WOULD_BLOCK : error;
}

int realm_os_wait(struct realm_os *os, const struct realm_os_word *words, unsigned count,
                  uint64_t deadline_ns)
{
    assert(count >= 1 && count <= WORDS_MAX);
    struct waitv waits[WORDS_MAX];
    for (unsigned i = 0; i < count; i++) {
        waits[i] = (struct waitv){
            .value = words[i].seen, .address = (uintptr_t)words[i].address, .flags = REALM_FUTEX2_SIZE_U32};
    }
    struct timespec until = realm_os_timespec(deadline_ns);
    long result = syscall(REALM_SYS_FUTEX_WAITV, waits, count, 0u,
                          deadline_ns == REALM_FOREVER ? NULL : &until, CLOCK_MONOTONIC);
    if (result < 0 && (errno == ENOSYS || errno == EPERM))
        return wait_without_waitv(os, words, count, deadline_ns);
    return sleep_status(result);
}

void realm_os_wake(struct realm_os *os, const uint32_t *word)
{
    (void)os;
    /* EFAULT, where the page was taken away, means that nobody can be woken there. */
    (void)syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
