/*
 * How everything ends: the broker's death, polite and impolite ends, the launcher's own death.
 */
#include <criterion/criterion.h>

#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/unit/launcher/fake_broker.h"

/* What a broker tells its test, in memory that all the processes share. */
struct shared {
    pid_t broker;
    pid_t realms[4];
    volatile int step;
};

static struct shared *shared;

static void make_shared(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(shared != MAP_FAILED);
}

static void start_realms(int launcher, unsigned count)
{
    struct heard heard;

    for (unsigned i = 0; i < count; i++) {
        say_spawn(launcher, i + 1, 0);
        expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
        shared->realms[i] = heard.event.spawned.pid;
        close_heard(&heard);
    }
    shared->broker = getpid();
    __atomic_store_n(&shared->step, 1, __ATOMIC_RELEASE);
}

static int wait_to_be_killed(void)
{
    for (;;)
        pause();
    return 0;
}

static void wait_for_step(int step)
{
    for (int i = 0; i < WAIT_MS / 2 && __atomic_load_n(&shared->step, __ATOMIC_ACQUIRE) < step; i++)
        usleep(2000);
    CHECK(shared->step >= step);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void expect_realms_gone(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        cr_assert(gone(shared->realms[i]), "realm %u is still there", i);
}

/* The launcher's one line about the broker's death, or "". */
static const char *event_line(struct scene *scene)
{
    static char line[512];
    ssize_t size = read(scene->events[0], line, sizeof line - 1);
    line[size > 0 ? size : 0] = '\0';
    return line;
}

/* --- the broker dies --- */

static int broker_killed(void *context, int launcher)
{
    (void)context;
    start_realms(launcher, 3);
    raise(SIGKILL);
    return 0;
}

/* Goal: a killed broker is reported in an event; realms live on for the grace, then all are gone; result 1.
 */
Test(ends, broker_killed, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_killed);
    scene.options.orphan_grace_ns = 300 * REALM_MSEC;
    uint64_t before_ms = now_ms();
    pid_t launcher = scene_start(&scene);
    wait_for_step(1);
    cr_assert(gone(shared->broker));
    cr_assert_str_not_empty(event_line(&scene));
    /* A bound from below is no race: the grace has not begun before the broker was there. */
    cr_assert_eq(scene_wait(launcher), 1);
    cr_assert_geq(now_ms() - before_ms, 300);
    expect_realms_gone(3);
}

/* Goal: the event names the broker's death, how it died, and the grace; it is one line of JSON. */
Test(ends, broker_died_event, .init = make_shared)
{
    struct scene scene;
    char exit_text[32];
    unsigned long long t_ns, grace_ms;
    scene_init(&scene, "exec sleep 1000", broker_killed);
    cr_assert_eq(scene_run(&scene), 1);
    const char *line = event_line(&scene);
    cr_assert_eq(sscanf(line,
                        "{\"event\":\"broker-died\",\"t_ns\":%llu,\"exit\":\"%31[^\"]\",\"grace_ms\":%llu}",
                        &t_ns, exit_text, &grace_ms),
                 3, "%s", line);
    cr_assert_str_eq(exit_text, "SIGKILL");
    cr_assert_eq(grace_ms, 50);
    cr_assert_eq(line[strlen(line) - 1], '\n');
    cr_assert_str_empty(event_line(&scene));
}

static int broker_returns(void *context, int launcher)
{
    (void)context;
    start_realms(launcher, 1);
    return 0;
}

/* Goal: a broker that exits without STOP has died, whatever its exit status is. */
Test(ends, exit_without_stop, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_returns);
    cr_assert_eq(scene_run(&scene), 1);
    cr_assert(strstr(event_line(&scene), "\"exit\":\"0\""));
    expect_realms_gone(1);
}

static int broker_hangs_up(void *context, int launcher)
{
    (void)context;
    start_realms(launcher, 1);
    close(launcher);
    return wait_to_be_killed();
}

/* Goal: a broker that closes its socket but lives on is ended, too. */
Test(ends, broker_hangs_up, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_hangs_up);
    cr_assert_eq(scene_run(&scene), 1);
    cr_assert(gone(shared->broker));
    expect_realms_gone(1);
}

/* --- the broker breaks the protocol --- */

struct garbage_case {
    struct scene scene;
    uint8_t packet[5000];
    size_t size;
    bool with_descriptor;
};

