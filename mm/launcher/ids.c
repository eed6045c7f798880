/*
 * The map of a realm's user namespace has one line: 65534 inside. So nothing that runs there can be user 0,
 * and a file of user 0 belongs to nobody it could become.
 *
 * Supplementary groups can be given up only by root; an ordinary user's realms keep them in name, and must
 * deny setgroups before they may map their group.
 */
#include "mm/launcher/ids.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_text(pid_t child, const char *file, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%d/%s", child, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int error = written < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int write_map(pid_t child, const char *file, unsigned outside)
{
    char line[64];

    snprintf(line, sizeof line, "%u %u 1\n", IDS_NOBODY, outside);
    return write_text(child, file, line);
}

/* A container may know only some users: where 65534 is none of them, the launcher's own has to do. */
static int map_id(pid_t child, const char *file, unsigned own, bool root)
{
    int error = root ? write_map(child, file, IDS_NOBODY) : -EPERM;

    return error == -EPERM ? write_map(child, file, own) : error;
}

int ids_map(pid_t child, bool root)
{
    int error = map_id(child, "uid_map", geteuid(), root);
    if (error == 0 && !root)
        error = write_text(child, "setgroups", "deny");
    if (error == 0)
        error = map_id(child, "gid_map", getegid(), root);
    return error;
}

int ids_become(bool mapped, bool root)
{
    if (!mapped && !root)
        return 0;
    /* Where setgroups is denied to a root who is none outside, there is no group to lose either. */
    if (root && setgroups(0, NULL) < 0 && errno != EPERM)
        return -errno;
    if (setresgid(IDS_NOBODY, IDS_NOBODY, IDS_NOBODY) < 0 ||
        setresuid(IDS_NOBODY, IDS_NOBODY, IDS_NOBODY) < 0)
        return -errno;
    return 0;
}

int ids_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    const struct __user_cap_data_struct none[2] = {{0}};

    unsigned capability = 0;

    /* The first number that the kernel has no capability for is EINVAL. The bounding set can be shrunk only
     * by who holds CAP_SETPCAP, else the first is EPERM; then, with no_new_privs, no exec gives one back. */
    while (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
        capability++;
    if (errno != EINVAL && errno != EPERM)
        return -errno;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
        return -errno;
    return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}
