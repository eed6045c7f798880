/*
 * Capabilities as their holder sees them: everything here is asked of the Memory Manager, but for the message
 * that carries a ticket.
 *
 * The rule: a gift is offered before its message goes, and withdrawn if it does not go. So a message never
 * says more than there is, and an offer is never forgotten.
 */
#include "librealm/client/capability.h"

#include <string.h>

#include <realm/capability.h>

uint64_t realm_channel_capability(const struct realm_channel *channel)
{
    return channel->link.cookie;
}

uint64_t realm_endpoint_capability(const struct realm_endpoint *endpoint)
{
    return endpoint->cookie;
}

/* --- what comes of asking --- */

static void describe(const struct realm_control_capability *event, struct realm_capability *ret_capability)
{
    *ret_capability = (struct realm_capability){
        .cookie = event->cookie,
        .kind = (enum realm_kind)event->kind,
        .rights = event->rights,
        .badge = event->badge,
        .gate = event->gate,
        .sealed = event->sealed,
        .offset = event->offset,
        .bytes = event->bytes,
    };
    memcpy(ret_capability->name, event->name.text, sizeof ret_capability->name);
}

int realm_capability_ask(struct realm *realm, void *packet, enum realm_control_type type,
                         struct realm_capability *ret_capability, struct realm_channel **ret_channel)
{
    struct realm_control_capability event = {0};
    struct realm_ask ask = {.capability = &event};
    uint64_t deadline_ns = realm_deadline(realm, REALM_CONTROL_TIMEOUT_NS);
    int error = realm_control_ask(realm, &ask, packet, type, deadline_ns, false);
    if (error || ask.status)
        return error ? error : ask.status;
    if (ask.channel && ret_channel)
        *ret_capability = (struct realm_capability){
            .cookie = ask.channel->link.cookie, .kind = REALM_KIND_SEND, .rights = ask.channel->rights};
    else if (event.cookie != 0)
        describe(&event, ret_capability);
    else
        return REALM_E_PROTOCOL;
    if (ret_channel)
        *ret_channel = ask.channel;
    return 0;
}

static struct realm_control_derive derivation(const struct realm_gift *gift, uint64_t via)
{
    return (struct realm_control_derive){
        .source = gift->source,
        .via = via,
        .badge = gift->badge,
        .offset = gift->offset,
        .bytes = gift->bytes,
        .rights = gift->rights,
        .mode = (uint32_t)gift->mode,
    };
}

int realm_derive(struct realm *realm, const struct realm_gift *gift, struct realm_capability *ret_capability,
                 struct realm_channel **ret_channel)
{
    struct realm_control_derive request = derivation(gift, 0);
    return realm_capability_ask(realm, &request, REALM_CONTROL_DERIVE, ret_capability, ret_channel);
}

int realm_take(struct realm *realm, struct realm_ticket ticket, struct realm_capability *ret_capability,
               struct realm_channel **ret_channel)
{
    struct realm_control_ticket request = {.via = ticket.via, .ticket = ticket.number};
    return realm_capability_ask(realm, &request, REALM_CONTROL_TAKE, ret_capability, ret_channel);
}

int realm_held(struct realm *realm, uint64_t after, struct realm_capability *ret_capability)
{
    struct realm_control_cookie request = {.cookie = after};
    return realm_capability_ask(realm, &request, REALM_CONTROL_HELD, ret_capability, NULL);
}

/* --- gifts --- */

static int offer(struct realm *realm, uint64_t via, const struct realm_gift *gift, uint32_t *ret_ticket)
{
    struct realm_control_derive request = derivation(gift, via);
    uint64_t ticket = 0;
    int error = realm_control_simple(realm, &request, REALM_CONTROL_OFFER, &ticket);
    if (!error && (ticket == 0 || ticket > REALM_TICKET_MAX))
        error = REALM_E_PROTOCOL;
    if (!error)
        *ret_ticket = (uint32_t)ticket;
    return error;
}

/* A channel that has ended took its offers along. */
static void withdraw(struct realm *realm, uint64_t via, uint32_t ticket)
{
    struct realm_control_ticket request = {.via = via, .ticket = ticket};
    (void)realm_control_simple(realm, &request, REALM_CONTROL_WITHDRAW, NULL);
}

