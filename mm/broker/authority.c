/*
 * What the policy has let go of is dead for every later decision at once. What stood behind it (a channel) is
 * closed as the policy clears it away, beside everything else that the broker does, a portion in each round
 * of its loop: a subtree of a hundred thousand capabilities stalls nobody.
 *
 * The rule: who asked is answered when nothing is left to be cleared, and is not read before. So the answer
 * means that nothing passes any more; and nobody can have more than one such request under way.
 */
#include "mm/broker/authority.h"

#include <string.h>

#include <realm/error.h>

#include "mm/broker/channels.h"
#include "mm/broker/control.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/holdings.h"
#include "mm/broker/memory.h"
#include "mm/broker/penalty.h"
#include "mm/broker/registry.h"
#include "mm/broker/requests.h"
#include "mm/broker/revoke.h"
#include "mm/broker/state.h"

#define PORTION 64u /* so small that it costs a round no more than a few packets do */

static void again(struct poll_timer *timer)
{
    (void)timer; /* that there is a round is all that is wanted */
}

void authority_init(struct broker *broker)
{
    broker->authority_timer.fire = again;
}

/* --- clearing --- */

/* The cookies of what was cleared: the policy must not be called back while it clears. */
struct cleared {
    uint64_t cookies[PORTION];
    unsigned count;
};

static void note(void *context, const struct policy_capability_info *info)
{
    struct cleared *cleared = context;
    if (info->user != 0)
        cleared->cookies[cleared->count++] = info->user;
}

/* Mostly it has gone before, by what made the policy let go of it: a channel that was closed, say. */
static void close_behind(struct broker *broker, uint64_t cookie)
{
    struct broker_token *token = cookies_find(broker->cookies, cookie);
    if (!token)
        return;
    if (token->kind == BROKER_TOKEN_CLIENT_END) {
        revoke_cut_hint(channels_of_token(token)->server.realm);
        channels_close(channels_of_token(token), REALM_E_REVOKED, NULL, 0);
    } else if (token->kind == BROKER_TOKEN_HOLDING) {
        memory_cleared(holdings_of_token(token));
        holdings_free(holdings_of_token(token));
    }
}

/* All is cleared. Memory that had to go for it goes with the renewals that were begun until now. */
static void answer(struct broker *broker)
{
    broker->revoking = false;
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next) {
        if (!(realm->held & CONTROL_REVOKING))
            continue;
        if (realm->revoke_renewals == UINT64_MAX)
            realm->revoke_renewals = broker->renewals_asked;
        if (broker->renewals_done < realm->revoke_renewals) {
            broker->revoking = true;
            continue;
        }
        delivery_reply(realm, realm->revoke_xid, 0, 0, realm->revoke_decision);
        control_release(realm, CONTROL_REVOKING);
    }
}

void authority_clear(struct broker *broker)
{
    struct cleared cleared = {.count = 0};
    bool done = policy_clear(broker->policy, PORTION, note, &cleared);
    for (unsigned i = 0; i < cleared.count; i++)
        close_behind(broker, cleared.cookies[i]);
    if (!done)
        poll_timer_start(broker->poll, &broker->authority_timer, poll_now_ns());
    else if (broker->revoking)
        answer(broker);
}

/* --- requests --- */

static void answer_later(struct broker_realm *realm, uint64_t xid, uint64_t number)
{
    realm->revoke_xid = xid;
    realm->revoke_decision = number;
    realm->revoke_renewals = UINT64_MAX;
    realm->broker->revoking = true;
    control_hold(realm, CONTROL_REVOKING);
}

