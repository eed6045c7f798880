/*
 * The tables of the broker and of the launcher, for their loops.
 *
 * The broker reads everything that realms send: whoever finds a fault in it finds a process that can open,
 * execute and connect nothing. The launcher forks, opens and mounts by trade, and its realms inherit its
 * filter below their own; what neither ever does is taken from it.
 *
 * Under AddressSanitizer both can do what its reports need, leak reports included: such a build is for
 * tests, and says so in `realm doctor --filter`.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "mm/sandbox/filter_table.h"

#define ALLOW(name, why)                                                                                     \
    {                                                                                                        \
        .kind = FILTER_ALLOW, .call = (name), .text = "", .reason = (why)                                    \
    }
#define REFUSE(name, why)                                                                                    \
    {                                                                                                        \
        .kind = FILTER_REFUSE, .call = (name), .text = "", .reason = (why)                                   \
    }

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* clang-format off */
#ifdef SANITIZED
/* What a report needs: where the code lies, names for it, and for leaks a process that looks at this one. */
#define SANITIZER_ROWS                                                                                       \
    ALLOW("open", "Sanitizer: its map of the memory, and names (x86-64)."), \
    ALLOW("openat", "Sanitizer: the same."), \
    ALLOW("readlink", "Sanitizer: the program's name (x86-64)."), \
    ALLOW("readlinkat", "Sanitizer: the same."), \
    ALLOW("alarm", "Sanitizer: gives up looking for leaks after a while (x86-64)."), \
    ALLOW("exit", "Sanitizer: the end of the process that looks."), \
    ALLOW("getdents", "Sanitizer: the threads to look at (x86-64)."), \
    ALLOW("lseek", "Sanitizer: reading tables of names."), \
    ALLOW("getdents64", "Sanitizer: the threads to look at."), \
    ALLOW("getpid", "Sanitizer: who reports."), \
    ALLOW("gettid", "Sanitizer: the same."), \
    ALLOW("getppid", "Sanitizer: the same."), \
    ALLOW("mprotect", "Sanitizer: guards, and shadows of memory."), \
    ALLOW("madvise", "Sanitizer: the same."), \
    ALLOW("rt_sigaction", "Sanitizer: its handlers."), \
    ALLOW("rt_sigprocmask", "Sanitizer: none while it reports."), \
    ALLOW("sigaltstack", "Sanitizer: their stack."), \
    ALLOW("sched_yield", "Sanitizer: its locks."), \
    ALLOW("clone", "Sanitizer: the process that looks for leaks."), \
    ALLOW("wait4", "Sanitizer: waits for it."), \
    ALLOW("prctl", "Sanitizer: lets itself be looked at."), \
    ALLOW("ptrace", "Sanitizer: stops and looks at this process."), \
    ALLOW("getrlimit", "Sanitizer: the size of the stack."), \
    ALLOW("prlimit64", "Sanitizer: the same."),
#define REFUSE_UNSANITIZED(name, why)
#else
#define SANITIZER_ROWS
#define REFUSE_UNSANITIZED(name, why) REFUSE(name, why),
#endif

#ifdef REALM_STOP_POINTS
/* Test builds can stand still at a point of the protocol: they stop themselves by a signal. */
#define STOP_POINT_ROWS                                                                                      \
    ALLOW("gettid", "Stop points of tests."), ALLOW("getpid", "Stop points of tests."),                      \
    ALLOW("tgkill", "Stop points of tests."), ALLOW("pause", "Stop points of tests (x86-64)."),                       \
    ALLOW("rt_sigprocmask", "Stop points of tests."),
#else
#define STOP_POINT_ROWS
#endif

#define KILL_ARCH                                                                                            \
    {.kind = FILTER_KILL_ARCH, .call = "(32-bit and x32 calls)", .text = "",                                 \
     .reason = "Their numbers mean other calls: what this table says would not hold for them."}

