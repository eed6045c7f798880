/*
 * Hostile realms for the integration tests, without librealm: each argument is one offence against the
 * control protocol. What must happen to it is in tests/integration/hostile_test.c.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/realms/raw_control.h"

#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "disable_coredump=0:detect_leaks=0";
}
#endif

/* A name that is refused must be answered, and the realm may go on. */
static int bad_name(const char *text, size_t size, unsigned claimed)
{
    hello();
    await(REALM_CONTROL_WELCOME);
    named(REALM_CONTROL_CONNECT, text, size, claimed);
    await(REALM_CONTROL_REPLY);
    printf("answered %d\n", (int)in.reply.status);
    return in.reply.status == REALM_E_BAD_NAME ? 0 : 1;
}

/* Requests as fast as they go, taking every answer: few enough are under way that none is ever left lying. */
#define FLOOD_WINDOW 32u

static int flood(unsigned count)
{
    /* Something that costs the asker nothing: a wrong cookie would be slowed down, each by itself. */
    struct realm_control_named packet = {.name = {.size = 6, .text = "nobody"}};
    unsigned sent = 0, answered = 0;

    hello();
    await(REALM_CONTROL_WELCOME);
    ack(in.welcome.sequence);
    header(&packet.header, REALM_CONTROL_KILL, sizeof packet);
    while (answered < count) {
        /* Never more unanswered than the broker keeps for it: rudeness of another kind, tested as "deaf". */
        while (sent < count && sent - answered < FLOOD_WINDOW) {
            if (put(&packet, sizeof packet) <= 0)
                return 3;
            sent++;
        }
        if (take(0) <= 0)
            return 3;
        answered += in.header.type == REALM_CONTROL_REPLY;
    }
    printf("flooded %u\n", answered);
    return 0;
}

/* Asks without end and reads nothing. */
static void deaf(void)
{
    struct realm_control_cookie packet = {.cookie = 12345};

    hello();
    header(&packet.header, REALM_CONTROL_DISCONNECT, sizeof packet);
    while (put(&packet, sizeof packet) > 0)
        ;
}

static void raw(unsigned version, unsigned type, size_t size, size_t sent)
{
    static char packet[REALM_CONTROL_SIZE_MAX * 16];
    struct realm_control_header h;

    header(&h, type, size);
    h.version = (uint16_t)version;
    memcpy(packet, &h, sizeof h);
    put(packet, sent);
}

static void after_welcome(void)
{
    hello();
    await(REALM_CONTROL_WELCOME);
}

static int run(const char *what)
{
    size_t hello_size = sizeof(struct realm_control_hello);

    if (strcmp(what, "garbage") == 0)
        put("\xff\x00garbage that is no packet at all\x13\x37", 40);
    else if (strcmp(what, "empty") == 0)
        put("", 0);
    else if (strcmp(what, "cut") == 0)
        raw(REALM_CONTROL_VERSION, REALM_CONTROL_HELLO, hello_size, 10);
    else if (strcmp(what, "short") == 0)
        raw(REALM_CONTROL_VERSION, REALM_CONTROL_HELLO, hello_size, hello_size - 1);
    else if (strcmp(what, "long") == 0)
        raw(REALM_CONTROL_VERSION, REALM_CONTROL_HELLO, hello_size, hello_size + 1);
    else if (strcmp(what, "huge") == 0)
        raw(REALM_CONTROL_VERSION, REALM_CONTROL_HELLO, hello_size, REALM_CONTROL_SIZE_MAX * 16);
    else if (strcmp(what, "version") == 0)
        raw(99, REALM_CONTROL_HELLO, hello_size, hello_size);
    else if (strcmp(what, "type") == 0)
        raw(REALM_CONTROL_VERSION, 77, sizeof(struct realm_control_header),
            sizeof(struct realm_control_header));
    else if (strcmp(what, "event-type") == 0)
        raw(REALM_CONTROL_VERSION, REALM_CONTROL_STOP, 16, 16);
    else if (strcmp(what, "before-hello") == 0)
        named(REALM_CONTROL_CONNECT, "echo", 4, 4);
    else if (strcmp(what, "hello-twice") == 0) {
        after_welcome();
        hello();
    } else if (strcmp(what, "wrong-ack") == 0) {
        after_welcome();
        ack(in.welcome.sequence + 1000);
    } else if (strcmp(what, "shut") == 0) {
        /* Hears nothing any more, and asks for something that must be answered. */
        after_welcome();
        ack(in.welcome.sequence);
        shutdown(REALM_CONTROL_FD, SHUT_RD);
        named(REALM_CONTROL_CONNECT, "echo", 4, 4);
        poll(NULL, 0, -1);
    } else if (strcmp(what, "hang-up") == 0) {
        after_welcome();
        close(REALM_CONTROL_FD);
        poll(NULL, 0, -1);
    } else if (strcmp(what, "no-ack") == 0)
        after_welcome();
    else if (strcmp(what, "deaf") == 0)
        deaf();
    else if (strcmp(what, "flood") == 0)
        return flood(25000);
    else if (strcmp(what, "name-10000") == 0)
        return bad_name("x", 1, 10000);
    else if (strcmp(what, "name-empty") == 0)
        return bad_name("", 0, 0);
    else if (strcmp(what, "name-nul") == 0)
        return bad_name("ec\0ho", 5, 5);
    else if (strcmp(what, "name-utf8") == 0)
        return bad_name("ec\xffho", 5, 5);
    else if (strcmp(what, "name-control") == 0)
        return bad_name("ec\nho", 5, 5);
    else if (strcmp(what, "silent") == 0)
        ;
    /* Deaths at the steps of the protocol that librealm gives no chance to stop at. */
    else if (strcmp(what, "die-hello") == 0) {
        hello();
        __builtin_trap();
    } else if (strcmp(what, "die-welcome") == 0) {
        after_welcome();
        __builtin_trap();
    } else if (strcmp(what, "die-pool") == 0) {
        after_welcome();
        ack(in.welcome.sequence);
        await(REALM_CONTROL_POOL);
        __builtin_trap();
    } else if (strcmp(what, "die-connect") == 0) {
        after_welcome();
        named(REALM_CONTROL_CONNECT, "echo", 4, 4);
        __builtin_trap();
    } else {
        printf("hostile: no offence '%s'\n", what);
        return 2;
    }
    /* Now wait to be ended: whoever is left alone ends only with the system. */
    for (;;) {
        ssize_t got = take(0);
        if (got <= 0) {
            poll(NULL, 0, -1);
            return 3;
        }
    }
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    loaded();
    return argc > 1 ? run(argv[1]) : 2;
}
