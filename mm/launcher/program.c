/*
 * What is read here is a file that the scenario names, but whose content may be anybody's: every number in
 * it is checked before it is used, and the interpreter must be one of the system's own.
 */
#include "mm/launcher/program.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mm/launcher/code.h"

#define SEGMENTS_MAX 128u
#define PATH_SIZE    256u

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#define TRIPLET "x86_64-linux-gnu"
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#define TRIPLET "aarch64-linux-gnu"
#else
#error "the box knows x86-64 and aarch64"
#endif

static const char *const folders[] = {
    "/lib/" TRIPLET "/", "/usr/lib/" TRIPLET "/", "/lib64/", "/usr/lib64/", "/lib/",
    "/usr/lib/",         "/usr/local/lib/",
};

/* The name behind a folder's, or NULL. */
static const char *name_in_folder(const char *path)
{
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t size = strlen(folders[i]);
        if (strncmp(path, folders[i], size) == 0 && strchr(path + size, '/') == NULL)
            return path + size;
    }
    return NULL;
}

bool program_is_library(const char *path)
{
    const char *name = name_in_folder(path);

    return name != NULL && strstr(name, ".so") != NULL;
}

static int open_regular(const char *path)
{
    struct stat status;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    int error = fstat(fd, &status) < 0 ? -errno : 0;
    if (error == 0 && (!S_ISREG(status.st_mode) || (status.st_mode & 0111) == 0))
        error = -EACCES;
    if (error) {
        close(fd);
        return error;
    }
    return fd;
}

static bool read_at(int fd, void *buffer, size_t size, uint64_t offset)
{
    return offset <= INT64_MAX && pread(fd, buffer, size, (off_t)offset) == (ssize_t)size;
}

/* Whether this is a program for this machine: the least that exec would ask, too. */
static bool is_native(const Elf64_Ehdr *header)
{
    return memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
           header->e_ident[EI_DATA] == ELFDATA2LSB && header->e_machine == MACHINE &&
           (header->e_type == ET_EXEC || header->e_type == ET_DYN) &&
           header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum > 0 &&
           header->e_phnum <= SEGMENTS_MAX;
}

/* ret_path: the interpreter's, or "" if there is none. */
static int read_interpreter(int file, char ret_path[PATH_SIZE])
{
    Elf64_Ehdr header;
    Elf64_Phdr segment;

    if (!read_at(file, &header, sizeof header, 0) || !is_native(&header))
        return -ENOEXEC;
    ret_path[0] = '\0';
    for (unsigned i = 0; i < header.e_phnum; i++) {
        if (header.e_phoff > INT64_MAX ||
            !read_at(file, &segment, sizeof segment, header.e_phoff + i * sizeof segment))
            return -ENOEXEC;
        if (segment.p_type != PT_INTERP)
            continue;
        if (segment.p_filesz < 2 || segment.p_filesz > PATH_SIZE ||
            !read_at(file, ret_path, segment.p_filesz, segment.p_offset) ||
            ret_path[segment.p_filesz - 1] != '\0')
            return -ENOEXEC;
        return 0;
    }
    return 0;
}

static int open_interpreter(const char *path)
{
    const char *name = name_in_folder(path);

    return name != NULL && strncmp(name, "ld-", 3) == 0 ? open_regular(path) : -EACCES;
}

int program_open(const char *path, struct program *ret_program)
{
    struct program program = {.loader = -1};
    char interpreter[PATH_SIZE];

    program.file = open_regular(path);
    if (program.file < 0)
        return program.file;
    int error = read_interpreter(program.file, interpreter);
    if (error == 0 && interpreter[0] != '\0') {
        program.loader = open_interpreter(interpreter);
        if (program.loader < 0)
            error = program.loader;
    }
    if (error) {
        close(program.file);
        return error;
    }
    *ret_program = program;
    return 0;
}

int program_copy(struct program *program)
{
    int error = code_copy(&program->file);
    if (error == 0 && program->loader >= 0)
        error = code_copy(&program->loader);
    return error;
}

void program_close(struct program *program)
{
    if (program->file >= 0)
        close(program->file);
    if (program->loader >= 0)
        close(program->loader);
    *program = (struct program){-1, -1};
}
