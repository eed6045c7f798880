/*
 * Lies in well-formed packets: names, cookies and rights that are not the attacker's. Each is answered, and
 * nothing comes of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static void outcome_status(int status)
{
    outcome("%s", raw_status_word(status));
}

static void ask_named(unsigned type, const char *name)
{
    raw_open();
    raw_named(type, 0, name);
    outcome_status(raw_status());
}

static void register_other(void)
{
    ask_named(REALM_CONTROL_REGISTER, "echo");
}

static void register_future(void)
{
    ask_named(REALM_CONTROL_REGISTER, "private");
}

static void register_unknown(void)
{
    ask_named(REALM_CONTROL_REGISTER, "a service of its own");
}

static void connect_private(void)
{
    ask_named(REALM_CONTROL_CONNECT, "private");
}

static void connect_path_name(void)
{
    ask_named(REALM_CONTROL_CONNECT, "../../etc/passwd");
}

static void kill_server(void)
{
    ask_named(REALM_CONTROL_KILL, "server");
}

static void kill_system(void)
{
    ask_named(REALM_CONTROL_KILL, "init");
}

static void bad_name(const char *text, size_t size, unsigned claimed)
{
    struct realm_control_named packet = {.name.size = (uint16_t)claimed};
    raw_open();
    raw_header(&packet.header, REALM_CONTROL_CONNECT, sizeof packet);
    memcpy(packet.name.text, text, size);
    raw_send(&packet, sizeof packet);
    outcome_status(raw_status());
}

static void name_too_long(void)
{
    bad_name("echo", 4, 65535);
}

static void name_hidden(void)
{
    bad_name("echo\0private", 12, 4);
}

static void name_escape(void)
{
    bad_name("\033]0;owned\007", 10, 10);
}

static void name_overlong(void)
{
    /* '/' in two bytes, which no valid UTF-8 has. */
    bad_name("a\xc0\xaf"
             "b",
             4, 4);
}

static void connect_flags(void)
{
    raw_open();
    raw_named(REALM_CONTROL_CONNECT, 0xfffffffe, "echo");
    outcome_status(raw_status());
}

static void hello_waiter(void)
{
    struct realm_control_hello packet = {.waiter = 99};
    raw_header(&packet.header, REALM_CONTROL_HELLO, sizeof packet);
    raw_send(&packet, sizeof packet);
    outcome_status(raw_status());
}

static void spawn_named(const char *program, const char *name, unsigned count, unsigned size)
{
    struct realm_control_spawn packet = {.args_count = (uint16_t)count, .args_size = (uint16_t)size};
    raw_open();
    raw_header(&packet.header, REALM_CONTROL_SPAWN, sizeof packet);
    packet.program.size = (uint16_t)strlen(program);
    memcpy(packet.program.text, program, packet.program.size);
    packet.name.size = (uint16_t)strlen(name);
    memcpy(packet.name.text, name, packet.name.size);
    raw_send(&packet, sizeof packet);
    outcome_status(raw_status());
}

static void spawn_shell(void)
{
    spawn_named("/bin/sh", "", 0, 0);
}

static void spawn_other(void)
{
    spawn_named("stranger", "", 0, 0);
}

static void spawn_template(void)
{
    spawn_named("provider", "impostor", 0, 0);
}

static void spawn_arguments(void)
{
    spawn_named("stranger", "", 65535, 65535);
}

/* Strings that do not fit their size: no NUL within. */
static void spawn_open_string(void)
{
    struct realm_control_spawn packet = {.args_count = 3, .args_size = 4, .program.size = 8};
    raw_open();
    raw_header(&packet.header, REALM_CONTROL_SPAWN, sizeof packet);
    memcpy(packet.program.text, "stranger", 8);
    memcpy(packet.args, "abcd", 4);
    raw_send(&packet, sizeof packet);
    outcome_status(raw_status());
}

static void grant_to(const char *child, const char *service, unsigned rights)
{
    struct realm_control_grant packet = {.rights = rights};
    raw_open();
    raw_header(&packet.header, REALM_CONTROL_GRANT, sizeof packet);
    packet.child.size = (uint16_t)strlen(child);
    memcpy(packet.child.text, child, packet.child.size);
    packet.service.size = (uint16_t)strlen(service);
    memcpy(packet.service.text, service, packet.service.size);
    raw_send(&packet, sizeof packet);
    outcome_status(raw_status());
}

static void grant_foreign(void)
{
    grant_to("client", "private", 1);
}

static void grant_all_rights(void)
{
    grant_to("client", "echo", 0xffffffff);
}

