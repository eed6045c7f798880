/*
 * Every answer is given from registers, or from a copy of at most 255 bytes of the realm's memory that is
 * made once; the realm may change what it likes while it is looked at, and gains nothing. The launcher never
 * waits here: it asks for a notification only after poll has seen one, and a realm that has gone meanwhile
 * makes the kernel say so.
 *
 * CONTINUE, which lets a call run as the realm made it, is given to the first execveat only: the launcher's
 * own code made that one, between fork and exec, in a process with one thread.
 */
#include "mm/launcher/loader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mm/launcher/children.h"
#include "mm/launcher/code.h"
#include "mm/launcher/program.h"

#define PAGE_SIZE 4096u

int loaders_init(struct loaders *loaders)
{
    struct loader *entries = calloc(CHILDREN_MAX, sizeof *entries);
    if (entries == NULL)
        return -ENOMEM;
    *loaders = (struct loaders){.entries = entries};
    return 0;
}

void loaders_deinit(struct loaders *loaders)
{
    while (loaders->count > 0)
        loaders_shut(loaders, &loaders->entries[0]);
    free(loaders->entries);
    loaders->entries = NULL;
}

void loaders_take(struct loaders *loaders, const struct spawn *spawn, int listener)
{
    assert(loaders->count < CHILDREN_MAX);
    loaders->entries[loaders->count++] = (struct loader){.realm = spawn->realm,
                                                         .pid = spawn->pid,
                                                         .listener = listener,
                                                         .program = spawn->program,
                                                         .private_code = spawn->private_code,
                                                         .deadline_ns = UINT64_MAX};
}

struct loader *loaders_find(const struct loaders *loaders, uint64_t realm)
{
    for (unsigned i = 0; i < loaders->count; i++)
        if (loaders->entries[i].realm == realm)
            return &loaders->entries[i];
    return NULL;
}

void loaders_shut(struct loaders *loaders, struct loader *loader)
{
    close(loader->listener);
    if (loader->program >= 0)
        close(loader->program);
    *loader = loaders->entries[--loaders->count];
}

void loaders_prepare(const struct loaders *loaders, struct pollfd *fds)
{
    for (unsigned i = 0; i < loaders->count; i++)
        fds[i] = (struct pollfd){.fd = loaders->entries[i].listener, .events = POLLIN};
}

void loaders_note(struct loaders *loaders, const struct pollfd *fds)
{
    for (unsigned i = 0; i < loaders->count; i++)
        loaders->entries[i].ready = fds[i].revents != 0;
}

uint64_t loaders_deadline_ns(const struct loaders *loaders)
{
    uint64_t earliest_ns = UINT64_MAX;

    for (unsigned i = 0; i < loaders->count; i++)
        if (loaders->entries[i].deadline_ns < earliest_ns)
            earliest_ns = loaders->entries[i].deadline_ns;
    return earliest_ns;
}

/* --- answering --- */

