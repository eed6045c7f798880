/*
 * One end of a channel: two regions, a producer and a consumer, and what happens to them.
 *
 * A link is open as long as its state is 0. Its memory stays mapped until realm_link_close, so that whoever
 * is in the middle of a look at the ring may finish it; nobody pushes into a link that has ended.
 *
 * The rule: a region serves one channel and is then unmapped, never used again; what the peer's region says
 * is read through the ring and nowhere else, but for the two words that the ring's protocol gives to
 * sleepers.
 */
#include "librealm/client/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/core/stop_point.h"

/* Spurious wakes that are forgiven, and how many more for each message: a wake may always come late. */
#define SPURIOUS_FREE        1000u
#define SPURIOUS_PER_MESSAGE 2u

static struct realm_link **bucket_of(struct realm *realm, uint64_t cookie)
{
    /* Cookies are random already. */
    return &realm->cookies[cookie % REALM_COOKIE_BUCKETS];
}

struct realm_link *realm_link_find(struct realm *realm, uint64_t cookie)
{
    struct realm_link *link = *bucket_of(realm, cookie);
    while (link && link->cookie != cookie)
        link = link->next_of_bucket;
    return link;
}

struct realm_link *realm_link_of_slot(const struct realm *realm, uint32_t slot)
{
    return slot < realm->slots_capacity ? realm->slots[slot] : NULL;
}

int realm_link_take_slot(struct realm_link *link)
{
    struct realm *realm = link->realm;
    const struct realm_link *holder = realm_link_of_slot(realm, link->slot);
    if (holder || link->slot >= REALM_SLOTS_MAX)
        return holder == link ? 0 : -EINVAL;
    if (link->slot >= realm->slots_capacity) {
        uint32_t capacity = realm->slots_capacity ? realm->slots_capacity : 16u;
        while (capacity <= link->slot)
            capacity *= 2u;
        struct realm_link **slots = realloc(realm->slots, capacity * sizeof *slots);
        if (!slots)
            return -ENOMEM;
        memset(slots + realm->slots_capacity, 0, (capacity - realm->slots_capacity) * sizeof *slots);
        realm->slots = slots;
        realm->slots_capacity = capacity;
    }
    realm->slots[link->slot] = link;
    return 0;
}

static int map_regions(struct realm *realm, struct realm_link *link, uint32_t number, const int *handles,
                       unsigned handles_count)
{
    struct realm_pool_region own;
    if (!realm_pool_take(realm, number, &own))
        return -EBADF;
    link->own_memory = own.memory;
    link->own = own.memory.memory;
    if (handles_count == 0)
        return -EBADF;
    /* Both regions are as large as the packet says, and large enough for a queue. */
    if (own.bytes != link->region_bytes || realm_region_lines(link->region_bytes) == 0)
        return -EINVAL;
    int error = realm_os_region_map(realm->os, handles[0], link->region_bytes, false, &link->peer_memory);
    if (error)
        return error;
    link->peer = link->peer_memory.memory;
    REALM_STOP_POINT("mapped");
    uint64_t *payload_lines = calloc(REALM_CONSUMER_WORDS(link->region_bytes), sizeof *payload_lines);
    if (!payload_lines)
        return -ENOMEM;
    realm_producer_init(&link->producer, REALM_NORMAL, link->own, link->peer, link->region_bytes,
                        link->queue_messages);
    realm_consumer_init(&link->consumer, REALM_NORMAL, link->own, link->peer, link->region_bytes,
                        payload_lines);
    realm_producer_guard(&link->producer, link->own_memory.gone, link->peer_memory.gone);
    realm_consumer_guard(&link->consumer, link->peer_memory.gone);
    return 0;
}

