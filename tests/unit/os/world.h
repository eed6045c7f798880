/*
 * What surrounds a realm, for tests of os/linux: a forked child with a control socket at descriptor 3, a
 * hint pipe, and the environment that the launcher would have made.
 *
 * Descriptor 3 of a test's own process belongs to the test runner, so each body runs in a child, which says
 * how it went by its exit status alone.
 */
#ifndef TESTS_UNIT_OS_WORLD_H
#define TESTS_UNIT_OS_WORLD_H

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/os/os.h"

struct world {
    struct realm_os *os;
    int broker; /* the other end of the control socket */
    int hint;   /* write end of the realm's own hint pipe */
};

/* In a child: ends it as failed, saying where. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", __FILE__, __LINE__, #condition,               \
                    strerror(errno));                                                                        \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static inline void world_environment(int hint)
{
    char text[16];
    snprintf(text, sizeof text, "%d", hint);
    CHECK(clearenv() == 0);
    CHECK(setenv("REALM_FILES", "store=0,lines=1", 1) == 0);
    CHECK(setenv("REALM_HINT_FD", text, 1) == 0);
    CHECK(setenv("REALM_WAITER", "auto", 1) == 0);
}

/* In a child: becomes what the launcher would start; realm_os_open is left to the caller. */
static inline void world_prepare(struct world *world)
{
    int sockets[2], hint[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0);
    CHECK(pipe2(hint, O_CLOEXEC | O_NONBLOCK) == 0);
    /* Out of the way of descriptor 3, wherever they came to lie. */
    int realm_end = fcntl(sockets[0], F_DUPFD, 100);
    world->broker = fcntl(sockets[1], F_DUPFD, 100);
    int hint_read = fcntl(hint[0], F_DUPFD, 100);
    world->hint = fcntl(hint[1], F_DUPFD, 100);
    CHECK(realm_end > 0 && world->broker > 0 && hint_read > 0 && world->hint > 0);
    close(sockets[0]);
    close(sockets[1]);
    close(hint[0]);
    close(hint[1]);
    CHECK(dup2(realm_end, 3) == 3);
    close(realm_end);
    world_environment(hint_read);
    world->os = NULL;
}

static inline void world_open(struct world *world)
{
    world_prepare(world);
    CHECK(realm_os_open(&world->os) == 0);
}

/* Runs a body in a child and expects it to end well. A child that hangs is ended by SIGALRM. */
static inline void in_child(void (*body)(void))
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        alarm(120);
        body();
        _exit(0);
    }
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status), "the child was ended by signal %d", WTERMSIG(status));
    cr_assert_eq(WEXITSTATUS(status), 0);
}

/* In a child: system call `number` fails with `error` from now on. */
static inline void forbid(long number, int error)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* A page that another process shares, twice: as its owner sees it and as its peer does. */
static inline void shared_page(int *ret_fd, uint32_t **ret_words, const uint32_t **ret_view, size_t bytes)
{
    int fd = memfd_create("words", MFD_CLOEXEC);
    CHECK(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0);
    uint32_t *words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const uint32_t *view = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    CHECK(words != MAP_FAILED && view != MAP_FAILED);
    *ret_fd = fd;
    *ret_words = words;
    *ret_view = view;
}

#endif
