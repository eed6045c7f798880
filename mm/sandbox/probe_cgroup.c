/*
 * A cgroup of our own: version 2, with the controllers memory and pids, in which folders can be made, and in
 * which there is nobody else. It is tried by making one. Whether the controllers can then be enabled is not
 * tried: this process would have to move.
 */
#include "mm/sandbox/probe_cgroup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <linux/magic.h>

#define HOW                                                                                                  \
    "systemd-run --user --scope -p Delegate=yes realm run …; in a container, a writable cgroup 2 "         \
    "(--cgroupns=private and a delegated folder)"

static bool read_file(const char *path, char *ret_text, size_t capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t size = read(fd, ret_text, capacity - 1);
    close(fd);
    if (size < 0)
        return false;
    ret_text[size] = '\0';
    return true;
}

static bool is_cgroup2(const char *path)
{
    struct statfs fs;
    return statfs(path, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* A front end that a launcher has moved is in the system's own cgroup, two below the one that is meant. */
static void leave_system(char *path)
{
    char *own = strstr(path, "/realmkit-");

    if (own != NULL)
        *own = '\0';
}

bool sandbox_cgroup_folder(char *ret_path, size_t capacity)
{
    static const char *const mounts[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char text[4096];
    if (!read_file("/proc/self/cgroup", text, sizeof text))
        return false;
    /* The line of version 2 begins with its hierarchy, which is 0, and names no controller. */
    char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL)
        return false;
    line = strchr(line, '/');
    if (line == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        if (is_cgroup2(mounts[i])) {
            int length = snprintf(ret_path, capacity, "%s%s", mounts[i], line);
            leave_system(ret_path);
            return length > 0 && (size_t)length < capacity;
        }
    }
    return false;
}

static bool lists(const char *controllers, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = controllers; (at = strstr(at, word)) != NULL; at += size) {
        if ((at == controllers || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\n' || at[size] == '\0'))
            return true;
    }
    return false;
}

static bool can_be_divided(const char *folder)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/realmkit-probe-%d", folder, (int)getpid());
    if (mkdir(path, 0755) != 0)
        return false;
    rmdir(path);
    return true;
}

bool sandbox_pids_folder(char *ret_path, size_t capacity)
{
    static const char mount[] = "/sys/fs/cgroup/pids";
    char text[4096];
    struct statfs fs;

    if (statfs(mount, &fs) != 0 || fs.f_type != CGROUP_SUPER_MAGIC)
        return false;
    if (!read_file("/proc/self/cgroup", text, sizeof text))
        return false;
    char *line = strstr(text, ":pids:");
    if (line == NULL)
        return false;
    line += strlen(":pids:");
    line[strcspn(line, "\n")] = '\0';
    int length = snprintf(ret_path, capacity, "%s%s", mount, line);
    if (length <= 0 || (size_t)length >= capacity)
        return false;
    /* In a container the path may be the host's, and what is mounted is the container's own cgroup. */
    if (access(ret_path, F_OK) != 0)
        snprintf(ret_path, capacity, "%s", mount);
    return can_be_divided(ret_path);
}

/* A cgroup can be divided only if nobody is in it but those who will move out: the front end, and this child.
 */
static bool is_ours_alone(const char *folder)
{
    char path[PATH_MAX], text[4096];

    snprintf(path, sizeof path, "%s/cgroup.procs", folder);
    if (!read_file(path, text, sizeof text))
        return false;
    for (char *at = text; *at != '\0';) {
        const long pid = strtol(at, &at, 10);
        if (pid != getpid() && pid != getppid())
            return false;
        at += strspn(at, "\n");
    }
    return true;
}

struct sandbox_verdict sandbox_try_cgroup(void)
{
    char folder[PATH_MAX - 64], path[PATH_MAX], controllers[512];
    if (sandbox_pids_folder(folder, sizeof folder))
        return (struct sandbox_verdict){"cgroups are of version 1 here: only threads are counted", HOW};
    if (!sandbox_cgroup_folder(folder, sizeof folder))
        return (struct sandbox_verdict){"there is no cgroup of version 2 here", HOW};
    snprintf(path, sizeof path, "%s/cgroup.controllers", folder);
    if (!read_file(path, controllers, sizeof controllers))
        return (struct sandbox_verdict){"this process's cgroup is not visible here", HOW};
    if (!lists(controllers, "memory") || !lists(controllers, "pids"))
        return (struct sandbox_verdict){"this process's cgroup lacks the controllers memory and pids", HOW};
    snprintf(path, sizeof path, "%s/cgroup.subtree_control", folder);
    if (access(path, W_OK) != 0)
        return (struct sandbox_verdict){"this process's cgroup is not ours to divide", HOW};
    if (!can_be_divided(folder))
        return (struct sandbox_verdict){"no cgroup can be made below this process's own", HOW};
    if (!is_ours_alone(folder))
        return (struct sandbox_verdict){
            "other processes are in this process's cgroup, which therefore cannot be divided", HOW};
    return (struct sandbox_verdict){NULL, NULL};
}
