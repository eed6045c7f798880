/*
 * The time in which the loader is served: two calls are answered by the launcher then. What a program gains
 * that is no dynamic program at all, and what it can keep for later.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

#define REPORT_FD 1000

static char *const no_words[] = {NULL};

static long open_path(const char *path, int flags)
{
    return syscall(SYS_openat, AT_FDCWD, path, flags, 0);
}

static void open_secret(void)
{
    outcome_call(open_path(target.secret, O_RDONLY));
}

static void open_writable(void)
{
    outcome_call(open_path("/realm", O_RDWR));
}

static void open_path_only(void)
{
    outcome_call(open_path("/realm", O_PATH));
}

static void open_truncated(void)
{
    outcome_call(open_path("/etc/ld.so.cache", O_RDONLY | O_TRUNC));
}

static void open_dots(void)
{
    outcome_call(open_path("/usr/lib/../../etc/passwd", O_RDONLY));
}

static void open_below_library(void)
{
    outcome_call(open_path("/usr/lib/x86_64-linux-gnu/libc.so.6/../../../../etc/passwd", O_RDONLY));
}

static void open_folder(void)
{
    outcome_call(open_path("/usr/lib", O_RDONLY | O_DIRECTORY));
}

static void open_relative(void)
{
    outcome_call(open_path("etc/passwd", O_RDONLY));
}

static void open_memory(void)
{
    outcome_call(open_path("/proc/self/mem", O_RDONLY));
}

static void open_long(void)
{
    static char path[4096] = "/realm";
    memset(path + 6, '/', sizeof path - 7);
    outcome_call(open_path(path, O_RDONLY));
}

/* The text ends at the end of a page, and behind it is nothing; and a pointer that is none. */
static void open_unmapped(void)
{
    outcome_call(open_path((const char *)16, O_RDONLY));
}

static void open_kernel(void)
{
    outcome_call(open_path((const char *)(uintptr_t)0xffffffff81000000u, O_RDONLY));
}

/* The path changes while the launcher looks at it: whatever is opened must be what was allowed. */
static char racing[160];
static atomic_bool stop;

static void *flip(void *context)
{
    (void)context;
    while (!atomic_load(&stop)) {
        memcpy(racing, "/realm", 7);
        memcpy(racing, target.secret, strlen(target.secret) + 1);
    }
    return NULL;
}

static void race_path(void)
{
    pthread_t thread;
    bool other = false;
    memcpy(racing, "/realm", 7);
    raw_thread(&thread, flip);
    for (unsigned i = 0; i < 60; i++) {
        char head[4] = "";
        int fd = (int)open_path(racing, O_RDONLY);
        if (fd >= 0 && (pread(fd, head, 4, 0) != 4 || memcmp(head, "\177ELF", 4) != 0))
            other = true;
    }
    atomic_store(&stop, true);
    outcome("%s", other ? "opened" : "only the program");
}

static void open_often(void)
{
    for (unsigned i = 0; i < 70; i++)
        open_path("/realm", O_RDONLY);
    outcome_call(open_path("/realm", O_RDONLY));
}

static void refused_often(void)
{
    for (unsigned i = 0; i < 70; i++)
        open_path("/nowhere", O_RDONLY);
    outcome_call(open_path("/realm", O_RDONLY));
}

static void never_loaded(void)
{
    raw_sleep_ms(10300);
    outcome_call(open_path("/realm", O_RDONLY));
}

static void loaded_twice(void)
{
    raw_loaded();
    outcome_call(raw_loaded());
}

static void exec_again(void)
{
    outcome_call(syscall(SYS_execveat, AT_FDCWD, "/realm", no_words, no_words, 0));
}

static void exec_descriptor(void)
{
    int fd = (int)open_path("/realm", O_RDONLY);
    outcome_call(fd < 0 ? fd : syscall(SYS_execveat, fd, "", no_words, no_words, AT_EMPTY_PATH));
}

static void exec_path(void)
{
    outcome_call(syscall(SYS_execve, "/bin/sh", no_words, no_words));
}

static void own_filter(void)
{
    outcome_call(syscall(SYS_seccomp, 1, 0, NULL));
}

/* What a descriptor is can be asked while loading, by the two calls of the C library. */
static long ask_status(int fd, const char *path, void *status, int flags)
{
    return syscall(SYS_newfstatat, fd, path, status, flags);
}

static void stat_secret(void)
{
    struct stat status;
    outcome_call(ask_status(AT_FDCWD, target.secret, &status, 0));
}

static void stat_secret_with_flag(void)
{
    struct stat status;
    outcome_call(ask_status(AT_FDCWD, target.secret, &status, AT_EMPTY_PATH));
}

