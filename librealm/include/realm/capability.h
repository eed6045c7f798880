/*
 * Capabilities: deriving them, giving them away inside a message, taking them back.
 *
 * A realm names what it holds by a cookie, a random number that the Memory Manager gave it; in another
 * realm's hands it means nothing, and naming what one does not hold costs a delay and REALM_E_INCAPABLE. What
 * may be done with what is the policy's to decide (docs/design/capabilities.md); nothing here can add a
 * right.
 *
 * A capability changes hands when it is taken. The giver puts it into a message; the receiver finds a ticket
 * with the message, and takes it, or lets it be. Until then nothing has changed, and what the giver lost
 * meanwhile cannot be taken. A send capability that was taken is a channel of the receiver's own.
 *
 * All functions belong to the thread that opened the realm. Those that ask the Memory Manager (all but the
 * two that only tell a cookie) also return REALM_E_TIMEOUT, REALM_E_MM_GONE and -errno.
 */
#ifndef REALM_CAPABILITY_H
#define REALM_CAPABILITY_H

#include <stddef.h>
#include <stdint.h>

#include <realm/channel.h>
#include <realm/service.h>
#include <realm/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the realm holds, as the Memory Manager describes it. */
struct realm_capability {
    uint64_t cookie;
    enum realm_kind kind;
    uint32_t rights;               /* REALM_RIGHT_* */
    uint64_t badge;                /* of a send, as realm_held tells it; else 0 */
    uint64_t offset, bytes;        /* of memory: its window */
    uint32_t gate;                 /* of a gate: its number */
    uint32_t sealed;               /* of memory: 1: nobody can write it any more (memory.h); else 0 */
    char name[REALM_NAME_MAX + 1]; /* of the service or realm that it is about; "" if none */
};

/* What is to be made. Rights: those that it is to have, no more than its source's; REALM_MOVE: 0. */
struct realm_gift {
    uint64_t source; /* cookie of what it is made from, or of what is moved */
    enum realm_derivation mode;
    uint32_t rights;
    uint64_t badge;         /* REALM_MINT: 1 to 2^63 - 1; the service sees it with the top bit set. Else 0 */
    uint64_t offset, bytes; /* a copy of memory: the window, whole parts (memory.h). Else 0 */
};

/* The cookie of the send capability behind a channel, and of an endpoint. */
uint64_t realm_channel_capability(const struct realm_channel *channel);
uint64_t realm_endpoint_capability(const struct realm_endpoint *endpoint);

/*
 * Makes a capability of one's own from one's own. One that calls comes with a channel, which is the caller's
 * until realm_disconnect; else *ret_channel is NULL.
 * Return: 0; REALM_E_DENIED: rights or window beyond the source's, or no right to mint; REALM_E_BAD_ARGUMENT:
 * what the kind cannot have; REALM_E_LIMIT: a quota; REALM_E_INCAPABLE: no such cookie; REALM_E_STALE: it was
 * one. The outputs are untouched on failure.
 */
int realm_derive(struct realm *realm, const struct realm_gift *gift, struct realm_capability *ret_capability,
                 struct realm_channel **ret_channel);

/*
 * realm_call, realm_send and realm_reply (with status 0) of a message with which a capability comes. Where
 * they fail, nothing was given: what was offered is withdrawn. (A call that timed out may have been served
 * all the same, and what came with it taken.) The message leaves only if the receiver might take it now;
 * else: REALM_E_DENIED: the source lacks GRANT or what is asked of it, the receiver is denied the service or
 * serves it itself; REALM_E_LIMIT: a quota of the receiver, or 16 gifts of this channel wait;
 * REALM_E_INCAPABLE, REALM_E_STALE, REALM_E_BAD_ARGUMENT as realm_derive; or as the function without a gift.
 * realm_reply_with, REALM_E_BAD_ARGUMENT: also for one of several operations in one message
 * (realm_call_many), whose one reply takes no capability. The reply is due yet: realm_reply with a status
 * that tells the client to make this a call of its own.
 */
int realm_call_with(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
                    const struct realm_gift *gift, struct realm_reply *reply, uint64_t timeout_ns);
int realm_send_with(struct realm_channel *channel, uint64_t op, const void *data, size_t size,
                    const struct realm_gift *gift, uint64_t timeout_ns);
int realm_reply_with(struct realm *realm, uint64_t token, uint64_t value, const void *data, size_t size,
                     const struct realm_gift *gift);

/*
 * Takes what came with a message: request->capability or reply->capability. Outputs as of realm_derive.
 * Return: 0; REALM_E_STALE: taken already, withdrawn, or the giver holds it no more; REALM_E_DENIED,
 * REALM_E_LIMIT: not now (it can be tried again); REALM_E_INCAPABLE: there never was such a gift;
 * REALM_E_PEER_DEAD, REALM_E_REVOKED: it ended as it was taken; REALM_E_BAD_ARGUMENT: no ticket.
 */
int realm_take(struct realm *realm, struct realm_ticket ticket, struct realm_capability *ret_capability,
               struct realm_channel **ret_channel);

/*
 * Removes everything that was derived from it, whoever holds that, at any depth; it itself stays. When this
 * returns 0, nothing passes any more through what was removed.
 * Return: 0, also if nothing was derived; REALM_E_DENIED: it lacks REVOKE; REALM_E_INCAPABLE; REALM_E_STALE.
 */
int realm_revoke(struct realm *realm, uint64_t capability);
/* The same for all that a child holds of a service, and for what this realm granted it of that.
 * Return: 0; REALM_E_NOT_CHILD; REALM_E_NO_SERVICE; REALM_E_BAD_NAME. */
int realm_revoke_child(struct realm *realm, const char *child, const char *service);
/*
 * Gives up one capability; what was derived from it stays. Not for what has a channel or an endpoint here:
 * realm_disconnect, realm_unregister. Return: 0; REALM_E_DENIED: of a running child; REALM_E_INCAPABLE;
 * REALM_E_STALE.
 */
int realm_delete(struct realm *realm, uint64_t capability);

/*
 * What the realm holds, one at a time, the newest first: `after` is the last that was told, 0 for the first.
 * Return: 0; REALM_E_STALE: that was the last, or `after` is no more; REALM_E_INCAPABLE.
 */
int realm_held(struct realm *realm, uint64_t after, struct realm_capability *ret_capability);

/*
 * Makes an endpoint without a name: only who is given a send capability to it can call it (Anos: channels).
 * Else as realm_register. Return: 0; REALM_E_LIMIT: a quota.
 */
int realm_create(struct realm *realm, realm_handler *handler, void *context,
                 struct realm_endpoint **ret_endpoint);

/*
 * Whether the realm may make a gated call (1 to 63), and look at others. Return: 0; REALM_E_INCAPABLE: it
 * lacks the capability, as everybody does of gate 0; REALM_E_BAD_ARGUMENT: there is no such number.
 */
int realm_may_call_gate(struct realm *realm, uint32_t gate);
int realm_may_look(struct realm *realm);

#ifdef __cplusplus
}
#endif

#endif
