/*
 * The realm's table: what a realm may ask of the kernel, and why.
 *
 * The calls are those that the loader, the C library's start and exit, jemalloc and librealm make (traced),
 * and reading and writing of the descriptors that the scenario gave. Rule: fewest calls wins. A call without
 * a row is EPERM; the refusals at the end name those that would break a promise of docs/security.md if they
 * were allowed, so that each can be taken out and its attack seen to succeed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "mm/sandbox/filter_table.h"

/* What pthread_create asks for, and no bit else: a thread, never a process, never a namespace. */
#define THREAD_FLAGS                                                                                         \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |       \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* ARCH_SET_FS of <asm/prctl.h>, which other machines do not have; neither have they the call. */
#define CODE_SET_FS 0x1002

/* <sys/mman.h> and <linux/mman.h> name all types of mapping in these bits. */
#define MAPPING_TYPES 0x0fu

#define ALLOW(name, why)                                                                                     \
    {                                                                                                        \
        .kind = FILTER_ALLOW, .call = (name), .text = "", .reason = (why)                                    \
    }
#define REFUSE(name, why)                                                                                    \
    {                                                                                                        \
        .kind = FILTER_REFUSE, .call = (name), .text = "", .reason = (why)                                   \
    }
#define ANSWER(name, number, why)                                                                            \
    {                                                                                                        \
        .kind = FILTER_REFUSE, .error = (number), .call = (name), .text = "", .reason = (why)                \
    }
#define NOTIFY(name, why)                                                                                    \
    {                                                                                                        \
        .kind = FILTER_NOTIFY, .call = (name), .text = "", .reason = (why)                                   \
    }

