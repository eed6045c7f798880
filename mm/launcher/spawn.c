/*
 * The launcher's side of a start.
 *
 * Everything that can be opened or allocated is so before the clone (plan.c, box.c). The child goes its way
 * to exec by itself (become.c), and there is one socket between the two: the child waits on it until its ids
 * are mapped, sends its listener over it, and a failure if there is one; exec closes the child's end. So the
 * parent learns of every outcome from one descriptor, and waits for none.
 *
 * The launcher has one thread, so a clone without memory of its own is safe as a fork is: no lock can be
 * held by another.
 */
#include "mm/launcher/spawn.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <realm/error.h>

#include "mm/config/stop_point.h"
#include "mm/launcher/become.h"
#include "mm/launcher/ids.h"
#include "mm/sandbox/features.h"

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)

static int fail(struct plan_failure *ret_failure, uint32_t stage, int error)
{
    *ret_failure = (struct plan_failure){.stage = stage, .error = error};
    return REALM_E_NOT_STARTED;
}

/* A fork into namespaces of its own. Return: as fork. */
static pid_t clone_child(bool namespaces)
{
    const unsigned long flags = SIGCHLD | (namespaces ? (unsigned long)NAMESPACES : 0);

    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

/* Puts the child under its limits, maps its ids and lets it go on. On failure it is gone. Return: 0; -errno.
 */
static int release_child(pid_t pid, const struct plan *plan, const struct box *box, uint64_t realm,
                         int report)
{
    const char released = 1;

    int error = cgroup_enter(&box->cgroup, realm, pid, &plan->realm->limits);
    const bool entered = error == 0;
    if (error == 0 && (box->parts & SANDBOX_USERNS) != 0)
        error = ids_map(pid, box->root);
    if (error == 0 && send(report, &released, 1, MSG_NOSIGNAL) != 1)
        error = -errno;
    if (error) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    if (error && entered)
        cgroup_leave(&box->cgroup, realm);
    return error;
}

static void describe_spawn(struct plan *plan, const struct realm_launch_spawn *request, pid_t pid, int report,
                           uint64_t deadline_ns, struct spawn *ret_spawn)
{
    *ret_spawn = (struct spawn){
        .realm = request->realm,
        .xid = request->header.xid,
        .pid = pid,
        .report = report,
        .deadline_ns = deadline_ns,
        .program = -1,
        .private_code = plan->realm->private_code,
        .ends_count = plan->ends_count,
    };
    memcpy(ret_spawn->ends, plan->ends, sizeof ret_spawn->ends);
    plan->ends_count = 0;
    if (plan->program.loader >= 0) {
        ret_spawn->program = plan->program.file;
        plan->program.file = -1;
    }
}

int spawn_start(struct plan *plan, const struct box *box, const struct realm_launch_spawn *request,
                uint64_t deadline_ns, struct spawn *ret_spawn, struct plan_failure *ret_failure)
{
    int report[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0)
        return fail(ret_failure, REALM_STAGE_RESOURCES, errno);
    pid_t pid = clone_child((box->parts & SANDBOX_USERNS) != 0);
    if (pid == 0) {
        close(report[0]);
        become_realm(plan, box, report[1]);
    }
    int error = pid < 0 ? -errno : 0;
    close(report[1]);
    MM_STOP_POINT("launcher-forked");
    if (error == 0)
        error = release_child(pid, plan, box, request->realm, report[0]);
    if (error) {
        close(report[0]);
        return fail(ret_failure, REALM_STAGE_FORK, -error);
    }
    describe_spawn(plan, request, pid, report[0], deadline_ns, ret_spawn);
    return 0;
}

/* Out of the child, which waits for an answer there and is not reaped: the number is no other's. */
static int take_listener(pid_t pid, int number)
{
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0)
        return -errno;
    int listener = (int)syscall(SYS_pidfd_getfd, process, number, 0);
    int error = -errno;
    close(process);
    return listener < 0 ? error : listener;
}

int spawn_settle(struct spawn *spawn, int *ret_listener, struct plan_failure *ret_failure)
{
    union {
        int listener;
        struct plan_failure failure;
    } said;

    *ret_listener = -1;
    ssize_t size = recv(spawn->report, &said, sizeof said, MSG_DONTWAIT);
    /* A child that exits with the release unread leaves ECONNRESET behind: it has ended. */
    if (size == 0 || (size < 0 && errno == ECONNRESET))
        return 0;
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return REALM_E_WOULD_BLOCK;
    if (size == sizeof said.listener) {
        int listener = take_listener(spawn->pid, said.listener);
        if (listener < 0) {
            (void)kill(spawn->pid, SIGKILL);
            return fail(ret_failure, REALM_STAGE_EXEC, -listener);
        }
        *ret_listener = listener;
        return REALM_E_WOULD_BLOCK;
    }
    if (size != sizeof said.failure)
        return fail(ret_failure, REALM_STAGE_EXEC, size < 0 ? errno : EPROTO);
    *ret_failure = said.failure;
    return REALM_E_NOT_STARTED;
}

void spawn_deinit(struct spawn *spawn)
{
    if (spawn->report >= 0)
        close(spawn->report);
    if (spawn->program >= 0)
        close(spawn->program);
    spawn->report = spawn->program = -1;
    for (unsigned i = 0; i < spawn->ends_count; i++)
        close(spawn->ends[i]);
    spawn->ends_count = 0;
}
