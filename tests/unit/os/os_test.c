/* The realm's process: what makes one, its files, its log, its memory, its heap. */
#include "tests/unit/os/world.h"

static void no_realm_without_socket(void)
{
    struct world world;
    struct realm_os *os = NULL;
    world_prepare(&world);
    close(3);
    CHECK(realm_os_open(&os) == REALM_E_BAD_ARGUMENT && os == NULL);

    int stream[2], ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0 && dup2(stream[0], 3) == 3);
    CHECK(realm_os_open(&os) == REALM_E_BAD_ARGUMENT && os == NULL);

    CHECK(pipe(ends) == 0 && dup2(ends[0], 3) == 3);
    CHECK(realm_os_open(&os) == REALM_E_BAD_ARGUMENT && os == NULL);
}

/* Goal: only a sequenced unix socket at descriptor 3 makes a realm. */
Test(os, no_realm_without_socket)
{
    in_child(no_realm_without_socket);
}

static void bad_environment(void)
{
    static const char *const cases[][2] = {
        {"REALM_FILES", "a"},     {"REALM_FILES", "=3"},   {"REALM_FILES", "a=3,"},
        {"REALM_FILES", "a=x"},   {"REALM_FILES", "a=-1"}, {"REALM_FILES", "a=99999999999999"},
        {"REALM_FILES", "a=3,,"}, {"REALM_FILES", "a= 3"}, {"REALM_HINT_FD", ""},
        {"REALM_HINT_FD", "4x"},  {"REALM_HINT_FD", "-1"}, {"REALM_WAITER", "epoll"},
        {"REALM_WAITER", ""},
    };
    struct world world;
    world_prepare(&world);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct realm_os *os = NULL;
        world_environment(0);
        CHECK(setenv(cases[i][0], cases[i][1], 1) == 0);
        if (realm_os_open(&os) != REALM_E_BAD_ARGUMENT || os != NULL) {
            fprintf(stderr, "accepted %s=%s\n", cases[i][0], cases[i][1]);
            _exit(1);
        }
    }
    /* Nothing at all is an environment, too. */
    CHECK(clearenv() == 0);
    CHECK(realm_os_open(&world.os) == 0);
    CHECK(realm_os_file(world.os, "store") == -ENOENT);
}

/* Goal: an environment that does not parse makes no realm; an empty one does. */
Test(os, bad_environment)
{
    in_child(bad_environment);
}

static void files(void)
{
    struct world world;
    world_prepare(&world);
    CHECK(setenv("REALM_FILES", "a=b=7,text=12,last=0", 1) == 0);
    CHECK(realm_os_open(&world.os) == 0);
    CHECK(realm_os_file(world.os, "a=b") == 7);
    CHECK(realm_os_file(world.os, "text") == 12);
    CHECK(realm_os_file(world.os, "last") == 0);
    CHECK(realm_os_file(world.os, "tex") == -ENOENT);
    CHECK(realm_os_file(world.os, "") == -ENOENT);
    realm_os_close(world.os);
    realm_os_close(NULL);
}

/* Goal: the scenario's files are found by name and by nothing else. */
Test(os, files)
{
    in_child(files);
}

static void log_never_waits(void)
{
    struct world world;
    int ends[2];
    world_open(&world);
    CHECK(pipe(ends) == 0);
    int stderr_before = dup(2);
    CHECK(dup2(ends[1], 2) == 2);
    realm_os_log(world.os, "hello\n", 6);
    /* Far more than the pipe takes, into a pipe that would block. */
    static char much[1 << 20];
    memset(much, 'x', sizeof much);
    realm_os_log(world.os, much, sizeof much);
    CHECK(dup2(stderr_before, 2) == 2);
    char start[7] = {0};
    CHECK(read(ends[0], start, 6) == 6);
    CHECK(strcmp(start, "hello\n") == 0);
}

/* Goal: the log takes what fits and never makes the realm wait. */
Test(os, log_never_waits)
{
    in_child(log_never_waits);
}

static void maps_and_clock(void)
{
    struct world world;
    int fd;
    uint32_t *words;
    const uint32_t *view;
    world_open(&world);
    shared_page(&fd, &words, &view, 8192);
    void *writable, *readable;
    CHECK(realm_os_map(world.os, fd, 8192, true, &writable) == 0);
    CHECK(realm_os_map(world.os, fd, 8192, false, &readable) == 0);
    *(uint32_t *)writable = 5;
    CHECK(*(const uint32_t *)readable == 5 && *view == 5);
    realm_os_unmap(world.os, writable, 8192);
    realm_os_unmap(world.os, readable, 8192);
    realm_os_close_handle(world.os, fd);
    CHECK(realm_os_map(world.os, fd, 8192, false, &readable) == -EBADF);

    uint64_t before = realm_os_now_ns(world.os);
    CHECK(before != 0 && realm_os_now_ns(world.os) >= before);
    CHECK(realm_os_cpus(world.os) >= 1);
    struct realm_os_heap heap = {1, 1, 1, 1};
    realm_os_heap(world.os, &heap);
    CHECK(heap.allocated == 0 && heap.active == 0 && heap.resident == 0 && heap.mapped == 0);
}

/* Goal: regions are shared memory; the clock goes forward; without jemalloc the heap's figures are zero. */
Test(os, maps_and_clock)
{
    in_child(maps_and_clock);
}

static void hints_never_wait(void)
{
    struct world world;
    int ends[2];
    world_open(&world);
    /* The reader's description does not decide: this pipe would block. */
    CHECK(pipe(ends) == 0);
    for (uint32_t i = 0; i < 100000; i++)
        realm_os_hint(world.os, ends[1], i);
    uint32_t first[2];
    CHECK(read(ends[0], first, sizeof first) == sizeof first && first[0] == 0 && first[1] == 1);
    /* A peer that died leaves a broken pipe; the realm lives on. */
    close(ends[0]);
    realm_os_hint(world.os, ends[1], 1);
    realm_os_hint(world.os, -1, 1);
}

/* Goal: a hint is written or dropped, and neither a full nor a broken pipe stops the realm. */
Test(os, hints_never_wait)
{
    in_child(hints_never_wait);
}

static void hints_on_older_kernels(void)
{
    forbid(SYS_pwritev2, EOPNOTSUPP);
    hints_never_wait();
}

/* Goal: the same where the kernel cannot write to a pipe without waiting. */
Test(os, hints_on_older_kernels)
{
    in_child(hints_on_older_kernels);
}
