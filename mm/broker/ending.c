/*
 * A system ends when its clients have finished, when it is asked to, or with its launcher.
 *
 * First every realm is asked to stop, in the packet STOP; a realm that has never said hello cannot be
 * asked and is killed at once. After BROKER_STOP_DEADLINE_NS the rest is killed. When all are reaped, the
 * launcher is told to stop too. A launcher that has closed its side reports no exits any more: then a realm
 * counts as gone when its socket is closed, and the launcher's own end takes what is left.
 */
#include "mm/broker/ending.h"

#include "mm/broker/delivery.h"
#include "mm/broker/launch_link.h"
#include "mm/broker/realms.h"
#include "mm/broker/restart.h"
#include "mm/broker/state.h"

static void ask_to_stop(struct broker *broker, struct broker_realm *realm)
{
    if (realm->phase != BROKER_RUNNING || !realm->hello) {
        broker_kill(broker, realm, BROKER_CAUSE_STOP);
        return;
    }
    struct realm_control_header packet;
    realm_control_header_init(&packet, REALM_CONTROL_STOP, 0);
    delivery_send(realm, &packet, true);
}

void broker_stop(struct broker *broker)
{
    if (broker->stopping)
        return;
    broker->stopping = true;
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        ask_to_stop(broker, realm);
    poll_timer_start(broker->poll, &broker->stop_timer, poll_now_ns() + BROKER_STOP_DEADLINE_NS);
}

/* Patience is over: first the realms are killed, then the launcher is left to its own end. */
static void deadline_passed(struct poll_timer *timer)
{
    struct broker *broker = broker_container(timer, struct broker, stop_timer);
    if (broker->killing || broker->finishing) {
        broker->launcher_gone = true;
        broker->ended = broker->finishing;
        return;
    }
    broker->killing = true;
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        broker_kill(broker, realm, BROKER_CAUSE_STOP);
    poll_timer_start(broker->poll, timer, poll_now_ns() + BROKER_STOP_DEADLINE_NS);
}

void ending_init(struct broker *broker)
{
    broker->stop_timer.fire = deadline_passed;
}

/* Clients keep a system alive; where there never was one, every realm does. */
static bool has_purpose(const struct broker *broker)
{
    for (const struct broker_realm *realm = broker->realms; realm; realm = realm->next) {
        bool counts = !broker->client_started || !realms_declaration(realm)->provider;
        if (counts && (realms_active(realm) || realm->phase == BROKER_WAITING))
            return true;
    }
    return false;
}

static bool all_gone(const struct broker *broker)
{
    for (const struct broker_realm *realm = broker->realms; realm; realm = realm->next) {
        bool reported = realms_active(realm);
        if (broker->launcher_gone ? reported && !realm->severed : reported)
            return false;
    }
    return true;
}

static int exit_code(const struct broker *broker)
{
    bool failed = broker->failed;
    for (const struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        failed = failed || realm->failed;
    return failed ? 1 : 0;
}

void ending_check(struct broker *broker)
{
    if (!broker->stopping && !has_purpose(broker))
        broker_stop(broker);
    if (broker->stopping && !broker->finishing && all_gone(broker)) {
        broker->finishing = true;
        broker->exit_code = exit_code(broker);
        events_emit(broker->events, "ended", "{s:i}", "exit", broker->exit_code);
        launch_stop(broker);
        poll_timer_start(broker->poll, &broker->stop_timer, poll_now_ns() + BROKER_STOP_DEADLINE_NS);
    }
    if (broker->finishing && launch_flushed(broker->launch))
        broker->ended = true;
    if (broker->ended)
        poll_timer_stop(broker->poll, &broker->stop_timer);
}
