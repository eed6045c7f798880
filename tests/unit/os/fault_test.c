/*
 * Memory that is taken away: what a realm sees of a truncated region, with real memfds and the real handler.
 */
#include "tests/unit/os/world.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include "librealm/os/linux/fault.h"
#include "librealm/ring/atomics.h"

#define BYTES 8192u

struct shared {
    int fd;
    struct realm_os_region own, peer;
};

/* A sealed region, mapped by its owner and by a reader. */
static void share_sized(struct realm_os *os, struct shared *shared, size_t bytes)
{
    shared->fd = memfd_create("region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(shared->fd >= 0 && ftruncate(shared->fd, (off_t)bytes) == 0);
    CHECK(realm_os_region_map(os, shared->fd, bytes, true, &shared->own) == 0);
    CHECK(fcntl(shared->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL) == 0);
    CHECK(realm_os_region_map(os, shared->fd, bytes, false, &shared->peer) == 0);
}

static void share(struct realm_os *os, struct shared *shared)
{
    share_sized(os, shared, BYTES);
}

static void end_share(struct realm_os *os, struct shared *shared)
{
    realm_os_region_unmap(os, &shared->own);
    realm_os_region_unmap(os, &shared->peer);
    close(shared->fd);
}

static void taken_away(void)
{
    struct world world;
    struct shared a, b;
    world_open(&world);
    share(world.os, &a);
    share(world.os, &b);
    volatile uint8_t *own = a.own.memory;
    const volatile uint8_t *peer = a.peer.memory;
    memset(a.own.memory, 7, BYTES);
    memset(b.own.memory, 9, BYTES);
    CHECK(peer[5000] == 7 && *a.own.gone == 0 && *a.peer.gone == 0);
    CHECK(ftruncate(a.fd, 0) == 0);
    CHECK(peer[5000] == 0 && *a.peer.gone == 1 && *a.own.gone == 0); /* known when it is touched */
    CHECK(peer[0] == 0);
    own[4096] = 1;
    CHECK(*a.own.gone == 1 && own[4096] == 1 && own[0] == 0);
    CHECK(peer[4096] == 0); /* nothing passes */
    CHECK(((const uint8_t *)b.peer.memory)[5000] == 9 && *b.peer.gone == 0 && *b.own.gone == 0);
    CHECK(ftruncate(a.fd, BYTES) != 0 && errno == EPERM);
    end_share(world.os, &a);
    end_share(world.os, &b);
    realm_os_close(world.os);
}

Test(fault, taken_away)
{
    /* Goal: a touch finds zeros and the gone word; writes are lost; other regions do not notice. */
    in_child(taken_away);
}

/* A thread that copies without end, and counts what came of it. */
struct copier {
    const struct realm_os_region *region;
    pthread_t thread;
    uint32_t stop, started;
    unsigned torn, accepted_torn;
};

static void *copy_on(void *argument)
{
    struct copier *copier = argument;
    static _Thread_local uint8_t copy[BYTES];
    while (realm_load_acquire(&copier->stop) == 0) {
        memcpy(copy, copier->region->memory, BYTES);
        uint32_t gone = realm_load_gone(copier->region->gone);
        unsigned zeros = 0;
        for (unsigned i = 0; i < BYTES; i += 64)
            zeros += copy[i] == 0;
        copier->torn += zeros != 0 && zeros != BYTES / 64;
        copier->accepted_torn += zeros != 0 && gone == 0;
        realm_store_release(&copier->started, 1);
    }
    return NULL;
}

/* The copiers need the processors. */
static void wait_started(struct copier *copier)
{
    while (realm_load_acquire(&copier->started) == 0)
        sched_yield();
}

static void torn_copies(void)
{
    struct world world;
    unsigned torn = 0;
    world_open(&world);
    for (unsigned round = 0; round < 150 && torn < 50; round++) {
        struct shared shared;
        struct copier copiers[2] = {{.region = &shared.peer}, {.region = &shared.peer}};
        share(world.os, &shared);
        memset(shared.own.memory, 7, BYTES);
        for (unsigned i = 0; i < 2; i++)
            CHECK(pthread_create(&copiers[i].thread, NULL, copy_on, &copiers[i]) == 0);
        for (unsigned i = 0; i < 2; i++)
            wait_started(&copiers[i]);
        CHECK(ftruncate(shared.fd, 0) == 0);
        for (unsigned i = 0; i < 2; i++) {
            realm_store_release(&copiers[i].started, 0);
            wait_started(&copiers[i]);
            realm_store_release(&copiers[i].stop, 1);
            CHECK(pthread_join(copiers[i].thread, NULL) == 0);
            CHECK(copiers[i].accepted_torn == 0);
            torn += copiers[i].torn;
        }
        CHECK(*shared.peer.gone == 1);
        end_share(world.os, &shared);
    }
    CHECK(torn != 0); /* else this tests nothing */
    realm_os_close(world.os);
}

Test(fault, torn_copies)
{
    /* Goal: two threads copy while the region goes: each copy with a zero in it is known by the gone word, in
     * the thread that faulted and in the one that did not. */
    in_child(torn_copies);
}

static void *touch_own(void *argument)
{
    const struct realm_os_region *region = argument;
    for (unsigned i = 0; i < 1000; i++)
        ((volatile uint8_t *)region->memory)[i] = 1;
    return NULL;
}

static void addresses_again(void)
{
    struct world world;
    world_open(&world);
    for (unsigned round = 0; round < 3000; round++) {
        struct shared shared;
        pthread_t thread;
        share(world.os, &shared);
        CHECK(*shared.own.gone == 0 && *shared.peer.gone == 0);
        CHECK(((volatile uint8_t *)shared.own.memory)[BYTES - 1] == 0);
        CHECK(pthread_create(&thread, NULL, touch_own, &shared.own) == 0);
        CHECK(ftruncate(shared.fd, 0) == 0);
        ((volatile uint8_t *)shared.own.memory)[BYTES - 1] = 1;
        CHECK(*shared.own.gone == 1);
        CHECK(pthread_join(thread, NULL) == 0);
        end_share(world.os, &shared);
    }
    realm_os_close(world.os);
}

Test(fault, addresses_again)
{
    /* Goal: an address that is used again is fresh, however many handlers had been there. */
    in_child(addresses_again);
}

static volatile sig_atomic_t foreign_faults;
static void *foreign_page;
static int foreign_fd;
static const volatile uint8_t *nested;

static void foreign(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    CHECK(info->si_addr == foreign_page);
    foreign_faults++;
    if (nested != NULL)
        CHECK(*nested == 0); /* a fault of ours within a fault of theirs */
    CHECK(ftruncate(foreign_fd, 4096) == 0);
}

static void chained(void)
{
    struct world world;
    struct shared shared;
    struct sigaction action = {.sa_sigaction = foreign, .sa_flags = SA_SIGINFO};
    CHECK(sigaction(SIGBUS, &action, NULL) == 0);
    world_open(&world);
    share(world.os, &shared);
    foreign_fd = memfd_create("foreign", MFD_CLOEXEC);
    foreign_page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, foreign_fd, 0);
    CHECK(foreign_page != MAP_FAILED);
    CHECK(ftruncate(shared.fd, 0) == 0);
    nested = shared.peer.memory;
    CHECK(*(volatile uint8_t *)foreign_page == 0 && foreign_faults == 1);
    CHECK(*shared.peer.gone == 1);
    end_share(world.os, &shared);
    realm_os_close(world.os);
}