/* All three at once. Nothing has gone through any of them before the first is used. */
static struct realm_urgent *urgent_of(struct realm_link *link)
{
    if (link->urgent)
        return link->urgent;
    const size_t words = REALM_CONSUMER_WORDS(link->region_bytes);
    struct realm_urgent *urgent =
        calloc(1, sizeof *urgent + REALM_QUEUES * words * sizeof urgent->payload_lines[0]);
    if (!urgent)
        return NULL;
    for (unsigned queue = 0; queue < REALM_QUEUES; queue++) {
        realm_producer_init(&urgent->producers[queue], (enum realm_priority)queue, link->own, link->peer,
                            link->region_bytes, link->queue_messages);
        realm_producer_guard(&urgent->producers[queue], link->own_memory.gone, link->peer_memory.gone);
        realm_consumer_init(&urgent->consumers[queue], (enum realm_priority)queue, link->own, link->peer,
                            link->region_bytes, urgent->payload_lines + queue * words);
        realm_consumer_guard(&urgent->consumers[queue], link->peer_memory.gone);
    }
    link->urgent = urgent;
    return urgent;
}

int realm_link_reserve(struct realm_link *link, struct realm_producer *producer, size_t size, void **ret_data)
{
    int error = realm_producer_reserve(producer, size, ret_data);
    if (!error)
        link->place = (struct realm_place_held){
            .producer = producer, .position = producer->position, .size = (uint32_t)size};
    return error;
}

int realm_link_commit(struct realm_link *link, struct realm_message *message, size_t size)
{
    struct realm_producer *producer = link->place.producer;
    if (!producer || producer->position != link->place.position)
        return REALM_E_STALE;
    if (size > link->place.size)
        return REALM_E_TOO_BIG;
    message->size = (uint16_t)size;
    message->priority = (uint8_t)producer->queue;
    link->place.producer = NULL;
    return realm_producer_commit(producer, message);
}

struct realm_producer *realm_link_producer(struct realm_link *link, enum realm_priority queue)
{
    if (queue == REALM_NORMAL)
        return &link->producer;
    struct realm_urgent *urgent = urgent_of(link);
    return urgent ? &urgent->producers[queue] : NULL;
}

struct realm_consumer *realm_link_consumer(struct realm_link *link, enum realm_priority queue)
{
    if (queue == REALM_NORMAL)
        return &link->consumer;
    struct realm_urgent *urgent = urgent_of(link);
    return urgent ? &urgent->consumers[queue] : NULL;
}

int realm_link_open(struct realm *realm, struct realm_link *link, const struct realm_control_channel *event,
                    const int *handles, unsigned handles_count)
{
    *link = (struct realm_link){
        .realm = realm,
        .hint = -1,
        .slot = event->slot,
        .peer_slot = event->peer_slot,
        .region_bytes = event->region_bytes,
        .queue_messages = event->queue_messages,
        .cookie = event->cookie,
        .is_server = event->header.type == REALM_CONTROL_ACCEPTED,
    };
    int error = map_regions(realm, link, event->region, handles, handles_count);
    for (unsigned i = 0; i < handles_count; i++) {
        if (i == 1 && event->has_hint && !error)
            link->hint = handles[i];
        else
            realm_os_close_handle(realm->os, handles[i]);
    }
    if (error) {
        link->state = REALM_E_PEER_FAULT;
        return error;
    }
    struct realm_link **bucket = bucket_of(realm, link->cookie);
    link->next_of_bucket = *bucket;
    *bucket = link;
    realm->links_open++;
    return 0;
}

void realm_link_discard(struct realm *realm, const struct realm_control_channel *event, const int *handles,
                        unsigned handles_count)
{
    struct realm_pool_region own;
    if (realm_pool_take(realm, event->region, &own))
        realm_os_region_unmap(realm->os, &own.memory);
    for (unsigned i = 0; i < handles_count; i++)
        realm_os_close_handle(realm->os, handles[i]);
}

