/* A process of the Memory Manager takes away from itself what its loop does not need. */
#include <errno.h>
#include <sys/prctl.h>

#include "mm/sandbox/filter.h"

int sandbox_confine(enum sandbox_filter which)
{
    const struct sandbox_filter_options options = {.uring = true, .weakened = -1};
    struct sandbox_program program;
    int error = sandbox_filter_build(which, &options, &program);
    if (error != 0)
        return error;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        error = -errno;
    else
        error = sandbox_program_install(&program, false);
    sandbox_program_free(&program);
    return error;
}
