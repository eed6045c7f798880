/*
 * Channels of the twin's Memory Manager: made of two regions, told to both ends, taken away, closed. A
 * channel that ends before an end was told of it is never told.
 */
#include "librealm/os/sim/authority.h"

#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

static struct realm_control_page *page_of(const struct sim_record *record)
{
    return record->page ? (struct realm_control_page *)(void *)record->page->bytes : NULL;
}

static unsigned count_free_slots(const struct sim_record *record)
{
    unsigned used = 0;
    for (unsigned i = 0; i < REALM_CONTROL_SLOTS / 64u; i++)
        used += (unsigned)__builtin_popcountll(record->slots[i]);
    return REALM_CONTROL_SLOTS - used;
}

bool sim_channel_has_slots(const struct realm_os *client, const struct realm_os *server)
{
    const unsigned needed = client == server ? 2 : 1;
    return count_free_slots(&client->record) >= needed && count_free_slots(&server->record) >= needed;
}

/* There is one. */
static uint32_t take_slot(struct sim_record *record)
{
    uint32_t word = 0;
    while (record->slots[word] == UINT64_MAX)
        word++;
    const uint32_t bit = (uint32_t)__builtin_ctzll(~record->slots[word]), slot = word * 64u + bit;
    record->slots[word] |= UINT64_C(1) << bit;
    page_of(record)->revoked[slot / 32u] &= ~(UINT32_C(1) << (slot % 32u));
    page_of(record)->dead[slot / 32u] &= ~(UINT32_C(1) << (slot % 32u));
    return slot;
}

static void free_slot(struct sim_record *record, uint32_t slot)
{
    record->slots[slot / 64u] &= ~(UINT64_C(1) << (slot % 64u));
}

/* A realm's channel to itself has no capability; all it can do is send. */
static uint32_t rights_of(const struct sim_manager *manager, const struct sim_channel *channel)
{
    struct policy_capability_info info;
    return policy_capability_get(manager->policy, channel->capability, &info) ? info.rights
                                                                              : REALM_RIGHT_SEND;
}

static void tell_end(struct sim_manager *manager, struct sim_channel *channel, bool server)
{
    struct sim_channel_end *own = &channel->ends[server], *peer = &channel->ends[!server];
    struct realm_control_channel packet = {
        .cookie = own->cookie,
        .endpoint = server ? channel->endpoint->cookie : 0,
        .peer = peer->realm->record.id,
        .badge = server ? channel->badge : 0,
        .region = own->region.number,
        .slot = own->slot,
        .peer_slot = peer->slot,
        .has_hint = manager->world->waiter == REALM_WAITER_PIPE,
        .region_bytes = manager->world->region_bytes,
        .queue_messages = manager->world->queue_messages,
        .rights = server ? 0 : rights_of(manager, channel),
    };
    realm_control_header_init(&packet.header, server ? REALM_CONTROL_ACCEPTED : REALM_CONTROL_CONNECTED,
                              server ? 0 : channel->xid);
    sim_memory_ref(peer->region.memory);
    struct sim_object objects[2] = {{.memory = peer->region.memory}, {.hints = peer->realm}};
    sim_deliver(manager, own->realm, &packet, objects, 1u + packet.has_hint);
}

bool sim_channel_has_regions(struct sim_manager *manager, struct realm_os *client, struct realm_os *server)
{
    unsigned needed = client == server ? 2 : 1;
    if (client->record.ready_count >= needed && server->record.ready_count >= needed)
        return true;
    sim_pool_refill(manager, client);
    sim_pool_refill(manager, server);
    return false;
}

static struct sim_region take_region(struct sim_record *record)
{
    struct sim_region region = record->ready[0];
    record->ready_count--;
    memmove(&record->ready[0], &record->ready[1], record->ready_count * sizeof record->ready[0]);
    return region;
}

struct sim_channel *sim_channel_new(struct sim_manager *manager, struct realm_os *client,
                                    struct sim_endpoint *endpoint, const struct policy_outcome *outcome,
                                    uint64_t xid)
{
    struct sim_channel *channel = sim_alloc(sizeof *channel);
    channel->endpoint = endpoint;
    channel->xid = xid;
    channel->badge = outcome->badge;
    channel->capability = outcome->capability;
    for (unsigned i = 0; i < 2; i++) {
        struct realm_os *realm = i == 0 ? client : endpoint->realm;
        channel->ends[i] = (struct sim_channel_end){.realm = realm,
                                                    .cookie = sim_random(manager->world),
                                                    .region = take_region(&realm->record),
                                                    .slot = take_slot(&realm->record)};
    }
    if (outcome->capability.index != 0)
        policy_set_user(manager->policy, outcome->capability, channel->ends[0].cookie);
    channel->next = manager->channels;
    manager->channels = channel;
    return channel;
}

