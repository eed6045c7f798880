/*
 * Only requests about memory come with descriptors, and with exactly those that they name. A packet that does
 * not decode, is cut, or brings more or fewer means that the broker is not what it was.
 */
#include "mm/launcher/incoming.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

#include <realm/error.h>

/* Where more comes than there is room for, the kernel drops the rest and says so. */
static void take_fds(struct msghdr *message, struct incoming *incoming)
{
    const struct cmsghdr *header = CMSG_FIRSTHDR(message);

    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return;
    incoming->fds_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(incoming->fds, CMSG_DATA(header), incoming->fds_count * sizeof(int));
}

/* Return: bytes of one whole packet; 0: none is there now; REALM_E_MM_GONE as a negative number. */
static ssize_t receive(int socket, void *packet, size_t capacity, struct incoming *incoming)
{
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(REALM_CONTROL_PARTS_MAX * sizeof(int))];
    } control;
    struct iovec part = {packet, capacity};

    for (;;) {
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0 && errno == EAGAIN)
            return 0;
        /* A peer that closed with our answers unread leaves one ECONNRESET in front of what it had sent. */
        if (size < 0 && (errno == EINTR || errno == ECONNRESET))
            continue;
        if (size > 0)
            take_fds(&message, incoming);
        if (size <= 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
            return -REALM_E_MM_GONE;
        return size;
    }
}

int incoming_take(int socket, struct incoming *ret_incoming)
{
    uint8_t packet[REALM_CONTROL_SIZE_MAX];

    ret_incoming->fds_count = 0;
    ssize_t size = receive(socket, packet, sizeof packet, ret_incoming);
    if (size == 0)
        return REALM_E_WOULD_BLOCK;
    if (size > 0 && realm_launch_decode_request(packet, (size_t)size, &ret_incoming->request) == 0 &&
        realm_launch_request_fds(&ret_incoming->request) == ret_incoming->fds_count)
        return 0;
    incoming_close(ret_incoming);
    return REALM_E_MM_GONE;
}

void incoming_close(struct incoming *incoming)
{
    for (unsigned i = 0; i < incoming->fds_count; i++)
        close(incoming->fds[i]);
    incoming->fds_count = 0;
}
