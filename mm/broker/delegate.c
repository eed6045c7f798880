/*
 * A capability changes hands when it is taken, not when it is offered. The giver's OFFER is decided, so that
 * it learns at once what would be refused, and noted at its end of the channel under a number, the ticket.
 * The receiver's TAKE is decided anew, against what holds then, and only that changes anything.
 *
 * The rule: a ticket is looked up at the other end of a channel that the taker itself is an end of; so a
 * ticket is worth nothing to anybody else, and nobody but its channel's two realms can use it up.
 *
 * A send capability becomes a channel of its own, between its new holder and who serves the endpoint; that
 * needs a region of either, and may have to wait for one as a connect does.
 */
#include "mm/broker/delegate.h"

#include <stdlib.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/broker/bounds.h"
#include "mm/broker/channels.h"
#include "mm/broker/connect.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/holdings.h"
#include "mm/broker/memory.h"
#include "mm/broker/penalty.h"
#include "mm/broker/pool.h"
#include "mm/broker/state.h"

/* --- whom it is about --- */

/* Who receives from the endpoint that the send would lead to. */
struct served {
    struct broker_realm *server;
    struct broker_service *service; /* NULL: anonymous */
    uint64_t endpoint;              /* cookie */
};

/* false: the capability leads to no endpoint, or is no more. */
static bool find_served(const struct broker *broker, struct policy_capability capability,
                        struct served *ret_served)
{
    struct policy_capability_info info, root;
    if (!policy_capability_get(broker->policy, capability, &info) ||
        (info.kind != POLICY_KIND_SEND && info.kind != POLICY_KIND_ENDPOINT) ||
        !policy_capability_get(broker->policy, info.root, &root))
        return false;
    *ret_served = (struct served){.server = broker_realm_of(broker, root.holder),
                                  .service = broker_service_of(broker, root.service),
                                  .endpoint = root.user};
    return ret_served->server != NULL;
}

static const char *name_of(const struct broker *broker, struct policy_capability capability)
{
    struct policy_capability_info info;
    if (!policy_capability_get(broker->policy, capability, &info))
        return "?";
    const struct broker_service *service = broker_service_of(broker, info.service);
    return service ? service->config->name : policy_kind_name(info.kind);
}

static void tell_of(const struct broker *broker, const struct policy_event *event, const char *name)
{
    static const char *const modes[] = {
        [POLICY_COPY] = "copy", [POLICY_MINT] = "mint", [POLICY_MOVE] = "move"};
    const struct broker_realm *giver = broker_realm_of(broker, event->actor);
    const struct broker_realm *receiver = broker_realm_of(broker, event->subject);
    events_emit(broker->events, "delegated", "{s:s, s:s, s:s, s:s}", "realm", giver ? giver->name : "?", "to",
                receiver ? receiver->name : "?", "capability", name, "mode", modes[event->mode]);
}

/* --- doing it --- */

/* A capability that was moved: what its giver had of it. */
static void take_from_giver(struct broker *broker, uint64_t cookie)
{
    struct broker_token *token = cookies_find(broker->cookies, cookie);
    if (!token)
        return;
    if (token->kind == BROKER_TOKEN_CLIENT_END)
        channels_close(channels_of_token(token), REALM_E_REVOKED, NULL, CHANNELS_MOVED);
    else if (token->kind == BROKER_TOKEN_HOLDING) {
        memory_take_away(holdings_of_token(token));
        holdings_free(holdings_of_token(token));
    }
}

struct derivation {
    struct broker_realm *receiver;
    const struct policy_event *event;
    struct policy_decision decision;
    uint64_t moved; /* cookie by which the giver called what it moves, or 0 */
    uint64_t xid;
};

static struct policy_outcome apply(struct derivation *derivation)
{
    struct broker *broker = derivation->receiver->broker;
    struct policy_outcome outcome;
    tell_of(broker, derivation->event, name_of(broker, derivation->event->capability));
    policy_apply(broker->policy, derivation->event, &derivation->decision, &outcome);
    return outcome;
}

static int make_channel(struct derivation *derivation, const struct served *served)
{
    struct broker_realm *receiver = derivation->receiver;
    struct broker_channel *channel;
    int error = channels_make(receiver, served->server, served->service, served->endpoint, &channel);
    if (error)
        return error;
    struct policy_outcome outcome = apply(derivation);
    channel->xid = derivation->xid;
    channel->derived = true;
    channels_bind(channel, &outcome);
    take_from_giver(receiver->broker, derivation->moved);
    channels_tell(channel);
    pool_refill(served->server);
    pool_refill(receiver);
    return 0;
}

/* The memory that this source is about. NULL: it is about something else. */
static struct broker_memory *memory_of(const struct broker *broker, const struct policy_event *event)
{
    struct policy_capability_info source;
    if (!policy_capability_get(broker->policy, event->capability, &source))
        return NULL;
    struct broker_token *token = cookies_find(broker->cookies, source.user);
    return token && token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token)->memory : NULL;
}

