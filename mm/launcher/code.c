#include "mm/launcher/code.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* kernel 6.3; the headers of Debian 12 are older */
#endif

static int make_file(void)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

    int fd = memfd_create("code", flags | MFD_EXEC);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("code", flags);
    return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (size_t)written;
    }
    return 0;
}

static int copy_content(int from, int to)
{
    static char bytes[64 * 1024]; /* the launcher has one thread */

    for (off_t at = 0;;) {
        ssize_t size = pread(from, bytes, sizeof bytes, at);
        if (size <= 0)
            return size < 0 ? -errno : 0;
        at += size;
        if (at > (off_t)CODE_BYTES_MAX)
            return -EFBIG;
        int error = write_all(to, bytes, (size_t)size);
        if (error)
            return error;
    }
}

/* Its reader begins at its beginning, and cannot write. */
static int open_readonly(int fd)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int reader = open(path, O_RDONLY | O_CLOEXEC);
    return reader < 0 ? -errno : reader;
}

int code_copy(int *fd)
{
    int copy = make_file();
    if (copy < 0)
        return copy;
    int error = copy_content(*fd, copy);
    if (error == 0 && fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        error = -errno;
    int reader = error ? error : open_readonly(copy);
    close(copy);
    if (reader < 0)
        return reader;
    close(*fd);
    *fd = reader;
    return 0;
}
