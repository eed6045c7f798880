/*
 * A region's two descriptors are two open file descriptions on purpose: an offset or a flag of a shared one
 * would be a channel between realms that no policy sees, and a read-only one cannot be made writable again
 * with fcntl. (Who may open /proc/self/fd could open it anew: that the broker's seals prevent.)
 */
#include "mm/launcher/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "librealm/proto/launch.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* kernel 6.3; the headers of Debian 12 are older */
#endif

static int make_writable(size_t bytes)
{
    const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

    int fd = memfd_create("realm", flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("realm", flags);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)bytes) < 0) {
        int error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

static int open_readonly(int writable)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", writable);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int make_region(size_t bytes, int *ret_writable, int *ret_readonly)
{
    int writable = make_writable(bytes);
    if (writable < 0)
        return writable;
    int readonly = open_readonly(writable);
    if (readonly < 0) {
        close(writable);
        return readonly;
    }
    *ret_writable = writable;
    *ret_readonly = readonly;
    return 0;
}

int memory_make(unsigned count, size_t bytes, int *ret_writable, int *ret_readonly)
{
    int writable[REALM_LAUNCH_REGIONS_MAX], readonly[REALM_LAUNCH_REGIONS_MAX];
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned made;
    int error = 0;

    if (count == 0 || count > REALM_LAUNCH_REGIONS_MAX)
        return -EINVAL;
    if (bytes == 0 || bytes % page != 0 || bytes > (size_t)REALM_LAUNCH_REGION_BYTES_MAX)
        return -EINVAL;
    for (made = 0; made < count; made++) {
        error = make_region(bytes, &writable[made], &readonly[made]);
        if (error)
            break;
    }
    if (error) {
        while (made-- > 0) {
            close(writable[made]);
            close(readonly[made]);
        }
        return error;
    }
    for (unsigned i = 0; i < count; i++) {
        ret_writable[i] = writable[i];
        ret_readonly[i] = readonly[i];
    }
    return 0;
}
