/*
 * The fake realms speak raw packets. What they are sent they map and unmap again at once, as the tests never
 * look at the contents; descriptors of memory they keep, which stand for whatever a hostile one keeps.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "librealm/ring/ring.h"
#include "tests/unit/broker/world.h"

void process_send(struct process *process, const void *packet, size_t size)
{
    cr_assert_eq(send(process->socket, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT), (ssize_t)size, "%s",
                 strerror(errno));
}

void process_ack(struct process *process, uint64_t sequence)
{
    struct realm_control_ack ack = {.sequence = sequence};
    realm_control_header_init(&ack.header, REALM_CONTROL_ACK, 0);
    process_send(process, &ack, sizeof(ack));
}

static void map_once(int fd, size_t bytes, int protection)
{
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);
    cr_assert_neq(memory, MAP_FAILED, "%s", strerror(errno));
    munmap(memory, bytes);
}

static void accept_laden(struct process *process, struct letter *letter)
{
    uint16_t type = letter->packet.header.type;
    if (type == REALM_CONTROL_POOL)
        for (unsigned i = 0; i < letter->fds_count; i++)
            map_once(letter->fds[i], letter->packet.pool.region_bytes, PROT_READ | PROT_WRITE);
    else
        map_once(letter->fds[0], 4096, PROT_READ);
    for (unsigned i = 0; i < letter->fds_count && type != REALM_CONTROL_MAPPED; i++)
        close(letter->fds[i]);
    if (type != REALM_CONTROL_MAPPED)
        letter->fds_count = 0;
    process_ack(process, letter->packet.pool.sequence);
}

static bool take_letter(struct process *process)
{
    uint8_t packet[REALM_CONTROL_SIZE_MAX];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(REALM_CONTROL_FDS_MAX * sizeof(int))];
    struct iovec part = {packet, sizeof(packet)};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    if (process->socket < 0)
        return false;
    ssize_t size = recvmsg(process->socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size <= 0)
        return size < 0 && errno == ECONNRESET; /* what was queued before still comes */
    cr_assert_lt(process->inbox_count, WORLD_INBOX);
    struct letter *letter = &process->inbox[process->inbox_count++];
    letter->fds_count = 0;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header) {
        letter->fds_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(letter->fds, CMSG_DATA(header), letter->fds_count * sizeof(int));
    }
    cr_assert_eq(realm_control_decode_event(packet, (size_t)size, &letter->packet), 0);
    if (letter->fds_count > 0 && !process->keep && process->alive)
        accept_laden(process, letter);
    return true;
}

void process_pump(struct process *process)
{
    do
        world_settle(process->world);
    while (take_letter(process));
}

struct letter *process_letter(struct process *process, uint16_t type, uint64_t xid)
{
    for (unsigned i = process->inbox_count; i-- > 0;) {
        struct realm_control_header *header = &process->inbox[i].packet.header;
        if (header->type == type && (xid == 0 || header->xid == xid))
            return &process->inbox[i];
    }
    return NULL;
}

unsigned process_letters(const struct process *process, uint16_t type)
{
    unsigned count = 0;
    for (unsigned i = 0; i < process->inbox_count; i++)
        count += process->inbox[i].packet.header.type == type;
    return count;
}

void process_forget(struct process *process)
{
    for (unsigned i = 0; i < process->inbox_count; i++)
        for (unsigned j = 0; j < process->inbox[i].fds_count; j++)
            close(process->inbox[i].fds[j]);
    process->inbox_count = 0;
}

void process_hello(struct process *process)
{
    struct realm_control_hello hello = {.waiter = process->world->with_hints ? 2 : 1};
    realm_control_header_init(&hello.header, REALM_CONTROL_HELLO, 1);
    process_send(process, &hello, sizeof(hello));
    process_pump(process);
}

int process_reply(struct process *process, uint64_t xid)
{
    struct letter *letter = process_letter(process, REALM_CONTROL_REPLY, xid);
    return letter ? letter->packet.reply.status : -1;
}

int process_named(struct process *process, enum realm_control_type type, const char *name, uint32_t flags,
                  uint64_t xid)
{
    struct realm_control_named packet = {.flags = flags};
    realm_control_header_init(&packet.header, type, xid);
    cr_assert_eq(realm_control_name_init(&packet.name, name, strlen(name)), 0);
    process_send(process, &packet, sizeof(packet));
    process_pump(process);
    return process_reply(process, xid);
}

int process_register(struct process *process, const char *service, uint64_t *ret_cookie)
{
    static uint64_t xid = 1000;
    int status = process_named(process, REALM_CONTROL_REGISTER, service, 0, ++xid);
    if (status == 0 && ret_cookie)
        *ret_cookie = process_letter(process, REALM_CONTROL_REPLY, xid)->packet.reply.value;
    return status;
}

int process_cookie(struct process *process, enum realm_control_type type, uint64_t cookie)
{
    static uint64_t xid = 100000;
    struct realm_control_cookie packet = {.cookie = cookie};
    realm_control_header_init(&packet.header, type, ++xid);
    process_send(process, &packet, sizeof(packet));
    process_pump(process);
    if (process_reply(process, xid) < 0) {
        /* A wrong one: its answer comes when the delay is over, at the latest. */
        world_advance(process->world, 2 * REALM_MSEC);
        process_pump(process);
    }
    return process_reply(process, xid);
}

int process_connect(struct process *process, const char *service, uint32_t flags, uint64_t xid)
{
    int status = process_named(process, REALM_CONTROL_CONNECT, service, flags, xid);
    return process_letter(process, REALM_CONTROL_CONNECTED, xid) ? 0 : status;
}

int process_spawn(struct process *process, const char *program, const char *name, uint64_t xid)
{
    struct realm_control_spawn packet = {.args_count = 2, .args_size = 4};
    memcpy(packet.args, "x\0y", 4);
    realm_control_header_init(&packet.header, REALM_CONTROL_SPAWN, xid);
    cr_assert_eq(realm_control_name_init(&packet.program, program, strlen(program)), 0);
    if (name)
        cr_assert_eq(realm_control_name_init(&packet.name, name, strlen(name)), 0);
    process_send(process, &packet, sizeof(packet));
    process_pump(process);
    return process_reply(process, xid);
}
