/*
 * network: the Lona system's "network" service, a loopback.
 *
 * A packet that is sent to it goes to everybody who waits for one. Waiting is a call whose reply is
 * deferred: the handler keeps the request's token and returns, so that other clients are served meanwhile,
 * and the reply is given when a packet comes. The rule: one waiting call a client, and a bounded number in
 * all; the newest takes the place of what is too much, and what was displaced is answered, never dropped.
 * A token whose client is gone needs no care: replying to it is REALM_E_STALE and does nothing.
 *
 * Usage in a scenario: args: [] or [--try, SERVICE] to try to connect to a service that is not its own.
 */
#include <realm/realm.h>

#include <stdio.h>
#include <string.h>

#include "sim/services/lona.h"

#define WAITERS_MAX 64u

struct waiter {
    struct realm_id client;
    uint64_t token;
};

struct network {
    struct waiter waiters[WAITERS_MAX]; /* the oldest first */
    size_t waiting;
};

/* Answers the waiter at index and closes the gap that it leaves. */
static void answer(struct realm *realm, struct network *network, size_t index, int status,
                   const struct realm_request *packet)
{
    uint64_t token = network->waiters[index].token;

    network->waiting--;
    memmove(&network->waiters[index], &network->waiters[index + 1],
            (network->waiting - index) * sizeof network->waiters[0]);
    realm_reply(realm, token, status, 0, packet != NULL ? packet->data : NULL,
                packet != NULL ? packet->size : 0);
}

static void wait_for_packet(struct realm *realm, struct network *network, const struct realm_request *request)
{
    if (request->token == 0)
        return; /* one-way: there is nobody to answer */
    for (size_t i = 0; i < network->waiting; i++) {
        if (network->waiters[i].client.value == request->client.value) {
            answer(realm, network, i, LONA_SUPERSEDED, NULL);
            break;
        }
    }
    if (network->waiting == WAITERS_MAX)
        answer(realm, network, 0, LONA_FULL, NULL);
    network->waiters[network->waiting++] =
        (struct waiter){.client = request->client, .token = request->token};
}

static void deliver(struct realm *realm, struct network *network, const struct realm_request *packet)
{
    size_t waited = network->waiting;

    while (network->waiting > 0)
        answer(realm, network, 0, LONA_OK, packet);
    realm_reply(realm, packet->token, LONA_OK, waited, NULL, 0);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct network *network = context;

    switch (request->op) {
    case NETWORK_ECHO:
        realm_reply(realm, request->token, LONA_OK, 0, request->data, request->size);
        break;
    case NETWORK_WAIT:
        wait_for_packet(realm, network, request);
        break;
    case NETWORK_PACKET:
        deliver(realm, network, request);
        break;
    default:
        realm_reply(realm, request->token, LONA_UNKNOWN_OP, 0, NULL, 0);
        break;
    }
}

/* Shows what the policy says to a realm that asks for more than it was given. */
static void try_service(struct realm *realm, const char *service)
{
    struct realm_channel *channel;
    int error = realm_connect(realm, service, REALM_SEC, &channel);

    if (error != 0) {
        realm_log(realm, "tried \"%s\": %s", service, realm_error_text(error));
        return;
    }
    realm_log(realm, "tried \"%s\": connected", service);
    realm_disconnect(channel);
}

int main(int argc, char **argv)
{
    struct network network = {.waiting = 0};
    struct realm *realm;
    int error;

    error = realm_open(&realm);
    if (error != 0) {
        fprintf(stderr, "network: this program is started by a scenario (realm run): %s\n",
                realm_error_text(error));
        return 1;
    }
    error = realm_register(realm, "network", serve, &network, NULL);
    if (error == 0) {
        if (argc == 3 && strcmp(argv[1], "--try") == 0)
            try_service(realm, argv[2]);
        error = realm_run(realm);
    } else {
        realm_log(realm, "cannot register \"network\": %s", realm_error_text(error));
    }
    realm_close(realm);
    return error != 0;
}
