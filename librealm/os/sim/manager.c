/*
 * The twin's Memory Manager: it allows everything, and keeps the protocol's rules.
 *
 * It takes one packet a step. A realm's regions come from a pool that the realm has acknowledged; one
 * packet with descriptors is in flight to a realm at a time, and others overtake it; a channel that ends
 * before an end was told of it is never told. A realm that breaks the protocol is ended. When all realms
 * that provide nothing have ended, it asks the others to stop.
 */
#include "librealm/os/sim/manager.h"

#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

static void answer(struct sim_manager *manager, struct realm_os *realm, uint64_t xid, int status,
                   uint64_t value)
{
    struct realm_control_reply reply = {.status = status, .value = value};
    realm_control_header_init(&reply.header, REALM_CONTROL_REPLY, xid);
    sim_deliver(manager, realm, &reply, NULL, 0);
}

/* --- the pool --- */

static void refill(struct sim_manager *manager, struct realm_os *realm)
{
    struct sim_record *record = &realm->record;
    unsigned target = record->provider ? SIM_POOL_SERVER : SIM_POOL_CLIENT;
    if (!record->welcomed || record->sent_count != 0 || record->ready_count > target / 2u)
        return;
    struct sim_object objects[SIM_POOL_SERVER];
    struct realm_control_pool pool = {.first = record->next_region,
                                      .count = target - record->ready_count,
                                      .region_bytes = manager->world->region_bytes};
    for (uint32_t i = 0; i < pool.count; i++) {
        struct sim_memory *memory = sim_memory_new(manager->world, manager->world->region_bytes);
        record->sent[record->sent_count++] =
            (struct sim_region){.number = record->next_region++, .memory = memory};
        sim_memory_ref(memory);
        objects[i] = (struct sim_object){.memory = memory};
    }
    realm_control_header_init(&pool.header, REALM_CONTROL_POOL, 0);
    sim_deliver(manager, realm, &pool, objects, pool.count);
}

static void acknowledged(struct sim_manager *manager, struct realm_os *realm, uint64_t sequence)
{
    struct sim_record *record = &realm->record;
    if (record->in_flight != sequence)
        return;
    /* A pool packet is all that was sent when regions are under way. */
    if (record->in_flight_pool) {
        for (unsigned i = 0; i < record->sent_count; i++)
            record->ready[record->ready_count++] = record->sent[i];
        record->sent_count = 0;
    }
    record->in_flight = 0;
    sim_deliver_next(manager, realm);
    refill(manager, realm);
}

static struct sim_region take_region(struct sim_record *record)
{
    struct sim_region region = record->ready[0];
    record->ready_count--;
    memmove(&record->ready[0], &record->ready[1], record->ready_count * sizeof record->ready[0]);
    return region;
}

/* --- channels --- */

static struct realm_control_page *page_of(const struct sim_record *record)
{
    return record->page ? (struct realm_control_page *)(void *)record->page->bytes : NULL;
}

static uint32_t take_slot(struct sim_record *record)
{
    for (uint32_t slot = 0; slot < 64u * 16u; slot++) {
        uint64_t bit = UINT64_C(1) << (slot % 64u);
        if (!(record->slots[slot / 64u] & bit)) {
            record->slots[slot / 64u] |= bit;
            page_of(record)->revoked[slot / 32u] &= ~(UINT32_C(1) << (slot % 32u));
            return slot;
        }
    }
    abort();
}

static void free_slot(struct sim_record *record, uint32_t slot)
{
    record->slots[slot / 64u] &= ~(UINT64_C(1) << (slot % 64u));
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
        .rights = server ? 0 : REALM_RIGHT_SEND,
    };
    realm_control_header_init(&packet.header, server ? REALM_CONTROL_ACCEPTED : REALM_CONTROL_CONNECTED,
                              server ? 0 : channel->xid);
    sim_memory_ref(peer->region.memory);
    struct sim_object objects[2] = {{.memory = peer->region.memory}, {.hints = peer->realm}};
    sim_deliver(manager, own->realm, &packet, objects, 1u + packet.has_hint);
}