Test(fault, chained)
{
    /* Goal: a fault elsewhere is the previous handler's, which may itself touch a region that is gone. */
    in_child(chained);
}

static void foreign_kills(void)
{
    struct world world;
    CHECK(signal(SIGBUS, SIG_DFL) != SIG_ERR);
    world_open(&world);
    pid_t child = fork();
    if (child == 0) {
        int fd = memfd_create("foreign", MFD_CLOEXEC);
        volatile uint8_t *page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
        _exit(page[0]);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    child = fork();
    if (child == 0) {
        kill(getpid(), SIGBUS);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
    realm_os_close(world.os);
}

Test(fault, foreign_kills)
{
    /* Goal: where there was no handler, a fault elsewhere, or a SIGBUS that was sent, ends the process. */
    in_child(foreign_kills);
}

static void blocked_before(void)
{
    struct world world;
    struct shared shared;
    sigset_t all;
    CHECK(sigfillset(&all) == 0 && sigprocmask(SIG_SETMASK, &all, NULL) == 0);
    world_open(&world);
    share(world.os, &shared);
    CHECK(ftruncate(shared.fd, 0) == 0);
    CHECK(*(volatile uint8_t *)shared.peer.memory == 0);
    end_share(world.os, &shared);
    realm_os_close(world.os);
}

Test(fault, blocked_before)
{
    /* Goal: a program that blocks all signals before it opens its realm survives a revocation. */
    in_child(blocked_before);
}

static void at_the_limit(void)
{
    struct world world;
    struct shared shared[8];
    world_open(&world);
    for (unsigned i = 0; i < 8; i++)
        share(world.os, &shared[i]);
    struct rlimit none = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_DATA, &none) == 0);
    CHECK(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    for (unsigned i = 0; i < 8; i++)
        CHECK(ftruncate(shared[i].fd, 0) == 0);
    for (unsigned i = 0; i < 8; i++)
        CHECK(*(volatile uint8_t *)shared[i].peer.memory == 0); /* zeros to read cost nothing */
    none.rlim_cur = RLIM_INFINITY;
    CHECK(setrlimit(RLIMIT_DATA, &none) == 0);
    for (unsigned i = 0; i < 8; i++)
        end_share(world.os, &shared[i]);
    realm_os_close(world.os);
}

Test(fault, reading_at_the_memory_limit)
{
    /* Goal: a realm without any memory left can still be told by its reads that a region is gone. */
    in_child(at_the_limit);
}

#define PLACE 32768u /* what one place of the arena holds */

/* Sizes around whole places, from a page to the largest. */
static const size_t sizes[] = {4096,          PLACE - 4096, PLACE,      PLACE + 4096, 3 * PLACE,
                               8 * PLACE + 1, 20480,        32 * PLACE, 2 * PLACE};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void sizes_taken_away(void)
{
    struct world world;
    struct shared shared[SIZES];
    world_open(&world);
    for (size_t victim = 0; victim < SIZES; victim++) {
        for (size_t i = 0; i < SIZES; i++) {
            share_sized(world.os, &shared[i], sizes[i]);
            memset(shared[i].own.memory, (int)(1 + i), sizes[i]);
        }
        CHECK(ftruncate(shared[victim].fd, 0) == 0);
        /* It is found out in the last page, and holds for the whole. */
        const volatile uint8_t *peer = shared[victim].peer.memory;
        volatile uint8_t *own = shared[victim].own.memory;
        CHECK(peer[sizes[victim] - 1] == 0 && *shared[victim].peer.gone == 1 && peer[0] == 0);
        own[sizes[victim] - 1] = 5;
        CHECK(*shared[victim].own.gone == 1 && own[0] == 0 && own[sizes[victim] - 1] == 5);
        for (size_t i = 0; i < SIZES; i++) {
            const uint8_t *other = shared[i].peer.memory;
            CHECK(i == victim ||
                  (other[0] == 1 + i && other[sizes[i] - 1] == 1 + i && !*shared[i].peer.gone));
        }
        for (size_t i = 0; i < SIZES; i++)
            end_share(world.os, &shared[(i + victim) % SIZES]);
    }
    realm_os_close(world.os);
}

Test(fault, regions_of_many_sizes)
{
    /* Goal: a region of any size is taken away as a whole, whichever of its pages is touched first, and none
     * of its neighbours; addresses that were used before serve again. */
    in_child(sizes_taken_away);
}

static void impossible_sizes(void)
{
    static const size_t impossible[] = {0,          32 * PLACE + 1, 33 * PLACE,
                                        UINT32_MAX, SIZE_MAX,       SIZE_MAX - PLACE};
    struct world world;
    struct shared shared;
    struct realm_os_region region;
    world_open(&world);
    share(world.os, &shared);
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++)
        CHECK(realm_os_region_map(world.os, shared.fd, impossible[i], false, &region) == -EINVAL);
    end_share(world.os, &shared);
    realm_os_close(world.os);
}

