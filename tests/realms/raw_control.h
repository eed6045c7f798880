/*
 * The control protocol by hand, for realms of the tests that are not to be trusted with librealm.
 */
#ifndef TESTS_REALMS_RAW_CONTROL_H
#define TESTS_REALMS_RAW_CONTROL_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "librealm/proto/control.h"
#include "librealm/proto/launch.h"

static union {
    struct realm_control_header header;
    struct realm_control_reply reply;
    struct realm_control_welcome welcome;
    struct realm_control_pool pool;
    struct realm_control_channel channel;
    char bytes[REALM_CONTROL_SIZE_MAX];
} in;
static unsigned taken_fds;
static int taken[16];

static inline void header(struct realm_control_header *h, unsigned type, size_t size)
{
    *h = (struct realm_control_header){
        .version = REALM_CONTROL_VERSION, .type = (uint16_t)type, .size = (uint32_t)size, .xid = 7};
}

static inline ssize_t put(const void *packet, size_t size)
{
    return send(REALM_CONTROL_FD, packet, size, MSG_NOSIGNAL);
}

/* Takes the next packet; what came with it stays open, and is in taken. */
static inline ssize_t take(int flags)
{
    char control[CMSG_SPACE(16 * sizeof(int))];
    struct iovec vector = {in.bytes, sizeof in.bytes};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t size = recvmsg(REALM_CONTROL_FD, &message, flags);
    const struct cmsghdr *first = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    taken_fds = first ? (unsigned)((first->cmsg_len - CMSG_LEN(0)) / sizeof(int)) : 0;
    if (taken_fds > 0)
        memcpy(taken, CMSG_DATA(first), taken_fds * sizeof(int));
    return size;
}

/* Reads until a packet of that type; ends the realm if the Memory Manager hangs up. */
static inline void await(unsigned type)
{
    do {
        if (take(0) <= 0) {
            printf("hung up\n");
            exit(3);
        }
    } while (in.header.type != type);
}

static inline void hello(void)
{
    struct realm_control_hello packet = {.waiter = 1};
    header(&packet.header, REALM_CONTROL_HELLO, sizeof packet);
    put(&packet, sizeof packet);
}

static inline void named(unsigned type, const char *text, size_t size, unsigned claimed)
{
    struct realm_control_named packet = {0};
    header(&packet.header, type, sizeof packet);
    packet.name.size = (uint16_t)claimed;
    memcpy(packet.name.text, text, size);
    put(&packet, sizeof packet);
}

static inline void ack(uint64_t sequence)
{
    struct realm_control_ack packet = {.sequence = sequence};
    header(&packet.header, REALM_CONTROL_ACK, sizeof packet);
    packet.header.xid = 0;
    put(&packet, sizeof packet);
}

/* Says that it is loaded: as long as it could have files opened, nobody would listen to it. */
static inline void loaded(void)
{
    (void)syscall(SYS_openat, REALM_LOADED_DIRECTORY, "", O_RDONLY, 0);
}

#endif
