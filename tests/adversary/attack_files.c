/*
 * The file system: reaching a file of the host by each way that names one, and learning about it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* The path of a sibling of the secret, which does not exist. */
static const char *sibling(void)
{
    static char path[160];
    strcpy(path, target.folder);
    strcat(path, "/made");
    return path;
}

static const char *self_secret(void)
{
    static char path[160] = "/proc/self/root";
    strcat(path, target.secret);
    return path;
}

static void open_how(void)
{
    struct open_how how = {.flags = O_RDONLY};
    outcome_call(syscall(SYS_openat2, AT_FDCWD, target.secret, &how, sizeof how));
}

static void open_handle(void)
{
    struct {
        struct file_handle handle;
        unsigned char bytes[128];
    } name = {.handle.handle_bytes = 128};
    int mount;
    outcome_call(syscall(SYS_name_to_handle_at, AT_FDCWD, target.secret, &name, &mount, 0));
}

static void open_by_handle(void)
{
    struct {
        struct file_handle handle;
        unsigned char bytes[128];
    } name = {.handle = {.handle_bytes = 8, .handle_type = 1}};
    outcome_call(syscall(SYS_open_by_handle_at, AT_FDCWD, &name, O_RDONLY));
}

static void times(void)
{
    const struct timespec now[2] = {{1, 0}, {1, 0}};
    outcome_call(syscall(SYS_utimensat, AT_FDCWD, target.secret, now, 0));
}

static void stat_path(void)
{
    struct stat status;
    outcome_call(syscall(SYS_newfstatat, AT_FDCWD, target.secret, &status, 0));
}

/* The flag that fstat needs lets a path through as well: the path lies in memory, which no filter sees. */
static void stat_with_flag(void)
{
    struct stat status;
    outcome_call(syscall(SYS_newfstatat, AT_FDCWD, target.secret, &status, AT_EMPTY_PATH));
}

static void stat_directory(void)
{
    struct stat status;
    outcome_call(syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/fd", &status, AT_EMPTY_PATH));
}

static void statx_path(void)
{
    char buffer[256];
    outcome_call(syscall(SYS_statx, AT_FDCWD, target.secret, 0, 0x7ff, buffer));
}

static void list_root(void)
{
    char buffer[512];
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY | O_DIRECTORY, 0);
    outcome_call(fd < 0 ? fd : syscall(SYS_getdents64, fd, buffer, sizeof buffer));
}

