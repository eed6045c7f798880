/*
 * Replies that are due.
 *
 * A token is the place of an entry in a table and the number of the entry's use: generation << 32 | index
 * + 1. It fits once: a reply, or the end of its client, changes the generation. Each entry is in one list:
 * the free ones, or those of its client, so that a client's end costs no search.
 *
 * The rule: a service that does not reply is charged, not its realm: beyond a limit of replies due the client
 * is held, that is, not read; its requests then fill its own ring and nothing else.
 */
#include "librealm/client/internal.h"

#include <errno.h>
#include <stdlib.h>

int realm_token_reserve(struct realm *realm)
{
    struct realm_tokens *tokens = &realm->tokens;
    if (tokens->free != 0)
        return 0;
    uint32_t capacity = tokens->capacity ? 2u * tokens->capacity : 64u;
    struct realm_token *entries = realloc(tokens->entries, capacity * sizeof *entries);
    if (!entries)
        return -ENOMEM;
    for (uint32_t i = capacity; i > tokens->capacity; i--) {
        entries[i - 1u] = (struct realm_token){.next = tokens->free};
        tokens->free = i;
    }
    tokens->entries = entries;
    tokens->capacity = capacity;
    return 0;
}

uint64_t realm_token_new(struct realm_client *client, uint32_t call)
{
    struct realm_tokens *tokens = &client->link.realm->tokens;
    uint32_t place = tokens->free;
    struct realm_token *entry = &tokens->entries[place - 1u];
    tokens->free = entry->next;
    tokens->count++;
    entry->client = client;
    entry->call = call;
    entry->operation = 0;
    entry->previous = 0;
    entry->next = client->tokens;
    if (entry->next != 0)
        tokens->entries[entry->next - 1u].previous = place;
    client->tokens = place;
    client->pending++;
    return (uint64_t)entry->generation << 32 | place;
}

struct realm_token *realm_token_find(const struct realm *realm, uint64_t token)
{
    uint32_t place = (uint32_t)token;
    if (place == 0 || place > realm->tokens.capacity)
        return NULL;
    struct realm_token *entry = &realm->tokens.entries[place - 1u];
    return entry->client && entry->generation == (uint32_t)(token >> 32) ? entry : NULL;
}

/* There is room in the whole table again: whoever was held for that alone is read again. */
static void release_all(struct realm *realm)
{
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_endpoint *endpoint = REALM_LIST_OF(at, struct realm_endpoint, of_realm);
        for (struct realm_list *held = endpoint->held.next, *next; held != &endpoint->held; held = next) {
            next = held->next;
            struct realm_client *client = REALM_LIST_OF(held, struct realm_client, of_place);
            if (client->pending < REALM_CLIENT_PENDING_MAX)
                realm_client_move(client, REALM_PLACE_ACTIVE);
        }
    }
}

void realm_token_free(struct realm *realm, struct realm_token *entry)
{
    struct realm_tokens *tokens = &realm->tokens;
    struct realm_client *client = entry->client;
    uint32_t place = (uint32_t)(entry - tokens->entries) + 1u;
    if (entry->previous != 0)
        tokens->entries[entry->previous - 1u].next = entry->next;
    else
        client->tokens = entry->next;
    if (entry->next != 0)
        tokens->entries[entry->next - 1u].previous = entry->previous;
    client->pending--;
    entry->client = NULL;
    entry->generation++;
    entry->next = tokens->free;
    tokens->free = place;
    if (tokens->count-- == REALM_PENDING_MAX)
        release_all(realm);
    else if (__builtin_expect(client->place == REALM_PLACE_HELD, 0) && tokens->count < REALM_PENDING_MAX)
        realm_client_move(client, REALM_PLACE_ACTIVE);
}
