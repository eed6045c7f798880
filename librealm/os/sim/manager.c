/*
 * The twin's Memory Manager: it lets everybody connect, decides about capabilities as the real one does
 * (authority.h), and keeps the protocol's rules.
 *
 * It takes one packet a step. A realm's regions come from a pool that the realm has acknowledged; one
 * packet with descriptors is in flight to a realm at a time, and others overtake it. When all realms that
 * provide nothing have ended, it asks the others to stop.
 */
#include "librealm/os/sim/authority.h"

#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

void sim_answer(struct sim_manager *manager, struct realm_os *realm, uint64_t xid, int status, uint64_t value)
{
    struct realm_control_reply reply = {.status = status, .value = value};
    realm_control_header_init(&reply.header, REALM_CONTROL_REPLY, xid);
    sim_deliver(manager, realm, &reply, NULL, 0);
}

void sim_let_go(struct realm_os *realm, uint64_t cookie)
{
    struct sim_record *record = &realm->record;
    record->let_go[record->let_go_next++ % SIM_LET_GO] = cookie;
}

int sim_not_held(const struct realm_os *realm, uint64_t cookie)
{
    for (unsigned i = 0; i < SIM_LET_GO; i++)
        if (cookie != 0 && realm->record.let_go[i] == cookie)
            return REALM_E_STALE;
    return REALM_E_INCAPABLE;
}

/* --- the pool --- */

void sim_pool_refill(struct sim_manager *manager, struct realm_os *realm)
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
    sim_pool_refill(manager, realm);
}

/* --- connects that wait --- */

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
    struct policy_outcome outcome;
    struct sim_endpoint *endpoint = find_service(manager, &wait->name);
    if (!endpoint) {
        if (!wait->for_registration)
            sim_answer(manager, wait->realm, wait->xid, REALM_E_NO_SERVICE, 0);
        return !wait->for_registration;
    }
    if (!sim_channel_has_slots(wait->realm, endpoint->realm)) {
        sim_answer(manager, wait->realm, wait->xid, REALM_E_LIMIT, 0);
        return true;
    }
    if (!sim_channel_has_regions(manager, wait->realm, endpoint->realm))
        return false;
    int status = sim_authority_connect(manager, wait->realm, endpoint, &outcome);
    if (status)
        sim_answer(manager, wait->realm, wait->xid, status, 0);
    else
        sim_channel_tell(manager, sim_channel_new(manager, wait->realm, endpoint, &outcome, wait->xid));
    return true;
}

void sim_wait_add(struct sim_manager *manager, const struct sim_wait *wait)
{
    struct sim_wait **at = &manager->waits;
    while (*at)
        at = &(*at)->next;
    *at = sim_alloc(sizeof **at);
    **at = *wait;
}

static void try_waiting(struct sim_manager *manager)
{
    for (struct sim_wait **at = &manager->waits; *at;) {
        struct sim_wait *wait = *at;
        if (!(wait->derives ? sim_grants_again(manager, wait) : try_connect(manager, wait))) {
            at = &wait->next;
            continue;
        }
        *at = wait->next;
        free(wait);
    }
}

/* --- channels that are closed under both --- */

void sim_manager_close(struct sim_manager *manager, struct realm_os *realm, int reason)
{
    sim_log(manager->world, "manager", "takes away what %s shares", realm->name);
    for (struct sim_channel *channel = manager->channels; channel; channel = channel->next) {
        if ((channel->ends[0].realm == realm || channel->ends[1].realm == realm) && !channel->closing)
            sim_channel_take_away(manager, channel, reason);
    }
    manager->closing = true;
}

static void tell_closed(struct sim_manager *manager)
{
    manager->closing = false;
    for (struct sim_channel *channel = manager->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->closing)
            sim_channel_close(manager, channel, channel->closing, NULL);
    }
}

/* --- requests --- */

static void hello(struct sim_manager *manager, struct realm_os *realm, uint64_t xid)
{
    struct sim_record *record = &realm->record;
    record->id = ++manager->last_id;
    record->page = sim_memory_new(manager->world, sizeof(struct realm_control_page));
    struct realm_control_welcome welcome = {.realm = record->id};
    sim_authority_started(manager, realm);
    realm_control_header_init(&welcome.header, REALM_CONTROL_WELCOME, xid);
    realm_control_name_init(&welcome.name, realm->name, strlen(realm->name));
    sim_memory_ref(record->page);
    struct sim_object page = {.memory = record->page};
    sim_deliver(manager, realm, &welcome, &page, 1);
    record->welcomed = true;
    sim_pool_refill(manager, realm);
}

