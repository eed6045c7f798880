/*
 * A realm that takes as much as it can get of one thing, says how much that was and what stopped it, and then
 * stays with what it has. What must stop it is in tests/integration/bounds_test.c.
 *
 *   memory           private memory; once it was stopped it tries on, and says so when there is more
 *   addresses        address space, without memory
 *   threads          threads, on small stacks
 *   descriptors      what comes with channels, never closed
 *   channels         channels to `echo`, their descriptors closed
 *   waits            connects to `never`, which nobody registers; with a limit of 4
 *   lines            output without end
 *   deaf             reads nothing after its welcome, and lets what it was sent lie
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>

#include <realm/error.h>

#include "tests/realms/raw_control.h"

#define MIB   ((size_t)1 << 20)
#define TRIES 5000u

#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "disable_coredump=0:detect_leaks=0";
}
#endif

static void stay(void)
{
    for (;;)
        poll(NULL, 0, -1);
}

static unsigned map_until_refused(size_t size, int protection, unsigned most)
{
    unsigned got = 0;

    for (; got < most; got++) {
        char *memory = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            break;
        if (protection & PROT_WRITE)
            memset(memory, 1, size); /* what was promised is there */
    }
    return got;
}

static void memory(void)
{
    unsigned got = map_until_refused(MIB, PROT_READ | PROT_WRITE, TRIES);

    printf("memory %u %s\n", got, strerrorname_np(errno));
    unsigned more = 0;
    while ((more = map_until_refused(MIB, PROT_READ | PROT_WRITE, TRIES)) == 0)
        poll(NULL, 0, 10);
    printf("memory %u more\n", more);
}

static void addresses(void)
{
    unsigned got = map_until_refused(16 * MIB, PROT_NONE, TRIES);

    printf("addresses %u %s\n", got, strerrorname_np(errno));
}

static void *idle_thread(void *context)
{
    stay();
    return context;
}

static void threads(void)
{
    pthread_attr_t small;
    pthread_t thread;
    unsigned got = 0;
    int error = 0;

    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 16384);
    while (got < TRIES && (error = pthread_create(&thread, &small, idle_thread, NULL)) == 0)
        got++;
    printf("threads %u %s\n", got, strerrorname_np(error));
}

static void open_realm(void)
{
    hello();
    await(REALM_CONTROL_WELCOME);
    ack(in.welcome.sequence);
}

/* Connects once, acknowledging pools meanwhile. Return: the status; 0: CONNECTED is in `in`. */
static int connect_once(void)
{
    named(REALM_CONTROL_CONNECT, "echo", 4, 4);
    for (;;) {
        if (take(0) <= 0)
            exit(3);
        if (in.header.type == REALM_CONTROL_POOL)
            ack(in.pool.sequence);
        if (in.header.type == REALM_CONTROL_REPLY)
            return (int)in.reply.status;
        if (in.header.type == REALM_CONTROL_CONNECTED)
            return 0;
    }
}

static void descriptors(void)
{
    unsigned got = 0;

    open_realm();
    while (got < TRIES && connect_once() == 0 && taken_fds > 0) {
        got++;
        ack(in.channel.sequence);
    }
    printf("descriptors %u\n", got);
}

static void channels(void)
{
    unsigned got = 0;
    int status = 0;

    open_realm();
    while (got < TRIES && (status = connect_once()) == 0) {
        got++;
        for (unsigned i = 0; i < taken_fds; i++)
            close(taken[i]);
        ack(in.channel.sequence);
    }
    for (unsigned i = 0; i < 20; i++)
        if (connect_once() == 0)
            got++;
    printf("channels %u %s\n", got, realm_error_name(status));
}

static void waits(void)
{
    enum { ASKED = 40 };

    open_realm();
    for (unsigned i = 0; i < ASKED; i++) {
        struct realm_control_named packet = {.flags = REALM_CONNECT_WAIT};
        header(&packet.header, REALM_CONTROL_CONNECT, sizeof packet);
        packet.header.xid = 100 + i;
        packet.name.size = 5;
        memcpy(packet.name.text, "never", 5);
        put(&packet, sizeof packet);
    }
    unsigned answered = 0;
    int status = 0;
    while (in.header.type != REALM_CONTROL_REPLY || in.header.xid != 100 + ASKED - 4 - 1) {
        if (take(0) <= 0)
            exit(3);
        if (in.header.type == REALM_CONTROL_POOL)
            ack(in.pool.sequence);
        if (in.header.type == REALM_CONTROL_REPLY) {
            answered++;
            status = (int)in.reply.status;
        }
    }
    printf("waits %u %s\n", ASKED - answered, realm_error_name(status));
}

static void lines(void)
{
    for (unsigned i = 0; i < 20000; i++)
        printf("a line of output, one of very many\n");
    printf("lines\n");
}

static void deaf(void)
{
    open_realm();
    printf("deaf\n");
}

int main(int argc, char **argv)
{
    static const struct {
        const char *word;
        void (*take)(void);
    } things[] = {
        {"memory", memory},     {"addresses", addresses}, {"threads", threads}, {"descriptors", descriptors},
        {"channels", channels}, {"waits", waits},         {"lines", lines},     {"deaf", deaf}};

    setvbuf(stdout, NULL, _IOLBF, 0);
    loaded();
    for (size_t i = 0; argc > 1 && i < sizeof things / sizeof *things; i++)
        if (strcmp(argv[1], things[i].word) == 0)
            things[i].take();
    stay();
}
