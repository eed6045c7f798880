/*
 * Talking to the launcher.
 *
 * The launcher is trusted, but it may be slow, and it must never wait for the broker while the broker waits
 * for it: everything is sent without waiting, and what does not fit is queued. Spawns and requests for
 * memory are refused when the queue is long. Kills and the final stop cannot be refused, so they are not
 * packets in the queue but flags, sent when the queue is empty: that also keeps a kill behind its spawn.
 * Nor can copies of memory: without one, what somebody else's revocation concerns would be lost. A part is
 * copied once at a time, so there are at most as many as parts; and they take no room from other requests,
 * so nobody can fill the queue with them.
 *
 * Each request for memory is remembered by its number until it is answered, with the incarnation it is for:
 * what comes for a realm that has ended meanwhile is closed at once.
 */
#include "mm/broker/launch_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/proto/launch.h"
#include "mm/broker/bounds.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/memory.h"
#include "mm/broker/pool.h"
#include "mm/broker/state.h"

#define ROUND_PACKETS 64u

struct launch_packet {
    struct launch_packet *next;
    int fds[REALM_CONTROL_PARTS_MAX]; /* borrowed */
    unsigned fds_count;
    bool copy; /* it may not be refused, and is not counted against those that may */
    uint32_t size;
    uint8_t packet[];
};

/* A request for memory that has no answer yet. */
struct launch_request {
    struct launch_request *next;
    uint64_t xid;
    uint64_t realm;
    enum launch_purpose purpose;
    struct launch_memory memory; /* FOR_MEMORY */
};

struct launch_link {
    struct broker *broker;
    struct poll_source source;
    struct launch_packet *first, **last;
    size_t queued, queued_copies;                     /* the latter among the former */
    struct launch_request *requests, **requests_last; /* in the order of asking, which is that of answers */
    size_t pending;
    uint64_t last_xid;
    bool kills_due; /* some record's kill_due is set */
    bool stop_due;
    bool blocked; /* the socket is full: EPOLLOUT is listened for */
    bool broken;  /* the launcher takes nothing any more */
};

/* --- sending --- */

/* Return: 0; -EAGAIN: later. A launcher that is gone takes everything down with it: nothing to do here. */
static int transmit(struct launch_link *link, const void *packet, size_t size, const int *fds,
                    unsigned fds_count)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(REALM_CONTROL_PARTS_MAX * sizeof(int))] = {0};
    struct iovec part = {(void *)(uintptr_t)packet, size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fds_count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds_count * sizeof(int));
        memcpy(CMSG_DATA(header), fds, fds_count * sizeof(int));
    }
    if (link->broken || sendmsg(link->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS)
        return -EAGAIN;
    link->broken = true;
    return 0;
}

static int send_kills(struct launch_link *link)
{
    struct broker_realm *realm = NULL;
    while ((realm = broker_next_realm(link->broker, realm))) {
        if (!realm->kill_due)
            continue;
        struct realm_launch_kill kill = {.realm = realm->id};
        realm_launch_header_init(&kill.header, REALM_LAUNCH_KILL, 0);
        if (transmit(link, &kill, sizeof(kill), NULL, 0))
            return -EAGAIN;
        realm->kill_due = false;
    }
    link->kills_due = false;
    return 0;
}

static int send_all(struct launch_link *link)
{
    while (link->first) {
        struct launch_packet *packet = link->first;
        if (transmit(link, packet->packet, packet->size, packet->fds, packet->fds_count))
            return -EAGAIN;
        link->first = packet->next;
        if (!link->first)
            link->last = &link->first;
        link->queued--;
        link->queued_copies -= packet->copy;
        free(packet);
    }
    if (link->kills_due && send_kills(link))
        return -EAGAIN;
    if (link->stop_due) {
        struct realm_launch_header stop;
        realm_launch_header_init(&stop, REALM_LAUNCH_STOP, 0);
        if (transmit(link, &stop, sizeof(stop), NULL, 0))
            return -EAGAIN;
        link->stop_due = false;
    }
    return 0;
}

