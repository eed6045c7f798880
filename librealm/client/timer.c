/*
 * Timers: a list sorted by deadline; timers that are due at the same time fire in the order of their start.
 *
 * A timer that fires leaves the list first, so that its handler can do anything, also cancel it or run the
 * loop. A period keeps its grid: what was missed is not made up for.
 */
#include "librealm/client/internal.h"

#include <errno.h>
#include <stdlib.h>

static void insert(struct realm_timer *timer)
{
    struct realm_list *head = &timer->realm->timers;
    /* From the end: most new timers are later than most old ones. */
    struct realm_list *after = head->previous;
    while (after != head &&
           REALM_LIST_OF(after, struct realm_timer, of_realm)->deadline_ns > timer->deadline_ns)
        after = after->previous;
    realm_list_insert(after->next, &timer->of_realm);
}

static void free_timer(struct realm_timer *timer)
{
    realm_list_remove(&timer->of_realm);
    timer->realm->timers_count--;
    free(timer);
}

int realm_timer_start(struct realm *realm, uint64_t first_ns, uint64_t period_ns,
                      realm_timer_handler *handler, void *context, struct realm_timer **ret_timer)
{
    if (realm->timers_count >= REALM_TIMERS_MAX)
        return REALM_E_LIMIT;
    struct realm_timer *timer = calloc(1, sizeof *timer);
    if (!timer)
        return -ENOMEM;
    timer->realm = realm;
    timer->deadline_ns = realm_deadline(realm, first_ns);
    timer->period_ns = period_ns;
    timer->handler = handler;
    timer->context = context;
    insert(timer);
    realm->timers_count++;
    if (ret_timer)
        *ret_timer = timer;
    return 0;
}

void realm_timer_cancel(struct realm_timer *timer)
{
    if (!timer)
        return;
    if (timer->running)
        timer->cancelled = true; /* freed when its handler has returned */
    else
        free_timer(timer);
}

static const struct realm_timer *first_timer(const struct realm *realm)
{
    if (realm_list_empty(&realm->timers))
        return NULL;
    return REALM_LIST_OF(realm->timers.next, struct realm_timer, of_realm);
}

uint64_t realm_timer_next(const struct realm *realm)
{
    const struct realm_timer *first = first_timer(realm);
    return first ? first->deadline_ns : REALM_FOREVER;
}

bool realm_timer_due(const struct realm *realm)
{
    const struct realm_timer *first = first_timer(realm);
    return first && first->deadline_ns <= realm_os_now_ns(realm->os);
}

/* The first point of its grid that is still to come. */
static void next_period(struct realm_timer *timer, uint64_t now_ns)
{
    uint64_t late_ns = now_ns - timer->deadline_ns;
    uint64_t step_ns = timer->period_ns - late_ns % timer->period_ns;
    timer->deadline_ns = step_ns < REALM_FOREVER - now_ns ? now_ns + step_ns : REALM_FOREVER;
}

void realm_timer_fire(struct realm *realm)
{
    struct realm_timer *timer = REALM_LIST_OF(realm->timers.next, struct realm_timer, of_realm);
    realm_list_remove(&timer->of_realm);
    timer->running = true;
    timer->handler(realm, timer, timer->context);
    timer->running = false;
    if (timer->cancelled || timer->period_ns == 0) {
        free_timer(timer);
        return;
    }
    next_period(timer, realm_os_now_ns(realm->os));
    insert(timer);
}

void realm_timer_free_all(struct realm *realm)
{
    while (!realm_list_empty(&realm->timers))
        free_timer(REALM_LIST_OF(realm->timers.next, struct realm_timer, of_realm));
}
