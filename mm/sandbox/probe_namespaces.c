/*
 * The namespaces, tried as the launcher uses them: one clone with all of them, id maps written from outside,
 * then, inside, a tmpfs that becomes the root. That a clone succeeds proves little: some systems give the
 * namespace and refuse every capability in it.
 */
#include "mm/sandbox/probe_namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET)
#define NOBODY     65534

/* Any folder will do to mount on: the mount is seen in the new namespace only. */
#define MOUNT_POINT "/tmp"

static int make_empty_root(void)
{
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", MOUNT_POINT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,mode=555") != 0 ||
        chdir(MOUNT_POINT) != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0)
        return -1;
    return 0;
}

static int write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    return written == (ssize_t)strlen(text) ? 0 : -1;
}

static int write_map(pid_t pid, const char *file, unsigned outside)
{
    char path[64], map[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    snprintf(map, sizeof map, "%d %u 1\n", NOBODY, outside);
    return write_file(path, map);
}

/* Root gives its realms the ids of nobody; anybody else can give only his own. */
static int write_maps(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/setgroups", (int)pid);
    if (write_file(path, "deny") != 0)
        return -1;
    unsigned uid = geteuid(), gid = getegid();
    if (uid == 0)
        uid = gid = NOBODY;
    return write_map(pid, "uid_map", uid) != 0 ? -1 : write_map(pid, "gid_map", gid);
}

static _Noreturn void run_inside(const int *release)
{
    char byte;
    close(release[1]);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* End-of-file: the parent could not write the maps, or is gone. */
    if (read(release[0], &byte, 1) != 1)
        _exit(1);
    _exit(make_empty_root() == 0 ? 0 : 2);
}

static struct sandbox_verdict clone_refused(int error)
{
    if (error == ENOSPC || error == EUSERS)
        return (struct sandbox_verdict){
            "no more namespaces may be made here",
            "raise the sysctls user.max_*_namespaces; or too deep a nesting of containers"};
    if (error == EINVAL)
        return (struct sandbox_verdict){"this kernel was built without some of the namespaces",
                                        "a kernel with CONFIG_USER_NS, PID_NS, NET_NS, IPC_NS and UTS_NS"};
    return (struct sandbox_verdict){"making user namespaces is forbidden here",
                                    "sysctl kernel.unprivileged_userns_clone=1; in a container, a seccomp "
                                    "profile that allows clone with CLONE_NEWUSER (or run as root there)"};
}

struct sandbox_verdict sandbox_try_namespaces(void)
{
    int release[2];
    if (pipe2(release, O_CLOEXEC) != 0)
        return (struct sandbox_verdict){"a pipe could not be made", "free some descriptors"};
    pid_t pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
    if (pid < 0)
        return clone_refused(errno);
    if (pid == 0)
        run_inside(release);
    bool mapped = write_maps(pid) == 0 && write(release[1], "m", 1) == 1;
    close(release[0]);
    close(release[1]);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!mapped)
        return (struct sandbox_verdict){"the id maps of a user namespace cannot be written here",
                                        "as root, CAP_SETUID and CAP_SETGID; else a /proc that is writable"};
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return (struct sandbox_verdict){
            "a user namespace gives no right to mount here",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for realm with "
            "the rule userns"};
    return (struct sandbox_verdict){NULL, NULL};
}
