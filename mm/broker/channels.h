/*
 * Channels: made from a ready region of each of two realms, closed by either, and told to both.
 */
#ifndef MM_BROKER_CHANNELS_H
#define MM_BROKER_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct broker_channel;
struct broker_realm;
struct broker_service;
struct broker_token;
struct policy_outcome;

/* The region and the queues of channels to a service, or, with NULL, to an anonymous endpoint. */
uint32_t channels_region_bytes(const struct broker_service *service);
uint32_t channels_queue_messages(const struct broker_service *service);

/*
 * Makes a channel between two different realms, each of which has a ready region of the size, without telling
 * anybody. service: NULL for an anonymous endpoint; endpoint: the cookie by which the server calls it.
 * Return: 0; REALM_E_LIMIT: one of them has too many; -errno.
 */
int channels_make(struct broker_realm *client, struct broker_realm *server, struct broker_service *service,
                  uint64_t endpoint, struct broker_channel **ret_channel);
/* The policy has made, or moved, the send capability: from now on each leads to the other. */
void channels_bind(struct broker_channel *channel, const struct policy_outcome *outcome);
/* Sends CONNECTED and ACCEPTED. The capability is bound, xid and flags are set by then. */
void channels_tell(struct broker_channel *channel);

/* What is still to be done about a channel that ends. */
enum channels_flags {
    CHANNELS_OF_POLICY = 1, /* the policy still has its capability */
    CHANNELS_MOVED = 4,     /* its capability is another realm's by now, and another channel's */
    CHANNELS_LAST_LOOK = 2, /* if it is the server that leaves, its client may take the last replies */
};

/* Ends a channel and takes its memory away: tells both ends but `quiet` (which knows, or is no more; NULL:
 * none). reason: REALM_E_* as in CLOSED. */
void channels_close(struct broker_channel *channel, int reason, const struct broker_realm *quiet,
                    unsigned flags);
/* Ends all channels to an endpoint of the realm's, whose cookie that is; as the policy has done already. */
void channels_close_all(struct broker_realm *server, uint64_t endpoint);
/* Only frees it: for one that was made and not told, and at the end of the broker. */
void channels_free(struct broker_channel *channel);

struct broker_channel *channels_of_token(struct broker_token *token);
/* The realm has mapped the region that came for this cookie; the channel may be gone by now. */
void channels_acknowledged(struct broker *broker, struct broker_realm *realm, uint64_t cookie);

#endif
