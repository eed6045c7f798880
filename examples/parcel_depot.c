/*
 * parcel_depot [BYTES]: a service that keeps one stream for its client, up to so many bytes, and gives it
 * back.
 *
 * It agrees to more only while there is room, so a client is stopped by that and not by what it has sent.
 */
#include <realm/realm.h>
#include <stdlib.h>
#include <string.h>

#include "examples/parcel.h"

struct depot {
    struct realm_incoming incoming;
    unsigned char *bytes;
    size_t capacity, size;
};

static void store(struct realm *realm, struct depot *depot, const struct realm_request *request)
{
    struct realm_chunk chunk;

    if (realm_incoming_take(realm, &depot->incoming, request, &chunk) != 0)
        return; /* it is refused, and the client told */
    if (chunk.size > depot->capacity - chunk.offset) {
        realm_incoming_end(realm, &depot->incoming, REALM_E_LIMIT, 0);
        return;
    }
    memcpy(depot->bytes + chunk.offset, chunk.data, chunk.size);
    depot->size = chunk.offset + chunk.size;
    if (chunk.last)
        realm_incoming_end(realm, &depot->incoming, 0, depot->incoming.stream);
    else
        realm_incoming_more(realm, &depot->incoming);
}

static void fetch(struct realm *realm, const struct depot *depot, const struct realm_request *request)
{
    struct realm_wanted wanted;

    if (realm_wanted_parse(request, &wanted) != 0 || wanted.stream != depot->incoming.stream ||
        !depot->incoming.ended || depot->incoming.status != 0 || wanted.offset > depot->size) {
        realm_reply(realm, request->token, REALM_E_STALE, 0, NULL, 0);
        return;
    }
    size_t left = depot->size - wanted.offset;
    size_t size = left < wanted.size ? left : wanted.size;
    realm_wanted_give(realm, request->token, &wanted, depot->bytes + wanted.offset, size, size == left);
}

/* What came of a stream that ended in the middle is no parcel. */
static void left(struct realm *realm, const struct realm_leaving *leaving, void *context)
{
    struct depot *depot = context;

    (void)realm;
    if (realm_incoming_left(&depot->incoming, leaving))
        depot->size = 0;
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    if (request->op == PARCEL_STORE)
        store(realm, context, request);
    else
        fetch(realm, context, request);
}

int main(int argc, char **argv)
{
    struct depot depot = {.capacity = argc > 1 ? strtoul(argv[1], NULL, 10) : 1u << 20};
    struct realm_endpoint *endpoint = NULL;
    struct realm *realm = NULL;

    depot.bytes = malloc(depot.capacity);
    int error = depot.bytes ? realm_open(&realm) : REALM_E_LIMIT;
    if (error == 0)
        error = realm_register(realm, "depot", serve, &depot, &endpoint);
    if (error == 0) {
        realm_on_leave(endpoint, left, &depot);
        error = realm_run(realm);
    }
    realm_close(realm);
    free(depot.bytes);
    return error != 0;
}
