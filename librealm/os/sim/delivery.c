/*
 * How the twin's Memory Manager delivers: plain packets at once, packets with descriptors one at a time,
 * each after the last was acknowledged. After each the realm's epoch moves and its sleepers are woken.
 */
#include "librealm/os/sim/authority.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct sim_manager *sim_manager_new(struct sim_world *world)
{
    struct sim_manager *manager = sim_alloc(sizeof *manager);
    manager->world = world;
    sim_authority_init(manager);
    return manager;
}

static void free_packet(struct sim_world *world, struct sim_packet *packet)
{
    for (unsigned i = 0; packet && i < packet->objects_count; i++)
        sim_object_release(world, &packet->objects[i]);
    free(packet);
}

void sim_record_release(struct sim_world *world, struct sim_record *record)
{
    for (unsigned i = 0; i < record->ready_count; i++)
        sim_memory_unref(world, record->ready[i].memory);
    for (unsigned i = 0; i < record->sent_count; i++)
        sim_memory_unref(world, record->sent[i].memory);
    record->ready_count = record->sent_count = 0;
    for (struct sim_packet *packet; (packet = sim_queue_pop(&record->laden)) != NULL;)
        free_packet(world, packet);
    if (record->page)
        sim_memory_unref(world, record->page);
    record->page = NULL;
}

void sim_manager_free(struct sim_manager *manager)
{
    struct sim_world *world = manager->world;
    for (unsigned i = 0; i < world->realms_count; i++) {
        while (world->realms[i]->record.holdings)
            sim_holding_free(world->realms[i]->record.holdings);
        sim_record_release(world, &world->realms[i]->record);
    }
    for (struct sim_post *post; (post = manager->posts) != NULL; free(post)) {
        manager->posts = post->next;
        free_packet(world, post->packet);
    }
    for (struct sim_channel *channel; (channel = manager->channels) != NULL; free(channel)) {
        manager->channels = channel->next;
        for (unsigned i = 0; i < 2; i++) {
            sim_grants_forget(&channel->ends[i]);
            sim_memory_unref(world, channel->ends[i].region.memory);
        }
    }
    for (struct sim_endpoint *endpoint; (endpoint = manager->endpoints) != NULL; free(endpoint))
        manager->endpoints = endpoint->next;
    for (struct sim_wait *wait; (wait = manager->waits) != NULL; free(wait))
        manager->waits = wait->next;
    sim_authority_deinit(manager);
    free(manager);
}

void sim_manager_post(struct sim_manager *manager, struct realm_os *realm, struct sim_packet *packet)
{
    struct sim_post *post = sim_alloc(sizeof *post);
    *post = (struct sim_post){.realm = realm, .packet = packet};
    struct sim_post **at = &manager->posts;
    while (*at)
        at = &(*at)->next;
    *at = post;
}

bool sim_manager_busy(const struct sim_manager *manager)
{
    return manager->posts != NULL || manager->closing;
}

/* The packet first, then the epoch, then the wake: who wakes by the epoch finds the packet. */
static void send_now(struct sim_manager *manager, struct realm_os *realm, struct sim_packet *packet)
{
    if (realm->ended || manager->world->manager_gone) {
        free_packet(manager->world, packet);
        return;
    }
    struct realm_control_header header;
    memcpy(&header, packet->bytes, sizeof header);
    sim_log(manager->world, "manager", "sends %s to %s", realm_control_type_name(header.type), realm->name);
    sim_queue_push(&realm->inbox, packet);
    if (realm->record.page) {
        struct realm_control_page *page = (struct realm_control_page *)(void *)realm->record.page->bytes;
        page->epoch++;
        sim_wake_word(manager->world, &page->epoch);
    }
    bool listens = realm->on_control || realm->on_waiter;
    if (realm->blocked && listens)
        sim_unblock(realm);
}

void sim_deliver(struct sim_manager *manager, struct realm_os *realm, const void *bytes,
                 const struct sim_object *objects, unsigned count)
{
    struct realm_control_header header;
    memcpy(&header, bytes, sizeof header);
    struct sim_packet *packet = sim_alloc(sizeof *packet);
    memcpy(packet->bytes, bytes, header.size);
    packet->size = header.size;
    for (unsigned i = 0; i < count; i++)
        packet->objects[packet->objects_count++] = objects[i];
    if (count == 0) {
        send_now(manager, realm, packet);
        return;
    }
    sim_queue_push(&realm->record.laden, packet);
    sim_deliver_next(manager, realm);
}

void sim_deliver_next(struct sim_manager *manager, struct realm_os *realm)
{
    struct sim_record *record = &realm->record;
    struct sim_packet *packet = record->in_flight == 0 ? sim_queue_pop(&record->laden) : NULL;
    if (!packet)
        return;
    record->in_flight = ++record->next_sequence;
    /* WELCOME, POOL, CONNECTED, ACCEPTED and MAPPED all have it behind the header. */
    _Static_assert(offsetof(struct realm_control_welcome, sequence) == 16 &&
                       offsetof(struct realm_control_pool, sequence) == 16 &&
                       offsetof(struct realm_control_mapped, sequence) == 16 &&
                       offsetof(struct realm_control_channel, sequence) == 16,
                   "layout");
    memcpy(packet->bytes + 16, &record->in_flight, sizeof record->in_flight);
    struct realm_control_header header;
    memcpy(&header, packet->bytes, sizeof header);
    record->in_flight_pool = header.type == REALM_CONTROL_POOL;
    send_now(manager, realm, packet);
}

static bool tells_of(const struct sim_packet *packet, uint64_t cookie)
{
    struct realm_control_channel channel;
    memcpy(&channel, packet->bytes, sizeof channel);
    return (channel.header.type == REALM_CONTROL_CONNECTED ||
            channel.header.type == REALM_CONTROL_ACCEPTED) &&
           channel.cookie == cookie;
}

bool sim_withdraw(struct sim_manager *manager, struct realm_os *realm, uint64_t cookie)
{
    struct sim_queue kept = {0};
    bool found = false;
    for (struct sim_packet *packet; (packet = sim_queue_pop(&realm->record.laden)) != NULL;) {
        if (tells_of(packet, cookie)) {
            free_packet(manager->world, packet);
            found = true;
        } else {
            sim_queue_push(&kept, packet);
        }
    }
    realm->record.laden = kept;
    return found;
}

void sim_manager_tell(struct sim_manager *manager, struct realm_os *realm, enum realm_control_type type)
{
    struct realm_control_header header;
    realm_control_header_init(&header, type, 0);
    if (realm->record.welcomed)
        sim_deliver(manager, realm, &header, NULL, 0);
}
