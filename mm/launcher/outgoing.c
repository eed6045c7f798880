/*
 * A list, first in first out. Who adds to it bounds it: requests are not read while answers wait, and an
 * exit is announced once for each process.
 */
#include "mm/launcher/outgoing.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

struct outgoing_packet {
    struct outgoing_packet *next;
    union realm_launch_event event;
    unsigned fds_count;
    int fds[REALM_LAUNCH_FDS_MAX];
};

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

void outgoing_init(struct outgoing *outgoing)
{
    *outgoing = (struct outgoing){.last = &outgoing->first};
}

static void drop_first(struct outgoing *outgoing)
{
    struct outgoing_packet *packet = outgoing->first;

    outgoing->first = packet->next;
    if (outgoing->first == NULL)
        outgoing->last = &outgoing->first;
    outgoing->count--;
    close_all(packet->fds, packet->fds_count);
    free(packet);
}

void outgoing_deinit(struct outgoing *outgoing)
{
    while (outgoing->first)
        drop_first(outgoing);
}

int outgoing_take(struct outgoing *outgoing, const void *packet, const int *fds, unsigned fds_count)
{
    const struct realm_launch_header *header = packet;

    assert(fds_count <= REALM_LAUNCH_FDS_MAX && header->size <= sizeof(union realm_launch_event));
    struct outgoing_packet *copy = calloc(1, sizeof *copy);
    if (copy == NULL) {
        close_all(fds, fds_count);
        return -ENOMEM;
    }
    memcpy(&copy->event, packet, header->size);
    if (fds_count > 0)
        memcpy(copy->fds, fds, fds_count * sizeof *fds);
    copy->fds_count = fds_count;
    *outgoing->last = copy;
    outgoing->last = &copy->next;
    outgoing->count++;
    return 0;
}

static int send_packet(struct outgoing_packet *packet, int socket)
{
    struct iovec part = {&packet->event, packet->event.header.size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr header; /* for its alignment */
        char bytes[CMSG_SPACE(REALM_LAUNCH_FDS_MAX * sizeof(int))];
    } control;

    if (packet->fds_count > 0) {
        const size_t size = packet->fds_count * sizeof(int);
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(header), packet->fds, size);
    }
    if (sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    switch (errno) {
    case EAGAIN:
    case EINTR:
        return REALM_E_WOULD_BLOCK;
    case ETOOMANYREFS:
    case ENOBUFS:
    case ENOMEM:
        return REALM_E_LIMIT;
    default:
        return REALM_E_MM_GONE;
    }
}

int outgoing_flush(struct outgoing *outgoing, int socket)
{
    while (outgoing->first) {
        int error = send_packet(outgoing->first, socket);
        if (error)
            return error;
        drop_first(outgoing);
    }
    return 0;
}
