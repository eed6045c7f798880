/*
 * A connect is decided by the policy each time it is tried, never from memory: between asking and getting,
 * the service may have been withdrawn or a grant may have ended.
 *
 * What is allowed but cannot be done yet waits, for the registration (if the realm asked to wait) or for
 * a region of either pool (always, but not longer than BROKER_POOL_DEADLINE_NS). Waits form one list in the
 * order of asking. It is walked at the end of a round in which something happened that a wait may be for,
 * and a wait whose condition plainly does not hold costs a look and no decision.
 */
#include "mm/broker/connect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/ring/ring.h"
#include "mm/config/stop_point.h"
#include "mm/broker/bounds.h"
#include "mm/broker/channels.h"
#include "mm/broker/delegate.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/pool.h"
#include "mm/broker/state.h"

enum outcome { ANSWERED, NEEDS_REGISTRATION, NEEDS_POOL };

/* --- one try --- */

/* A realm whose pool has none of the size is asked to hurry: somebody waits for it. What is not kept ready is
 * asked for at each look, one at a time, so that the connect that has waited longest is served first. */
static bool has_region(struct broker_realm *realm, uint32_t bytes)
{
    if (pool_has(realm, bytes))
        return true;
    delivery_hurry(realm);
    if (bytes != REALM_REGION_DEFAULT_BYTES)
        pool_want(realm, bytes);
    return false;
}

static void want_usual(struct broker_realm *realm, uint32_t bytes)
{
    if (bytes == REALM_REGION_DEFAULT_BYTES && !pool_has(realm, bytes))
        pool_want(realm, bytes);
}

bool connect_regions_ready(struct broker_realm *client, struct broker_realm *server, uint32_t bytes)
{
    bool client_has = has_region(client, bytes);
    return has_region(server, bytes) && client_has;
}

bool connect_have_regions(struct broker_realm *client, struct broker_realm *server, uint32_t bytes)
{
    if (connect_regions_ready(client, server, bytes))
        return true;
    want_usual(client, bytes);
    want_usual(server, bytes);
    return false;
}

static int open_channel(struct broker_realm *realm, struct broker_service *service,
                        const struct policy_event *event, const struct policy_decision *decision,
                        uint64_t xid, uint32_t flags)
{
    struct broker *broker = realm->broker;
    struct broker_channel *channel;
    int error = policy_reserve(broker->policy, event);
    if (!error)
        error = channels_make(realm, service->provider, service, service->token.cookie, &channel);
    if (error)
        return error;
    struct policy_outcome outcome;
    policy_apply(broker->policy, event, decision, &outcome);
    MM_STOP_POINT("broker-connect");
    channels_bind(channel, &outcome);
    channel->xid = xid;
    channel->flags = flags;
    struct broker_realm *server = service->provider;
    events_emit(broker->events, "connected", "{s:s, s:s, s:s}", "realm", realm->name, "service",
                service->config->name, "server", server->name);
    channels_tell(channel);
    pool_refill(server);
    pool_refill(realm);
    return 0;
}

/* name is any name of the service. *ret_service is set unless it is ANSWERED. */
static enum outcome attempt(struct broker_realm *realm, const char *name, uint64_t xid, uint32_t flags,
                            struct broker_service **ret_service)
{
    struct broker *broker = realm->broker;
    struct policy_event event = {
        .kind = POLICY_CONNECT, .actor = realm->policy, .service = {name, strlen(name)}};
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    realm->decisions++;

