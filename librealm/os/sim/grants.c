/*
 * Requests about capabilities, as mm/broker/delegate.c, holdings.c and authority.c do them: the same events,
 * in the same order, and the same answers. Two things differ: what is dead is cleared away at once and not in
 * portions, and a wrong cookie is refused without a delay.
 *
 * The rule, as there: a capability changes hands when it is taken, and a ticket is looked up at the other end
 * of a channel that the taker itself is an end of.
 */
#include "librealm/os/sim/authority.h"

#include <stdlib.h>

#include <realm/error.h>

/* --- what a cookie names --- */

struct named {
    struct sim_endpoint *endpoint; /* one of these */
    struct sim_channel *channel;
    struct sim_holding *holding;
    unsigned end; /* of the channel */
};

static bool find_named(struct sim_manager *manager, const struct realm_os *realm, uint64_t cookie,
                       struct named *ret_named)
{
    struct named named = {.channel = sim_channel_find(manager, realm, cookie)};
    if (named.channel)
        named.end = named.channel->ends[1].cookie == cookie;
    else
        named.holding = sim_holding_of(manager, cookie);
    if (named.holding && named.holding->realm != realm)
        named.holding = NULL;
    if (!named.channel && !named.holding) {
        named.endpoint = manager->endpoints;
        while (named.endpoint && (named.endpoint->cookie != cookie || named.endpoint->realm != realm))
            named.endpoint = named.endpoint->next;
    }
    *ret_named = named;
    return named.channel || named.holding || named.endpoint;
}

/* False: the server's end of a channel is none. */
static bool capability_of(const struct named *named, struct policy_capability *ret_capability)
{
    if (named->channel && named->end == 1)
        return false;
    *ret_capability = named->channel   ? named->channel->capability
                      : named->holding ? named->holding->capability
                                       : named->endpoint->capability;
    return true;
}

/* --- deriving --- */

/* The endpoint that a send made from this would lead to. NULL: it leads to none. */
static struct sim_endpoint *find_served(const struct sim_manager *manager,
                                        struct policy_capability capability)
{
    struct policy_capability_info info, root;
    struct sim_endpoint *at = manager->endpoints;
    if (!policy_capability_get(manager->policy, capability, &info) ||
        (info.kind != POLICY_KIND_SEND && info.kind != POLICY_KIND_ENDPOINT) ||
        !policy_capability_get(manager->policy, info.root, &root))
        return NULL;
    while (at && at->cookie != root.user)
        at = at->next;
    return at;
}

/* What its giver had of a capability that was moved. */
static void take_from_giver(struct sim_manager *manager, uint64_t cookie)
{
    struct sim_holding *holding = sim_holding_of(manager, cookie);
    if (holding) {
        sim_shared_take_away(manager->world, holding);
        sim_holding_free(holding);
        return;
    }
    for (struct sim_channel *channel = manager->channels; channel; channel = channel->next) {
        if (channel->ends[0].cookie == cookie) {
            channel->capability = (struct policy_capability){0, 0}; /* it is another's now */
            sim_channel_revoke(manager, channel);
            return;
        }
    }
}

enum outcome { DONE, REFUSED, NEEDS_POOL };

/* Decides and does it; what is done or refused is answered. */
static enum outcome attempt(struct sim_manager *manager, struct realm_os *receiver,
                            const struct policy_event *event, uint64_t xid)
{
    struct policy_capability_info source = {.user = 0};
    struct policy_decision decision;
    struct policy_outcome outcome;
    policy_decide(manager->policy, event, &decision);
    if (decision.status) {
        sim_answer(manager, receiver, xid, decision.status, 0);
        return REFUSED;
    }
    if (!policy_capability_get(manager->policy, event->capability, &source))
        abort();
    const struct sim_holding *held = sim_holding_of(manager, source.user);
    struct sim_endpoint *served = find_served(manager, event->capability);
    if (served && !sim_channel_has_slots(receiver, served->realm)) {
        sim_answer(manager, receiver, xid, REALM_E_LIMIT, 0);
        return REFUSED;
    }
    if (served && !sim_channel_has_regions(manager, receiver, served->realm))
        return NEEDS_POOL;
    struct sim_shared *shared = held ? held->shared : NULL;
    if (sim_decide(manager, event, &outcome) != 0)
        abort();
    const uint64_t moved = event->mode == POLICY_MOVE ? source.user : 0;
    if (served) {
        struct sim_channel *channel = sim_channel_new(manager, receiver, served, &outcome, xid);
        channel->derived = true;
        take_from_giver(manager, moved);
        sim_channel_tell(manager, channel);
        return DONE;
    }
    struct policy_capability_info made;
    struct sim_holding *holding = sim_holding_new(manager, receiver, outcome.capability);
    if (shared && policy_capability_get(manager->policy, outcome.capability, &made))
        sim_shared_join(shared, holding, made.window);
    take_from_giver(manager, moved);
    sim_holding_tell(manager, receiver, holding->cookie, outcome.capability, xid);
    return DONE;
}

