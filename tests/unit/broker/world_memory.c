/*
 * The fake launcher's part about memory: the memfds are real, and opened anew as the real one does.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/broker/world.h"

ssize_t world_receive(const struct world *world, void *packet, size_t capacity, int *ret_fds,
                      unsigned *ret_count)
{
    struct iovec part = {packet, capacity};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(REALM_CONTROL_PARTS_MAX * sizeof(int))] = {0};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(world->launcher, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const struct cmsghdr *header = size > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header) {
        *ret_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(ret_fds, CMSG_DATA(header), *ret_count * sizeof(int));
    }
    return size;
}

bool world_memory_next(const struct world *world)
{
    struct realm_launch_header header;
    ssize_t size = recv(world->launcher, &header, sizeof(header), MSG_DONTWAIT | MSG_PEEK);
    return size == sizeof(header) && header.type == REALM_LAUNCH_MEMORY;
}

/* What the launcher does with memory; it holds still while `hold_memory` is set. */
void world_memory(struct world *world, const struct realm_launch_memory *request, const int *from)
{
    int fds[REALM_CONTROL_PARTS_MAX];
    static uint8_t bytes[REALM_LAUNCH_REGION_BYTES_MAX];
    world->memory_requests[request->way]++;
    if (world->fail_memory & 1u << request->way) {
        world_fail(world, request->header.xid, 0, REALM_STAGE_REGIONS);
        return;
    }
    for (uint32_t i = 0; i < request->count; i++) {
        bool opens = request->way == REALM_LAUNCH_READ || request->way == REALM_LAUNCH_WRITE;
        char path[64];
        if (opens) {
            snprintf(path, sizeof(path), "/proc/self/fd/%d", from[i]);
            fds[i] = open(path, (request->way == REALM_LAUNCH_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        } else {
            fds[i] = memfd_create("memory", MFD_CLOEXEC | MFD_ALLOW_SEALING);
            cr_assert_eq(ftruncate(fds[i], request->bytes), 0);
        }
        cr_assert_geq(fds[i], 0);
        if (request->way == REALM_LAUNCH_COPY || request->way == REALM_LAUNCH_SEAL) {
            ssize_t size = pread(from[i], bytes, request->bytes, 0);
            cr_assert_eq(pwrite(fds[i], bytes, (size_t)size, 0), size);
        }
        if (request->way == REALM_LAUNCH_SEAL)
            cr_assert_eq(fcntl(fds[i], F_ADD_SEALS, F_SEAL_WRITE | (world->spoil_seals ? F_SEAL_SHRINK : 0)),
                         0);
    }
    struct realm_launch_opened opened = {.count = request->count, .bytes = request->bytes};
    realm_launch_header_init(&opened.header, REALM_LAUNCH_OPENED, request->header.xid);
    world_answer(world, &opened, sizeof(opened), fds, request->count);
    for (uint32_t i = 0; i < request->count; i++)
        close(fds[i]);
}