Test(fault, regions_of_impossible_sizes)
{
    /* Goal: no size makes the arena's arithmetic wrap. */
    in_child(impossible_sizes);
}

static void used_up(void)
{
    enum { LARGEST = REALM_FAULT_REGIONS / 32 };
    static struct realm_os_region regions[LARGEST];
    struct world world;
    struct realm_os_region one;
    world_open(&world);
    int fd = memfd_create("region", MFD_CLOEXEC);
    CHECK(fd >= 0 && ftruncate(fd, 32 * PLACE) == 0);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < LARGEST; i++)
            CHECK(realm_os_region_map(world.os, fd, 32 * PLACE, false, &regions[i]) == 0);
        CHECK(realm_os_region_map(world.os, fd, 32 * PLACE, false, &one) == REALM_E_LIMIT);
        for (unsigned i = 0; i < LARGEST; i++)
            realm_os_region_unmap(world.os, &regions[(i * 7) % LARGEST]);
    }
    CHECK(realm_os_region_map(world.os, fd, PLACE, false, &one) == REALM_E_LIMIT);
    close(fd);
    realm_os_close(world.os);
}

Test(fault, all_addresses_used)
{
    /* Goal: when no addresses are left the next region is refused; those that were given back serve again. */
    in_child(used_up);
}

