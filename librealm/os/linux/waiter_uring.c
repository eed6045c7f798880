/*
 * The waiter on io_uring: one armed futex wait a channel, and a poll of the control socket.
 *
 * Model: a slot is armed or not. An armed slot is either queued, until the next wait hands it to the kernel,
 * or has a wait there. A wait is known by its user_data, the slot and the slot's generation; the generation
 * moves on each time a wait is submitted. Rule: a completion counts only if its slot is armed and the
 * generations agree; every other one is of the past and is ignored.
 *
 * Cancelling one wait is O(waits) in the kernel, so disarming a slot cancels nothing: its wait is left
 * behind as garbage. When there is more garbage than there are armed slots, one request cancels everything
 * and what is armed is submitted again: each disarming pays for a constant share of that.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/linux/futex_uring.h"
#include "librealm/os/linux/linux.h"

#define SQ_ENTRIES   128u
#define CQ_ENTRIES   1024u
#define GARBAGE_FREE 64u /* that much is never worth a collection */
#define FAILURES_MAX 10u /* in a row: a second, with the pauses between them */

/* Slots of user_data that are no channel's. */
#define SLOT_CONTROL UINT32_MAX
#define SLOT_NOBODY  (UINT32_MAX - 1u)

struct uring_slot {
    const uint32_t *word;
    uint32_t seen;
    uint32_t generation;
    bool armed;
    bool queued;    /* stands in the queue, which it may outlive there unarmed */
    bool in_kernel; /* armed, and a wait of this generation was submitted */
};

struct uring_waiter {
    struct realm_waiter base;
    const struct realm_os *os;
    struct io_uring ring;
    struct uring_slot *slots;
    uint32_t *queue; /* slots to be submitted, each at most once */
    uint32_t slots_count;
    uint32_t queue_count;
    uint32_t armed;
    uint32_t garbage; /* at most so many waits in the kernel belong to no armed slot */
    uint32_t control_generation;
    bool control_polled;
    uint32_t overflow_seen; /* completions that the kernel had to drop, for want of memory */
    unsigned failures;      /* in a row, of the kind that passes */
};

static struct uring_waiter *self(struct realm_waiter *waiter)
{
    assert(waiter->kind == REALM_WAITER_URING);
    return (struct uring_waiter *)waiter;
}

static uint64_t user_data(uint32_t slot, uint32_t generation)
{
    return (uint64_t)generation << 32 | slot;
}

/* --- opening --- */

/*
 * The flags that save time where the kernel has them. A bad entry never keeps the ones behind it from being
 * submitted, and no completion is dropped while there is memory (NODROP, in every kernel with futex waits).
 */
static int set_up(struct io_uring *ret_ring)
{
    static const unsigned flags[] = {
        IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_SUBMIT_ALL,
    };
    int error = -EINVAL;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && error == -EINVAL; i++) {
        struct io_uring_params params = {.flags = flags[i] | IORING_SETUP_CQSIZE, .cq_entries = CQ_ENTRIES};
        error = io_uring_queue_init_params(SQ_ENTRIES, ret_ring, &params);
    }
    return error;
}

/*
 * The ring that the launcher has made for this realm. It serves one waiter: what that left armed in it would
 * speak to the next.
 */
static int take_inherited(struct realm_os *os, struct io_uring *ret_ring)
{
    int error = io_uring_queue_mmap(os->ring, &os->ring_params, ret_ring);
    if (error != 0)
        return error;
    ret_ring->features = os->ring_params.features;
    ret_ring->sq.sqe_head = ret_ring->sq.sqe_tail = *ret_ring->sq.ktail;
    /* The n-th place of the queue holds the n-th entry: who makes a ring says so, and the launcher cannot,
     * for it never maps this one. */
    for (unsigned i = 0; i < os->ring_params.sq_entries; i++)
        ret_ring->sq.array[i] = i;
    os->ring = -1;
    return 0;
}

/* Waits for a word to stop holding what it does not hold: the kernel says so at once, if it can wait. */
static int try_futex_wait(struct io_uring *ring)
{
    static const uint32_t word = 1;
    struct io_uring_sqe *entry = io_uring_get_sqe(ring);
    if (entry == NULL)
        return -EBUSY;
    realm_uring_prep_futex_wait(entry, &word, 0);
    struct io_uring_cqe *completion;
    int count = io_uring_submit_and_wait(ring, 1);
    if (count < 0)
        return count;
    int error = io_uring_peek_cqe(ring, &completion);
    if (error != 0)
        return error;
    int result = completion->res;
    io_uring_cqe_seen(ring, completion);
    return result == -EAGAIN ? 0 : -EOPNOTSUPP;
}

