/*
 * Cgroups: what is written where, in plain folders that stand for cgroups; and on a machine whose cgroups are
 * of version 1 and this user's, the real thing.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mm/launcher/cgroup.h"
#include "mm/sandbox/probe_cgroup.h"
#include "tests/skip.h"

static char folder[64];
static struct cgroup cgroup;

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/cgroup-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void tear_down(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* What a file below the folder has; "" if there is none. */
static const char *text_of(const char *format, ...)
{
    static char text[256];
    char path[256], name[160];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    text[0] = '\0';
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[size > 0 ? size : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

static const char *number(long value)
{
    static char text[24];

    snprintf(text, sizeof text, "%ld", value);
    return text;
}

/* Goal: version 2: the manager moves out of the way, both levels are divided, and a realm gets its limits
 * before its process; memory lies above the limit of private memory. */
Test(cgroup, version_2, .init = set_up, .fini = tear_down)
{
    const struct mm_limits limits = {.memory_bytes = 64 << 20, .threads = 7, .cpu_weight = 50};

    cr_assert_eq(cgroup_open(folder, CGROUP_TWO, &cgroup), 0);
    cr_assert_eq(cgroup.kind, CGROUP_TWO);
    /* A plain file keeps what was written first where it is longer: the last words are at its beginning. */
    cr_assert_eq(strncmp(text_of("cgroup.subtree_control"), "+cpu", 4), 0);
    cr_assert_not_null(strstr(text_of("cgroup.subtree_control"), "ory +pids"));
    cr_assert_not_null(strstr(text_of("%s/cgroup.subtree_control", cgroup.name), "ory +pids"));
    cr_assert_eq(
        strncmp(text_of("%s/mm/cgroup.procs", cgroup.name), number(getppid()), strlen(number(getppid()))), 0);
    cr_assert_eq(cgroup_enter(&cgroup, 12, 4711, &limits), 0);
    cr_assert_str_eq(text_of("%s/r12/pids.max", cgroup.name), "7");
    cr_assert_str_eq(text_of("%s/r12/memory.max", cgroup.name), number((64 + 32) << 20));
    cr_assert_str_eq(text_of("%s/r12/cpu.weight", cgroup.name), "50");
    cr_assert_str_eq(text_of("%s/r12/cgroup.procs", cgroup.name), "4711");
    cr_assert_eq(cgroup_enter(&cgroup, 12, 4711, &limits), -EEXIST);
    cgroup_close(&cgroup);
    cr_assert_eq(cgroup.kind, CGROUP_NONE);
}

/* Goal: limits that are not set are not written, and the kernel's own hold. */
Test(cgroup, no_limits, .init = set_up, .fini = tear_down)
{
    const struct mm_limits none = {0};

    cr_assert_eq(cgroup_open(folder, CGROUP_TWO, &cgroup), 0);
    cr_assert_eq(cgroup_enter(&cgroup, 1, 4711, &none), 0);
    cr_assert_str_eq(text_of("%s/r1/pids.max", cgroup.name), "");
    cr_assert_str_eq(text_of("%s/r1/memory.max", cgroup.name), "");
    cr_assert_str_eq(text_of("%s/r1/cpu.weight", cgroup.name), "");
    cr_assert_str_eq(text_of("%s/r1/cgroup.procs", cgroup.name), "4711");
    cgroup_close(&cgroup);
}

/* Goal: version 1 counts threads, and writes nothing else. */
Test(cgroup, version_1, .init = set_up, .fini = tear_down)
{
    const struct mm_limits limits = {.memory_bytes = 64 << 20, .threads = 7, .cpu_weight = 50};

    cr_assert_eq(cgroup_open(folder, CGROUP_PIDS, &cgroup), 0);
    cr_assert_eq(cgroup_enter(&cgroup, 3, 4711, &limits), 0);
    cr_assert_str_eq(text_of("%s/r3/pids.max", cgroup.name), "7");
    cr_assert_str_eq(text_of("%s/r3/memory.max", cgroup.name), "");
    cr_assert_str_eq(text_of("cgroup.subtree_control"), "");
    cgroup_close(&cgroup);
}

/* Goal: what systems left that are no more is removed; what belongs to one that runs, or is another's, stays.
 */
Test(cgroup, what_was_left, .init = set_up, .fini = tear_down)
{
    char path[160];
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    cr_assert_eq(waitpid(gone, NULL, 0), gone);
    snprintf(path, sizeof path, "%s/realmkit-%d", folder, (int)gone);
    cr_assert_eq(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/realmkit-%d/r2", folder, (int)gone);
    cr_assert_eq(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/realmkit-%d", folder, (int)getppid());
    cr_assert_eq(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/realmkit-%d", folder, (int)getpid()); /* the number has come round */
    cr_assert_eq(mkdir(path, 0755), 0);
    snprintf(path, sizeof path, "%s/other-%d", folder, (int)gone);
    cr_assert_eq(mkdir(path, 0755), 0);
    cr_assert_eq(cgroup_open(folder, CGROUP_PIDS, &cgroup), 0);
    cr_assert_eq(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/realmkit-%d", folder, (int)getppid());
    cr_assert_eq(access(path, F_OK), 0);
    snprintf(path, sizeof path, "%s/realmkit-%d", folder, (int)gone);
    cr_assert_eq(access(path, F_OK), -1);
    cgroup_close(&cgroup);
    snprintf(path, sizeof path, "%s/%s", folder, cgroup.name);
}

/* Goal: a folder that is not there, or not ours, is an error that leaves nothing; and without cgroups
 * everything is nothing. */
Test(cgroup, none)
{
    const struct mm_limits limits = {.threads = 7};

    cr_assert_eq(cgroup_open("/nonexistent", CGROUP_TWO, &cgroup), -ENOENT);
    cr_assert_eq(cgroup.kind, CGROUP_NONE);
    cr_assert_eq(cgroup_open("/proc", CGROUP_PIDS, &cgroup), -ENOENT, "no folder can be made in it");
    cr_assert_eq(cgroup_open(NULL, CGROUP_NONE, &cgroup), 0);
    cr_assert_eq(cgroup_enter(&cgroup, 1, getpid(), &limits), 0);
    cgroup_leave(&cgroup, 1);
    cgroup_close(&cgroup);
}

/* Goal: the kernel counts: in a real cgroup of version 1 a process of three may not fork a fourth; all is
 * gone after. */
Test(cgroup, real)
{
    const struct mm_limits limits = {.threads = 3};
    char path[4096], made[4200];
    int status, start[2];

    if (!sandbox_pids_folder(path, sizeof path))
        SKIP("there is no cgroup of version 1 for processes, or it is not this user's");
    cr_assert_eq(cgroup_open(path, CGROUP_PIDS, &cgroup), 0);
    snprintf(made, sizeof made, "%s/%s", path, cgroup.name);
    cr_assert_eq(access(made, F_OK), 0);
    cr_assert_eq(pipe(start), 0);
    pid_t child = fork();
    if (child == 0) {
        char go;
        int forked = read(start[0], &go, 1) == 1 ? 0 : 100;
        while (forked < 100) {
            pid_t next = fork();
            if (next == 0) {
                pause();
                _exit(0);
            }
            if (next < 0)
                break;
            forked++;
        }
        _exit(forked);
    }
    cr_assert_eq(cgroup_enter(&cgroup, 5, child, &limits), 0);
    cr_assert_eq(write(start[1], "", 1), 1);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2, "it forked %d", WEXITSTATUS(status));
    cgroup_leave(&cgroup, 5); /* its children are there yet: nothing happens */
    snprintf(made + strlen(made), 64, "/r5/cgroup.procs");
    FILE *list = fopen(made, "r");
    cr_assert_not_null(list);
    for (int pid; fscanf(list, "%d", &pid) == 1;)
        kill(pid, SIGKILL);
    fclose(list);
    for (unsigned tries = 0; tries < 5000 && access(made, F_OK) == 0; tries++) {
        cgroup_leave(&cgroup, 5);
        usleep(1000); /* until they are reaped by whoever adopts them */
    }
    cgroup_close(&cgroup);
    *strstr(made, "/r5") = '\0';
    cr_assert_eq(access(made, F_OK), -1, "%s is left", made);
}
