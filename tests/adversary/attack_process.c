/*
 * Processes: hurting, watching or becoming another one.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

static char word[8];
static char *const no_words[] = {NULL};
/* Another program, which needs no loader and says so (realm.c). */
static char *const other_words[] = {(char[]){"other"}, (char[]){"executed"}, NULL};

/* A call that returns twice if it succeeds: the child goes at once. */
static void outcome_fork(long pid)
{
    if (pid == 0)
        _exit(0);
    outcome_call(pid);
}

static void fork_plain(void)
{
#ifdef __x86_64__
    outcome_fork(syscall(SYS_fork));
#else
    outcome_fork(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
#endif
}

static void clone_process(void)
{
    outcome_fork(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static void clone_vm(void)
{
    static char stack[65536] __attribute__((aligned(16)));
    outcome_fork(syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, stack + sizeof stack, 0, 0, 0));
}

/* CLONE_THREAD, as the filter wants it, but with a new user namespace on top. */
static void clone_namespace(void)
{
    outcome_fork(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
}

static void clone_untraced(void)
{
    outcome_fork(syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0));
}

/* The kernel refuses this combination for what it asks; the filter must before that. */
static void clone_no_vm(void)
{
    outcome_fork(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0));
}

static void clone_new(void)
{
    uint64_t arguments[11] = {[4] = SIGCHLD};
    outcome_fork(syscall(435, arguments, sizeof arguments));
}

static void read_memory(void)
{
    struct iovec here = {word, sizeof word}, there = {word, sizeof word};
    outcome_call(syscall(SYS_process_vm_readv, target.victim, &here, 1, &there, 1, 0));
}

static void write_memory(void)
{
    struct iovec here = {word, sizeof word}, there = {word, sizeof word};
    outcome_call(syscall(SYS_process_vm_writev, target.victim, &here, 1, &there, 1, 0));
}

static void queue_signal(void)
{
    siginfo_t info = {.si_signo = SIGKILL, .si_code = SI_QUEUE};
    outcome_call(syscall(SYS_rt_sigqueueinfo, target.victim, SIGKILL, &info));
}

static void queue_thread_signal(void)
{
    siginfo_t info = {.si_signo = SIGKILL, .si_code = SI_QUEUE};
    outcome_call(syscall(SYS_rt_tgsigqueueinfo, target.victim, target.victim, SIGKILL, &info));
}

static void pidfd_signal(void)
{
    /* Where none can be opened, the call alone: any other answer shows that it was reached. */
    int fd = (int)syscall(434, target.victim, 0);
    outcome_call(syscall(424, fd, SIGKILL, NULL, 0));
}

static void limit_of_another(void)
{
    struct rlimit limit = {0, 0};
    outcome_call(syscall(SYS_prlimit64, target.victim, RLIMIT_NOFILE, &limit, NULL));
}

static void limit_of_itself(void)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    outcome_call(syscall(SYS_prlimit64, 0, RLIMIT_DATA, &limit, NULL));
}

/* Up to the hard limit, a process may raise its soft one: the launcher alone should. */
static void limit_to_hard(void)
{
    struct rlimit limit;
    if (syscall(SYS_prlimit64, 0, RLIMIT_DATA, NULL, &limit) < 0) {
        outcome("limits cannot be read");
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    outcome_call(syscall(SYS_prlimit64, 0, RLIMIT_DATA, &limit, NULL));
}

/* A clock that counts the processor time of another process: it runs when that one does. */
static void clock_of_another(void)
{
    struct timespec time;
    const int clock = (int)(~(unsigned)target.victim << 3 | 2);
    outcome_call(syscall(SYS_clock_gettime, clock, &time));
}

/* Asleep until the other has run for that long: the end of the sleep is the news. */
static void sleep_by_another(void)
{
    const struct timespec long_ago = {.tv_nsec = 1};
    const int clock = (int)(~(unsigned)target.victim << 3 | 2);
    outcome_call(syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &long_ago, NULL));
}

static void affinity_of_another(void)
{
    unsigned long mask[16];
    outcome_call(syscall(SYS_sched_getaffinity, target.victim, sizeof mask, mask));
}

static void look_at_limit(void)
{
    struct rlimit limit;
    outcome_call(syscall(SYS_prlimit64, target.victim, RLIMIT_NOFILE, NULL, &limit));
}