static int broker_garbage(void *context, int launcher)
{
    struct garbage_case *garbage = context;
    struct iovec part = {garbage->packet, garbage->size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;

    start_realms(launcher, 1);
    if (garbage->with_descriptor) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){
            .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
        memcpy(CMSG_DATA(header), &launcher, sizeof launcher);
    }
    CHECK(sendmsg(launcher, &message, 0) == (ssize_t)garbage->size);
    return wait_to_be_killed();
}

static void send_garbage(struct garbage_case *garbage)
{
    scene_init(&garbage->scene, "exec sleep 1000", broker_garbage);
    cr_assert_eq(scene_run(&garbage->scene), 1);
    cr_assert(gone(shared->broker));
    expect_realms_gone(1);
}

/* Goal: a packet that is short, long, of another version or type, or carries a descriptor, is the broker's
 * end: no part of it is acted upon. */
Test(ends, broken_packets, .init = make_shared)
{
    static struct garbage_case garbage;
    struct realm_launch_kill *kill = (struct realm_launch_kill *)garbage.packet;

    garbage.size = 1;
    send_garbage(&garbage);
    garbage.size = sizeof garbage.packet;
    send_garbage(&garbage);

    realm_launch_header_init(&kill->header, REALM_LAUNCH_KILL, 0);
    kill->realm = 1;
    garbage.size = sizeof *kill;
    kill->header.version++;
    send_garbage(&garbage);
    realm_launch_header_init(&kill->header, REALM_LAUNCH_KILL, 0);
    kill->header.type = REALM_LAUNCH_EXITED;
    send_garbage(&garbage);
    realm_launch_header_init(&kill->header, REALM_LAUNCH_KILL, 0);
    garbage.with_descriptor = true;
    send_garbage(&garbage);
}

static int broker_bad_numbers(void *context, int launcher)
{
    struct realm_launch_regions packet = {.count = 1000, .bytes = 8192};
    (void)context;
    start_realms(launcher, 1);
    realm_launch_header_init(&packet.header, REALM_LAUNCH_REGIONS, 0);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
    return wait_to_be_killed();
}

/* Goal: a request for more regions than the protocol allows ends the broker. */
Test(ends, too_many_regions, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_bad_numbers);
    cr_assert_eq(scene_run(&scene), 1);
    expect_realms_gone(1);
}

static int broker_memory_without_descriptors(void *context, int launcher)
{
    struct realm_launch_memory packet = {.count = 1, .bytes = 8192, .way = REALM_LAUNCH_WRITE};
    (void)context;
    start_realms(launcher, 1);
    realm_launch_header_init(&packet.header, REALM_LAUNCH_MEMORY, 0);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
    return wait_to_be_killed();
}

/* Goal: a request about memory without the descriptors that it is about ends the broker. */
Test(ends, memory_without_descriptors, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_memory_without_descriptors);
    cr_assert_eq(scene_run(&scene), 1);
    expect_realms_gone(1);
}

/* --- asked to end --- */

static int broker_polite(void *context, int launcher)
{
    struct heard heard;
    (void)context;
    start_realms(launcher, 2);
    expect(launcher, REALM_LAUNCH_END, &heard);
    say_kill(launcher, 1); /* it is still listened to, and still told */
    expect(launcher, REALM_LAUNCH_EXITED, &heard);
    say_stop(launcher);
    return 0;
}

/* Goal: SIGTERM is passed on to the broker; it stops everything; the result is 0. */
Test(ends, terminated_politely, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_polite);
    pid_t launcher = scene_start(&scene);
    wait_for_step(1);
    kill(launcher, SIGTERM);
    cr_assert_eq(scene_wait(launcher), 0);
    expect_realms_gone(2);
    cr_assert_str_empty(event_line(&scene));
}

/* Goal: SIGINT means the same. */
Test(ends, interrupted_politely, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_polite);
    pid_t launcher = scene_start(&scene);
    wait_for_step(1);
    kill(launcher, SIGINT);
    cr_assert_eq(scene_wait(launcher), 0);
    expect_realms_gone(2);
}

static int broker_stubborn(void *context, int launcher)
{
    struct heard heard;
    (void)context;
    start_realms(launcher, 2);
    expect(launcher, REALM_LAUNCH_END, &heard);
    __atomic_store_n(&shared->step, 2, __ATOMIC_RELEASE);
    return wait_to_be_killed();
}

/* Goal: a second SIGTERM kills a broker that does not end, and every realm; the result is 1. */
Test(ends, terminated_twice, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "trap '' TERM HUP INT; sleep 1000; sleep 1000", broker_stubborn);
    pid_t launcher = scene_start(&scene);
    wait_for_step(1);
    kill(launcher, SIGTERM);
    wait_for_step(2);
    kill(launcher, SIGTERM);
    cr_assert_eq(scene_wait(launcher), 1);
    cr_assert(gone(shared->broker));
    expect_realms_gone(2);
}

