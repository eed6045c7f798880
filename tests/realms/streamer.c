/*
 * Both ends of a stream without end: `streamer sink` takes all that comes, checks it and agrees to more, and
 * says when a client is gone; `streamer endless` writes until that fails, and says how it ended. `streamer
 * meddle` sends what is no chunk, as a message and as a call, says what it was answered, and stays.
 */
#include <stdio.h>
#include <string.h>

#include <realm/realm.h>

#define OP 1u

/* The byte at an offset of any stream. */
static unsigned char byte_at(uint64_t offset)
{
    return (unsigned char)(offset * UINT64_C(0x9e3779b97f4a7c15) >> 37);
}

static void take(struct realm *realm, const struct realm_request *request, void *context)
{
    struct realm_incoming *incoming = context;
    struct realm_chunk chunk;
    int error = realm_incoming_take(realm, incoming, request, &chunk);

    if (error) {
        printf("refused: %s\n", realm_error_name(error));
        return;
    }
    for (size_t i = 0; i < chunk.size; i++) {
        if (((const unsigned char *)chunk.data)[i] != byte_at(chunk.offset + i)) {
            printf("a wrong byte\n");
            return;
        }
    }
    realm_incoming_more(realm, incoming);
}

static void left(struct realm *realm, const struct realm_leaving *leaving, void *context)
{
    const struct realm_incoming *incoming = context;
    const bool cut = realm_incoming_left(context, leaving);

    (void)realm;
    printf("%s: %s, %s\n", cut ? "cut short" : "a client is gone", realm_error_name(leaving->reason),
           incoming->offset > 0 ? "some bytes came" : "no byte came");
}

static int sink(struct realm *realm)
{
    struct realm_incoming incoming = {0};
    struct realm_endpoint *endpoint;
    int error = realm_register(realm, "depot", take, &incoming, &endpoint);

    if (error)
        return error;
    realm_on_leave(endpoint, left, &incoming);
    return realm_run(realm);
}

static int endless(struct realm *realm)
{
    static unsigned char data[5000];
    struct realm_channel *depot;
    struct realm_stream *stream;
    int error = realm_connect(realm, "depot", 20 * REALM_SEC, &depot);
    if (!error)
        error = realm_stream_open(depot, OP, &stream);
    if (error)
        return error;
    for (unsigned round = 0; error == 0; round++) {
        for (size_t i = 0; i < sizeof data; i++)
            data[i] = byte_at(realm_stream_offset(stream) + i);
        error = realm_stream_write(stream, data, sizeof data, 20 * REALM_SEC, NULL);
        if (round == 100)
            printf("under way\n");
    }
    printf("ended: %s\n", error > 0 ? realm_error_name(error) : strerror(-error));
    realm_stream_close(stream);
    realm_disconnect(depot);
    return 0;
}

static int meddle(struct realm *realm)
{
    struct realm_channel *depot;
    struct realm_reply reply = {0};
    int error = realm_connect(realm, "depot", 20 * REALM_SEC, &depot);
    if (!error)
        error = realm_send(depot, OP, "x", 1, 20 * REALM_SEC);
    if (!error)
        error = realm_call(depot, OP, "x", 1, &reply, 20 * REALM_SEC);
    if (error)
        return error;
    printf("answered: %s\n", realm_error_name(reply.status));
    return realm_run(realm);
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    struct realm *realm = NULL;
    setvbuf(stdout, NULL, _IOLBF, 0);
    int error = realm_open(&realm);

    if (error == 0)
        error = strcmp(part, "sink") == 0     ? sink(realm)
                : strcmp(part, "meddle") == 0 ? meddle(realm)
                                              : endless(realm);
    realm_close(realm);
    return error != 0;
}
