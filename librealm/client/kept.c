/*
 * Replies that wait for room.
 *
 * A client that has many calls under way may not have taken the replies before. Then the next is kept here,
 * and the client is FULL: not read, its parked word says that this realm waits for room as well as for its
 * bell, and the waiter has it armed. Whoever takes a reply while others are to come rings the bell for that.
 *
 * The rule: what is kept is bounded by the replies that are due already, since a client whose replies do not
 * fit is not read; a kept reply counts as due until it is in the queue. It costs its client's turns and
 * nobody else's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/client/internal.h"

struct kept {
    struct realm_list of_client; /* in the order in which they were given */
    uint32_t place;              /* of its token: index + 1 */
    struct realm_message message;
    uint8_t data[];
};

static struct kept *first_of(struct realm_client *client)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it loses track of rings */
    return REALM_LIST_OF(client->kept.next, struct kept, of_client);
}

/* Parks the client, whatever it has, and waits for room. Return: 0; REALM_E_WOULD_BLOCK: there is room for
 * the first reply now; -errno. */
static int await_room(struct realm_client *client)
{
    struct realm_link *link = &client->link;
    struct realm_waiter *waiter = link->realm->waiter;
    const bool pipe = realm_waiter_kind(waiter) == REALM_WAITER_PIPE;
    struct realm_os_word word, tail;
    /* The bell is loaded before the tail: room that is made later than that look changes the bell. */
    realm_consumer_listen(&link->consumer, pipe ? REALM_PARKED_PIPE : REALM_PARKED_FUTEX, &word.address,
                          &word.seen);
    int error = REALM_E_WOULD_BLOCK;
    if (realm_producer_park(&link->producer, first_of(client)->message.size, &tail.address, &tail.seen))
        error = realm_waiter_arm(waiter, link->slot, word.address, word.seen);
    if (error) {
        realm_producer_unpark(&link->producer);
        realm_consumer_unpark(&link->consumer);
    }
    return error;
}

/* Gives what fits. Return: 0; REALM_E_PEER_FAULT, REALM_E_REVOKED. */
static int give(struct realm_client *client)
{
    struct realm *realm = client->link.realm;
    bool any = false;
    int error = 0;
    while (!error && !realm_list_empty(&client->kept)) {
        struct kept *kept = first_of(client);
        error = realm_producer_push(&client->link.producer, &kept->message, kept->data);
        if (error)
            break;
        any = true;
        client->link.messages++;
        realm_list_remove(&kept->of_client);
        realm_token_free(realm, &realm->tokens.entries[kept->place - 1u]);
        free(kept);
    }
    if (any)
        realm_link_pushed(&client->link);
    return error == REALM_E_QUEUE_FULL ? 0 : error;
}

void realm_kept_woken(struct realm_client *client)
{
    realm_producer_unpark(&client->link.producer);
    realm_consumer_unpark(&client->link.consumer);
    realm_client_move(client, REALM_PLACE_ACTIVE);
    int error;
    do {
        error = give(client);
        if (error) {
            realm_request_drop(client, error);
            return;
        }
        if (realm_list_empty(&client->kept))
            return;
        error = await_room(client);
    } while (error == REALM_E_WOULD_BLOCK);
    if (error) {
        /* Nobody would ever tell of room: better an end than a hang. */
        realm_request_drop(client, error);
        return;
    }
    realm_client_move(client, REALM_PLACE_FULL);
}

/* Out of the lists of those that are read, into the waiter. Return: as await_room. */
static int fill(struct realm_client *client)
{
    if (client->place == REALM_PLACE_FULL)
        return 0;
    if (client->place == REALM_PLACE_PARKED) {
        realm_waiter_disarm(client->link.realm->waiter, client->link.slot);
        realm_client_move(client, REALM_PLACE_ACTIVE);
    }
    int error = await_room(client);
    if (!error)
        realm_client_move(client, REALM_PLACE_FULL);
    return error;
}

int realm_reply_keep(struct realm_token *token, const struct realm_message *message, const void *data)
{
    struct realm_client *client = token->client;
    struct kept *kept = malloc(sizeof *kept + message->size);
    if (!kept)
        return REALM_E_QUEUE_FULL;
    kept->place = (uint32_t)(token - client->link.realm->tokens.entries) + 1u;
    kept->message = *message;
    if (message->size != 0)
        memcpy(kept->data, data, message->size);
    realm_list_insert(&client->kept, &kept->of_client);
    int error = fill(client);
    if (error && error != REALM_E_WOULD_BLOCK) {
        realm_list_remove(&kept->of_client);
        free(kept);
        return REALM_E_QUEUE_FULL;
    }
    token->generation++; /* to the service it is given */
    if (error)
        realm_kept_woken(client); /* there is room after all */
    return 0;
}

bool realm_kept_fits(struct realm_client *client)
{
    return realm_producer_has_room(&client->link.producer, first_of(client)->message.size);
}

/*
 * Each of these has rung once, and its wake found no room. Taken, it pays for that wake; but nothing is taken
 * while the client is FULL. So what is queued is counted, as the client claims it, anew at each wake and
 * added to nothing: a lie is worth no more than full queues, once, however often it is told. (Notifications
 * need no such count: 64 may ring before they are taken, and many more wakes are forgiven.)
 */
uint32_t realm_kept_queued(const struct realm_client *client)
{
    const struct realm_link *link = &client->link;
    const uint64_t marks = realm_load_acquire64(&link->peer->marks);
    uint32_t queued = 0;
    for (unsigned queue = 0; queue < REALM_QUEUES; queue++) {
        /* Normal's messages have no count in the marks; each of them takes a line or more. */
        const uint32_t claimed =
            queue == REALM_NORMAL ? realm_consumer_claimed_lines(&link->consumer)
                                  : (uint16_t)((marks >> 16u * queue) - (link->marks_taken >> 16u * queue));
        queued += claimed < link->queue_messages ? claimed : link->queue_messages;
    }
    return queued;
}

void realm_kept_free(struct realm_client *client)
{
    while (!realm_list_empty(&client->kept)) {
        struct kept *kept = first_of(client);
        realm_list_remove(&kept->of_client);
        free(kept);
    }
}