static int make_holding(struct derivation *derivation)
{
    struct broker_realm *receiver = derivation->receiver;
    struct broker_memory *memory = memory_of(receiver->broker, derivation->event);
    struct broker_holding *holding;
    int error = holdings_make(receiver, &holding);
    if (error)
        return error;
    struct policy_outcome outcome = apply(derivation);
    struct policy_capability_info made;
    if (memory && policy_capability_get(receiver->broker->policy, outcome.capability, &made))
        memory_share(holding, memory, made.window);
    take_from_giver(receiver->broker, derivation->moved);
    holdings_bind(receiver, holding, outcome.capability);
    holdings_tell(receiver, holding->token.cookie, outcome.capability, derivation->xid);
    return 0;
}

enum outcome { DONE, REFUSED, NEEDS_POOL };

/* Decides and does it; what is done or refused is answered. */
static enum outcome attempt(struct broker_realm *receiver, const struct policy_event *event, uint64_t xid)
{
    struct broker *broker = receiver->broker;
    struct derivation derivation = {.receiver = receiver, .event = event, .xid = xid};
    struct policy_capability_info source;
    struct served served;
    policy_decide(broker->policy, event, &derivation.decision);
    broker->decisions++;
    const uint64_t number = ++receiver->decisions;
    int status = derivation.decision.status;
    if (status)
        explain_refused(receiver,
                        &(struct explain_refusal){event->via.index ? "take" : "derive",
                                                  name_of(broker, event->capability), event},
                        &derivation.decision);
    if (!status && policy_capability_get(broker->policy, event->capability, &source) &&
        event->mode == POLICY_MOVE)
        derivation.moved = source.user;
    bool is_send = !status && find_served(broker, event->capability, &served);
    if (is_send)
        status = bounds_channel(receiver, served.server);
    if (is_send && !status &&
        !connect_have_regions(receiver, served.server, channels_region_bytes(served.service)))
        return NEEDS_POOL;
    if (!status && policy_reserve(broker->policy, event))
        status = REALM_E_LIMIT;
    if (!status && (is_send ? make_channel(&derivation, &served) : make_holding(&derivation)))
        status = REALM_E_LIMIT;
    if (status)
        delivery_reply(receiver, xid, status, 0, number);
    return status ? REFUSED : DONE;
}

/* --- offers --- */

/* Where an end keeps this offer; NULL: it made none of this number, or no more. */
static struct broker_offer **find_offer(struct broker_end *end, uint32_t ticket)
{
    struct broker_offer **at = &end->offers;
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    return *at ? at : NULL;
}

static void offer_free(struct broker_end *end, struct broker_offer **at)
{
    struct broker_offer *offer = *at;
    *at = offer->next;
    end->offers_count--;
    free(offer);
}

void delegate_forget(struct broker_end *end)
{
    while (end->offers)
        offer_free(end, &end->offers);
}

/* Offers whose source is gone wait for nothing. */
static void forget_dead(const struct broker *broker, struct broker_end *end)
{
    struct policy_capability_info info;
    for (struct broker_offer **at = &end->offers; *at;) {
        if (policy_capability_get(broker->policy, (*at)->event.capability, &info))
            at = &(*at)->next;
        else
            offer_free(end, at);
    }
}

/* Return: the ticket; 0: no room. */
static uint32_t offer_new(const struct broker *broker, struct broker_end *end,
                          const struct policy_event *event)
{
    if (end->offers_count >= BROKER_END_OFFERS)
        forget_dead(broker, end);
    if (end->offers_count >= BROKER_END_OFFERS)
        return 0;
    struct broker_offer *offer = malloc(sizeof(*offer));
    if (!offer)
        return 0;
    do
        end->last_ticket = end->last_ticket % REALM_TICKET_MAX + 1;
    while (find_offer(end, end->last_ticket));
    *offer = (struct broker_offer){.ticket = end->last_ticket, .event = *event};
    struct broker_offer **at = &end->offers;
    while (*at)
        at = &(*at)->next;
    *at = offer;
    end->offers_count++;
    return offer->ticket;
}

/* --- what the requests name --- */

/* The own end of a channel, and the other one. false: answered. */
static bool find_ends(struct broker_realm *realm, uint64_t cookie, uint64_t xid, struct broker_end **ret_own,
                      struct broker_end **ret_other)
{
    struct broker_token *token = penalty_find(realm, cookie, xid);
    if (!token)
        return false;
    if (token->kind != BROKER_TOKEN_CLIENT_END && token->kind != BROKER_TOKEN_SERVER_END) {
        delivery_reply(realm, xid, REALM_E_BAD_ARGUMENT, 0, 0);
        return false;
    }
    struct broker_channel *channel = channels_of_token(token);
    bool client = token->kind == BROKER_TOKEN_CLIENT_END;
    *ret_own = client ? &channel->client : &channel->server;
    *ret_other = client ? &channel->server : &channel->client;
    return true;
}

