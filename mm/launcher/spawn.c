/*
 * The spawn path.
 *
 * Everything that can be opened or allocated is so before the fork (plan.c). Between fork and exec the child
 * runs become_realm(): numbered steps, each of which takes something away, none of which opens anything. A
 * step that fails writes its stage and errno into the report pipe, whose write end exec closes: so the
 * parent learns of either outcome from one descriptor, and waits for neither.
 *
 * The launcher has one thread, so a plain fork is safe: no lock can be held by another.
 */
#include "mm/launcher/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>

#define EXIT_NOT_STARTED 127 /* seen by nobody: the report says more */

static int reset_signals(void)
{
    sigset_t none;
    /* The kernel's struct, all zero: SIG_DFL. The C library's wrapper would spare the signals that it keeps
     * for itself (32 and 33), and a build tool above us may have left those ignored. */
    static const uint64_t by_default[4];

    for (int signal = 1; signal < NSIG; signal++) /* SIGKILL and SIGSTOP cannot be set, nor need to be */
        (void)syscall(SYS_rt_sigaction, signal, by_default, NULL, sizeof(uint64_t));
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

/*
 * Makes fds[n] descriptor n, *report the one after them, and closes all others. The sources are first moved
 * out of the way of the targets, so their order does not matter. Of the descriptors that stay open, only
 * the report's closes on exec.
 */
static int arrange_descriptors(int *fds, unsigned count, int *report)
{
    const int above = (int)count + 1;

    for (unsigned i = 0; i <= count; i++) {
        int *fd = i < count ? &fds[i] : report;
        int moved = fcntl(*fd, F_DUPFD_CLOEXEC, above);
        if (moved < 0)
            return -errno;
        *fd = moved;
    }
    for (unsigned i = 0; i < count; i++)
        if (dup2(fds[i], (int)i) < 0)
            return -errno;
    if (dup3(*report, (int)count, O_CLOEXEC) < 0)
        return -errno;
    *report = (int)count;
    return close_range(count + 1, UINT_MAX, 0) < 0 ? -errno : 0;
}

/* Returns only if a step failed. Steps 6, 7 and 9 of the list are those of the sandbox, the next issue. */
static struct plan_failure become_realm(struct plan *plan, pid_t launcher, const struct rlimit *files_limit,
                                        int *report)
{
    struct plan_failure failure = {.stage = REALM_STAGE_RESOURCES};

    /* 1. End with the launcher. If it ended before this took hold, this child has another parent by now. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        goto failed;
    if (getppid() != launcher)
        _exit(EXIT_NOT_STARTED);

    /* 2. Out of the terminal's reach: a session and a process group of its own, by which it is killed. */
    if (setsid() < 0)
        goto failed;

    /* 3. Signals as after boot: what the launcher blocks or ignores is its own affair. */
    if (reset_signals() < 0)
        goto failed;

    /* 4. Exactly the descriptors of the plan. */
    if (arrange_descriptors(plan->fds, plan->fds_count, report) < 0)
        goto failed;

    /* 5. Nothing of the user's surroundings: directory, file mode mask. */
    if (chdir("/") < 0)
        goto failed;
    umask(077);

    /* 6. Namespaces and an empty root (to come). */
    /* 7. Landlock (to come). */

    /* 8. Limits: the launcher's own raised limit on descriptors is not the realm's. */
    if (setrlimit(RLIMIT_NOFILE, files_limit) < 0)
        goto failed;

    /* 9. No privilege by exec, for ever. The seccomp filter and its listener (to come) need it, too. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        goto failed;

    /* 10. The program. */
    failure.stage = REALM_STAGE_EXEC;
    execve(plan->program, plan->argv, plan->environment);

failed:
    failure.error = errno;
    return failure;
}

static void __attribute__((noreturn))
run_child(struct plan *plan, pid_t launcher, const struct rlimit *files_limit, int report)
{
    struct plan_failure failure = become_realm(plan, launcher, files_limit, &report);

    /* One write of less than PIPE_BUF to an empty pipe: whole or not at all. */
    ssize_t written = write(report, &failure, sizeof failure);
    _exit(written == sizeof failure ? EXIT_NOT_STARTED : EXIT_NOT_STARTED + 1);
}

static int fail(struct plan_failure *ret_failure, uint32_t stage, int error)
{
    *ret_failure = (struct plan_failure){.stage = stage, .error = error};
    return REALM_E_NOT_STARTED;
}

int spawn_start(struct plan *plan, const struct rlimit *files_limit, const struct realm_launch_spawn *request,
                uint64_t deadline_ns, struct spawn *ret_spawn, struct plan_failure *ret_failure)
{
    const pid_t launcher = getpid();
    int report[2];

    if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
        return fail(ret_failure, REALM_STAGE_RESOURCES, errno);
    pid_t pid = fork();
    if (pid == 0)
        run_child(plan, launcher, files_limit, report[1]);
    int error = errno;
    close(report[1]);
    if (pid < 0) {
        close(report[0]);
        return fail(ret_failure, REALM_STAGE_FORK, error);
    }
    struct spawn spawn = {
        .realm = request->realm,
        .xid = request->header.xid,
        .pid = pid,
        .report = report[0],
        .deadline_ns = deadline_ns,
        .ends_count = plan->ends_count,
    };
    memcpy(spawn.ends, plan->ends, sizeof spawn.ends);
    plan->ends_count = 0;
    *ret_spawn = spawn;
    return 0;
}

int spawn_settle(struct spawn *spawn, struct plan_failure *ret_failure)
{
    struct plan_failure failure;

    ssize_t size = read(spawn->report, &failure, sizeof failure);
    if (size == 0)
        return 0;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return REALM_E_WOULD_BLOCK;
    if (size != sizeof failure)
        return fail(ret_failure, REALM_STAGE_EXEC, size < 0 ? errno : EPROTO);
    *ret_failure = failure;
    return REALM_E_NOT_STARTED;
}

void spawn_deinit(struct spawn *spawn)
{
    if (spawn->report >= 0)
        close(spawn->report);
    spawn->report = -1;
    for (unsigned i = 0; i < spawn->ends_count; i++)
        close(spawn->ends[i]);
    spawn->ends_count = 0;
}