int realm_waiter_uring_open(struct realm_os *os, struct realm_waiter **ret_waiter, const char **ret_reason)
{
    const char *reason;
    struct uring_waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL)
        return -ENOMEM;
    int error = os->ring >= 0 ? take_inherited(os, &waiter->ring) : set_up(&waiter->ring);
    if (error != 0) {
        reason = error == -EPERM || error == -EACCES
                     ? "io_uring is forbidden here (container, sysctl or filter)"
                 : error == -ENOSYS ? "this kernel has no io_uring, or a filter hides it"
                                    : "io_uring could not be set up";
        goto no_ring;
    }
    unsigned needed = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG;
    if ((waiter->ring.features & needed) != needed || try_futex_wait(&waiter->ring) != 0) {
        reason = "this kernel's io_uring cannot wait on a futex (it can from 6.7 on)";
        goto no_futex;
    }
    waiter->base.kind = REALM_WAITER_URING;
    waiter->os = os;
    *ret_waiter = &waiter->base;
    return 0;

no_futex:
    io_uring_queue_exit(&waiter->ring);
no_ring:
    free(waiter);
    if (ret_reason != NULL)
        *ret_reason = reason;
    return -ENOTSUP;
}

void realm_waiter_uring_close(struct realm_waiter *base)
{
    struct uring_waiter *waiter = self(base);
    io_uring_queue_exit(&waiter->ring);
    free(waiter->slots);
    free(waiter->queue);
    free(waiter);
}

/* --- arming --- */

static int grow(struct uring_waiter *waiter, uint32_t slot)
{
    uint32_t count = slot < 32 ? 64 : slot * 2;
    struct uring_slot *slots = realloc(waiter->slots, count * sizeof *slots);
    if (slots == NULL)
        return -ENOMEM;
    waiter->slots = slots;
    uint32_t *queue = realloc(waiter->queue, count * sizeof *queue);
    if (queue == NULL)
        return -ENOMEM;
    waiter->queue = queue;
    for (uint32_t i = waiter->slots_count; i < count; i++)
        slots[i] = (struct uring_slot){0};
    waiter->slots_count = count;
    return 0;
}

static void enqueue(struct uring_waiter *waiter, uint32_t slot)
{
    waiter->slots[slot].in_kernel = false;
    if (!waiter->slots[slot].queued) {
        waiter->slots[slot].queued = true;
        waiter->queue[waiter->queue_count++] = slot;
    }
}

int realm_waiter_uring_arm(struct realm_waiter *base, uint32_t slot, const uint32_t *word, uint32_t seen)
{
    struct uring_waiter *waiter = self(base);
    if (slot >= waiter->slots_count) {
        int error = grow(waiter, slot);
        if (error != 0)
            return error;
    }
    struct uring_slot *state = &waiter->slots[slot];
    assert(!state->armed);
    state->word = word;
    state->seen = seen;
    state->armed = true;
    waiter->armed++;
    enqueue(waiter, slot);
    return 0;
}

void realm_waiter_uring_disarm(struct realm_waiter *base, uint32_t slot)
{
    struct uring_waiter *waiter = self(base);
    if (slot >= waiter->slots_count || !waiter->slots[slot].armed)
        return;
    waiter->slots[slot].armed = false;
    waiter->armed--;
    if (waiter->slots[slot].in_kernel)
        waiter->garbage++;
}

/* --- submitting --- */

/* The next free entry; hands the full queue to the kernel first. Return: 0; -errno. */
static int next_entry(struct uring_waiter *waiter, struct io_uring_sqe **ret_entry)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&waiter->ring);
    if (entry == NULL) {
        int count = io_uring_submit(&waiter->ring);
        if (count < 0)
            return count;
        entry = io_uring_get_sqe(&waiter->ring);
        if (entry == NULL)
            return -EBUSY;
    }
    *ret_entry = entry;
    return 0;
}

/* Cancels every wait and queues what is armed, under a new generation. */
static int renew(struct uring_waiter *waiter)
{
    struct io_uring_sqe *entry;
    int error = next_entry(waiter, &entry);
    if (error != 0)
        return error;
    io_uring_prep_cancel64(entry, 0, IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY);
    entry->user_data = user_data(SLOT_NOBODY, 0);
    waiter->control_polled = false;
    waiter->garbage = 0;
    for (uint32_t slot = 0; slot < waiter->slots_count; slot++) {
        if (waiter->slots[slot].armed)
            enqueue(waiter, slot);
    }
    return 0;
}

static int poll_control(struct uring_waiter *waiter)
{
    struct io_uring_sqe *entry;
    int error = next_entry(waiter, &entry);
    if (error != 0)
        return error;
    io_uring_prep_poll_add(entry, waiter->os->control, POLLIN | POLLRDHUP);
    entry->user_data = user_data(SLOT_CONTROL, ++waiter->control_generation);
    waiter->control_polled = true;
    return 0;
}

