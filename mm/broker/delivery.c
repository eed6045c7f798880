/*
 * Two queues a realm: plain packets, and packets laden with descriptors.
 *
 * The kernel counts descriptors in flight per user, and refuses more when a realm lets them lie. So a
 * realm has at most one laden packet in flight: the next is sent when it has acknowledged the last. Plain
 * packets do not wait for that and overtake laden ones; among themselves both kinds keep their order.
 *
 * The rule of patience: nobody waits longer than BROKER_ACK_DEADLINE_NS for a realm to acknowledge. The
 * deadline runs while its welcome is in flight, which the realm itself waits for, while a connect needs its
 * pool, and when the kernel takes no more descriptors for anybody. A realm that computes for a while keeps
 * nobody waiting: what else comes for it lies in the queue, which has its own limit.
 */
#include "mm/broker/delivery.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mm/broker/lifecycle.h"
#include "mm/broker/page.h"
#include "mm/broker/state.h"

#define RETRY_NS (UINT64_C(10) * REALM_MSEC)

struct delivery_packet {
    struct delivery_packet *next;
    bool urgent;
    unsigned taken;    /* of the descriptors, the first: this packet's to close */
    uint64_t sequence; /* laden: not 0 */
    uint64_t cookie;
    unsigned fds_count;
    int fds[REALM_CONTROL_FDS_MAX];
    union realm_control_event packet;
};

/* Every laden packet has its sequence behind the header. */
_Static_assert(offsetof(struct realm_control_welcome, sequence) == 16, "layout");
_Static_assert(offsetof(struct realm_control_pool, sequence) == 16, "layout");
_Static_assert(offsetof(struct realm_control_channel, sequence) == 16, "layout");
_Static_assert(offsetof(struct realm_control_mapped, sequence) == 16, "layout");

static void deadline_passed(struct poll_timer *timer)
{
    lifecycle_offend(broker_container(timer, struct broker_realm, delivery.deadline),
                     "did not acknowledge the descriptors it was sent");
}

static void retry_due(struct poll_timer *timer)
{
    delivery_flush(broker_container(timer, struct broker_realm, delivery.retry));
}

void delivery_init(struct broker_realm *realm)
{
    memset(&realm->delivery, 0, sizeof(realm->delivery));
    realm->delivery.deadline.fire = deadline_passed;
    realm->delivery.retry.fire = retry_due;
}

static void queue_push(struct delivery_queue *queue, struct delivery_packet *packet)
{
    packet->next = NULL;
    if (queue->last)
        queue->last->next = packet;
    else
        queue->first = packet;
    queue->last = packet;
}

static struct delivery_packet *queue_pop(struct delivery_queue *queue)
{
    struct delivery_packet *packet = queue->first;
    queue->first = packet->next;
    if (!queue->first)
        queue->last = NULL;
    return packet;
}

static bool is_answer(const struct delivery_packet *packet)
{
    return packet->packet.header.type == REALM_CONTROL_REPLY ||
           packet->packet.header.type == REALM_CONTROL_CAPABILITY ||
           packet->packet.header.type == REALM_CONTROL_MAPPED;
}

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static void packet_free(struct delivery_packet *packet)
{
    close_all(packet->fds, packet->taken);
    free(packet);
}

void delivery_clear(struct broker_realm *realm)
{
    struct broker_delivery *delivery = &realm->delivery;
    while (delivery->plain.first)
        packet_free(queue_pop(&delivery->plain));
    while (delivery->laden.first)
        packet_free(queue_pop(&delivery->laden));
    poll_timer_stop(realm->broker->poll, &delivery->deadline);
    poll_timer_stop(realm->broker->poll, &delivery->retry);
    delivery->queued = 0;
    delivery->answers = 0;
    delivery->blocked = false;
    delivery->in_flight = 0;
}