static int broker_deaf(void *context, int launcher)
{
    struct heard heard;
    (void)context;
    start_realms(launcher, 1);
    /* Answers pile up unread: more than a socket holds. */
    for (uint64_t realm = 100; realm < 600; realm++) {
        struct realm_launch_spawn packet = {.realm = realm, .program = 7};
        realm_launch_header_init(&packet.header, REALM_LAUNCH_SPAWN, realm);
        packet.name.size = 1;
        packet.name.text[0] = 'x';
        if (send(launcher, &packet, sizeof packet, MSG_DONTWAIT) < 0)
            break;
    }
    __atomic_store_n(&shared->step, 2, __ATOMIC_RELEASE);
    do
        CHECK(hear(launcher, &heard));
    while (heard.event.header.type != REALM_LAUNCH_END);
    say_stop(launcher);
    return 0;
}

/* Goal: a broker that reads nothing does not stop the launcher, which still hears a SIGTERM. */
Test(ends, broker_deaf, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_deaf);
    pid_t launcher = scene_start(&scene);
    wait_for_step(2);
    kill(launcher, SIGTERM);
    cr_assert_eq(scene_wait(launcher), 0);
    expect_realms_gone(1);
}

static int broker_stops(void *context, int launcher)
{
    struct heard heard;
    unsigned exits = 0;
    (void)context;
    start_realms(launcher, 3);
    say_stop(launcher);
    while (hear(launcher, &heard))
        exits += heard.event.header.type == REALM_LAUNCH_EXITED;
    return exits == 3 ? 0 : 99;
}

/* Goal: STOP kills all; the broker hears of each exit, then the end of the socket. */
Test(ends, stop, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_stops);
    cr_assert_eq(scene_run(&scene), 0);
    expect_realms_gone(3);
    cr_assert_str_empty(event_line(&scene));
}

static int broker_stops_and_fails(void *context, int launcher)
{
    (void)context;
    start_realms(launcher, 1);
    say_stop(launcher);
    return 1;
}

/* Goal: the broker's verdict on a system that ended in order is the launcher's; and a STOP that is followed
 * by the exit at once, with answers unread, is not taken for a death. */
Test(ends, verdict, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_stops_and_fails);
    cr_assert_eq(scene_run(&scene), 1);
    cr_assert_str_empty(event_line(&scene));
    expect_realms_gone(1);
}

/* --- the launcher dies --- */

static int broker_waits(void *context, int launcher)
{
    char byte;
    (void)context;
    start_realms(launcher, 3);
    while (recv(launcher, &byte, 1, 0) > 0)
        ;
    return wait_to_be_killed();
}

/* Goal: when the launcher is killed, the kernel kills broker and realms. */
Test(ends, launcher_killed, .init = make_shared)
{
    struct scene scene;
    scene_init(&scene, "exec sleep 1000", broker_waits);
    pid_t launcher = scene_start(&scene);
    wait_for_step(1);
    kill(launcher, SIGKILL);
    cr_assert_eq(scene_wait(launcher), -SIGKILL);
    cr_assert(gone(shared->broker));
    expect_realms_gone(3);
}

static int broker_stops_when_ready(void *context, int launcher)
{
    struct heard heard;
    char text[6];
    (void)context;
    say_spawn(launcher, 1, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    /* Both hidden processes are there before the end begins. */
    CHECK(read(heard.fds[1], text, sizeof text) == sizeof text && memcmp(text, "ready\n", 6) == 0);
    return finish(launcher);
}

/* Goal: nothing that a realm forked is left at the end, in whatever session it hides. */
Test(ends, strays, .init = make_shared)
{
    struct scene scene;
    char script[256], search[256];
    /* A number of seconds that nobody else sleeps; its brackets keep the search from finding itself. */
    snprintf(script, sizeof script,
             "setsid sh -c 'setsid sleep 54321.%d & echo ready; sleep 54321.%d' & exec sleep 1000", getpid(),
             getpid());
    snprintf(search, sizeof search, "grep -qz '[5]4321.%d' /proc/[0-9]*/cmdline 2>/dev/null", getpid());
    scene_init(&scene, script, broker_stops_when_ready);
    cr_assert_eq(scene_run(&scene), 0);
    /* All of them have become the launcher's, which has reaped them before it returned. */
    cr_assert_neq(system(search), 0);
}
