#include "bench/harness/bare.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "bench/measure/gate.h"

/* --- starts --- */

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS)

static pid_t start(bool network)
{
    const unsigned long flags = SIGCHLD | NAMESPACES | (network ? (unsigned long)CLONE_NEWNET : 0);
    pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);

    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    return pid;
}

int bare_starts(unsigned count, bool network, uint64_t *ret_ns)
{
    pid_t pids[256];
    unsigned started = 0;
    int error = count > sizeof pids / sizeof pids[0] ? -EINVAL : 0;
    const uint64_t start_ns = clock_now_ns();

    while (error == 0 && started < count) {
        pids[started] = start(network);
        if (pids[started] < 0)
            error = -errno;
        else
            started++;
    }
    for (unsigned i = 0; i < started; i++) {
        int status = 0;
        if (waitpid(pids[i], &status, 0) < 0 && error == 0)
            error = -errno;
        if (status != 0 && error == 0)
            error = -ENOEXEC;
    }
    if (error == 0)
        *ret_ns = clock_now_ns() - start_ns;
    return error;
}

/* --- revocations --- */

#define REGION_SIZE 32768u
#define QUIET_NS    UINT64_C(3000000) /* by then the sleeper sleeps */
#define PATIENCE_NS UINT64_C(20000000000)

struct shared {
    uint32_t turn, ready, epoch, done; /* each counts what has been; who waits sleeps on it */
    uint64_t awake_ns;
};

struct bare_revoke {
    struct shared *shared;
    int regions[2];
    volatile uint8_t *mapped[2];
    int asks[2]; /* the caller's end, the truncating process' end */
    pid_t truncating, sleeping;
    uint32_t count;
};

static void say(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
    syscall(SYS_futex, word, FUTEX_WAKE, 2, NULL, NULL, 0);
}

static void touch(const struct bare_revoke *revoke)
{
    assert(revoke->mapped[0] != NULL && revoke->mapped[1] != NULL);
    (void)revoke->mapped[0][0];
    (void)revoke->mapped[1][0];
}

static void truncate_each_time(const struct bare_revoke *revoke)
{
    char byte;

    for (uint32_t i = 1; recv(revoke->asks[1], &byte, 1, 0) == 1; i++) {
        if (ftruncate(revoke->regions[0], 0) < 0 || ftruncate(revoke->regions[1], 0) < 0)
            _exit(1);
        say(&revoke->shared->epoch, i);
    }
    _exit(0);
}

static void sleep_each_time(const struct bare_revoke *revoke)
{
    struct shared *shared = revoke->shared;

    assert(shared != NULL);
    for (uint32_t i = 1; gate_await(&shared->turn, i, PATIENCE_NS); i++) {
        touch(revoke);
        say(&shared->ready, i);
        if (!gate_await(&shared->epoch, i, PATIENCE_NS))
            break;
        shared->awake_ns = clock_now_ns();
        say(&shared->done, i);
    }
    _exit(0);
}

static int map_regions(struct bare_revoke *revoke)
{
    for (unsigned i = 0; i < 2; i++) {
        revoke->regions[i] = memfd_create("bare", MFD_CLOEXEC);
        if (revoke->regions[i] < 0)
            return -errno;
        void *memory = mmap(NULL, REGION_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, revoke->regions[i], 0);
        if (memory == MAP_FAILED)
            return -errno;
        revoke->mapped[i] = memory;
    }
    void *shared =
        mmap(NULL, sizeof *revoke->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -errno;
    revoke->shared = shared;
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, revoke->asks) < 0 ? -errno : 0;
}

/* The two others end when the caller's end of the socket is closed, or by a kill. */
static int fork_others(struct bare_revoke *revoke)
{
    revoke->truncating = fork();
    if (revoke->truncating == 0) {
        close(revoke->asks[0]);
        truncate_each_time(revoke);
    }
    if (revoke->truncating < 0)
        return -errno;
    revoke->sleeping = fork();
    if (revoke->sleeping == 0) {
        close(revoke->asks[0]);
        sleep_each_time(revoke);
    }
    return revoke->sleeping < 0 ? -errno : 0;
}

int bare_revoke_open(struct bare_revoke **ret_revoke)
{
    struct bare_revoke *revoke = calloc(1, sizeof *revoke);

    if (revoke == NULL)
        return -ENOMEM;
    revoke->regions[0] = revoke->regions[1] = revoke->asks[0] = revoke->asks[1] = -1;
    int error = map_regions(revoke);
    if (error == 0)
        error = fork_others(revoke);
    if (error != 0) {
        bare_revoke_close(revoke);
        return error;
    }
    *ret_revoke = revoke;
    return 0;
}

int bare_revoke_measure(struct bare_revoke *revoke, uint64_t *ret_ns)
{
    struct shared *shared = revoke->shared;
    const uint32_t number = ++revoke->count;
    const char byte = 0;

    for (unsigned i = 0; i < 2; i++)
        if (ftruncate(revoke->regions[i], REGION_SIZE) < 0)
            return -errno;
    touch(revoke);
    say(&shared->turn, number);
    if (!gate_await(&shared->ready, number, PATIENCE_NS))
        return -ETIMEDOUT;
    clock_sleep_until(clock_now_ns() + QUIET_NS);
    const uint64_t asked_ns = clock_now_ns();
    if (send(revoke->asks[0], &byte, 1, MSG_NOSIGNAL) != 1)
        return -errno;
    if (!gate_await(&shared->done, number, PATIENCE_NS))
        return -ETIMEDOUT;
    *ret_ns = shared->awake_ns - asked_ns;
    return 0;
}

static void end_process(pid_t pid)
{
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

void bare_revoke_close(struct bare_revoke *revoke)
{
    if (revoke == NULL)
        return;
    end_process(revoke->truncating);
    end_process(revoke->sleeping);
    for (unsigned i = 0; i < 2; i++) {
        if (revoke->mapped[i] != NULL)
            munmap((void *)revoke->mapped[i], REGION_SIZE);
        if (revoke->regions[i] >= 0)
            close(revoke->regions[i]);
        if (revoke->asks[i] >= 0)
            close(revoke->asks[i]);
    }
    if (revoke->shared != NULL)
        munmap(revoke->shared, sizeof *revoke->shared);
    free(revoke);
}
