/* Two pipes, one each way. */
#include <unistd.h>

#include "bench/peers/peer.h"

static int there[2], back[2];

static int prepare(void)
{
    return pipe(there) != 0 || pipe(back) != 0 ? peer_failed("pipe") : 0;
}

static int nothing(void)
{
    return 0;
}

/* A pipe takes up to 4096 bytes in one piece, and gives what one write has put there. */
static int ask(const void *request, void *reply, size_t size)
{
    return write(there[1], request, size) != (ssize_t)size || read(back[0], reply, size) != (ssize_t)size;
}

static int receive(void *request, size_t size)
{
    return read(there[0], request, size) != (ssize_t)size;
}

static int reply_to(const void *reply, size_t size)
{
    return write(back[1], reply, size) != (ssize_t)size;
}

int main(int argc, char **argv)
{
    return peer_main(argc, argv,
                     &(struct peer_way){prepare, nothing, nothing, ask, receive, reply_to, NULL, NULL});
}
