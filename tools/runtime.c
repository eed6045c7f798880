/*
 * Taking an instance's name, so that two systems never share it and none is blocked by one that has died.
 *
 * The lock is the only truth: who holds it may remove a socket that is there. A lock file that was removed
 * between our open and our flock is no lock any more (its name now is another file, or nobody's), so after
 * flock the name is looked at once more, and everything starts again if it is not the file we hold.
 */
#include "tools/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS     20
#define FOLDER_BYTES 512

struct runtime {
    char root[FOLDER_BYTES]; /* …/realmkit, or /tmp/realmkit-<uid> */
    char folder[FOLDER_BYTES + 64];
    int folder_fd;
    int lock_fd;
    int listener;
};

static int root_path(char *path, size_t capacity)
{
    const char *base = getenv("XDG_RUNTIME_DIR");
    if (base && *base && *base != '/')
        return -EINVAL;
    int size = base && *base ? snprintf(path, capacity, "%s/realmkit", base)
                             : snprintf(path, capacity, "/tmp/realmkit-%u", (unsigned)geteuid());
    return size > 0 && (size_t)size < capacity ? 0 : -ENAMETOOLONG;
}

int runtime_address(const char *instance, struct sockaddr_un *ret_address)
{
    char root[FOLDER_BYTES];
    int error = root_path(root, sizeof root);
    if (error)
        return error;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int size = snprintf(address.sun_path, sizeof address.sun_path, "%s/%s/admin.sock", root, instance);
    if (size < 0 || (size_t)size >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    *ret_address = address;
    return 0;
}

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("realm: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    return 1;
}

/* Makes a folder that only this user can reach, or checks that the one that is there is such a one. */
static int private_folder(const char *path, int *ret_fd)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail("cannot make the folder %s: %s", path, strerror(errno));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? -EAGAIN : fail("cannot open the folder %s: %s", path, strerror(errno));
    struct stat status;
    if (fstat(fd, &status) != 0 || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
        close(fd);
        return fail("the folder %s must belong to you alone (owner %u, mode 0700); remove it, or set "
                    "XDG_RUNTIME_DIR to a folder of your own",
                    path, (unsigned)geteuid());
    }
    *ret_fd = fd;
    return 0;
}

static int open_folders(struct runtime *runtime)
{
    int root_fd = -1;
    int error = private_folder(runtime->root, &root_fd);
    if (error)
        return error;
    close(root_fd);
    return private_folder(runtime->folder, &runtime->folder_fd);
}

/* Whether the name still is the file that we hold. */
static bool lock_is_ours(const struct runtime *runtime)
{
    struct stat held, named;
    return fstat(runtime->lock_fd, &held) == 0 &&
           fstatat(runtime->folder_fd, "lock", &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

static int refuse_second(const struct runtime *runtime, const char *instance)
{
    char pid[16] = "?";
    ssize_t size = pread(runtime->lock_fd, pid, sizeof pid - 1, 0);
    pid[size > 0 ? size : 0] = '\0';
    pid[strspn(pid, "0123456789")] = '\0';
    return fail("a system \"%s\" is running already (process %s); end it, or give this one another name with "
                "--instance NAME",
                instance, pid[0] ? pid : "?");
}

static int take_lock(struct runtime *runtime, const char *instance)
{
    runtime->lock_fd = openat(runtime->folder_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (runtime->lock_fd < 0)
        return errno == ENOENT ? -EAGAIN : fail("cannot make %s/lock: %s", runtime->folder, strerror(errno));
    if (flock(runtime->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? refuse_second(runtime, instance)
                                    : fail("cannot lock %s/lock: %s", runtime->folder, strerror(errno));
    if (!lock_is_ours(runtime))
        return -EAGAIN;
    char pid[16];
    int size = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(runtime->lock_fd, 0) != 0 || pwrite(runtime->lock_fd, pid, (size_t)size, 0) != size)
        return fail("cannot write %s/lock: %s", runtime->folder, strerror(errno));
    return 0;
}

static int listen_admin(struct runtime *runtime, const char *instance)
{
    struct sockaddr_un address;
    if (runtime_address(instance, &address) != 0)
        return fail(
            "the path %s/admin.sock is too long for a socket (%zu bytes at most); set XDG_RUNTIME_DIR "
            "to a shorter one",
            runtime->folder, sizeof address.sun_path - 1);
    if (unlinkat(runtime->folder_fd, "admin.sock", 0) != 0 && errno != ENOENT)
        return fail("cannot remove the old %s: %s", address.sun_path, strerror(errno));
    runtime->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(077);
    int bound =
        runtime->listener < 0 ? -1 : bind(runtime->listener, (struct sockaddr *)&address, sizeof address);
    umask(mask);
    if (bound != 0 || listen(runtime->listener, 16) != 0)
        return fail("cannot listen on %s: %s", address.sun_path, strerror(errno));
    return 0;
}

static void close_all(struct runtime *runtime)
{
    int *fds[] = {&runtime->listener, &runtime->lock_fd, &runtime->folder_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

int runtime_open(const char *instance, struct runtime **ret_runtime)
{
    struct runtime *runtime = calloc(1, sizeof *runtime);
    if (!runtime)
        return fail("out of memory");
    *runtime = (struct runtime){.folder_fd = -1, .lock_fd = -1, .listener = -1};
    int error = root_path(runtime->root, sizeof runtime->root);
    if (error) {
        free(runtime);
        return fail("XDG_RUNTIME_DIR must be an absolute path, and shorter than %d bytes", FOLDER_BYTES - 10);
    }
    snprintf(runtime->folder, sizeof runtime->folder, "%s/%s", runtime->root, instance);
    error = -EAGAIN;
    for (int attempt = 0; attempt < ATTEMPTS && error == -EAGAIN; attempt++) {
        close_all(runtime);
        error = open_folders(runtime);
        if (!error)
            error = take_lock(runtime, instance);
    }
    if (error == -EAGAIN)
        error = fail("%s keeps being removed by somebody", runtime->folder);
    if (!error && (error = listen_admin(runtime, instance))) {
        runtime_close(runtime);
        return error;
    }
    if (error) {
        close_all(runtime); /* the files are another's */
        free(runtime);
        return error;
    }
    *ret_runtime = runtime;
    return 0;
}

void runtime_close(struct runtime *runtime)
{
    if (!runtime)
        return;
    unlinkat(runtime->folder_fd, "admin.sock", 0);
    unlinkat(runtime->folder_fd, "lock", 0);
    rmdir(runtime->folder);
    rmdir(runtime->root); /* stays while another instance is in it */
    close_all(runtime);
    free(runtime);
}

int runtime_listener(const struct runtime *runtime)
{
    return runtime->listener;
}
