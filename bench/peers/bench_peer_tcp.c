/* TCP over the loopback interface, without Nagle's delay. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/peers/peer.h"

static int listener, peer_fd;
static struct sockaddr_in address;

static int prepare(void)
{
    socklen_t size = sizeof address;

    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    return listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
                   listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)&address, &size) != 0
               ? peer_failed("listening on loopback")
               : 0;
}

static int no_delay(void)
{
    const int on = 1;

    return setsockopt(peer_fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ? peer_failed("TCP_NODELAY")
                                                                              : 0;
}

static int open_server(void)
{
    peer_fd = accept(listener, NULL, NULL);
    return peer_fd < 0 ? peer_failed("accept") : no_delay();
}

static int open_client(void)
{
    peer_fd = socket(AF_INET, SOCK_STREAM, 0);
    if (peer_fd < 0 || connect(peer_fd, (struct sockaddr *)&address, sizeof address) != 0)
        return peer_failed("connect");
    return no_delay();
}

static int receive(void *bytes, size_t size)
{
    return recv(peer_fd, bytes, size, MSG_WAITALL) != (ssize_t)size;
}

static int reply_to(const void *bytes, size_t size)
{
    return send(peer_fd, bytes, size, 0) != (ssize_t)size;
}

static int ask(const void *request, void *reply, size_t size)
{
    return reply_to(request, size) || receive(reply, size);
}

int main(int argc, char **argv)
{
    return peer_main(
        argc, argv,
        &(struct peer_way){prepare, open_server, open_client, ask, receive, reply_to, NULL, NULL});
}
