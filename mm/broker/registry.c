/*
 * A service has one record, made from its declaration; what comes and goes is its endpoint. The policy's
 * tree has the same endpoint as a capability, from which the channels' send capabilities are derived: both
 * change together, in this file and in connect.c.
 */
#include "mm/broker/registry.h"

#include <string.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/config/stop_point.h"
#include "mm/broker/channels.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/holdings.h"
#include "mm/broker/penalty.h"
#include "mm/broker/pool.h"
#include "mm/broker/state.h"

struct broker_service *broker_next_service(const struct broker *broker, const struct broker_service *after)
{
    size_t index = after ? (size_t)(after - broker->services) + 1 : 0;
    return index < broker->config->services_count ? &broker->services[index] : NULL;
}

struct broker_service *broker_service_of(const struct broker *broker, struct policy_service service)
{
    for (size_t i = 0; i < broker->config->services_count; i++) {
        struct policy_service other = broker->services[i].policy;
        if (other.index == service.index && other.generation == service.generation)
            return &broker->services[i];
    }
    return NULL;
}

uint32_t broker_realm_services(const struct broker_realm *realm)
{
    uint32_t count = 0;
    for (size_t i = 0; i < realm->broker->config->services_count; i++)
        count += realm->broker->services[i].provider == realm;
    return count;
}

void registry_register(struct broker_realm *realm, const struct realm_control_named *request)
{
    struct broker *broker = realm->broker;
    const char *name = (const char *)request->name.text;
    struct policy_event event = {
        .kind = POLICY_REGISTER, .actor = realm->policy, .service = {name, strlen(name)}};
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    realm->decisions++;
    if (decision.status) {
        if (decision.status != REALM_E_EXISTS)
            explain_denied(realm, QUESTION_REGISTER, NULL, name, 0, &decision);
        delivery_reply(realm, request->header.xid, decision.status, 0, realm->decisions);
        return;
    }
    struct broker_service *service = broker_service_of(broker, decision.service);
    realm_assert(service != NULL && service->provider == NULL);
    service->token = (struct broker_token){.kind = BROKER_TOKEN_ENDPOINT, .owner = realm};
    if (policy_reserve(broker->policy, &event) || cookies_add(broker->cookies, &service->token)) {
        delivery_reply(realm, request->header.xid, REALM_E_LIMIT, 0, realm->decisions);
        return;
    }
    struct policy_outcome outcome;
    policy_apply(broker->policy, &event, &decision, &outcome);
    MM_STOP_POINT("broker-register");
    service->endpoint = outcome.capability;
    service->provider = realm;
    policy_set_user(broker->policy, outcome.capability, service->token.cookie);
    broker->waits_changed = true;
    events_emit(broker->events, "registered", "{s:s, s:s}", "realm", realm->name, "service",
                service->config->name);
    MM_STOP_POINT("broker-registered");
    delivery_reply(realm, request->header.xid, 0, service->token.cookie, realm->decisions);
}

/* The policy has let go of the endpoint and of everything derived from it. */
static void withdraw(struct broker_service *service)
{
    struct broker_realm *realm = service->provider;
    struct broker *broker = realm->broker;
    MM_STOP_POINT("broker-withdraw");
    const uint64_t endpoint = service->token.cookie;
    cookies_remove(broker->cookies, &service->token);
    service->provider = NULL;
    broker->waits_changed = true; /* for a connect that waited for its pool, and does not want to wait on */
    events_emit(broker->events, "unregistered", "{s:s, s:s}", "realm", realm->name, "service",
                service->config->name);
    channels_close_all(realm, endpoint);
}

static void withdraw_anonymous(struct broker_realm *realm, struct broker_holding *holding)
{
    const uint64_t endpoint = holding->token.cookie;
    holdings_free(holding);
    channels_close_all(realm, endpoint);
}

void registry_unregister(struct broker_realm *realm, const struct realm_control_cookie *request)
{
    struct broker *broker = realm->broker;
    struct broker_token *token = penalty_find(realm, request->cookie, request->header.xid);
    if (!token)
        return;
    struct broker_holding *anonymous = token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token) : NULL;
    if (token->kind != BROKER_TOKEN_ENDPOINT && !(anonymous && holdings_is_endpoint(realm, anonymous))) {
        delivery_reply(realm, request->header.xid, REALM_E_STALE, 0, 0);
        return;
    }
    struct policy_event event = {.kind = POLICY_UNREGISTER, .actor = realm->policy};
    (void)holdings_capability(token, &event.capability);
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    realm_assert(decision.status == 0);
    policy_apply(broker->policy, &event, &decision, NULL);
    if (anonymous)
        withdraw_anonymous(realm, anonymous);
    else
        withdraw(broker_container(token, struct broker_service, token));
    delivery_reply(realm, request->header.xid, 0, 0, 0);
    pool_refill(realm);
}

void registry_withdraw_all(struct broker_realm *realm)
{
    struct broker_service *service = NULL;
    while ((service = broker_next_service(realm->broker, service)))
        if (service->provider == realm)
            withdraw(service);
}
