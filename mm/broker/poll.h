/*
 * The broker's loop: descriptors with a callback each, and deadlines.
 *
 * A source is embedded in what it belongs to. Removing a source is allowed at any time, also from within a
 * callback: no callback runs for it afterwards.
 */
#ifndef MM_BROKER_POLL_H
#define MM_BROKER_POLL_H

#include <stdbool.h>
#include <stdint.h>

struct poll;

struct poll_source {
    int fd;
    void (*ready)(struct poll_source *source, uint32_t events); /* EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
    bool added;
};

struct poll_timer {
    uint64_t deadline_ns; /* CLOCK_MONOTONIC */
    void (*fire)(struct poll_timer *timer);
    bool armed;
    struct poll_timer *next; /* private */
};

int poll_new(struct poll **ret_poll);
void poll_free(struct poll *poll); /* NULL is a no-op; the sources' descriptors stay open */

/* Return: 0; -errno. events: EPOLLIN, EPOLLOUT or both, level-triggered. */
int poll_add(struct poll *poll, struct poll_source *source, uint32_t events);
int poll_change(struct poll *poll, struct poll_source *source, uint32_t events);
void poll_remove(struct poll *poll, struct poll_source *source); /* a no-op if not added */

void poll_timer_start(struct poll *poll, struct poll_timer *timer,
                      uint64_t deadline_ns); /* again: moves it */
void poll_timer_stop(struct poll *poll, struct poll_timer *timer);

uint64_t poll_now_ns(void);

/* Tests only: what poll_now_ns returns from now on; NULL: CLOCK_MONOTONIC again. */
void poll_set_clock(uint64_t (*now_ns)(void));

/* Waits and runs what is due, once. Return: 0; -errno. */
int poll_once(struct poll *poll);
/* As poll_once, but runs only what is due already: never waits. */
int poll_peek(struct poll *poll);

#endif
