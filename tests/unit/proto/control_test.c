/* The control protocol's checks: for each type, what passes, and each way in which a packet is wrong. */
#include "librealm/proto/control.h"

#include <criterion/criterion.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/os/os.h"

static union realm_control_request request;
static union realm_control_event event;

static struct realm_control_name name(const char *text)
{
    struct realm_control_name made;
    cr_assert_eq(realm_control_name_init(&made, text, strlen(text)), 0);
    return made;
}

static int decode(const void *packet)
{
    const struct realm_control_header *header = packet;
    memset(&request, 0xee, sizeof request);
    return realm_control_decode_request(packet, realm_control_size(header->type), &request);
}

static int decode_event(const void *packet)
{
    const struct realm_control_header *header = packet;
    memset(&event, 0xee, sizeof event);
    return realm_control_decode_event(packet, realm_control_size(header->type), &event);
}

/* After a refused field: the header is there, and not one byte of what was refused. */
static void assert_only_header(const void *packet)
{
    static const union realm_control_request zero;
    cr_assert_arr_eq(&request, packet, sizeof request.header);
    cr_assert_arr_eq((char *)&request + sizeof request.header, (const char *)&zero + sizeof zero.header,
                     sizeof zero - sizeof zero.header);
}

/* After a packet that is not the protocol: nothing was written. */
static void assert_untouched(const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(((const uint8_t *)bytes)[i], 0xee);
}

static struct realm_control_named connect_packet(void)
{
    struct realm_control_named packet = {.flags = REALM_CONNECT_WAIT, .name = name("database")};
    realm_control_header_init(&packet.header, REALM_CONTROL_CONNECT, 5);
    return packet;
}

static struct realm_control_spawn spawn_packet(void)
{
    struct realm_control_spawn packet = {.program = name("worker"), .args_count = 2, .args_size = 6};
    memcpy(packet.args, "ab\0cd", 6);
    realm_control_header_init(&packet.header, REALM_CONTROL_SPAWN, 6);
    return packet;
}

Test(control, knows_its_types)
{
    /* Goal: names and sizes of the types, and of numbers that are none. */
    cr_assert_str_eq(realm_control_type_name(REALM_CONTROL_CONNECT), "connect");
    cr_assert_str_eq(realm_control_type_name(REALM_CONTROL_QUERY), "query");
    cr_assert_eq(realm_control_size(REALM_CONTROL_SPAWN), sizeof(struct realm_control_spawn));
    cr_assert_eq(realm_control_size(REALM_CONTROL_STOP), sizeof(struct realm_control_header));
    static const uint16_t unknown[] = {0, 26, 127, 139, UINT16_MAX};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        cr_assert_eq(realm_control_size(unknown[i]), 0);
        cr_assert_str_eq(realm_control_type_name(unknown[i]), "?");
    }
}

