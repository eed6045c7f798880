/*
 * A cgroup is a folder, its limits are files in it, and it can be removed when no process is in it.
 * Everything is named relative to two open folders, so nothing depends on how the tree is mounted meanwhile.
 *
 * A realm's limit of memory here is above that of `limits:`, which RLIMIT_DATA holds: reaching that one is
 * ENOMEM, which a program can handle, and reaching this one is the kernel's killer. It is there for what no
 * rlimit counts: shared regions, page tables, and the kernel's own memory for rings, waits and sockets.
 *
 * Files are opened with O_CREAT: in a cgroup that makes nothing, and in a test's plain folder it makes the
 * file.
 */
#include "mm/launcher/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX      "realmkit-"
#define MANAGER     "mm" /* version 2: where launcher, broker and front end are */
#define BESIDE_DATA (UINT64_C(32) << 20)

static int write_text(int folder, const char *cgroup, const char *file, const char *text)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", cgroup, file);
    int fd = openat(folder, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    const ssize_t written = write(fd, text, strlen(text));
    const int error = written < 0 ? -errno : 0;
    close(fd);
    return error;
}

static int write_number(int folder, const char *cgroup, const char *file, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    return write_text(folder, cgroup, file, text);
}

static int move_process(int folder, const char *cgroup, pid_t pid)
{
    return write_number(folder, cgroup, "cgroup.procs", (uint64_t)pid);
}

/* --- what was left --- */

/* Removes the cgroups in a folder; those in which there is a process stay. */
static void remove_below(int folder)
{
    int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    if (list == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(list)) != NULL)
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
            (void)unlinkat(folder, entry->d_name, AT_REMOVEDIR);
    closedir(list);
}

static void remove_system(int above, const char *name)
{
    int folder = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder < 0)
        return;
    remove_below(folder);
    close(folder);
    (void)unlinkat(above, name, AT_REMOVEDIR);
}

static bool is_left(const char *name)
{
    const size_t prefix = strlen(PREFIX);

    if (strncmp(name, PREFIX, prefix) != 0)
        return false;
    const long pid = strtol(name + prefix, NULL, 10);
    /* One of our own number is an earlier process's. */
    return pid > 0 && (pid == getpid() || (kill((pid_t)pid, 0) < 0 && errno == ESRCH));
}

static void remove_left(int above)
{
    int copy = openat(above, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    const struct dirent *entry;

    if (list == NULL) {
        if (copy >= 0)
            close(copy);
        return;
    }
    while ((entry = readdir(list)) != NULL)
        if (is_left(entry->d_name))
            remove_system(above, entry->d_name);
    closedir(list);
}

/* --- version 2 --- */

/* The weight of the processor is given where it can be; without the other two it is not worth dividing. */
static int divide(int folder, const char *cgroup)
{
    int error = write_text(folder, cgroup, "cgroup.subtree_control", "+memory +pids");

    if (error == 0)
        (void)write_text(folder, cgroup, "cgroup.subtree_control", "+cpu");
    return error;
}

static void go_back(const struct cgroup *cgroup)
{
    (void)write_text(cgroup->above, ".", "cgroup.subtree_control", "-cpu");
    (void)write_text(cgroup->above, ".", "cgroup.subtree_control", "-memory -pids");
    (void)move_process(cgroup->above, ".", getppid());
    (void)move_process(cgroup->above, ".", getpid());
}

static int settle(const struct cgroup *cgroup)
{
    if (mkdirat(cgroup->system, MANAGER, 0755) < 0)
        return -errno;
    int error = move_process(cgroup->system, MANAGER, getpid());
    if (error == 0)
        error = move_process(cgroup->system, MANAGER, getppid());
    if (error == 0)
        error = divide(cgroup->above, ".");
    if (error == 0)
        error = divide(cgroup->system, ".");
    if (error)
        go_back(cgroup);
    return error;
}

/* --- the system's --- */

int cgroup_open(const char *folder, enum cgroup_kind kind, struct cgroup *ret_cgroup)
{
    struct cgroup cgroup = {.kind = kind, .above = -1, .system = -1};

    *ret_cgroup = (struct cgroup){.kind = CGROUP_NONE, .above = -1, .system = -1};
    if (kind == CGROUP_NONE)
        return 0;
    snprintf(cgroup.name, sizeof cgroup.name, PREFIX "%d", (int)getpid());
    cgroup.above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup.above < 0)
        return -errno;
    remove_left(cgroup.above);
    int error = mkdirat(cgroup.above, cgroup.name, 0755) < 0 ? -errno : 0;
    if (error == 0) {
        cgroup.system = openat(cgroup.above, cgroup.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        error = cgroup.system < 0 ? -errno : 0;
    }
    if (error == 0 && kind == CGROUP_TWO)
        error = settle(&cgroup);
    if (error) {
        remove_system(cgroup.above, cgroup.name);
        if (cgroup.system >= 0)
            close(cgroup.system);
        close(cgroup.above);
        return error;
    }
    *ret_cgroup = cgroup;
    return 0;
}

void cgroup_close(struct cgroup *cgroup)
{
    if (cgroup->kind == CGROUP_NONE)
        return;
    if (cgroup->kind == CGROUP_TWO)
        go_back(cgroup);
    /* The filter that the launcher is under by now lists no folder: but realms' are gone, and there is one
     * more. */
    (void)unlinkat(cgroup->system, MANAGER, AT_REMOVEDIR);
    (void)unlinkat(cgroup->above, cgroup->name, AT_REMOVEDIR);
    close(cgroup->system);
    close(cgroup->above);
    *cgroup = (struct cgroup){.kind = CGROUP_NONE, .above = -1, .system = -1};
}

void cgroup_sweep(const char *folder, enum cgroup_kind kind)
{
    struct cgroup cgroup = {.kind = kind, .system = -1};

    if (kind == CGROUP_NONE)
        return;
    cgroup.above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cgroup.above < 0)
        return;
    if (kind == CGROUP_TWO)
        go_back(&cgroup);
    remove_left(cgroup.above);
    close(cgroup.above);
}

/* --- a realm's --- */

static void name_realm(uint64_t realm, char name[24])
{
    snprintf(name, 24, "r%" PRIu64, realm);
}

static int set_limits(const struct cgroup *cgroup, const char *name, const struct mm_limits *limits)
{
    int error = 0;

    if (limits->threads != 0)
        error = write_number(cgroup->system, name, "pids.max", limits->threads);
    if (cgroup->kind != CGROUP_TWO || error)
        return error;
    if (limits->memory_bytes != 0)
        error = write_number(cgroup->system, name, "memory.max", limits->memory_bytes + BESIDE_DATA);
    if (error == 0 && limits->cpu_weight != 0)
        error = write_number(cgroup->system, name, "cpu.weight", limits->cpu_weight);
    return error;
}

int cgroup_enter(const struct cgroup *cgroup, uint64_t realm, pid_t pid, const struct mm_limits *limits)
{
    char name[24];

    if (cgroup->kind == CGROUP_NONE)
        return 0;
    name_realm(realm, name);
    if (mkdirat(cgroup->system, name, 0755) < 0)
        return -errno;
    int error = set_limits(cgroup, name, limits);
    if (error == 0)
        error = move_process(cgroup->system, name, pid);
    if (error)
        (void)unlinkat(cgroup->system, name, AT_REMOVEDIR);
    return error;
}

void cgroup_leave(const struct cgroup *cgroup, uint64_t realm)
{
    char name[24];

    if (cgroup->kind == CGROUP_NONE)
        return;
    name_realm(realm, name);
    (void)unlinkat(cgroup->system, name, AT_REMOVEDIR);
}