static struct sim_endpoint *find_service(struct sim_manager *manager, const struct realm_control_name *name)
{
    struct sim_endpoint *endpoint = manager->endpoints;
    while (endpoint &&
           (endpoint->name.size != name->size || memcmp(endpoint->name.text, name->text, name->size) != 0))
        endpoint = endpoint->next;
    return endpoint;
}

/* False: it has to wait for the registration or for a pool. */
static bool try_connect(struct sim_manager *manager, const struct sim_wait *wait)
{
    struct sim_endpoint *endpoint = find_service(manager, &wait->name);
    if (!endpoint) {
        if (!wait->for_registration)
            answer(manager, wait->realm, wait->xid, REALM_E_NO_SERVICE, 0);
        return !wait->for_registration;
    }
    struct sim_record *client = &wait->realm->record, *server = &endpoint->realm->record;
    unsigned needed = client == server ? 2 : 1;
    if (client->ready_count < needed || server->ready_count < needed) {
        refill(manager, wait->realm);
        refill(manager, endpoint->realm);
        return false;
    }
    struct sim_channel *channel = sim_alloc(sizeof *channel);
    channel->endpoint = endpoint;
    channel->xid = wait->xid;
    channel->badge = ++manager->last_badge;
    for (unsigned i = 0; i < 2; i++) {
        struct realm_os *realm = i == 0 ? wait->realm : endpoint->realm;
        channel->ends[i] = (struct sim_channel_end){.realm = realm,
                                                    .cookie = sim_random(manager->world),
                                                    .region = take_region(&realm->record),
                                                    .slot = take_slot(&realm->record)};
    }
    channel->next = manager->channels;
    manager->channels = channel;
    tell_end(manager, channel, true);
    tell_end(manager, channel, false);
    refill(manager, wait->realm);
    refill(manager, endpoint->realm);
    return true;
}

static void try_waiting(struct sim_manager *manager)
{
    for (struct sim_wait **at = &manager->waits; *at;) {
        struct sim_wait *wait = *at;
        if (!try_connect(manager, wait)) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        free(wait);
    }
}

/* Ends a channel. quiet: the realm that ended it and need not be told; NULL: both are. */
static void close_channel(struct sim_manager *manager, struct sim_channel *channel, int reason,
                          const struct realm_os *quiet)
{
    struct sim_channel **at = &manager->channels;
    while (*at != channel)
        at = &(*at)->next;
    *at = channel->next;
    for (unsigned i = 0; i < 2; i++) {
        struct sim_channel_end *end = &channel->ends[i];
        bool unaware = sim_withdraw(manager, end->realm, end->cookie);
        free_slot(&end->realm->record, end->slot);
        sim_memory_unref(manager->world, end->region.memory);
        if (end->realm == quiet || end->realm->record.gone)
            continue;
        if (unaware && i == 0) {
            answer(manager, end->realm, channel->xid, REALM_E_NO_SERVICE, 0);
        } else if (!unaware) {
            struct realm_control_closed closed = {.cookie = end->cookie, .reason = reason};
            realm_control_header_init(&closed.header, REALM_CONTROL_CLOSED, 0);
            sim_deliver(manager, end->realm, &closed, NULL, 0);
        }
    }
    free(channel);
}

/* The broker's steps of a revocation: the page, the epoch, the memory, the wakes. */
static void take_away(struct sim_manager *manager, struct sim_channel *channel, int reason)
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

void sim_manager_close(struct sim_manager *manager, struct realm_os *realm, int reason)
{
    sim_log(manager->world, "manager", "takes away what %s shares", realm->name);
    for (struct sim_channel *channel = manager->channels; channel; channel = channel->next) {
        if ((channel->ends[0].realm == realm || channel->ends[1].realm == realm) && !channel->closing)
            take_away(manager, channel, reason);
    }
    manager->closing = true;
}

