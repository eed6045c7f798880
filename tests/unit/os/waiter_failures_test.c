/*
 * Failures of the kernel that pass: the waiter on io_uring, whose system calls a supervisor lets fail as a
 * kernel does that is short of memory or of room.
 */
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "librealm/os/linux/probe.h"
#include "librealm/ring/atomics.h"
#include "tests/skip.h"
#include "tests/unit/os/world.h"

/* From now on, each io_uring_enter of this process waits for the listener's answer. */
static int supervise(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_enter, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    CHECK(listener >= 0);
    return (int)listener;
}

/* Answers with the errors, one after the other; then each call goes to the kernel, or has the last error too.
 */
static void answer(int listener, const int *errors, unsigned count, bool for_ever)
{
    for (unsigned i = 0;; i++) {
        struct seccomp_notif call = {0};
        CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0);
        struct seccomp_notif_resp response = {.id = call.id};
        if (i < count || for_ever)
            response.error = -errors[i < count ? i : count - 1];
        else
            response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        CHECK(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) == 0);
    }
}

/* Waits for a word that has moved, while the calls fail so. Returns what the waiter does. */
static int wait_through(const int *errors, unsigned count, bool for_ever)
{
    struct world world;
    struct realm_waiter *waiter;
    int fd;
    uint32_t *words, wakes[4];
    const uint32_t *view;
    unsigned woken = 0;
    world_open(&world);
    shared_page(&fd, &words, &view, 4096);
    CHECK(realm_waiter_open(world.os, REALM_WAITER_URING, &waiter) == 0);
    CHECK(realm_waiter_arm(waiter, 3, view, 0) == 0);
    realm_store_release(words, 1);
    int listener = supervise();
    pid_t supervisor = fork();
    CHECK(supervisor >= 0);
    if (supervisor == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        answer(listener, errors, count, for_ever);
    }
    close(listener);
    int error = realm_waiter_wait(waiter, REALM_FOREVER, wakes, 4, &woken);
    CHECK(error != 0 || (woken == 1 && wakes[0] == 3));
    kill(supervisor, SIGKILL);
    return error;
}

static void failures_that_pass(void)
{
    static const int errors[] = {EBUSY, EAGAIN, EBADR, EBUSY};
    CHECK(wait_through(errors, sizeof errors / sizeof *errors, false) == 0);
}

static void failures_that_stay(void)
{
    static const int error = EBUSY;
    CHECK(wait_through(&error, 1, true) == -EBUSY);
}

static void other_failures(void)
{
    static const int error = EINVAL;
    CHECK(wait_through(&error, 1, false) == -EINVAL);
}

/* Goal: a kernel that is short of memory or room for a moment ends no wait and loses no wake-up. */
Test(waiter_failures, that_pass)
{
    if (realm_waiter_probe() != NULL)
        SKIP("%s", realm_waiter_probe());
    in_child(failures_that_pass);
}

/* Goal: one that stays so is reported in the end, as is any other error at once. */
Test(waiter_failures, that_stay)
{
    if (realm_waiter_probe() != NULL)
        SKIP("%s", realm_waiter_probe());
    in_child(failures_that_stay);
    in_child(other_failures);
}
