/*
 * The conversation with the Memory Manager: requests that wait for their answers, and events that come in
 * between.
 *
 * Every packet is decoded into a checked copy before anything acts on it. A packet with descriptors carries
 * a sequence number, and is acknowledged when they are mapped and closed: until then the Memory Manager
 * sends no other descriptor.
 *
 * The rule: packets take effect in the order in which they were sent, an answer before what follows it, as
 * when a client comes right behind the registration. And no user code runs in here. So one request is
 * outstanding at a time, and whoever waits for the Memory Manager needs to expect only that links have ended
 * or appeared.
 */
#include "librealm/client/capability.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "librealm/core/stop_point.h"

int realm_control_name(struct realm_control_name *ret_name, const char *text)
{
    /* One byte more than allowed is enough to see that it is too long. */
    return realm_control_name_init(ret_name, text, strnlen(text, REALM_NAME_MAX + 1u));
}

static void lost(struct realm *realm)
{
    realm->gone = true;
    if (realm->waiter)
        realm_waiter_ignore_control(realm->waiter);
}

int realm_control_tell(struct realm *realm, const void *packet, size_t size)
{
    if (realm->gone)
        return REALM_E_MM_GONE;
    /* That it is gone is for whoever reads to say: what it sent before it went lies there yet. */
    return realm_os_control_send(realm->os, packet, size);
}

static void acknowledge(struct realm *realm, uint64_t sequence)
{
    struct realm_control_ack ack = {.sequence = sequence};
    realm_control_header_init(&ack.header, REALM_CONTROL_ACK, 0);
    realm_control_tell(realm, &ack, sizeof ack);
}

void realm_control_fault(struct realm *realm, uint64_t cookie, enum realm_fault_kind kind)
{
    struct realm_control_fault fault = {.cookie = cookie, .kind = kind};
    realm_control_header_init(&fault.header, REALM_CONTROL_FAULT, 0);
    realm_control_tell(realm, &fault, sizeof fault);
}

void realm_control_give_back(struct realm *realm, uint64_t cookie)
{
    struct realm_control_cookie request = {.cookie = cookie};
    realm_control_header_init(&request.header, REALM_CONTROL_DISCONNECT, ++realm->last_xid);
    realm_control_tell(realm, &request, sizeof request);
}

/* --- events --- */

static void welcome(struct realm *realm, const struct realm_control_welcome *event, const int *handles,
                    unsigned count)
{
    void *page = NULL;
    if (count > 0 && !realm->page)
        (void)realm_os_map(realm->os, handles[0], sizeof(struct realm_control_page), false, &page);
    for (unsigned i = 0; i < count; i++)
        realm_os_close_handle(realm->os, handles[i]);
    acknowledge(realm, event->sequence);
    if (page) {
        realm->page = page;
        realm->id.value = event->realm;
        memcpy(realm->name, event->name.text, sizeof realm->name);
    }
    struct realm_ask *ask = realm->ask;
    if (ask && ask->xid == event->header.xid) {
        ask->answered = true;
        ask->status = realm->page ? 0 : REALM_E_PROTOCOL;
    }
}

static void pool(struct realm *realm, const struct realm_control_pool *event, const int *handles,
                 unsigned count)
{
    realm_pool_add(realm, event, handles, count);
    acknowledge(realm, event->sequence);
}

static void reply(struct realm *realm, const struct realm_control_reply *event)
{
    struct realm_ask *ask = realm->ask;
    if (ask && ask->xid == event->header.xid) {
        ask->answered = true;
        ask->status = event->status;
        ask->value = event->value;
    } else {
        realm_channel_refused(realm, event->header.xid);
    }
}

/* One that comes too late for who asked stays held, and is found by realm_held. */
static void capability(struct realm *realm, const struct realm_control_capability *event)
{
    struct realm_ask *ask = realm->ask;
    if (!ask || ask->xid != event->header.xid)
        return;
    ask->answered = true;
    if (ask->capability)
        *ask->capability = *event;
    else
        ask->status = REALM_E_PROTOCOL;
}

static void closed(struct realm *realm, const struct realm_control_closed *event)
{
    struct realm_link *link = realm_link_find(realm, event->cookie);
    REALM_STOP_POINT("closed");
    if (!link)
        return; /* it was closed here at the same time */
    realm_link_end(link, event->reason);
    if (link->is_server)
        realm_client_free(REALM_LIST_OF(link, struct realm_client, link));
    /* A channel is the user's: it learns of the end by its next call, and disconnects. */
}

/*
 * The control page says so even where the socket is full. A server's client is freed; a channel waits for its
 * user. What the CLOSED that follows is about will have ended.
 */
static void look_for_revoked(struct realm *realm)
{
    uint32_t revocations = realm_load_acquire(&realm->page->revocations);
    if (__builtin_expect(revocations == realm->revocations_seen, 1))
        return;
    realm->revocations_seen = revocations;
    for (unsigned bucket = 0; bucket < REALM_COOKIE_BUCKETS; bucket++) {
        for (struct realm_link *link = realm->cookies[bucket], *next; link; link = next) {
            next = link->next_of_bucket;
            if (link->state || !realm_link_is_revoked(link))
                continue;
            realm_link_end(link, REALM_E_REVOKED);
            if (link->is_server)
                realm_client_free(REALM_LIST_OF(link, struct realm_client, link));
        }
    }
}

