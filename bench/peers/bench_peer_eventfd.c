/* Payloads in shared memory, and one eventfd each way to say that one is there. */
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/measure/payload.h"
#include "bench/peers/peer.h"

static int there, back;
static struct {
    _Alignas(4096) char request[PAYLOAD_MAX];
    _Alignas(4096) char reply[PAYLOAD_MAX];
} * memory;

static int prepare(void)
{
    there = eventfd(0, 0);
    back = eventfd(0, 0);
    memory = mmap(NULL, sizeof *memory, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return there < 0 || back < 0 || memory == MAP_FAILED ? peer_failed("eventfd") : 0;
}

static int nothing(void)
{
    return 0;
}

static int tell(int fd)
{
    const uint64_t one = 1;

    return write(fd, &one, sizeof one) != sizeof one;
}

static int hear(int fd)
{
    uint64_t count;

    return read(fd, &count, sizeof count) != sizeof count;
}

static int ask(const void *request, void *reply, size_t size)
{
    memcpy(memory->request, request, size);
    if (tell(there) || hear(back))
        return 1;
    memcpy(reply, memory->reply, size);
    return 0;
}

static int receive(void *request, size_t size)
{
    if (hear(there))
        return 1;
    memcpy(request, memory->request, size);
    return 0;
}

static int reply_to(const void *reply, size_t size)
{
    memcpy(memory->reply, reply, size);
    return tell(back);
}

int main(int argc, char **argv)
{
    return peer_main(argc, argv,
                     &(struct peer_way){prepare, nothing, nothing, ask, receive, reply_to, NULL, NULL});
}