static void tell_closed(struct sim_manager *manager)
{
    manager->closing = false;
    for (struct sim_channel *channel = manager->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->closing)
            close_channel(manager, channel, channel->closing, NULL);
    }
}

static struct sim_channel *find_channel(struct sim_manager *manager, const struct realm_os *realm,
                                        uint64_t cookie)
{
    struct sim_channel *channel = manager->channels;
    while (channel && !(channel->ends[0].cookie == cookie && channel->ends[0].realm == realm) &&
           !(channel->ends[1].cookie == cookie && channel->ends[1].realm == realm))
        channel = channel->next;
    return channel;
}

static void withdraw_endpoint(struct sim_manager *manager, struct sim_endpoint *endpoint,
                              const struct realm_os *quiet)
{
    for (struct sim_channel *channel = manager->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->endpoint == endpoint)
            close_channel(manager, channel, REALM_E_PEER_DEAD, quiet);
    }
    struct sim_endpoint **at = &manager->endpoints;
    while (*at != endpoint)
        at = &(*at)->next;
    *at = endpoint->next;
    free(endpoint);
}

/* --- requests --- */

static void hello(struct sim_manager *manager, struct realm_os *realm, uint64_t xid)
{
    struct sim_record *record = &realm->record;
    record->id = ++manager->last_id;
    record->page = sim_memory_new(manager->world, sizeof(struct realm_control_page));
    struct realm_control_welcome welcome = {.realm = record->id};
    realm_control_header_init(&welcome.header, REALM_CONTROL_WELCOME, xid);
    realm_control_name_init(&welcome.name, realm->name, strlen(realm->name));
    sim_memory_ref(record->page);
    struct sim_object page = {.memory = record->page};
    sim_deliver(manager, realm, &welcome, &page, 1);
    record->welcomed = true;
    refill(manager, realm);
}

static void enroll(struct sim_manager *manager, struct realm_os *realm,
                   const struct realm_control_named *request)
{
    if (find_service(manager, &request->name)) {
        answer(manager, realm, request->header.xid, REALM_E_EXISTS, 0);
        return;
    }
    struct sim_endpoint *endpoint = sim_alloc(sizeof *endpoint);
    *endpoint = (struct sim_endpoint){.realm = realm,
                                      .cookie = sim_random(manager->world),
                                      .name = request->name,
                                      .next = manager->endpoints};
    manager->endpoints = endpoint;
    realm->record.provider = true;
    answer(manager, realm, request->header.xid, 0, endpoint->cookie);
    refill(manager, realm);
}

static void connect_to(struct sim_manager *manager, struct realm_os *realm,
                       const struct realm_control_named *request)
{
    struct sim_wait *wait = sim_alloc(sizeof *wait);
    *wait = (struct sim_wait){.realm = realm,
                              .xid = request->header.xid,
                              .for_registration = (request->flags & REALM_CONNECT_WAIT) != 0,
                              .name = request->name};
    struct sim_wait **at = &manager->waits;
    while (*at)
        at = &(*at)->next;
    *at = wait;
}

static void close_cookie(struct sim_manager *manager, struct realm_os *realm,
                         const struct realm_control_cookie *request)
{
    int status = REALM_E_STALE;
    if (request->header.type == REALM_CONTROL_DISCONNECT) {
        struct sim_channel *channel = find_channel(manager, realm, request->cookie);
        if (channel) {
            close_channel(manager, channel, REALM_E_PEER_DEAD, realm);
            status = 0;
        }
    } else {
        struct sim_endpoint *endpoint = manager->endpoints;
        while (endpoint && (endpoint->cookie != request->cookie || endpoint->realm != realm))
            endpoint = endpoint->next;
        if (endpoint) {
            withdraw_endpoint(manager, endpoint, realm);
            status = 0;
        }
    }
    answer(manager, realm, request->header.xid, status, 0);
}

static void fault(struct sim_manager *manager, struct realm_os *realm,
                  const struct realm_control_fault *request)
{
    realm->counters.faults++;
    realm->counters.last_fault = request->kind;
    struct sim_channel *channel = find_channel(manager, realm, request->cookie);
    if (channel)
        close_channel(manager, channel, REALM_E_PEER_FAULT, realm);
}

