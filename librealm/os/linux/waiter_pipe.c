/*
 * The waiter without io_uring: peers write the number of their channel into a pipe of this realm. (It is one
 * of sockets, since a pipe cannot be cut by anybody but its ends.)
 *
 * A hint is a claim: a number that is not armed is ignored. A hint can get lost when the pipe is full, and a
 * pipe is full when each of its slots (pages) holds something, be it one byte written by a hostile peer. So
 * the pipe is emptied at each wake-up, and where it held as many bytes as it has slots, hints may have been
 * lost and the caller is told to look at every channel.
 *
 * When a channel is revoked, the Memory Manager cuts the pipe under all who hold an end of it. From then on
 * the caller is told to look at every channel from time to time.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/linux/linux.h"

#define PIPE_SLOT_BYTES 4096u
#define LOOK_NS         (5u * REALM_MSEC) /* between two looks, once the pipe was cut */

struct pipe_waiter {
    struct realm_waiter base;
    struct realm_os *os;
    int hint;          /* -1 once nobody is left who could write */
    bool cut;          /* … because the Memory Manager saw to that */
    uint64_t look_ns;  /* … and then: when to look next */
    size_t full_bytes; /* emptied of so many bytes at once, the pipe may have been full */
    uint64_t *armed;   /* one bit a slot */
    uint32_t words;
};

static struct pipe_waiter *self(struct realm_waiter *waiter)
{
    assert(waiter->kind == REALM_WAITER_PIPE);
    return (struct pipe_waiter *)waiter;
}

int realm_waiter_pipe_open(struct realm_os *os, struct realm_waiter **ret_waiter)
{
    if (os->hint < 0)
        return -ENOTSUP;
    int flags = fcntl(os->hint, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY || (flags & O_NONBLOCK) == 0)
        return -ENOTSUP;
    struct pipe_waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL)
        return -ENOMEM;
    /* Where the size may not be asked for, the smallest pipe is assumed, which only scans more often. */
    int size = fcntl(os->hint, F_GETPIPE_SZ);
    waiter->base.kind = REALM_WAITER_PIPE;
    waiter->os = os;
    waiter->hint = os->hint;
    waiter->full_bytes = size < (int)PIPE_SLOT_BYTES ? 1 : (size_t)size / PIPE_SLOT_BYTES;
    *ret_waiter = &waiter->base;
    return 0;
}

void realm_waiter_pipe_close(struct realm_waiter *waiter)
{
    free(self(waiter)->armed);
    free(waiter);
}

static bool is_armed(const struct pipe_waiter *waiter, uint32_t slot)
{
    return slot / 64u < waiter->words && (waiter->armed[slot / 64u] >> (slot % 64u) & 1u) != 0;
}

static void set_armed(struct pipe_waiter *waiter, uint32_t slot)
{
    waiter->armed[slot / 64u] |= UINT64_C(1) << (slot % 64u);
}

int realm_waiter_pipe_arm(struct realm_waiter *base, uint32_t slot)
{
    struct pipe_waiter *waiter = self(base);
    if (slot / 64u >= waiter->words) {
        uint32_t words = (slot / 64u + 1u) * 2u;
        uint64_t *armed = realloc(waiter->armed, words * sizeof *armed);
        if (armed == NULL)
            return -ENOMEM;
        memset(armed + waiter->words, 0, (words - waiter->words) * sizeof *armed);
        waiter->armed = armed;
        waiter->words = words;
    }
    assert(!is_armed(waiter, slot));
    set_armed(waiter, slot);
    return 0;
}

void realm_waiter_pipe_disarm(struct realm_waiter *base, uint32_t slot)
{
    struct pipe_waiter *waiter = self(base);
    if (is_armed(waiter, slot))
        waiter->armed[slot / 64u] &= ~(UINT64_C(1) << (slot % 64u));
}

/*
 * Empties the pipe and reports the armed slots among the hints, each once. A writer who refills it as fast
 * as it is emptied gets no further than a full pipe, which ends the reading with a scan.
 */
static unsigned take_hints(struct pipe_waiter *waiter, uint32_t *ret_wakes, unsigned capacity)
{
    uint8_t bytes[PIPE_SLOT_BYTES];
    size_t total = 0;
    unsigned count = 0;
    for (;;) {
        ssize_t size = read(waiter->hint, bytes, sizeof bytes);
        if (size < 0 && errno == EINTR)
            continue;
        if (size == 0) {
            waiter->hint = -1;
            waiter->cut = true;
            break;
        }
        if (size < 0)
            return count;
        total += (size_t)size;
        if (total >= waiter->full_bytes)
            break;
        for (size_t at = 0; at + sizeof(uint32_t) <= (size_t)size; at += sizeof(uint32_t)) {
            uint32_t slot;
            memcpy(&slot, bytes + at, sizeof slot);
            if (!is_armed(waiter, slot))
                continue;
            if (count == capacity)
                goto scan; /* what does not fit is found by looking */
            realm_waiter_pipe_disarm(&waiter->base, slot);
            ret_wakes[count++] = slot;
        }
        if ((size_t)size % sizeof(uint32_t) != 0)
            break; /* somebody wrote less than a hint: the cuts between the others are lost */
    }
scan:
    /* Where there is no room to say so, the last slot reported is left to the scan. */
    if (count == capacity)
        set_armed(waiter, ret_wakes[--count]);
    ret_wakes[count++] = REALM_WAKE_SCAN;
    return count;
}

static bool any_armed(const struct pipe_waiter *waiter)
{
    for (uint32_t i = 0; i < waiter->words; i++)
        if (waiter->armed[i] != 0)
            return true;
    return false;
}

int realm_waiter_pipe_wait(struct realm_waiter *base, uint64_t deadline_ns, uint32_t *ret_wakes,
                           unsigned capacity, unsigned *ret_count)
{
    struct pipe_waiter *waiter = self(base);
    const bool looks = waiter->cut && any_armed(waiter);
    if (looks && waiter->look_ns < deadline_ns)
        deadline_ns = waiter->look_ns;
    struct pollfd fds[] = {
        {.fd = waiter->hint, .events = POLLIN},
        {.fd = base->control_ignored ? -1 : waiter->os->control, .events = POLLIN | POLLRDHUP},
    };
    struct timespec remaining;
    if (deadline_ns != REALM_FOREVER)
        remaining = realm_os_remaining(deadline_ns);
    int ready = ppoll(fds, 2, deadline_ns == REALM_FOREVER ? NULL : &remaining, NULL);
    if (ready < 0 && errno != EINTR)
        return -errno;
    /* Also where the caller waits for no time at all, as who has something else to wait for does. */
    const uint64_t now_ns = looks && ready == 0 ? realm_os_now_ns(waiter->os) : 0;
    if (looks && ready == 0 && waiter->look_ns <= now_ns) {
        waiter->look_ns = now_ns + LOOK_NS;
        ret_wakes[0] = REALM_WAKE_SCAN;
        *ret_count = 1;
        return 0;
    }
    if (ready == 0)
        return REALM_E_TIMEOUT;

    unsigned count = 0;
    if (ready > 0) {
        if (fds[1].revents != 0)
            ret_wakes[count++] = REALM_WAKE_CONTROL;
        if ((fds[0].revents & POLLIN) != 0 && count < capacity)
            count += take_hints(waiter, ret_wakes + count, capacity - count);
        else if ((fds[0].revents & POLLHUP) != 0)
            waiter->hint = -1;
    }
    *ret_count = count;
    return 0;
}