static int send_packet(const struct broker_realm *realm, const struct delivery_packet *packet)
{
    struct iovec part = {(void *)(uintptr_t)&packet->packet, packet->packet.header.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(REALM_CONTROL_FDS_MAX * sizeof(int))];
    if (packet->fds_count > 0) {
        memset(control, 0, sizeof(control));
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(packet->fds_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(packet->fds_count * sizeof(int));
        memcpy(CMSG_DATA(header), packet->fds, packet->fds_count * sizeof(int));
    }
    ssize_t sent = sendmsg(realm->control.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 ? -errno : 0;
}

static bool hung_up(const struct broker_realm *realm)
{
    struct pollfd pollfd = {.fd = realm->control.fd};
    return poll(&pollfd, 1, 0) > 0 && (pollfd.revents & POLLHUP);
}

void delivery_hurry(struct broker_realm *realm)
{
    struct broker_delivery *delivery = &realm->delivery;
    if (delivery->in_flight != 0 && !delivery->deadline.armed)
        poll_timer_start(realm->broker->poll, &delivery->deadline, poll_now_ns() + BROKER_ACK_DEADLINE_NS);
}

/* There is no room for more descriptors in flight: whoever lets some lie keeps others waiting. */
static void hurry_everybody(struct broker *broker)
{
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next)
        delivery_hurry(realm);
}

/* One attempt at the first packet of a queue. true: it is gone and the next may follow. */
static bool send_first(struct broker_realm *realm, struct delivery_queue *queue)
{
    struct broker_delivery *delivery = &realm->delivery;
    struct delivery_packet *packet = queue->first;
    int error = send_packet(realm, packet);
    if (error == -EAGAIN) {
        if (realm->control.added && !delivery->blocked)
            poll_change(realm->broker->poll, &realm->control, EPOLLIN | EPOLLOUT);
        delivery->blocked = true;
        return false;
    }
    if (error == -ETOOMANYREFS || error == -ENOMEM || error == -ENOBUFS) {
        if (error == -ETOOMANYREFS && !delivery->retry.armed)
            hurry_everybody(realm->broker);
        poll_timer_start(realm->broker->poll, &delivery->retry, poll_now_ns() + RETRY_NS);
        return false;
    }
    /* Any other failure means that nobody reads at the other end. If it is closed, reading will say so. */
    if (error && !hung_up(realm))
        lifecycle_offend(realm, "closed its control socket for reading");
    if (!error && packet->sequence != 0) {
        delivery->in_flight = packet->sequence;
        delivery->in_flight_type = packet->packet.header.type;
        delivery->in_flight_cookie = packet->cookie;
        realm->broker->waits_changed = true; /* a connect that waits for the pool waits for this */
    }
    if (!error && packet->urgent && realm->page)
        page_bump(realm->page);
    queue_pop(queue);
    delivery->queued--;
    delivery->answers -= is_answer(packet);
    packet_free(packet);
    return true;
}

void delivery_flush(struct broker_realm *realm)
{
    struct broker_delivery *delivery = &realm->delivery;
    if (realm->control.fd < 0)
        return;
    while (delivery->plain.first)
        if (!send_first(realm, &delivery->plain))
            return;
    while (delivery->laden.first && delivery->in_flight == 0)
        if (!send_first(realm, &delivery->laden))
            return;
    if (delivery->in_flight_type == REALM_CONTROL_WELCOME)
        delivery_hurry(realm);
    if (delivery->blocked && realm->control.added)
        poll_change(realm->broker->poll, &realm->control, EPOLLIN);
    delivery->blocked = false;
}

static struct delivery_packet *packet_new(struct broker_realm *realm, const void *packet)
{
    struct delivery_packet *copy = calloc(1, sizeof(*copy));
    if (!copy) {
        lifecycle_offend(realm, "needed more memory than there is");
        return NULL;
    }
    const struct realm_control_header *header = packet;
    memcpy(&copy->packet, packet, header->size);
    return copy;
}

/*
 * A realm is ended at the answer that is one too many: it asks on without reading. What comes unasked does
 * not count, or a server that computes for a while would be ended for the clients that leave it meanwhile;
 * that is bounded by the channels and children that it has.
 */
static void push(struct broker_realm *realm, struct delivery_queue *queue, struct delivery_packet *packet)
{
    queue_push(queue, packet);
    realm->delivery.queued++;
    realm->delivery.answers += is_answer(packet);
    delivery_flush(realm);
    if (realm->delivery.answers > BROKER_QUEUE_ANSWERS || realm->delivery.queued > BROKER_QUEUE_PACKETS)
        lifecycle_offend(realm, "did not read what it was sent");
}

void delivery_send(struct broker_realm *realm, const void *packet, bool urgent)
{
    if (realm->control.fd < 0 || realm->offence)
        return;
    struct delivery_packet *copy = packet_new(realm, packet);
    if (!copy)
        return;
    copy->urgent = urgent;
    push(realm, &realm->delivery.plain, copy);
}

void delivery_reply(struct broker_realm *realm, uint64_t xid, int status, uint64_t value, uint64_t decision)
{
    struct realm_control_reply reply = {.status = status, .value = value, .decision = decision};
    realm_control_header_init(&reply.header, REALM_CONTROL_REPLY, xid);
    delivery_send(realm, &reply, false);
}

void delivery_send_laden(struct broker_realm *realm, const void *packet, const int *fds, unsigned fds_count,
                         unsigned taken, uint64_t cookie)
{
    struct delivery_packet *copy = NULL;
    if (realm->control.fd >= 0 && !realm->offence)
        copy = packet_new(realm, packet);
    if (!copy) {
        close_all(fds, taken);
        return;
    }
    copy->urgent = true; /* it must be acknowledged soon, also by a realm that is in a call */
    copy->taken = taken;
    copy->cookie = cookie;
    copy->fds_count = fds_count;
    memcpy(copy->fds, fds, fds_count * sizeof(int));
    copy->sequence = ++realm->delivery.last_sequence;
    copy->packet.pool.sequence = copy->sequence;
    push(realm, &realm->delivery.laden, copy);
}

bool delivery_withdraw(struct broker_realm *realm, uint64_t cookie, int *ret_fd)
{
    struct delivery_queue *queue = &realm->delivery.laden;
    struct delivery_packet *previous = NULL;
    for (struct delivery_packet *packet = queue->first; packet; previous = packet, packet = packet->next) {
        if (packet->cookie != cookie)
            continue;
        if (previous)
            previous->next = packet->next;
        else
            queue->first = packet->next;
        if (queue->last == packet)
            queue->last = previous;
        realm->delivery.queued--;
        *ret_fd = packet->fds[0];
        free(packet);
        return true;
    }
    return false;
}

bool delivery_acknowledge(struct broker_realm *realm, uint64_t sequence, uint16_t *ret_type,
                          uint64_t *ret_cookie)
{
    struct broker_delivery *delivery = &realm->delivery;
    if (sequence == 0 || sequence != delivery->in_flight)
        return false;
    *ret_type = delivery->in_flight_type;
    *ret_cookie = delivery->in_flight_cookie;
    delivery->in_flight = 0;
    poll_timer_stop(realm->broker->poll, &delivery->deadline);
    delivery_flush(realm);
    return true;
}
