/*
 * Two programs for the two kinds of realms: those with a ring may call io_uring_enter, the others not.
 */
#include "mm/launcher/box.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mm/sandbox/features.h"

static int build_filters(struct box *box, int weakened)
{
    struct sandbox_filter_options options = {.weakened = weakened,
                                             .without_waitv = (box->parts & SANDBOX_WAITV) == 0};

    int error = sandbox_filter_build(SANDBOX_FILTER_REALM, &options, &box->plain);
    if (error)
        return error;
    options.uring = true;
    error = sandbox_filter_build(SANDBOX_FILTER_REALM, &options, &box->with_ring);
    if (error)
        sandbox_program_free(&box->plain);
    return error;
}

int box_init(struct box *box, unsigned parts, int landlock_abi, int weakened, enum realm_waiter_kind waiter,
             const struct rlimit *files_limit)
{
    struct box made = {.parts = parts & SANDBOX_SECCOMP ? parts : 0,
                       .landlock_abi = landlock_abi,
                       .waiter = waiter,
                       .root = geteuid() == 0,
                       .files_limit = *files_limit};

    made.launcher = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (made.launcher < 0)
        return -errno;
    int error = box_closed(&made) ? build_filters(&made, weakened) : 0;
    if (error) {
        close(made.launcher);
        return error;
    }
    *box = made;
    return 0;
}

void box_deinit(struct box *box)
{
    if (box_closed(box)) {
        sandbox_program_free(&box->plain);
        sandbox_program_free(&box->with_ring);
    }
    close(box->launcher);
    box->launcher = -1;
}

bool box_closed(const struct box *box)
{
    return (box->parts & SANDBOX_SECCOMP) != 0;
}