/* error 0: it is done. */
static void answer(const struct loader *loader, uint64_t id, int error)
{
    struct seccomp_notif_resp response = {.id = id, .error = -error};

    (void)ioctl(loader->listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static void let_through(const struct loader *loader, uint64_t id)
{
    struct seccomp_notif_resp response = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

    (void)ioctl(loader->listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

/* The descriptor is the realm's with the answer, in one step. */
static void hand_over(const struct loader *loader, uint64_t id, int fd)
{
    struct seccomp_notif_addfd response = {
        .id = id, .flags = SECCOMP_ADDFD_FLAG_SEND, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC};

    if (ioctl(loader->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &response) < 0)
        answer(loader, id, errno);
}

/* Two parts, so that a text which ends before an unmapped page is read as far as it goes. */
static bool copy_path(pid_t pid, uint64_t address, char path[LOADER_PATH_MAX + 1])
{
    const size_t in_page = PAGE_SIZE - address % PAGE_SIZE;
    const size_t first = in_page < LOADER_PATH_MAX ? in_page : LOADER_PATH_MAX;
    struct iovec local = {path, LOADER_PATH_MAX};
    struct iovec remote[2] = {{(void *)(uintptr_t)address, first},
                              {(void *)(uintptr_t)(address + first), LOADER_PATH_MAX - first}};

    ssize_t size = process_vm_readv(pid, &local, 1, remote, first < LOADER_PATH_MAX ? 2 : 1, 0);
    if (size <= 0)
        return false;
    return memchr(path, '\0', (size_t)size) != NULL;
}

/* A second description of the program's file, so that no realm shares one with another. */
static int open_program(const struct loader *loader)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/self/fd/%d", loader->program);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

/* A library is a regular file that anybody may read: root's eyes see no more for a realm than its own. */
static int open_library(const char *path, bool copied)
{
    struct stat status;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -ENOENT;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0 &&
        (!copied || code_copy(&fd) == 0))
        return fd;
    close(fd);
    return -ENOENT;
}

static int open_listed(const struct loader *loader, const char *path, uint64_t flags)
{
    if ((flags & (O_ACCMODE | O_CREAT | O_TRUNC | O_PATH | O_DIRECTORY)) != O_RDONLY)
        return -EACCES;
    if (strcmp(path, "/realm") == 0)
        return open_program(loader);
    if (strcmp(path, "/etc/ld.so.cache") == 0 || program_is_library(path))
        return open_library(path, loader->private_code);
    return -ENOENT;
}

static void serve_open(const struct loader *loader, const struct seccomp_notif *call)
{
    char path[LOADER_PATH_MAX + 1] = "";

    bool copied = copy_path((pid_t)call->pid, call->data.args[1], path);
    /* Only now is it certain that what was read was this process's, and not that of one with its number. */
    if (ioctl(loader->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
        return;
    int fd = copied && loader->program >= 0 ? open_listed(loader, path, call->data.args[2]) : -ENOENT;
    if (fd < 0) {
        answer(loader, call->id, -fd);
        return;
    }
    hand_over(loader, call->id, fd);
    close(fd);
}

/*
 * What a descriptor of the realm is: kind, size and identity, by which the loader tells libraries apart. No
 * times: those of a file speak of others who use it. The answer is written into the realm's memory; a process
 * that is not reaped keeps its number, so this never writes into another's.
 */
static int tell_status(const struct loader *loader, int fd, uint64_t address)
{
    char path[64];
    struct stat status;

    if (fd < 0)
        return EBADF;
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)loader->pid, fd);
    if (stat(path, &status) < 0)
        return EBADF;
    struct stat told = {.st_dev = status.st_dev,
                        .st_ino = status.st_ino,
                        .st_mode = status.st_mode,
                        .st_nlink = 1,
                        .st_size = status.st_size,
                        .st_blksize = status.st_blksize};
    struct iovec local = {&told, sizeof told}, remote = {(void *)(uintptr_t)address, sizeof told};
    return process_vm_writev(loader->pid, &local, 1, &remote, 1, 0) == (ssize_t)sizeof told ? 0 : EFAULT;
}

/* newfstatat is served where it means fstat. */
static void serve_stat(const struct loader *loader, const struct seccomp_notif *call)
{
    char path[LOADER_PATH_MAX + 1] = "";
    const bool named = call->data.nr == SYS_newfstatat;

    bool copied = !named || copy_path((pid_t)call->pid, call->data.args[1], path);
    if (ioctl(loader->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
        return;
    if (named && (!copied || path[0] != '\0' || call->data.args[3] != AT_EMPTY_PATH))
        answer(loader, call->id, ENOENT);
    else
        answer(loader, call->id,
               tell_status(loader, (int)call->data.args[0], call->data.args[named ? 2 : 1]));
}

int loader_serve(struct loader *loader)
{
    struct seccomp_notif call = {0};
    struct pollfd state = {.fd = loader->listener, .events = POLLIN};

    loader->ready = false;
    if (poll(&state, 1, 0) != 1 || (state.revents & POLLIN) == 0)
        return (state.revents & (POLLHUP | POLLERR)) != 0 ? -ESRCH : 0;
    const bool received = ioctl(loader->listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0;
    const bool asks = received && (call.data.nr == SYS_fstat || call.data.nr == SYS_newfstatat);
    /* A call that a signal has ended meanwhile counts like one that was answered. */
    loader->stats += asks;
    loader->opens += !asks;
    if (received) {
        if (asks) {
            serve_stat(loader, &call);
        } else if (call.data.nr == SYS_execveat && !loader->executed) {
            loader->executed = true;
            let_through(loader, call.id);
        } else if (call.data.nr != SYS_openat) {
            answer(loader, call.id, ENOSYS);
        } else if ((int)call.data.args[0] == REALM_LOADED_DIRECTORY) {
            return REALM_SHUT_LOADED;
        } else {
            serve_open(loader, &call);
        }
    }
    return loader->opens > LOADER_OPENS_MAX || loader->stats > LOADER_STATS_MAX ? REALM_SHUT_OPENS : 0;
}
