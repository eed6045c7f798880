/*
 * Receiving from realms. Everything that comes in here is hostile.
 *
 * Who speaks is the socket, nothing else. There is no control buffer, so descriptors that a realm passes are
 * dropped by the kernel before they reach the broker, and their passing shows as MSG_CTRUNC. A packet is
 * received into the broker's own memory and decoded from there; what comes out of the decoder is well
 * formed, and only that is acted on.
 *
 * A realm gets a share of the loop's time and no more: BROKER_ROUND_PACKETS a round, BROKER_SECOND_PACKETS
 * a second. Over the second limit its socket is simply not read until the second is over; the realm then
 * waits in its own send, and everybody else does not notice.
 */
#include "mm/broker/control.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

#include "mm/broker/authority.h"
#include "mm/broker/connect.h"
#include "mm/broker/delegate.h"
#include "mm/broker/delivery.h"
#include "mm/broker/holdings.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/mapping.h"
#include "mm/broker/memory.h"
#include "mm/broker/penalty.h"
#include "mm/broker/registry.h"
#include "mm/broker/requests.h"
#include "mm/broker/sealing.h"
#include "mm/broker/state.h"

void control_hold(struct broker_realm *realm, enum control_hold why)
{
    realm->held |= why;
    poll_remove(realm->broker->poll, &realm->control);
}

void control_release(struct broker_realm *realm, enum control_hold why)
{
    if (!(realm->held & why))
        return;
    realm->held &= ~(unsigned)why;
    if (realm->held || realm->control.fd < 0)
        return;
    if (poll_add(realm->broker->poll, &realm->control, EPOLLIN)) {
        lifecycle_offend(realm, "needed more memory than there is");
        return;
    }
    realm->delivery.blocked = false;
    delivery_flush(realm);
}

static void throttle_over(struct poll_timer *timer)
{
    control_release(broker_container(timer, struct broker_realm, throttle), CONTROL_FLOOD);
}

/* false: it has had its packets of this second, and is not read before the next. */
static bool within_second(struct broker_realm *realm)
{
    struct poll *poll = realm->broker->poll;
    uint64_t now_ns = poll_now_ns();
    if (now_ns - realm->second_start_ns >= REALM_SEC) {
        realm->second_start_ns = now_ns;
        realm->second_packets = 0;
    }
    if (realm->second_packets < BROKER_SECOND_PACKETS)
        return true;
    control_hold(realm, CONTROL_FLOOD);
    poll_timer_start(poll, &realm->throttle, realm->second_start_ns + REALM_SEC);
    events_emit(realm->broker->events, "throttled", "{s:s}", "realm", realm->name);
    return false;
}

/* packet: as it came, perhaps cut; its xid, if it has one, lets the realm match the answer. */
static void refuse(struct broker_realm *realm, const uint8_t *packet, size_t size, const char *what)
{
    struct realm_control_header header = {0};
    if (size >= sizeof(header))
        memcpy(&header, packet, sizeof(header));
    delivery_reply(realm, header.xid, REALM_E_PROTOCOL, 0, 0);
    lifecycle_offend(realm, what);
}

static void hello(struct broker_realm *realm, const struct realm_control_hello *request)
{
    if (realm->hello) {
        delivery_reply(realm, request->header.xid, REALM_E_PROTOCOL, 0, 0);
        lifecycle_offend(realm, "said hello twice");
        return;
    }
    lifecycle_hello(realm, request->header.xid, request->waiter);
}

