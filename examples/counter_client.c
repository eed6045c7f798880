/* counter_client: adds what its arguments say (NAME AMOUNT ...), three times, then asks who leads. */
#include <realm/realm.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/counter.h"

struct client {
    struct realm_channel *counter;
    char **pairs; /* name, amount, name, amount, ..., NULL */
    unsigned rounds;
    int error;
};

static int add(struct client *client, const char *name, uint64_t amount)
{
    uint8_t request[128];
    struct realm_reply reply = {.data = NULL};
    struct realm_pack pack;
    int error;

    realm_pack_init(&pack, request, sizeof request);
    realm_pack_string(&pack, name);
    realm_pack_u64(&pack, amount);
    if (pack.error != 0)
        return pack.error;
    error = realm_call(client->counter, COUNTER_ADD, request, pack.size, &reply, REALM_SEC);
    if (error == 0 && reply.status != COUNTER_OK)
        error = REALM_E_BAD_ARGUMENT;
    return error;
}

static int ask_top(struct client *client, struct realm *realm)
{
    uint8_t answer[128];
    char name[COUNTER_NAME_MAX + 1];
    struct realm_reply reply = {.data = answer, .capacity = sizeof answer};
    struct realm_unpack unpack;
    uint64_t sum;
    int error = realm_call(client->counter, COUNTER_TOP, NULL, 0, &reply, REALM_SEC);

    if (error != 0)
        return error;
    realm_unpack_init(&unpack, answer, reply.size);
    realm_unpack_string(&unpack, name, sizeof name);
    sum = realm_unpack_u64(&unpack);
    error = realm_unpack_finish(&unpack);
    if (error == 0)
        realm_log(realm, "top: %s with %" PRIu64, name, sum);
    return error;
}

static void round_of_additions(struct realm *realm, struct realm_timer *timer, void *context)
{
    struct client *client = context;

    for (char **pair = client->pairs; pair[0] != NULL && pair[1] != NULL && client->error == 0; pair += 2)
        client->error = add(client, pair[0], strtoull(pair[1], NULL, 10));
    if (client->error == 0 && --client->rounds > 0)
        return;
    if (client->error == 0)
        client->error = ask_top(client, realm);
    realm_timer_cancel(timer);
    realm_stop(realm);
}

int main(int argc, char **argv)
{
    struct client client = {.pairs = argv + (argc > 0), .rounds = 3};
    struct realm *realm = NULL;
    int error = realm_open(&realm);

    if (error == 0)
        error = realm_connect(realm, "counter", 5 * REALM_SEC, &client.counter);
    if (error == 0)
        error = realm_timer_start(realm, 0, REALM_SEC / 2, round_of_additions, &client, NULL);
    if (error == 0)
        error = realm_run(realm);
    if (error == 0)
        error = client.error;
    if (error != 0)
        fprintf(stderr, "counter_client: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0;
}
