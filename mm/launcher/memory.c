/*
 * Everything here is memfds. A region's two descriptors are two open file descriptions on purpose: an offset
 * or a flag of a shared one would be a channel between realms that no policy sees, and a read-only one cannot
 * be made writable again with fcntl. (Who may open /proc/self/fd could open it anew: that the broker's seals
 * prevent.)
 *
 * Memory that is a capability is opened anew for each mapping, for the same reason: two realms that may both
 * read it share the memory and nothing else.
 *
 * What is to be sealed is copied first: the kernel seals nothing that somebody has mapped to be written, and
 * whoever is to be kept from writing would have to be trusted to have no such mapping. The copy is sealed
 * where it was written, by this process on this processor: its pages are then at hand, and the kernel waits
 * for nobody else's.
 */
#include "mm/launcher/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "librealm/proto/launch.h"

#define PAGE_BYTES 4096  /* what is all zeros stays a hole */
#define COPY_BYTES 65536 /* read at once: whole pages */
#define SEAL_TRIES 3

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

static int open_anew(int memfd, int access)
{
    char path[32];

    snprintf(path, sizeof path, "/proc/self/fd/%d", memfd);
    int fd = open(path, access | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int make_region(size_t bytes, int *ret_writable, int *ret_readonly)
{
    int writable = make_writable(bytes);
    if (writable < 0)
        return writable;
    int readonly = open_anew(writable, O_RDONLY);
    if (readonly < 0) {
        close(writable);
        return readonly;
    }
    *ret_writable = writable;
    *ret_readonly = readonly;
    return 0;
}

/* --- memory that is a capability --- */

/* Whether it is memory that this process made and the broker sealed: nothing else is opened anew. */
static bool is_sealed(int fd, size_t bytes)
{
    struct stat status;
    const int wanted = F_SEAL_GROW | F_SEAL_SEAL;
    const int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & wanted) == wanted && fstat(fd, &status) == 0 &&
           (status.st_size == (off_t)bytes || status.st_size == 0); /* empty: taken away meanwhile */
}

static bool is_written_by_nobody(int fd)
{
    const int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}

/* Return: where, from `at` on, the first page begins that is all zeros or, with `zeros`, that is not; or
 * size. */
static size_t skip(const uint8_t *bytes, size_t at, size_t size, bool zeros)
{
    static const uint8_t page[PAGE_BYTES];

    while (at < size) {
        const size_t step = size - at < sizeof page ? size - at : sizeof page;
        if ((memcmp(bytes + at, page, step) == 0) != zeros)
            return at;
        at += step;
    }
    return size;
}

static int put(int fd, const uint8_t *bytes, size_t size, off_t at)
{
    while (size > 0) {
        const ssize_t wrote = pwrite(fd, bytes, size, at);
        if (wrote <= 0)
            return wrote < 0 ? -errno : -ENOSPC;
        bytes += wrote;
        size -= (size_t)wrote;
        at += wrote;
    }
    return 0;
}

/* Each run of pages that are not all zeros is written at once. */
static int put_runs(int fd, const uint8_t *bytes, size_t size, off_t at)
{
    size_t end;

    for (size_t start = skip(bytes, 0, size, true); start < size; start = skip(bytes, end, size, true)) {
        end = skip(bytes, start, size, false);
        const int error = put(fd, bytes + start, end - start, at + (off_t)start);
        if (error)
            return error;
    }
    return 0;
}

/* What is all zeros takes no page there. What the source no longer has stays zeros. */
static int copy(int from, int to, size_t bytes)
{
    static uint8_t chunk[COPY_BYTES]; /* the launcher has one thread */
    off_t at = 0;

    while (at < (off_t)bytes) {
        const ssize_t got = pread(from, chunk, sizeof chunk, at);
        if (got <= 0)
            return got < 0 ? -errno : 0;
        const int error = put_runs(to, chunk, (size_t)got, at);
        if (error)
            return error;
        at += got;
    }
    return 0;
}

/* EBUSY: the kernel waited, and still found somebody who holds a page of it for a moment. Nobody else has
 * this memory, so that passes. */
static int seal(int fd)
{
    for (unsigned tries = 0; tries < SEAL_TRIES; tries++) {
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0)
            return 0;
        if (errno != EBUSY)
            break;
    }
    return -errno;
}

static int open_part(int from, size_t bytes, enum realm_launch_way way)
{
    if (way == REALM_LAUNCH_NEW)
        return make_writable(bytes);
    if (!is_sealed(from, bytes))
        return -EBADF;
    if (way == REALM_LAUNCH_WRITE && is_written_by_nobody(from))
        return -EPERM;
    if (way == REALM_LAUNCH_READ || way == REALM_LAUNCH_WRITE)
        return open_anew(from, way == REALM_LAUNCH_WRITE ? O_RDWR : O_RDONLY);
    int fd = make_writable(bytes);
    int error = fd < 0 ? fd : copy(from, fd, bytes);
    if (!error && way == REALM_LAUNCH_SEAL)
        error = seal(fd);
    if (fd >= 0 && error) {
        close(fd);
        return error;
    }
    return fd;
}

int memory_open(const struct realm_launch_memory *request, const int *from, int *ret_fds)
{
    int fds[REALM_CONTROL_PARTS_MAX];

    for (unsigned i = 0; i < request->count; i++) {
        const enum realm_launch_way way = (enum realm_launch_way)request->way;
        fds[i] = open_part(way == REALM_LAUNCH_NEW ? -1 : from[i], request->bytes, way);
        if (fds[i] >= 0)
            continue;
        const int error = fds[i];
        while (i-- > 0)
            close(fds[i]);
        return error;
    }
    memcpy(ret_fds, fds, request->count * sizeof *fds);
    return 0;
}

/* --- regions --- */

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