/* A launcher that is gone is listened to only for room; else its end of file would never let us sleep. */
static void listen_again(struct launch_link *link)
{
    struct poll *poll = link->broker->poll;
    poll_remove(poll, &link->source);
    uint32_t events = (link->broker->launcher_gone ? 0u : EPOLLIN) | (link->blocked ? EPOLLOUT : 0u);
    if (events)
        poll_add(poll, &link->source, events);
}

static void flush(struct launch_link *link)
{
    bool blocked = send_all(link) != 0;
    if (blocked == link->blocked)
        return;
    link->blocked = blocked;
    listen_again(link);
}

static int queue_laden(struct launch_link *link, const void *request, const int *fds, unsigned fds_count,
                       bool copy)
{
    const struct realm_launch_header *header = request;
    if (!copy && link->queued - link->queued_copies >= BROKER_LAUNCH_QUEUE_MAX)
        return REALM_E_LIMIT;
    struct launch_packet *packet = calloc(1, sizeof(*packet) + header->size);
    if (!packet)
        return -ENOMEM;
    packet->copy = copy;
    packet->size = header->size;
    memcpy(packet->packet, request, header->size);
    if (fds_count > 0)
        memcpy(packet->fds, fds, fds_count * sizeof(int));
    packet->fds_count = fds_count;
    *link->last = packet;
    link->last = &packet->next;
    link->queued++;
    link->queued_copies += copy;
    flush(link);
    return 0;
}

static int queue(struct launch_link *link, const void *request)
{
    return queue_laden(link, request, NULL, 0, false);
}

int launch_spawn(struct broker_realm *realm, const struct broker_args *args)
{
    struct realm_launch_spawn spawn = {
        .realm = realm->id,
        .program = realm->declaration,
        .args_count = (uint16_t)args->count,
        .args_size = (uint16_t)args->size,
    };
    realm_launch_header_init(&spawn.header, REALM_LAUNCH_SPAWN, ++realm->broker->launch->last_xid);
    int error = realm_control_name_init(&spawn.name, realm->name, strlen(realm->name));
    if (error)
        return error;
    if (args->size > 0)
        memcpy(spawn.args, args->bytes, args->size);
    return queue(realm->broker->launch, &spawn);
}

/* Remembers a request whose packet was queued, if it was, until it is answered. */
static int remember(struct launch_link *link, struct launch_request *request, int error)
{
    if (error) {
        free(request);
        return error;
    }
    *link->requests_last = request;
    link->requests_last = &request->next;
    link->pending++;
    return 0;
}

int launch_regions(struct broker_realm *realm, enum launch_purpose purpose, uint32_t count, uint32_t bytes)
{
    struct launch_link *link = realm->broker->launch;
    struct launch_request *request = calloc(1, sizeof(*request));
    if (!request)
        return -ENOMEM;
    *request = (struct launch_request){.xid = ++link->last_xid, .realm = realm->id, .purpose = purpose};

    struct realm_launch_regions packet = {.count = count, .bytes = bytes};
    realm_launch_header_init(&packet.header, REALM_LAUNCH_REGIONS, request->xid);
    return remember(link, request, queue(link, &packet));
}

int launch_memory(struct broker *broker, const struct launch_memory *ask, const int *fds, unsigned count,
                  uint32_t bytes)
{
    struct launch_link *link = broker->launch;
    struct launch_request *request = calloc(1, sizeof(*request));
    if (!request)
        return -ENOMEM;
    *request = (struct launch_request){.xid = ++link->last_xid, .purpose = LAUNCH_FOR_MEMORY, .memory = *ask};

    struct realm_launch_memory packet = {.count = count, .bytes = bytes, .way = (uint32_t)ask->way};
    realm_launch_header_init(&packet.header, REALM_LAUNCH_MEMORY, request->xid);
    unsigned fds_count = ask->way == REALM_LAUNCH_NEW ? 0 : count;
    bool copy = memory_is_renewal(ask);
    return remember(link, request, queue_laden(link, &packet, fds, fds_count, copy));
}

