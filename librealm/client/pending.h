/*
 * Asynchronous calls, as the loop and the channels see them (pending.c).
 */
#ifndef REALM_CLIENT_PENDING_H
#define REALM_CLIENT_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include <realm/pending.h>

#include "librealm/ring/ring.h"

/* A reply that is not the awaited one: of a started call, which ends with a copy of it, or of one that gave
 * up. data holds as much of it as the ring's reader took. Return: 0; REALM_E_PEER_FAULT: it is nobody's. */
int realm_pending_replied(struct realm_channel *channel, const struct realm_message *message,
                          const void *data);
/* After a reply was taken while others may come: a server that waits for room for them is told. */
void realm_pending_made_room(struct realm_channel *channel);

/* The next call that has ended, out of all lists, for realm_pending_deliver. A reply's data may lie in
 * buffer, of REALM_PAYLOAD_MAX bytes. false: none has. */
bool realm_pending_next(struct realm *realm, void *buffer, struct realm_pending_call **ret_call);
/* Calls the handler, and frees the call. */
void realm_pending_deliver(struct realm *realm, struct realm_pending_call *call);
/* The first deadline; REALM_FOREVER: there is none. */
uint64_t realm_pending_due(const struct realm *realm);

/* For the loop's spin: whether a reply is there, and how many channels it looks at. */
bool realm_pending_ready(const struct realm *realm);
/* Parks and arms all that are awake. Return: 0; REALM_E_WOULD_BLOCK: something is there; -errno. */
int realm_pending_park(struct realm *realm);
/* A parked channel was reported, and is not armed any more. */
void realm_pending_woken(struct realm_channel *channel);
/* Awake again, if it was parked: before anything else is to wait for its replies, or it has ended. */
void realm_pending_unpark(struct realm_channel *channel);
/* Looks at all parked channels. Return: how many had something. */
unsigned realm_pending_scan(struct realm *realm);

/* Ends all calls of a channel. */
void realm_pending_end_all(struct realm_channel *channel, int result);
/* Ends all calls and calls their handlers; no other can be started from now on. */
void realm_pending_close(struct realm *realm);

#endif
