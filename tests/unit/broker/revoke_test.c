/*
 * Revocation as the broker does it: what two realms that keep everything still have, and when they learn of
 * it. revoke_races_test.c has what may happen at the same time.
 */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>

#include "mm/broker/revoke.h"
#include "librealm/ring/ring.h"
#include "tests/unit/broker/world.h"

static struct world world;

/* A channel of A to B's "database", the descriptors of which both have kept. */
struct kept {
    struct process *a, *b;
    const struct realm_control_page *a_page, *b_page;
    int server_region, client_region; /* as the peers got them */
    struct realm_control_channel client, server;
};

/* The page as the broker writes it, as long as the realm lives. */
static const struct realm_control_page *page_of(const char *name)
{
    return broker_find_realm(world.broker, name)->page;
}

static void connect_and_keep(struct kept *kept)
{
    world_start(&world);
    kept->b = world_open(&world, "B");
    cr_assert_eq(process_register(kept->b, "database", NULL), 0);
    kept->a = world_open(&world, "A");
    kept->a_page = page_of("A");
    kept->b_page = page_of("B");
    kept->a->keep = kept->b->keep = true;
    cr_assert_eq(process_connect(kept->a, "database", 0, 7), 0);
    process_pump(kept->b);
    const struct letter *connected = process_letter(kept->a, REALM_CONTROL_CONNECTED, 7);
    const struct letter *accepted = process_letter(kept->b, REALM_CONTROL_ACCEPTED, 0);
    cr_assert(connected && accepted);
    kept->client = connected->packet.channel;
    kept->server = accepted->packet.channel;
    kept->server_region = connected->fds[0];
    kept->client_region = accepted->fds[0];
    process_ack(kept->a, kept->client.sequence);
    process_ack(kept->b, kept->server.sequence);
    kept->a->keep = kept->b->keep = false;
}

static off_t size_of(int fd)
{
    struct stat status;
    cr_assert_eq(fstat(fd, &status), 0);
    return status.st_size;
}

static bool has_bit(const struct realm_control_page *page, uint32_t slot)
{
    return (page->revoked[slot / 32] >> (slot % 32)) & 1;
}

static uint32_t revoke_all(void)
{
    struct broker_realm *a = broker_find_realm(world.broker, "A");
    uint32_t count;
    cr_assert_eq(revoke_channels(a, &world.broker->services[DATABASE], &count), 0);
    world_settle(&world);
    return count;
}

/* --- what the broker asks of the kernel, and how things stand when it does --- */

struct asked {
    char what;          /* 't'runcate, 'w'ake */
    const void *object; /* the word that is woken */
    bool marked;        /* both pages say so, and both epochs have changed */
    bool told;          /* a packet lies at either end */
    unsigned empty;     /* so many of the two regions */
};

static struct {
    const struct kept *kept; /* NULL: nobody listens */
    uint32_t a_epoch, b_epoch;
    struct asked asked[16];
    unsigned count;
    bool refuse; /* no truncation succeeds */
} ear;