static void dispatch(struct broker_realm *realm, const union realm_control_request *request)
{
    switch (request->header.type) {
    case REALM_CONTROL_HELLO:
        hello(realm, &request->hello);
        break;
    case REALM_CONTROL_REGISTER:
        registry_register(realm, &request->named);
        break;
    case REALM_CONTROL_UNREGISTER:
        registry_unregister(realm, &request->cookie);
        break;
    case REALM_CONTROL_CONNECT:
        connect_request(realm, &request->named);
        break;
    case REALM_CONTROL_DISCONNECT:
        requests_disconnect(realm, &request->cookie);
        break;
    case REALM_CONTROL_SPAWN:
        requests_spawn(realm, &request->spawn);
        break;
    case REALM_CONTROL_KILL:
        requests_kill(realm, &request->named);
        break;
    case REALM_CONTROL_GRANT:
        requests_grant(realm, &request->grant);
        break;
    case REALM_CONTROL_ACK:
        requests_ack(realm, &request->ack);
        break;
    case REALM_CONTROL_FAULT:
        requests_fault(realm, &request->fault);
        break;
    case REALM_CONTROL_DERIVE:
        delegate_derive(realm, &request->derive);
        break;
    case REALM_CONTROL_OFFER:
        delegate_offer(realm, &request->derive);
        break;
    case REALM_CONTROL_WITHDRAW:
        delegate_withdraw(realm, &request->ticket);
        break;
    case REALM_CONTROL_TAKE:
        delegate_take(realm, &request->ticket);
        break;
    case REALM_CONTROL_REVOKE:
        authority_revoke(realm, &request->cookie);
        break;
    case REALM_CONTROL_REVOKE_CHILD:
        authority_revoke_child(realm, &request->grant);
        break;
    case REALM_CONTROL_DELETE:
        authority_delete(realm, &request->cookie);
        break;
    case REALM_CONTROL_CREATE:
        holdings_create(realm, request->header.xid);
        break;
    case REALM_CONTROL_HELD:
        holdings_next(realm, &request->cookie);
        break;
    case REALM_CONTROL_GATE:
    case REALM_CONTROL_LOOK:
        requests_ask(realm, &request->number);
        break;
    case REALM_CONTROL_ALLOCATE:
        memory_allocate(realm, &request->allocate);
        break;
    case REALM_CONTROL_MAP:
        mapping_request(realm, &request->map);
        break;
    case REALM_CONTROL_SEAL:
        sealing_request(realm, &request->cookie);
        break;
    case REALM_CONTROL_STATS:
        realm->stats = request->stats;
        if (realm->queried)
            realm->second_packets--; /* it was asked: however often, that is no flood of its own */
        realm->queried = false;
        break;
    default: /* the decoder lets no other type through */
        break;
    }
}

static void handle(struct broker_realm *realm, const uint8_t *packet, size_t size, int flags)
{
    union realm_control_request request;
    if (flags & MSG_CTRUNC) {
        refuse(realm, packet, size, "passed descriptors");
        return;
    }
    int error = flags & MSG_TRUNC ? REALM_E_PROTOCOL : realm_control_decode_request(packet, size, &request);
    if (error == REALM_E_PROTOCOL) {
        refuse(realm, packet, size, "sent a packet that is not of this protocol");
        return;
    }
    if (!realm->hello && request.header.type != REALM_CONTROL_HELLO) {
        refuse(realm, packet, size, "spoke before it said hello");
        return;
    }
    if (error && request.header.xid == 0) {
        refuse(realm, packet, size, "sent a value out of range in a packet that has no answer");
        return;
    }
    if (error)
        delivery_reply(realm, request.header.xid, error, 0, 0);
    else
        dispatch(realm, &request);
}

/* An empty packet and the end of the stream read alike. */
static bool is_closed(const struct broker_realm *realm)
{
    struct pollfd pollfd = {.fd = realm->control.fd, .events = POLLRDHUP};
    return poll(&pollfd, 1, 0) != 0;
}

/* Takes one packet. false: there is no more to take now. */
static bool receive(struct broker_realm *realm)
{
    uint8_t packet[REALM_CONTROL_SIZE_MAX];
    struct iovec part = {packet, sizeof(packet)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ssize_t size = recvmsg(realm->control.fd, &message, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size < 0 || (size == 0 && is_closed(realm))) {
        lifecycle_left(realm);
        return false;
    }
    realm->second_packets++;
    handle(realm, packet, (size_t)size, message.msg_flags);
    return true;
}

static void ready(struct poll_source *source, uint32_t events)
{
    struct broker_realm *realm = broker_container(source, struct broker_realm, control);
    if (events & EPOLLOUT)
        delivery_flush(realm);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    for (unsigned i = 0; i < BROKER_ROUND_PACKETS; i++)
        if (realm->severed || realm->offence || realm->held || !within_second(realm) || !receive(realm))
            return;
}

void control_init(struct broker_realm *realm)
{
    realm->control = (struct poll_source){.fd = -1, .ready = ready};
    realm->throttle.fire = throttle_over;
    penalty_init(realm);
}

void control_close(struct broker_realm *realm)
{
    struct poll *poll = realm->broker->poll;
    poll_timer_stop(poll, &realm->throttle);
    penalty_stop(realm);
    realm->held = 0;
    poll_remove(poll, &realm->control);
    if (realm->control.fd >= 0)
        close(realm->control.fd);
    realm->control.fd = -1;
}
