/*
 * A channel belongs to both of its realms and is in the lists of both; it ends with the first of them.
 *
 * Two packets tell of it: CONNECTED to the client with the server's region, ACCEPTED to the server with the
 * client's. Each goes its own way, and either may still be queued when the channel ends. Then it is taken
 * back, so that no realm hears of a channel that is gone: the server hears nothing at all, and the client's
 * connect is tried anew. Regions that no peer has seen go back to their pools.
 */
#include "mm/broker/channels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "librealm/ring/ring.h"
#include "mm/config/stop_point.h"
#include "mm/broker/bounds.h"
#include "mm/broker/connect.h"
#include "mm/broker/cookies.h"
#include "mm/broker/delegate.h"
#include "mm/broker/delivery.h"
#include "mm/broker/page.h"
#include "mm/broker/pool.h"
#include "mm/broker/revoke.h"
#include "mm/broker/state.h"

struct broker_channel *broker_next_channel(const struct broker *broker, const struct broker_channel *after)
{
    return after ? after->next : broker->channels;
}

const char *broker_channel_service(const struct broker_channel *channel)
{
    return channel->service ? channel->service->config->name : "(anonymous)";
}

const char *broker_channel_state(const struct broker_channel *channel)
{
    return channel->client.ready && channel->server.ready ? "open" : "opening";
}

/* A queue is a quarter of a region, with the lines of its bookkeeping. */
uint32_t channels_region_bytes(const struct broker_service *service)
{
    uint32_t queue_bytes = service ? service->config->queue.bytes : 0;
    return queue_bytes != 0 ? REALM_QUEUES * queue_bytes : REALM_REGION_DEFAULT_BYTES;
}

uint32_t channels_queue_messages(const struct broker_service *service)
{
    uint32_t messages = service ? service->config->queue.messages : 0;
    return messages != 0 ? messages : REALM_QUEUE_MESSAGES;
}

struct broker_channel *channels_of_token(struct broker_token *token)
{
    if (token->kind == BROKER_TOKEN_CLIENT_END)
        return broker_container(token, struct broker_channel, client.token);
    realm_assert(token->kind == BROKER_TOKEN_SERVER_END);
    return broker_container(token, struct broker_channel, server.token);
}

/* --- slots: small dense numbers, the lowest free one first --- */

static int slot_take(struct broker_realm *realm, uint32_t *ret_slot)
{
    for (uint32_t word = 0; word < realm->slots_words; word++) {
        if (realm->slots[word] == UINT64_MAX)
            continue;
        uint32_t bit = (uint32_t)__builtin_ctzll(~realm->slots[word]);
        realm->slots[word] |= UINT64_C(1) << bit;
        *ret_slot = word * 64 + bit;
        return 0;
    }
    if (realm->slots_words * 64 >= BROKER_REALM_CHANNELS)
        return REALM_E_LIMIT;
    uint32_t words = realm->slots_words ? realm->slots_words * 2 : 1;
    uint64_t *larger = realloc(realm->slots, words * sizeof(uint64_t));
    if (!larger)
        return -ENOMEM;
    memset(larger + realm->slots_words, 0, (words - realm->slots_words) * sizeof(uint64_t));
    *ret_slot = realm->slots_words * 64;
    larger[realm->slots_words] = 1;
    realm->slots = larger;
    realm->slots_words = words;
    return 0;
}

