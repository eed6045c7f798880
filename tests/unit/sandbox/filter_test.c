#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#ifdef __x86_64__
#include <asm/prctl.h>
#endif

#include "tests/unit/sandbox/tried.h"

/* One call with plain arguments. */
static long raw_call(const long *a)
{
    return tried_result(syscall(a[0], a[1], a[2], a[3], a[4], a[5], a[6]));
}

static struct tried try_call(const struct sandbox_program *program, long number, long a, long b, long c,
                             long d, long e, long f)
{
    return try_under(program, raw_call, (const long[]){number, a, b, c, d, e, f});
}

struct call {
    const char *name;
    long expected; /* the result; for a value that varies, ANYTHING */
    long number;
    long arguments[6];
};

#define ANYTHING 1000000L

static void expect(const struct sandbox_program *program, const struct call *call)
{
    const long *a = call->arguments;
    struct tried tried = try_call(program, call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    cr_expect(tried.ran, "%s: ended by signal %d", call->name, tried.signal);
    if (call->expected == ANYTHING)
        cr_expect(tried.value >= 0, "%s: %ld", call->name, tried.value);
    else
        cr_expect_eq(tried.value, call->expected, "%s: %ld instead of %ld", call->name, tried.value,
                     call->expected);
}

static void expect_all(const struct sandbox_program *program, const struct call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(program, &calls[i]);
}

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define ADDRESS(x)   ((long)(uintptr_t)(x))

static char page[8192] __attribute__((aligned(4096)));
static uint32_t word;
static struct stat status;
static struct timespec moment;
static int value;
static socklen_t value_size = sizeof value;

/* Goal: what a realm needs works under its filter, with the kernel's own answer. */
Test(filter, allowed_calls_work)
{
    static struct pollfd nothing;
    static uint64_t signals;
    struct iovec part = {page, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int ends[2], sockets[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets), 0);
    int file = memfd_create("file", 0);
    cr_assert_eq(ftruncate(file, 8192), 0);
    const struct call calls[] = {
        {"write", 1, SYS_write, {ends[1], ADDRESS(page), 1}},
        {"read", 1, SYS_read, {ends[0], ADDRESS(page), 1}},
        {"writev", 1, SYS_writev, {ends[1], ADDRESS(&part), 1}},
        {"readv", 1, SYS_readv, {ends[0], ADDRESS(&part), 1}},
        {"pread64", 1, SYS_pread64, {file, ADDRESS(page), 1, 0}},
        {"pwrite64", 1, SYS_pwrite64, {file, ADDRESS(page), 1, 0}},
        {"pwritev2", 1, SYS_pwritev2, {ends[1], ADDRESS(&part), 1, -1, -1, RWF_NOWAIT}},
        {"close", -EBADF, SYS_close, {999}},
        {"fcntl F_GETFD", 0, SYS_fcntl, {file, F_GETFD}},
        {"fcntl F_GETFL", ANYTHING, SYS_fcntl, {file, F_GETFL}},
        {"brk", ANYTHING, SYS_brk, {0}},
        {"mmap private", ANYTHING, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
        {"mmap library", ANYTHING, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_DENYWRITE, file, 0}},
        {"mmap region", ANYTHING, SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0}},
        {"munmap", 0, SYS_munmap, {ADDRESS(page + 4096), 4096}},
        {"mprotect", 0, SYS_mprotect, {ADDRESS(page), 4096, PROT_READ}},
        {"madvise DONTNEED", 0, SYS_madvise, {ADDRESS(page), 4096, MADV_DONTNEED}},
        {"madvise FREE", 0, SYS_madvise, {ADDRESS(page), 4096, MADV_FREE}},
        {"futex wake", 0, SYS_futex, {ADDRESS(&word), FUTEX_WAKE, 1}},
        {"futex wait", -EAGAIN, SYS_futex, {ADDRESS(&word), FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 1}},
        {"futex_waitv", -EINVAL, SYS_futex_waitv, {0}},
        {"ppoll", 0, SYS_ppoll, {ADDRESS(&nothing), 0, ADDRESS(&moment), 0, 8}},
        {"clock_gettime", 0, SYS_clock_gettime, {CLOCK_MONOTONIC, ADDRESS(&moment)}},
        {"clock_nanosleep", 0, SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, ADDRESS(&moment), 0}},
        {"sched_getaffinity", ANYTHING, SYS_sched_getaffinity, {0, sizeof page, ADDRESS(page)}},
        {"rt_sigprocmask", 0, SYS_rt_sigprocmask, {SIG_BLOCK, 0, ADDRESS(&signals), 8}},
        {"sigaltstack", 0, SYS_sigaltstack, {0}},
        {"getpid", ANYTHING, SYS_getpid, {0}},
        {"gettid", ANYTHING, SYS_gettid, {0}},
        {"getrandom", 1, SYS_getrandom, {ADDRESS(page), 1, 0}},
        {"prlimit64", 0, SYS_prlimit64, {0, 3, 0, ADDRESS(page)}},
        {"getsockopt SO_TYPE",
         0,
         SYS_getsockopt,
         {sockets[0], SOL_SOCKET, SO_TYPE, ADDRESS(&value), ADDRESS(&value_size)}},
        {"getsockopt SO_DOMAIN",
         0,
         SYS_getsockopt,
         {sockets[0], SOL_SOCKET, SO_DOMAIN, ADDRESS(&value), ADDRESS(&value_size)}},
        {"sendto", 1, SYS_sendto, {sockets[0], ADDRESS(page), 1, MSG_DONTWAIT, 0, 0}},
        {"recvmsg", 1, SYS_recvmsg, {sockets[1], ADDRESS(&message), MSG_DONTWAIT}},
    };
    struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, false, -1);
    expect_all(&program, calls, COUNT(calls));
    sandbox_program_free(&program);
}

