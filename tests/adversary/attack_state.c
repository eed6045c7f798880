/*
 * State of files that is no content: offsets, flags, owners, locks, times, modes, attributes. Two realms that
 * share an open file description or a file could write and read it after the memory is gone. Each attack is
 * one of them, on the read-only descriptor of a peer's region.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static struct raw_channel channel;

/* The peer's region as it came, in a channel that works. */
static int peer(void)
{
    raw_open();
    raw_connect("echo", &channel);
    return channel.peer_fd;
}

static int own(void)
{
    peer();
    return channel.own_fd;
}

static void lock_range(void)
{
    struct flock lock = {.l_type = F_RDLCK, .l_start = 42, .l_len = 7};
    outcome_call(fcntl(peer(), F_SETLK, &lock));
}

static void lock_range_open(void)
{
    struct flock lock = {.l_type = F_RDLCK, .l_start = 42, .l_len = 7};
    outcome_call(fcntl(peer(), F_OFD_SETLK, &lock));
}

static void see_lock(void)
{
    struct flock lock = {.l_type = F_WRLCK};
    outcome_call(fcntl(peer(), F_GETLK, &lock));
}

static void set_times(void)
{
    const struct timespec times[2] = {{1234567, 89}, {7654321, 98}};
    outcome_call(syscall(SYS_utimensat, peer(), NULL, times, 0));
}

static void own_times(void)
{
    const struct timespec times[2] = {{1234567, 89}, {7654321, 98}};
    outcome_call(syscall(SYS_utimensat, own(), NULL, times, 0));
}

static void non_blocking(void)
{
    int on = 1;
    outcome_call(ioctl(peer(), FIONBIO, &on));
}

static void inode_flags(void)
{
    long flags = FS_NOATIME_FL;
    outcome_call(ioctl(peer(), FS_IOC_SETFLAGS, &flags));
}

static void bytes_waiting(void)
{
    int count;
    outcome_call(ioctl(1, FIONREAD, &count));
}

static struct stat status;

ATTACK_CALL(look_at_status, SYS_fstat, peer(), &status)
ATTACK_CALL(look_at_own_status, SYS_newfstatat, own(), "", &status, AT_EMPTY_PATH)
ATTACK_CALL(seek, SYS_lseek, peer(), 0x1234, SEEK_SET)
ATTACK_CALL(seek_own, SYS_lseek, own(), 0x1234, SEEK_SET)
ATTACK_CALL(flags, SYS_fcntl, peer(), F_SETFL, O_NONBLOCK | O_APPEND)
/* No bytes, so that a log's pipe serves as a file that was opened for appending. */
ATTACK_CALL(not_at_end, SYS_pwritev2, 1, NULL, 0, 0, 0, 0x20)
ATTACK_CALL(flags_log, SYS_fcntl, 1, F_SETFL, O_NONBLOCK)
ATTACK_CALL(owner, SYS_fcntl, peer(), F_SETOWN, getpid())
ATTACK_CALL(signal_number, SYS_fcntl, peer(), F_SETSIG, 37)
ATTACK_CALL(lease, SYS_fcntl, peer(), F_SETLEASE, F_RDLCK)
ATTACK_CALL(notify, SYS_fcntl, peer(), F_NOTIFY, 1)
ATTACK_CALL(hint_of_life, SYS_fcntl, peer(), 1036, "\0\0\0\0\0\0\0")
ATTACK_CALL(pipe_size, SYS_fcntl, 1, F_SETPIPE_SZ, 1 << 20)
ATTACK_CALL(duplicate, SYS_fcntl, peer(), F_DUPFD, 1000)
ATTACK_CALL(descriptor_flags, SYS_fcntl, REALM_CONTROL_FD, F_SETFD, FD_CLOEXEC)
ATTACK_CALL(lock_whole, SYS_flock, peer(), LOCK_EX | LOCK_NB)
ATTACK_CALL(set_attribute, SYS_fsetxattr, peer(), "user.x", "secret", 6, 0)
ATTACK_CALL(get_attribute, SYS_fgetxattr, peer(), "user.x", NULL, 0)
ATTACK_CALL(list_attributes, SYS_flistxattr, peer(), NULL, 0)
ATTACK_CALL(remove_attribute, SYS_fremovexattr, peer(), "user.x")
/* Without the bits for execution, which are sealed. */
ATTACK_CALL(mode, SYS_fchmod, peer(), 0420)
ATTACK_CALL(file_owner, SYS_fchown, own(), -1, getgid())
ATTACK_CALL(advise, SYS_fadvise64, peer(), 0, 0, 4)
ATTACK_CALL(flush_file, SYS_fsync, own())
ATTACK_CALL(dup_plain, SYS_dup, 1)
ATTACK_CALL(dup_three, SYS_dup3, REALM_CONTROL_FD, 1000, 0)
ATTACK_CALL(change_to, SYS_fchdir, peer())
#ifdef __x86_64__
ATTACK_CALL(dup_two, SYS_dup2, REALM_CONTROL_FD, 1000)
#endif

