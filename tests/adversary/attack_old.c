/*
 * The same by other numbers: calls that were superseded, and those that newer libraries use. A filter knows
 * numbers, not purposes.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

static char buffer[512];

ATTACK_CALL(access_new, 439, AT_FDCWD, target.secret, R_OK, 0)
ATTACK_CALL(list_descriptor, SYS_getdents64, 0, buffer, sizeof buffer)
ATTACK_CALL(change_mode_new, 452, AT_FDCWD, target.secret, 0777, 0)
ATTACK_CALL(map_shadow, 453, 0, 4096, 0)
ATTACK_CALL(wake_new, 454, buffer, 1, 1, 2)
ATTACK_CALL(wait_new, 455, buffer, 1, 1, 2, NULL, 0)
ATTACK_CALL(requeue_new, 456, buffer, 0, 1, 1)
ATTACK_CALL(status_of_mount, 457, NULL, NULL, 0, 0)
ATTACK_CALL(attribute_of_module, 459, 100, buffer, buffer, 0)
ATTACK_CALL(close_all, 436, 3, ~0u, 4)
ATTACK_CALL(cache_figures, 451, 1, NULL, NULL, 0)

#ifdef __x86_64__
/* A child that shares the stack must not use it: it exits here, or the parent goes on with its remains. */
static void old_vfork(void)
{
    long result;
    __asm__ volatile("syscall\n\t"
                     "test %%eax, %%eax\n\t"
                     "jnz 1f\n\t"
                     "xor %%edi, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n"
                     "1:"
                     : "=a"(result)
                     : "a"((long)SYS_vfork), [exit] "i"(SYS_exit)
                     : "rcx", "r11", "rdi", "memory", "cc");
    errno = result < 0 ? (int)-result : 0;
    outcome_call(result < 0 ? -1 : result);
}

static const char *made(void)
{
    static char path[160];
    strcpy(path, target.folder);
    strcat(path, "/made");
    return path;
}

ATTACK_CALL(old_access, SYS_access, target.secret, R_OK)
ATTACK_CALL(old_lstat, SYS_lstat, target.secret, buffer)
ATTACK_CALL(old_mkdir, SYS_mkdir, made(), 0700)
ATTACK_CALL(old_rmdir, SYS_rmdir, target.folder)
ATTACK_CALL(old_unlink, SYS_unlink, made())
ATTACK_CALL(old_rename, SYS_rename, target.secret, made())
ATTACK_CALL(old_symlink, SYS_symlink, target.secret, made())
ATTACK_CALL(old_link, SYS_link, target.secret, made())
ATTACK_CALL(old_chmod, SYS_chmod, target.secret, 0666)
ATTACK_CALL(old_chown, SYS_chown, target.secret, -1, -1)
ATTACK_CALL(old_readlink, SYS_readlink, "/proc/self/exe", buffer, sizeof buffer)
ATTACK_CALL(old_getdents, SYS_getdents, 0, buffer, sizeof buffer)
ATTACK_CALL(old_utime, SYS_utime, target.secret, NULL)
ATTACK_CALL(old_pipe, SYS_pipe, buffer)
ATTACK_CALL(old_epoll, SYS_epoll_create, 1)
ATTACK_CALL(old_eventfd, SYS_eventfd, 0)
ATTACK_CALL(old_inotify, SYS_inotify_init)
ATTACK_CALL(old_select, SYS_select, 0, NULL, NULL, NULL, (long[2]){0, 0})
ATTACK_CALL(old_alarm, SYS_alarm, 0)
ATTACK_CALL(old_group, SYS_getpgrp)
ATTACK_CALL(old_time, SYS_time, NULL)
#endif

static const struct attack old[] = {
    {"new-faccessat2", "asks for access as newer libraries do", access_new, .must = "ENOENT"},
    {"new-getdents64", "lists a descriptor", list_descriptor, .must = "EPERM"},
    {"new-fchmodat2", "opens the secret to everybody", change_mode_new, .must = "EPERM"},
    {"new-shadow-stack", "maps a shadow stack", map_shadow, .must = "EPERM"},
    {"new-futex-wake", "wakes by the newer call", wake_new, .must = "EPERM"},
    {"new-futex-wait", "waits by the newer call", wait_new, .must = "EPERM"},
    {"new-futex-requeue", "moves sleepers by the newer call", requeue_new, .must = "EPERM"},
    {"new-statmount", "asks what is mounted", status_of_mount, .must = "EPERM"},
    {"new-lsm-self", "asks what security modules say of it", attribute_of_module, .must = "EPERM"},
    {"new-close-range", "marks all descriptors", close_all, .must = "EPERM"},
    {"new-cachestat", "asks which pages of a file others have used", cache_figures, .must = "EPERM"},
#ifdef __x86_64__
    {"old-access", "asks for access", old_access, .must = "ENOENT", .flags = ATTACK_X86},
    {"old-lstat", "asks for the secret's size", old_lstat, .must = "EPERM", .flags = ATTACK_X86},
    {"old-mkdir", "makes a folder", old_mkdir, .must = "EPERM", .flags = ATTACK_X86},
    {"old-rmdir", "removes the secret's folder", old_rmdir, .must = "EPERM", .flags = ATTACK_X86},
    {"old-unlink", "removes a file that is not there", old_unlink, .must = "EPERM", .flags = ATTACK_X86},
    {"old-rename", "renames the secret", old_rename, .must = "EPERM", .flags = ATTACK_X86},
    {"old-symlink", "makes a symbolic link", old_symlink, .must = "EPERM", .flags = ATTACK_X86},
    {"old-link", "makes a hard link", old_link, .must = "EPERM", .flags = ATTACK_X86},
    {"old-chmod", "opens the secret to everybody", old_chmod, .must = "EPERM", .flags = ATTACK_X86},
    {"old-chown", "gives the secret away", old_chown, .must = "EPERM", .flags = ATTACK_X86},
    {"old-readlink", "reads the path of its own program", old_readlink, .must = "ENOENT",
     .flags = ATTACK_X86},
    {"old-getdents", "lists a descriptor", old_getdents, .must = "EPERM", .flags = ATTACK_X86},
    {"old-utime", "changes the secret's times", old_utime, .must = "EPERM", .flags = ATTACK_X86},
    {"old-vfork", "makes a process that borrows its stack", old_vfork, .must = "EPERM", .flags = ATTACK_X86},
    {"old-pipe", "makes a pipe", old_pipe, .must = "EPERM", .flags = ATTACK_X86},
    {"old-epoll", "makes an epoll instance", old_epoll, .must = "EPERM", .flags = ATTACK_X86},
    {"old-eventfd", "makes an event descriptor", old_eventfd, .must = "EPERM", .flags = ATTACK_X86},
    {"old-inotify", "watches files", old_inotify, .must = "EPERM", .flags = ATTACK_X86},
    {"old-select", "waits with select", old_select, .must = "EPERM", .flags = ATTACK_X86},
    {"old-alarm", "sets an alarm", old_alarm, .must = "EPERM", .flags = ATTACK_X86},
    {"old-getpgrp", "asks for its process group", old_group, .must = "EPERM", .flags = ATTACK_X86},
    {"old-time", "asks for the time by a call", old_time, .must = "EPERM", .flags = ATTACK_X86},
#endif
};
ATTACK_THEME(old_theme, "old", "The same by older and newer calls", old, true);