/* Calls that a condition of the realm's table refuses. */
static const struct call outside[] = {
    {"fcntl", -EPERM, SYS_fcntl, {1, F_GETPIPE_SZ}},
    /* RWF_NOAPPEND, of no bytes. */
    {"pwritev2", -EPERM, SYS_pwritev2, {1, 0, 0, 0, 0, 0x20}},
    {"mmap", -EPERM, SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0}},
    {"mmap", -EPERM, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0}},
    {"mmap", -EPERM, SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0}},
    {"madvise", -EPERM, SYS_madvise, {(long)page, 4096, MADV_REMOVE}},
    {"clone", -EPERM, SYS_clone, {SIGCHLD, 0, 0, 0, 0}},
#ifdef SYS_arch_prctl
    {"arch_prctl", -EPERM, SYS_arch_prctl, {ARCH_GET_CPUID}},
#endif
    {"futex", -EPERM, SYS_futex, {(long)&word, FUTEX_LOCK_PI, 0, 0}},
    /* The clock of process 1, as clock_getcpuclockid makes it. */
    {"clock_gettime", -EPERM, SYS_clock_gettime, {(long)(~1UL << 3 | 2), (long)&moment}},
    {"clock_nanosleep", -EPERM, SYS_clock_nanosleep, {(long)(~1UL << 3 | 2), 0, (long)&moment, 0}},
    {"sched_getaffinity", -ENOSYS, SYS_sched_getaffinity, {1, sizeof page, (long)page}},
    {"prlimit64", -EPERM, SYS_prlimit64, {1, 3, 0, (long)page}},
    {"prlimit64", -EPERM, SYS_prlimit64, {0, 3, (long)page, 0}},
    {"getsockopt", -EPERM, SYS_getsockopt, {0, SOL_SOCKET, SO_PEERCRED, (long)&value, (long)&value_size}},
    {"sendto", -EPERM, SYS_sendto, {1, (long)page, 1, 0, (long)page, 2}},
};

