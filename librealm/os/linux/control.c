/*
 * The control socket: whole packets to and from the broker.
 *
 * The broker is trusted, yet a packet with more descriptors than were asked for, or larger than the buffer,
 * leaves nothing behind: descriptors that nobody takes are closed here.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/linux/linux.h"
#include "librealm/proto/control.h"

/* What the kernel says when the other end is gone. */
static bool means_gone(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ENOTCONN || error == ECONNREFUSED;
}

/* Return: 0; REALM_E_TIMEOUT; -errno. */
static int poll_control(struct realm_os *os, short events, uint64_t deadline_ns)
{
    for (;;) {
        struct pollfd control = {.fd = os->control, .events = events};
        struct timespec remaining = realm_os_remaining(deadline_ns);
        int count = ppoll(&control, 1, deadline_ns == REALM_FOREVER ? NULL : &remaining, NULL);
        if (count > 0)
            return 0;
        if (count == 0)
            return REALM_E_TIMEOUT;
        if (errno != EINTR)
            return -errno;
    }
}

int realm_os_control_send(struct realm_os *os, const void *packet, size_t size)
{
    for (;;) {
        /* A sequenced socket takes a packet whole or not at all. */
        if (send(os->control, packet, size, MSG_NOSIGNAL) >= 0)
            return 0;
        if (means_gone(errno))
            return REALM_E_MM_GONE;
        if (errno == EAGAIN) {
            int error = poll_control(os, POLLOUT, REALM_FOREVER);
            if (error != 0)
                return error;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}

/* Hands over the descriptors of a message up to capacity and closes the others. */
static unsigned take_fds(struct msghdr *message, int *ret_fds, unsigned capacity)
{
    unsigned taken = 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part != NULL; part = CMSG_NXTHDR(message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            if (taken < capacity)
                ret_fds[taken++] = fd;
            else
                close(fd);
        }
    }
    return taken;
}

int realm_os_control_receive(struct realm_os *os, void *packet, size_t capacity, size_t *ret_size,
                             int *ret_fds, unsigned fds_capacity, unsigned *ret_fds_count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(REALM_CONTROL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec data = {.iov_base = packet, .iov_len = capacity};
    struct msghdr message;
    ssize_t size;
    do {
        message = (struct msghdr){
            .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        size = recvmsg(os->control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        /* A broker that ended with something of ours unread leaves one ECONNRESET in front of what it had
         * sent. */
    } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0) {
        if (errno == EAGAIN)
            return REALM_E_WOULD_BLOCK;
        return means_gone(errno) ? REALM_E_MM_GONE : -errno;
    }
    if ((message.msg_flags & MSG_TRUNC) != 0) {
        (void)take_fds(&message, NULL, 0);
        return -EMSGSIZE;
    }
    if (size == 0) {
        /* The end of the stream; no packet is empty. */
        (void)take_fds(&message, NULL, 0);
        return REALM_E_MM_GONE;
    }
    *ret_size = (size_t)size;
    *ret_fds_count = take_fds(&message, ret_fds, fds_capacity);
    return 0;
}

int realm_os_control_wait(struct realm_os *os, uint64_t deadline_ns)
{
    return poll_control(os, POLLIN, deadline_ns);
}
