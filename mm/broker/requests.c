/*
 * Requests are decoded by now; here their cookies and names are looked up among what the asking realm may
 * name, the policy is asked, and then it is done. A cookie that is another's is as unknown as one that
 * never was.
 */
#include "mm/broker/requests.h"

#include <string.h>

#include <realm/error.h>

#include "mm/broker/channels.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/mapping.h"
#include "mm/broker/penalty.h"
#include "mm/broker/pool.h"
#include "mm/broker/revoke.h"
#include "mm/broker/state.h"

static bool is_end(const struct broker_token *token)
{
    return token->kind == BROKER_TOKEN_CLIENT_END || token->kind == BROKER_TOKEN_SERVER_END;
}

/* A channel that has ended may linger for this: its cookie is one that the realm let go of lately. */
void requests_disconnect(struct broker_realm *realm, const struct realm_control_cookie *request)
{
    revoke_acknowledged(realm->broker, request->cookie);
    struct broker_token *token = penalty_find(realm, request->cookie, request->header.xid);
    if (!token)
        return;
    bool ends = is_end(token);
    if (ends)
        channels_close(channels_of_token(token), REALM_E_PEER_DEAD, realm,
                       CHANNELS_OF_POLICY | CHANNELS_LAST_LOOK);
    delivery_reply(realm, request->header.xid, ends ? 0 : REALM_E_STALE, 0, 0);
}

void requests_fault(struct broker_realm *realm, const struct realm_control_fault *request)
{
    static const char *const kinds[] = {
        [REALM_FAULT_CLAIM] = "it made an impossible claim in its shared memory",
        [REALM_FAULT_WAKES] = "it woke its peer without end",
        [REALM_FAULT_UNMAPPED] = "its region could not be mapped",
    };
    struct broker_token *token = cookies_find_of(realm->broker->cookies, realm, request->cookie);
    if (!token || !is_end(token)) /* it was closed while the report was on its way */
        return;
    struct broker_channel *channel = channels_of_token(token);
    const struct broker_realm *accused =
        channel->client.realm == realm ? channel->server.realm : channel->client.realm;
    logs_say(realm->broker->logs, accused->name, "%s closes a channel: %s", realm->name,
             kinds[request->kind]);
    channels_close(channel, REALM_E_PEER_FAULT, realm, CHANNELS_OF_POLICY);
}

void requests_ack(struct broker_realm *realm, const struct realm_control_ack *request)
{
    uint16_t type;
    uint64_t cookie;
    if (!delivery_acknowledge(realm, request->sequence, &type, &cookie)) {
        delivery_reply(realm, 0, REALM_E_PROTOCOL, 0, 0);
        lifecycle_offend(realm, "acknowledged what it was not sent");
        return;
    }
    if (type == REALM_CONTROL_POOL)
        pool_acknowledged(realm);
    else if (type == REALM_CONTROL_MAPPED)
        mapping_acknowledged(realm);
    else if (cookie != 0)
        channels_acknowledged(realm->broker, realm, cookie);
}

/* System errors inside the broker are no business of the realm's. */
static int as_status(int error)
{
    return error < 0 ? REALM_E_LIMIT : error;
}

void requests_spawn(struct broker_realm *realm, const struct realm_control_spawn *request)
{
    struct broker_spawn spawn = {
        .actor = realm,
        .program = (const char *)request->program.text,
        .name = request->name.size > 0 ? (const char *)request->name.text : NULL,
        .args = request->args,
        .args_count = request->args_count,
        .args_size = request->args_size,
    };
    struct broker_realm *child;
    const uint64_t number = ++realm->decisions;
    int error = broker_spawn(realm->broker, &spawn, &child);
    if (error) {
        delivery_reply(realm, request->header.xid, as_status(error), 0, number);
        return;
    }
    child->spawner = realm;
    child->spawn_xid = request->header.xid;
    child->spawn_decision = number;
}

/* Of a realm that is not there and of one that is no child the answer is the same, to its number. */
void requests_kill(struct broker_realm *realm, const struct realm_control_named *request)
{
    struct broker *broker = realm->broker;
    const uint64_t number = ++realm->decisions;
    struct broker_realm *child = broker_find_realm(broker, (const char *)request->name.text);
    struct policy_event event = {.kind = POLICY_KILL, .actor = realm->policy};
    struct policy_decision decision = explain_no_child;
    if (child) {
        event.subject = child->policy;
        policy_decide(broker->policy, &event, &decision);
        broker->decisions++;
    }
    if (decision.status)
        explain_refused(realm, &(struct explain_refusal){"kill", (const char *)request->name.text, &event},
                        &decision);
    else
        broker_kill(broker, child, BROKER_CAUSE_PARENT);
    delivery_reply(realm, request->header.xid, decision.status, 0, number);
}

void requests_grant(struct broker_realm *realm, const struct realm_control_grant *request)
{
    struct broker *broker = realm->broker;
    const uint64_t number = ++realm->decisions;
    const char *service = (const char *)request->service.text;
    struct broker_realm *child = broker_find_realm(broker, (const char *)request->child.text);
    if (!child) {
        explain_denied(realm, QUESTION_GRANT, NULL, service, request->rights, &explain_no_child);
        delivery_reply(realm, request->header.xid, REALM_E_NOT_CHILD, 0, number);
        return;
    }
    struct policy_event event = {.kind = POLICY_GRANT,
                                 .actor = realm->policy,
                                 .subject = child->policy,
                                 .service = {service, strlen(service)},
                                 .rights = request->rights};
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    if (decision.status && decision.rule != POLICY_RULE_NONE)
        explain_denied(realm, QUESTION_GRANT, child, service, request->rights, &decision);
    int status = decision.status;
    if (status == 0 && policy_reserve(broker->policy, &event))
        status = REALM_E_LIMIT;
    if (status == 0) {
        policy_apply(broker->policy, &event, &decision, NULL);
        events_emit(broker->events, "granted", "{s:s, s:s, s:s}", "realm", realm->name, "child", child->name,
                    "service", service);
    }
    delivery_reply(realm, request->header.xid, status, 0, number);
}

void requests_ask(struct broker_realm *realm, const struct realm_control_number *request)
{
    bool gate = request->header.type == REALM_CONTROL_GATE;
    struct policy_event event = {
        .kind = gate ? POLICY_GATE : POLICY_LOOK, .actor = realm->policy, .gate = request->number};
    struct policy_decision decision;
    policy_decide(realm->broker->policy, &event, &decision);
    realm->broker->decisions++;
    if (decision.status)
        explain_incapable(realm, &event, &decision);
    delivery_reply(realm, request->header.xid, decision.status, 0, ++realm->decisions);
}

void broker_query_stats(struct broker *broker)
{
    struct realm_control_header packet;
    realm_control_header_init(&packet, REALM_CONTROL_QUERY, 0);
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        if (realm->welcomed && !realm->severed && !realm->queried) {
            /* One question at a time: a realm that computes for an hour is not asked a thousand times. */
            realm->queried = true;
            delivery_send(realm, &packet, false);
        }
}
