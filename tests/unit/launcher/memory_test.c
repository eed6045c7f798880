/*
 * Regions: their two descriptions, and that the broker can seal them as the channel design needs.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "librealm/proto/launch.h"
#include "mm/launcher/memory.h"
#include "tests/skip.h"

#define BYTES 8192u

static unsigned count_fds(void)
{
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* Goal: sizes are as asked, the memory is zero, both descriptors are the same memory and close on exec. */
Test(memory, makes_regions)
{
    int writable[3], readonly[3];
    cr_assert_eq(memory_make(3, BYTES, writable, readonly), 0);
    for (unsigned i = 0; i < 3; i++) {
        struct stat one, two;
        cr_assert_eq(fstat(writable[i], &one), 0);
        cr_assert_eq(fstat(readonly[i], &two), 0);
        cr_assert_eq(one.st_size, BYTES);
        cr_assert_eq(one.st_ino, two.st_ino);
        cr_assert_eq(fcntl(writable[i], F_GETFD), FD_CLOEXEC);
        cr_assert_eq(fcntl(readonly[i], F_GETFD), FD_CLOEXEC);
        cr_assert_eq(fcntl(writable[i], F_GETFL) & O_ACCMODE, O_RDWR);
        cr_assert_eq(fcntl(readonly[i], F_GETFL) & O_ACCMODE, O_RDONLY);
        for (unsigned j = 0; j < i; j++) {
            struct stat other;
            cr_assert_eq(fstat(writable[j], &other), 0);
            cr_assert_neq(one.st_ino, other.st_ino);
        }
    }
}

/* Goal: the two are separate open file descriptions: an offset set through one is not seen by the other. */
Test(memory, separate_descriptions)
{
    int writable, readonly;
    cr_assert_eq(memory_make(1, BYTES, &writable, &readonly), 0);
    cr_assert_eq(lseek(writable, 100, SEEK_SET), 100);
    cr_assert_eq(lseek(readonly, 0, SEEK_CUR), 0);
}

/* Goal: what is written through a mapping of the one is read through a mapping of the other. */
Test(memory, shared_between_the_two)
{
    int writable, readonly;
    cr_assert_eq(memory_make(1, BYTES, &writable, &readonly), 0);
    char *out = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0);
    const char *in = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, readonly, 0);
    cr_assert(out != MAP_FAILED && in != MAP_FAILED);
    cr_assert_eq(in[BYTES - 1], 0);
    out[BYTES - 1] = 7;
    cr_assert_eq(in[BYTES - 1], 7);
}

