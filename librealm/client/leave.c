/*
 * Telling a service of clients that are gone.
 *
 * Model: a client whose link has ended leaves its record behind, without link, tokens or place, in the order
 * in which they ended; the loop's step tells of one at a time, as it takes requests. So nothing is allocated,
 * nothing is called from within whatever noticed the end, and nobody is told of twice.
 *
 * The rule: records do not pile up. While REALM_LEFT_MAX of them wait, the endpoint takes no more clients.
 */
#include "librealm/client/internal.h"

#include <stdlib.h>

void realm_on_leave(struct realm_endpoint *endpoint, realm_leave_handler *handler, void *context)
{
    endpoint->leave_handler = handler;
    endpoint->leave_context = context;
    if (!handler)
        realm_leave_forget(endpoint);
}

void realm_leave_note(struct realm_client *client)
{
    struct realm *realm = client->link.realm;
    realm_list_insert(&realm->left, &client->of_place);
    realm->left_count++;
}

bool realm_leave_crowded(const struct realm_endpoint *endpoint)
{
    return endpoint->leave_handler && endpoint->realm->left_count >= REALM_LEFT_MAX;
}

static void forget(struct realm *realm, struct realm_client *client)
{
    realm_list_remove(&client->of_place);
    realm->left_count--;
    free(client);
}

void realm_leave_forget(struct realm_endpoint *endpoint)
{
    struct realm *realm = endpoint->realm;
    for (struct realm_list *at = realm->left.next, *next; at != &realm->left; at = next) {
        next = at->next;
        struct realm_client *client = REALM_LIST_OF(at, struct realm_client, of_place);
        if (client->endpoint == endpoint)
            forget(realm, client);
    }
}

void realm_leave_tell(struct realm *realm)
{
    struct realm_client *client = REALM_LIST_OF(realm->left.next, struct realm_client, of_place);
    struct realm_endpoint *endpoint = client->endpoint;
    const struct realm_leaving leaving = {.client = client->id,
                                          .badge = client->badge,
                                          .channel = client->link.cookie,
                                          .reason = client->link.state};
    forget(realm, client);
    endpoint->leave_handler(realm, &leaving, endpoint->leave_context);
}