/* --- offers --- */

static struct sim_offer **find_offer(struct sim_channel_end *end, uint32_t ticket)
{
    struct sim_offer **at = &end->offers;
    while (*at && (*at)->ticket != ticket)
        at = &(*at)->next;
    return *at ? at : NULL;
}

static void offer_free(struct sim_channel_end *end, struct sim_offer **at)
{
    struct sim_offer *offer = *at;
    *at = offer->next;
    end->offers_count--;
    free(offer);
}

void sim_grants_forget(struct sim_channel_end *end)
{
    while (end->offers)
        offer_free(end, &end->offers);
}

static void forget_dead(const struct sim_manager *manager, struct sim_channel_end *end)
{
    struct policy_capability_info info;
    for (struct sim_offer **at = &end->offers; *at;) {
        if (policy_capability_get(manager->policy, (*at)->event.capability, &info))
            at = &(*at)->next;
        else
            offer_free(end, at);
    }
}

/* Return: the ticket; 0: no room. */
static uint32_t offer_new(const struct sim_manager *manager, struct sim_channel_end *end,
                          const struct policy_event *event)
{
    if (end->offers_count >= SIM_OFFERS_MAX)
        forget_dead(manager, end);
    if (end->offers_count >= SIM_OFFERS_MAX)
        return 0;
    struct sim_offer *offer = sim_alloc(sizeof *offer);
    *offer = (struct sim_offer){.ticket = ++end->last_ticket, .event = *event, .next = end->offers};
    end->offers = offer;
    end->offers_count++;
    return offer->ticket;
}

/* --- requests --- */

/* Return: 0; the status that is to be answered. */
static int read_derive(struct sim_manager *manager, const struct realm_os *realm,
                       const struct realm_control_derive *request, struct policy_event *ret_event)
{
    const struct policy_window window = {request->offset, request->bytes};
    struct policy_capability source;
    struct named named;
    if (!find_named(manager, realm, request->source, &named))
        return sim_not_held(realm, request->source);
    const struct sim_shared *shared = named.holding ? named.holding->shared : NULL;
    if (!capability_of(&named, &source) || (shared && !sim_shared_fits(shared, window)))
        return REALM_E_BAD_ARGUMENT;
    *ret_event = (struct policy_event){
        .kind = POLICY_DERIVE,
        .actor = realm->record.policy,
        .subject = realm->record.policy,
        .capability = source,
        .rights = request->rights,
        .mode = (enum policy_mode)request->mode,
        .badge = request->badge,
        .window = window,
    };
    return 0;
}

static void wait_for_pool(struct sim_manager *manager, struct realm_os *realm,
                          const struct policy_event *event, const struct realm_control_ticket *taken,
                          uint64_t xid)
{
    struct sim_wait wait = {.realm = realm, .xid = xid, .derives = true, .event = *event};
    if (taken)
        wait.taken = *taken;
    sim_wait_add(manager, &wait);
}

static void derive(struct sim_manager *manager, struct realm_os *realm,
                   const struct realm_control_derive *request)
{
    struct policy_event event = {.kind = POLICY_DERIVE};
    int status = read_derive(manager, realm, request, &event);
    if (status)
        sim_answer(manager, realm, request->header.xid, status, 0);
    else if (attempt(manager, realm, &event, request->header.xid) == NEEDS_POOL)
        wait_for_pool(manager, realm, &event, NULL, request->header.xid);
}

static void offer(struct sim_manager *manager, struct realm_os *realm,
                  const struct realm_control_derive *request)
{
    struct policy_decision decision = {0};
    struct policy_event event = {.kind = POLICY_DERIVE};
    struct named via;
    uint32_t ticket = 0;
    int status = read_derive(manager, realm, request, &event);
    if (!status && !find_named(manager, realm, request->via, &via))
        status = sim_not_held(realm, request->via);
    else if (!status && !via.channel)
        status = REALM_E_BAD_ARGUMENT;
    if (!status) {
        event.subject = via.channel->ends[!via.end].realm->record.policy;
        event.via = via.channel->capability;
        policy_decide(manager->policy, &event, &decision);
        status = decision.status;
    }
    if (!status) {
        ticket = offer_new(manager, &via.channel->ends[via.end], &event);
        status = ticket ? 0 : REALM_E_LIMIT;
    }
    sim_answer(manager, realm, request->header.xid, status, ticket);
}