static void slot_give_back(struct broker_realm *realm, uint32_t slot)
{
    if (slot / 64 < realm->slots_words)
        realm->slots[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
}

/* --- ends --- */

static struct broker_end *end_of(struct broker_channel *channel, const struct broker_realm *realm)
{
    return channel->client.realm == realm ? &channel->client : &channel->server;
}

/* Takes nothing if it fails. */
static int end_open(struct broker_channel *channel, struct broker_end *end, struct broker_realm *realm,
                    enum broker_token_kind kind)
{
    int error = slot_take(realm, &end->slot);
    if (error)
        return error;
    end->token = (struct broker_token){.kind = kind, .owner = realm};
    error = cookies_add(realm->broker->cookies, &end->token);
    if (error) {
        slot_give_back(realm, end->slot);
        return error;
    }
    if (realm->page)
        page_clear(realm->page, end->slot);
    end->realm = realm;
    end->region = pool_take(realm, channels_region_bytes(channel->service));
    end->next_of_realm = realm->channels;
    end->link_back = &realm->channels;
    if (realm->channels)
        end_of(realm->channels, realm)->link_back = &end->next_of_realm;
    realm->channels = channel;
    realm->channels_count++;
    return 0;
}

static void end_close(struct broker_end *end)
{
    struct broker_realm *realm = end->realm;
    if (!realm)
        return;
    delegate_forget(end);
    *end->link_back = end->next_of_realm;
    if (end->next_of_realm)
        end_of(end->next_of_realm, realm)->link_back = end->link_back;
    realm->channels_count--;
    cookies_remove(realm->broker->cookies, &end->token);
    slot_give_back(realm, end->slot);
    pool_close_region(&end->region);
    end->realm = NULL;
}

int channels_make(struct broker_realm *client, struct broker_realm *server, struct broker_service *service,
                  uint64_t endpoint, struct broker_channel **ret_channel)
{
    struct broker *broker = client->broker;
    realm_assert(client != server);
    struct broker_channel *channel = calloc(1, sizeof(*channel));
    if (!channel)
        return -ENOMEM;
    channel->service = service;
    channel->endpoint = endpoint;
    channel->created_ns = poll_now_ns();
    int error = end_open(channel, &channel->client, client, BROKER_TOKEN_CLIENT_END);
    if (!error)
        error = end_open(channel, &channel->server, server, BROKER_TOKEN_SERVER_END);
    if (error) {
        if (channel->client.realm) {
            pool_give_back(client, channel->client.region);
            channel->client.region = (struct broker_region){.write_fd = -1, .read_fd = -1};
            end_close(&channel->client);
        }
        free(channel);
        return error;
    }
    channel->previous = broker->channels_last;
    if (broker->channels_last)
        broker->channels_last->next = channel;
    else
        broker->channels = channel;
    broker->channels_last = channel;
    broker->channels_count++;
    if (service)
        service->clients++;
    *ret_channel = channel;
    return 0;
}

void channels_bind(struct broker_channel *channel, const struct policy_outcome *outcome)
{
    channel->capability = outcome->capability;
    channel->badge = outcome->badge;
    channel->charged = true;
    bounds_charge(channel->client.realm, POLICY_DESCRIPTORS, BOUNDS_CHANNEL_DESCRIPTORS);
    policy_set_user(channel->client.realm->broker->policy, outcome->capability, channel->client.token.cookie);
}

void channels_free(struct broker_channel *channel)
{
    struct broker *broker = channel->client.realm->broker;
    if (channel->charged)
        bounds_release(channel->client.realm, POLICY_DESCRIPTORS, BOUNDS_CHANNEL_DESCRIPTORS);
    if (channel->previous)
        channel->previous->next = channel->next;
    else
        broker->channels = channel->next;
    if (channel->next)
        channel->next->previous = channel->previous;
    else
        broker->channels_last = channel->previous;
    broker->channels_count--;
    if (channel->service)
        channel->service->clients--;
    end_close(&channel->client);
    end_close(&channel->server);
    free(channel);
}

/* --- telling --- */

static uint32_t rights_of(const struct broker_channel *channel)
{
    struct policy_capability_info info;
    const struct policy *policy = channel->client.realm->broker->policy;
    return policy_capability_get(policy, channel->capability, &info) ? info.rights : 0;
}

static void tell_end(struct broker_channel *channel, struct broker_end *end, struct broker_end *peer)
{
    bool client = end == &channel->client;
    struct realm_control_channel packet = {
        .cookie = end->token.cookie,
        .endpoint = client ? 0 : channel->endpoint,
        .peer = peer->realm->id,
        .badge = client ? 0 : channel->badge,
        .region = end->region.number,
        .slot = end->slot,
        .peer_slot = peer->slot,
        .has_hint = peer->realm->waiter == REALM_WAITER_PIPE && peer->realm->hint_fd >= 0,
        .region_bytes = channels_region_bytes(channel->service),
        .queue_messages = channels_queue_messages(channel->service),
        .rights = client ? rights_of(channel) : 0,
    };
    realm_control_header_init(&packet.header, client ? REALM_CONTROL_CONNECTED : REALM_CONTROL_ACCEPTED,
                              client ? channel->xid : 0);
    /* The hint pipe stays its owner's: the packet is withdrawn before that ends. */
    int fds[2] = {peer->region.read_fd, peer->realm->hint_fd};
    peer->region.read_fd = -1;
    delivery_send_laden(end->realm, &packet, fds, 1 + packet.has_hint, 1, end->token.cookie);
}

void channels_tell(struct broker_channel *channel)
{
    tell_end(channel, &channel->server, &channel->client);
    MM_STOP_POINT("broker-accepted");
    tell_end(channel, &channel->client, &channel->server);
}

void channels_acknowledged(struct broker *broker, struct broker_realm *realm, uint64_t cookie)
{
    struct broker_token *token = cookies_find(broker->cookies, cookie);
    if (!token || token->owner != realm)
        return; /* it was closed while the packet was in flight */
    end_of(channels_of_token(token), realm)->ready = true;
    MM_STOP_POINT("broker-mapped");
}

static void say_closed(struct broker_realm *realm, uint64_t cookie, int reason)
{
    struct realm_control_closed packet = {.cookie = cookie, .reason = reason};
    realm_control_header_init(&packet.header, REALM_CONTROL_CLOSED, 0);
    delivery_send(realm, &packet, true);
}

/* Takes back what is still queued for an end. The descriptor in it is the peer's region. */
static bool withdraw(struct broker_end *end, struct broker_end *peer)
{
    return delivery_withdraw(end->realm, end->token.cookie, &peer->region.read_fd);
}

static void end_capability(struct broker *broker, const struct broker_channel *channel)
{
    struct policy_event event = {.kind = POLICY_DISCONNECT,
                                 .actor = policy_init_realm(broker->policy),
                                 .capability = channel->capability};
    struct policy_decision decision;
    policy_decide(broker->policy, &event, &decision);
    realm_assert(decision.status == 0);
    policy_apply(broker->policy, &event, &decision, NULL);
}

static const char *reason_text(int reason)
{
    return reason == REALM_E_PEER_FAULT ? "peer-fault" : "peer-dead";
}

void channels_close(struct broker_channel *channel, int reason, const struct broker_realm *quiet,
                    unsigned flags)
{
    struct broker_realm *client = channel->client.realm, *server = channel->server.realm;
    struct broker *broker = client->broker;
    struct broker_service *service = channel->service;
    uint64_t client_cookie = channel->client.token.cookie, server_cookie = channel->server.token.cookie;
    uint64_t xid = channel->xid;
    uint32_t connect_flags = channel->flags;
    const char *name = broker_channel_service(channel);
    bool derived = channel->derived;

    if (flags & CHANNELS_OF_POLICY)
        end_capability(broker, channel);
    bool client_unaware = withdraw(&channel->client, &channel->server);
    bool server_unaware = withdraw(&channel->server, &channel->client);
    if (client_unaware && server_unaware) {
        pool_give_back(client, channel->client.region);
        pool_give_back(server, channel->server.region);
        channel->client.region = channel->server.region =
            (struct broker_region){.write_fd = -1, .read_fd = -1};
    } else if ((flags & CHANNELS_LAST_LOOK) && server == quiet && !client_unaware) {
        revoke_linger(channel);
    } else {
        revoke_take_away(channel, reason);
    }
    MM_STOP_POINT("broker-close");
    channels_free(channel);

    if (flags & CHANNELS_MOVED)
        ; /* that it was moved is told elsewhere */
    else if (reason == REALM_E_REVOKED)
        events_emit(broker->events, "revoked", "{s:s, s:s, s:s}", "realm", client->name, "service", name,
                    "server", server->name);
    else if (client == quiet && reason == REALM_E_PEER_DEAD)
        events_emit(broker->events, "disconnected", "{s:s, s:s}", "realm", client->name, "service", name);
    else
        events_emit(broker->events, "closed", "{s:s, s:s, s:s}", "realm", client->name, "service", name,
                    "reason", reason_text(reason));
    if (server != quiet && !server_unaware)
        say_closed(server, server_cookie, reason);
    if (client == quiet)
        return;
    if (client_unaware && derived)
        delivery_reply(client, xid, reason, 0, 0); /* what it was derived for is gone */
    else if (client_unaware)
        connect_again(client, service, xid, connect_flags);
    else
        say_closed(client, client_cookie, reason);
}

void channels_close_all(struct broker_realm *server, uint64_t endpoint)
{
    struct broker_channel *next;
    for (struct broker_channel *channel = server->channels; channel; channel = next) {
        bool serves = channel->server.realm == server;
        next = serves ? channel->server.next_of_realm : channel->client.next_of_realm;
        if (serves && channel->endpoint == endpoint)
            channels_close(channel, REALM_E_PEER_DEAD, server, CHANNELS_LAST_LOOK);
    }
}