int launch_limit(struct broker_realm *realm, uint64_t private_bytes)
{
    struct realm_launch_limit packet = {.realm = realm->id, .private_bytes = private_bytes};
    realm_launch_header_init(&packet.header, REALM_LAUNCH_LIMIT, ++realm->broker->launch->last_xid);
    return queue(realm->broker->launch, &packet);
}

void launch_kill(struct broker_realm *realm)
{
    realm->kill_due = true;
    realm->broker->launch->kills_due = true;
    flush(realm->broker->launch);
}

void launch_stop(struct broker *broker)
{
    broker->launch->stop_due = true;
    flush(broker->launch);
}

bool launch_flushed(const struct launch_link *link)
{
    return !link->first && !link->kills_due && !link->stop_due;
}

size_t launch_queued(const struct launch_link *link)
{
    return link->queued;
}

size_t launch_pending(const struct launch_link *link)
{
    return link->pending;
}

/* --- receiving --- */

static struct broker_realm *find_incarnation(struct broker *broker, uint64_t id)
{
    struct broker_realm *realm = NULL;
    while ((realm = broker_next_realm(broker, realm)))
        if (realm->id == id)
            return realm;
    return NULL;
}

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

/* Takes the request of this number off the list. The answer to the oldest nearly always comes first. */
static bool finish_request(struct launch_link *link, uint64_t xid, struct launch_request *ret_request)
{
    for (struct launch_request **at = &link->requests; *at; at = &(*at)->next) {
        struct launch_request *request = *at;
        if (request->xid != xid)
            continue;
        *at = request->next;
        if (!request->next)
            link->requests_last = at;
        *ret_request = *request;
        link->pending--;
        free(request);
        return true;
    }
    return false;
}

/* What was asked for came for a request, count of it, or 0: the launcher could make none. */
static void memory_came(struct launch_link *link, uint64_t xid, const int *fds, uint32_t count)
{
    struct launch_request request = {.realm = 0};
    struct broker_realm *realm = NULL;
    if (finish_request(link, xid, &request) && request.purpose == LAUNCH_FOR_MEMORY) {
        memory_opened(&request.memory, count > 0 ? fds : NULL);
        return;
    }
    realm = find_incarnation(link->broker, request.realm);
    if (!realm || realm->severed)
        close_all(fds, 2 * count);
    else if (request.purpose == LAUNCH_FOR_POOL)
        pool_made(realm, fds, count);
    else
        lifecycle_page_made(realm, count == 1 ? fds[0] : -1, count == 1 ? fds[1] : -1);
}

static void failed(struct launch_link *link, const struct realm_launch_failed *event)
{
    if (event->realm == 0) {
        memory_came(link, event->header.xid, NULL, 0);
        return;
    }
    struct broker_realm *realm = find_incarnation(link->broker, event->realm);
    if (realm)
        lifecycle_not_started(realm, event);
}

/* The descriptors that a packet should have brought are not all there: this process has too many. The
 * launcher has done its part, so what cannot be used has to end. */
static void came_without_fds(struct launch_link *link, const union realm_launch_event *event)
{
    if (event->header.type == REALM_LAUNCH_MADE || event->header.type == REALM_LAUNCH_OPENED) {
        memory_came(link, event->header.xid, NULL, 0);
        return;
    }
    struct broker_realm *realm = find_incarnation(link->broker, event->spawned.realm);
    if (realm)
        lifecycle_offend(realm, "needed more descriptors than the broker may have");
}

static unsigned fds_expected(const union realm_launch_event *event)
{
    if (event->header.type == REALM_LAUNCH_SPAWNED)
        return 3 + event->spawned.has_hint;
    if (event->header.type == REALM_LAUNCH_OPENED)
        return event->opened.count;
    return event->header.type == REALM_LAUNCH_MADE ? 2 * event->made.count : 0;
}

