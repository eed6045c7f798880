/*
 * Requests that are looked at where they lie, in the client's memory.
 *
 * A realm has one view at a time. What it shows may change and may turn to zeros, but reading it never
 * faults: if the client goes meanwhile, its memory stays mapped until the view ends. A request that wraps in
 * its queue is copied once, into the realm's bounce buffer.
 *
 * The rule: an entry that is looked at stays in its queue. So the view ends before this realm takes anything
 * else, or the entry would come a second time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/client/internal.h"

/* Takes the message that peek found lying in two pieces. */
static int copy_out(struct realm *realm, struct realm_consumer *consumer, struct realm_message *message)
{
    struct realm_viewing *viewing = &realm->viewing;
    if (!viewing->bounce)
        viewing->bounce = malloc(REALM_PAYLOAD_MAX);
    if (!viewing->bounce)
        return -ENOMEM;
    return realm_consumer_pop(consumer, message, viewing->bounce, REALM_PAYLOAD_MAX);
}

/* Notifications: there is nothing to look at, and nothing to consume. */
static int view_bits(const struct realm_turn *turn, struct realm_view *ret_view)
{
    int error = realm_client_take_bits(turn);
    if (error)
        return error;
    *ret_view = (struct realm_view){.client = turn->client->id,
                                    .badge = turn->client->badge,
                                    .priority = REALM_CRITICAL,
                                    .bits = turn->bits};
    return 0;
}

static void show(const struct realm_turn *turn, const struct realm_message *message, bool copied,
                 const void *data, struct realm_view *ret_view)
{
    struct realm_client *client = turn->client;
    struct realm_viewing *viewing = &client->link.realm->viewing;
    viewing->open = true;
    viewing->copied = copied;
    viewing->client = client;
    viewing->turn = *turn;
    *ret_view = (struct realm_view){
        .op = message->tag,
        .client = client->id,
        .badge = client->badge,
        .priority = turn->rank,
        .capability = {.via = client->link.cookie, .number = message->ticket},
        .size = message->size,
        .data = copied ? viewing->bounce : data,
    };
}

/* A message of a batch: that is private memory already, but its client's. */
static int view_unpacked(const struct realm_turn *turn, struct realm_view *ret_view)
{
    struct realm_viewing *viewing = &turn->client->link.realm->viewing;
    struct realm_message message;
    uint64_t token;
    if (!viewing->bounce)
        viewing->bounce = malloc(REALM_PAYLOAD_MAX);
    if (!viewing->bounce)
        return -ENOMEM;
    const void *data = realm_unpack_next(turn, &message, &token);
    memcpy(viewing->bounce, data, message.size);
    show(turn, &message, true, NULL, ret_view);
    ret_view->token = token;
    return 0;
}

int realm_view_open(const struct realm_turn *turn, struct realm_view *ret_view)
{
    if (turn->bits)
        return view_bits(turn, ret_view);
    struct realm_client *client = turn->client;
    struct realm *realm = client->link.realm;
    int error = realm_token_reserve(realm);
    if (!error && (client->unpacked_ready >> turn->queue & 1u))
        return view_unpacked(turn, ret_view);
    struct realm_consumer *consumer = error ? NULL : realm_link_consumer(&client->link, turn->queue);
    if (!consumer)
        return -ENOMEM;
    struct realm_message message;
    const void *data = NULL;
    uint32_t before = consumer->messages;
    error = realm_consumer_peek(consumer, &message, &data);
    bool copied = error == 0 && (!data || message.batch);
    if (copied)
        error = copy_out(realm, consumer, &message);
    if (error == -ENOMEM)
        return error;
    if (error == REALM_E_WOULD_BLOCK && (turn->queue == REALM_NORMAL || before != consumer->messages)) {
        realm_request_popped(turn, consumer);
        return error;
    }
    if (error || message.kind == REALM_MESSAGE_REPLY) {
        realm_request_drop(client, error);
        return REALM_E_WOULD_BLOCK;
    }
    if (copied)
        realm_request_popped(turn, consumer);
    if (message.batch) {
        error = realm_unpack_open(turn, &message, realm->viewing.bounce);
        if (!error)
            return view_unpacked(turn, ret_view);
        realm_request_drop(client, error);
        return REALM_E_WOULD_BLOCK;
    }
    show(turn, &message, copied, data, ret_view);
    ret_view->token = realm_request_serve(turn, &message);
    return 0;
}

void realm_view_orphan(struct realm_client *client)
{
    struct realm_viewing *viewing = &client->link.realm->viewing;
    if (!viewing->open || viewing->client != client)
        return;
    viewing->client = NULL;
    viewing->orphan = client->link.peer_memory;
    client->link.peer = NULL; /* so that closing the link leaves it mapped */
}

int realm_consume(struct realm *realm)
{
    struct realm_viewing *viewing = &realm->viewing;
    if (!viewing->open)
        return REALM_E_STALE;
    viewing->open = false;
    struct realm_client *client = viewing->client;
    if (!client) {
        realm_os_region_unmap(realm->os, &viewing->orphan);
        return viewing->copied ? 0 : REALM_E_REVOKED;
    }
    if (viewing->copied)
        return 0;
    struct realm_consumer *consumer = realm_link_consumer(&client->link, viewing->turn.queue);
    int error = realm_consumer_consume(consumer);
    if (error) {
        realm_request_drop(client, error);
        return error;
    }
    realm_request_popped(&viewing->turn, consumer);
    return 0;
}

void realm_view_end(struct realm *realm)
{
    if (__builtin_expect(realm->viewing.open, 0))
        (void)realm_consume(realm);
}

int realm_peek(struct realm_endpoint *endpoint, struct realm_view *ret_view, uint64_t timeout_ns)
{
    struct realm_found found;
    return realm_loop_next(endpoint->realm, endpoint, timeout_ns, (struct realm_taken){.view = ret_view},
                           &found);
}
