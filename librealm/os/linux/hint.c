/*
 * Writing a hint: the channel's number, as the peer knows it, into the peer's pipe.
 *
 * The pipe's write end is one open file description for all clients of a server, so none of them may rely
 * on its O_NONBLOCK flag: each write says for itself that it does not wait. That the pipe is full needs no
 * answer: its reader then finds so many hints that it looks at every channel.
 */
#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "librealm/os/linux/linux.h"

void realm_os_hint(struct realm_os *os, int handle, uint32_t slot)
{
    (void)os;
    struct iovec data = {.iov_base = &slot, .iov_len = sizeof slot};
    if (pwritev2(handle, &data, 1, -1, RWF_NOWAIT) >= 0)
        return;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EPERM)
        return;
    /* Kernels before 6.3 do not know it for pipes: ask first, which leaves a race only a liar can win. */
    struct pollfd pipe_end = {.fd = handle, .events = POLLOUT};
    if (poll(&pipe_end, 1, 0) == 1 && (pipe_end.revents & POLLOUT) != 0) {
        ssize_t written = write(handle, &slot, sizeof slot);
        (void)written;
    }
}