/* Goal: the read-only one maps read-only and no other way, and cannot be turned writable afterwards. */
Test(memory, readonly_cannot_be_written)
{
    int writable, readonly;
    cr_assert_eq(memory_make(1, BYTES, &writable, &readonly), 0);
    cr_assert_eq(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, readonly, 0), MAP_FAILED);
    void *in = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, readonly, 0);
    cr_assert_neq(in, MAP_FAILED);
    cr_assert_eq(mprotect(in, BYTES, PROT_READ | PROT_WRITE), -1);
    cr_assert_eq(ftruncate(readonly, 0), -1);
    cr_assert_eq(fcntl(readonly, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

/* Goal: the broker's seals can be set while the owner has it mapped; from then on not even a description
 * opened anew for writing maps writable, nobody grows it or seals more, but it can be truncated (revoke). */
Test(memory, can_be_sealed)
{
    int writable, readonly;
    char path[64];
    cr_assert_eq(memory_make(1, BYTES, &writable, &readonly), 0);
    char *out = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, writable, 0);
    cr_assert_neq(out, MAP_FAILED);
    cr_assert_eq(fcntl(writable, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SEAL), 0);

    snprintf(path, sizeof path, "/proc/self/fd/%d", readonly);
    int again = open(path, O_RDWR | O_CLOEXEC);
    if (again >= 0) {
        cr_assert_eq(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
        cr_assert_eq(fcntl(again, F_ADD_SEALS, F_SEAL_SHRINK), -1);
        cr_assert_eq(ftruncate(again, 2 * BYTES), -1);
    }
    out[0] = 1; /* the owner's mapping goes on */
    cr_assert_eq(ftruncate(writable, 0), 0);
    cr_assert_eq(ftruncate(writable, BYTES), -1);
}

/* Goal: a region cannot be executed, where the kernel knows how to forbid it (6.3 and later). */
Test(memory, not_executable)
{
    int writable, readonly;
    struct stat status;
    cr_assert_eq(memory_make(1, BYTES, &writable, &readonly), 0);
    int probe = memfd_create("probe", 0x0008U);
    if (probe < 0 && errno == EINVAL)
        SKIP("this kernel has no MFD_NOEXEC_SEAL");
    cr_assert_eq(fstat(writable, &status), 0);
    cr_assert_eq(status.st_mode & 0111, 0);
    cr_assert_eq(fchmod(writable, 0700), -1);
}

/* Goal: counts and sizes out of range are refused, and nothing is made. */
Test(memory, bad_arguments)
{
    int writable[REALM_LAUNCH_REGIONS_MAX + 1], readonly[REALM_LAUNCH_REGIONS_MAX + 1];
    const unsigned before = count_fds();
    cr_assert_eq(memory_make(0, BYTES, writable, readonly), -EINVAL);
    cr_assert_eq(memory_make(REALM_LAUNCH_REGIONS_MAX + 1, BYTES, writable, readonly), -EINVAL);
    cr_assert_eq(memory_make(1, 0, writable, readonly), -EINVAL);
    cr_assert_eq(memory_make(1, BYTES + 1, writable, readonly), -EINVAL);
    cr_assert_eq(memory_make(1, REALM_LAUNCH_REGION_BYTES_MAX + 4096, writable, readonly), -EINVAL);
    cr_assert_eq(count_fds(), before);
}

/* Goal: when descriptors run out in the middle, those that were made are closed, and the outputs untouched.
 */
Test(memory, out_of_descriptors)
{
    int writable[16], readonly[16];
    struct rlimit limit;
    writable[0] = readonly[0] = -7;
    cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const unsigned before = count_fds();
    int next = dup(0);
    close(next);
    limit.rlim_cur = (rlim_t)next + 9;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    cr_assert_eq(memory_make(16, BYTES, writable, readonly), -EMFILE);
    cr_assert_eq(writable[0], -7);
    cr_assert_eq(readonly[0], -7);
    cr_assert_eq(count_fds(), before);
}

static int open_one(int from, size_t bytes, enum realm_launch_way way)
{
    const struct realm_launch_memory request = {.count = 1, .bytes = (uint32_t)bytes, .way = way};
    int fd = -1;
    int error = memory_open(&request, way == REALM_LAUNCH_NEW ? NULL : &from, &fd);
    return error ? error : fd;
}

/* Memory of the broker's: made here, and sealed by it. */
static int make_sealed(void)
{
    int fd = open_one(-1, BYTES, REALM_LAUNCH_NEW);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL), 0);
    return fd;
}

/* Goal: what is opened anew is the same memory, with an offset of its own, and only as writable as was asked.
 */
Test(memory, opens_anew)
{
    int fd = make_sealed();
    int reads = open_one(fd, BYTES, REALM_LAUNCH_READ), writes = open_one(fd, BYTES, REALM_LAUNCH_WRITE);
    cr_assert_eq(pwrite(writes, "x", 1, 5000), 1);
    char byte = 0;
    cr_assert_eq(pread(reads, &byte, 1, 5000), 1);
    cr_assert_eq(byte, 'x');
    cr_assert_eq(pwrite(reads, "y", 1, 0), -1);
    cr_assert_eq(lseek(writes, 100, SEEK_SET), 100);
    cr_assert_eq(lseek(reads, 0, SEEK_CUR), 0);
    cr_assert_eq(fcntl(reads, F_GETFD), FD_CLOEXEC);
}