static void read_link(void)
{
    char buffer[256];
    outcome_call(syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", buffer, sizeof buffer));
}

static void working_directory(void)
{
    char buffer[256];
    outcome_call(syscall(SYS_getcwd, buffer, sizeof buffer));
}

ATTACK_CALL(openat_read, SYS_openat, AT_FDCWD, target.secret, O_RDONLY, 0)
ATTACK_CALL(openat_write, SYS_openat, AT_FDCWD, target.secret, O_WRONLY | O_TRUNC, 0)
ATTACK_CALL(openat_create, SYS_openat, AT_FDCWD, sibling(), O_WRONLY | O_CREAT, 0600)
ATTACK_CALL(openat_unnamed, SYS_openat, AT_FDCWD, target.folder, O_RDWR | 020000000 | O_DIRECTORY, 0600)
ATTACK_CALL(openat_proc_root, SYS_openat, AT_FDCWD, self_secret(), O_RDONLY, 0)
ATTACK_CALL(openat_descriptor, SYS_openat, 1, target.secret, O_RDONLY, 0)
ATTACK_CALL(openat_program, SYS_openat, AT_FDCWD, "/proc/self/exe", O_RDONLY, 0)
ATTACK_CALL(openat_memory, SYS_openat, AT_FDCWD, "/dev/mem", O_RDWR, 0)
ATTACK_CALL(openat_library, SYS_openat, AT_FDCWD, "/etc/ld.so.cache", O_RDONLY, 0)
ATTACK_CALL(open_tree_root, 428, AT_FDCWD, "/", 1)
ATTACK_CALL(fsopen_proc, 430, "proc", 0)
ATTACK_CALL(rename_secret, SYS_renameat2, AT_FDCWD, target.secret, AT_FDCWD, sibling(), 0)
ATTACK_CALL(unlink_secret, SYS_unlinkat, AT_FDCWD, target.secret, 0)
ATTACK_CALL(make_folder, SYS_mkdirat, AT_FDCWD, sibling(), 0700)
ATTACK_CALL(make_node, SYS_mknodat, AT_FDCWD, sibling(), S_IFIFO | 0600, 0)
ATTACK_CALL(make_symlink, SYS_symlinkat, target.secret, AT_FDCWD, sibling())
ATTACK_CALL(make_link, SYS_linkat, AT_FDCWD, target.secret, AT_FDCWD, sibling(), 0)
ATTACK_CALL(link_descriptor, SYS_linkat, 1, "", AT_FDCWD, sibling(), AT_EMPTY_PATH)
ATTACK_CALL(truncate_secret, SYS_truncate, target.secret, 0)
ATTACK_CALL(change_mode, SYS_fchmodat, AT_FDCWD, target.secret, 0777)
ATTACK_CALL(change_owner, SYS_fchownat, AT_FDCWD, target.secret, 12345, 12345, 0)
ATTACK_CALL(set_attribute, SYS_setxattr, target.secret, "user.x", "y", 1, 0)
ATTACK_CALL(get_attribute, SYS_getxattr, target.secret, "user.x", NULL, 0)
ATTACK_CALL(access_secret, SYS_faccessat, AT_FDCWD, target.secret, R_OK)
ATTACK_CALL(change_directory, SYS_chdir, target.folder)
ATTACK_CALL(watch_folder, SYS_inotify_init1, 0)
/* With FAN_REPORT_FID, which needs no privilege. */
ATTACK_CALL(watch_everything, SYS_fanotify_init, 0x200, O_RDONLY)
ATTACK_CALL(file_system_figures, SYS_statfs, "/", NULL)
ATTACK_CALL(new_memfd, SYS_memfd_create, "mine", 0)
ATTACK_CALL(new_secret_memory, SYS_memfd_secret, 0)
ATTACK_CALL(sync_all, SYS_sync)

#ifdef __x86_64__
ATTACK_CALL(old_open, SYS_open, target.secret, O_RDONLY)
ATTACK_CALL(old_create, SYS_creat, sibling(), 0600)
ATTACK_CALL(old_stat, SYS_stat, target.secret, NULL)
ATTACK_CALL(old_library, SYS_uselib, target.secret)
#endif

/* After loading, opening does not exist any more; what would find out about files is denied. */
static const struct attack files[] = {
    {"open-secret", "opens a file of the host for reading", openat_read, .must = "ENOSYS"},
    {"open-write", "opens a file of the host and empties it", openat_write, .must = "ENOSYS"},
    {"open-create", "makes a file beside the secret", openat_create, .must = "ENOSYS"},
    {"open-tmpfile", "makes an unnamed file (O_TMPFILE)", openat_unnamed, .must = "ENOSYS"},
    {"open-proc-root", "opens the secret through /proc/self/root", openat_proc_root, .must = "ENOSYS"},
    {"open-from-descriptor", "opens relative to a descriptor of its own", openat_descriptor,
     .must = "ENOSYS"},
    {"open-own-program", "opens its own program for writing through /proc/self/exe", openat_program,
     .must = "ENOSYS"},
    {"open-dev-mem", "opens /dev/mem", openat_memory, .must = "ENOSYS"},
    {"open-late-library", "opens after loading what was served while loading", openat_library,
     .must = "ENOSYS"},
    {"openat2", "opens with openat2", open_how, .must = "EPERM"},
    {"name-to-handle", "turns a path into a file handle", open_handle, .must = "EPERM"},
    {"open-by-handle", "opens by a guessed file handle", open_by_handle, .must = "EPERM"},
    {"open-tree", "takes a detached copy of the mount tree", open_tree_root, .must = "EPERM"},
    {"fsopen-proc", "opens a new proc file system", fsopen_proc, .must = "EPERM"},
    {"rename", "renames the secret", rename_secret, .must = "EPERM"},
    {"unlink", "removes the secret", unlink_secret, .must = "EPERM"},
    {"mkdir", "makes a folder", make_folder, .must = "EPERM"},
    {"mknod", "makes a FIFO", make_node, .must = "EPERM"},
    {"symlink", "makes a symbolic link to the secret", make_symlink, .must = "EPERM"},
    {"link", "makes a hard link to the secret", make_link, .must = "EPERM"},
    {"link-descriptor", "gives a name to a descriptor (linkat, AT_EMPTY_PATH)", link_descriptor,
     .must = "EPERM"},
    {"truncate-path", "truncates the secret by its path", truncate_secret, .must = "EPERM"},
    {"chmod", "opens the secret to everybody", change_mode, .must = "EPERM"},
    {"chown", "gives the secret away", change_owner, .must = "EPERM"},
    {"utimensat", "changes the secret's times", times, .must = "EPERM"},
    {"setxattr", "writes an extended attribute", set_attribute, .must = "EPERM"},
    {"getxattr", "reads an extended attribute", get_attribute, .must = "EPERM"},
    {"access", "asks whether the secret can be read", access_secret, .must = "ENOENT"},
    {"stat-path", "asks for the secret's size and times", stat_path, .must = "ENOSYS"},
    {"stat-empty-path", "names the secret in a call that is allowed for fstat", stat_with_flag,
     .must = "ENOSYS"},
    {"stat-proc", "looks for a /proc", stat_directory, .must = "ENOSYS"},
    {"statx", "the same with statx", statx_path, .must = "EPERM"},
    {"list-root", "lists the root folder", list_root, .must = "ENOSYS"},
    {"readlink", "reads the path of its own program", read_link, .must = "ENOENT"},
    {"getcwd", "asks for its working directory", working_directory, .must = "EPERM"},
    {"chdir", "changes into the secret's folder", change_directory, .must = "EPERM"},
    {"inotify", "watches files", watch_folder, .must = "EPERM"},
    {"fanotify", "watches whole file systems", watch_everything, .must = "EPERM"},
    {"statfs", "asks for the file system's figures", file_system_figures, .must = "EPERM"},
    {"memfd-create", "makes a memfd of its own", new_memfd, .must = "EPERM"},
    {"memfd-secret", "makes secret memory, which no limit counts", new_secret_memory, .must = "EPERM"},
    {"sync", "writes all file systems back", sync_all, .must = "EPERM"},
#ifdef __x86_64__
    {"old-open", "opens with open(2)", old_open, .must = "ENOENT", .flags = ATTACK_X86},
    {"old-creat", "makes a file with creat(2)", old_create, .must = "EPERM", .flags = ATTACK_X86},
    {"old-stat", "asks with stat(2)", old_stat, .must = "EPERM", .flags = ATTACK_X86},
    {"uselib", "loads a library the old way", old_library, .must = "EPERM", .flags = ATTACK_X86},
#endif
};
ATTACK_THEME(files_theme, "files", "The file system", files, true);
