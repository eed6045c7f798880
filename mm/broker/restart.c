/*
 * A realm that fails may be started again, later each time (BROKER_BACKOFF_FIRST_NS, doubled up to
 * BROKER_BACKOFF_LAST_NS), and only so often: its start limit allows a number of starts in a window of time
 * that begins with the first start in it. Starts of all kinds count, so nobody can be made to start a
 * broken realm again and again. A realm that has run for BROKER_BACKOFF_LAST_NS begins anew with a
 * short back-off.
 */
#include "mm/broker/restart.h"

#include "mm/broker/lifecycle.h"
#include "mm/broker/realms.h"
#include "mm/broker/state.h"

/* While descendants of the last incarnation are still being reaped. */
#define POSTPONE_NS (UINT64_C(10) * REALM_MSEC)

static void restart_due(struct poll_timer *timer)
{
    struct broker_realm *realm = broker_container(timer, struct broker_realm, restart);
    struct broker *broker = realm->broker;
    if (realms_has_active_descendant(realm)) {
        poll_timer_start(broker->poll, timer, poll_now_ns() + POSTPONE_NS);
        return;
    }
    if (lifecycle_start(realm, policy_init_realm(broker->policy), NULL, NULL) == 0)
        return;
    logs_say(broker->logs, realm->name, "cannot be restarted");
    realm->phase = BROKER_TERMINATED;
    realm->failed = true;
    broker->sweep_due = true;
}

void restart_init(struct broker_realm *realm)
{
    realm->restart.fire = restart_due;
}

static bool window_over(const struct broker_realm *realm, uint64_t at_ns)
{
    return at_ns - realm->window_start_ns >= realms_declaration(realm)->start_limit_ns;
}

bool restart_allowed(const struct broker_realm *realm, uint64_t at_ns)
{
    uint32_t limit = realms_declaration(realm)->start_limit_count;
    return limit == 0 || realm->window_starts < limit || window_over(realm, at_ns);
}

void restart_count(struct broker_realm *realm)
{
    uint64_t now_ns = poll_now_ns();
    restart_cancel(realm);
    if (realm->window_starts == 0 || window_over(realm, now_ns)) {
        realm->window_start_ns = now_ns;
        realm->window_starts = 0;
    }
    realm->window_starts++;
    realm->starts++;
}

void restart_consider(struct broker_realm *realm)
{
    struct broker *broker = realm->broker;
    uint64_t now_ns = poll_now_ns();
    bool orphan = realm->parent && (realm->parent->phase != BROKER_RUNNING || realm->parent->severed);
    if (realms_declaration(realm)->restart != MM_RESTART_ON_FAILURE || broker->stopping || orphan)
        return;
    if (realm->backoff_ns == 0 || now_ns - realm->started_ns >= BROKER_BACKOFF_LAST_NS)
        realm->backoff_ns = BROKER_BACKOFF_FIRST_NS;
    if (!restart_allowed(realm, now_ns + realm->backoff_ns)) {
        logs_say(broker->logs, realm->name, "failed too often: it is not restarted");
        return;
    }
    realm->phase = BROKER_WAITING;
    poll_timer_start(broker->poll, &realm->restart, now_ns + realm->backoff_ns);
    events_emit(broker->events, "restarting", "{s:s, s:i}", "realm", realm->name, "in_ms",
                (int)(realm->backoff_ns / REALM_MSEC));
    realm->backoff_ns *= 2;
    if (realm->backoff_ns > BROKER_BACKOFF_LAST_NS)
        realm->backoff_ns = BROKER_BACKOFF_LAST_NS;
}

void restart_cancel(struct broker_realm *realm)
{
    poll_timer_stop(realm->broker->poll, &realm->restart);
}
