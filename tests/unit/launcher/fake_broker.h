/*
 * A broker for the launcher's tests: it speaks the launch protocol by hand.
 *
 * Criterion's process forks launcher_run, which forks the function under test as its broker; there a check
 * that fails prints itself and exits, so that launcher_run returns 1. The realms are shell scripts, which
 * need files and other programs: so they run without a box (box_test.c is about that).
 */
#ifndef TESTS_UNIT_LAUNCHER_FAKE_BROKER_H
#define TESTS_UNIT_LAUNCHER_FAKE_BROKER_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <realm/types.h>

#include "librealm/proto/launch.h"
#include "mm/launcher/launcher.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno);        \
            _exit(99);                                                                                       \
        }                                                                                                    \
    } while (0)

#define WAIT_MS 20000 /* for what must come; only a failing test waits that long */

struct heard {
    union realm_launch_event event;
    int fds[REALM_LAUNCH_FDS_MAX];
    unsigned fds_count;
};

static inline void say_spawn_args(int launcher, uint64_t realm, uint32_t program, const char *name,
                                  const void *args, unsigned count, size_t size)
{
    struct realm_launch_spawn packet = {.realm = realm, .program = program};
    realm_launch_header_init(&packet.header, REALM_LAUNCH_SPAWN, realm + 1000);
    packet.name.size = (uint16_t)strlen(name);
    memcpy(packet.name.text, name, strlen(name));
    packet.args_count = (uint16_t)count;
    packet.args_size = (uint16_t)size;
    if (size)
        memcpy(packet.args, args, size);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
}

static inline void say_spawn(int launcher, uint64_t realm, uint32_t program)
{
    say_spawn_args(launcher, realm, program, "tester", NULL, 0, 0);
}

static inline void say_kill(int launcher, uint64_t realm)
{
    struct realm_launch_kill packet = {.realm = realm};
    realm_launch_header_init(&packet.header, REALM_LAUNCH_KILL, 0);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
}

static inline void say_stop(int launcher)
{
    struct realm_launch_header packet;
    realm_launch_header_init(&packet, REALM_LAUNCH_STOP, 0);
    CHECK(send(launcher, &packet, sizeof packet, 0) == sizeof packet);
}