Test(control, makes_names)
{
    /* Goal: a name is padded with zeros; a bad one leaves the output alone. */
    struct realm_control_name made;
    memset(&made, 0xee, sizeof made);
    cr_assert_eq(realm_control_name_init(&made, "vfs", 3), 0);
    static const struct realm_control_name expected = {.size = 3, .text = "vfs"};
    cr_assert_arr_eq(&made, &expected, sizeof made);

    char longest[REALM_NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    cr_assert_eq(realm_control_name_init(&made, longest, REALM_NAME_MAX), 0);
    cr_assert_eq(made.text[REALM_NAME_MAX], 0);
    memset(&made, 0xee, sizeof made);
    cr_assert_eq(realm_control_name_init(&made, longest, sizeof longest), REALM_E_BAD_NAME);
    cr_assert_eq(realm_control_name_init(&made, "", 0), REALM_E_BAD_NAME);
    cr_assert_eq(realm_control_name_init(&made, "a\0b", 3), REALM_E_BAD_NAME);
    assert_untouched(&made, sizeof made);
}

Test(control, refuses_a_wrong_header)
{
    /* Goal: whatever is not a whole packet of this version from this side is not the protocol. */
    struct realm_control_named good = connect_packet(), bad;
    cr_assert_eq(decode(&good), 0);
#define WRONG(field, value, size)                                                                            \
    do {                                                                                                     \
        bad = good;                                                                                          \
        bad.header.field = value;                                                                            \
        memset(&request, 0xee, sizeof request);                                                              \
        cr_assert_eq(realm_control_decode_request(&bad, size, &request), REALM_E_PROTOCOL);                  \
        assert_untouched(&request, sizeof request);                                                          \
    } while (0)
    WRONG(version, 0, sizeof bad);
    WRONG(version, 2, sizeof bad);
    WRONG(type, 0, sizeof bad);
    WRONG(type, 12, sizeof bad);
    WRONG(type, REALM_CONTROL_REPLY, sizeof bad);
    WRONG(type, REALM_CONTROL_GRANT, sizeof bad);
    WRONG(size, sizeof bad - 1, sizeof bad);
    WRONG(size, UINT32_MAX, sizeof bad);
    WRONG(size, sizeof bad - 1, sizeof bad - 1);
    for (size_t size = 0; size < sizeof bad; size++)
        WRONG(version, REALM_CONTROL_VERSION, size);
#undef WRONG
    cr_assert_eq(realm_control_decode_event(&good, sizeof good, &event), REALM_E_PROTOCOL);
}

Test(control, wants_no_xid_where_no_answer_is_due)
{
    /* Goal: a packet that asks nothing carries no question's number. */
    struct realm_control_ack ack = {.sequence = 3};
    realm_control_header_init(&ack.header, REALM_CONTROL_ACK, 0);
    cr_assert_eq(decode(&ack), 0);
    cr_assert_eq(request.ack.sequence, 3);
    ack.header.xid = 1;
    cr_assert_eq(decode(&ack), REALM_E_PROTOCOL);
}

Test(control, decodes_hello)
{
    /* Goal: a realm says which of the two waiters it uses, and nothing else. */
    struct realm_control_hello hello = {.waiter = 0};
    realm_control_header_init(&hello.header, REALM_CONTROL_HELLO, 1);
    for (uint32_t waiter = 0; waiter < 4; waiter++) {
        hello.waiter = waiter;
        cr_assert_eq(decode(&hello),
                     waiter == REALM_WAITER_URING || waiter == REALM_WAITER_PIPE ? 0 : REALM_E_BAD_ARGUMENT);
    }
    assert_only_header(&hello);
    hello = (struct realm_control_hello){.header = hello.header, .waiter = 1, .reserved = 1};
    cr_assert_eq(decode(&hello), REALM_E_PROTOCOL);
}

Test(control, decodes_named_requests)
{
    /* Goal: CONNECT has one flag; REGISTER and KILL have none. */
    struct realm_control_named packet = connect_packet();
    cr_assert_eq(decode(&packet), 0);
    cr_assert_arr_eq(&request, &packet, sizeof packet);
    cr_assert_str_eq((const char *)request.named.name.text, "database");
    packet.flags = 2;
    cr_assert_eq(decode(&packet), REALM_E_BAD_ARGUMENT);
    assert_only_header(&packet);
    packet.flags = REALM_CONNECT_WAIT;
    packet.header.type = REALM_CONTROL_REGISTER;
    cr_assert_eq(decode(&packet), REALM_E_BAD_ARGUMENT);
    packet.header.type = REALM_CONTROL_KILL;
    cr_assert_eq(decode(&packet), REALM_E_BAD_ARGUMENT);
    packet.flags = 0;
    cr_assert_eq(decode(&packet), 0);
    packet.reserved = 1;
    cr_assert_eq(decode(&packet), REALM_E_PROTOCOL);
}

Test(control, refuses_names_that_are_none)
{
    /* Goal: each way in which a name is badly formed is told as such, and its text goes no further. */
    struct realm_control_named good = connect_packet(), bad;
#define BAD(change)                                                                                          \
    do {                                                                                                     \
        bad = good;                                                                                          \
        change;                                                                                              \
        cr_assert_eq(decode(&bad), REALM_E_BAD_NAME);                                                        \
        assert_only_header(&bad);                                                                            \
    } while (0)
    BAD(bad.name.size = 0);
    BAD(bad.name.size = 7);
    BAD(bad.name.size = 9);
    BAD(bad.name.size = 10000);
    BAD(bad.name.size = UINT16_MAX);
    BAD(bad.name.text[3] = 0);
    BAD(bad.name.text[3] = '\n');
    BAD(bad.name.text[3] = 0xff);
    BAD(bad.name.text[REALM_NAME_MAX] = 'x');
    BAD((memset(bad.name.text, 'x', sizeof bad.name.text), bad.name.size = REALM_NAME_MAX + 1));
#undef BAD
    good.name.reserved[5] = 1;
    cr_assert_eq(decode(&good), REALM_E_PROTOCOL);
}

Test(control, decodes_spawn)
{
    /* Goal: the instance's name may be left out, and then wholly; arguments come in any number up to 64. */
    struct realm_control_spawn packet = spawn_packet();
    cr_assert_eq(decode(&packet), 0);
    cr_assert_arr_eq(&request, &packet, sizeof packet);
    packet.name.text[0] = 'x';
    cr_assert_eq(decode(&packet), REALM_E_BAD_NAME);
    packet.name = name("worker-1");
    cr_assert_eq(decode(&packet), 0);
    packet.name.reserved[0] = 1;
    cr_assert_eq(decode(&packet), REALM_E_PROTOCOL);
    packet = spawn_packet();
    packet.program.size = 0;
    cr_assert_eq(decode(&packet), REALM_E_BAD_NAME);
    packet = spawn_packet();
    packet.reserved = 1;
    cr_assert_eq(decode(&packet), REALM_E_PROTOCOL);
}

Test(control, counts_arguments)
{
    /* Goal: count, size and terminators agree, and nothing hides behind the last one. */
    struct realm_control_spawn packet = spawn_packet();
#define ARGS(count, size, expected)                                                                          \
    do {                                                                                                     \
        packet.args_count = count;                                                                           \
        packet.args_size = size;                                                                             \
        cr_assert_eq(decode(&packet), expected, "%d arguments, %d bytes", (int)(count), (int)(size));        \
    } while (0)
    ARGS(2, 6, 0);
    ARGS(1, 6, REALM_E_BAD_ARGUMENT);
    ARGS(3, 6, REALM_E_BAD_ARGUMENT);
    ARGS(2, 5, REALM_E_BAD_ARGUMENT);
    ARGS(1, 3, REALM_E_BAD_ARGUMENT);
    ARGS(3, 7, 0);        /* the third is empty */
    packet.args[6] = 'x'; /* a third one that nothing ends */
    ARGS(2, 7, REALM_E_BAD_ARGUMENT);
    ARGS(3, 7, REALM_E_BAD_ARGUMENT);
    ARGS(3, 8, 0);
    packet.args[6] = 0;
    ARGS(0, 0, REALM_E_BAD_ARGUMENT);
    ARGS(2, UINT16_MAX, REALM_E_BAD_ARGUMENT);
    memset(packet.args, 0, sizeof packet.args);
    ARGS(0, 0, 0);
    ARGS(1, 0, REALM_E_BAD_ARGUMENT);
    ARGS(64, 64, 0);
    ARGS(65, 65, REALM_E_BAD_ARGUMENT);
    memset(packet.args, 'x', sizeof packet.args);
    ARGS(1, REALM_SPAWN_ARGS_BYTES, REALM_E_BAD_ARGUMENT);
    packet.args[REALM_SPAWN_ARGS_BYTES - 1] = 0;
    ARGS(1, REALM_SPAWN_ARGS_BYTES, 0);
    ARGS(1, REALM_SPAWN_ARGS_BYTES + 1, REALM_E_BAD_ARGUMENT);
#undef ARGS
}

Test(control, decodes_grant_fault_and_stats)
{
    /* Goal: only SEND is granted, only known faults are reported, any figures are taken. */
    struct realm_control_grant grant = {
        .child = name("c1"), .service = name("logger"), .rights = REALM_RIGHT_SEND};
    realm_control_header_init(&grant.header, REALM_CONTROL_GRANT, 9);
    cr_assert_eq(decode(&grant), 0);
    grant.rights |= REALM_RIGHT_RECV;
    cr_assert_eq(decode(&grant), REALM_E_BAD_ARGUMENT);
    grant.rights = 0;
    cr_assert_eq(decode(&grant), REALM_E_BAD_ARGUMENT);
    grant.service.size = 0;
    cr_assert_eq(decode(&grant), REALM_E_BAD_NAME);
    grant.reserved = 1;
    cr_assert_eq(decode(&grant), REALM_E_PROTOCOL);

    struct realm_control_fault fault = {.cookie = 1};
    realm_control_header_init(&fault.header, REALM_CONTROL_FAULT, 0);
    for (uint32_t kind = 0; kind < 6; kind++) {
        fault.kind = kind;
        cr_assert_eq(decode(&fault), kind >= 1 && kind <= 3 ? 0 : REALM_E_BAD_ARGUMENT);
    }
    struct realm_control_stats stats;
    memset(&stats, 0xff, sizeof stats);
    realm_control_header_init(&stats.header, REALM_CONTROL_STATS, 0);
    cr_assert_eq(decode(&stats), 0);
    cr_assert_arr_eq(&request, &stats, sizeof stats);
}

Test(control, leaves_no_trace_of_an_earlier_packet)
{
    /* Goal: beyond a short packet the decoded union is zero, whatever was decoded into it before. */
    struct realm_control_spawn spawn = spawn_packet();
    struct realm_control_ack ack = {.sequence = 3};
    static const char zero[sizeof request];
    realm_control_header_init(&ack.header, REALM_CONTROL_ACK, 0);
    cr_assert_eq(decode(&spawn), 0);
    cr_assert_eq(decode(&ack), 0);
    cr_assert_arr_eq((char *)&request + sizeof ack, zero, sizeof request - sizeof ack);
}

Test(control, decodes_reply_and_welcome)
{
    /* Goal: a status is a code of error.h; a realm is told who it is. */
    struct realm_control_reply reply = {.value = 4};
    realm_control_header_init(&reply.header, REALM_CONTROL_REPLY, 5);
    for (int status = -2; status <= REALM_E_INCAPABLE + 2; status++) {
        reply.status = status;
        cr_assert_eq(decode_event(&reply),
                     status >= 0 && status <= REALM_E_INCAPABLE ? 0 : REALM_E_BAD_ARGUMENT);
    }
    struct realm_control_welcome good = {.realm = 7, .name = name("a")};
    realm_control_header_init(&good.header, REALM_CONTROL_WELCOME, 1);
    struct realm_control_welcome bad;
#define WELCOME(change, expected)                                                                            \
    do {                                                                                                     \
        bad = good;                                                                                          \
        change;                                                                                              \
        cr_assert_eq(decode_event(&bad), expected);                                                          \
    } while (0)
    WELCOME((void)0, 0);
    WELCOME(bad.realm = 0, REALM_E_BAD_ARGUMENT);
    WELCOME(bad.name.size = 2, REALM_E_BAD_NAME);
    WELCOME(bad.name.reserved[0] = 2, REALM_E_PROTOCOL);
#undef WELCOME
}

Test(control, decodes_pool)
{
    /* Goal: there are as many regions as descriptors fit a packet, and their numbers do not wrap. */
    struct realm_control_pool pool = {.count = 1, .region_bytes = 32768};
    realm_control_header_init(&pool.header, REALM_CONTROL_POOL, 0);
    for (uint32_t count = 0; count <= REALM_CONTROL_FDS_MAX + 1; count++) {
        pool.count = count;
        cr_assert_eq(decode_event(&pool),
                     count >= 1 && count <= REALM_CONTROL_FDS_MAX ? 0 : REALM_E_BAD_ARGUMENT);
    }
    pool.count = 8;
    pool.first = UINT32_MAX - 8;
    cr_assert_eq(decode_event(&pool), 0);
    pool.first = UINT32_MAX - 7;
    cr_assert_eq(decode_event(&pool), REALM_E_BAD_ARGUMENT);
}

/* Sizes of regions that no ring could have, or that would wrap a multiplication. */
static const uint32_t bad_sizes[] = {0,         64, 4095, 32768 + 64, 1024 * 1024 + 4096, UINT32_C(1) << 31,
                                     UINT32_MAX};

Test(control, refuses_regions_of_impossible_sizes)
{
    /* Goal: a region is whole pages and no larger than a mebibyte; a queue has 1 to 4096 messages. */
    struct realm_control_pool pool = {.count = 1};
    struct realm_control_channel channel = {.cookie = 1, .peer = 2, .queue_messages = 32};
    realm_control_header_init(&pool.header, REALM_CONTROL_POOL, 0);
    realm_control_header_init(&channel.header, REALM_CONTROL_CONNECTED, 1);
    for (size_t i = 0; i < sizeof bad_sizes / sizeof bad_sizes[0]; i++) {
        pool.region_bytes = channel.region_bytes = bad_sizes[i];
        cr_expect_eq(decode_event(&pool), REALM_E_BAD_ARGUMENT, "%u", bad_sizes[i]);
        cr_expect_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT, "%u", bad_sizes[i]);
    }
    pool.region_bytes = channel.region_bytes = 1024 * 1024;
    cr_expect_eq(decode_event(&pool), 0);
    cr_expect_eq(decode_event(&channel), 0);
    static const uint32_t limits[] = {0, 4097, UINT32_MAX};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        channel.queue_messages = limits[i];
        cr_expect_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT, "%u", limits[i]);
    }
    pool.reserved = 1;
    cr_expect_eq(decode_event(&pool), REALM_E_PROTOCOL);
}

