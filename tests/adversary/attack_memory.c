/*
 * Memory that no limit would count, and the limits that there are.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

#define MIB (1024u * 1024u)

static void outcome_map(size_t size, int protection, int flags)
{
    void *memory = mmap(NULL, size, protection, flags, -1, 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void shared_anonymous(void)
{
    outcome_map(16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
}

static void shared_validated(void)
{
    outcome_map(16 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE | MAP_ANONYMOUS);
}

static void grows_down(void)
{
    outcome_map(MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN);
}

static void locked(void)
{
    outcome_map(4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED);
}

static void large_page(void)
{
    outcome_map(2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB);
}

static void droppable(void)
{
    outcome_map(16 * MIB, PROT_READ | PROT_WRITE, 0x08 | MAP_ANONYMOUS);
}

/* How much of what it asks for in steps of 1 MiB it gets. */
static unsigned taken(size_t most_mib, bool touch)
{
    unsigned got = 0;
    for (size_t i = 0; i < most_mib; i++) {
        char *memory = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            break;
        if (touch)
            memset(memory, 1, MIB);
        got++;
    }
    return got;
}

static void private_flood(void)
{
    outcome("%s", taken(64, true) < 16 ? "bounded" : "unbounded");
}

static void heap_flood(void)
{
    unsigned got = 0;
    char *end = sbrk(0);
    while (got < 64 &&
           syscall(SYS_brk, end + (size_t)(got + 1) * MIB) == (long)(intptr_t)(end + (size_t)(got + 1) * MIB))
        got++;
    outcome("%s", got < 16 ? "bounded" : "unbounded");
}

/* Read-only first: RLIMIT_DATA must look again when it becomes writable. */
static void protect_later(void)
{
    unsigned got = 0;
    for (; got < 64; got++) {
        char *memory = mmap(NULL, MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED || mprotect(memory, MIB, PROT_READ | PROT_WRITE) < 0)
            break;
        memset(memory, 1, MIB);
    }
    outcome("%s", got < 16 ? "bounded" : "unbounded");
}

static void address_flood(void)
{
    unsigned got = 0;
    for (; got < 1024; got++)
        if (mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED)
            break;
    outcome("%s", got < 512 ? "bounded" : "unbounded");
}

/* Private pages of a file count, too. */
static void private_file_flood(void)
{
    struct raw_channel channel;
    unsigned got = 0;
    raw_open();
    raw_connect("echo", &channel);
    for (; got < 8192; got++) {
        char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, channel.peer_fd, 0);
        if (memory == MAP_FAILED)
            break;
        memory[0] = memory[4096] = 1;
    }
    outcome("%s", got < 2048 ? "bounded" : "unbounded");
}