/* The flag promises an empty path, and the path changes while the launcher looks at it. */
static void *flip_status(void *context)
{
    (void)context;
    while (!atomic_load(&stop)) {
        racing[0] = '/';
        racing[0] = '\0';
    }
    return NULL;
}

static void race_status(void)
{
    pthread_t thread;
    bool other = false;
    snprintf(racing, sizeof racing, "%s", target.secret);
    raw_thread(&thread, flip_status);
    for (unsigned i = 0; i < 100; i++) {
        struct stat status;
        /* Descriptor 1 is a pipe: a regular file can only be the secret. */
        other = other || (ask_status(1, racing, &status, AT_EMPTY_PATH) == 0 && S_ISREG(status.st_mode));
    }
    atomic_store(&stop, true);
    outcome("%s", other ? "saw the secret" : "only its descriptor");
}

static void status_of_library(void)
{
    struct stat status;
    int fd = (int)open_path("/realm", O_RDONLY);
    if (fd < 0 || syscall(SYS_fstat, fd, &status) < 0)
        outcome("not served");
    else if (status.st_atim.tv_sec | status.st_mtim.tv_sec | status.st_ctim.tv_sec)
        outcome("the times of a file that others use");
    else
        outcome("%s", status.st_size > 4096 ? "no times" : "no size");
}

static void status_to_kernel(void)
{
    outcome_call(syscall(SYS_fstat, 1, (void *)(uintptr_t)0xffffffff81000000u));
}

static void status_over_code(void)
{
    outcome_call(syscall(SYS_fstat, 1, (void *)(uintptr_t)status_to_kernel));
}

static void status_of_nothing(void)
{
    struct stat status;
    outcome_call(syscall(SYS_fstat, 999, &status));
}

static void status_of_folder(void)
{
    struct stat status;
    outcome_call(ask_status(AT_FDCWD, "", &status, AT_EMPTY_PATH));
}

static void status_often(void)
{
    struct stat status;
    for (unsigned i = 0; i < 140; i++)
        syscall(SYS_fstat, 1, &status);
    outcome_call(open_path("/realm", O_RDONLY));
}

static void status_when_loaded(void)
{
    struct stat status;
    raw_loaded();
    outcome_call(syscall(SYS_fstat, 1, &status));
}

/* A thread made while loading has the same filter: it waits until all is closed. */
static atomic_int thread_error;

static void *open_later(void *context)
{
    (void)context;
    raw_sleep_ms(100);
    long result = open_path(target.secret, O_RDONLY);
    atomic_store(&thread_error, result < 0 ? errno : -1);
    return NULL;
}

static void thread_later(void)
{
    pthread_t thread;
    raw_thread(&thread, open_later);
    raw_loaded();
    pthread_join(thread, NULL);
    outcome("%s", thread_error < 0 ? "done" : errno_word(thread_error));
}

/* Threads that wait for the launcher's answer when the door is shut. */
static void *open_now(void *context)
{
    (void)context;
    for (unsigned i = 0; i < 20; i++)
        open_path(target.secret, O_RDONLY);
    return NULL;
}

static void threads_in_door(void)
{
    pthread_t threads[8];
    for (unsigned i = 0; i < 8; i++)
        raw_thread(&threads[i], open_now);
    raw_loaded();
    for (unsigned i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    outcome_call(open_path(target.secret, O_RDONLY));
}

/* The realm ends while the launcher has its call in hand. */
static void die_in_door(void)
{
    pthread_t threads[4];
    for (unsigned i = 0; i < 4; i++)
        raw_thread(&threads[i], open_now);
    outcome("gone");
    _exit(0);
}

static void speak_early(void)
{
    raw_hello();
    bool early = raw_readable(500);
    raw_loaded();
    raw_await(REALM_CONTROL_WELCOME);
    outcome("%s", early ? "answered at once" : "answered after loading");
}

static void send_report(void)
{
    char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(part), &(int){1}, sizeof(int));
    outcome_call(sendmsg(REPORT_FD, &message, MSG_NOSIGNAL));
}

static void use_leftovers(void)
{
    unsigned open = 0;
    /* 0 to 3 are its own; a ring or a hint pipe would be 4. */
    for (int fd = 5; fd < 1100; fd++)
        open += syscall(SYS_fcntl, fd, F_GETFD) >= 0;
    outcome("%s", open ? "descriptors left" : "none left");
}

static void look_around(void)
{
    extern char **environ;
    for (char **variable = environ; *variable; variable++) {
        if (strncmp(*variable, "REALM_", 6) != 0) {
            outcome("the launcher's environment");
            return;
        }
    }
    outcome("nothing of the user's");
}

#define LOADING .flags = ATTACK_LOADING