static void schedule_another(void)
{
    struct sched_param none = {0};
    outcome_call(syscall(SYS_sched_setscheduler, target.victim, SCHED_IDLE, &none));
}

static void real_time(void)
{
    struct sched_param most = {.sched_priority = 99};
    outcome_call(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &most));
}

static void pin_another(void)
{
    unsigned long mask = 1;
    outcome_call(syscall(SYS_sched_setaffinity, target.victim, sizeof mask, &mask));
}

ATTACK_CALL(kill_victim, SYS_kill, target.victim, SIGKILL)
ATTACK_CALL(kill_broker, SYS_kill, target.broker, SIGKILL)
ATTACK_CALL(kill_launcher, SYS_kill, target.launcher, SIGSTOP)
/* Signal 0 asks and hurts nobody, should it ever be let through: the suite also runs as root. */
ATTACK_CALL(kill_everybody, SYS_kill, -1, 0)
ATTACK_CALL(kill_group, SYS_kill, 0, 0)
ATTACK_CALL(kill_init, SYS_kill, 1, 0)
ATTACK_CALL(kill_thread, SYS_tkill, target.victim, SIGKILL)
ATTACK_CALL(kill_thread_group, SYS_tgkill, target.victim, target.victim, SIGKILL)
ATTACK_CALL(probe_victim, SYS_kill, target.victim, 0)
ATTACK_CALL(pidfd_open, 434, target.victim, 0)
ATTACK_CALL(pidfd_get, 438, 1, 0, 0)
ATTACK_CALL(advise_another, 440, 1, NULL, 0, 4, 0)
ATTACK_CALL(release_memory, 448, 1, 0)
ATTACK_CALL(trace_victim, SYS_ptrace, PTRACE_ATTACH, target.victim, 0, 0)
ATTACK_CALL(seize_broker, SYS_ptrace, PTRACE_SEIZE, target.broker, 0, 0)
ATTACK_CALL(trace_me, SYS_ptrace, PTRACE_TRACEME, 0, 0, 0)
ATTACK_CALL(compare_resources, SYS_kcmp, target.victim, getpid(), 0, 0, 1)
ATTACK_CALL(nice_another, SYS_setpriority, PRIO_PROCESS, target.victim, 19)
ATTACK_CALL(priority_io, SYS_ioprio_set, 1, target.victim, 0)
ATTACK_CALL(new_session, SYS_setsid)
ATTACK_CALL(other_group, SYS_setpgid, 0, target.victim)
ATTACK_CALL(wait_for_all, SYS_wait4, -1, NULL, 1, NULL)
ATTACK_CALL(wait_by_id, SYS_waitid, 0, 0, NULL, 5, NULL)
ATTACK_CALL(unshare_user, SYS_unshare, CLONE_NEWUSER)
ATTACK_CALL(unshare_files, SYS_unshare, CLONE_FILES)
ATTACK_CALL(enter_namespace, SYS_setns, 1, 0)
ATTACK_CALL(exec_other, SYS_execve, target.program, other_words, no_words)
ATTACK_CALL(exec_other_at, SYS_execveat, -100, target.program, other_words, no_words, 0)
ATTACK_CALL(exec_itself, SYS_execveat, -100, "/realm", no_words, no_words, 0)
ATTACK_CALL(exec_descriptor, SYS_execveat, 1, "", no_words, no_words, 0x1000)
ATTACK_CALL(robust_of_another, SYS_get_robust_list, target.victim, word, word)