/* Decides and applies. name: what it is about, for the event of a refusal. */
static int dispose(struct broker_realm *realm, const struct policy_event *event, const char *name,
                   struct policy_decision *ret_decision)
{
    struct broker *broker = realm->broker;
    policy_decide(broker->policy, event, ret_decision);
    broker->decisions++;
    realm->decisions++;
    if (ret_decision->status) {
        const char *asked = event->kind == POLICY_REVOKE         ? "revoke"
                            : event->kind == POLICY_REVOKE_CHILD ? "revoke-child"
                                                                 : "delete";
        explain_refused(realm, &(struct explain_refusal){asked, name, event}, ret_decision);
        return ret_decision->status;
    }
    if (policy_reserve(broker->policy, event))
        return REALM_E_LIMIT;
    policy_apply(broker->policy, event, ret_decision, NULL);
    return 0;
}

static void dispose_of(struct broker_realm *realm, enum policy_event_kind kind, struct broker_token *token,
                       uint64_t xid)
{
    struct policy_event event = {.kind = kind, .actor = realm->policy};
    struct policy_decision decision;
    struct broker_holding *holding = token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token) : NULL;
    struct broker_holding *heir = holding ? memory_heir(holding) : NULL;
    int status = holdings_capability(token, &event.capability) ? 0 : REALM_E_BAD_ARGUMENT;
    if (!status)
        status = dispose(realm, &event, "(capability)", &decision);
    if (status) {
        delivery_reply(realm, xid, status, 0, realm->decisions);
        return;
    }
    /* The policy has let go of channels that linger, so it does not name them when it clears. */
    const bool of_client = token->kind == BROKER_TOKEN_CLIENT_END;
    if (kind == POLICY_REVOKE)
        revoke_lingering_to(realm->broker, of_client ? channels_of_token(token)->endpoint : token->cookie,
                            !of_client);
    if (holding && kind == POLICY_REVOKE)
        memory_revoked(holding);
    else if (holding)
        memory_leave(holding, heir);
    answer_later(realm, xid, realm->decisions);
}

void authority_revoke(struct broker_realm *realm, const struct realm_control_cookie *request)
{
    struct broker_token *token = penalty_find(realm, request->cookie, request->header.xid);
    if (token)
        dispose_of(realm, POLICY_REVOKE, token, request->header.xid);
}

/* What has a channel or clients behind it goes as by the requests that are made for it. */
void authority_delete(struct broker_realm *realm, const struct realm_control_cookie *request)
{
    struct broker_token *token = penalty_find(realm, request->cookie, request->header.xid);
    if (!token)
        return;
    if (token->kind == BROKER_TOKEN_CLIENT_END)
        requests_disconnect(realm, request);
    else if (token->kind == BROKER_TOKEN_ENDPOINT ||
             (token->kind == BROKER_TOKEN_HOLDING && holdings_is_endpoint(realm, holdings_of_token(token))))
        registry_unregister(realm, request);
    else
        dispose_of(realm, POLICY_DELETE, token, request->header.xid);
}

/* Of a realm that is not there and of one that is no child the answer is the same. */
void authority_revoke_child(struct broker_realm *realm, const struct realm_control_grant *request)
{
    struct broker *broker = realm->broker;
    const char *name = (const char *)request->service.text;
    struct broker_realm *child = broker_find_realm(broker, (const char *)request->child.text);
    if (!child) {
        const struct policy_event about = {.kind = POLICY_REVOKE_CHILD, .actor = realm->policy};
        explain_refused(realm, &(struct explain_refusal){"revoke-child", name, &about}, &explain_no_child);
        delivery_reply(realm, request->header.xid, REALM_E_NOT_CHILD, 0, ++realm->decisions);
        return;
    }
    struct policy_event event = {.kind = POLICY_REVOKE_CHILD,
                                 .actor = realm->policy,
                                 .subject = child->policy,
                                 .service = {name, strlen(name)}};
    struct policy_decision decision;
    int status = dispose(realm, &event, name, &decision);
    if (status) {
        delivery_reply(realm, request->header.xid, status, 0, realm->decisions);
        return;
    }
    revoke_closes(child, broker_service_of(broker, decision.service));
    answer_later(realm, request->header.xid, realm->decisions);
}