/* What DERIVE and OFFER have in common. false: answered. */
static bool read_request(struct broker_realm *realm, const struct realm_control_derive *request,
                         struct policy_event *ret_event)
{
    struct broker_token *token = penalty_find(realm, request->source, request->header.xid);
    struct policy_capability source;
    if (!token)
        return false;
    const struct policy_window window = {request->offset, request->bytes};
    const struct broker_memory *memory =
        token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token)->memory : NULL;
    if (!holdings_capability(token, &source) || (memory && !memory_fits(memory, window))) {
        delivery_reply(realm, request->header.xid, REALM_E_BAD_ARGUMENT, 0, 0);
        return false;
    }
    *ret_event = (struct policy_event){
        .kind = POLICY_DERIVE,
        .actor = realm->policy,
        .subject = realm->policy,
        .capability = source,
        .rights = request->rights,
        .mode = (enum policy_mode)request->mode,
        .badge = request->badge,
        .window = window,
    };
    return true;
}

/* --- the requests --- */

void delegate_derive(struct broker_realm *realm, const struct realm_control_derive *request)
{
    struct policy_event event;
    if (!read_request(realm, request, &event))
        return;
    if (attempt(realm, &event, request->header.xid) == NEEDS_POOL)
        connect_wait(realm, &event, 0, 0, request->header.xid);
}

void delegate_offer(struct broker_realm *realm, const struct realm_control_derive *request)
{
    struct broker *broker = realm->broker;
    const uint64_t xid = request->header.xid;
    struct policy_event event;
    struct broker_end *own, *other;
    if (!read_request(realm, request, &event) || !find_ends(realm, request->via, xid, &own, &other))
        return;
    event.subject = other->realm->policy;
    event.via = channels_of_token(&own->token)->capability;
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    const uint64_t number = ++realm->decisions;
    if (decision.status) {
        explain_refused(realm, &(struct explain_refusal){"offer", name_of(broker, event.capability), &event},
                        &decision);
        delivery_reply(realm, xid, decision.status, 0, number);
        return;
    }
    uint32_t ticket = offer_new(broker, own, &event);
    delivery_reply(realm, xid, ticket ? 0 : REALM_E_LIMIT, ticket, number);
}

void delegate_withdraw(struct broker_realm *realm, const struct realm_control_ticket *request)
{
    struct broker_end *own, *other;
    if (!find_ends(realm, request->via, request->header.xid, &own, &other))
        return;
    struct broker_offer **at = find_offer(own, request->ticket);
    if (at)
        offer_free(own, at);
    delivery_reply(realm, request->header.xid, at ? 0 : REALM_E_STALE, 0, 0);
}

/* The end that offers something to this realm, by the cookie of the realm's own. NULL: the channel has ended.
 */
static struct broker_end *offering_end(const struct broker_realm *realm, uint64_t via)
{
    struct broker_token *token = cookies_find_of(realm->broker->cookies, realm, via);
    if (!token)
        return NULL;
    struct broker_channel *channel = channels_of_token(token);
    return token->kind == BROKER_TOKEN_CLIENT_END ? &channel->server : &channel->client;
}

/* The offer goes when it was taken. What is taken may have closed a channel of the giver's. */
static enum outcome take(struct broker_realm *realm, uint64_t via, uint32_t ticket,
                         const struct policy_event *event, uint64_t xid)
{
    enum outcome outcome = attempt(realm, event, xid);
    if (outcome != DONE)
        return outcome;
    struct broker_end *other = offering_end(realm, via);
    struct broker_offer **at = other ? find_offer(other, ticket) : NULL;
    if (at)
        offer_free(other, at);
    return DONE;
}

void delegate_take(struct broker_realm *realm, const struct realm_control_ticket *request)
{
    const uint64_t xid = request->header.xid;
    struct broker_end *own, *other;
    if (!find_ends(realm, request->via, xid, &own, &other))
        return;
    struct broker_offer **at = find_offer(other, request->ticket);
    if (!at) {
        /* The number is what the other end wrote into the ring: who takes it is not to blame, and who guesses
         * gains nothing. STALE: it was one, and is used up or withdrawn. */
        bool was = request->ticket <= other->last_ticket;
        delivery_reply(realm, xid, was ? REALM_E_STALE : REALM_E_INCAPABLE, 0, 0);
        return;
    }
    const struct policy_event event = (*at)->event;
    if (take(realm, request->via, request->ticket, &event, xid) == NEEDS_POOL)
        connect_wait(realm, &event, request->via, request->ticket, xid);
}

/* --- waiting --- */

bool delegate_ripe(const struct broker_wait *wait)
{
    struct served served;
    return !find_served(wait->realm->broker, wait->event.capability, &served) ||
           connect_regions_ready(wait->realm, served.server, channels_region_bytes(served.service));
}

bool delegate_again(const struct broker_wait *wait)
{
    struct broker_realm *realm = wait->realm;
    if (wait->ticket == 0)
        return attempt(realm, &wait->event, wait->xid) != NEEDS_POOL;
    struct broker_end *other = offering_end(realm, wait->via);
    if (other && find_offer(other, wait->ticket))
        return take(realm, wait->via, wait->ticket, &wait->event, wait->xid) != NEEDS_POOL;
    delivery_reply(realm, wait->xid, REALM_E_STALE, 0, 0);
    return true;
}
