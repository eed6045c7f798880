/*
 * The control socket: packets that break the protocol. The broker ends who sends one, and says why.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "librealm/proto/launch.h"
#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

/* Reads until the broker hangs up; whoever is left alone for so long was not ended. */
static void await_end(void)
{
    const uint64_t end = raw_now_ms() + 8000;
    for (uint64_t now; (now = raw_now_ms()) < end;)
        if (raw_readable((unsigned)(end - now)) && raw_take(MSG_DONTWAIT) <= 0) {
            raw_sleep_ms(5000); /* the kill is on its way */
            break;
        }
    outcome("left alone");
}

static void after_welcome(void)
{
    raw_hello();
    raw_await(REALM_CONTROL_WELCOME);
}

static void speak_first(void)
{
    raw_named(REALM_CONTROL_CONNECT, 0, "echo");
    await_end();
}

static void hello_twice(void)
{
    raw_open();
    raw_hello();
    await_end();
}

static void garbage(void)
{
    raw_send("\xff\x00garbage that is no packet at all\x13\x37", 40);
    await_end();
}

static void empty_packet(void)
{
    raw_send("", 0);
    await_end();
}

static void send_sized(size_t claimed, size_t sent, unsigned type, unsigned version)
{
    static char packet[65536];
    struct realm_control_header header;
    raw_header(&header, type, claimed);
    header.version = (uint16_t)version;
    memcpy(packet, &header, sizeof header);
    raw_send(packet, sent);
    await_end();
}

static void cut_packet(void)
{
    send_sized(sizeof(struct realm_control_hello), 10, REALM_CONTROL_HELLO, REALM_CONTROL_VERSION);
}

static void long_packet(void)
{
    send_sized(sizeof(struct realm_control_hello), 65536, REALM_CONTROL_HELLO, REALM_CONTROL_VERSION);
}

static void size_lie(void)
{
    send_sized(UINT32_MAX, sizeof(struct realm_control_hello), REALM_CONTROL_HELLO, REALM_CONTROL_VERSION);
}

static void other_version(void)
{
    send_sized(sizeof(struct realm_control_hello), sizeof(struct realm_control_hello), REALM_CONTROL_HELLO,
               0xffff);
}

static void no_type(void)
{
    send_sized(sizeof(struct realm_control_header), sizeof(struct realm_control_header), 0,
               REALM_CONTROL_VERSION);
}

/* As if it were the broker: STOP is for realms. */
static void wrong_direction(void)
{
    send_sized(sizeof(struct realm_control_header), sizeof(struct realm_control_header), REALM_CONTROL_STOP,
               REALM_CONTROL_VERSION);
}

/* As if it were the launcher. */
static void forged_launch(void)
{
    struct realm_launch_exited packet = {.realm = 1, .wait_status = 9};
    raw_header_silent((struct realm_control_header *)&packet, REALM_LAUNCH_EXITED, sizeof packet);
    raw_send(&packet, sizeof packet);
    await_end();
}

static void ack_future(void)
{
    after_welcome();
    raw_ack(raw_in.welcome.sequence + 1);
    await_end();
}

static void ack_zero(void)
{
    after_welcome();
    raw_ack(0);
    await_end();
}

static void ack_twice(void)
{
    raw_open();
    raw_ack(raw_in.pool.sequence);
    await_end();
}

static void ack_early(void)
{
    raw_hello();
    raw_ack(1);
    await_end();
}

static void ack_never(void)
{
    after_welcome();
    await_end();
}

/* The pool is not acknowledged, but a channel is wanted that needs it. */
static void pool_never(void)
{
    after_welcome();
    raw_ack(raw_in.welcome.sequence);
    raw_named(REALM_CONTROL_CONNECT, 0, "echo");
    await_end();
}

static void channel_never(void)
{
    raw_open();
    raw_named(REALM_CONTROL_CONNECT, REALM_CONNECT_WAIT, "echo");
    raw_await(REALM_CONTROL_CONNECTED);
    /* The pool has one more region; the third needs a refill, which cannot be sent. */
    raw_named(REALM_CONTROL_CONNECT, REALM_CONNECT_WAIT, "echo");
    raw_named(REALM_CONTROL_CONNECT, REALM_CONNECT_WAIT, "echo");
    await_end();
}

static void ack_with_xid(void)
{
    struct realm_control_ack packet = {0};
    after_welcome();
    raw_header(&packet.header, REALM_CONTROL_ACK, sizeof packet);
    packet.sequence = raw_in.welcome.sequence;
    raw_send(&packet, sizeof packet);
    await_end();
}

static void reserved_field(void)
{
    struct realm_control_hello packet = {.waiter = 1, .reserved = 1};
    raw_header(&packet.header, REALM_CONTROL_HELLO, sizeof packet);
    raw_send(&packet, sizeof packet);
    await_end();
}

static void fault_kind(void)
{
    struct realm_control_fault packet = {.cookie = 1, .kind = 99};
    raw_open();
    raw_header_silent(&packet.header, REALM_CONTROL_FAULT, sizeof packet);
    raw_send(&packet, sizeof packet);
    await_end();
}

