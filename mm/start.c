/*
 * Joins the two processes of the Memory Manager: the only file that knows both.
 *
 * The front end forks the launcher, which forks the broker (mm/launcher). Both find the configuration in
 * memory that the fork has copied. The new process leaves the terminal's session, so that a ctrl-C reaches
 * the front end only, which then asks for a polite end.
 */
#include "mm/start.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <realm/types.h>

#include "mm/broker/broker.h"
#include "mm/launcher/cgroup.h"
#include "mm/launcher/children.h"
#include "mm/launcher/descriptors.h"
#include "mm/launcher/launcher.h"
#include "mm/sandbox/features.h"
#include "mm/sandbox/probe_cgroup.h"

#define ORPHAN_GRACE_DEFAULT_NS (UINT64_C(5) * REALM_SEC)

/* Of the front end's one system: what mm_sweep has to look after. */
static struct mm_options started_with;

struct broker_start {
    const struct mm_config *config;
    const struct mm_options *options;
    enum cgroup_kind cgroup;
};

static const char *cgroup_name(enum cgroup_kind kind)
{
    return kind == CGROUP_TWO ? "2" : kind == CGROUP_PIDS ? "pids" : "none";
}

static int run_broker(void *context, int launcher_socket)
{
    const struct broker_start *start = context;
    const struct broker_options options = {
        .config = start->config,
        .waiter = start->options->waiter,
        .parts = start->options->parts & ~(start->cgroup == CGROUP_TWO ? 0u : (unsigned)SANDBOX_CGROUP),
        .cgroup = cgroup_name(start->cgroup),
        .launcher = launcher_socket,
        .admin_listener = start->options->admin_listener,
        .events = start->options->events,
    };

    return broker_run(&options) == 0 ? 0 : 1;
}

static enum cgroup_kind find_cgroup(const struct mm_options *options, char *ret_folder, size_t capacity)
{
    if ((options->parts & SANDBOX_CGROUP) != 0 && sandbox_cgroup_folder(ret_folder, capacity))
        return CGROUP_TWO;
    /* In a user namespace RLIMIT_NPROC counts a realm's threads; moving a process into a cgroup of version 1
     * takes the kernel milliseconds. */
    if ((options->parts & SANDBOX_USERNS) == 0 && options->cgroup_pids &&
        sandbox_pids_folder(ret_folder, capacity))
        return CGROUP_PIDS;
    return CGROUP_NONE;
}

static int run_launcher(const struct mm_config *config, const struct mm_options *options)
{
    struct broker_start start = {config, options, CGROUP_NONE};
    char folder[PATH_MAX];
    struct cgroup cgroup;
    const int keep[] = {options->admin_listener, options->events};
    const struct launcher_options launcher = {
        .config = config,
        .waiter = options->waiter,
        .parts = options->parts,
        .landlock_abi = options->landlock_abi,
        .weakened = options->weakened,
        .cgroup = &cgroup,
        .orphan_grace_ns = options->orphan_grace_ns ? options->orphan_grace_ns : ORPHAN_GRACE_DEFAULT_NS,
        .events = options->events,
        .broker = run_broker,
        .broker_context = &start,
        .keep = keep,
        .keep_count = sizeof keep / sizeof *keep,
    };

    if (descriptors_keep_only(keep, sizeof keep / sizeof *keep) < 0)
        return 1;
    /* What cannot be made in spite of the probing is missing, and the broker says so. */
    (void)cgroup_open(folder, find_cgroup(options, folder, sizeof folder), &cgroup);
    start.cgroup = cgroup.kind;
    const int error = launcher_run(&launcher);
    cgroup_close(&cgroup);
    return error == 0 ? 0 : 1;
}

int mm_start(const struct mm_config *config, const struct mm_options *options, pid_t *ret_launcher)
{
    const pid_t front_end = getpid();

    /* Not inherited: the launcher makes itself one, too. What it leaves when it is killed comes here. */
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
        return -errno;
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != front_end || setsid() < 0)
            _exit(1);
        _exit(run_launcher(config, options));
    }
    started_with = *options;
    *ret_launcher = pid;
    return 0;
}

void mm_sweep(void)
{
    char folder[PATH_MAX];

    children_sweep();
    cgroup_sweep(folder, find_cgroup(&started_with, folder, sizeof folder));
}