/* The end that offers (TAKE) or has offered (WITHDRAW). Return: 0; the status that is to be answered. */
static int find_offering(struct sim_manager *manager, const struct realm_os *realm,
                         const struct realm_control_ticket *request, struct sim_channel_end **ret_end)
{
    struct named via;
    if (!find_named(manager, realm, request->via, &via))
        return sim_not_held(realm, request->via);
    if (!via.channel)
        return REALM_E_BAD_ARGUMENT;
    const bool takes = request->header.type == REALM_CONTROL_TAKE;
    *ret_end = &via.channel->ends[takes ? !via.end : via.end];
    return 0;
}

static void withdraw(struct sim_manager *manager, struct realm_os *realm,
                     const struct realm_control_ticket *request)
{
    struct sim_channel_end *own = NULL;
    int status = find_offering(manager, realm, request, &own);
    struct sim_offer **at = own ? find_offer(own, request->ticket) : NULL;
    if (at)
        offer_free(own, at);
    else if (own)
        status = REALM_E_STALE;
    sim_answer(manager, realm, request->header.xid, status, 0);
}

/* The offer goes when it was taken. */
static enum outcome take_offer(struct sim_manager *manager, struct realm_os *realm,
                               const struct realm_control_ticket *request, const struct policy_event *event)
{
    struct sim_channel_end *other = NULL;
    enum outcome outcome = attempt(manager, realm, event, request->header.xid);
    if (outcome != DONE)
        return outcome;
    /* What was taken may have closed the channel that it came through. */
    (void)find_offering(manager, realm, request, &other);
    struct sim_offer **at = other ? find_offer(other, request->ticket) : NULL;
    if (at)
        offer_free(other, at);
    return DONE;
}

static void take(struct sim_manager *manager, struct realm_os *realm,
                 const struct realm_control_ticket *request)
{
    struct sim_channel_end *other = NULL;
    int status = find_offering(manager, realm, request, &other);
    struct sim_offer **at = other ? find_offer(other, request->ticket) : NULL;
    if (!at) {
        if (other)
            status = request->ticket <= other->last_ticket ? REALM_E_STALE : REALM_E_INCAPABLE;
        sim_answer(manager, realm, request->header.xid, status, 0);
        return;
    }
    const struct policy_event event = (*at)->event;
    if (take_offer(manager, realm, request, &event) == NEEDS_POOL)
        wait_for_pool(manager, realm, &event, request, request->header.xid);
}

bool sim_grants_again(struct sim_manager *manager, const struct sim_wait *wait)
{
    struct sim_channel_end *other = NULL;
    if (wait->taken.ticket == 0)
        return attempt(manager, wait->realm, &wait->event, wait->xid) != NEEDS_POOL;
    (void)find_offering(manager, wait->realm, &wait->taken, &other);
    if (other && find_offer(other, wait->taken.ticket))
        return take_offer(manager, wait->realm, &wait->taken, &wait->event) != NEEDS_POOL;
    sim_answer(manager, wait->realm, wait->xid, REALM_E_STALE, 0);
    return true;
}

/* REVOKE and DELETE. What has a channel or clients behind it goes as by the requests that are made for it. */
static void dispose(struct sim_manager *manager, struct realm_os *realm,
                    const struct realm_control_cookie *request)
{
    const bool revokes = request->header.type == REALM_CONTROL_REVOKE;
    struct policy_event event = {.kind = revokes ? POLICY_REVOKE : POLICY_DELETE,
                                 .actor = realm->record.policy};
    struct named named;
    int status =
        find_named(manager, realm, request->cookie, &named) ? 0 : sim_not_held(realm, request->cookie);
    if (!status && !capability_of(&named, &event.capability))
        status = REALM_E_BAD_ARGUMENT;
    if (!status && !revokes && !named.holding) {
        if (named.channel)
            sim_channel_close(manager, named.channel, REALM_E_PEER_DEAD, realm);
        else
            sim_endpoint_withdraw(manager, named.endpoint, realm);
    } else if (!status) {
        struct sim_holding *heir = named.holding ? sim_shared_heir(manager, named.holding, false) : NULL;
        status = sim_decide(manager, &event, NULL);
        if (!status && named.holding && revokes)
            sim_shared_revoked(manager->world, named.holding);
        else if (!status && named.holding)
            sim_shared_leave(manager->world, named.holding, heir);
    }
    sim_authority_clear(manager);
    sim_answer(manager, realm, request->header.xid, status, 0);
}

