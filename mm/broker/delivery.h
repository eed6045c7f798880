/*
 * Delivery: the packets on their way to one realm. Nothing here waits for the realm; what it does not take
 * is queued, and a realm that lets too much wait is ended.
 */
#ifndef MM_BROKER_DELIVERY_H
#define MM_BROKER_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct broker_realm;

void delivery_init(struct broker_realm *realm);
/* Drops what waits and closes the descriptors that packets own. */
void delivery_clear(struct broker_realm *realm);

/* Sends or queues a packet (a struct of proto/control.h); copied. To a realm without a socket: dropped.
 * urgent: the realm is to see it even in the middle of a call (its epoch is bumped). */
void delivery_send(struct broker_realm *realm, const void *packet, bool urgent);
void delivery_reply(struct broker_realm *realm, uint64_t xid, int status, uint64_t value, uint64_t decision);

/*
 * The same for a packet with descriptors; its sequence is filled in. The first `taken` descriptors become the
 * queue's, which closes them once sent; all others stay the caller's and must outlive the packet.
 * cookie: the channel's end that the packet is about, or 0.
 */
void delivery_send_laden(struct broker_realm *realm, const void *packet, const int *fds, unsigned fds_count,
                         unsigned taken, uint64_t cookie);

/* Takes the packet about this cookie back out of the queue. true: it was there, and *ret_fd is the caller's
 * again; false: it is sent. */
bool delivery_withdraw(struct broker_realm *realm, uint64_t cookie, int *ret_fd);

/* Sends what can be sent now. */
void delivery_flush(struct broker_realm *realm);

/* What the realm's ACK was for. false: nothing of this sequence is in flight: an offence. */
bool delivery_acknowledge(struct broker_realm *realm, uint64_t sequence, uint16_t *ret_type,
                          uint64_t *ret_cookie);

/* Somebody waits for what this realm has in flight: it has BROKER_ACK_DEADLINE_NS from now. */
void delivery_hurry(struct broker_realm *realm);

#endif