static const struct attack loading[] = {
    {"load-open-secret", "opens the secret while the loader is served", open_secret, .must = "ENOENT",
     LOADING},
    {"load-open-writable", "opens its program for writing", open_writable, .must = "EACCES", LOADING},
    {"load-open-o-path", "opens its program with O_PATH, to open it again later", open_path_only,
     .must = "EACCES", LOADING},
    {"load-open-truncate", "empties the loader's cache", open_truncated, .must = "EACCES", LOADING},
    {"load-open-dots", "climbs out of a library folder with ..", open_dots, .must = "ENOENT", LOADING},
    {"load-open-below", "climbs out of a library as if it were a folder", open_below_library,
     .must = "ENOENT", LOADING},
    {"load-open-folder", "opens a library folder", open_folder, .must = "EACCES", LOADING},
    {"load-open-relative", "opens relative to its working directory", open_relative, .must = "ENOENT",
     LOADING},
    {"load-open-proc-mem", "opens /proc/self/mem, which would be the launcher's", open_memory,
     .must = "ENOENT", LOADING},
    {"load-open-long", "a path of 4096 bytes", open_long, .must = "ENOENT", LOADING},
    {"load-open-unmapped", "a path at an address that is not mapped", open_unmapped, .must = "ENOENT",
     LOADING},
    {"load-open-kernel", "a path in the kernel's memory", open_kernel, .must = "ENOENT", LOADING},
    {"load-open-race", "changes the path while the launcher looks at it", race_path,
     .must = "only the program", LOADING},
    {"load-open-64", "opens its program seventy times", open_often, .must = "ENOSYS", LOADING},
    {"load-refused-64", "is refused seventy times, and then opens", refused_often, .must = "ENOSYS", LOADING},
    {"load-stat-secret", "asks for the secret's size and times", stat_secret, .must = "ENOENT", LOADING},
    {"load-stat-flag", "the same, with the flag for descriptors", stat_secret_with_flag, .must = "ENOENT",
     LOADING},
    {"load-stat-race", "changes the path while the launcher looks at it", race_status,
     .must = "only its descriptor", LOADING},
    {"load-stat-times", "asks when others have used its program", status_of_library, .must = "no times",
     LOADING},
    {"load-stat-kernel", "has the answer written into the kernel", status_to_kernel, .must = "EFAULT",
     LOADING},
    {"load-stat-code", "has the answer written over its code", status_over_code, .must = "EFAULT", LOADING},
    {"load-stat-nothing", "asks about a descriptor that it does not have", status_of_nothing, .must = "EBADF",
     LOADING},
    {"load-stat-folder", "asks about its working directory", status_of_folder, .must = "EBADF", LOADING},
    {"load-stat-128", "asks a hundred and forty times, and then opens", status_often, .must = "ENOSYS",
     LOADING},
    {"load-stat-late", "asks when it has loaded", status_when_loaded, .must = "ENOSYS", LOADING},
    {"load-never", "never says that it is loaded", never_loaded, .must = "ENOSYS", LOADING},
    {"load-twice", "says twice that it is loaded", loaded_twice, .must = "ENOSYS", LOADING},
    {"load-exec", "executes its program again", exec_again, .must = "ENOSYS", LOADING},
    {"load-exec-descriptor", "executes a descriptor that it was served", exec_descriptor, .must = "ENOSYS",
     LOADING},
    {"load-exec-path", "becomes a shell", exec_path, .must = "EPERM", LOADING},
    {"load-filter", "installs a filter of its own", own_filter, .must = "EPERM", LOADING},
    {"load-thread", "makes a thread while loading that opens later", thread_later, .must = "ENOSYS", LOADING},
    {"load-threads-in-door", "has eight threads in the door when it is shut", threads_in_door,
     .must = "ENOSYS", LOADING},
    {"load-die-in-door", "ends while the launcher has its call in hand", die_in_door, .must = "gone",
     LOADING},
    {"load-speak-early", "says hello before it is loaded", speak_early, .must = "answered after loading",
     LOADING},
    {"load-report", "sends a descriptor where its launched self reported", send_report, .must = "EPERM",
     LOADING},
    {"load-leftovers", "looks for descriptors that were left open", use_leftovers, .must = "none left"},
    {"load-environment", "looks for the user's environment", look_around, .must = "nothing of the user's"},
    {"static-open", "a static program opens its program, which is served to loaders", open_relative,
     .must = "ENOSYS", .role = ROLE_STATIC, LOADING},
    {"static-exec", "a static program executes again", exec_again, .must = "ENOSYS", .role = ROLE_STATIC,
     LOADING},
    {"static-secret", "a static program opens the secret", open_secret, .must = "ENOSYS", .role = ROLE_STATIC,
     LOADING},
};
ATTACK_THEME(loading_theme, "loading", "While the program loads", loading, true);
