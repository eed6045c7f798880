/*
 * Notifications: bits that a client sets and its service takes, without a message.
 *
 *     client: raise the bits that are not set → ring the bell, if there was any
 *     server: a client with bits has a turn as one with a Critical request → take all of them
 *
 * The rule is the ring's (librealm/ring/bits.h): no bit is lost, and none is taken twice. A bell rings for a
 * bit at most once until it is taken, so notifications wake a server no more often than messages could.
 */
#include "librealm/client/internal.h"

int realm_notify(struct realm_channel *channel, uint64_t bits)
{
    struct realm_link *link = &channel->link;
    int error = realm_hear(link->realm);
    if (error || link->state)
        return error ? error : link->state;
    bool fresh = realm_bits_raise(link->own, link->peer, &link->bits, bits);
    /* What was stored into memory that is gone has reached nobody. */
    if (realm_load_gone(link->own_memory.gone) != 0 || realm_load_gone(link->peer_memory.gone) != 0) {
        realm_link_gone(link);
        return link->state;
    }
    if (fresh) {
        link->messages++;
        realm_link_pushed(link);
    }
    return 0;
}

int realm_client_take_bits(const struct realm_turn *turn)
{
    static const struct realm_message nothing = {.kind = REALM_MESSAGE_ONEWAY};
    struct realm_client *client = turn->client;
    struct realm_link *link = &client->link;
    /* Zeros of gone memory look like the bits that were taken before. */
    if (realm_load_gone(link->peer_memory.gone) != 0) {
        realm_request_drop(client, REALM_E_REVOKED);
        return REALM_E_WOULD_BLOCK;
    }
    realm_bits_take(link->own, &link->bits, turn->bits);
    /* Each may have woken this realm by itself, while the client was FULL. One is counted as it is served. */
    for (uint64_t others = turn->bits & (turn->bits - 1u); others != 0; others &= others - 1u)
        link->messages++;
    (void)realm_request_serve(turn, &nothing);
    return 0;
}
