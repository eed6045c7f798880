/*
 * Regions: their two descriptions, and that the broker can seal them as the channel design needs. Memory that
 * is a capability: opened anew, copied, sealed.
 *
 * This program has its own fcntl, which can hold a page of what is about to be sealed, as anybody in the
 * system may do for a moment: so the kernel itself refuses.
 */
#include <criterion/criterion.h>

#include <errno.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
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

/* --- what is copied, and where it ends --- */

#define CHUNK  65536u /* the launcher reads so much at once */
#define CHUNKS 3u
#define LARGE  (CHUNKS * CHUNK)
#define PAGE   4096u

static int make_large(void)
{
    int fd = open_one(-1, LARGE, REALM_LAUNCH_NEW);
    cr_assert_geq(fd, 0);
    cr_assert_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SEAL), 0);
    return fd;
}

static void expect_same(int one, int two, const char *what)
{
    static char bytes[LARGE], others[LARGE];
    struct stat first, second;
    cr_assert_eq(pread(one, bytes, LARGE, 0), LARGE, "%s", what);
    cr_assert_eq(pread(two, others, LARGE, 0), LARGE, "%s", what);
    cr_assert_eq(memcmp(bytes, others, LARGE), 0, "%s", what);
    cr_assert(fstat(one, &first) == 0 && fstat(two, &second) == 0);
    cr_assert_eq(first.st_blocks, second.st_blocks, "%s: %ld and %ld blocks", what, (long)first.st_blocks,
                 (long)second.st_blocks);
}

/* Goal: pages in each pattern about the border of two chunks, and at both ends, are copied and no others: as
 * many pages are taken as there. One byte of a page is enough, its first or its last. */
Test(memory, copies_runs_of_pages)
{
    static const unsigned pages[] = {0, 14, 15, 16, 17, 31, 32, 46, 47};
    const unsigned count = sizeof pages / sizeof pages[0];
    for (unsigned set = 0; set < 1u << count; set += 5) { /* all of them are many */
        int fd = make_large();
        for (unsigned i = 0; i < count; i++) {
            const off_t at = (off_t)pages[i] * PAGE + (i % 2 == 0 ? 0 : PAGE - 1);
            if (set >> i & 1u)
                cr_assert_eq(pwrite(fd, &(char){(char)(i + 1)}, 1, at), 1);
        }
        int copy = open_one(fd, LARGE, REALM_LAUNCH_COPY);
        cr_assert_geq(copy, 0);
        char what[32];
        snprintf(what, sizeof what, "set %x", set);
        expect_same(fd, copy, what);
        close(fd);
        close(copy);
    }
}

/* Goal: all zeros take no page, also where the source has pages of them; a full one is copied to its end. */
Test(memory, copies_zeros_and_full_memory)
{
    static char bytes[LARGE];
    struct stat status;
    int fd = make_large(), copy = open_one(fd, LARGE, REALM_LAUNCH_COPY);
    expect_same(fd, copy, "a hole");
    cr_assert_eq(pwrite(fd, bytes, LARGE, 0), LARGE);
    copy = open_one(fd, LARGE, REALM_LAUNCH_COPY);
    cr_assert(fstat(copy, &status) == 0 && status.st_size == LARGE && status.st_blocks == 0);
    for (size_t i = 0; i < LARGE; i++)
        bytes[i] = (char)(i % 251 + 1);
    cr_assert_eq(pwrite(fd, bytes, LARGE, 0), LARGE);
    copy = open_one(fd, LARGE, REALM_LAUNCH_SEAL);
    expect_same(fd, copy, "full");
}

/* Goal: a source of several chunks that was taken away meanwhile leaves zeros, of the full size. */
Test(memory, copies_what_was_taken_away)
{
    struct stat status;
    int fd = make_large();
    cr_assert_eq(pwrite(fd, "gone", 5, CHUNK), 5);
    cr_assert_eq(ftruncate(fd, 0), 0);
    int copy = open_one(fd, LARGE, REALM_LAUNCH_SEAL);
    cr_assert(fstat(copy, &status) == 0 && status.st_size == LARGE && status.st_blocks == 0);
}

/* --- pages that somebody holds --- */

static struct {
    bool holds;         /* a page of what is sealed next */
    unsigned let_go_at; /* the how manieth attempt finds it free again; 0: none */
    unsigned attempts;
    int pipe[2];
} holder;

/* A page in a pipe is held until it is read. The mapping is to be read only: it alone forbids no seal. */
static void hold_page(int fd)
{
    cr_assert_eq(pipe(holder.pipe), 0);
    void *page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    cr_assert_neq(page, MAP_FAILED);
    const struct iovec piece = {page, PAGE};
    cr_assert_eq(vmsplice(holder.pipe[1], &piece, 1, 0), PAGE);
    cr_assert_eq(munmap(page, PAGE), 0);
}

static void seal_was_asked(int fd)
{
    char bytes[PAGE];
    holder.attempts++;
    if (holder.attempts == 1)
        hold_page(fd);
    if (holder.attempts == holder.let_go_at)
        cr_assert_eq(read(holder.pipe[0], bytes, PAGE), PAGE);
}

/* Takes the place of the C library's. */
int fcntl(int fd, int command, ...)
{
    static int (*as_ever)(int, int, ...);
    va_list arguments;
    va_start(arguments, command);
    const long word = va_arg(arguments, long);
    va_end(arguments);
    if (as_ever == NULL)
        *(void **)&as_ever = dlsym(RTLD_NEXT, "fcntl");
    if (holder.holds && command == F_ADD_SEALS && (word & F_SEAL_WRITE) != 0)
        seal_was_asked(fd);
    return as_ever(fd, command, word);
}

/* Goal: a page of the copy that is held for a moment costs another attempt and nothing else. */
Test(memory, seals_when_a_page_is_let_go)
{
    char text[5] = "";
    int fd = make_sealed();
    cr_assert_eq(pwrite(fd, "kept", 5, 0), 5);
    holder.holds = true;
    holder.let_go_at = 2;
    int copy = open_one(fd, BYTES, REALM_LAUNCH_SEAL);
    cr_assert_geq(copy, 0, "%s", strerror(-copy));
    cr_assert_eq(holder.attempts, 2);
    cr_assert_eq(fcntl(copy, F_GET_SEALS) & F_SEAL_WRITE, F_SEAL_WRITE);
    cr_assert_eq(pread(copy, text, 5, 0), 5);
    cr_assert_str_eq(text, "kept");
}

/* Goal: a page that is held for longer ends it, after a bounded number of attempts, and nothing is left open.
 */
Test(memory, seals_nothing_that_is_held)
{
    int fd = make_sealed();
    cr_assert_eq(pwrite(fd, "kept", 5, 0), 5);
    holder.holds = true;
    const unsigned before = count_fds();
    cr_assert_eq(open_one(fd, BYTES, REALM_LAUNCH_SEAL), -EBUSY);
    cr_assert_eq(holder.attempts, 3);
    cr_assert_eq(count_fds(), before + 2, "but the holder's pipe");
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
