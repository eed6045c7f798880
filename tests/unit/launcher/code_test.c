#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "mm/launcher/code.h"

static int open_itself(void)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

/* Goal: a copy is a file of its own with the same content, read from its beginning. */
Test(code, a_copy_is_another_file)
{
    static char here[4096], there[4096];
    struct stat original, copy;
    int file = open_itself(), fd = open_itself();
    cr_assert_eq(code_copy(&fd), 0);
    cr_assert_eq(fstat(file, &original), 0);
    cr_assert_eq(fstat(fd, &copy), 0);
    cr_expect_eq(copy.st_size, original.st_size);
    cr_expect(copy.st_ino != original.st_ino || copy.st_dev != original.st_dev);
    for (ssize_t size; (size = read(fd, there, sizeof there)) > 0;) {
        cr_assert_eq(read(file, here, (size_t)size), size);
        cr_assert_eq(memcmp(here, there, (size_t)size), 0);
    }
    close(fd);
    close(file);
}

/* Goal: nobody changes a copy, not even through a descriptor that can write. */
Test(code, a_copy_is_sealed)
{
    char path[32];
    int fd = open_itself();
    cr_assert_eq(code_copy(&fd), 0);
    cr_expect(write(fd, "x", 1) < 0 && errno == EBADF);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int writer = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(writer, 0);
    cr_expect(pwrite(writer, "x", 1, 0) < 0 && errno == EPERM);
    cr_expect(ftruncate(writer, 0) < 0 && errno == EPERM);
    cr_expect_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0), MAP_FAILED);
    cr_expect(fcntl(writer, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0 && errno == EPERM);
    close(writer);
    close(fd);
}

/* Goal: what is too large is refused, and left as it was. */
Test(code, too_large)
{
    int file = memfd_create("large", MFD_CLOEXEC);
    cr_assert_eq(ftruncate(file, (off_t)CODE_BYTES_MAX + 1), 0);
    int fd = file;
    cr_expect_eq(code_copy(&fd), -EFBIG);
    cr_expect_eq(fd, file);
    cr_expect_geq(fcntl(fd, F_GETFD), 0);
    close(file);
}

/* Goal: what cannot be read is an error, and left as it was. */
Test(code, unreadable)
{
    int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = folder;
    cr_expect_eq(code_copy(&fd), -EISDIR);
    cr_expect_eq(fd, folder);
    close(folder);
}