/* A thousand guesses; the cookies of the honest are 64 random bits. */
static void guess_cookies(void)
{
    unsigned incapable = 0;
    raw_open();
    for (unsigned i = 0; i < 1000; i++) {
        raw_cookie(REALM_CONTROL_DISCONNECT, (uint64_t)i * 0x9e3779b97f4a7c15u);
        incapable += raw_status() == 21;
    }
    outcome("%s", incapable == 1000 ? "all INCAPABLE" : "one was right");
}

static void small_cookies(void)
{
    unsigned incapable = 0;
    raw_open();
    for (unsigned i = 0; i < 500; i++) {
        raw_cookie(i % 2 ? REALM_CONTROL_DISCONNECT : REALM_CONTROL_UNREGISTER, i);
        incapable += raw_status() == 21;
    }
    outcome("%s", incapable == 500 ? "all INCAPABLE" : "one was right");
}

/* An own cookie, of a kind that the request is not for. */
static void mistaken_cookie(void)
{
    struct raw_channel channel;
    raw_open();
    raw_connect("echo", &channel);
    raw_cookie(REALM_CONTROL_UNREGISTER, channel.packet.cookie);
    outcome_status(raw_status());
}

static void cookie_twice(void)
{
    struct raw_channel channel;
    raw_open();
    raw_connect("echo", &channel);
    raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
    raw_status();
    raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
    outcome_status(raw_status());
}

/*
 * The left realm tells the right one its cookies, in a message. The right one uses them: nothing may come of
 * it, and the left one still owns both.
 */
static void foreign_left(void)
{
    struct raw_channel channel;
    struct raw_message message;
    uint64_t cookies[2];
    raw_open();
    cookies[0] = raw_register("drop");
    raw_accept(&channel);
    cookies[1] = channel.packet.cookie;
    struct realm_entry entry = {.size = sizeof cookies, .kind = REALM_MESSAGE_REPLY};
    if (!raw_pop(&channel, &message, 5000))
        return;
    raw_push(&channel, entry, cookies);
    (void)raw_pop(&channel, &message, 20000);
}

static void foreign_cookies(void)
{
    struct raw_channel channel;
    static struct raw_message message;
    struct realm_control_fault fault = {.kind = REALM_FAULT_CLAIM};
    const struct realm_entry knock = {.kind = REALM_MESSAGE_ONEWAY, .tag = 1};
    uint64_t cookies[2];
    int unregister, disconnect;

    if (target.side == 'l') {
        foreign_left();
        return;
    }
    raw_open();
    raw_connect("drop", &channel);
    raw_push(&channel, knock, NULL);
    if (!raw_pop(&channel, &message, 5000)) {
        outcome("not told");
        return;
    }
    memcpy(cookies, message.payload, sizeof cookies);
    raw_cookie(REALM_CONTROL_UNREGISTER, cookies[0]);
    unregister = raw_status();
    raw_cookie(REALM_CONTROL_DISCONNECT, cookies[1]);
    disconnect = raw_status();
    raw_header_silent(&fault.header, REALM_CONTROL_FAULT, sizeof fault);
    fault.cookie = cookies[1];
    raw_send(&fault, sizeof fault);
    /* The channel still carries, so none of the three was done. */
    raw_push(&channel, knock, NULL);
    raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
    outcome("%s", unregister == 21 && disconnect == 21 && raw_status() == 0 ? "INCAPABLE" : "obeyed");
}

static void stats_lie(void)
{
    struct realm_control_stats packet;
    raw_open();
    memset(&packet, 0xff, sizeof packet);
    raw_header_silent(&packet.header, REALM_CONTROL_STATS, sizeof packet);
    raw_send(&packet, sizeof packet);
    /* Whoever is still answered was not ended for it. */
    raw_cookie(REALM_CONTROL_DISCONNECT, 1);
    outcome_status(raw_status());
}

/* Of 33 connects that wait, the oldest gives way. */
static void waiting_connects(void)
{
    raw_open();
    for (unsigned i = 0; i < 33; i++) {
        struct realm_control_named packet = {.flags = REALM_CONNECT_WAIT, .name.size = 6};
        raw_header(&packet.header, REALM_CONTROL_CONNECT, sizeof packet);
        packet.header.xid = 100 + i;
        memcpy(packet.name.text, "nobody", 6);
        raw_send(&packet, sizeof packet);
    }
    int status = raw_status();
    outcome("%s", raw_in.header.xid == 100 && status == 13 ? "the oldest: LIMIT" : "another answer");
}

static void connect_churn(void)
{
    raw_open();
    for (unsigned i = 0; i < 100; i++) {
        struct raw_channel channel;
        raw_connect("echo", &channel);
        raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
        if (raw_status() != 0) {
            outcome("refused");
            return;
        }
    }
    outcome("served");
}

/*
 * Whether a realm of that name exists is no business of the attacker's: both must be answered alike, to the
 * number of the decision.
 */
