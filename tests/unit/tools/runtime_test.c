/* Taking and giving back an instance's name. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/runtime.h"

static char base[64];

static void set_up(void)
{
    strcpy(base, "/tmp/realmkit-runtime-XXXXXX");
    cr_assert_not_null(mkdtemp(base));
    setenv("XDG_RUNTIME_DIR", base, 1);
    cr_assert_not_null(freopen("/dev/null", "w", stderr)); /* refusals are said there */
}

static void tear_down(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", base);
    cr_assert_eq(system(command), 0);
}

TestSuite(runtime, .init = set_up, .fini = tear_down);

static bool exists(const char *below)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", base, below);
    return access(path, F_OK) == 0;
}

static bool can_connect(const char *instance)
{
    struct sockaddr_un address;
    cr_assert_eq(runtime_address(instance, &address), 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int error = connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return error == 0;
}

/* Goal: the folder is private, the socket can be connected to, and afterwards nothing is left. */
Test(runtime, open_and_close)
{
    struct runtime *runtime = NULL;
    struct stat status;
    char path[128];
    cr_assert_eq(runtime_open("default", &runtime), 0);
    cr_assert(can_connect("default"));
    snprintf(path, sizeof path, "%s/realmkit/default", base);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0700u);
    snprintf(path, sizeof path, "%s/realmkit/default/admin.sock", base);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0077, 0u);
    runtime_close(runtime);
    cr_assert_not(exists("realmkit"));
    cr_assert_not(can_connect("default"));
}

/* Goal: a name has one owner at a time; another name is free; the refused one disturbs nothing. */
Test(runtime, one_owner)
{
    struct runtime *first = NULL, *second = NULL, *other = NULL;
    cr_assert_eq(runtime_open("default", &first), 0);
    cr_assert_eq(runtime_open("default", &second), 1);
    cr_assert_null(second);
    cr_assert(can_connect("default"));
    cr_assert_eq(runtime_open("other", &other), 0);
    runtime_close(first);
    cr_assert(exists("realmkit/other/admin.sock"));
    cr_assert_eq(runtime_open("default", &second), 0);
    runtime_close(second);
    runtime_close(other);
    cr_assert_not(exists("realmkit"));
}

/* Goal: what an instance left behind that was killed is taken over. */
Test(runtime, after_a_crash)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct runtime *runtime = NULL;
        if (runtime_open("default", &runtime) != 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFSIGNALED(status));
    cr_assert(exists("realmkit/default/admin.sock"));
    cr_assert_not(can_connect("default"));
    struct runtime *runtime = NULL;
    cr_assert_eq(runtime_open("default", &runtime), 0);
    cr_assert(can_connect("default"));
    runtime_close(runtime);
    cr_assert_not(exists("realmkit"));
}

/* Goal: folders that others can reach, or that are links, are not used. */
Test(runtime, refuses_strange_folders)
{
    struct runtime *runtime = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/realmkit", base);
    cr_assert_eq(mkdir(path, 0700), 0);
    cr_assert_eq(chmod(path, 0755), 0);
    cr_assert_eq(runtime_open("default", &runtime), 1);
    cr_assert_eq(rmdir(path), 0);
    cr_assert_eq(symlink("/tmp", path), 0);
    cr_assert_eq(runtime_open("default", &runtime), 1);
    cr_assert_eq(unlink(path), 0);
    cr_assert_null(runtime);
}

/* Goal: a path that no socket can have, and a relative one, are refused before anything is made. */
Test(runtime, refuses_odd_bases)
{
    struct runtime *runtime = NULL;
    struct sockaddr_un address;
    char long_base[256];
    setenv("XDG_RUNTIME_DIR", "relative", 1);
    cr_assert_eq(runtime_address("default", &address), -EINVAL);
    cr_assert_eq(runtime_open("default", &runtime), 1);
    snprintf(long_base, sizeof long_base, "%s/%0150d", base, 1);
    setenv("XDG_RUNTIME_DIR", long_base, 1);
    cr_assert_eq(runtime_address("default", &address), -ENAMETOOLONG);
    cr_assert_eq(mkdir(long_base, 0700), 0);
    cr_assert_eq(runtime_open("default", &runtime), 1);
    snprintf(long_base + strlen(long_base), 32, "/realmkit");
    cr_assert_neq(access(long_base, F_OK), 0);
}
