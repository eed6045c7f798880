/* ZeroMQ: a PAIR over ipc://, in the abstract namespace, one I/O thread each, as its guide has it for two. */
#include <stdio.h>
#include <zmq.h>

#include "bench/peers/peer.h"

static void *pair;

static int open_with(int (*attach)(void *, const char *))
{
    char address[64];
    const int none = 0;
    void *context = zmq_ctx_new();

    snprintf(address, sizeof address, "ipc://@realm-bench-%d", (int)peer_family());
    pair = zmq_socket(context, ZMQ_PAIR);
    if (pair == NULL || zmq_setsockopt(pair, ZMQ_LINGER, &none, sizeof none) != 0 ||
        attach(pair, address) != 0) {
        fprintf(stderr, "zeromq: %s\n", zmq_strerror(zmq_errno()));
        return 1;
    }
    return 0;
}

static int open_server(void)
{
    return open_with(zmq_bind);
}

static int open_client(void)
{
    return open_with(zmq_connect); /* goes on trying until the other side is bound */
}

static int receive(void *bytes, size_t size)
{
    return zmq_recv(pair, bytes, size, 0) != (int)size;
}

static int reply_to(const void *bytes, size_t size)
{
    return zmq_send(pair, bytes, size, 0) != (int)size;
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
