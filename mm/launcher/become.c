/*
 * From clone to exec, in numbered steps (docs/design/sandbox.md), each of which takes something away, and
 * none of which decides, allocates or opens a file: all that is in the plan and in the box.
 *
 * The order is not free. Ids come before the death signal, which a change of ids clears; mounting comes
 * before the capabilities go; descriptors are put in place before their limit is; no_new_privs comes before
 * Landlock and the filter, which need it; the ring before the filter, which forbids making one; and the
 * filter last, since what comes after it must be in its table.
 */
#include "mm/launcher/become.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mm/launcher/ids.h"
#include "mm/launcher/landlock.h"
#include "mm/launcher/limits.h"
#include "mm/launcher/root.h"
#include "mm/sandbox/features.h"

#define EXIT_NOT_STARTED 127 /* seen by nobody: the report says more */
#define HOST_NAME        "realm"

static bool has(const struct box *box, enum sandbox_part part)
{
    return (box->parts & part) != 0;
}

/* 1. Waits until it is mapped, and takes its ids on. A launcher that is no more lets nobody through. */
static int take_ids(const struct box *box, int report)
{
    char released;

    if (recv(report, &released, 1, 0) != 1)
        _exit(EXIT_NOT_STARTED);
    if (!box_closed(box))
        return 0;
    return ids_become(has(box, SANDBOX_USERNS), box->root);
}

/* 2. Ends with the launcher; if that ended before this took hold, its pidfd tells. */
static int end_with_launcher(const struct box *box)
{
    struct pollfd launcher = {.fd = box->launcher, .events = POLLIN};

    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        return -errno;
    if (poll(&launcher, 1, 0) != 0)
        _exit(EXIT_NOT_STARTED);
    return 0;
}

/* Exec makes handlers the default again, but what is ignored stays so: here it is only what the launcher
 * ignores itself (launcher.c), for it has taken back what others had left ignored. */
static int reset_signals(void)
{
    sigset_t none;

    if (signal(SIGPIPE, SIG_DFL) == SIG_ERR)
        return -errno;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

static int move_up(int *fd, int above)
{
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, above);
    if (moved < 0)
        return -errno;
    *fd = moved;
    return 0;
}

/*
 * Makes fds[n] descriptor n, puts our own where enum become_fd says, and closes all others. The sources are
 * first moved out of the way of all targets, so their order does not matter.
 */
static int arrange_descriptors(struct plan *plan, const struct box *box, int report)
{
    int own[] = {report, box->launcher, plan->program.file, plan->program.loader};
    const unsigned count = plan->fds_count;
    int error = 0;

    for (unsigned i = 0; i < count && error == 0; i++)
        error = move_up(&plan->fds[i], BECOME_FD_END);
    for (unsigned i = 0; i < sizeof own / sizeof *own && error == 0; i++)
        if (own[i] >= 0)
            error = move_up(&own[i], BECOME_FD_END);
    if (error)
        return error;
    for (unsigned i = 0; i < count; i++)
        if (dup2(plan->fds[i], (int)i) < 0)
            return -errno;
    if (close_range(count, BECOME_REPORT - 1, 0) < 0)
        return -errno;
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++) {
        if (own[i] >= 0 ? dup3(own[i], (int)(BECOME_REPORT + i), O_CLOEXEC) < 0
                        : close_range(BECOME_REPORT + i, BECOME_REPORT + i, 0) < 0)
            return -errno;
    }
    return close_range(BECOME_FD_END, UINT_MAX, 0) < 0 ? -errno : 0;
}

/* 4. Nothing of the host's files. */
static int leave_files(const struct box *box)
{
    umask(077);
    if (has(box, SANDBOX_USERNS))
        return root_empty();
    return chdir("/") < 0 ? -errno : 0;
}

/* 5. No name, no power, no way to get one, and no more than its share. */
static int leave_powers(const struct plan *plan, const struct box *box)
{
    if (has(box, SANDBOX_USERNS) && sethostname(HOST_NAME, sizeof HOST_NAME - 1) < 0)
        return -errno;
    int error = box_closed(box) ? ids_drop_capabilities() : 0;
    if (error)
        return error;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return limits_enter(&plan->realm->limits, &box->files_limit, has(box, SANDBOX_USERNS));
}

/* 6. Landlock. */
static int enter_landlock(const struct plan *plan, const struct box *box)
{
    const int executables[] = {BECOME_PROGRAM, BECOME_LOADER};

    if (!has(box, SANDBOX_LANDLOCK))
        return 0;
    return landlock_enter(box->landlock_abi, executables, plan->program.loader >= 0 ? 2 : 1);
}

/* 8. The filter. The launcher is told the number of its listener, and takes it by itself; exec closes it. */
static int enter_filter(const struct plan *plan, const struct box *box)
{
    if (!box_closed(box))
        return 0;
    int listener = sandbox_program_install(plan->ring ? &box->with_ring : &box->plain, true);
    if (listener < 0)
        return listener;
    return write(BECOME_REPORT, &listener, sizeof listener) < 0 ? -errno : 0;
}

/* 9. The program, by its descriptor: a name could mean another file by now, and in the box means none. */
static int execute(const struct plan *plan, const struct box *box)
{
    if (!box_closed(box))
        execve(plan->realm->program, plan->argv, plan->environment);
    else
        syscall(SYS_execveat, plan->program.loader >= 0 ? BECOME_LOADER : BECOME_PROGRAM, "", plan->argv,
                plan->environment, AT_EMPTY_PATH);
    return -errno;
}

/* Returns only if a step failed. */
static int take_steps(struct plan *plan, const struct box *box, int *report)
{
    int error = take_ids(box, *report);
    if (error == 0)
        error = end_with_launcher(box);
    /* 3. A session of its own, out of the terminal's reach; signals as after boot; the plan's descriptors. */
    if (error == 0 && setsid() < 0)
        error = -errno;
    if (error == 0)
        error = reset_signals();
    if (error == 0)
        error = arrange_descriptors(plan, box, *report);
    if (error)
        return error;
    *report = BECOME_REPORT;
    error = leave_files(box);
    if (error == 0)
        error = leave_powers(plan, box);
    if (error == 0)
        error = enter_landlock(plan, box);
    /* 7. A provider's ring. */
    if (error == 0 && plan->ring)
        error = ring_make((int)plan->fds_count, plan->ring_text);
    return error ? error : enter_filter(plan, box);
}

void become_realm(struct plan *plan, const struct box *box, int report)
{
    struct plan_failure failure = {.stage = REALM_STAGE_RESOURCES};

    int error = take_steps(plan, box, &report);
    if (error == 0) {
        failure.stage = REALM_STAGE_EXEC;
        error = execute(plan, box);
    }
    failure.error = -error;
    /* The filter may be there already, and lets this out. */
    (void)!write(report, &failure, sizeof failure);
    _exit(EXIT_NOT_STARTED);
}