/* The next message of the channel, of so many bytes, is to carry the gift. */
static int offer_along(struct realm_channel *channel, const struct realm_gift *gift, size_t size)
{
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    if (channel->link.state)
        return channel->link.state;
    return offer(channel->link.realm, channel->link.cookie, gift, &channel->gift);
}

int realm_call_with(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
                    const struct realm_gift *gift, struct realm_reply *reply, uint64_t timeout_ns)
{
    int error = offer_along(channel, gift, size);
    if (error)
        return error;
    const uint32_t ticket = channel->gift;
    error = realm_call(channel, op, data, size, reply, timeout_ns);
    channel->gift = 0;
    if (error && error != REALM_E_SHORT && !channel->link.state)
        withdraw(channel->link.realm, channel->link.cookie, ticket);
    return error;
}

int realm_send_with(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
                    const struct realm_gift *gift, uint64_t timeout_ns)
{
    int error = offer_along(channel, gift, size);
    if (error)
        return error;
    const uint32_t ticket = channel->gift;
    error = realm_send(channel, op, data, size, timeout_ns);
    channel->gift = 0;
    if (error && !channel->link.state)
        withdraw(channel->link.realm, channel->link.cookie, ticket);
    return error;
}

/* While the Memory Manager is asked the client may end, and the token with it: the reply finds that out. */
int realm_reply_with(struct realm *realm, uint64_t token, uint64_t value, const void *data, size_t size,
                     const struct realm_gift *gift)
{
    const struct realm_token *entry = realm_token_find(realm, token);
    uint32_t ticket;
    if (!entry)
        return REALM_E_STALE;
    if (size > REALM_PAYLOAD_MAX)
        return REALM_E_TOO_BIG;
    const uint64_t via = entry->client->link.cookie;
    int error = offer(realm, via, gift, &ticket);
    if (error)
        return error;
    error = realm_reply_ticket(realm, token, value, data, size, ticket);
    if (error && realm_link_find(realm, via))
        withdraw(realm, via, ticket);
    return error;
}

/* --- taking back --- */

static int ask_about(struct realm *realm, uint64_t cookie, enum realm_control_type type)
{
    struct realm_control_cookie request = {.cookie = cookie};
    return realm_control_simple(realm, &request, type, NULL);
}

int realm_revoke(struct realm *realm, uint64_t capability)
{
    return ask_about(realm, capability, REALM_CONTROL_REVOKE);
}

int realm_delete(struct realm *realm, uint64_t capability)
{
    const struct realm_link *link = realm_link_find(realm, capability);
    if (link)
        return REALM_E_BAD_ARGUMENT;
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        if (REALM_LIST_OF(at, struct realm_endpoint, of_realm)->cookie == capability)
            return REALM_E_BAD_ARGUMENT;
    }
    return ask_about(realm, capability, REALM_CONTROL_DELETE);
}

int realm_revoke_child(struct realm *realm, const char *child, const char *service)
{
    struct realm_control_grant request = {.rights = 0};
    int error = realm_control_name(&request.child, child);
    if (!error)
        error = realm_control_name(&request.service, service);
    return error ? error : realm_control_simple(realm, &request, REALM_CONTROL_REVOKE_CHILD, NULL);
}

/* --- endpoints without a name --- */

int realm_create(struct realm *realm, realm_handler *handler, void *context,
                 struct realm_endpoint **ret_endpoint)
{
    struct realm_control_header request = {0};
    struct realm_capability capability;
    struct realm_endpoint *endpoint;
    int error = realm_endpoint_new(realm, handler, context, &endpoint);
    if (error)
        return error;
    error = realm_capability_ask(realm, &request, REALM_CONTROL_CREATE, &capability, NULL);
    if (error) {
        realm_endpoint_free(endpoint);
        return error;
    }
    endpoint->cookie = capability.cookie;
    *ret_endpoint = endpoint;
    return 0;
}

/* --- questions --- */

static int ask_number(struct realm *realm, enum realm_control_type type, uint32_t number)
{
    struct realm_control_number request = {.number = number};
    return realm_control_simple(realm, &request, type, NULL);
}

int realm_may_call_gate(struct realm *realm, uint32_t gate)
{
    return ask_number(realm, REALM_CONTROL_GATE, gate);
}

int realm_may_look(struct realm *realm)
{
    return ask_number(realm, REALM_CONTROL_LOOK, 0);
}
