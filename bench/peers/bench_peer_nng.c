/* nng: a pair0 over ipc://, in the abstract namespace. */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdio.h>

#include "bench/peers/peer.h"

static nng_socket pair;

static int say(int error)
{
    fprintf(stderr, "nng: %s\n", nng_strerror(error));
    return 1;
}

static const char *address(void)
{
    static char text[64];

    snprintf(text, sizeof text, "abstract://realm-bench-nng-%d", (int)peer_family());
    return text;
}

static int open_server(void)
{
    int error = nng_pair0_open(&pair);

    if (error == 0)
        error = nng_listen(pair, address(), NULL, 0);
    return error != 0 ? say(error) : 0;
}

static int open_client(void)
{
    int error = nng_pair0_open(&pair);

    if (error == 0) /* goes on trying until the other side listens */
        error = nng_dial(pair, address(), NULL, NNG_FLAG_NONBLOCK);
    return error != 0 ? say(error) : 0;
}

static int receive(void *bytes, size_t size)
{
    size_t got = size;

    return nng_recv(pair, bytes, &got, 0) != 0 || got != size;
}

static int reply_to(const void *bytes, size_t size)
{
    return nng_send(pair, (void *)bytes, size, 0) != 0;
}

static int ask(const void *request, void *reply, size_t size)
{
    return reply_to(request, size) || receive(reply, size);
}

int main(int argc, char **argv)
{
    return peer_main(argc, argv,
                     &(struct peer_way){NULL, open_server, open_client, ask, receive, reply_to, NULL, NULL});
}
