/*
 * Revocation: taking a channel's memory away from both of its realms, whatever they do.
 */
#ifndef MM_BROKER_REVOKE_H
#define MM_BROKER_REVOKE_H

#include <stdbool.h>
#include <stdint.h>

struct broker;
struct broker_channel;
struct broker_realm;
struct broker_service;

/*
 * Takes the memory away, for a channel that is about to be freed: page, epoch, truncation, wakes. reason: as
 * in CLOSED. From its return on nothing passes between the two realms, even if both have kept every
 * descriptor and mapping. A realm that made this impossible is ended, and its peer with it.
 */
void revoke_take_away(struct broker_channel *channel, int reason);

/* Keeps the memory of a channel, which is about to be freed, for a second: the client may yet take the last
 * replies of a server that is gone. */
void revoke_linger(struct broker_channel *channel);
/* The client has taken what it wanted, or nothing: cookie is what named its end. */
void revoke_acknowledged(struct broker *broker, uint64_t cookie);

/*
 * A capability was revoked, and with it all that was derived from it: of an endpoint's channels that linger,
 * those that were derived are gone at once, or (all) every one. endpoint: the cookie by which the server
 * calls it.
 */
void revoke_lingering_to(struct broker *broker, uint64_t endpoint, bool all);

/* The realm has ended: nothing lingers for it. */
void revoke_ended(struct broker_realm *client);

/*
 * On an administrator's request: revokes every channel that the realm has as a client of the service, and
 * what was derived from them. The realm's own are closed on return, the others as the policy clears them
 * away. *ret_count: how many of its own. Return: 0; -ENOMEM: nothing was revoked, ask again.
 */
int revoke_channels(struct broker_realm *client, struct broker_service *service, uint32_t *ret_count);
/* What a client was given of its server's hint pipe goes too, for all clients. */
void revoke_cut_hint(const struct broker_realm *server);
/* Only closes them: the policy has let go of their capabilities. */
uint32_t revoke_closes(struct broker_realm *client, struct broker_service *service);

void revoke_init(struct broker *broker);
void revoke_deinit(struct broker *broker);

#endif