static void create(struct sim_manager *manager, struct realm_os *realm, uint64_t xid)
{
    struct sim_endpoint *endpoint = sim_alloc(sizeof *endpoint);
    *endpoint = (struct sim_endpoint){.realm = realm, .cookie = sim_random(manager->world)};
    int status = sim_authority_bind(manager, endpoint);
    if (status) {
        free(endpoint);
        sim_answer(manager, realm, xid, status, 0);
        return;
    }
    endpoint->next = manager->endpoints;
    manager->endpoints = endpoint;
    sim_holding_tell(manager, realm, endpoint->cookie, endpoint->capability, xid);
}

/* Names are left out: those of the twin's services mean nothing to anybody. */
static void tell_next(struct sim_manager *manager, struct realm_os *realm,
                      const struct realm_control_cookie *request)
{
    struct policy_capability at = {0, 0};
    struct policy_capability_info info;
    struct named named;
    int status = 0;
    if (request->cookie != 0 && !find_named(manager, realm, request->cookie, &named))
        status = sim_not_held(realm, request->cookie);
    else if (request->cookie != 0 && !capability_of(&named, &at))
        status = REALM_E_BAD_ARGUMENT;
    do
        if (!status && !policy_next_held(manager->policy, realm->record.policy, &at, &info))
            status = REALM_E_STALE;
    while (!status && info.kind == POLICY_KIND_NAME);
    if (status) {
        sim_answer(manager, realm, request->header.xid, status, 0);
        return;
    }
    if (info.user == 0)
        info.user = sim_holding_new(manager, realm, info.capability)->cookie;
    sim_holding_tell(manager, realm, info.user, info.capability, request->header.xid);
}

static void ask(struct sim_manager *manager, struct realm_os *realm,
                const struct realm_control_number *request)
{
    const bool gate = request->header.type == REALM_CONTROL_GATE;
    const struct policy_event event = {
        .kind = gate ? POLICY_GATE : POLICY_LOOK, .actor = realm->record.policy, .gate = request->number};
    struct policy_decision decision;
    policy_decide(manager->policy, &event, &decision);
    sim_answer(manager, realm, request->header.xid, decision.status, 0);
}

bool sim_grants_has(struct sim_manager *manager, const struct realm_os *realm, uint64_t cookie)
{
    struct named named;
    return find_named(manager, realm, cookie, &named);
}

static void seal(struct sim_manager *manager, struct realm_os *realm,
                 const struct realm_control_cookie *request)
{
    if (sim_grants_has(manager, realm, request->cookie))
        sim_shared_seal(manager, realm, request);
    else
        sim_answer(manager, realm, request->header.xid, sim_not_held(realm, request->cookie), 0);
}

static void map(struct sim_manager *manager, struct realm_os *realm, const struct realm_control_map *request)
{
    if (sim_grants_has(manager, realm, request->cookie))
        sim_shared_map(manager, realm, request);
    else
        sim_answer(manager, realm, request->header.xid, sim_not_held(realm, request->cookie), 0);
}

bool sim_grants_handle(struct sim_manager *manager, struct realm_os *realm,
                       const union realm_control_request *request)
{
    switch ((enum realm_control_type)request->header.type) {
    case REALM_CONTROL_CREATE:
        create(manager, realm, request->header.xid);
        return true;
    case REALM_CONTROL_DERIVE:
        derive(manager, realm, &request->derive);
        return true;
    case REALM_CONTROL_OFFER:
        offer(manager, realm, &request->derive);
        return true;
    case REALM_CONTROL_WITHDRAW:
        withdraw(manager, realm, &request->ticket);
        return true;
    case REALM_CONTROL_TAKE:
        take(manager, realm, &request->ticket);
        return true;
    case REALM_CONTROL_REVOKE:
    case REALM_CONTROL_DELETE:
        dispose(manager, realm, &request->cookie);
        return true;
    case REALM_CONTROL_HELD:
        tell_next(manager, realm, &request->cookie);
        return true;
    case REALM_CONTROL_ALLOCATE:
        sim_shared_allocate(manager, realm, &request->allocate);
        return true;
    case REALM_CONTROL_SEAL:
        seal(manager, realm, &request->cookie);
        return true;
    case REALM_CONTROL_MAP:
        map(manager, realm, &request->map);
        return true;
    case REALM_CONTROL_GATE:
    case REALM_CONTROL_LOOK:
        ask(manager, realm, &request->number);
        return true;
    default:
        return false;
    }
}