static const struct attack process[] = {
    {"kill-victim", "kills a process of the same user", kill_victim, .must = "EPERM"},
    {"kill-broker", "kills the broker", kill_broker, .must = "EPERM"},
    {"stop-launcher", "stops the launcher", kill_launcher, .must = "EPERM"},
    {"kill-all", "kills everybody it may (pid -1)", kill_everybody, .must = "EPERM"},
    {"kill-group", "kills its process group", kill_group, .must = "EPERM"},
    {"kill-init", "signals pid 1", kill_init, .must = "EPERM"},
    {"kill-probe", "asks whether a process exists (signal 0)", probe_victim, .must = "EPERM"},
    {"tkill", "kills a thread by its number alone", kill_thread, .must = "EPERM"},
    {"tgkill", "kills a thread of another process", kill_thread_group, .must = "EPERM"},
    {"sigqueue", "queues a signal to another process", queue_signal, .must = "EPERM"},
    {"tgsigqueue", "queues a signal to another's thread", queue_thread_signal, .must = "EPERM"},
    {"pidfd-open", "opens a descriptor of a process", pidfd_open, .must = "EPERM"},
    {"pidfd-signal", "signals by descriptor", pidfd_signal, .must = "EPERM"},
    {"pidfd-getfd", "takes a descriptor out of another process", pidfd_get, .must = "EPERM"},
    {"process-madvise", "advises on another's memory", advise_another, .must = "EPERM"},
    {"process-mrelease", "has another's memory reaped", release_memory, .must = "EPERM"},
    {"vm-readv", "reads another's memory", read_memory, .must = "EPERM"},
    {"vm-writev", "writes another's memory", write_memory, .must = "EPERM"},
    {"ptrace-attach", "attaches to another process", trace_victim, .must = "EPERM"},
    {"ptrace-seize", "seizes the broker", seize_broker, .must = "EPERM"},
    {"ptrace-me", "asks to be traced by its parent, the launcher", trace_me, .must = "EPERM"},
    {"kcmp", "compares resources with another process", compare_resources, .must = "EPERM"},
    {"prlimit-victim", "takes another's descriptors away", limit_of_another, .must = "EPERM"},
    {"prlimit-look", "reads another's limits", look_at_limit, .must = "EPERM"},
    {"clock-of-another", "reads how long another process has run, as often as it likes", clock_of_another,
     .must = "EPERM"},
    {"clock-sleep-of-another", "sleeps until another process has run", sleep_by_another, .must = "EPERM"},
    {"affinity-look", "asks on which processors another process may run, or whether it is there",
     affinity_of_another, .must = "ENOSYS"},
    {"prlimit-raise", "raises its own memory limit beyond the hard one", limit_of_itself, .must = "EPERM"},
    {"prlimit-soft", "moves its own soft memory limit, the launcher's means", limit_to_hard, .must = "EPERM"},
    {"setpriority", "slows another process down", nice_another, .must = "EPERM"},
    {"ioprio", "changes another's I/O priority", priority_io, .must = "EPERM"},
    {"sched-victim", "makes another process idle", schedule_another, .must = "EPERM"},
    {"sched-real-time", "makes itself a real-time process", real_time, .must = "EPERM"},
    {"affinity-victim", "pins another process", pin_another, .must = "EPERM"},
    {"setsid", "leaves its session", new_session, .must = "EPERM"},
    {"setpgid", "joins another process group", other_group, .must = "EPERM"},
    {"wait4", "waits for children", wait_for_all, .must = "EPERM"},
    {"waitid", "the same with waitid", wait_by_id, .must = "EPERM"},
    {"fork", "forks", fork_plain, .must = "EPERM"},
    {"clone-process", "clones a process", clone_process, .must = "EPERM"},
    {"clone-vfork", "clones a process that shares its memory", clone_vm, .must = "EPERM"},
    {"clone-newuser", "clones into a new user namespace, to own capabilities there", clone_namespace,
     .must = "EPERM"},
    {"clone-parent", "clones a sibling, a child of the launcher", clone_untraced, .must = "EPERM"},
    {"clone-half-thread", "clones with CLONE_THREAD but without CLONE_VM", clone_no_vm, .must = "EPERM"},
    {"clone3", "the same with clone3, whose flags lie in memory", clone_new, .must = "ENOSYS"},
    {"unshare-user", "makes a user namespace", unshare_user, .must = "EPERM"},
    {"unshare-files", "parts from its descriptor table", unshare_files, .must = "EPERM"},
    {"setns", "enters another namespace", enter_namespace, .must = "EPERM"},
    {"execve", "becomes another program", exec_other, .must = "EPERM"},
    {"execveat", "the same with execveat", exec_other_at, .must = "ENOSYS"},
    {"execveat-again", "executes its own program a second time", exec_itself, .must = "ENOSYS"},
    {"execveat-descriptor", "executes a descriptor", exec_descriptor, .must = "ENOSYS"},
    {"robust-list", "asks for another's robust futexes", robust_of_another, .must = "EPERM"},
};
ATTACK_THEME(process_theme, "process", "Processes, signals, exec", process, true);
