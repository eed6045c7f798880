/*
 * Three realms that may share memory, and what they send, raw.
 *
 * B provides "database" and allocates; A is its client, and gets windows from it; D provides "network", A is
 * its client, too. A descriptor that came with MAPPED stays open in its letter: it stands for every mapping
 * that its realm may have kept.
 */
#ifndef TESTS_UNIT_BROKER_SHARING_H
#define TESTS_UNIT_BROKER_SHARING_H

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

#define PAGE 4096u
#define R    REALM_RIGHT_READ
#define W    REALM_RIGHT_WRITE
#define FULL (R | W | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE)

static struct world world;
static struct process *a, *b, *d;
static uint64_t a_to_b, b_from_a, a_to_d, d_from_a;
static uint64_t last_xid = 700000;

static inline void open_channel(struct process *client, const char *service, struct process *server,
                                uint64_t *ret_client, uint64_t *ret_server)
{
    uint64_t xid = ++last_xid;
    cr_assert_eq(process_connect(client, service, 0, xid), 0);
    process_pump(server);
    *ret_client = process_letter(client, REALM_CONTROL_CONNECTED, xid)->packet.channel.cookie;
    *ret_server = process_letter(server, REALM_CONTROL_ACCEPTED, 0)->packet.channel.cookie;
}

static inline void open_all(void)
{
    world_start(&world);
    b = world_open(&world, "B");
    cr_assert_eq(process_register(b, "database", NULL), 0);
    cr_assert_eq(world_spawn(&world, "D", NULL), 0);
    d = world_open(&world, "D");
    cr_assert_eq(process_register(d, "network", NULL), 0);
    a = world_open(&world, "A");
    open_channel(a, "database", b, &a_to_b, &b_from_a);
    open_channel(a, "network", d, &a_to_d, &d_from_a);
}

static inline void pump_all(void)
{
    struct process *all[] = {a, b, d};
    for (unsigned i = 0; i < 3; i++)
        if (all[i]->socket >= 0)
            process_pump(all[i]);
}

/* The status of the answer; 0 for CAPABILITY and MAPPED; -1: none yet. */
static inline int answer_to(struct process *process, uint64_t xid)
{
    pump_all();
    pump_all();
    if (process_letter(process, REALM_CONTROL_CAPABILITY, xid) ||
        process_letter(process, REALM_CONTROL_MAPPED, xid))
        return 0;
    return process_reply(process, xid);
}

#define ASK(process, type, ...)                                                                              \
    ({                                                                                                       \
        __VA_ARGS__;                                                                                         \
        realm_control_header_init(&packet.header, type, ++last_xid);                                         \
        process_send(process, &packet, sizeof(packet));                                                      \
        answer_to(process, last_xid);                                                                        \
    })

static inline const struct realm_control_capability *told(struct process *process)
{
    return &process_letter(process, REALM_CONTROL_CAPABILITY, last_xid)->packet.capability;
}

static inline int allocate(struct process *process, uint64_t bytes, uint32_t parts, uint64_t *ret_cookie)
{
    int status = ASK(process, REALM_CONTROL_ALLOCATE,
                     struct realm_control_allocate packet = {.bytes = bytes, .parts = parts});
    if (status == 0)
        *ret_cookie = told(process)->cookie;
    return status;
}

/* ret_fd takes the first part's descriptor, which the inbox keeps. */
static inline int map(struct process *process, uint64_t cookie, uint32_t rights, int *ret_fd)
{
    int status = ASK(process, REALM_CONTROL_MAP,
                     struct realm_control_map packet = {.cookie = cookie, .rights = rights});
    if (status == 0 && ret_fd)
        *ret_fd = process_letter(process, REALM_CONTROL_MAPPED, last_xid)->fds[0];
    return status;
}

static inline int derive(struct process *process, enum realm_control_type type,
                         struct realm_control_derive packet)
{
    return ASK(process, type, (void)0);
}

static inline int send_cookie(struct process *process, enum realm_control_type type, uint64_t cookie)
{
    return ASK(process, type, struct realm_control_cookie packet = {.cookie = cookie});
}

/* Over a channel whose ends these are. Rights 0: moved. */
static inline int give(struct process *giver, uint64_t via, struct process *taker, uint64_t taker_via,
                       struct realm_control_derive gift, uint64_t *ret_cookie)
{
    gift.via = via;
    gift.mode = gift.rights ? REALM_COPY : REALM_MOVE;
    int status = derive(giver, REALM_CONTROL_OFFER, gift);
    if (status)
        return status;
    uint32_t ticket = (uint32_t)process_letter(giver, REALM_CONTROL_REPLY, last_xid)->packet.reply.value;
    status = ASK(taker, REALM_CONTROL_TAKE,
                 struct realm_control_ticket packet = {.via = taker_via, .ticket = ticket});
    if (status == 0)
        *ret_cookie = told(taker)->cookie;
    return status;
}

/* B gives A so much of it. */
static inline uint64_t give_a(uint64_t source, uint64_t offset, uint64_t bytes, uint32_t rights)
{
    uint64_t cookie = 0;
    struct realm_control_derive gift = {.source = source, .offset = offset, .bytes = bytes, .rights = rights};
    cr_assert_eq(give(b, b_from_a, a, a_to_b, gift, &cookie), 0);
    return cookie;
}

static inline uint64_t give_d(uint64_t source, uint64_t bytes, uint32_t rights)
{
    uint64_t cookie = 0;
    struct realm_control_derive gift = {.source = source, .bytes = bytes, .rights = rights};
    cr_assert_eq(give(a, a_to_d, d, d_from_a, gift, &cookie), 0);
    return cookie;
}

static inline off_t size_of(int fd)
{
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);
    return status.st_size;
}

static inline void put(int fd, const char *text)
{
    cr_assert_eq(pwrite(fd, text, strlen(text) + 1, 0), (ssize_t)strlen(text) + 1);
}

static inline const char *get(int fd)
{
    static char text[32];
    memset(text, 0, sizeof(text));
    cr_assert_geq(pread(fd, text, sizeof(text) - 1, 0), 0);
    return text;
}

#endif