static const struct attack state[] = {
    {"state-lseek", "writes 43 bits into the offset", seek, .must = "EPERM"},
    {"state-lseek-own", "the same on its own region, whose description the broker shares", seek_own,
     .must = "EPERM"},
    {"state-fstat", "reads the times of its peer's region", look_at_status, .must = "ENOSYS"},
    {"state-fstat-own", "the same of its own, which its peer reads", look_at_own_status, .must = "ENOSYS"},
    {"state-setfl", "sets status flags", flags, .must = "EPERM"},
    {"state-setfl-log", "makes its log's pipe non-blocking", flags_log, .must = "EPERM"},
    {"state-no-append", "writes elsewhere than at the end (RWF_NOAPPEND)", not_at_end, .must = "EPERM"},
    {"state-setown", "sets the owner for signals", owner, .must = "EPERM"},
    {"state-setsig", "sets the signal", signal_number, .must = "EPERM"},
    {"state-setlease", "takes a lease", lease, .must = "EPERM"},
    {"state-notify", "asks for notices", notify, .must = "EPERM"},
    {"state-rw-hint", "sets a write hint of the inode", hint_of_life, .must = "EPERM"},
    {"state-pipe-size", "makes a pipe's buffer 1 MiB", pipe_size, .must = "EPERM"},
    {"state-dupfd", "makes a descriptor of a chosen number", duplicate, .must = "EPERM"},
    {"state-setfd", "sets a descriptor's own flag", descriptor_flags, .must = "EPERM"},
    {"state-setlk", "locks a range", lock_range, .must = "EPERM"},
    {"state-ofd-setlk", "locks a range for the description", lock_range_open, .must = "EPERM"},
    {"state-getlk", "looks for another's lock", see_lock, .must = "EPERM"},
    {"state-flock", "locks the file", lock_whole, .must = "EPERM"},
    {"state-fsetxattr", "writes an extended attribute", set_attribute, .must = "EPERM"},
    {"state-fgetxattr", "reads an extended attribute", get_attribute, .must = "EPERM"},
    {"state-flistxattr", "lists extended attributes", list_attributes, .must = "EPERM"},
    {"state-fremovexattr", "removes an extended attribute", remove_attribute, .must = "EPERM"},
    {"state-utimensat", "writes 120 bits into the times", set_times, .must = "EPERM"},
    {"state-utimensat-own", "the same on its own region, which its peer can fstat", own_times,
     .must = "EPERM"},
    {"state-fchmod", "writes six bits into the mode", mode, .must = "EPERM"},
    {"state-fchown", "writes 32 bits into the group", file_owner, .must = "EPERM"},
    {"state-fionbio", "sets a flag with ioctl", non_blocking, .must = "EPERM"},
    {"state-fionread", "counts bytes in a pipe with ioctl", bytes_waiting, .must = "EPERM"},
    {"state-inode-flags", "sets flags of the inode with ioctl", inode_flags, .must = "EPERM"},
    {"state-fadvise", "drops the region's pages from the cache", advise, .must = "EPERM"},
    {"state-fsync", "writes its region back", flush_file, .must = "EPERM"},
    {"state-dup", "doubles a descriptor", dup_plain, .must = "EPERM"},
    {"state-dup3", "puts its control socket where another was", dup_three, .must = "EPERM"},
    {"state-fchdir", "enters a region as if it were a folder", change_to, .must = "EPERM"},
#ifdef __x86_64__
    {"state-dup2", "the same with dup2", dup_two, .must = "EPERM", .flags = ATTACK_X86},
#endif
};
ATTACK_THEME(state_theme, "state", "State of files that two realms could share", state, true);
