/*
 * Endpoints and their clients.
 *
 * Every client of an endpoint is in one of three lists: active (awake, looked at in turn), parked (asleep,
 * armed in the waiter) or held (too many replies due, not read at all). The loop moves them.
 *
 * The rule: a client disappears only when its link ends, and takes its tokens, its armed wait and its place
 * in the lists with it. So nobody may keep a pointer to one while the control socket is read or a handler
 * runs.
 */
#include "librealm/client/internal.h"

#include <errno.h>
#include <stdlib.h>

/* --- clients --- */

void realm_client_move(struct realm_client *client, enum realm_place place)
{
    struct realm_endpoint *endpoint = client->endpoint;
    struct realm *realm = client->link.realm;
    if (client->place == REALM_PLACE_ACTIVE)
        endpoint->active_count--;
    else if (realm_client_armed(client))
        realm->parked_count--;
    realm_list_remove(&client->of_place);
    client->place = place;
    switch (place) {
    case REALM_PLACE_ACTIVE:
        endpoint->active_count++;
        client->last_served = realm->requests;
        realm_list_insert(&endpoint->active, &client->of_place);
        return;
    case REALM_PLACE_PARKED:
    case REALM_PLACE_FULL:
        realm->parked_count++;
        realm_list_insert(&endpoint->parked, &client->of_place);
        return;
    case REALM_PLACE_HELD:
        realm_list_insert(&endpoint->held, &client->of_place);
        return;
    }
}

static struct realm_endpoint *find_endpoint(struct realm *realm, uint64_t cookie)
{
    for (struct realm_list *at = realm->endpoints.next; at != &realm->endpoints; at = at->next) {
        struct realm_endpoint *endpoint = REALM_LIST_OF(at, struct realm_endpoint, of_realm);
        if (endpoint->cookie == cookie)
            return endpoint;
    }
    return NULL;
}

void realm_endpoint_accepted(struct realm *realm, const struct realm_control_channel *event,
                             const int *handles, unsigned handles_count)
{
    struct realm_endpoint *endpoint = find_endpoint(realm, event->endpoint);
    if (!endpoint) {
        /* It was unregistered at the same time, which closes this channel too. */
        realm_link_discard(realm, event, handles, handles_count);
        return;
    }
    if (realm_leave_crowded(endpoint)) {
        realm_link_discard(realm, event, handles, handles_count);
        realm_control_give_back(realm, event->cookie);
        return;
    }
    struct realm_client *client = calloc(1, sizeof *client);
    if (!client) {
        realm_link_discard(realm, event, handles, handles_count);
        realm_control_fault(realm, event->cookie, REALM_FAULT_UNMAPPED);
        return;
    }
    if (realm_link_open(realm, &client->link, event, handles, handles_count) ||
        realm_link_take_slot(&client->link)) {
        realm_link_close(&client->link);
        free(client);
        realm_control_fault(realm, event->cookie, REALM_FAULT_UNMAPPED);
        return;
    }
    realm_list_init(&client->kept);
    client->endpoint = endpoint;
    client->id.value = event->peer;
    client->badge = event->badge;
    client->last_served = realm->requests;
    /* Awake at first: its requests are found without a wake. */
    client->place = REALM_PLACE_ACTIVE;
    endpoint->active_count++;
    endpoint->clients++;
    realm_list_insert(&endpoint->active, &client->of_place);
}

void realm_client_free(struct realm_client *client)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it cannot follow the ring of a list */
    struct realm *realm = client->link.realm;
    realm_kept_free(client);
    realm_unpack_free(client);
    while (client->tokens != 0)
        realm_token_free(realm, &realm->tokens.entries[client->tokens - 1u]);
    if (realm_client_armed(client) && realm->waiter)
        realm_waiter_disarm(realm->waiter, client->link.slot);
    realm_client_move(client, REALM_PLACE_HELD);
    realm_list_remove(&client->of_place);
    client->endpoint->clients--;
    if (realm->owed == client)
        realm->owed = NULL;
    realm_view_orphan(client);
    realm_link_close(&client->link);
    if (client->endpoint->leave_handler)
        realm_leave_note(client);
    else
        free(client);
}

/* --- endpoints --- */

int realm_endpoint_new(struct realm *realm, realm_handler *handler, void *context,
                       struct realm_endpoint **ret_endpoint)
{
    /* From here on clients may come, and the loop will have to wait for them. */
    int error = realm_sleep_open(realm);
    if (error)
        return error;
    struct realm_endpoint *endpoint = calloc(1, sizeof *endpoint);
    if (!endpoint)
        return -ENOMEM;
    endpoint->realm = realm;
    endpoint->handler = handler;
    endpoint->context = context;
    realm_list_init(&endpoint->active);
    realm_list_init(&endpoint->parked);
    realm_list_init(&endpoint->held);
    realm_list_insert(&realm->endpoints, &endpoint->of_realm);
    *ret_endpoint = endpoint;
    return 0;
}

int realm_register(struct realm *realm, const char *service, realm_handler *handler, void *context,
                   struct realm_endpoint **ret_endpoint)
{
    struct realm_control_named request = {0};
    struct realm_endpoint *endpoint;
    int error = realm_control_name(&request.name, service);
    if (error)
        return error;
    error = realm_endpoint_new(realm, handler, context, &endpoint);
    if (error)
        return error;
    error = realm_control_simple(realm, &request, REALM_CONTROL_REGISTER, &endpoint->cookie);
    if (error) {
        realm_endpoint_free(endpoint);
        return error;
    }
    if (ret_endpoint)
        *ret_endpoint = endpoint;
    return 0;
}

static void free_clients(struct realm_list *list)
{
    while (!realm_list_empty(list))
        realm_client_free(REALM_LIST_OF(list->next, struct realm_client, of_place));
}

void realm_endpoint_free(struct realm_endpoint *endpoint)
{
    realm_workers_end(endpoint);
    realm_on_leave(endpoint, NULL, NULL);
    /* Held ones last: freeing the others' tokens may make them active. */
    while (endpoint->clients != 0) {
        free_clients(&endpoint->active);
        free_clients(&endpoint->parked);
        free_clients(&endpoint->held);
    }
    realm_list_remove(&endpoint->of_realm);
    free(endpoint);
}

void realm_unregister(struct realm_endpoint *endpoint)
{
    if (!endpoint)
        return;
    struct realm *realm = endpoint->realm;
    struct realm_control_cookie request = {.cookie = endpoint->cookie};
    /* The Memory Manager closes the channels; what it says of them meanwhile finds them gone. */
    realm_endpoint_free(endpoint);
    realm_control_simple(realm, &request, REALM_CONTROL_UNREGISTER, NULL);
}

size_t realm_endpoint_clients(const struct realm_endpoint *endpoint)
{
    return endpoint->clients;
}
