/*
 * The policy's tree says who holds what; here is only what a realm needs to name it: a cookie for each
 * capability that it was told of. The policy keeps the cookie as the capability's number, so each leads to
 * the other, and neither can be used once the other is gone.
 *
 * What a realm gets at its start (names, gates, debug) and its children's capabilities have no cookie before
 * somebody asks: HELD gives them theirs.
 */
#include "mm/broker/holdings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/broker/channels.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/memory.h"
#include "mm/broker/penalty.h"
#include "mm/broker/state.h"

int holdings_make(struct broker_realm *realm, struct broker_holding **ret_holding)
{
    if (realm->holdings_count >= BROKER_REALM_HOLDINGS)
        return REALM_E_LIMIT;
    struct broker_holding *holding = calloc(1, sizeof(*holding));
    if (!holding)
        return -ENOMEM;
    holding->token = (struct broker_token){.kind = BROKER_TOKEN_HOLDING, .owner = realm};
    int error = cookies_add(realm->broker->cookies, &holding->token);
    if (error) {
        free(holding);
        return error;
    }
    holding->next = realm->holdings;
    holding->link_back = &realm->holdings;
    if (holding->next)
        holding->next->link_back = &holding->next;
    realm->holdings = holding;
    realm->holdings_count++;
    *ret_holding = holding;
    return 0;
}

void holdings_bind(struct broker_realm *realm, struct broker_holding *holding,
                   struct policy_capability capability)
{
    holding->capability = capability;
    policy_set_user(realm->broker->policy, capability, holding->token.cookie);
}

void holdings_free(struct broker_holding *holding)
{
    struct broker_realm *realm = holding->token.owner;
    *holding->link_back = holding->next;
    if (holding->next)
        holding->next->link_back = holding->link_back;
    realm->holdings_count--;
    memory_unshare(holding);
    cookies_remove(realm->broker->cookies, &holding->token);
    free(holding);
}

void holdings_drop(struct broker_realm *realm)
{
    struct broker_holding *next;
    for (struct broker_holding *holding = realm->holdings; holding; holding = next) {
        next = holding->next;
        holdings_free(holding);
    }
}

struct broker_holding *holdings_of_token(struct broker_token *token)
{
    realm_assert(token->kind == BROKER_TOKEN_HOLDING);
    return broker_container(token, struct broker_holding, token);
}

bool holdings_capability(struct broker_token *token, struct policy_capability *ret_capability)
{
    switch (token->kind) {
    case BROKER_TOKEN_ENDPOINT:
        *ret_capability = broker_container(token, struct broker_service, token)->endpoint;
        return true;
    case BROKER_TOKEN_CLIENT_END:
        *ret_capability = channels_of_token(token)->capability;
        return true;
    case BROKER_TOKEN_HOLDING:
        *ret_capability = holdings_of_token(token)->capability;
        return true;
    case BROKER_TOKEN_SERVER_END:
        break;
    }
    return false;
}

bool holdings_is_endpoint(const struct broker_realm *realm, const struct broker_holding *holding)
{
    struct policy_capability_info info;
    return policy_capability_get(realm->broker->policy, holding->capability, &info) &&
           info.kind == POLICY_KIND_ENDPOINT;
}

/* --- telling --- */

/* What it is about; NULL: nothing that has a name. */
static const char *subject_of(const struct broker *broker, const struct policy_capability_info *info)
{
    const struct broker_service *service = broker_service_of(broker, info->service);
    if (service)
        return service->config->name;
    const struct broker_realm *realm =
        info->kind == POLICY_KIND_REALM ? broker_realm_of(broker, info->realm) : NULL;
    return realm ? realm->name : NULL;
}

void holdings_tell(struct broker_realm *realm, uint64_t cookie, struct policy_capability capability,
                   uint64_t xid)
{
    struct policy_capability_info info;
    bool live = policy_capability_get(realm->broker->policy, capability, &info);
    realm_assert(live);
    struct realm_control_capability packet = {
        .cookie = cookie,
        .badge = info.badge,
        .offset = info.window.offset,
        .bytes = info.window.size,
        .kind = (uint32_t)info.kind,
        .rights = info.rights,
        .gate = info.gate,
        .sealed = info.sealed,
    };
    const char *name = subject_of(realm->broker, &info);
    if (name)
        realm_control_name_init(&packet.name, name, strlen(name));
    realm_control_header_init(&packet.header, REALM_CONTROL_CAPABILITY, xid);
    delivery_send(realm, &packet, false);
}

/* --- requests --- */

void holdings_create(struct broker_realm *realm, uint64_t xid)
{
    struct broker *broker = realm->broker;
    const uint64_t number = ++realm->decisions;
    struct policy_event event = {.kind = POLICY_CREATE, .actor = realm->policy};
    struct policy_decision decision;
    struct broker_holding *holding;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    if (decision.status) {
        explain_refused(realm, &(struct explain_refusal){"create", "(anonymous)", &event}, &decision);
        delivery_reply(realm, xid, decision.status, 0, number);
        return;
    }
    if (policy_reserve(broker->policy, &event) || holdings_make(realm, &holding)) {
        delivery_reply(realm, xid, REALM_E_LIMIT, 0, number);
        return;
    }
    struct policy_outcome outcome;
    policy_apply(broker->policy, &event, &decision, &outcome);
    holdings_bind(realm, holding, outcome.capability);
    holdings_tell(realm, holding->token.cookie, outcome.capability, xid);
}

void holdings_next(struct broker_realm *realm, const struct realm_control_cookie *request)
{
    struct policy *policy = realm->broker->policy;
    const uint64_t xid = request->header.xid;
    struct policy_capability at = {0, 0};
    struct policy_capability_info info;
    if (request->cookie != 0) {
        struct broker_token *token = penalty_find(realm, request->cookie, xid);
        if (!token)
            return;
        if (!holdings_capability(token, &at)) {
            delivery_reply(realm, xid, REALM_E_BAD_ARGUMENT, 0, 0);
            return;
        }
    }
    if (!policy_next_held(policy, realm->policy, &at, &info)) {
        delivery_reply(realm, xid, REALM_E_STALE, 0, 0);
        return;
    }
    if (info.user == 0) {
        struct broker_holding *holding;
        if (holdings_make(realm, &holding)) {
            delivery_reply(realm, xid, REALM_E_LIMIT, 0, 0);
            return;
        }
        holdings_bind(realm, holding, info.capability);
        info.user = holding->token.cookie;
    }
    holdings_tell(realm, info.user, info.capability, xid);
}