/* clang-format off */
static const struct filter_row rows[] = {
    {.kind = FILTER_KILL_ARCH, .call = "(32-bit and x32 calls)", .text = "",
     .reason = "Their numbers mean other calls: what this table says would not hold for them."},
    /* --- reading and writing what the scenario gave --- */
    ALLOW("read", "Files, pipes and the control socket are handed over as descriptors; the loader reads its libraries."),
    ALLOW("write", "Standard output and error are pipes into the log."),
    ALLOW("readv", "The same, for libraries that gather."),
    ALLOW("writev", "The same; the C library's own messages are written so."),
    ALLOW("pread64", "Reading at a place leaves no trace in the shared offset; the loader reads program headers so."),
    ALLOW("pwrite64", "Writing at a place, for files that the scenario gives for writing."),
    ALLOW("pwritev2", "A hint into a peer's pipe must not wait: RWF_NOWAIT says so for one write."),
    {.kind = FILTER_ONLY, .call = "pwritev2", .text = "flags RWF_NOWAIT",
     .reason = "RWF_NOAPPEND writes over what is there, into a file that was given for appending.",
     .condition = {.argument = 5, .mask = FILTER_INT, .values_count = 1, .values = {RWF_NOWAIT}}},
    ALLOW("close", "Descriptors are closed once they are mapped."),
    ALLOW("fcntl", "stdio asks how a descriptor was opened; the pipe waiter checks its pipe; a receiver looks at the seals of memory."),
    {.kind = FILTER_ONLY, .call = "fcntl", .text = "command F_GETFD, F_GETFL or F_GET_SEALS",
     .reason = "Every other command writes state that another realm can read, adds seals, or makes a descriptor of a chosen number.",
     .condition = {.argument = 1, .mask = FILTER_INT, .values_count = 3, .values = {F_GETFD, F_GETFL, F_GET_SEALS}}},
    /* --- memory --- */
    ALLOW("brk", "The C library's own allocator."),
    ALLOW("mmap", "Programs, stacks, heaps, and the regions that the broker sends."),
    {.kind = FILTER_ONLY, .call = "mmap", .text = "MAP_PRIVATE, or MAP_SHARED of a descriptor",
     .reason = "Shared anonymous memory is not bounded by RLIMIT_DATA.",
     .condition = {.argument = 3, .mask = MAPPING_TYPES | MAP_ANONYMOUS, .values_count = 3, .values = {MAP_PRIVATE, MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED}}},
    {.kind = FILTER_ONLY, .call = "mmap", .text = "not MAP_GROWSDOWN",
     .reason = "A mapping that grows like a stack is not bounded by RLIMIT_DATA.",
     .condition = {.argument = 3, .mask = MAP_GROWSDOWN, .values_count = 1, .values = {0}}},
    {.kind = FILTER_ONLY, .call = "mmap", .text = "neither MAP_LOCKED nor MAP_HUGETLB",
     .reason = "Memory that cannot be paged out, and the large pages that the machine has set aside, are taken from everybody.",
     .condition = {.argument = 3, .mask = MAP_LOCKED | MAP_HUGETLB, .values_count = 1, .values = {0}}},
    ALLOW("munmap", "Memory is given back."),
    ALLOW("mprotect", "The loader protects what it has relocated; stacks get a guard page."),
    ALLOW("madvise", "Allocators give pages back, thread stacks too."),
    {.kind = FILTER_ONLY, .call = "madvise", .text = "advice MADV_DONTNEED, MADV_FREE, MADV_NOHUGEPAGE, MADV_DONTDUMP or MADV_DODUMP",
     .reason = "MADV_REMOVE punches holes into shared files, MADV_MERGEABLE tells equal pages of others by their timing, MADV_PAGEOUT pushes out what others use.",
     .condition = {.argument = 2, .mask = FILTER_INT, .values_count = 5, .values = {MADV_DONTNEED, MADV_FREE, MADV_NOHUGEPAGE, MADV_DONTDUMP, MADV_DODUMP}}},
    /* --- threads and sleeping --- */
    ALLOW("clone", "pthread_create, within the limit of threads."),
    {.kind = FILTER_ONLY, .call = "clone", .text = "the flags of pthread_create",
     .reason = "A process of its own would have limits of its own, and a namespace capabilities.",
     .condition = {.argument = 0, .mask = ~(uint64_t)CLONE_DETACHED, .values_count = 1, .values = {THREAD_FLAGS}}},
    ANSWER("clone3", ENOSYS, "Its flags are in memory, where a filter cannot look; the C library then uses clone."),
    ALLOW("set_robust_list", "Each thread of the C library announces its list of mutexes."),
    ALLOW("set_tid_address", "The C library's start; thread ends are announced there."),
    ALLOW("rseq", "The C library registers each thread."),
    ALLOW("arch_prctl", "The loader sets the thread pointer (x86-64)."),
    {.kind = FILTER_ONLY, .call = "arch_prctl", .text = "code ARCH_SET_FS",
     .reason = "Other codes switch instructions off or permit larger state, whose room in the kernel no limit counts.",
     .condition = {.argument = 0, .mask = FILTER_ALL, .values_count = 1, .values = {CODE_SET_FS}}},
    ALLOW("futex", "Mutexes, and sleeping on a channel."),
    {.kind = FILTER_ONLY, .call = "futex", .text = "operation WAIT, WAKE or WAIT_BITSET",
     .reason = "Requeueing moves a peer's sleepers to where nobody wakes them; an inherited-priority lock tells of a thread of another realm when it ends.",
     .condition = {.argument = 1, .mask = FILTER_INT & ~(uint64_t)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME), .values_count = 3, .values = {FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET}}},
    {.kind = FILTER_ALLOW_WAITV, .call = "futex_waitv", .text = "unless left out on purpose",
     .reason = "A call waits for its reply and for the broker at once."},
    ALLOW("poll", "The control socket and the log are polled (x86-64)."),
    ALLOW("ppoll", "The control socket and the hint pipe are waited for."),
    ALLOW("restart_syscall", "The kernel goes on with a timed wait in this way after a stop."),
    ALLOW("clock_gettime", "Where the kernel's fast clock cannot be read in user space."),
    {.kind = FILTER_ONLY, .call = "clock_gettime", .text = "the clocks of the machine, and its own time",
     .reason = "Every other process has a clock, which tells that it is there and how long it has run.",
     .condition = {.argument = 0, .mask = FILTER_INT, .values_count = 5, .values = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_COARSE}}},
    ALLOW("clock_nanosleep", "nanosleep of the C library."),
    {.kind = FILTER_ONLY, .call = "clock_nanosleep", .text = "clock REALTIME or MONOTONIC",
     .reason = "Whoever sleeps by another process's clock hears when that one runs.",
     .condition = {.argument = 0, .mask = FILTER_INT, .values_count = 2, .values = {CLOCK_REALTIME, CLOCK_MONOTONIC}}},
    ALLOW("sched_getaffinity", "librealm and jemalloc ask how many processors there are."),
    {.kind = FILTER_ONLY, .error = ENOSYS, .call = "sched_getaffinity", .text = "pid 0",
     .reason = "Which processes there are, and where they may run, is nobody's affair; the C library lives with ENOSYS.",
     .condition = {.argument = 0, .mask = FILTER_ALL, .values_count = 1, .values = {0}}},
    {.kind = FILTER_ALLOW_RING, .call = "io_uring_enter", .text = "in a realm with a ring",
     .reason = "The ring was restricted before it was handed over."},
    /* --- signals and the end --- */
    ALLOW("rt_sigaction", "SIGBUS is how a revoked region is noticed; SIGPIPE is ignored."),
    ALLOW("rt_sigprocmask", "The C library blocks signals while it makes a thread."),
    ALLOW("rt_sigreturn", "The end of every signal handler."),
    ALLOW("sigaltstack", "A handler that runs when the stack is full."),
    ALLOW("exit", "The end of a thread."),
    ALLOW("exit_group", "The end of a realm."),
    /* --- itself --- */
    ALLOW("getpid", "A realm's own number; 1 where it has a namespace."),
    ALLOW("gettid", "A thread's own number; the C library's recursive locks."),
    ALLOW("getrandom", "jemalloc and hash tables are seeded; the C library's start."),
    ALLOW("prlimit64", "The C library asks for the size of the stack."),
    {.kind = FILTER_ONLY, .call = "prlimit64", .text = "pid 0",
     .reason = "Another process's limits are not its affair.",
     .condition = {.argument = 0, .mask = FILTER_INT, .values_count = 1, .values = {0}}},
    {.kind = FILTER_ONLY, .call = "prlimit64", .text = "new limit NULL",
     .reason = "A realm that sets limits could raise its own up to the hard ones.",
     .condition = {.argument = 2, .mask = FILTER_ALL, .values_count = 1, .values = {0}}},
    /* --- the control socket --- */
    ALLOW("getsockopt", "librealm makes sure that descriptor 3 is its control socket."),
    {.kind = FILTER_ONLY, .call = "getsockopt", .text = "option SO_TYPE or SO_DOMAIN",
     .reason = "Others tell who the broker is, hand out a descriptor of its process, or count what it has queued.",
     .condition = {.argument = 2, .mask = FILTER_INT, .values_count = 2, .values = {SO_TYPE, SO_DOMAIN}}},
    ALLOW("recvmsg", "Packets with descriptors come from the broker."),
    ALLOW("sendto", "Packets go to the broker."),
    {.kind = FILTER_ONLY, .call = "sendto", .text = "no address",
     .reason = "A socket that was not connected would reach whoever is named.",
     .condition = {.argument = 4, .mask = FILTER_ALL, .values_count = 1, .values = {0}}},
    /* --- loading --- */
    NOTIFY("openat", "The launcher opens the program and its libraries, read-only, while the realm loads; then it is ENOSYS."),
    NOTIFY("fstat", "The loader tells libraries apart by it. Afterwards a file's times would speak of others who hold it: ENOSYS."),
    NOTIFY("newfstatat", "The C library asks fstat in this way. The launcher answers for descriptors, never for a path."),
    NOTIFY("execveat", "The launcher lets one pass, of the program that it has planned; then it is ENOSYS."),
    ANSWER("open", ENOENT, "A loader and an allocator that look for their settings go on without (x86-64)."),
    ANSWER("access", ENOENT, "The loader looks for ld.so.preload and goes on without."),
    ANSWER("faccessat", ENOENT, "What files the machine has is nobody's affair; the loader on other machines looks so."),
    ANSWER("faccessat2", ENOENT, "The same, as newer C libraries ask."),
    ANSWER("readlink", ENOENT, "jemalloc looks for a link with its settings and goes on without."),
    ANSWER("readlinkat", ENOENT, "The same, on machines without readlink."),
    /* --- refused: a second program, a process, a file --- */
    REFUSE("execve", "A second program would not be the one that the scenario names."),
    REFUSE("fork", "A process of its own would have limits of its own and outlive the realm."),
    REFUSE("vfork", "The same."),
    REFUSE("openat2", "It opens files like openat, and nobody would be asked."),
    REFUSE("creat", "It makes files where there is no namespace to hide them."),
    REFUSE("statx", "It tells what files the machine has."),
    REFUSE("stat", "The same."),
    REFUSE("lstat", "The same."),
    REFUSE("statfs", "It tells what file systems the machine has."),
    REFUSE("getdents64", "It lists a folder that was handed over as a descriptor."),
    REFUSE("mkdir", "It makes folders where there is no namespace to hide them."),
    REFUSE("unlink", "It removes files where there is no namespace to hide them."),
    REFUSE("rename", "It moves files where there is no namespace to hide them."),
    REFUSE("symlink", "It makes links where there is no namespace to hide them."),
    REFUSE("chmod", "It changes files where there is no namespace to hide them."),
    REFUSE("chdir", "A folder that cannot be entered is no way to what is below."),
    /* --- refused: other processes --- */
    REFUSE("kill", "Where there is no pid namespace it reaches every realm of the same user."),
    REFUSE("tkill", "The same."),
    REFUSE("tgkill", "The same; abort and raise then end in a fault instead."),
    REFUSE("rt_sigqueueinfo", "The same."),
    REFUSE("rt_tgsigqueueinfo", "The same."),
    REFUSE("pidfd_send_signal", "The same."),
    REFUSE("pidfd_open", "A handle on another process, to wait for or to take from."),
    REFUSE("pidfd_getfd", "It takes descriptors out of another process."),
    REFUSE("ptrace", "It reads and writes another process."),
    REFUSE("process_vm_readv", "It reads another process's memory."),
    REFUSE("process_vm_writev", "It writes another process's memory."),
    REFUSE("process_madvise", "It pages out another process's memory."),
    REFUSE("kcmp", "It tells which objects of the kernel two processes share."),
    REFUSE("setpriority", "It slows other processes of the same user down."),
    REFUSE("sched_setaffinity", "The same, by moving them to one processor."),
    /* --- refused: the network, and sockets of its own --- */
    REFUSE("socket", "The network of the host where there is no namespace; kernel memory everywhere."),
    REFUSE("socketpair", "Its buffers are kernel memory, and it can pass descriptors to itself, which are counted per user."),
    REFUSE("setsockopt", "It makes the buffers of the control socket larger, which are kernel memory."),
    REFUSE("sendmsg", "Descriptors in flight are counted per user: sent and never read, they stop every realm's; and what was sent is kept by whoever got it."),
    REFUSE("sendmmsg", "The same."),
    /* --- refused: memory that no limit of the realm counts --- */
    REFUSE("memfd_create", "Its pages are counted by no limit of the process."),
    REFUSE("memfd_secret", "The same, and it keeps the machine from sleeping."),
    REFUSE("shmget", "System V memory is counted by no limit of the process, and outlives it."),
    REFUSE("msgget", "A queue holds kernel memory, outlives its realm, and is a name that two realms can share."),
    REFUSE("semget", "A set of semaphores is a name that two realms can share, and outlives them."),
    REFUSE("mq_open", "A queue is a name that two realms can share."),
    REFUSE("pipe", "A pipe's buffers are kernel memory, up to 1 MiB each."),
    REFUSE("pipe2", "The same."),
    REFUSE("eventfd2", "Kernel memory, as many as there are descriptors."),
    REFUSE("epoll_create1", "Kernel memory, and nested sets are slow for the kernel to walk."),
    REFUSE("timerfd_create", "Kernel memory and timers."),
    REFUSE("signalfd4", "Kernel memory."),
    REFUSE("inotify_init1", "It tells what happens to files, also to a region that was revoked."),
    REFUSE("fanotify_init", "The same."),
    REFUSE("timer_create", "A timer of this kind is kernel memory and sends signals."),
    REFUSE("add_key", "Keys are kernel memory, and keyrings a name that realms of one user share."),
    REFUSE("request_key", "The same."),
    REFUSE("keyctl", "The same."),
    REFUSE("mlock", "Memory that cannot be paged out is taken from everybody."),
    REFUSE("mlock2", "The same."),
    REFUSE("mlockall", "The same."),
    /* --- refused: what lets two realms talk over a file that they share --- */
    REFUSE("lseek", "The offset is shared by all who hold the open file description."),
    REFUSE("ioctl", "State of files and terminals, typing into a terminal among it."),
    REFUSE("flock", "A lock is seen by others who hold the file."),
    REFUSE("setxattr", "An attribute is seen by others who hold the file."),
    REFUSE("fsetxattr", "The same."),
    REFUSE("fgetxattr", "The same, reading."),
    REFUSE("fremovexattr", "The same."),
    REFUSE("utimensat", "A file's times are seen by others who hold it."),
    REFUSE("fchmod", "A file's mode is seen by others who hold it."),
    REFUSE("fchown", "A file's owner is seen by others who hold it."),
    /* --- refused: keeping or taking what was revoked --- */
    REFUSE("ftruncate", "Its own region, cut short, is a fault in its peer; and a revoked one would grow again."),
    REFUSE("truncate", "The same, by name."),
    REFUSE("fallocate", "The same, by holes and by space."),
    REFUSE("vmsplice", "A page in a pipe stays, and is shared, after its region was revoked."),
    REFUSE("splice", "The same."),
    REFUSE("tee", "The same."),
    REFUSE("sendfile", "The same."),
    REFUSE("copy_file_range", "The same, between files."),
    REFUSE("dup", "A descriptor of a chosen number, where another was expected; and one more for each call."),
    REFUSE("dup2", "The same."),
    REFUSE("dup3", "The same."),
    /* --- refused: the box itself, and the kernel's large surfaces --- */
    REFUSE("io_uring_setup", "A ring of its own would not be restricted."),
    REFUSE("io_uring_register", "Registered buffers keep the pages of a revoked region; registered files keep descriptors."),
    REFUSE("seccomp", "A filter of its own can have a listener of its own."),
    REFUSE("prctl", "It switches off that the realm dies with its launcher."),
    REFUSE("unshare", "A user namespace gives capabilities again."),
    REFUSE("setns", "The same, another's."),
    REFUSE("mount", "It needs what unshare gives."),
    REFUSE("userfaultfd", "It stops whoever reads a page of this realm, the launcher among them, for as long as the realm likes."),
    REFUSE("membarrier", "It interrupts every processor, as often as the realm likes."),
    REFUSE("sched_setscheduler", "A class of scheduling that lets nobody else run."),
    REFUSE("sched_setattr", "The same."),
    REFUSE("setrlimit", "It raises the soft limits that the launcher has set."),
    REFUSE("perf_event_open", "Counters tell what others do; a large surface."),
    REFUSE("bpf", "Programs in the kernel; a large surface."),
    REFUSE("sysinfo", "The machine's free memory is a signal that every realm can give and read."),
    REFUSE("uname", "The host's name and kernel, where there is no namespace to hide them."),
};
/* clang-format on */

const struct filter_table filter_table_realm = {.rows = rows, .count = sizeof rows / sizeof *rows};
