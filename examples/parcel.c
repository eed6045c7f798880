/*
 * parcel [BYTES]: sends that many bytes to the service "depot" as a stream, reads them back as another, and
 * says whether they are the same.
 */
#include <realm/realm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/parcel.h"

static int send_all(struct realm_channel *depot, const unsigned char *bytes, size_t size, uint64_t *ret_name)
{
    struct realm_stream *stream;
    struct realm_reply reply = {.status = 0};
    int error = realm_stream_open(depot, PARCEL_STORE, &stream);

    if (error)
        return error;
    error = realm_stream_write(stream, bytes, size, 10 * REALM_SEC, NULL);
    if (error == 0 || error == REALM_E_CANCELLED) /* the depot may have refused: it says why */
        error = realm_stream_finish(stream, &reply, 10 * REALM_SEC);
    realm_stream_close(stream);
    *ret_name = reply.value;
    if (error == 0 && reply.status != 0)
        printf("the depot refuses: %s\n", realm_error_text(reply.status));
    return error ? error : reply.status;
}

static int read_all(struct realm_channel *depot, uint64_t name, unsigned char *bytes, size_t size)
{
    struct realm_reader reader;
    size_t at = 0, some = 1;
    int error = 0;

    realm_reader_init(&reader, depot, PARCEL_FETCH, name);
    while (error == 0 && some != 0 && at < size) {
        error = realm_reader_read(&reader, bytes + at, size - at, REALM_SEC, &some);
        at += error ? 0 : some;
    }
    return error ? error : at == size ? 0 : REALM_E_SHORT;
}

int main(int argc, char **argv)
{
    size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    unsigned char *sent = malloc(size + 1), *back = malloc(size + 1);
    struct realm *realm = NULL;
    struct realm_channel *depot;
    uint64_t name = 0;
    int error = sent && back ? realm_open(&realm) : REALM_E_LIMIT;

    for (size_t i = 0; sent && i < size; i++)
        sent[i] = (unsigned char)(i * 2654435761u >> 13);
    if (error == 0)
        error = realm_connect(realm, "depot", 5 * REALM_SEC, &depot);
    if (error == 0)
        error = send_all(depot, sent, size, &name);
    if (error == 0)
        error = read_all(depot, name, back, size);
    if (error != 0)
        fprintf(stderr, "parcel: %s\n", realm_error_text(error));
    else
        printf("%zu bytes there and back, %s\n", size,
               memcmp(sent, back, size) == 0 ? "the same" : "not the same");
    realm_close(realm);
    free(sent);
    free(back);
    return error != 0;
}