    struct broker_service *service = broker_service_of(broker, decision.service);
    bool allowed = decision.status == 0 || (decision.status == REALM_E_NO_SERVICE && service);
    if (!allowed) {
        explain_denied(realm, QUESTION_CONNECT, NULL, name, 0, &decision);
        delivery_reply(realm, xid, decision.status, 0, realm->decisions);
        return ANSWERED;
    }
    *ret_service = service;
    if (decision.status == REALM_E_NO_SERVICE) {
        if (flags & REALM_CONNECT_WAIT)
            return NEEDS_REGISTRATION;
        delivery_reply(realm, xid, REALM_E_NO_SERVICE, 0, realm->decisions);
        return ANSWERED;
    }
    realm_assert(service->provider != NULL); /* the registry and the policy agree */
    if (bounds_channel(realm, service->provider)) {
        delivery_reply(realm, xid, REALM_E_LIMIT, 0, realm->decisions);
        return ANSWERED;
    }
    if (!connect_have_regions(realm, service->provider, channels_region_bytes(service)))
        return NEEDS_POOL;
    if (open_channel(realm, service, &event, &decision, xid, flags))
        delivery_reply(realm, xid, REALM_E_LIMIT, 0, realm->decisions);
    return ANSWERED;
}

/* --- waiting --- */

/* The last one to wait for a pool takes the timer along: the broker does not wake up for nothing. */
static void forget_deadline(struct broker_wait *wait)
{
    struct broker *broker = wait->realm->broker;
    if (wait->pool_deadline_ns == 0)
        return;
    wait->pool_deadline_ns = 0;
    if (--broker->pool_waits_count == 0)
        poll_timer_stop(broker->poll, &broker->waits_timer);
}

/* A wait is a request of the realm's quota. */
static void wait_free(struct broker_wait *wait)
{
    struct broker *broker = wait->realm->broker;
    bounds_release(wait->realm, POLICY_REQUESTS, 1);
    if (wait->previous)
        wait->previous->next = wait->next;
    else
        broker->waits = wait->next;
    if (wait->next)
        wait->next->previous = wait->previous;
    else
        broker->waits_last = wait->previous;
    forget_deadline(wait);
    wait->realm->waits_count--;
    broker->waits_count--;
    free(wait);
}

/* A realm that gives up on a connect does not say so. Its oldest wait is the likeliest to be forgotten, so
 * it is the one to go when there are too many. */
static void drop_oldest(struct broker_realm *realm)
{
    struct broker_wait *wait = realm->broker->waits;
    while (wait && wait->realm != realm)
        wait = wait->next;
    realm_assert(wait != NULL);
    delivery_reply(realm, wait->xid, REALM_E_LIMIT, 0, 0);
    wait_free(wait);
}

static struct broker_wait *wait_new(struct broker_realm *realm, struct broker_service *service, uint64_t xid,
                                    uint32_t flags)
{
    struct broker *broker = realm->broker;
    if (realm->waits_count >= bounds_waits(realm)) {
        bounds_reached(realm, MM_LIMIT_WAITS);
        drop_oldest(realm);
    }
    if (broker->waits_count >= BROKER_WAITS_MAX)
        return NULL;
    struct broker_wait *wait = calloc(1, sizeof(*wait));
    if (!wait || !bounds_has_room(realm, POLICY_REQUESTS, 1)) {
        free(wait);
        return NULL;
    }
    bounds_charge(realm, POLICY_REQUESTS, 1);
    *wait = (struct broker_wait){
        .previous = broker->waits_last, .realm = realm, .service = service, .xid = xid, .flags = flags};
    if (broker->waits_last)
        broker->waits_last->next = wait;
    else
        broker->waits = wait;
    broker->waits_last = wait;
    broker->waits_count++;
    realm->waits_count++;
    return wait;
}

static void set_outcome(struct broker_wait *wait, enum outcome outcome)
{
    struct broker *broker = wait->realm->broker;
    if (outcome == NEEDS_REGISTRATION) {
        forget_deadline(wait);
    } else if (wait->pool_deadline_ns == 0) {
        wait->pool_deadline_ns = poll_now_ns() + BROKER_POOL_DEADLINE_NS;
        broker->pool_waits_count++;
        if (!broker->waits_timer.armed)
            poll_timer_start(broker->poll, &broker->waits_timer, wait->pool_deadline_ns);
    }
}

