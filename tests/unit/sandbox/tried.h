/* A call tried by a forked child under a filter: what it returned, or the signal that ended the child. */
#ifndef TESTS_UNIT_SANDBOX_TRIED_H
#define TESTS_UNIT_SANDBOX_TRIED_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "mm/sandbox/filter.h"

struct tried {
    bool ran;   /* the child came back from the call */
    long value; /* what it returned; -errno */
    int signal; /* that ended the child; 0: none */
};

/* Runs in the child, under the filter. Returns a value or -errno. */
typedef long tried_function(const long *arguments);

static inline long tried_result(long value)
{
    return value < 0 ? -errno : value;
}

/* program NULL: without a filter, for what the machine itself does. */
static inline struct tried try_under(const struct sandbox_program *program, tried_function *function,
                                     const long *arguments)
{
    struct tried *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(shared, MAP_FAILED);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would end the child in a way of its own */
        if (program != NULL &&
            (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || sandbox_program_install(program, false) != 0))
            _exit(99);
        shared->value = function(arguments);
        shared->ran = true;
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_not(WIFEXITED(status) && WEXITSTATUS(status) == 99, "the filter could not be installed");
    struct tried result = *shared;
    munmap(shared, sizeof *shared);
    result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return result;
}

static inline struct sandbox_program build_filter(enum sandbox_filter which, bool uring, int weakened)
{
    struct sandbox_filter_options options = {.uring = uring, .weakened = weakened};
    struct sandbox_program program;
    cr_assert_eq(sandbox_filter_build(which, &options, &program), 0);
    return program;
}

#endif