void realm_link_close(struct realm_link *link)
{
    struct realm *realm = link->realm;
    realm_link_end(link, REALM_E_PEER_DEAD);
    for (struct realm_link **at = bucket_of(realm, link->cookie); *at; at = &(*at)->next_of_bucket) {
        if (*at == link) {
            *at = link->next_of_bucket;
            break;
        }
    }
    if (realm_link_of_slot(realm, link->slot) == link)
        realm->slots[link->slot] = NULL;
    free(link->consumer.payload_lines);
    free(link->urgent);
    link->urgent = NULL;
    if (link->own)
        realm_os_region_unmap(realm->os, &link->own_memory);
    if (link->peer)
        realm_os_region_unmap(realm->os, &link->peer_memory);
    if (link->hint >= 0)
        realm_os_close_handle(realm->os, link->hint);
    link->own = NULL;
    link->peer = NULL;
    link->consumer.payload_lines = NULL;
    link->hint = -1;
}

void realm_link_end(struct realm_link *link, int reason)
{
    if (link->state)
        return;
    link->state = reason;
    link->realm->links_open--;
    /* So that the loop looks at it, and ends its calls. */
    if (!link->is_server)
        realm_pending_unpark(REALM_LIST_OF(link, struct realm_channel, link));
    if (reason == REALM_E_REVOKED)
        REALM_STOP_POINT("revoked");
}

void realm_link_fault(struct realm_link *link, enum realm_fault_kind kind)
{
    if (link->state)
        return;
    realm_link_end(link, REALM_E_PEER_FAULT);
    realm_control_fault(link->realm, link->cookie, kind);
}

bool realm_link_is_revoked(const struct realm_link *link)
{
    const struct realm_control_page *page = link->realm->page;
    if (link->slot >= REALM_CONTROL_SLOTS)
        return false;
    return (realm_load_acquire(&page->revoked[link->slot / 32u]) >> (link->slot % 32u)) & 1u;
}

static bool is_dead(const struct realm_link *link)
{
    const struct realm_control_page *page = link->realm->page;
    if (link->slot >= REALM_CONTROL_SLOTS)
        return false;
    return (realm_load_acquire(&page->dead[link->slot / 32u]) >> (link->slot % 32u)) & 1u;
}

void realm_link_gone(struct realm_link *link)
{
    struct realm *realm = link->realm;
    if (link->is_server) {
        /* It must not wait for what a client does to itself. A report of a channel that the Memory Manager
         * has closed is not looked at. */
        if (realm_link_is_revoked(link))
            realm_link_end(link, REALM_E_REVOKED);
        else if (is_dead(link))
            realm_link_end(link, REALM_E_PEER_DEAD);
        else
            realm_link_fault(link, REALM_FAULT_CLAIM);
        return;
    }
    uint64_t deadline_ns = realm_deadline(realm, REALM_GONE_TIMEOUT_NS);
    int error = realm_control_drain(realm);
    while (!link->state && !error && !realm->gone) {
        error = realm_os_control_wait(realm->os, deadline_ns);
        if (!error)
            error = realm_control_drain(realm);
    }
    realm_link_fault(link, REALM_FAULT_CLAIM); /* if it is still open */
}

/* The bits are the peer's and may be any: at worst it is woken in two ways. */
void realm_link_wake(struct realm_link *link, uint32_t sleeper)
{
    if (sleeper & REALM_PARKED_FUTEX)
        realm_os_wake(link->realm->os, &link->own->bell);
    if ((sleeper & REALM_PARKED_PIPE) && link->hint >= 0)
        realm_os_hint(link->realm->os, link->hint, link->peer_slot);
}

bool realm_link_spurious(struct realm_link *link, uint32_t queued)
{
    link->realm->spurious_wakes++;
    link->spurious_wakes++;
    if (link->spurious_wakes <= SPURIOUS_FREE + SPURIOUS_PER_MESSAGE * (link->messages + queued))
        return false;
    realm_link_fault(link, REALM_FAULT_WAKES);
    return true;
}