/* Goal: a copy is other memory with the same bytes, and what is all zeros takes no page of it. */
Test(memory, copies)
{
    int fd = make_sealed();
    cr_assert_eq(pwrite(fd, "kept", 5, 4096), 5);
    int copy = open_one(fd, BYTES, REALM_LAUNCH_COPY);
    struct stat one, two;
    char text[5];
    cr_assert(fstat(fd, &one) == 0 && fstat(copy, &two) == 0);
    cr_assert_neq(one.st_ino, two.st_ino);
    cr_assert_eq(two.st_size, BYTES);
    cr_assert_eq(two.st_blocks, 8, "one page of two"); /* of 512 bytes */
    cr_assert_eq(pread(copy, text, 5, 4096), 5);
    cr_assert_str_eq(text, "kept");
    cr_assert_eq(ftruncate(fd, 0), 0); /* taken away meanwhile: then there is nothing to copy */
    copy = open_one(fd, BYTES, REALM_LAUNCH_COPY);
    cr_assert(fstat(copy, &two) == 0 && two.st_size == BYTES && two.st_blocks == 0);
}

/* Goal: a sealed copy has the same bytes and can be written by nobody in any way, though the source is mapped
 * and written all the while; it can be read, copied sealed again, and taken away. */
Test(memory, seals_a_copy)
{
    int fd = make_sealed(), reads;
    char *kept = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), text[8] = "";
    cr_assert_neq(kept, MAP_FAILED);
    memcpy(kept + 4096, "kept", 5);
    int copy = open_one(fd, BYTES, REALM_LAUNCH_SEAL);
    cr_assert_geq(copy, 0);
    memcpy(kept + 4096, "lost", 5);
    cr_assert_eq(fcntl(copy, F_GET_SEALS) & (F_SEAL_WRITE | F_SEAL_SHRINK), F_SEAL_WRITE);
    cr_assert_eq(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, 0, "the source was sealed");
    cr_assert_eq(fcntl(copy, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL), 0, "the broker adds these");
    cr_assert_eq(mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, copy, 0), MAP_FAILED);
    cr_assert_eq(pwrite(copy, "x", 1, 0), -1);
    cr_assert_eq(fallocate(copy, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 4096), -1);
    cr_assert_eq(open_one(copy, BYTES, REALM_LAUNCH_WRITE), -EPERM);
    reads = open_one(copy, BYTES, REALM_LAUNCH_READ);
    char *in = mmap(NULL, BYTES, PROT_READ, MAP_SHARED, reads, 0);
    cr_assert_neq(in, MAP_FAILED);
    cr_assert_str_eq(in + 4096, "kept");
    cr_assert_eq(mprotect(in, BYTES, PROT_READ | PROT_WRITE), -1);
    int again = open_one(copy, BYTES, REALM_LAUNCH_SEAL);
    cr_assert_eq(pread(again, text, 5, 4096), 5);
    cr_assert_str_eq(text, "kept");
    cr_assert_eq(ftruncate(copy, 0), 0);
    cr_assert_eq(ftruncate(copy, BYTES), -1);
}

/* Goal: nothing is opened anew but memory that was made here and sealed: no pipe, no file, no socket, and no
 * memory of another size. What was opened before the one that is refused is closed. */
Test(memory, opens_nothing_else)
{
    int ends[2], sealed = make_sealed();
    int unsealed = open_one(-1, BYTES, REALM_LAUNCH_NEW);
    char name[] = "/tmp/memory_test.XXXXXX";
    int file = mkstemp(name);
    cr_assert(pipe(ends) == 0 && file >= 0 && unlink(name) == 0 && ftruncate(file, BYTES) == 0);
    const int others[] = {ends[0], ends[1], file, unsealed, 0};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        for (enum realm_launch_way way = REALM_LAUNCH_COPY; way <= REALM_LAUNCH_SEAL; way++)
            cr_assert_eq(open_one(others[i], BYTES, way), -EBADF, "case %zu", i);
    cr_assert_eq(open_one(sealed, 2 * BYTES, REALM_LAUNCH_WRITE), -EBADF);
    const unsigned before = count_fds();
    const struct realm_launch_memory request = {.count = 2, .bytes = BYTES, .way = REALM_LAUNCH_READ};
    int fds[2], from[2] = {sealed, ends[0]};
    cr_assert_eq(memory_open(&request, from, fds), -EBADF);
    cr_assert_eq(count_fds(), before);
}