/* A realm's process is gone. */
static void ended(struct sim_manager *manager, struct realm_os *realm)
{
    struct sim_record *record = &realm->record;
    record->gone = true;
    for (struct sim_endpoint *endpoint = manager->endpoints, *next; endpoint; endpoint = next) {
        next = endpoint->next;
        if (endpoint->realm == realm)
            withdraw_endpoint(manager, endpoint, NULL);
    }
    for (struct sim_channel *channel = manager->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->ends[0].realm == realm || channel->ends[1].realm == realm)
            close_channel(manager, channel, REALM_E_PEER_DEAD, NULL);
    }
    for (struct sim_wait **at = &manager->waits; *at;) {
        struct sim_wait *wait = *at;
        if (wait->realm != realm) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        free(wait);
    }
    sim_record_release(manager->world, record);
}

/* When only providers are left, nobody will ask them for anything any more. */
static void stop_if_idle(struct sim_manager *manager)
{
    struct sim_world *world = manager->world;
    bool had_client = false;
    for (unsigned i = 0; i < world->realms_count; i++) {
        const struct sim_record *record = &world->realms[i]->record;
        if (!record->provider && !record->gone)
            return;
        had_client = had_client || !record->provider;
    }
    for (unsigned i = 0; had_client && !manager->stopping && i < world->realms_count; i++)
        sim_manager_tell(manager, world->realms[i], REALM_CONTROL_STOP);
    manager->stopping = manager->stopping || had_client;
}

static void handle(struct sim_manager *manager, struct realm_os *realm,
                   const union realm_control_request *request)
{
    switch ((enum realm_control_type)request->header.type) {
    case REALM_CONTROL_HELLO:
        hello(manager, realm, request->header.xid);
        return;
    case REALM_CONTROL_REGISTER:
        enroll(manager, realm, &request->named);
        return;
    case REALM_CONTROL_CONNECT:
        connect_to(manager, realm, &request->named);
        return;
    case REALM_CONTROL_UNREGISTER:
    case REALM_CONTROL_DISCONNECT:
        close_cookie(manager, realm, &request->cookie);
        return;
    case REALM_CONTROL_ACK:
        acknowledged(manager, realm, request->ack.sequence);
        return;
    case REALM_CONTROL_FAULT:
        fault(manager, realm, &request->fault);
        return;
    case REALM_CONTROL_STATS:
        realm->record.stats = request->stats;
        return;
    default: /* SPAWN, KILL, GRANT: nobody has children here */
        answer(manager, realm, request->header.xid, REALM_E_NOT_CHILD, 0);
        return;
    }
}

void sim_manager_step(struct sim_manager *manager)
{
    if (manager->closing) {
        tell_closed(manager);
        return;
    }
    struct sim_post *post = manager->posts;
    manager->posts = post->next;
    struct realm_os *realm = post->realm;
    union realm_control_request request;
    if (!post->packet) {
        sim_log(manager->world, "manager", "hears the end of %s", realm->name);
        ended(manager, realm);
    } else if (!realm->record.gone) {
        int error = realm_control_decode_request(post->packet->bytes, post->packet->size, &request);
        if (error)
            abort(); /* the production client sends nothing malformed */
        sim_log(manager->world, "manager", "takes %s of %s", realm_control_type_name(request.header.type),
                realm->name);
        handle(manager, realm, &request);
    }
    try_waiting(manager);
    stop_if_idle(manager);
    free(post->packet);
    free(post);
}

size_t sim_manager_left(const struct sim_world *world)
{
    size_t count = 0;
    for (const struct sim_channel *at = world->manager->channels; at; at = at->next)
        count++;
    for (const struct sim_endpoint *at = world->manager->endpoints; at; at = at->next)
        count++;
    for (const struct sim_wait *at = world->manager->waits; at; at = at->next)
        count++;
    return count;
}