/* Goal: an allowed call with other arguments is refused, with the condition's error. */
Test(filter, conditions_refuse)
{
    struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, true, -1);
    expect_all(&program, outside, COUNT(outside));
    sandbox_program_free(&program);
}

static const struct call *outside_of(const char *name, size_t nth)
{
    for (size_t i = 0; i < COUNT(outside); i++)
        if (strcmp(outside[i].name, name) == 0 && nth-- == 0)
            return &outside[i];
    return NULL;
}

/* Goal: each condition is what refuses its call: left out, the kernel answers; and each has such a call. */
Test(filter, each_condition_refuses_by_itself)
{
    const char *before = "";
    size_t nth = 0;
    for (size_t i = 0; i < sandbox_filter_rules(SANDBOX_FILTER_REALM); i++) {
        struct sandbox_rule_text rule = sandbox_filter_rule(SANDBOX_FILTER_REALM, i);
        if (strcmp(rule.action, "only") != 0)
            continue;
        nth = strcmp(rule.call, before) == 0 ? nth + 1 : 0;
        before = rule.call;
        const struct call *call = outside_of(rule.call, nth);
        cr_assert_not_null(call, "%s: no call is refused by \"%s\"", rule.call, rule.condition);
        struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, true, (int)i);
        const long *a = call->arguments;
        struct tried tried = try_call(&program, call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        /* A child that the weakened clone made ends like its parent; a lock of nobody blocks nobody. */
        cr_expect(!tried.ran || tried.value != call->expected, "%s, rule %zu: still %ld", rule.call, i,
                  tried.value);
        sandbox_program_free(&program);
    }
}

/* Goal: an answer that a program is known to live with is given, instead of EPERM. */
Test(filter, known_fallbacks_are_answered)
{
    const struct call calls[] = {
        {"clone3", -ENOSYS, SYS_clone3, {0}},
        {"faccessat", -ENOENT, SYS_faccessat, {AT_FDCWD, ADDRESS("/"), 0}},
        {"readlinkat", -ENOENT, SYS_readlinkat, {AT_FDCWD, ADDRESS("/"), ADDRESS(page), 1}},
#ifdef __x86_64__
        {"open", -ENOENT, SYS_open, {ADDRESS("/"), 0}},
        {"access", -ENOENT, SYS_access, {ADDRESS("/"), 0}},
        {"readlink", -ENOENT, SYS_readlink, {ADDRESS("/"), ADDRESS(page), 1}},
#endif
        /* Notifications that nobody listens to. */
        {"openat", -ENOSYS, SYS_openat, {AT_FDCWD, ADDRESS("/"), 0}},
        {"execveat", -ENOSYS, SYS_execveat, {AT_FDCWD, ADDRESS("/"), 0, 0, 0}},
        {"fstat", -ENOSYS, SYS_fstat, {0, ADDRESS(&status)}},
        {"newfstatat", -ENOSYS, SYS_newfstatat, {0, ADDRESS(""), ADDRESS(&status), AT_EMPTY_PATH}},
    };
    struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, false, -1);
    expect_all(&program, calls, COUNT(calls));
    sandbox_program_free(&program);
}

static long use_stdio(const long *ends)
{
    char line[32] = "";
    FILE *in = fdopen((int)ends[0], "r"), *out = fdopen((int)ends[1], "w");
    if (in == NULL || out == NULL || fprintf(out, "%d\n", 4711) < 0 || fflush(out) != 0)
        return -1;
    return fgets(line, sizeof line, in) != NULL ? atoi(line) : -2;
}

/* Goal: stdio reads and writes descriptors although fstat, which it asks for the size of its buffer, fails.
 */
Test(filter, stdio_lives_without_fstat)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, false, -1);
    struct tried tried = try_under(&program, use_stdio, (const long[]){ends[0], ends[1]});
    cr_expect(tried.ran);
    cr_expect_eq(tried.value, 4711, "%ld", tried.value);
    sandbox_program_free(&program);
}

