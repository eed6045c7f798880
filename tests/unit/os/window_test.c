/*
 * Windows of memory that are taken away: what a realm sees of parts that were truncated, with real memfds and
 * the real handler.
 */
#include "tests/unit/os/world.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "librealm/ring/atomics.h"

#define BYTES 8192u
#define PARTS 3u

static void make_parts(int *ret_fds)
{
    for (unsigned i = 0; i < PARTS; i++) {
        ret_fds[i] = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        CHECK(ret_fds[i] >= 0 && ftruncate(ret_fds[i], BYTES) == 0);
        CHECK(fcntl(ret_fds[i], F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL) == 0);
    }
}

static void close_parts(const int *fds)
{
    for (unsigned i = 0; i < PARTS; i++)
        close(fds[i]);
}

static bool is_gone(const struct realm_os_region *window)
{
    return realm_load_acquire(window->gone) != 0;
}

static unsigned count_mappings(void)
{
    char line[512];
    unsigned count = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    CHECK(maps);
    while (fgets(line, sizeof line, maps))
        count += strstr(line, "memfd:part") != NULL;
    fclose(maps);
    return count;
}

static void taken_away(void)
{
    struct world world;
    struct realm_os_region writes, reads;
    int fds[PARTS];
    world_open(&world);
    make_parts(fds);
    CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, true, &writes) == 0);
    CHECK(realm_os_window_map(world.os, fds + 1, PARTS - 1, BYTES, false, &reads) == 0);
    volatile uint8_t *own = writes.memory;
    const volatile uint8_t *peer = reads.memory;
    memset(writes.memory, 7, PARTS * BYTES);
    CHECK(peer[0] == 7 && peer[2 * BYTES - 1] == 7);
    own[BYTES] = 8;
    CHECK(peer[0] == 8); /* the parts follow on */
    CHECK(ftruncate(fds[2], 0) == 0);
    CHECK(own[0] == 7 && peer[0] == 8 && !is_gone(&writes) && !is_gone(&reads)); /* not touched yet */
    CHECK(peer[BYTES] == 0 && is_gone(&reads) && !is_gone(&writes));
    CHECK(peer[0] == 0); /* one part gone, all gone */
    own[2 * BYTES + 5] = 1;
    CHECK(is_gone(&writes) && own[0] == 0 && own[2 * BYTES + 5] == 1 && own[BYTES] == 0);
    char byte = 0;
    CHECK(pread(fds[0], &byte, 1, 0) == 1 && byte == 7); /* the other parts are as they were */
    own[0] = 9;
    CHECK(pread(fds[0], &byte, 1, 0) == 1 && byte == 7);
    realm_os_window_unmap(world.os, &writes, PARTS * BYTES);
    realm_os_window_unmap(world.os, &reads, (PARTS - 1) * BYTES);
    CHECK(count_mappings() == 0);
    close_parts(fds);
    realm_os_close(world.os);
}

/* Goal: the first touch of a part that was truncated ends its window, and no other: zeros, a word that says
 * so, no signal; and nothing passes through the parts that are left. */
Test(window, taken_away)
{
    in_child(taken_away);
}

static void bounded(void)
{
    struct world world;
    struct realm_os_region windows[256], more;
    int fds[PARTS];
    world_open(&world);
    make_parts(fds);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 256; i++)
            CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, false, &windows[i]) == 0);
        CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, false, &more) == REALM_E_LIMIT);
        CHECK(ftruncate(fds[0], 0) == 0);
        for (unsigned i = 0; i < 256; i++) {
            (void)*(const volatile uint8_t *)windows[i].memory;
            CHECK(is_gone(&windows[i]));
            realm_os_window_unmap(world.os, &windows[i], PARTS * BYTES);
        }
        close_parts(fds);
        make_parts(fds);
    }
    CHECK(count_mappings() == 0);
    close_parts(fds);
    realm_os_close(world.os);
}

/* Goal: 256 windows and no more; each that is given back can be had again, and begins with its word clear. */
Test(window, bounded)
{
    in_child(bounded);
}

static uint64_t data_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    CHECK(status);
    while (fgets(line, sizeof line, status))
        sscanf(line, "VmData: %llu", &kib);
    fclose(status);
    return kib * 1024u;
}

static void at_the_limit(void)
{
    struct world world;
    struct realm_os_region writes;
    int fds[PARTS];
    world_open(&world);
    make_parts(fds);
    CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, true, &writes) == 0);
    const struct rlimit limit = {data_bytes(), RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    CHECK(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    CHECK(ftruncate(fds[1], 0) == 0);
    ((volatile uint8_t *)writes.memory)[BYTES] = 1;
    CHECK(is_gone(&writes));
    struct realm_os_region more;
    CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, true, &more) == -ENOMEM);
    CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, false, &more) == 0); /* reading needs no memory */
    realm_os_window_unmap(world.os, &more, PARTS * BYTES);
    realm_os_window_unmap(world.os, &writes, PARTS * BYTES);
    CHECK(realm_os_window_map(world.os, fds, 1, BYTES, true, &writes) == 0);
    realm_os_window_unmap(world.os, &writes, BYTES);
    close_parts(fds);
    realm_os_close(world.os);
}