static bool has_packet(const struct process *process)
{
    char byte;
    return recv(process->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

static void note(char what, const void *object)
{
    const struct kept *kept = ear.kept;
    if (kept == NULL || ear.count == sizeof ear.asked / sizeof *ear.asked)
        return;
    ear.asked[ear.count++] = (struct asked){
        .what = what,
        .object = object,
        .marked = has_bit(kept->a_page, kept->client.slot) && has_bit(kept->b_page, kept->server.slot) &&
                  kept->a_page->epoch != ear.a_epoch && kept->b_page->epoch != ear.b_epoch,
        .told = has_packet(kept->a) || has_packet(kept->b),
        .empty = 0u + (size_of(kept->server_region) == 0) + (size_of(kept->client_region) == 0),
    };
}

/* These two take the place of the C library's. */
int ftruncate(int fd, off_t size)
{
    static int (*as_ever)(int, off_t);
    note('t', NULL);
    if (ear.refuse) {
        errno = EPERM;
        return -1;
    }
    if (as_ever == NULL)
        *(void **)&as_ever = dlsym(RTLD_NEXT, "ftruncate");
    return as_ever(fd, size);
}

/* Called before a sanitizer is ready, too: by its own beginning. */
__attribute__((no_sanitize("address"), no_sanitize("undefined"))) long syscall(long number, ...)
{
    static long (*as_ever)(long, ...);
    long words[6];
    va_list arguments;
    va_start(arguments, number);
    for (unsigned i = 0; i < 6; i++)
        words[i] = va_arg(arguments, long);
    va_end(arguments);
    if (ear.kept != NULL && number == SYS_futex && words[1] == FUTEX_WAKE)
        note('w', (const void *)words[0]);
    if (as_ever == NULL)
        *(void **)&as_ever = dlsym(RTLD_NEXT, "syscall");
    return as_ever(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

static void listen_to(const struct kept *kept)
{
    ear.kept = kept;
    ear.a_epoch = kept->a_page->epoch;
    ear.b_epoch = kept->b_page->epoch;
    ear.count = 0;
}

WORLD_TEST(revoke, the_order)
{
    /* Both pages before either memory; both memories before a wake; both wakes before a packet. */
    struct kept kept;
    connect_and_keep(&kept);
    listen_to(&kept);
    struct broker_realm *a = broker_find_realm(world.broker, "A");
    uint32_t count;
    cr_assert_eq(revoke_channels(a, &world.broker->services[DATABASE], &count), 0);
    cr_assert_eq(count, 1);
    ear.kept = NULL;
    cr_assert_geq(ear.count, 4);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_eq(ear.asked[i].what, i < 2 ? 't' : 'w');
        cr_expect(ear.asked[i].marked);
        cr_expect_not(ear.asked[i].told);
        cr_expect_eq(ear.asked[i].empty, i < 2 ? i : 2);
    }
    cr_expect_eq(ear.asked[2].object, &kept.a_page->epoch);
    cr_expect_eq(ear.asked[3].object, &kept.b_page->epoch);
    world_settle(&world);
}

WORLD_TEST(revoke, memory_that_stays)
{
    /* It cannot happen; but where it does, both realms are ended rather than a promise broken. */
    struct kept kept;
    connect_and_keep(&kept);
    ear.refuse = true;
    cr_expect_eq(revoke_all(), 1);
    ear.refuse = false;
    world_settle(&world);
    cr_expect_not_null(world_event(&world, "offence", "realm", "A"));
    cr_expect_not_null(world_event(&world, "offence", "realm", "B"));
    cr_expect_eq(world_counts(&world).sockets, 0);
}

static unsigned capabilities(void)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    unsigned count = 0;
    while (policy_next_capability(world.broker->policy, &cursor, &info))
        count++;
    return count;
}

WORLD_TEST(revoke, in_the_tree)
{
    /* The policy has let go of the capability, and of no other. */
    struct kept kept;
    connect_and_keep(&kept);
    unsigned before = capabilities();
    cr_assert_eq(revoke_all(), 1);
    cr_expect_eq(capabilities(), before - 1);
}

WORLD_TEST(revoke, on_request)
{
    /* Both regions are empty and stay so, both pages say which slot, both sockets why; the event is there. */
    struct kept kept;
    connect_and_keep(&kept);
    uint32_t epoch = kept.a_page->epoch, b_epoch = kept.b_page->epoch;
    cr_assert_eq(revoke_all(), 1);
    cr_expect_eq(size_of(kept.server_region), 0);
    cr_expect_eq(size_of(kept.client_region), 0);
    cr_expect_neq(ftruncate(kept.server_region, REALM_REGION_DEFAULT_BYTES), 0);
    cr_expect(has_bit(kept.a_page, kept.client.slot) && has_bit(kept.b_page, kept.server.slot));
    cr_expect_eq(kept.a_page->revocations, 1);
    cr_expect_neq(kept.a_page->epoch, epoch);
    cr_expect_neq(kept.b_page->epoch, b_epoch);
    process_pump(kept.a);
    process_pump(kept.b);
    const struct letter *a = process_letter(kept.a, REALM_CONTROL_CLOSED, 0);
    const struct letter *b = process_letter(kept.b, REALM_CONTROL_CLOSED, 0);
    cr_assert(a && b);
    cr_expect_eq(a->packet.closed.reason, REALM_E_REVOKED);
    cr_expect_eq(a->packet.closed.cookie, kept.client.cookie);
    cr_expect_eq(b->packet.closed.reason, REALM_E_REVOKED);
    cr_expect_eq(b->packet.closed.cookie, kept.server.cookie);
    cr_expect_not_null(world_event(&world, "revoked", "realm", "A"));
    cr_expect_eq(world_counts(&world).channels, 0);
    cr_expect_eq(revoke_all(), 0);
    /* What the scenario allows stays allowed; the slot is used again, and its bit is clear by then. */
    cr_expect_eq(process_connect(kept.a, "database", 0, 8), 0);
    const struct letter *again = process_letter(kept.a, REALM_CONTROL_CONNECTED, 8);
    cr_assert_not_null(again);
    cr_expect_eq(again->packet.channel.slot, kept.client.slot);
    cr_expect_not(has_bit(kept.a_page, kept.client.slot));
}

WORLD_TEST(revoke, a_server_that_ends)
{
    /* What a server replied before its end can be taken for a second, or until the client has done so. */
    struct kept kept;
    connect_and_keep(&kept);
    int client_region = fcntl(kept.client_region, F_DUPFD_CLOEXEC, 0);
    process_exit(kept.b, 0);
    world_settle(&world);
    cr_expect_eq(size_of(kept.server_region), REALM_REGION_DEFAULT_BYTES);
    world_advance(&world, REALM_SEC);
    world_settle(&world);
    cr_expect_eq(size_of(kept.server_region), 0);
    cr_expect_eq(size_of(client_region), 0);
    close(client_region);
    cr_expect_eq(kept.a_page->revocations, 0); /* it ended; it was not revoked */
}

/* Whether the page says that the peer of that slot has ended. */
static bool has_dead(const struct realm_control_page *page, uint32_t slot)
{
    return (page->dead[slot / 32] >> (slot % 32)) & 1;
}

WORLD_TEST(revoke, a_client_that_ends)
{
    /* Its server, which finds the memory gone, finds in its page that it is dead; the bit is clear when the
     * slot is used again. */
    struct kept kept;
    connect_and_keep(&kept);
    int client_region = fcntl(kept.client_region, F_DUPFD_CLOEXEC, 0);
    struct realm_control_cookie disconnect = {.cookie = kept.client.cookie};
    realm_control_header_init(&disconnect.header, REALM_CONTROL_DISCONNECT, 8);
    cr_expect_not(has_dead(kept.b_page, kept.server.slot));
    process_send(kept.a, &disconnect, sizeof disconnect);
    world_settle(&world);
    cr_expect_eq(size_of(client_region), 0);
    close(client_region);
    cr_expect(has_dead(kept.b_page, kept.server.slot));
    cr_expect_not(has_bit(kept.b_page, kept.server.slot));
    cr_expect_eq(process_connect(kept.a, "database", 0, 9), 0);
    world_settle(&world);
    process_pump(kept.b);
    cr_expect_not(has_dead(kept.b_page, kept.server.slot));
}

WORLD_TEST(revoke, a_last_look_that_is_over)
{
    /* The client's own disconnect ends the second early; so does a revocation; so does its own end. */
    for (unsigned way = 0; way < 3; way++) {
        struct kept kept;
        if (way > 0) {
            world_deinit(&world);
            world_init(&world);
        }
        connect_and_keep(&kept);
        process_exit(kept.b, 0);
        world_settle(&world);
        cr_assert_eq(size_of(kept.server_region), REALM_REGION_DEFAULT_BYTES);
        int region = fcntl(kept.server_region, F_DUPFD_CLOEXEC, 0);
        if (way == 0)
            cr_expect_eq(process_cookie(kept.a, REALM_CONTROL_DISCONNECT, kept.client.cookie), REALM_E_STALE);
        else if (way == 1)
            cr_expect_eq(revoke_all(), 0);
        else
            process_exit(kept.a, 0);
        world_settle(&world);
        cr_expect_eq(size_of(region), 0, "way %u", way);
        close(region);
    }
}

WORLD_TEST(revoke, a_service_that_is_withdrawn)
{
    /* Its last replies may still be taken; after a second the memory is gone. */
    struct kept kept;
    connect_and_keep(&kept);
    cr_expect_eq(process_cookie(kept.b, REALM_CONTROL_UNREGISTER, kept.server.endpoint), 0);
    cr_expect_eq(size_of(kept.server_region), REALM_REGION_DEFAULT_BYTES);
    world_advance(&world, REALM_SEC);
    cr_expect_eq(size_of(kept.server_region), 0);
    cr_expect_eq(size_of(kept.client_region), 0);
}

WORLD_TEST(revoke, a_client_that_leaves)
{
    /* A client that disconnects takes its replies no more: nothing lingers. */
    struct kept kept;
    connect_and_keep(&kept);
    cr_expect_eq(process_cookie(kept.a, REALM_CONTROL_DISCONNECT, kept.client.cookie), 0);
    cr_expect_eq(size_of(kept.server_region), 0);
    cr_expect_eq(size_of(kept.client_region), 0);
    cr_expect_eq(process_cookie(kept.a, REALM_CONTROL_DISCONNECT, kept.client.cookie), REALM_E_STALE);
}