static const struct filter_row broker_rows[] = {
    KILL_ARCH,
    ALLOW("epoll_wait", "The loop (x86-64)."),
    ALLOW("epoll_pwait", "The loop, on other machines."),
    ALLOW("epoll_ctl", "What the loop waits for."),
    ALLOW("poll", "Whether the reader of the events has room (x86-64)."),
    ALLOW("ppoll", "The same, on other machines."),
    ALLOW("restart_syscall", "The kernel goes on with a timed wait in this way after a stop."),
    ALLOW("clock_gettime", "Where the kernel's fast clock cannot be read in user space."),
    ALLOW("recvmsg", "Packets of realms, and of the launcher with its descriptors."),
    ALLOW("recvfrom", "Requests of administrators."),
    ALLOW("sendmsg", "Packets to realms and to the launcher, with descriptors."),
    ALLOW("sendto", "Packets without."),
    {.kind = FILTER_ONLY, .call = "sendto", .text = "no address",
     .reason = "Every socket of the broker is connected.",
     .condition = {.argument = 4, .mask = FILTER_ALL, .values_count = 1, .values = {0}}},
    ALLOW("accept4", "Administrators connect."),
    ALLOW("getsockopt", "Who an administrator is."),
    ALLOW("geteuid", "Whether an administrator is the same user."),
    ALLOW("read", "Logs of realms."),
    ALLOW("write", "Events."),
    ALLOW("writev", "The C library's own messages."),
    ALLOW("close", "Descriptors that have served."),
    ALLOW("fcntl", "Sealing of regions and pages; pipes and sockets that do not wait."),
#ifndef SANITIZED
    {.kind = FILTER_ONLY, .call = "fcntl", .text = "command F_ADD_SEALS, F_GET_SEALS, F_GETFL or F_SETFL",
     .reason = "Nothing else is asked; no descriptor of a chosen number.",
     .condition = {.argument = 1, .mask = FILTER_INT, .values_count = 4, .values = {F_ADD_SEALS, F_GET_SEALS, F_GETFL, F_SETFL}}},
#endif
    ALLOW("fstat", "Whether a region has the size that was asked for."),
    ALLOW("newfstatat", "The C library asks fstat in this way."),
#ifndef SANITIZED
    {.kind = FILTER_ONLY, .call = "newfstatat", .text = "flags = AT_EMPTY_PATH",
     .reason = "Not by name.",
     .condition = {.argument = 3, .mask = FILTER_ALL, .values_count = 1, .values = {AT_EMPTY_PATH}}},
#endif
    ALLOW("ftruncate", "Revocation."),
    ALLOW("shutdown", "The same, of a pipe of hints."),
    ALLOW("mmap", "Control pages of realms, and the heap."),
    {.kind = FILTER_ONLY, .call = "mmap", .text = "not PROT_EXEC",
     .reason = "No code comes into the broker after its start.",
     .condition = {.argument = 2, .mask = PROT_EXEC, .values_count = 1, .values = {0}}},
    ALLOW("munmap", "Control pages of realms that have ended, and the heap."),
    ALLOW("brk", "The heap."),
    ALLOW("futex", "Waking who sleeps on an epoch."),
    ALLOW("getrandom", "Cookies."),
    ALLOW("rt_sigreturn", "The end of a signal handler."),
    ALLOW("exit_group", "The end."),
    SANITIZER_ROWS
    STOP_POINT_ROWS
    REFUSE("execve", "A broker that was taken over starts nothing."),
    REFUSE("execveat", "The same."),
    REFUSE_UNSANITIZED("openat", "It opens nothing.")
    REFUSE_UNSANITIZED("open", "The same.")
    REFUSE("openat2", "The same."),
    REFUSE("socket", "It makes no connection."),
    REFUSE("socketpair", "The same."),
    REFUSE("connect", "The same."),
    REFUSE("bind", "The same."),
    REFUSE_UNSANITIZED("clone", "It starts no process and no thread.")
    REFUSE("clone3", "The same."),
    REFUSE("fork", "The same."),
    REFUSE("vfork", "The same."),
    REFUSE("kill", "Realms are killed by the launcher, on request; a failed assertion ends in a fault."),
    REFUSE("pidfd_send_signal", "The same."),
    REFUSE_UNSANITIZED("ptrace", "It looks into no process.")
    REFUSE("process_vm_readv", "The same."),
    REFUSE("process_vm_writev", "The same."),
    REFUSE("pidfd_getfd", "It takes nothing out of a process."),
    REFUSE_UNSANITIZED("mprotect", "No memory becomes code.")
    REFUSE_UNSANITIZED("prctl", "It stays bound to its launcher.")
    REFUSE("io_uring_setup", "A ring would go around this table."),
    REFUSE("memfd_create", "Memory comes from the launcher, counted."),
    REFUSE_UNSANITIZED("prlimit64", "Its limits stay.")
};