Test(control, decodes_channels)
{
    /* Goal: CONNECTED and ACCEPTED share a layout; what only one of them means is zero in the other. */
    struct realm_control_channel channel = {
        .cookie = 1, .peer = 2, .has_hint = 1, .region_bytes = 32768, .queue_messages = 32};
    realm_control_header_init(&channel.header, REALM_CONTROL_CONNECTED, 5);
    cr_assert_eq(decode_event(&channel), 0);
    channel.badge = 1;
    cr_assert_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT);
    channel.badge = 0;
    channel.endpoint = 1;
    cr_assert_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT);
    channel.header.type = REALM_CONTROL_ACCEPTED;
    cr_assert_eq(decode_event(&channel), REALM_E_PROTOCOL);
    channel.header.xid = 0;
    channel.badge = 1;
    cr_assert_eq(decode_event(&channel), 0);
    channel.has_hint = 2;
    cr_assert_eq(decode_event(&channel), REALM_E_BAD_ARGUMENT);
}

Test(control, decodes_closed_child_stop_and_query)
{
    /* Goal: a channel ends for one of three reasons; a child is in one of three states. */
    struct realm_control_closed closed = {.cookie = 1};
    realm_control_header_init(&closed.header, REALM_CONTROL_CLOSED, 0);
    for (int reason = 7; reason <= 11; reason++) {
        closed.reason = reason;
        cr_assert_eq(decode_event(&closed), reason >= 8 && reason <= 10 ? 0 : REALM_E_BAD_ARGUMENT);
    }
    struct realm_control_child child = {.child = 9, .state = REALM_STATE_TERMINATED, .name = name("c")};
    realm_control_header_init(&child.header, REALM_CONTROL_CHILD, 0);
    cr_assert_eq(decode_event(&child), 0);
    child.state = 3;
    cr_assert_eq(decode_event(&child), REALM_E_BAD_ARGUMENT);

    struct realm_control_header header;
    realm_control_header_init(&header, REALM_CONTROL_STOP, 0);
    cr_assert_eq(decode_event(&header), 0);
    realm_control_header_init(&header, REALM_CONTROL_QUERY, 0);
    cr_assert_eq(decode_event(&header), 0);
    cr_assert_eq(realm_control_decode_request(&header, sizeof header, &request), REALM_E_PROTOCOL);
}
