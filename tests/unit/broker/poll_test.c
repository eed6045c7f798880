/*
 * The loop: sources, timers, and removing them from within.
 */
#include "mm/broker/poll.h"

#include <criterion/criterion.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct poll *poll_under_test;
static uint64_t now_ns = 1000;

static uint64_t fake_now(void)
{
    return now_ns;
}

static void set_up(void)
{
    poll_set_clock(fake_now);
    cr_assert_eq(poll_new(&poll_under_test), 0);
}

static void tear_down(void)
{
    poll_free(poll_under_test);
    poll_set_clock(NULL);
}

TestSuite(poll, .init = set_up, .fini = tear_down);

static unsigned fired;
static uint64_t order[8];

static void note(struct poll_timer *timer)
{
    order[fired++] = timer->deadline_ns;
}

Test(poll, timers_fire_in_order_and_not_early)
{
    /* Started in any order, they fire by deadline, once, and only when it has come. */
    struct poll_timer timers[3] = {{.fire = note}, {.fire = note}, {.fire = note}};
    poll_timer_start(poll_under_test, &timers[0], 1300);
    poll_timer_start(poll_under_test, &timers[1], 1100);
    poll_timer_start(poll_under_test, &timers[2], 1200);
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(fired, 0);
    now_ns = 1200;
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(fired, 2);
    cr_expect_eq(order[0], 1100);
    cr_expect_eq(order[1], 1200);
    poll_timer_start(poll_under_test, &timers[0], 1900); /* moved */
    now_ns = 1800;
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(fired, 2);
    poll_timer_stop(poll_under_test, &timers[0]);
    poll_timer_stop(poll_under_test, &timers[0]);
    now_ns = 5000;
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(fired, 2);
}

static struct poll_timer again_timer;

static void again(struct poll_timer *timer)
{
    fired++;
    poll_timer_start(poll_under_test, timer, timer->deadline_ns + 1000);
}

Test(poll, a_timer_may_start_itself)
{
    /* Once a round, as long as its next deadline lies ahead. */
    again_timer.fire = again;
    poll_timer_start(poll_under_test, &again_timer, 2000);
    now_ns = 2000;
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(fired, 1);
    cr_expect(again_timer.armed);
    poll_timer_stop(poll_under_test, &again_timer);
}

static struct poll_source sources[2];
static unsigned runs[2];

static void remove_both(struct poll_source *source, uint32_t events)
{
    cr_expect(events & EPOLLIN);
    runs[source - sources]++;
    poll_remove(poll_under_test, &sources[0]);
    poll_remove(poll_under_test, &sources[1]);
}

Test(poll, a_removed_source_runs_no_more)
{
    /* Two are ready in one round; the first removes both; the second's callback must not run. */
    int pipes[2][2];
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(pipe(pipes[i]), 0);
        cr_assert_eq(write(pipes[i][1], "x", 1), 1);
        sources[i] = (struct poll_source){.fd = pipes[i][0], .ready = remove_both};
        cr_assert_eq(poll_add(poll_under_test, &sources[i], EPOLLIN), 0);
    }
    cr_assert_eq(poll_once(poll_under_test), 0);
    cr_expect_eq(runs[0] + runs[1], 1);
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(runs[0] + runs[1], 1);
    for (int i = 0; i < 2; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

static void count(struct poll_source *source, uint32_t events)
{
    (void)source;
    runs[events & EPOLLOUT ? 1 : 0]++;
}

Test(poll, changing_what_a_source_listens_to)
{
    /* Level-triggered: it runs in every round as long as it is ready for what it asks for. */
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    struct poll_source source = {.fd = ends[1], .ready = count};
    cr_assert_eq(poll_add(poll_under_test, &source, EPOLLIN), 0);
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(runs[1], 0);
    cr_assert_eq(poll_change(poll_under_test, &source, EPOLLOUT), 0);
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_assert_eq(poll_peek(poll_under_test), 0);
    cr_expect_eq(runs[1], 2);
    poll_remove(poll_under_test, &source);
    poll_remove(poll_under_test, &source);
    cr_expect_eq(poll_add(poll_under_test, &(struct poll_source){.fd = 9999, .ready = count}, EPOLLIN), -9);
    close(ends[0]);
    close(ends[1]);
}
