/* A unix socket pair of kind SEQPACKET. */
#include <sys/socket.h>

#include "bench/peers/peer.h"

static int ends[2];

static int prepare(void)
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0 ? peer_failed("socketpair") : 0;
}

static int nothing(void)
{
    return 0;
}

static int ask(const void *request, void *reply, size_t size)
{
    return send(ends[0], request, size, 0) != (ssize_t)size || recv(ends[0], reply, size, 0) != (ssize_t)size;
}

static int receive(void *request, size_t size)
{
    return recv(ends[1], request, size, 0) != (ssize_t)size;
}

static int reply_to(const void *reply, size_t size)
{
    return send(ends[1], reply, size, 0) != (ssize_t)size;
}

int main(int argc, char **argv)
{
    return peer_main(argc, argv,
                     &(struct peer_way){prepare, nothing, nothing, ask, receive, reply_to, NULL, NULL});
}