/* Each mapping is a record in the kernel; there are 65 530 of them at most. */
static void mapping_flood(void)
{
    unsigned got = 0;
    char *memory = mmap(NULL, 200 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
        while (got < 100000 && (size_t)got * 8192 + 4096 <= 200u * MIB &&
               mprotect(memory + (size_t)got * 8192, 4096, PROT_READ) == 0)
            got++;
    outcome("%s", got < 65530 ? "bounded" : "unbounded");
}

static void stack_flood_step(volatile char *above)
{
    volatile char room[65536];
    room[0] = above[0];
    room[65535] = 1;
    if (room[0] == 0) /* always */
        stack_flood_step(room);
}

static void stack_flood(void)
{
    volatile char start = 0;
    stack_flood_step(&start);
    outcome("done");
}

static int idle_thread(void *context)
{
    (void)context;
    for (;;)
        raw_sleep_ms(100000);
    return 0;
}

#define THREAD                                                                                               \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |       \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

static void *thread_pointer(void)
{
    return __builtin_thread_pointer();
}

/* Bare clones, so that nothing but the kernel counts. */
static void thread_flood(void)
{
    static char stacks[64][8192] __attribute__((aligned(16)));
    static int ids[2];
    unsigned got = 0;
    while (got < 64 && clone(idle_thread, stacks[got] + sizeof stacks[got], THREAD, NULL, &ids[0],
                             thread_pointer(), &ids[1]) > 0)
        got++;
    outcome("%s", got <= 8 ? "bounded" : "unbounded");
    _exit(0);
}

static void descriptor_flood(void)
{
    unsigned got = 0;
    raw_open();
    for (; got < 80; got++) {
        struct raw_channel channel;
        raw_named(REALM_CONTROL_CONNECT, 0, "echo");
        if (!raw_try_await(REALM_CONTROL_CONNECTED))
            break;
        channel.packet = raw_in.channel;
        if (raw_fds_count == 0)
            break; /* the kernel had no number for it, and closed it */
        raw_ack(channel.packet.sequence);
        /* Given back, but its descriptors are kept: they have a limit of their own. */
        raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
        if (raw_status() != 0)
            break;
    }
    outcome("%s", got < 64 ? "bounded" : "unbounded");
}

static void executable(void)
{
    outcome_map(4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS);
}

static void low_page(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void machine_memory(void)
{
    char text[256];
    outcome_call(syscall(SYS_sysinfo, text));
}

static void machine_name(void)
{
    char text[512];
    outcome_call(syscall(SYS_uname, text));
}

static void times_of_all(void)
{
    char text[256];
    outcome_call(syscall(SYS_getrusage, RUSAGE_CHILDREN, text));
}

ATTACK_CALL(raise_limit, SYS_setrlimit, RLIMIT_NOFILE, &(struct rlimit){64, 64})

static const struct attack memory[] = {
    {"mem-shared-anonymous", "maps shared anonymous memory, which RLIMIT_DATA does not count",
     shared_anonymous, .must = "EPERM"},
    {"mem-shared-validate", "the same with MAP_SHARED_VALIDATE", shared_validated, .must = "EPERM"},
    {"mem-grows-down", "maps memory that grows like a stack, uncounted", grows_down, .must = "EPERM"},
    {"mem-locked", "maps memory that cannot be paged out", locked, .must = "EPERM"},
    {"mem-large-page", "maps one of the machine's large pages", large_page, .must = "EPERM"},
    {"mem-droppable", "maps memory of a kind that is not known to this filter", droppable, .must = "EPERM"},
    {"mem-private-flood", "takes private memory without end", private_flood, .must = "bounded",
     .role = ROLE_SMALL, .flags = ATTACK_LIMIT},
    {"mem-heap-flood", "the same with brk", heap_flood, .must = "bounded", .role = ROLE_SMALL,
     .flags = ATTACK_LIMIT},
    {"mem-protect-flood", "maps read-only memory and makes it writable", protect_later, .must = "bounded",
     .role = ROLE_SMALL, .flags = ATTACK_LIMIT},
    {"mem-file-flood", "takes private copies of its peer's region without end", private_file_flood,
     .must = "bounded", .role = ROLE_SMALL, .flags = ATTACK_LIMIT},
    {"mem-address-flood", "takes addresses without end", address_flood, .must = "bounded", .role = ROLE_SMALL,
     .flags = ATTACK_LIMIT},
    {"mem-mapping-flood", "makes a hundred thousand mappings", mapping_flood, .must = "bounded",
     .role = ROLE_SMALL},
    {"mem-stack-flood", "recurses without end", stack_flood, .must = "SIGSEGV", .role = ROLE_SMALL},
    {"mem-thread-flood", "makes threads without end", thread_flood, .must = "bounded", .role = ROLE_SMALL,
     .flags = ATTACK_USERNS},
    {"mem-descriptor-flood", "collects descriptors without end", descriptor_flood, .must = "bounded",
     .role = ROLE_SMALL},
    {"mem-executable", "maps memory that can be written and executed, which is allowed", executable,
     .must = "done"},
    {"mem-null-page", "maps the page at address 0, for the kernel to stumble over", low_page,
     .must = "EPERM"},
    {"mem-sysinfo", "asks for the machine's free memory, a signal that all realms give and read",
     machine_memory, .must = "EPERM"},
    {"mem-uname", "asks for the host's name", machine_name, .must = "EPERM"},
    {"mem-rusage", "asks what its children used", times_of_all, .must = "EPERM"},
    {"mem-setrlimit", "sets a limit of its own", raise_limit, .must = "EPERM"},
};
ATTACK_THEME(memory_theme, "memory", "Memory and limits", memory, true);
