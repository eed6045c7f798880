/*
 * A portion is so small that it costs a round no more than a few packets do.
 */
#include "mm/broker/authority.h"

#include "mm/broker/state.h"

#define PORTION 256u

static void again(struct poll_timer *timer)
{
    (void)timer; /* that there is a round is all that is wanted */
}

void authority_init(struct broker *broker)
{
    broker->authority_timer.fire = again;
}

void authority_clear(struct broker *broker)
{
    if (!policy_clear(broker->policy, PORTION, NULL, NULL))
        poll_timer_start(broker->poll, &broker->authority_timer, poll_now_ns());
}
