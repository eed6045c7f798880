/* The control socket: whole packets, descriptors that nobody loses, and its end. */
#include <dirent.h>

#include "tests/unit/os/world.h"

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* What the broker does: a packet with count copies of a descriptor. */
static void broker_sends(int broker, size_t size, unsigned count)
{
    static char packet[65536];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(64 * sizeof(int))];
    } control = {0};
    struct iovec data = {.iov_base = packet, .iov_len = size};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (count != 0) {
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *part = CMSG_FIRSTHDR(&message);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(count * sizeof(int));
        for (unsigned i = 0; i < count; i++)
            memcpy(CMSG_DATA(part) + i * sizeof(int), &broker, sizeof(int));
    }
    CHECK(sendmsg(broker, &message, 0) == (ssize_t)size);
}

static void packets(void)
{
    struct world world;
    char packet[64];
    size_t size = 99;
    unsigned fds = 99;
    world_open(&world);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &fds) ==
          REALM_E_WOULD_BLOCK);
    CHECK(size == 99 && fds == 99);
    CHECK(realm_os_control_wait(world.os, 0) == REALM_E_TIMEOUT);

    CHECK(realm_os_control_send(world.os, "ping", 4) == 0);
    CHECK(recv(world.broker, packet, sizeof packet, 0) == 4 && memcmp(packet, "ping", 4) == 0);

    CHECK(send(world.broker, "one", 3, 0) == 3 && send(world.broker, "three", 5, 0) == 5);
    CHECK(realm_os_control_wait(world.os, REALM_FOREVER) == 0);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &fds) == 0);
    CHECK(size == 3 && fds == 0 && memcmp(packet, "one", 3) == 0);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &fds) == 0);
    CHECK(size == 5 && memcmp(packet, "three", 5) == 0);
}

/* Goal: packets arrive whole and in order, and neither looking nor waiting hangs without one. */
Test(control, packets)
{
    in_child(packets);
}

static void descriptors(void)
{
    struct world world;
    char packet[64];
    size_t size;
    int fds[8];
    unsigned count;
    world_open(&world);
    unsigned before = open_descriptors();

    broker_sends(world.broker, 10, 3);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, fds, 8, &count) == 0);
    CHECK(size == 10 && count == 3 && open_descriptors() == before + 3);
    for (unsigned i = 0; i < count; i++) {
        CHECK((fcntl(fds[i], F_GETFD) & FD_CLOEXEC) != 0);
        close(fds[i]);
    }

    broker_sends(world.broker, 10, 5);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, fds, 2, &count) == 0);
    CHECK(count == 2 && open_descriptors() == before + 2);
    close(fds[0]);
    close(fds[1]);

    broker_sends(world.broker, 10, 40);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &count) == 0);
    CHECK(count == 0 && open_descriptors() == before);
}

/* Goal: the caller gets the descriptors it asked for; any more are closed, however many came. */
Test(control, descriptors)
{
    in_child(descriptors);
}

static void packet_too_large(void)
{
    struct world world;
    char packet[64];
    size_t size = 99;
    int fds[8];
    unsigned count = 99;
    world_open(&world);
    unsigned before = open_descriptors();
    broker_sends(world.broker, 65, 2);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, fds, 8, &count) == -EMSGSIZE);
    CHECK(size == 99 && count == 99 && open_descriptors() == before);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, fds, 8, &count) ==
          REALM_E_WOULD_BLOCK);
}

/* Goal: a packet that is cut is no packet, and its descriptors are closed. */
Test(control, packet_too_large)
{
    in_child(packet_too_large);
}

static void manager_gone(void)
{
    struct world world;
    char packet[64];
    size_t size;
    unsigned count;
    world_open(&world);
    CHECK(send(world.broker, "last", 4, 0) == 4);
    close(world.broker);
    CHECK(realm_os_control_send(world.os, "x", 1) == REALM_E_MM_GONE);
    CHECK(realm_os_control_wait(world.os, REALM_FOREVER) == 0);
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &count) == 0 &&
          size == 4);
    CHECK(realm_os_control_wait(world.os, REALM_FOREVER) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &count) ==
              REALM_E_MM_GONE);
}

static void manager_killed(void)
{
    struct world world;
    char packet[64];
    size_t size;
    unsigned count;
    world_open(&world);
    CHECK(realm_os_control_send(world.os, "unread", 6) == 0);
    CHECK(send(world.broker, "one", 3, 0) == 3 && send(world.broker, "two", 3, 0) == 3);
    close(world.broker);
    for (unsigned i = 0; i < 2; i++) {
        CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &count) == 0);
        CHECK(size == 3 && memcmp(packet, i == 0 ? "one" : "two", 3) == 0);
    }
    CHECK(realm_os_control_receive(world.os, packet, sizeof packet, &size, NULL, 0, &count) ==
          REALM_E_MM_GONE);
}

/* Goal: the same when it left something unread: the kernel then says ECONNRESET before what lies there. */
Test(control, manager_killed)
{
    in_child(manager_killed);
}

/* Goal: what the Memory Manager said last is still read; then both directions say that it is gone. */
Test(control, manager_gone)
{
    in_child(manager_gone);
}

static void send_waits_for_room(void)
{
    enum { PACKETS = 5000 };
    struct world world;
    static char packet[1024];
    world_open(&world);
    /* The descriptor may be non-blocking: sending waits all the same. */
    CHECK(fcntl(3, F_SETFL, O_NONBLOCK) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(world.broker);
        for (int i = 0; i < PACKETS; i++)
            CHECK(realm_os_control_send(world.os, packet, sizeof packet) == 0);
        _exit(0);
    }
    for (int i = 0; i < PACKETS; i++)
        CHECK(recv(world.broker, packet, sizeof packet, 0) == sizeof packet);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Goal: a full socket makes the sender wait and loses nothing. */
Test(control, send_waits_for_room)
{
    in_child(send_waits_for_room);
}
