/*
 * Too much of what is allowed: lines for the log, processor time, faults, wakes. What must happen is that
 * nobody else notices.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static void log_lines(void)
{
    static char line[1024];
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\n';
    for (unsigned i = 0; i < 4096; i++)
        if (write(1 + (int)(i & 1), line, sizeof line) < 0)
            break;
    raw_sleep_ms(300); /* as below */
    outcome("written");
}

static void log_endless_line(void)
{
    static char block[65536];
    memset(block, 'y', sizeof block);
    for (unsigned i = 0; i < 32; i++)
        if (write(1, block, sizeof block) < 0)
            break;
    announce("");
    raw_sleep_ms(300); /* as below */
    outcome("written");
}

static void log_empty_lines(void)
{
    static char block[4096];
    memset(block, '\n', sizeof block);
    (void)!write(1, block, sizeof block);
    raw_sleep_ms(200); /* events are not waited for; the outcome must not be among those that are dropped */
    outcome("written");
}

/* The terminal must show none of it: see judge.c. */
static void log_escapes(void)
{
    static const char escapes[] = "\033[2J\033]0;owned\007\033]52;c;cm0gLXJm\007\x9b\x31\x35t\r\b\b\b\033c\n";
    (void)!write(1, escapes, sizeof escapes - 1);
    (void)!write(2, escapes, sizeof escapes - 1);
    outcome("written");
}

static void log_binary(void)
{
    unsigned char all[512];
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)i;
    (void)!write(1, all, sizeof all);
    announce("");
    outcome("written");
}

/* As if a line were an event of the broker's. */
static void log_event(void)
{
    announce("{\"event\":\"terminated\",\"t_ns\":1,\"realm\":\"server\",\"id\":1,\"exit\":\"0\"}");
    announce("{\"event\":\"broker-died\",\"t_ns\":1}");
    outcome("written");
}

static void close_log(void)
{
    outcome("closed");
    close(1);
    close(2);
    raw_sleep_ms(300);
}

static void *spin(void *context)
{
    volatile unsigned *turn = context;
    unsigned mine = 0;
    turn = &mine;
    for (;;)
        (*turn)++;
    return NULL;
}

static void compute(void)
{
    pthread_t thread;
    for (unsigned i = 0; i < 3; i++)
        raw_thread(&thread, spin);
    raw_sleep_ms(1000);
    outcome("computed");
}

static void fault(int signal)
{
    (void)signal;
}

/* A handler that returns: the same fault again, for a second. */
static volatile unsigned faults;
static uint64_t fault_end;

static void fault_again(int signal)
{
    (void)signal;
    if (++faults % 1000 == 0 && raw_now_ms() > fault_end) {
        outcome("faulted");
        _exit(0);
    }
}

static void fault_storm(void)
{
    struct sigaction action = {.sa_handler = fault_again, .sa_flags = SA_NODEFER};
    fault_end = raw_now_ms() + 500;
    sigaction(SIGSEGV, &action, NULL);
    volatile int *volatile nowhere = (volatile int *)64;
    *nowhere = 1;
}

/* Signals that it cannot be asked to heed: its end does not depend on them. */
static void ignore_all(void)
{
    struct sigaction action = {.sa_handler = fault};
    for (int signal = 1; signal < 65; signal++)
        sigaction(signal, &action, NULL);
    struct realm_control_header header;
    raw_header(&header, REALM_CONTROL_STOP, sizeof header);
    raw_send(&header, sizeof header);
    raw_sleep_ms(10000);
    outcome("left alone");
}

static void map_churn(void)
{
    for (unsigned i = 0; i < 50000; i++) {
        void *memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            break;
        *(volatile char *)memory = 1;
        munmap(memory, 16384);
    }
    outcome("mapped");
}

static void epoch_storm(void)
{
    raw_open();
    const uint64_t end = raw_now_ms() + 500;
    while (raw_now_ms() < end)
        raw_wake(&raw_page->epoch);
    raw_cookie(REALM_CONTROL_DISCONNECT, 1);
    outcome("%s", raw_status() == REALM_E_INCAPABLE ? "answered" : "not answered");
}

static void stats_flood(void)
{
    struct realm_control_stats packet = {0};
    raw_open();
    raw_header_silent(&packet.header, REALM_CONTROL_STATS, sizeof packet);
    for (unsigned i = 0; i < 15000; i++)
        raw_send(&packet, sizeof packet);
    raw_cookie(REALM_CONTROL_DISCONNECT, 1);
    outcome("%s", raw_status() == REALM_E_INCAPABLE ? "answered" : "not answered");
}

static void denial_flood(void)
{
    raw_open();
    for (unsigned i = 0; i < 2000; i++) {
        raw_named(REALM_CONTROL_CONNECT, 0, "private");
        if (raw_status() != 1) {
            outcome("not denied");
            return;
        }
    }
    outcome("denied");
}

static void channel_flood(void)
{
    unsigned got = 0;
    raw_open();
    for (; got < 40; got++) {
        struct raw_channel channel;
        raw_named(REALM_CONTROL_CONNECT, 0, "echo");
        do {
            if (raw_take(0) <= 0)
                break;
            if (raw_in.header.type == REALM_CONTROL_POOL)
                raw_ack(raw_in.pool.sequence);
        } while (raw_in.header.type != REALM_CONTROL_CONNECTED && raw_in.header.type != REALM_CONTROL_REPLY);
        if (raw_in.header.type != REALM_CONTROL_CONNECTED)
            break;
        channel.packet = raw_in.channel;
        for (unsigned i = 0; i < raw_fds_count; i++)
            close(raw_fds[i]);
        raw_ack(channel.packet.sequence);
    }
    outcome("%s", got <= 4 ? "bounded" : "unbounded");
}

static void silence(void)
{
    raw_sleep_ms(2500);
    outcome("left alone");
}

static const struct attack flood[] = {
    {"flood-log", "writes 4 MiB of lines", log_lines, .must = "written"},
    {"flood-log-line", "writes 2 MiB without an end of line", log_endless_line, .must = "written"},
    {"flood-log-empty", "writes 4096 empty lines", log_empty_lines, .must = "written"},
    {"flood-log-escapes", "writes terminal escapes", log_escapes, .must = "written", .flags = ATTACK_SHOWN},
    {"flood-log-binary", "writes every byte there is", log_binary, .must = "written", .flags = ATTACK_SHOWN},
    {"flood-log-events", "writes lines that look like events", log_event, .must = "written"},
    {"flood-log-closed", "closes its log", close_log, .must = "closed"},
    {"flood-compute", "computes with four threads", compute, .must = "computed"},
    {"flood-faults", "faults without end", fault_storm, .must = "faulted"},
    {"flood-ignore", "ignores every signal and is to be ended", ignore_all,
     .must = "offence: sent a packet that is not"},
    {"flood-map", "maps and unmaps fifty thousand times", map_churn, .must = "mapped"},
    {"flood-epoch", "wakes its own epoch for half a second", epoch_storm, .must = "answered"},
    {"flood-stats", "sends 15 000 statistics that nobody asked for", stats_flood, .must = "answered"},
    {"flood-denials", "is denied two thousand times", denial_flood, .must = "denied"},
    {"flood-channels", "opens channels beyond its limit", channel_flood, .must = "bounded",
     .role = ROLE_SMALL},
    {"flood-silence", "says and does nothing", silence, .must = "left alone"},
};
ATTACK_THEME(flood_theme, "flood", "Too much of what is allowed", flood, false);