/* Asks on and reads nothing. */
static void deaf(void)
{
    struct realm_control_cookie packet = {.cookie = 12345};
    after_welcome();
    raw_header(&packet.header, REALM_CONTROL_DISCONNECT, sizeof packet);
    while (raw_send(&packet, sizeof packet) > 0)
        ;
    raw_sleep_ms(5000);
    outcome("left alone");
}

/* It is answered in full, but slowly, and that is all. */
static void request_flood(void)
{
    struct realm_control_cookie packet = {.cookie = 12345};
    const unsigned count = 12000;
    unsigned sent = 0, answered = 0;

    after_welcome();
    raw_ack(raw_in.welcome.sequence);
    raw_await(REALM_CONTROL_POOL);
    raw_ack(raw_in.pool.sequence);
    raw_header(&packet.header, REALM_CONTROL_DISCONNECT, sizeof packet);
    while (answered < count) {
        while (sent < count && sent - answered < 16 && raw_send(&packet, sizeof packet) > 0)
            sent++;
        raw_await(REALM_CONTROL_REPLY);
        answered++;
    }
    outcome("answered");
}

/* Half of the goodbye: the broker must not wait for the rest. */
static void half_closed(void)
{
    raw_open();
    int result = shutdown(REALM_CONTROL_FD, SHUT_WR);
    if (result < 0) {
        outcome_call(result);
        return;
    }
    raw_sleep_ms(5000);
    outcome("left alone");
}

static void hang_up(void)
{
    struct raw_channel channel;
    raw_open();
    raw_connect("echo", &channel);
    close(REALM_CONTROL_FD);
    /* The channel is taken away with the socket: the region is empty before long. */
    for (unsigned tries = 0; tries < 300; tries++) {
        unsigned char pages[2];
        if (madvise((void *)(uintptr_t)channel.own, 4096, MADV_WILLNEED) < 0 && errno == EBADF)
            break;
        (void)pages;
        raw_sleep_ms(10);
    }
    outcome("hung up");
}

static const struct attack control[] = {
    {"control-speak-first", "asks before it has said hello", speak_first,
     .must = "offence: spoke before it said hello"},
    {"control-hello-twice", "says hello twice", hello_twice, .must = "offence: said hello twice"},
    {"control-garbage", "sends bytes that are no packet", garbage,
     .must = "offence: sent a packet that is not"},
    {"control-empty", "sends an empty packet, which reads like the end", empty_packet,
     .must = "offence: sent a packet that is not"},
    {"control-cut", "sends half a header", cut_packet, .must = "offence: sent a packet that is not"},
    {"control-long", "sends 64 KiB", long_packet, .must = "offence: sent a packet that is not"},
    {"control-size-lie", "claims a size of 4 GiB", size_lie, .must = "offence: sent a packet that is not"},
    {"control-version", "speaks version 65535", other_version, .must = "offence: sent a packet that is not"},
    {"control-type-zero", "sends type 0", no_type, .must = "offence: sent a packet that is not"},
    {"control-direction", "sends what only the broker sends", wrong_direction,
     .must = "offence: sent a packet that is not"},
    {"control-launch", "reports a realm's end as if it were the launcher", forged_launch,
     .must = "offence: sent a packet that is not"},
    {"control-ack-future", "acknowledges what is yet to come", ack_future,
     .must = "offence: acknowledged what"},
    {"control-ack-zero", "acknowledges sequence 0", ack_zero, .must = "offence: acknowledged what"},
    {"control-ack-twice", "acknowledges twice", ack_twice, .must = "offence: acknowledged what"},
    {"control-ack-early", "acknowledges the welcome without having read it", ack_early,
     .must = "offence: acknowledged what|left alone"},
    {"control-ack-never", "never acknowledges its control page", ack_never,
     .must = "offence: did not acknowledge"},
    {"control-pool-never", "never acknowledges its pool, and wants a channel", pool_never,
     .must = "offence: did not acknowledge"},
    {"control-channel-never", "never acknowledges a channel, and wants more than its pool has", channel_never,
     .must = "offence: did not acknowledge"},
    {"control-ack-xid", "acknowledges with a number for an answer", ack_with_xid,
     .must = "offence: sent a packet that is not"},
    {"control-reserved", "uses a reserved field", reserved_field,
     .must = "offence: sent a packet that is not"},
    {"control-fault-kind", "reports a fault of kind 99", fault_kind,
     .must = "offence: sent a value out of range"},
    {"control-deaf", "asks on and reads nothing", deaf, .must = "offence: did not read what it was sent"},
    {"control-flood", "asks 12 000 times as fast as it goes", request_flood, .must = "answered"},
    {"control-half-closed", "shuts down its side of the socket only", half_closed, .must = "EPERM"},
    {"control-hang-up", "closes its control socket and keeps its channel", hang_up,
     .must = "offence: closed its control socket"},
};
ATTACK_THEME(control_theme, "control", "Breaking the control protocol", control, false);