static void query(struct realm *realm)
{
    struct realm_os_heap heap;
    realm_os_heap(realm->os, &heap);
    struct realm_control_stats stats = {
        .heap_allocated = heap.allocated,
        .heap_active = heap.active,
        .heap_resident = heap.resident,
        .heap_mapped = heap.mapped,
        .requests = realm->requests,
        .calls = realm->calls,
        .spurious_wakes = realm->spurious_wakes,
        .lost_wakes = realm->lost_wakes,
        .late_replies = realm->late_replies,
    };
    realm_control_header_init(&stats.header, REALM_CONTROL_STATS, 0);
    realm_control_tell(realm, &stats, sizeof stats);
}

static void dispatch(struct realm *realm, const union realm_control_event *event, const int *handles,
                     unsigned count)
{
    switch ((enum realm_control_type)event->header.type) {
    case REALM_CONTROL_WELCOME:
        welcome(realm, &event->welcome, handles, count);
        return;
    case REALM_CONTROL_POOL:
        pool(realm, &event->pool, handles, count);
        return;
    case REALM_CONTROL_CONNECTED:
        REALM_STOP_POINT("connected");
        realm_channel_connected(realm, &event->channel, handles, count);
        acknowledge(realm, event->channel.sequence);
        REALM_STOP_POINT("client-mapped");
        return;
    case REALM_CONTROL_ACCEPTED:
        REALM_STOP_POINT("accepted");
        realm_endpoint_accepted(realm, &event->channel, handles, count);
        acknowledge(realm, event->channel.sequence);
        REALM_STOP_POINT("server-mapped");
        return;
    case REALM_CONTROL_MAPPED:
        REALM_STOP_POINT("mapped");
        realm_memory_mapped(realm, &event->mapped, handles, count);
        acknowledge(realm, event->mapped.sequence);
        return;
    case REALM_CONTROL_REPLY:
        reply(realm, &event->reply);
        break;
    case REALM_CONTROL_CAPABILITY:
        capability(realm, &event->capability);
        break;
    case REALM_CONTROL_CLOSED:
        closed(realm, &event->closed);
        break;
    case REALM_CONTROL_STOP:
        realm->stopped = true;
        break;
    case REALM_CONTROL_QUERY:
        query(realm);
        break;
    default: /* CHILD: whoever spawned it asks nothing yet */
        break;
    }
    for (unsigned i = 0; i < count; i++)
        realm_os_close_handle(realm->os, handles[i]);
}

int realm_control_drain(struct realm *realm)
{
    /* The epoch first: what is sent after this look changes it again. */
    if (realm->page) {
        realm->epoch_seen = realm_load_acquire(&realm->page->epoch);
        look_for_revoked(realm);
    }
    while (!realm->gone) {
        /* One byte more than the largest packet: a longer one shows. */
        uint8_t packet[sizeof(union realm_control_event) + 1u];
        int handles[REALM_CONTROL_FDS_MAX];
        unsigned count = 0;
        size_t size;
        int error = realm_os_control_receive(realm->os, packet, sizeof packet, &size, handles,
                                             REALM_CONTROL_FDS_MAX, &count);
        if (error == REALM_E_WOULD_BLOCK)
            return 0;
        if (error == REALM_E_MM_GONE) {
            lost(realm);
            return 0;
        }
        if (error)
            return error;
        union realm_control_event event;
        error = realm_control_decode_event(packet, size, &event);
        if (!error) {
            dispatch(realm, &event, handles, count);
            if (!realm->ask || !realm->ask->answered)
                continue;
            /* Who asked acts on the answer before anything that came after it; that stays to be seen. */
            realm->epoch_seen--;
            return 0;
        }
        /* A Memory Manager of another version: nothing in it can be used. */
        for (unsigned i = 0; i < count; i++)
            realm_os_close_handle(realm->os, handles[i]);
        if (realm->ask && !realm->page) {
            realm->ask->answered = true;
            realm->ask->status = REALM_E_PROTOCOL;
        }
    }
    return 0;
}

/* --- requests --- */

int realm_control_ask(struct realm *realm, struct realm_ask *ask, void *packet, enum realm_control_type type,
                      uint64_t deadline_ns, bool stoppable)
{
    assert(!realm->ask);
    if (realm->gone)
        return REALM_E_MM_GONE;
    int error = 0;
    if (packet) {
        ask->xid = ++realm->last_xid;
        realm_control_header_init(packet, type, ask->xid);
        error = realm_control_tell(realm, packet, realm_control_size((uint16_t)type));
        REALM_STOP_POINT("asked");
    }
    realm_request_settle(realm);
    realm->ask = ask;
    while (!error) {
        error = realm_control_drain(realm);
        if (error || ask->answered)
            break;
        if (realm->gone)
            error = REALM_E_MM_GONE;
        else if (stoppable && realm->stopped)
            error = REALM_E_STOPPED;
        else
            error = realm_os_control_wait(realm->os, deadline_ns);
    }
    realm->ask = NULL;
    return error;
}

int realm_control_simple(struct realm *realm, void *packet, enum realm_control_type type, uint64_t *ret_value)
{
    struct realm_ask ask = {0};
    uint64_t deadline_ns = realm_deadline(realm, REALM_CONTROL_TIMEOUT_NS);
    int error = realm_control_ask(realm, &ask, packet, type, deadline_ns, false);
    if (error)
        return error;
    if (ask.status == 0 && ret_value)
        *ret_value = ask.value;
    return ask.status;
}