/* The next event with its descriptors; false at end-of-file. */
static inline bool hear(int launcher, struct heard *ret_heard)
{
    struct pollfd ready = {.fd = launcher, .events = POLLIN};
    uint8_t packet[512];
    struct iovec part = {packet, sizeof packet};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(REALM_LAUNCH_FDS_MAX * sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

    memset(ret_heard, 0, sizeof *ret_heard);
    CHECK(poll(&ready, 1, WAIT_MS) == 1);
    ssize_t size = recvmsg(launcher, &message, MSG_CMSG_CLOEXEC);
    if (size == 0 || (size < 0 && errno == ECONNRESET))
        return false;
    CHECK(size > 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0);
    CHECK(realm_launch_decode_event(packet, (size_t)size, &ret_heard->event) == 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header != NULL) {
        ret_heard->fds_count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(ret_heard->fds, CMSG_DATA(header), ret_heard->fds_count * sizeof(int));
    }
    return true;
}

/* The next event of this type. That a box was shut is passed over, where it is not what is expected. */
static inline void expect(int launcher, uint16_t type, struct heard *ret_heard)
{
    do
        CHECK(hear(launcher, ret_heard));
    while (ret_heard->event.header.type == REALM_LAUNCH_LOADED && type != REALM_LAUNCH_LOADED);
    if (ret_heard->event.header.type != type)
        fprintf(stderr, "heard %u, expected %u\n", ret_heard->event.header.type, type);
    CHECK(ret_heard->event.header.type == type);
}

static inline void close_heard(struct heard *heard)
{
    for (unsigned i = 0; i < heard->fds_count; i++)
        close(heard->fds[i]);
    heard->fds_count = 0;
}

/* All that a pipe gives until its end, as text. */
static inline char *read_to_end(int fd)
{
    static char text[65536];
    size_t used = 0;
    ssize_t size;
    while (used < sizeof text - 1 && (size = read(fd, text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)size;
    text[used] = '\0';
    return text;
}

/* Starts program 0 and gives what it printed, once it has exited as expected. */
static inline char *run_realm(int launcher, uint64_t realm, int wait_status)
{
    struct heard heard, end;
    say_spawn(launcher, realm, 0);
    expect(launcher, REALM_LAUNCH_SPAWNED, &heard);
    CHECK(heard.event.spawned.realm == realm && heard.event.header.xid == realm + 1000);
    char *text = read_to_end(heard.fds[1]);
    expect(launcher, REALM_LAUNCH_EXITED, &end);
    CHECK(end.event.exited.realm == realm);
    if (end.event.exited.wait_status != wait_status)
        fprintf(stderr, "ended with %#x; it said: %s; %s\n", (unsigned)end.event.exited.wait_status, text,
                read_to_end(heard.fds[2]));
    CHECK(end.event.exited.wait_status == wait_status);
    close_heard(&heard);
    return text;
}

/* Says STOP and waits for the end of the launcher's side, as the real broker does. */
static inline int finish(int launcher)
{
    struct heard heard;
    say_stop(launcher);
    while (hear(launcher, &heard))
        close_heard(&heard);
    return 0;
}

static inline unsigned count_fds(pid_t pid)
{
    char path[64];
    unsigned count = 0;
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

/* The launcher says that a realm has ended before it has put everything away: the count that stays. */
static inline unsigned settled_fds(pid_t pid)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    unsigned last = count_fds(pid);
    for (unsigned same = 0; same < 50; same++) {
        nanosleep(&pause, NULL);
        unsigned now = count_fds(pid);
        if (now != last)
            same = 0;
        last = now;
    }
    return last;
}

/* Waits until a process is no more (a zombie that nobody reaps is one). */
static inline bool gone(pid_t pid)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (int i = 0; i < WAIT_MS / 5; i++) {
        int fd = open(path, O_RDONLY);
        ssize_t size = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
        if (fd >= 0)
            close(fd);
        if (size <= 0)
            return true;
        line[size] = '\0';
        const char *state = strrchr(line, ')');
        if (state && state[2] == 'Z')
            return true;
        usleep(5000);
    }
    return false;
}

/* --- in the test's own process --- */

typedef int broker_function(void *context, int launcher);

struct scene {
    struct mm_realm realm;
    struct mm_config config;
    char *args[4];
    struct launcher_options options;
    int events[2]; /* read end, write end */
};

/* One realm: `/bin/sh -c script`. */
static inline void scene_init(struct scene *scene, const char *script, broker_function *broker)
{
    memset(scene, 0, sizeof *scene);
    scene->args[0] = (char *)"-c";
    scene->args[1] = (char *)script;
    scene->realm = (struct mm_realm){
        .name = (char *)"tester", .program = (char *)"/bin/sh", .args = scene->args, .parent = MM_INIT};
    scene->config = (struct mm_config){
        .system = (char *)"test", .source = (char *)"test", .realms = &scene->realm, .realms_count = 1};
    CHECK(pipe2(scene->events, O_CLOEXEC) == 0);
    scene->options = (struct launcher_options){.config = &scene->config,
                                               .waiter = REALM_WAITER_URING,
                                               .orphan_grace_ns = 50 * REALM_MSEC,
                                               .weakened = -1,
                                               .events = scene->events[1],
                                               .broker = broker,
                                               .broker_context = scene};
}

static inline pid_t scene_start(struct scene *scene)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(scene->events[0]);
        int result = launcher_run(&scene->options);
        _exit(result < 0 ? 50 : result);
    }
    close(scene->events[1]);
    return pid;
}

/* Its exit status; -signal if it was killed. */
static inline int scene_wait(pid_t pid)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid)
        return 77;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline int scene_run(struct scene *scene)
{
    return scene_wait(scene_start(scene));
}

#endif
