/*
 * A realm that looks at its box from inside, by bare system calls, and says what it finds: one step an
 * argument. What must be found is in tests/unit/launcher/box_test.c.
 *
 *   loaded        say that loading is over
 *   open PATH     open it for reading: "open PATH: ok" or the error
 *   write PATH    open it for reading and writing
 *   opens N       open nothing, N times
 *   exec          execveat of the program itself
 *   ids           user, group, process
 *   limits        soft limits of data, address space, descriptors, core
 *   descriptors   which of the first 64 are open
 *   environment   the variables
 *   arguments     argv
 *   wait          until killed
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "librealm/proto/launch.h"

#if defined(__SANITIZE_ADDRESS__)
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "disable_coredump=0:detect_leaks=0";
}
#endif

extern char **environ;

static void say(const char *what, const char *detail, long result)
{
    printf("%s%s%s: %s\n", what, *detail ? " " : "", detail, result < 0 ? strerrorname_np(errno) : "ok");
}

static void try_open(const char *what, const char *path, int flags)
{
    long fd = syscall(SYS_openat, AT_FDCWD, path, flags, 0);
    say(what, path, fd);
    if (fd >= 0)
        close((int)fd);
}

static void say_limit(const char *name, __rlimit_resource_t resource)
{
    struct rlimit limit;
    if (getrlimit(resource, &limit) == 0)
        printf("%s %lld\n", name, limit.rlim_cur == RLIM_INFINITY ? -1LL : (long long)limit.rlim_cur);
}

static void say_limits(void)
{
    say_limit("data", RLIMIT_DATA);
    say_limit("addresses", RLIMIT_AS);
    say_limit("descriptors", RLIMIT_NOFILE);
    say_limit("core", RLIMIT_CORE);
}

static void say_descriptors(void)
{
    for (int fd = 0; fd < 1100; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("%d ", fd);
    printf("\n");
}

static void say_arguments(char **argv)
{
    for (; *argv; argv++)
        printf("%s|", *argv);
    printf("\n");
}

static int step(char **word, char **argv)
{
    const char *what = word[0];

    if (strcmp(what, "loaded") == 0) {
        (void)syscall(SYS_openat, REALM_LOADED_DIRECTORY, "", O_RDONLY, 0);
    } else if (strcmp(what, "open") == 0) {
        try_open(what, word[1], O_RDONLY);
        return 2;
    } else if (strcmp(what, "write") == 0) {
        try_open(what, word[1], O_RDWR);
        return 2;
    } else if (strcmp(what, "opens") == 0) {
        for (int i = 0; i < atoi(word[1]); i++)
            (void)syscall(SYS_openat, AT_FDCWD, "/none", O_RDONLY, 0);
        return 2;
    } else if (strcmp(what, "exec") == 0) {
        say("exec", "", syscall(SYS_execveat, 0, "", argv, environ, AT_EMPTY_PATH));
    } else if (strcmp(what, "ids") == 0) {
        printf("ids %lu %lu %d\n", getauxval(AT_UID), getauxval(AT_GID), (int)getpid());
    } else if (strcmp(what, "limits") == 0) {
        say_limits();
    } else if (strcmp(what, "descriptors") == 0) {
        say_descriptors();
    } else if (strcmp(what, "environment") == 0) {
        say_arguments(environ);
    } else if (strcmp(what, "arguments") == 0) {
        say_arguments(argv);
    } else if (strcmp(what, "wait") == 0) {
        fflush(stdout);
        for (;;)
            (void)poll(NULL, 0, -1);
    } else {
        printf("no step '%s'\n", what);
        exit(2);
    }
    return 1;
}

int main(int argc, char **argv)
{
    for (int at = 1; at < argc;)
        at += step(argv + at, argv);
    return 0;
}