/* Turns the queue into submission entries: all but the last few are in the kernel afterwards. */
static int submit_queue(struct uring_waiter *waiter)
{
    while (waiter->queue_count != 0) {
        uint32_t slot = waiter->queue[waiter->queue_count - 1];
        struct uring_slot *state = &waiter->slots[slot];
        if (state->armed) {
            struct io_uring_sqe *entry;
            int error = next_entry(waiter, &entry);
            if (error != 0)
                return error;
            realm_uring_prep_futex_wait(entry, state->word, state->seen);
            entry->user_data = user_data(slot, ++state->generation);
            state->in_kernel = true;
        }
        state->queued = false;
        waiter->queue_count--;
    }
    return 0;
}

static int prepare(struct uring_waiter *waiter)
{
    /* A dropped completion may have been anybody's: submitted again, each wait finds what it missed. */
    uint32_t overflow = io_uring_smp_load_acquire(waiter->ring.cq.koverflow);
    if (overflow != waiter->overflow_seen || waiter->garbage > waiter->armed + GARBAGE_FREE) {
        int error = renew(waiter);
        if (error != 0)
            return error;
        waiter->overflow_seen = overflow;
    }
    if (!waiter->control_polled && !waiter->base.control_ignored) {
        int error = poll_control(waiter);
        if (error != 0)
            return error;
    }
    return submit_queue(waiter);
}

/* --- waiting --- */

/* Whether a completion is of the present; if so, what it reports is no longer armed. */
static bool take_completion(struct uring_waiter *waiter, uint64_t data, uint32_t *ret_wake)
{
    uint32_t slot = (uint32_t)data;
    uint32_t generation = (uint32_t)(data >> 32);
    if (slot == SLOT_CONTROL) {
        if (!waiter->control_polled || generation != waiter->control_generation)
            return false;
        waiter->control_polled = false;
        if (waiter->base.control_ignored)
            return false;
        *ret_wake = REALM_WAKE_CONTROL;
        return true;
    }
    if (slot >= waiter->slots_count)
        return false;
    struct uring_slot *state = &waiter->slots[slot];
    if (!state->armed || !state->in_kernel || generation != state->generation)
        return false;
    /* Woken, changed (EAGAIN) or taken away (EFAULT): in each case the channel wants a look. */
    state->armed = false;
    state->in_kernel = false;
    waiter->armed--;
    *ret_wake = slot;
    return true;
}

static unsigned reap(struct uring_waiter *waiter, uint32_t *ret_wakes, unsigned capacity)
{
    unsigned head, seen = 0, count = 0;
    struct io_uring_cqe *completion;
    io_uring_for_each_cqe(&waiter->ring, head, completion)
    {
        if (count == capacity)
            break;
        seen++;
        if (take_completion(waiter, completion->user_data, &ret_wakes[count]))
            count++;
    }
    io_uring_cq_advance(&waiter->ring, seen);
    return count;
}

/* One system call: submits what is prepared and waits, unless a completion is there. Return: 0; -errno. */
static int enter(struct uring_waiter *waiter, uint64_t deadline_ns)
{
    struct __kernel_timespec timeout, *limit = NULL;
    if (deadline_ns != REALM_FOREVER) {
        struct timespec remaining = realm_os_remaining(deadline_ns);
        timeout = (struct __kernel_timespec){.tv_sec = remaining.tv_sec, .tv_nsec = remaining.tv_nsec};
        limit = &timeout;
    }
    struct io_uring_cqe *completion;
    int result = io_uring_submit_and_wait_timeout(&waiter->ring, &completion, 1, limit, NULL);
    return result < 0 ? result : 0;
}

/*
 * Whether the kernel was short of memory (EAGAIN), or of room for completions (EBUSY; EBADR: it dropped some,
 * and the next prepare renews every wait). What was prepared is still there, so trying again loses nothing.
 * The first time at once, since reaping has made room, then after pauses that double, up to the limit.
 */
static bool recovers(struct uring_waiter *waiter, int error)
{
    if (error != -EAGAIN && error != -EBUSY && error != -EBADR)
        return false;
    if (waiter->failures == FAILURES_MAX)
        return false;
    if (waiter->failures > 0) {
        struct timespec pause = realm_os_timespec(REALM_MSEC << waiter->failures);
        (void)nanosleep(&pause, NULL);
    }
    waiter->failures++;
    return true;
}

int realm_waiter_uring_wait(struct realm_waiter *base, uint64_t deadline_ns, uint32_t *ret_wakes,
                            unsigned capacity, unsigned *ret_count)
{
    struct uring_waiter *waiter = self(base);
    for (;;) {
        int error = prepare(waiter);
        if (error == 0)
            error = enter(waiter, deadline_ns);
        unsigned count = reap(waiter, ret_wakes, capacity);
        if (count == 0 && recovers(waiter, error))
            continue;
        waiter->failures = 0;
        if (count != 0 || error == -EINTR) {
            *ret_count = count;
            return 0;
        }
        if (error == -ETIME)
            return REALM_E_TIMEOUT;
        if (error != 0)
            return error;
        /* Only completions of the past came: they end no wait. */
    }
}