static void request(struct broker_realm *realm, const char *name, uint64_t xid, uint32_t flags)
{
    struct broker_service *service;
    enum outcome outcome = attempt(realm, name, xid, flags, &service);
    if (outcome == ANSWERED)
        return;
    struct broker_wait *wait = wait_new(realm, service, xid, flags);
    if (wait)
        set_outcome(wait, outcome);
    else
        delivery_reply(realm, xid, REALM_E_LIMIT, 0, 0);
}

void connect_request(struct broker_realm *realm, const struct realm_control_named *packet)
{
    request(realm, (const char *)packet->name.text, packet->header.xid, packet->flags);
}

void connect_wait(struct broker_realm *realm, const struct policy_event *event, uint64_t via, uint32_t ticket,
                  uint64_t xid)
{
    struct broker_wait *wait = wait_new(realm, NULL, xid, 0);
    if (!wait) {
        delivery_reply(realm, xid, REALM_E_LIMIT, 0, 0);
        return;
    }
    wait->event = *event;
    wait->via = via;
    wait->ticket = ticket;
    set_outcome(wait, NEEDS_POOL);
}

void connect_again(struct broker_realm *realm, struct broker_service *service, uint64_t xid, uint32_t flags)
{
    /* Not now: the caller is in the middle of taking something down. The walk will decide. */
    struct broker_wait *wait = wait_new(realm, service, xid, flags);
    if (wait)
        realm->broker->waits_changed = true;
    else
        delivery_reply(realm, xid, REALM_E_LIMIT, 0, 0);
}

/* Whether it is worth asking the policy: what the wait is for is there, or can no longer be waited for. */
static bool ripe(const struct broker_wait *wait)
{
    const struct broker_service *service = wait->service;
    if (!service)
        return delegate_ripe(wait);
    if (!service->provider)
        return wait->pool_deadline_ns != 0 || !(wait->flags & REALM_CONNECT_WAIT);
    return wait->pool_deadline_ns == 0 ||
           connect_regions_ready(wait->realm, service->provider, channels_region_bytes(service));
}

static void retry(struct broker_wait *wait)
{
    struct broker_realm *realm = wait->realm;
    struct broker_service *service;
    if (realm->offence || !ripe(wait))
        return;
    if (!wait->service) {
        if (delegate_again(wait))
            wait_free(wait);
        return;
    }
    enum outcome outcome = attempt(realm, wait->service->config->name, wait->xid, wait->flags, &service);
    if (outcome == ANSWERED)
        wait_free(wait);
    else
        set_outcome(wait, outcome);
}

void connect_retry(struct broker *broker)
{
    if (!broker->waits_changed)
        return;
    broker->waits_changed = false;
    struct broker_wait *next;
    for (struct broker_wait *wait = broker->waits; wait; wait = next) {
        next = wait->next; /* a try ends no wait but its own */
        retry(wait);
    }
}

void connect_drop(struct broker_realm *realm)
{
    struct broker_wait *next;
    for (struct broker_wait *wait = realm->broker->waits; wait; wait = next) {
        next = wait->next;
        if (wait->realm == realm)
            wait_free(wait);
    }
}

/* A pool that never fills: its owner takes nothing, or there is no memory. The client is not left alone. */
static void deadline_passed(struct poll_timer *timer)
{
    struct broker *broker = broker_container(timer, struct broker, waits_timer);
    uint64_t now_ns = poll_now_ns(), first_ns = UINT64_MAX;
    struct broker_wait *next;
    for (struct broker_wait *wait = broker->waits; wait; wait = next) {
        next = wait->next;
        if (wait->pool_deadline_ns == 0)
            continue;
        if (wait->pool_deadline_ns <= now_ns) {
            delivery_reply(wait->realm, wait->xid, REALM_E_LIMIT, 0, 0);
            wait_free(wait);
        } else if (wait->pool_deadline_ns < first_ns) {
            first_ns = wait->pool_deadline_ns;
        }
    }
    if (first_ns != UINT64_MAX)
        poll_timer_start(broker->poll, timer, first_ns);
}

void connect_init(struct broker *broker)
{
    broker->waits_timer.fire = deadline_passed;
}
