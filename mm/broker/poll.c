/*
 * The broker's loop: one epoll instance and one list of deadlines.
 *
 * A round takes up to EVENTS_MAX ready descriptors from the kernel and runs their callbacks, then the timers
 * whose deadline has passed. The rule that lets a callback remove anything: the round's events are kept
 * in the struct, and removing a source also strikes it out there.
 *
 * Timers form one list sorted by deadline. There are a few per realm, most of them unarmed, and a new
 * deadline is nearly always among the latest: a walk of a short list is all it costs.
 */
#include "mm/broker/poll.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <realm/types.h>

#define EVENTS_MAX 64

struct poll {
    int epoll;
    struct poll_timer *timers; /* earliest first */
    struct epoll_event events[EVENTS_MAX];
    int events_count; /* of the present round */
    int events_next;
};

static uint64_t (*clock_for_tests)(void);

void poll_set_clock(uint64_t (*now_ns)(void))
{
    clock_for_tests = now_ns;
}

uint64_t poll_now_ns(void)
{
    if (clock_for_tests)
        return clock_for_tests();
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * REALM_SEC + (uint64_t)now.tv_nsec;
}

int poll_new(struct poll **ret_poll)
{
    struct poll *poll = calloc(1, sizeof(*poll));
    if (!poll)
        return -ENOMEM;
    poll->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (poll->epoll < 0) {
        int error = -errno;
        free(poll);
        return error;
    }
    *ret_poll = poll;
    return 0;
}

void poll_free(struct poll *poll)
{
    if (!poll)
        return;
    close(poll->epoll);
    free(poll);
}

int poll_add(struct poll *poll, struct poll_source *source, uint32_t events)
{
    assert(!source->added && source->ready);
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(poll->epoll, EPOLL_CTL_ADD, source->fd, &event) < 0)
        return -errno;
    source->added = true;
    return 0;
}

int poll_change(struct poll *poll, struct poll_source *source, uint32_t events)
{
    assert(source->added);
    struct epoll_event event = {.events = events, .data.ptr = source};
    return epoll_ctl(poll->epoll, EPOLL_CTL_MOD, source->fd, &event) < 0 ? -errno : 0;
}

void poll_remove(struct poll *poll, struct poll_source *source)
{
    if (!source->added)
        return;
    source->added = false;
    int failed = epoll_ctl(poll->epoll, EPOLL_CTL_DEL, source->fd, NULL);
    assert(!failed); /* else the descriptor was closed before its source was removed */
    for (int i = poll->events_next; i < poll->events_count; i++)
        if (poll->events[i].data.ptr == source)
            poll->events[i].data.ptr = NULL;
}

void poll_timer_start(struct poll *poll, struct poll_timer *timer, uint64_t deadline_ns)
{
    assert(timer->fire);
    poll_timer_stop(poll, timer);
    struct poll_timer **link = &poll->timers;
    while (*link && (*link)->deadline_ns <= deadline_ns)
        link = &(*link)->next;
    timer->deadline_ns = deadline_ns;
    timer->armed = true;
    timer->next = *link;
    *link = timer;
}

void poll_timer_stop(struct poll *poll, struct poll_timer *timer)
{
    if (!timer->armed)
        return;
    struct poll_timer **link = &poll->timers;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    timer->next = NULL;
    timer->armed = false;
}

/* Milliseconds until the first deadline, rounded up so that the timer is due when the wait ends. */
static int timeout_ms(const struct poll *poll)
{
    if (!poll->timers)
        return -1;
    uint64_t now_ns = poll_now_ns();
    if (poll->timers->deadline_ns <= now_ns)
        return 0;
    uint64_t left_ns = poll->timers->deadline_ns - now_ns;
    if (left_ns > UINT64_C(60) * REALM_SEC)
        return 60000;
    return (int)((left_ns + REALM_MSEC - 1) / REALM_MSEC);
}

static int run_round(struct poll *poll, int wait_ms)
{
    int count = epoll_wait(poll->epoll, poll->events, EVENTS_MAX, wait_ms);
    if (count < 0 && errno != EINTR)
        return -errno;
    poll->events_count = count < 0 ? 0 : count;
    for (poll->events_next = 0; poll->events_next < poll->events_count;) {
        struct epoll_event event = poll->events[poll->events_next++];
        struct poll_source *source = event.data.ptr;
        if (source)
            source->ready(source, event.events);
    }
    poll->events_count = 0;

    /* One reading of the clock: a timer that starts itself anew cannot keep the round from ending. */
    uint64_t now_ns = poll_now_ns();
    while (poll->timers && poll->timers->deadline_ns <= now_ns) {
        struct poll_timer *timer = poll->timers;
        poll_timer_stop(poll, timer);
        timer->fire(timer);
    }
    return 0;
}

int poll_once(struct poll *poll)
{
    return run_round(poll, timeout_ms(poll));
}

int poll_peek(struct poll *poll)
{
    return run_round(poll, 0);
}
