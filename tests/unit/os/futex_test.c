/* Words of shared memory: sleeping on them, waking their sleepers, across processes and read-only maps. */
#include <signal.h>
#include <sys/time.h>

#include "librealm/os/linux/futex_uring.h"
#include "librealm/ring/atomics.h"
#include "tests/unit/os/world.h"

static void changed_already(void)
{
    struct world world;
    int fd;
    uint32_t *words;
    const uint32_t *view;
    world_open(&world);
    shared_page(&fd, &words, &view, 4096);
    struct realm_os_word wait[] = {{&view[0], 0}, {&view[100], 1}};
    int error = realm_os_wait(world.os, wait, 2, REALM_FOREVER);
    CHECK(error == 0 ||
          error == REALM_E_WOULD_BLOCK); /* without futex_waitv, the second word is not seen at once */
    wait[1].seen = 0;
    uint64_t deadline_ns = realm_os_now_ns(world.os) + 2 * REALM_MSEC;
    do
        error = realm_os_wait(world.os, wait, 2, deadline_ns);
    while (error == REALM_E_WOULD_BLOCK);
    CHECK(error == REALM_E_TIMEOUT);
    CHECK(realm_os_now_ns(world.os) >= deadline_ns);
    CHECK(realm_os_wait(world.os, wait, 1, 0) == REALM_E_TIMEOUT);
}

/* Goal: a word that has changed is not slept on; one that has not is, until the deadline and no shorter. */
Test(futex, changed_already)
{
    in_child(changed_already);
}

/* Two processes play ping-pong through two words of which each sees the other's read-only. */
static void across_processes(void)
{
    enum { ROUNDS = 500 };
    struct world world;
    int fd;
    uint32_t *words;
    const uint32_t *view;
    world_open(&world);
    shared_page(&fd, &words, &view, 4096);
    pid_t child = fork();
    CHECK(child >= 0);
    unsigned mine = child == 0 ? 64 : 0, other = 64 - mine;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t awaited = child == 0 ? round + 1 : round;
        while (realm_load_acquire(&view[other]) != awaited) {
            struct realm_os_word wait[] = {{&view[other], awaited - 1}, {&view[128], 0}};
            int error = realm_os_wait(world.os, wait, 2, realm_os_now_ns(world.os) + 10 * REALM_SEC);
            CHECK(error == 0 || error == REALM_E_WOULD_BLOCK);
        }
        realm_store_release(&words[mine], round + 1);
        realm_os_wake(world.os, &view[mine]);
    }
    if (child == 0)
        _exit(0);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Goal: no wake-up between two processes is lost, through read-only mappings, on either of two words. */
Test(futex, across_processes)
{
    in_child(across_processes);
}

static void without_waitv(void)
{
    forbid(REALM_SYS_FUTEX_WAITV, ENOSYS);
    changed_already();
    across_processes();
}

/* Goal: the same where futex_waitv is missing. */
Test(futex, without_waitv)
{
    in_child(without_waitv);
}

static void memory_taken_away(void)
{
    struct world world;
    int fd;
    uint32_t *words;
    const uint32_t *view;
    world_open(&world);
    shared_page(&fd, &words, &view, 4096);
    CHECK(ftruncate(fd, 0) == 0);
    struct realm_os_word wait = {view, 0};
    CHECK(realm_os_wait(world.os, &wait, 1, REALM_FOREVER) == 0);
    realm_os_wake(world.os, view);
}

/* Goal: a page that was taken away is a reason to look again, not an error and not a signal. */
Test(futex, memory_taken_away)
{
    in_child(memory_taken_away);
}

static void nobody_wakes(void)
{
    struct world world;
    int fd;
    uint32_t *words;
    const uint32_t *view;
    world_open(&world);
    shared_page(&fd, &words, &view, 4096);
    struct realm_os_word wait[] = {{&view[0], 0}, {&view[100], 0}};
    for (int i = 0; i < 20; i++)
        CHECK(realm_os_wait(world.os, wait, 2, REALM_FOREVER) == REALM_E_WOULD_BLOCK);
}

static void take_alarm(int number)
{
    (void)number;
}

static void interrupted(void)
{
    const struct sigaction action = {.sa_handler = take_alarm};
    const struct itimerval each = {{.tv_usec = 1000}, {.tv_usec = 1000}};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &each, NULL) == 0);
    nobody_wakes();
    forbid(REALM_SYS_FUTEX_WAITV, ENOSYS);
    nobody_wakes();
}

/* Goal: a wait that a signal ends is told apart from one that a peer ends, with futex_waitv and without. */
Test(futex, interrupted)
{
    in_child(interrupted);
}

static void slices(void)
{
    forbid(REALM_SYS_FUTEX_WAITV, ENOSYS);
    nobody_wakes();
}

/* Goal: where only the first word can wake, the looks at the others are told apart from a peer's wakes. */
Test(futex, slices)
{
    in_child(slices);
}