void sim_channel_tell(struct sim_manager *manager, struct sim_channel *channel)
{
    struct realm_os *client = channel->ends[0].realm, *server = channel->ends[1].realm;
    tell_end(manager, channel, true);
    tell_end(manager, channel, false);
    sim_pool_refill(manager, client);
    sim_pool_refill(manager, server);
}

void sim_channel_close(struct sim_manager *manager, struct sim_channel *channel, int reason,
                       const struct realm_os *quiet)
{
    struct sim_channel **at = &manager->channels;
    while (*at != channel)
        at = &(*at)->next;
    *at = channel->next;
    sim_authority_let_go(manager, channel->ends[0].realm, POLICY_DISCONNECT, channel->capability);
    for (unsigned i = 0; i < 2; i++) {
        struct sim_channel_end *end = &channel->ends[i];
        sim_grants_forget(end);
        sim_let_go(end->realm, end->cookie);
        bool unaware = sim_withdraw(manager, end->realm, end->cookie);
        free_slot(&end->realm->record, end->slot);
        sim_memory_unref(manager->world, end->region.memory);
        if (end->realm == quiet || end->realm->record.gone)
            continue;
        if (unaware && i == 0) {
            sim_answer(manager, end->realm, channel->xid, channel->derived ? reason : REALM_E_NO_SERVICE, 0);
        } else if (!unaware) {
            struct realm_control_closed closed = {.cookie = end->cookie, .reason = reason};
            realm_control_header_init(&closed.header, REALM_CONTROL_CLOSED, 0);
            sim_deliver(manager, end->realm, &closed, NULL, 0);
        }
    }
    free(channel);
}

/* The broker's steps of a revocation: the page, the epoch, the memory, the wakes. */
void sim_channel_take_away(struct sim_manager *manager, struct sim_channel *channel, int reason)
{
    channel->closing = reason;
    for (unsigned i = 0; i < 2; i++) {
        const struct sim_channel_end *end = &channel->ends[i];
        struct realm_control_page *page = page_of(&end->realm->record);
        if (!page)
            continue;
        if (reason == REALM_E_REVOKED) {
            page->revoked[end->slot / 32u] |= UINT32_C(1) << (end->slot % 32u);
            page->revocations++;
        } else if (reason == REALM_E_PEER_DEAD) {
            page->dead[end->slot / 32u] |= UINT32_C(1) << (end->slot % 32u);
        }
        page->epoch++;
    }
    for (unsigned i = 0; i < 2; i++)
        sim_memory_take_away(channel->ends[i].region.memory);
    for (unsigned i = 0; i < 2; i++) {
        const struct realm_control_page *page = page_of(&channel->ends[i].realm->record);
        if (page)
            sim_wake_word(manager->world, &page->epoch);
    }
}

void sim_channel_revoke(struct sim_manager *manager, struct sim_channel *channel)
{
    if (!channel->closing)
        sim_channel_take_away(manager, channel, REALM_E_REVOKED);
    sim_channel_close(manager, channel, REALM_E_REVOKED, NULL);
}

struct sim_channel *sim_channel_find(struct sim_manager *manager, const struct realm_os *realm,
                                     uint64_t cookie)
{
    struct sim_channel *channel = manager->channels;
    while (channel && !(channel->ends[0].cookie == cookie && channel->ends[0].realm == realm) &&
           !(channel->ends[1].cookie == cookie && channel->ends[1].realm == realm))
        channel = channel->next;
    return channel;
}

void sim_endpoint_withdraw(struct sim_manager *manager, struct sim_endpoint *endpoint,
                           const struct realm_os *quiet)
{
    sim_authority_let_go(manager, endpoint->realm, POLICY_UNREGISTER, endpoint->capability);
    for (struct sim_channel *channel = manager->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->endpoint == endpoint)
            sim_channel_close(manager, channel, REALM_E_PEER_DEAD, quiet);
    }
    struct sim_endpoint **at = &manager->endpoints;
    while (*at != endpoint)
        at = &(*at)->next;
    *at = endpoint->next;
    sim_let_go(endpoint->realm, endpoint->cookie);
    free(endpoint);
    sim_authority_clear(manager);
}