static void name_oracle(void)
{
    uint64_t there, not_there;
    raw_open();
    raw_named(REALM_CONTROL_KILL, 0, "server");
    raw_status();
    there = raw_in.reply.decision;
    raw_named(REALM_CONTROL_KILL, 0, "no such realm");
    raw_status();
    not_there = raw_in.reply.decision;
    outcome("%s", (there == 0) == (not_there == 0) ? "alike" : "told apart");
}

/* One realm makes the broker decide, the other counts its decisions: a channel that no policy sees. */
static void decision_counter(void)
{
    uint64_t first;
    raw_open();
    if (target.side == 'l') {
        for (unsigned i = 0; i < 200; i++) {
            raw_named(REALM_CONTROL_CONNECT, 0, "private");
            raw_status();
        }
        return;
    }
    raw_named(REALM_CONTROL_CONNECT, 0, "private");
    raw_status();
    first = raw_in.reply.decision;
    for (unsigned tries = 0; tries < 40; tries++) {
        raw_sleep_ms(5);
        raw_named(REALM_CONTROL_CONNECT, 0, "private");
        raw_status();
    }
    outcome("%s", raw_in.reply.decision == first + 40 || raw_in.reply.decision == first ? "its own only"
                                                                                        : "the other's seen");
}

static const struct attack lies[] = {
    {"lie-register", "registers the honest server's service", register_other, .must = "DENIED"},
    {"lie-register-absent", "registers a service whose provider is not there", register_future,
     .must = "DENIED"},
    {"lie-register-unknown", "registers a name that was never declared", register_unknown,
     .must = "NO_SERVICE"},
    {"lie-connect", "connects to a service that it may not use", connect_private, .must = "DENIED"},
    {"lie-connect-path", "connects to a path", connect_path_name, .must = "NO_SERVICE"},
    {"lie-kill", "kills the honest server", kill_server, .must = "NOT_CHILD"},
    {"lie-kill-init", "kills the system", kill_system, .must = "NOT_CHILD"},
    {"lie-name-long", "a name of 65 535 bytes in a packet of 288", name_too_long, .must = "BAD_NAME"},
    {"lie-name-hidden", "hides a second name behind a NUL", name_hidden, .must = "BAD_NAME"},
    {"lie-name-escape", "a name with a terminal escape", name_escape, .must = "BAD_NAME"},
    {"lie-name-overlong", "a name with an overlong slash", name_overlong, .must = "BAD_NAME"},
    {"lie-connect-flags", "flags that do not exist", connect_flags, .must = "BAD_ARGUMENT"},
    {"lie-waiter", "says hello with a waiter that does not exist", hello_waiter, .must = "BAD_ARGUMENT"},
    {"lie-spawn-shell", "has a shell started", spawn_shell, .must = "NOT_CHILD"},
    {"lie-spawn-other", "starts a realm that is not its child", spawn_other, .must = "NOT_CHILD"},
    {"lie-spawn-template", "starts another server of `trap`, under a name of its own", spawn_template,
     .must = "NOT_CHILD"},
    {"lie-spawn-arguments", "claims 65 535 arguments", spawn_arguments, .must = "BAD_ARGUMENT"},
    {"lie-spawn-string", "arguments without an end", spawn_open_string, .must = "BAD_ARGUMENT"},
    {"lie-grant", "grants somebody a service that is not its own", grant_foreign, .must = "NOT_CHILD"},
    {"lie-grant-rights", "grants rights that do not exist", grant_all_rights, .must = "BAD_ARGUMENT"},
    {"lie-cookie-guess", "guesses a thousand cookies", guess_cookies, .must = "all INCAPABLE"},
    {"lie-cookie-small", "tries small numbers as cookies", small_cookies, .must = "all INCAPABLE"},
    {"lie-cookie-kind", "unregisters a channel", mistaken_cookie, .must = "STALE"},
    {"lie-cookie-used", "disconnects twice", cookie_twice, .must = "STALE"},
    {"lie-cookie-foreign", "uses another realm's cookies, which that one told it", foreign_cookies,
     .must = "INCAPABLE", .role = ROLE_PAIR},
    {"lie-stats", "claims 2^64-1 of everything in its statistics", stats_lie, .must = "INCAPABLE"},
    {"lie-waits", "lets 33 connects wait", waiting_connects, .must = "the oldest: LIMIT"},
    {"lie-churn", "connects and disconnects a hundred times", connect_churn, .must = "served"},
    {"lie-oracle", "finds out which realms there are, by asking to kill them", name_oracle, .must = "alike"},
    {"lie-counter", "counts the decisions that the broker makes for another realm", decision_counter,
     .must = "its own only", .role = ROLE_PAIR},
};
ATTACK_THEME(lies_theme, "lies", "Lies in well-formed packets", lies, false);