/* Goal: a realm at its limit of memory does not die because what it writes is taken away: room was set aside.
 */
Test(window, at_the_limit_of_memory)
{
    in_child(at_the_limit);
}

struct reader {
    const volatile uint8_t *memory;
    const uint32_t *gone;
    uint64_t torn;
};

/* Whoever sees a zero finds the word set. */
static void *read_on(void *context)
{
    struct reader *reader = context;
    for (;;) {
        uint8_t sum = 1;
        for (unsigned i = 0; i < PARTS; i++)
            sum &= reader->memory[i * BYTES];
        bool gone = realm_load_acquire(reader->gone);
        if (!gone && sum != 1)
            reader->torn++;
        if (gone)
            return NULL;
    }
}

static void two_threads(void)
{
    struct world world;
    world_open(&world);
    for (unsigned round = 0; round < 300; round++) {
        struct realm_os_region window;
        int fds[PARTS];
        make_parts(fds);
        CHECK(realm_os_window_map(world.os, fds, PARTS, BYTES, true, &window) == 0);
        memset(window.memory, 1, PARTS * BYTES);
        struct reader readers[2] = {{window.memory, window.gone, 0}, {window.memory, window.gone, 0}};
        pthread_t threads[2];
        for (unsigned i = 0; i < 2; i++)
            CHECK(pthread_create(&threads[i], NULL, read_on, &readers[i]) == 0);
        CHECK(ftruncate(fds[round % PARTS], 0) == 0);
        for (unsigned i = 0; i < 2; i++)
            CHECK(pthread_join(threads[i], NULL) == 0 && readers[i].torn == 0);
        realm_os_window_unmap(world.os, &window, PARTS * BYTES);
        close_parts(fds);
    }
    CHECK(count_mappings() == 0);
    realm_os_close(world.os);
}

/* Goal: two threads read while it is taken away: neither dies, neither sees a zero before the word, 300
 * times. */
Test(window, two_threads)
{
    in_child(two_threads);
}

/* A description of its own, only to be read: as the launcher makes it. */
static int open_to_read(int fd)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reads = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(reads >= 0);
    return reads;
}

static void sealed(void)
{
    struct world world;
    struct realm_os_region window;
    int ends[2], fd = memfd_create("part", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    world_open(&world);
    CHECK(fd >= 0 && pipe(ends) == 0 && ftruncate(fd, BYTES) == 0 && pwrite(fd, "kept", 5, 0) == 5);
    int reads = open_to_read(fd);
    CHECK(!realm_os_is_sealed(world.os, reads) && !realm_os_is_sealed(world.os, ends[0]) &&
          !realm_os_is_sealed(world.os, -1));
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW) == 0);
    CHECK(!realm_os_is_sealed(world.os, reads)); /* who has mapped it writes on */
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) == 0);
    CHECK(realm_os_is_sealed(world.os, reads));
    CHECK(realm_os_window_map(world.os, &reads, 1, BYTES, false, &window) == 0);
    CHECK(strcmp(window.memory, "kept") == 0 && !is_gone(&window));
    CHECK(mprotect(window.memory, BYTES, PROT_READ | PROT_WRITE) < 0);
    CHECK(ftruncate(fd, 0) == 0);
    CHECK(*(const volatile char *)window.memory == 0 && is_gone(&window));
    realm_os_window_unmap(world.os, &window, BYTES);
    realm_os_close(world.os);
}

/* Goal: sealed is what the kernel lets nobody write, and nothing else; it can be mapped to be read, and taken
 * away. */
Test(window, sealed)
{
    in_child(sealed);
}

static volatile sig_atomic_t foreign;

static void on_foreign(int number)
{
    (void)number;
    foreign = 1;
    _exit(42);
}

static void not_ours(void)
{
    struct world world;
    int fds[PARTS];
    signal(SIGBUS, on_foreign);
    world_open(&world);
    make_parts(fds);
    struct realm_os_region window;
    CHECK(realm_os_window_map(world.os, fds, 1, BYTES, true, &window) == 0);
    volatile uint8_t *other = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fds[1], 0);
    CHECK(other != MAP_FAILED && ftruncate(fds[1], 0) == 0);
    other[0] = 1;
    CHECK(false);
}

/* Goal: a fault beside the windows is the affair of the handler that was there before. */
Test(window, faults_elsewhere)
{
    pid_t child = fork();
    if (child == 0)
        not_ours();
    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}
