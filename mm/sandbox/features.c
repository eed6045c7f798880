/*
 * Probing the machine, part by part.
 *
 * Model: each part is tried in a forked child, in the way in which it will be used, and the child tells its
 * verdict in shared memory: NULL, or why not and how to get it, both static text (which has the same address
 * in parent and child). Rule: what was not tried successfully is missing, also where the child died of it.
 */
#include "mm/sandbox/features.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <liburing.h>

#include "librealm/os/linux/probe.h"
#include "mm/sandbox/probe_cgroup.h"
#include "mm/sandbox/probe_namespaces.h"
#include "mm/sandbox/verdict.h"

#define PARTS 6u

static struct sandbox_verdict missing(const char *why, const char *how)
{
    return (struct sandbox_verdict){.why = why, .how = how};
}

static const struct sandbox_verdict PRESENT = {.why = NULL, .how = NULL};

/* --- Landlock --- */

static int landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi > 0 ? (int)abi : 0;
}

static struct sandbox_verdict try_landlock(void)
{
    if (landlock_abi() == 0 && errno == EOPNOTSUPP)
        return missing("Landlock is built into this kernel but switched off",
                       "add landlock to the kernel's lsm= parameter");
    if (landlock_abi() == 0)
        return missing("this kernel has no Landlock, or a filter hides it",
                       "kernel 5.13 or later with CONFIG_SECURITY_LANDLOCK; in a container, a seccomp "
                       "profile that allows landlock_*");
    struct landlock_ruleset_attr attributes = {.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (ruleset < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return missing("Landlock refuses to restrict a process here",
                       "in a container, a seccomp profile that allows landlock_*");
    return PRESENT;
}

/* --- seccomp --- */

static struct sandbox_verdict try_seccomp(void)
{
    struct sock_filter allow_all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = 1, .filter = &allow_all};
    struct seccomp_notif_sizes sizes;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
        return missing("this kernel has no seccomp notifications, or a filter hides them",
                       "kernel 5.14 or later with CONFIG_SECCOMP_FILTER");
    long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    if (listener < 0 && errno == EBUSY)
        return missing("this process has a seccomp listener already, and there can be only one",
                       "run it outside of what supervises it by seccomp notifications");
    if (listener < 0)
        return missing("a seccomp filter with a listener is refused here",
                       "in a container, a seccomp profile that allows seccomp");
    return PRESENT;
}

/* --- io_uring --- */

/* The ring as the launcher makes it: disabled, restricted, enabled. */
static bool restricted_ring_works(void)
{
    struct io_uring ring;
    struct io_uring_params params = {.flags = IORING_SETUP_R_DISABLED};
    if (io_uring_queue_init_params(4, &ring, &params) != 0)
        return false;
    struct io_uring_restriction restriction = {.opcode = IORING_RESTRICTION_SQE_OP,
                                               .sqe_op = IORING_OP_POLL_ADD};
    bool works =
        io_uring_register_restrictions(&ring, &restriction, 1) == 0 && io_uring_enable_rings(&ring) == 0;
    io_uring_queue_exit(&ring);
    return works;
}

static struct sandbox_verdict try_uring(void)
{
    const char *why = realm_waiter_probe();
    if (why != NULL)
        return missing(why, "kernel 6.7 or later without CVE-2025-39698, sysctl kernel.io_uring_disabled=0; "
                            "in a container, a seccomp profile that allows io_uring_*");
    if (!restricted_ring_works())
        return missing("io_uring cannot be restricted here", "kernel 5.10 or later");
    return PRESENT;
}

/* --- waiting on two words --- */

/* Called with nothing to wait on, a kernel that has the call says that this is wrong. */
static struct sandbox_verdict try_waitv(void)
{
    if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) == -1 && errno == EINVAL)
        return PRESENT;
    if (errno == ENOSYS)
        return missing("this kernel has no futex_waitv", "kernel 5.16 or later");
    return missing("futex_waitv is forbidden here",
                   "in a container, a seccomp profile that allows futex_waitv");
}

/* --- all of them --- */

static const struct {
    const char *name;
    struct sandbox_verdict (*try)(void);
} parts[PARTS] = {
    {"userns", sandbox_try_namespaces},
    {"landlock", try_landlock},
    {"seccomp", try_seccomp},
    {"uring", try_uring},
    {"waitv", try_waitv},
    {"cgroup", sandbox_try_cgroup},
};

static void die_with(pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(1);
}

/* Return: 0; -errno. */
static int try_in_child(size_t part, struct sandbox_verdict *shared)
{
    *shared = missing("trying it ended the process that tried", "see the kernel's log");
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        die_with(parent);
        *shared = parts[part].try();
        _exit(0);
    }
    while (waitpid(child, NULL, 0) < 0) {
        if (errno != EINTR)
            return -errno;
    }
    return 0;
}

int sandbox_probe(unsigned without, struct sandbox_features *ret_features)
{
    struct sandbox_verdict *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return -errno;
    struct sandbox_features features = {.present = 0};
    int error = 0;
    for (size_t i = 0; i < PARTS && error == 0; i++) {
        struct sandbox_verdict verdict =
            missing("it was left out on purpose (--without)", "leave it out of --without");
        if ((without & 1u << i) == 0) {
            error = try_in_child(i, shared);
            verdict = *shared;
        }
        features.why[i] = verdict.why;
        features.how[i] = verdict.how;
        if (verdict.why == NULL)
            features.present |= 1u << i;
    }
    munmap(shared, sizeof *shared);
    if (error != 0)
        return error;
    if ((features.present & SANDBOX_LANDLOCK) != 0)
        features.landlock_abi = landlock_abi();
    char folder[PATH_MAX];
    if (((features.present | without) & SANDBOX_CGROUP) == 0)
        features.cgroup_pids = sandbox_pids_folder(folder, sizeof folder);
    *ret_features = features;
    return 0;
}

unsigned sandbox_part_of(const char *word, size_t size)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (strlen(parts[i].name) == size && memcmp(parts[i].name, word, size) == 0)
            return 1u << i;
    }
    return 0;
}

const char *sandbox_part_name(unsigned part)
{
    for (size_t i = 0; i < PARTS; i++) {
        if (part == 1u << i)
            return parts[i].name;
    }
    return NULL;
}