static void dispatch(struct launch_link *link, const union realm_launch_event *event, const int *fds,
                     unsigned fds_count)
{
    struct broker_realm *realm;
    if (fds_count != fds_expected(event)) {
        close_all(fds, fds_count);
        came_without_fds(link, event);
        return;
    }
    switch (event->header.type) {
    case REALM_LAUNCH_SPAWNED:
        realm = find_incarnation(link->broker, event->spawned.realm);
        if (realm)
            lifecycle_started(realm, &event->spawned, fds);
        else
            close_all(fds, fds_count);
        break;
    case REALM_LAUNCH_LOADED:
        realm = find_incarnation(link->broker, event->loaded.realm);
        if (realm)
            lifecycle_loaded(realm);
        break;
    case REALM_LAUNCH_MADE:
        memory_came(link, event->header.xid, fds, event->made.count);
        break;
    case REALM_LAUNCH_OPENED:
        memory_came(link, event->header.xid, fds, event->opened.count);
        break;
    case REALM_LAUNCH_FAILED:
        failed(link, &event->failed);
        break;
    case REALM_LAUNCH_EXITED:
        realm = find_incarnation(link->broker, event->exited.realm);
        if (realm)
            lifecycle_exited(realm, event->exited.wait_status);
        break;
    case REALM_LAUNCH_LIMITED:
        realm = find_incarnation(link->broker, event->limited.realm);
        if (realm)
            bounds_moved(realm, event->limited.private_bytes, event->limited.error);
        break;
    case REALM_LAUNCH_END:
        broker_stop(link->broker);
        break;
    default: /* the decoder lets no other type through */
        break;
    }
}

/* Takes one packet. Return: 1; 0: none is there; -1: the launcher says no more. */
static int receive(struct launch_link *link)
{
    uint8_t packet[REALM_CONTROL_SIZE_MAX];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(REALM_LAUNCH_FDS_MAX * sizeof(int))];
    struct iovec part = {packet, sizeof(packet)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(link->source.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (size == 0)
        return -1;

    int fds[REALM_LAUNCH_FDS_MAX];
    unsigned fds_count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        fds_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(fds, CMSG_DATA(header), fds_count * sizeof(int));
    }
    union realm_launch_event event;
    if ((message.msg_flags & MSG_TRUNC) || realm_launch_decode_event(packet, (size_t)size, &event)) {
        close_all(fds, fds_count);
        logs_say(link->broker->logs, "mm", "the launcher sent what this broker does not understand");
        return 1;
    }
    dispatch(link, &event, fds, fds_count);
    return 1;
}

static void ready(struct poll_source *source, uint32_t events)
{
    struct launch_link *link = broker_container(source, struct launch_link, source);
    struct broker *broker = link->broker;
    if (events & EPOLLOUT)
        flush(link);
    for (unsigned i = 0; i < ROUND_PACKETS && (events & ~(uint32_t)EPOLLOUT) && !broker->launcher_gone; i++) {
        int got = receive(link);
        if (got == 0)
            break;
        if (got < 0) {
            /* It reports no exits any more: what is left to do is to end, as politely as that goes. */
            broker->launcher_gone = true;
            listen_again(link);
            broker_stop(broker);
        }
    }
}

int launch_new(struct broker *broker, int fd, struct launch_link **ret_link)
{
    struct launch_link *link = calloc(1, sizeof(*link));
    if (!link)
        return -ENOMEM;
    link->broker = broker;
    link->source = (struct poll_source){.fd = fd, .ready = ready};
    link->last = &link->first;
    link->requests_last = &link->requests;
    int error = poll_add(broker->poll, &link->source, EPOLLIN);
    if (error) {
        free(link);
        return error;
    }
    *ret_link = link;
    return 0;
}

void launch_free(struct launch_link *link)
{
    if (!link)
        return;
    poll_remove(link->broker->poll, &link->source);
    while (link->first) {
        struct launch_packet *packet = link->first;
        link->first = packet->next;
        free(packet);
    }
    while (link->requests) {
        struct launch_request *request = link->requests;
        link->requests = request->next;
        free(request);
    }
    free(link);
}