/* Goal: io_uring_enter is for realms that have a ring, and for no other. */
Test(filter, entering_a_ring_needs_one)
{
    const struct call refused = {"io_uring_enter", -EPERM, SYS_io_uring_enter, {999, 0, 0, 0}};
    const struct call allowed = {"io_uring_enter", -EBADF, SYS_io_uring_enter, {999, 0, 0, 0}};
    struct sandbox_program without = build_filter(SANDBOX_FILTER_REALM, false, -1);
    struct sandbox_program with = build_filter(SANDBOX_FILTER_REALM, true, -1);
    expect(&without, &refused);
    expect(&with, &allowed);
    sandbox_program_free(&without);
    sandbox_program_free(&with);
}

/* Goal: a realm that is to do without futex_waitv finds it refused. */
Test(filter, waitv_can_be_left_out)
{
    const struct call call = {"futex_waitv", -EPERM, SYS_futex_waitv, {0}};
    const struct sandbox_filter_options options = {.without_waitv = true, .weakened = -1};
    struct sandbox_program program;
    cr_assert_eq(sandbox_filter_build(SANDBOX_FILTER_REALM, &options, &program), 0);
    expect(&program, &call);
    sandbox_program_free(&program);
}

static void *say_so(void *said)
{
    *(bool *)said = true;
    return NULL;
}

static long make_thread(const long *arguments)
{
    pthread_t thread;
    bool said = false;
    (void)arguments;
    int error = pthread_create(&thread, NULL, say_so, &said);
    if (error == 0)
        error = pthread_join(thread, NULL);
    return error != 0 ? -error : said;
}

/* Goal: pthread_create works, by clone after clone3 was refused. */
Test(filter, a_thread_can_be_made)
{
    struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, false, -1);
    struct tried tried = try_under(&program, make_thread, NULL);
    cr_assert(tried.ran);
    cr_assert_eq(tried.value, 1, "%ld", tried.value);
    sandbox_program_free(&program);
}

/* Goal: one bit more than a thread's flags (a namespace here), or one less, and clone is refused. */
Test(filter, a_thread_gets_no_namespace)
{
    const long thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
                        CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
    const struct call calls[] = {
        {"clone with a namespace", -EPERM, SYS_clone, {thread | CLONE_NEWNS, 0, 0, 0, 0}},
        {"clone without CLONE_THREAD", -EPERM, SYS_clone, {thread & ~CLONE_THREAD, 0, 0, 0, 0}},
    };
    struct sandbox_program program = build_filter(SANDBOX_FILTER_REALM, false, -1);
    expect_all(&program, calls, COUNT(calls));
    sandbox_program_free(&program);
}

#ifdef __x86_64__
static long by_interrupt(const long *arguments)
{
    long result;
    (void)arguments;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory"); /* getpid of the 32-bit table */
    return result;
}

/*
 * Goal: calls of the 32-bit table and of x32 end the process, whatever they would do. Some virtual machines
 * have no interrupt gate: there the instruction itself faults, filter or not.
 */
Test(filter, other_tables_kill)
{
    struct tried gate = try_under(NULL, by_interrupt, NULL);
    int expected = gate.ran ? SIGSYS : gate.signal;
    cr_assert(gate.ran || gate.signal == SIGSEGV);
    for (int which = SANDBOX_FILTER_REALM; which <= SANDBOX_FILTER_LAUNCHER; which++) {
        struct sandbox_program program = build_filter((enum sandbox_filter)which, true, -1);
        struct tried interrupt = try_under(&program, by_interrupt, NULL);
        struct tried x32 = try_call(&program, 0x40000000L | SYS_getpid, 0, 0, 0, 0, 0, 0);
        cr_expect_not(interrupt.ran);
        cr_expect_eq(interrupt.signal, expected);
        cr_expect_not(x32.ran);
        cr_expect_eq(x32.signal, SIGSYS);
        sandbox_program_free(&program);
    }
}
#endif
