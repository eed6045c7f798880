#include "tests/adversary/raw.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/adversary/attack.h"

union raw_packet raw_in;
int raw_fds[16];
unsigned raw_fds_count;
struct raw_region raw_regions[RAW_REGIONS_MAX];
unsigned raw_regions_count;
const struct realm_control_page *raw_page;
int raw_page_fd = -1;

long raw_loaded(void)
{
    return syscall(SYS_openat, -77, NULL, 0, 0);
}

ssize_t raw_send(const void *packet, size_t size)
{
    return send(REALM_CONTROL_FD, packet, size, MSG_NOSIGNAL);
}

void raw_header(struct realm_control_header *header, unsigned type, size_t size)
{
    *header = (struct realm_control_header){
        .version = REALM_CONTROL_VERSION, .type = (uint16_t)type, .size = (uint32_t)size, .xid = 7};
}

void raw_header_silent(struct realm_control_header *header, unsigned type, size_t size)
{
    raw_header(header, type, size);
    header->xid = 0;
}

ssize_t raw_take(int flags)
{
    char control[CMSG_SPACE(sizeof raw_fds)];
    struct iovec vector = {raw_in.bytes, sizeof raw_in.bytes};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};

    raw_fds_count = 0;
    ssize_t size = recvmsg(REALM_CONTROL_FD, &message, flags);
    if (size <= 0)
        return size < 0 ? -errno : 0;
    for (struct cmsghdr *part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
            continue;
        raw_fds_count = (unsigned)((part->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(raw_fds, CMSG_DATA(part), raw_fds_count * sizeof(int));
    }
    return size;
}

bool raw_readable(unsigned ms)
{
    struct pollfd fd = {.fd = REALM_CONTROL_FD, .events = POLLIN};
    return poll(&fd, 1, (int)ms) > 0;
}

static void keep_pool(void)
{
    for (unsigned i = 0; i < raw_fds_count && raw_regions_count < RAW_REGIONS_MAX; i++) {
        void *memory =
            mmap(NULL, REALM_REGION_DEFAULT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, raw_fds[i], 0);
        raw_regions[raw_regions_count++] =
            (struct raw_region){.number = raw_in.pool.first + i, .fd = raw_fds[i], .memory = memory};
    }
    raw_ack(raw_in.pool.sequence);
}

static void see_to_it(void)
{
    if (raw_in.header.type == REALM_CONTROL_POOL)
        keep_pool();
    if (raw_in.header.type == REALM_CONTROL_STOP)
        exit(0);
}

bool raw_try_await(unsigned type)
{
    while (raw_take(0) > 0) {
        if (raw_in.header.type == type)
            return true;
        see_to_it();
    }
    return false;
}

static void hung_up(void)
{
    outcome("hung up");
    exit(0);
}

void raw_await_any(void)
{
    if (raw_take(0) <= 0)
        hung_up();
    see_to_it();
}

void raw_await(unsigned type)
{
    if (!raw_try_await(type))
        hung_up();
}

void raw_hello(void)
{
    struct realm_control_hello packet = {.waiter = getenv("REALM_HINT_FD") ? 2 : 1};
    raw_header(&packet.header, REALM_CONTROL_HELLO, sizeof packet);
    raw_send(&packet, sizeof packet);
}

void raw_ack(uint64_t sequence)
{
    struct realm_control_ack packet = {.sequence = sequence};
    raw_header_silent(&packet.header, REALM_CONTROL_ACK, sizeof packet);
    raw_send(&packet, sizeof packet);
}

void raw_named(unsigned type, unsigned flags, const char *name)
{
    struct realm_control_named packet = {.flags = flags, .name.size = (uint16_t)strlen(name)};
    raw_header(&packet.header, type, sizeof packet);
    memcpy(packet.name.text, name, packet.name.size);
    raw_send(&packet, sizeof packet);
}

void raw_cookie(unsigned type, uint64_t cookie)
{
    struct realm_control_cookie packet = {.cookie = cookie};
    raw_header(&packet.header, type, sizeof packet);
    raw_send(&packet, sizeof packet);
}

int raw_status(void)
{
    raw_await(REALM_CONTROL_REPLY);
    return raw_in.reply.status;
}

void raw_open(void)
{
    raw_hello();
    raw_await(REALM_CONTROL_WELCOME);
    raw_page_fd = raw_fds[0];
    raw_page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, raw_page_fd, 0);
    raw_ack(raw_in.welcome.sequence);
    raw_await(REALM_CONTROL_POOL);
    keep_pool();
}

static void make_channel(struct raw_channel *channel)
{
    memset(channel, 0, sizeof *channel);
    channel->packet = raw_in.channel;
    channel->peer_fd = raw_fds[0];
    channel->hint_fd = raw_in.channel.has_hint ? raw_fds[1] : -1;
    channel->peer = mmap(NULL, REALM_REGION_DEFAULT_BYTES, PROT_READ, MAP_SHARED, channel->peer_fd, 0);
    for (unsigned i = 0; i < raw_regions_count; i++) {
        if (raw_regions[i].number == channel->packet.region) {
            channel->own = raw_regions[i].memory;
            channel->own_fd = raw_regions[i].fd;
        }
    }
    if (channel->own == NULL || channel->own == MAP_FAILED || channel->peer == MAP_FAILED) {
        outcome("no region");
        exit(0);
    }
    channel->lines =
        (REALM_REGION_DEFAULT_BYTES / REALM_QUEUES - (uint32_t)offsetof(struct realm_region, lines)) /
        REALM_LINE;
    raw_ack(channel->packet.sequence);
}

void raw_connect(const char *service, struct raw_channel *ret_channel)
{
    raw_named(REALM_CONTROL_CONNECT, REALM_CONNECT_WAIT, service);
    raw_await(REALM_CONTROL_CONNECTED);
    make_channel(ret_channel);
}

uint64_t raw_register(const char *service)
{
    raw_named(REALM_CONTROL_REGISTER, 0, service);
    if (raw_status() != 0) {
        outcome("not registered: %d", (int)raw_in.reply.status);
        exit(0);
    }
    return raw_in.reply.value;
}

void raw_accept(struct raw_channel *ret_channel)
{
    raw_await(REALM_CONTROL_ACCEPTED);
    make_channel(ret_channel);
}

uint64_t raw_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void raw_sleep_ms(unsigned ms)
{
    static uint32_t word;
    const uint64_t end = raw_now_ms() + ms;
    for (uint64_t now; (now = raw_now_ms()) < end;) {
        struct timespec left = {.tv_sec = (time_t)((end - now) / 1000),
                                .tv_nsec = (long)((end - now) % 1000) * 1000000};
        syscall(SYS_futex, &word, FUTEX_WAIT, 0, &left, NULL, 0);
    }
}

long raw_wake(const uint32_t *word)
{
    return syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

int raw_closed(const struct raw_channel *channel, unsigned ms)
{
    const uint64_t end = raw_now_ms() + ms;
    for (uint64_t now; (now = raw_now_ms()) < end && raw_readable((unsigned)(end - now));) {
        if (raw_take(MSG_DONTWAIT) <= 0)
            return -1;
        if (raw_in.header.type == REALM_CONTROL_CLOSED && raw_in.closed.cookie == channel->packet.cookie)
            return raw_in.closed.reason;
        if (raw_in.header.type == REALM_CONTROL_POOL)
            keep_pool();
    }
    return -1;
}

bool raw_thread(pthread_t *ret_thread, void *(*run)(void *))
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 128 * 1024);
    return pthread_create(ret_thread, &attributes, run, NULL) == 0;
}
