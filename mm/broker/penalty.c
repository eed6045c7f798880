/*
 * A realm that names what it does not hold waits for its answer, and meanwhile its socket is not read: it
 * alone waits, in its own queue. So guessing costs the guesser, more with each guess, and the broker one
 * timer.
 *
 * A realm may well name what it held a moment ago: the news that a channel was closed and its own request
 * about it cross each other. What it let go of last is remembered, and naming it is STALE and costs nothing.
 */
#include "mm/broker/penalty.h"

#include <realm/error.h>

#include "mm/broker/control.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/state.h"

#define FIRST_NS UINT64_C(50000) /* Anos: cycles; a cycle is counted as a nanosecond */
#define STEP_NS  UINT64_C(5000)
#define LAST_NS  REALM_MSEC

uint64_t penalty_delay_ns(uint64_t failures, uint64_t random)
{
    uint64_t delay_ns = LAST_NS;
    if (failures < (LAST_NS - FIRST_NS) / STEP_NS)
        delay_ns = FIRST_NS + STEP_NS * failures;
    return delay_ns + random % (delay_ns + 1);
}

static void over(struct poll_timer *timer)
{
    struct broker_realm *realm = broker_container(timer, struct broker_realm, penalty);
    delivery_reply(realm, realm->penalty_xid, REALM_E_INCAPABLE, 0, 0);
    control_release(realm, CONTROL_PENALTY);
}

void penalty_init(struct broker_realm *realm)
{
    realm->penalty.fire = over;
}

void penalty_start(struct broker_realm *realm)
{
    realm->wrong_cookies = 0;
    for (unsigned i = 0; i < BROKER_LET_GO; i++)
        realm->let_go[i] = 0;
}

void penalty_stop(struct broker_realm *realm)
{
    poll_timer_stop(realm->broker->poll, &realm->penalty);
}

/* The request of this xid named something that was never the realm's: its answer comes after the delay. */
static void impose(struct broker_realm *realm, uint64_t xid)
{
    struct broker *broker = realm->broker;
    realm->wrong_cookies++;
    realm->penalty_xid = xid;
    uint64_t delay_ns = penalty_delay_ns(realm->wrong_cookies, cookies_random(broker->cookies));
    control_hold(realm, CONTROL_PENALTY);
    poll_timer_start(broker->poll, &realm->penalty, poll_now_ns() + delay_ns);
}

static bool let_go_lately(const struct broker_realm *realm, uint64_t cookie)
{
    bool found = false;
    for (unsigned i = 0; i < BROKER_LET_GO; i++)
        found |= realm->let_go[i] == cookie;
    return found && cookie != 0;
}

struct broker_token *penalty_find(struct broker_realm *realm, uint64_t cookie, uint64_t xid)
{
    struct broker_token *token = cookies_find_of(realm->broker->cookies, realm, cookie);
    if (token)
        return token;
    if (let_go_lately(realm, cookie))
        delivery_reply(realm, xid, REALM_E_STALE, 0, 0);
    else
        impose(realm, xid);
    return NULL;
}