static const struct filter_row launcher_rows[] = {
    KILL_ARCH,
    {.kind = FILTER_ALLOW_REALM, .call = "(what realms may)", .text = "",
     .reason = "A filter is inherited: realms need below it what their own allows."},
    ALLOW("recvfrom", "A new realm waits to be released."),
    ALLOW("shutdown", "The broker hears that no more exits will come."),
    ALLOW("pipe2", "Logs and hints."),
    ALLOW("socketpair", "Control sockets, and the child's report."),
    ALLOW("memfd_create", "Regions and pages, for the broker."),
    ALLOW("ftruncate", "Their sizes."),
    ALLOW("process_vm_readv", "The path of a library that a loading realm asks for."),
    ALLOW("process_vm_writev", "What a descriptor is, for a loading realm that asks."),
    ALLOW("ioctl", "Answers to notifications."),
    {.kind = FILTER_ONLY, .call = "ioctl", .text = "SECCOMP_IOCTL_NOTIF_RECV, _SEND, _ID_VALID or _ADDFD",
     .reason = "Terminals and devices have commands of their own.",
     .condition = {.argument = 1, .mask = FILTER_INT, .values_count = 4, .values = {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND, SECCOMP_IOCTL_NOTIF_ID_VALID, SECCOMP_IOCTL_NOTIF_ADDFD}}},
    ALLOW("fcntl", "Sizes of pipes, moving descriptors into place, and the seals of memory."),
    ALLOW("sendto", "A new realm is released."),
    ALLOW("sendmsg", "Descriptors for the broker."),
    ALLOW("pidfd_open", "A child whose listener it takes."),
    ALLOW("pidfd_getfd", "That listener."),
    ALLOW("clone", "A realm, with its namespaces."),
    ALLOW("wait4", "Realms that ended."),
    ALLOW("waitid", "The same."),
    ALLOW("kill", "A realm that must end, with its group."),
    ALLOW("mmap", "Memory."),
    ALLOW("madvise", "Memory."),
    ALLOW("futex", "Locks of the C library."),
    ALLOW("newfstatat", "Whether a library is a plain file."),
    ALLOW("prlimit64", "The limits of a realm."),
    ALLOW("getppid", "Whether the one who forked is still there."),
    ALLOW("mkdirat", "A realm's cgroup."),
    ALLOW("unlinkat", "The same, when it has ended."),
    {.kind = FILTER_ONLY, .call = "unlinkat", .text = "flags = AT_REMOVEDIR",
     .reason = "It removes no file.",
     .condition = {.argument = 2, .mask = FILTER_INT, .values_count = 1, .values = {AT_REMOVEDIR}}},
    ALLOW("geteuid", "Id maps."),
    ALLOW("getegid", "The same."),
    ALLOW("getuid", "The same."),
    ALLOW("getgid", "The same."),
    ALLOW("prctl", "Before exec: dies with the launcher, has no capabilities, gains none."),
    ALLOW("seccomp", "Before exec: the realm's filter."),
    ALLOW("landlock_create_ruleset", "Before exec: Landlock."),
    ALLOW("landlock_add_rule", "The same."),
    ALLOW("landlock_restrict_self", "The same."),
    ALLOW("setgroups", "Before exec: the ids of nobody."),
    ALLOW("setresgid", "The same."),
    ALLOW("setresuid", "The same."),
    ALLOW("setsid", "Before exec: a session of its own."),
    ALLOW("capset", "Before exec: no capabilities."),
    ALLOW("capget", "The same."),
    ALLOW("dup2", "Before exec: exactly the planned descriptors."),
    ALLOW("dup3", "The same."),
    ALLOW("close_range", "The same."),
    ALLOW("umask", "Before exec: an empty root."),
    ALLOW("mount", "The same."),
    ALLOW("umount2", "The same."),
    ALLOW("pivot_root", "The same."),
    ALLOW("chdir", "The same."),
    ALLOW("sethostname", "Before exec: a name that tells nothing."),
    ALLOW("io_uring_setup", "Before exec: a provider's ring."),
    ALLOW("io_uring_register", "Before exec: its restrictions."),
    SANITIZER_ROWS
    STOP_POINT_ROWS
    REFUSE("execve", "Programs are started by descriptor."),
    REFUSE("socket", "It makes no connection."),
    REFUSE("connect", "The same."),
    REFUSE("bind", "The same."),
    REFUSE("listen", "The same."),
    REFUSE("accept4", "The same."),
    REFUSE_UNSANITIZED("ptrace", "It looks into realms only where a loading one asks.")
    REFUSE("unlink", "It removes no file."),
    REFUSE("rename", "It moves no file."),
    REFUSE("renameat2", "The same."),
    REFUSE("chmod", "It changes no file."),
    REFUSE("fchmodat", "The same."),
    REFUSE("bpf", "It loads nothing into the kernel."),
    REFUSE("init_module", "The same."),
    REFUSE("finit_module", "The same."),
    REFUSE("kexec_load", "The same."),
    REFUSE("perf_event_open", "It measures nobody."),
    REFUSE("userfaultfd", "It stops nobody."),
    REFUSE("open_by_handle_at", "It opens by name only."),
    REFUSE("keyctl", "It has no keys."),
    REFUSE("reboot", "It leaves the machine alone."),
    REFUSE("settimeofday", "The same."),
};
/* clang-format on */

const struct filter_table filter_table_broker = {.rows = broker_rows,
                                                 .count = sizeof broker_rows / sizeof *broker_rows};
const struct filter_table filter_table_launcher = {.rows = launcher_rows,
                                                   .count = sizeof launcher_rows / sizeof *launcher_rows};