static void enroll(struct sim_manager *manager, struct realm_os *realm,
                   const struct realm_control_named *request)
{
    if (find_service(manager, &request->name)) {
        sim_answer(manager, realm, request->header.xid, REALM_E_EXISTS, 0);
        return;
    }
    struct sim_endpoint *endpoint = sim_alloc(sizeof *endpoint);
    *endpoint =
        (struct sim_endpoint){.realm = realm, .cookie = sim_random(manager->world), .name = request->name};
    int status = sim_authority_bind(manager, endpoint);
    if (status) {
        free(endpoint);
        sim_answer(manager, realm, request->header.xid, status, 0);
        return;
    }
    endpoint->next = manager->endpoints;
    manager->endpoints = endpoint;
    realm->record.provider = true;
    sim_answer(manager, realm, request->header.xid, 0, endpoint->cookie);
    sim_pool_refill(manager, realm);
}

static void connect_to(struct sim_manager *manager, struct realm_os *realm,
                       const struct realm_control_named *request)
{
    const struct sim_wait wait = {.realm = realm,
                                  .xid = request->header.xid,
                                  .for_registration = (request->flags & REALM_CONNECT_WAIT) != 0,
                                  .name = request->name};
    sim_wait_add(manager, &wait);
}

/* A cookie of something else is STALE, as one that was the realm's own until lately. */
static void close_cookie(struct sim_manager *manager, struct realm_os *realm,
                         const struct realm_control_cookie *request)
{
    int status = sim_grants_has(manager, realm, request->cookie) ? REALM_E_STALE
                                                                 : sim_not_held(realm, request->cookie);
    if (request->header.type == REALM_CONTROL_DISCONNECT) {
        struct sim_channel *channel = sim_channel_find(manager, realm, request->cookie);
        if (channel) {
            sim_channel_close(manager, channel, REALM_E_PEER_DEAD, realm);
            status = 0;
        }
    } else {
        struct sim_endpoint *endpoint = manager->endpoints;
        while (endpoint && (endpoint->cookie != request->cookie || endpoint->realm != realm))
            endpoint = endpoint->next;
        if (endpoint) {
            sim_endpoint_withdraw(manager, endpoint, realm);
            status = 0;
        }
    }
    sim_answer(manager, realm, request->header.xid, status, 0);
}

static void fault(struct sim_manager *manager, struct realm_os *realm,
                  const struct realm_control_fault *request)
{
    realm->counters.faults++;
    realm->counters.last_fault = request->kind;
    struct sim_channel *channel = sim_channel_find(manager, realm, request->cookie);
    if (channel)
        sim_channel_close(manager, channel, REALM_E_PEER_FAULT, realm);
}

/* A realm's process is gone. */
static void ended(struct sim_manager *manager, struct realm_os *realm)
{
    struct sim_record *record = &realm->record;
    record->gone = true;
    sim_authority_ended(manager, realm);
    for (struct sim_endpoint *endpoint = manager->endpoints, *next; endpoint; endpoint = next) {
        next = endpoint->next;
        if (endpoint->realm == realm)
            sim_endpoint_withdraw(manager, endpoint, NULL);
    }
    for (struct sim_channel *channel = manager->channels, *next; channel; channel = next) {
        next = channel->next;
        if (channel->ends[0].realm == realm || channel->ends[1].realm == realm)
            sim_channel_close(manager, channel, REALM_E_PEER_DEAD, NULL);
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
    sim_authority_clear(manager);
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
    default: /* SPAWN, KILL, GRANT, REVOKE_CHILD: nobody has children here */
        if (!sim_grants_handle(manager, realm, request))
            sim_answer(manager, realm, request->header.xid, REALM_E_NOT_CHILD, 0);
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
        if (error == REALM_E_PROTOCOL)
            abort(); /* the production client sends nothing malformed */
        sim_log(manager->world, "manager", "takes %s of %s", realm_control_type_name(request.header.type),
                realm->name);
        if (error)
            sim_answer(manager, realm, request.header.xid, error, 0);
        else
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
    for (unsigned i = 0; i < world->realms_count; i++)
        for (const struct sim_holding *at = world->realms[i]->record.holdings; at; at = at->next)
            count++;
    return count;
}