/* The private memory of this process that counts for RLIMIT_DATA, in bytes. */
static rlim_t data_bytes(void)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof text - 1);
    CHECK(size > 0);
    text[size] = '\0';
    close(fd);
    const char *line = strstr(text, "VmData:");
    CHECK(line != NULL);
    return (rlim_t)strtoull(line + 7, NULL, 10) * 1024;
}

static void own_at_the_limit(void)
{
    struct world world;
    struct shared shared[20];
    world_open(&world);
    for (unsigned i = 0; i < 20; i++)
        share(world.os, &shared[i]);
    for (unsigned round = 0; round < 5; round++) { /* what is given up is set aside again */
        struct rlimit full = {.rlim_cur = data_bytes(), .rlim_max = RLIM_INFINITY};
        CHECK(setrlimit(RLIMIT_DATA, &full) == 0);
        CHECK(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
        for (unsigned i = 0; i < 20; i++) {
            CHECK(ftruncate(shared[i].fd, 0) == 0);
            *(volatile uint8_t *)shared[i].own.memory = 1;
            CHECK(*shared[i].own.gone == 1);
        }
        for (unsigned i = 0; i < 20; i++) {
            end_share(world.os, &shared[i]);
            share(world.os, &shared[i]);
        }
    }
    realm_os_close(world.os);
}

Test(fault, writing_at_the_memory_limit)
{
    /* Goal: a realm at its memory limit survives that regions of its own go, again and again. */
    in_child(own_at_the_limit);
}

static void large_at_the_limit(void)
{
    struct world world;
    struct shared shared;
    world_open(&world);
    share_sized(world.os, &shared, 16 * PLACE);
    struct rlimit full = {.rlim_cur = data_bytes(), .rlim_max = RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_DATA, &full) == 0);
    CHECK(ftruncate(shared.fd, 0) == 0);
    ((volatile uint8_t *)shared.own.memory)[16 * PLACE - 1] = 1;
    CHECK(*shared.own.gone == 1);
    end_share(world.os, &shared);
    realm_os_close(world.os);
}

Test(fault, writing_a_large_one_at_the_memory_limit)
{
    /* Goal: the same for a region of many places, which needs as many deposits. */
    in_child(large_at_the_limit);
}
