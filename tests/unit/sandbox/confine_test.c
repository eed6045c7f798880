#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/sandbox/tried.h"

/* What a confined child could still do: a bit for each; 0: nothing. */
static int confined_child(enum sandbox_filter which)
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        int wrong = 0;
        if (sandbox_confine(which) != 0)
            _exit(64);
        if (syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM)
            wrong |= 1;
        if (syscall(SYS_bind, -1, NULL, 0) != -1 || errno != EPERM)
            wrong |= 2;
        if (syscall(SYS_execve, NULL, NULL, NULL) != -1 || errno != EPERM)
            wrong |= 4;
        _exit(wrong);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Goal: broker and launcher can confine themselves, and then connect, bind and execute nothing. */
Test(confine, takes_effect)
{
    cr_expect_eq(confined_child(SANDBOX_FILTER_BROKER), 0);
    cr_expect_eq(confined_child(SANDBOX_FILTER_LAUNCHER), 0);
}

static long use_heap(const long *arguments)
{
    (void)arguments;
    /* Small, large enough for a mapping of its own, and grown: what a broker's tables do. */
    char *small = malloc(100), *large = malloc(1 << 20);
    if (small == NULL || large == NULL)
        return -ENOMEM;
    memset(large, 1, 1 << 20);
    char *grown = realloc(large, 4 << 20);
    long sum = grown != NULL && grown[(1 << 20) - 1] == 1;
    free(grown);
    free(small);
    return sum;
}

/* Goal: the heap grows and shrinks under the broker's filter, without mremap. */
Test(confine, the_broker_has_a_heap)
{
    struct sandbox_program program = build_filter(SANDBOX_FILTER_BROKER, false, -1);
    struct tried tried = try_under(&program, use_heap, NULL);
    cr_expect(tried.ran);
    cr_expect_eq(tried.value, 1);
    sandbox_program_free(&program);
}

static long install_realm_filter(const long *arguments)
{
    (void)arguments;
    struct sandbox_program program;
    struct sandbox_filter_options options = {.weakened = -1};
    int error = sandbox_filter_build(SANDBOX_FILTER_REALM, &options, &program);
    if (error != 0)
        return error;
    int listener = sandbox_program_install(&program, true);
    if (listener < 0)
        return listener;
    /* Refused by the realm's, allowed by the launcher's: the stricter counts, with its own error. */
    if (syscall(SYS_fcntl, 1, F_GETPIPE_SZ) != -1 || errno != EPERM)
        return -1000;
    if (syscall(SYS_faccessat, AT_FDCWD, "/", 0) != -1 || errno != ENOENT)
        return -1001;
    return 1;
}

/* Goal: below the launcher's filter a realm's can be installed with its listener, and answers as its table
 * says. */
Test(confine, the_launchers_children_can_be_realms)
{
    struct sandbox_program program = build_filter(SANDBOX_FILTER_LAUNCHER, true, -1);
    struct tried tried = try_under(&program, install_realm_filter, NULL);
    cr_expect(tried.ran);
    cr_expect_eq(tried.value, 1, "%ld", tried.value);
    sandbox_program_free(&program);
}
