/*
 * The kernel's own affairs: mounting, tracing, keys, clocks, identities, and whatever else has no place in a
 * realm. Arguments are such that a call that gets through does no harm: the suite also runs as root.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

static struct sock_filter allow_all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
static struct sock_fprog own_program = {1, allow_all};
static char zeros[256];

static void own_filter_prctl(void)
{
    outcome_call(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &own_program));
}

static void make_timer(void)
{
    timer_t timer;
    outcome_call(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &timer));
}

static void file_timer(void)
{
    outcome_call(syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0));
}

static void alarm_interval(void)
{
    const long never[4] = {0};
    outcome_call(syscall(SYS_setitimer, 0, never, NULL));
}

static void set_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    outcome_call(syscall(SYS_clock_settime, CLOCK_REALTIME, &now));
}

#ifdef __x86_64__
/* The x32 numbers and the 32-bit entry would go past a filter that compares numbers alone. */
static void x32_getpid(void)
{
    outcome_call(syscall(0x40000000 + SYS_getpid));
}

static void x32_open(void)
{
    outcome_call(syscall(0x40000000 + SYS_openat, -100, target.secret, 0, 0));
}

static long old_call(long number, long first, long second)
{
    long result;
    __asm__ volatile("int $0x80"
                     : "=a"(result)
                     : "a"(number), "b"(first), "c"(second), "d"(0)
                     : "memory", "r8", "r9", "r10", "r11");
    return result;
}

/* 32-bit getpid is 20, which is writev in the 64-bit table. */
static void old_getpid(void)
{
    long result = old_call(20, 0, 0);
    outcome("%s", result > 0 ? "done" : errno_word((int)-result));
}

/* 32-bit open is 5, which is fstat in the 64-bit table. */
static void old_open(void)
{
    long result = old_call(5, 0, 0);
    outcome("%s", result >= 0 ? "done" : errno_word((int)-result));
}

/* 32-bit kill is 37, which is alarm: of the whole group, with signal 0. */
static void old_kill(void)
{
    long result = old_call(37, 0, 0);
    outcome("%s", result >= 0 ? "done" : errno_word((int)-result));
}
#endif

/* A number that no kernel knows, and one that comes with the next. */
ATTACK_CALL(unknown_call, 4095)
ATTACK_CALL(next_call, 600)
ATTACK_CALL(own_filter, SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &own_program)
ATTACK_CALL(own_listener, SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &own_program)
ATTACK_CALL(strict_mode, SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, zeros)
ATTACK_CALL(own_landlock, 444, NULL, 0, 1)
ATTACK_CALL(mount_tmpfs, SYS_mount, "none", "/", "no-such-type", 0, NULL)
ATTACK_CALL(remount_root, SYS_mount, NULL, "/nowhere", NULL, 32, NULL)
ATTACK_CALL(unmount, SYS_umount2, "/nowhere", 2)
ATTACK_CALL(pivot, SYS_pivot_root, "/nowhere", "/nowhere")
ATTACK_CALL(change_root, SYS_chroot, "/nowhere")
ATTACK_CALL(reboot_machine, SYS_reboot, 0, 0, 0, NULL)
ATTACK_CALL(load_kernel, SYS_kexec_load, 0, 99999, NULL, 99)
ATTACK_CALL(load_module, SYS_finit_module, -1, "", 0)
ATTACK_CALL(remove_module, SYS_delete_module, "no-such-module", 2048)
ATTACK_CALL(swap_on, SYS_swapon, "/nowhere", 0)
ATTACK_CALL(accounting, SYS_acct, "/nowhere")
ATTACK_CALL(quotas, SYS_quotactl, 0, NULL, 0, NULL)
ATTACK_CALL(host_name, SYS_sethostname, zeros, -1)
ATTACK_CALL(domain_name, SYS_setdomainname, zeros, -1)
ATTACK_CALL(kernel_log, SYS_syslog, 3, zeros, sizeof zeros)
ATTACK_CALL(adjust_clock, SYS_clock_adjtime, CLOCK_REALTIME, zeros)
ATTACK_CALL(set_time, SYS_settimeofday, NULL, NULL)
ATTACK_CALL(bpf_program, SYS_bpf, 5, zeros, 64)
ATTACK_CALL(bpf_map, SYS_bpf, 0, zeros, 64)
ATTACK_CALL(perf_events, SYS_perf_event_open, zeros, 0, -1, -1, 0)
ATTACK_CALL(user_faults, SYS_userfaultfd, 1)
ATTACK_CALL(add_key, SYS_add_key, "user", "realmkit", "x", 1, -3)
ATTACK_CALL(request_key, SYS_request_key, "user", "realmkit", NULL, -3)
ATTACK_CALL(join_keyring, SYS_keyctl, 1, "realmkit-shared", 0, 0, 0)
ATTACK_CALL(persona, SYS_personality, 0xffffffff)
ATTACK_CALL(set_user, SYS_setuid, getuid())
ATTACK_CALL(set_real_user, SYS_setresuid, -1, -1, -1)
ATTACK_CALL(set_group, SYS_setgid, getgid())
ATTACK_CALL(set_groups, SYS_setgroups, 0, NULL)
ATTACK_CALL(set_capabilities, SYS_capset, zeros, zeros)
ATTACK_CALL(dumpable, SYS_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0)
ATTACK_CALL(tracer, SYS_prctl, PR_SET_PTRACER, -1, 0, 0, 0)
ATTACK_CALL(keep_living, SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0)
ATTACK_CALL(reaper, SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
ATTACK_CALL(memory_map, SYS_prctl, PR_SET_MM, PR_SET_MM_ARG_START, zeros, 0, 0)
ATTACK_CALL(ambient, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 21, 0, 0)
ATTACK_CALL(keep_capabilities, SYS_prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0)
ATTACK_CALL(speculation, SYS_prctl, PR_SET_SPECULATION_CTRL, 0, 0, 0, 0)
ATTACK_CALL(dispatch, SYS_prctl, 59, 1, 0, 0, zeros)
ATTACK_CALL(asynchronous_io, SYS_io_setup, 1, zeros)
ATTACK_CALL(barrier_storm, SYS_membarrier, 2, 0, 0)
ATTACK_CALL(profile_clock, SYS_sched_setattr, 0, zeros, 0)
ATTACK_CALL(core_scheduling, SYS_prctl, 62, 1, target.victim, 1, 0)
ATTACK_CALL(hang_up, SYS_vhangup)
ATTACK_CALL(move_pages, SYS_move_pages, target.victim, 0, NULL, NULL, NULL, 0)
ATTACK_CALL(memory_policy, SYS_set_mempolicy, 0, NULL, 0)
#ifdef __x86_64__
ATTACK_CALL(io_ports, SYS_ioperm, 0x80, 1, 1)
ATTACK_CALL(io_level, SYS_iopl, 3)
ATTACK_CALL(local_segments, SYS_modify_ldt, 0, zeros, 16)
ATTACK_CALL(no_instruction, SYS_arch_prctl, 0x1012, 0)
#endif

static const struct attack kernel[] = {
    {"filter-own-prctl", "installs a filter of its own with prctl", own_filter_prctl, .must = "EPERM"},
    {"filter-own", "installs a filter of its own", own_filter, .must = "EPERM"},
    {"filter-own-listener", "makes itself a supervisor of its own calls", own_listener, .must = "EPERM"},
    {"filter-ask", "asks what filters can do", strict_mode, .must = "EPERM"},
    {"landlock-own", "asks for Landlock's version", own_landlock, .must = "EPERM"},
    {"unknown-call", "calls what no kernel has", unknown_call, .must = "EPERM"},
    {"next-call", "calls what the next kernel may have", next_call, .must = "EPERM"},
    {"mount", "mounts over the root", mount_tmpfs, .must = "EPERM"},
    {"remount", "makes the root writable again", remount_root, .must = "EPERM"},
    {"umount", "unmounts, to see what lies below", unmount, .must = "EPERM"},
    {"pivot-root", "turns the root", pivot, .must = "EPERM"},
    {"chroot", "changes its root", change_root, .must = "EPERM"},
    {"reboot", "reboots", reboot_machine, .must = "EPERM"},
    {"kexec", "loads another kernel", load_kernel, .must = "EPERM"},
    {"module-load", "loads a module", load_module, .must = "EPERM"},
    {"module-remove", "removes a module", remove_module, .must = "EPERM"},
    {"swapon", "adds swap", swap_on, .must = "EPERM"},
    {"acct", "has every process written down", accounting, .must = "EPERM"},
    {"quotactl", "changes quotas", quotas, .must = "EPERM"},
    {"sethostname", "renames the host", host_name, .must = "EPERM"},
    {"setdomainname", "renames the domain", domain_name, .must = "EPERM"},
    {"syslog", "reads the kernel's log", kernel_log, .must = "EPERM"},
    {"clock-settime", "sets the clock", set_clock, .must = "EPERM"},
    {"clock-adjtime", "bends the clock", adjust_clock, .must = "EPERM"},
    {"settimeofday", "sets the clock the old way", set_time, .must = "EPERM"},
    {"bpf-program", "loads a BPF program", bpf_program, .must = "EPERM"},
    {"bpf-map", "makes a BPF map", bpf_map, .must = "EPERM"},
    {"perf", "counts another's events", perf_events, .must = "EPERM"},
    {"userfaultfd", "handles page faults itself, to stop a copy half-way", user_faults, .must = "EPERM"},
    {"key-add", "puts a key into its session's keyring", add_key, .must = "EPERM"},
    {"key-request", "asks for a key", request_key, .must = "EPERM"},
    {"keyring-join", "joins a named keyring, to meet another realm there", join_keyring, .must = "EPERM"},
    {"personality", "asks for its personality, which could be changed as well", persona, .must = "EPERM"},
    {"setuid", "changes its user", set_user, .must = "EPERM"},
    {"setresuid", "changes its users", set_real_user, .must = "EPERM"},
    {"setgid", "changes its group", set_group, .must = "EPERM"},
    {"setgroups", "leaves its groups", set_groups, .must = "EPERM"},
    {"capset", "sets its capabilities", set_capabilities, .must = "EPERM"},
    {"prctl-dumpable", "makes itself readable by others", dumpable, .must = "EPERM"},
    {"prctl-ptracer", "lets anybody trace it", tracer, .must = "EPERM"},
    {"prctl-pdeathsig", "outlives the launcher", keep_living, .must = "EPERM"},
    {"prctl-subreaper", "becomes the parent of orphans", reaper, .must = "EPERM"},
    {"prctl-mm", "moves its memory map's marks", memory_map, .must = "EPERM"},
    {"prctl-ambient", "raises an ambient capability", ambient, .must = "EPERM"},
    {"prctl-keepcaps", "keeps capabilities over a change of user", keep_capabilities, .must = "EPERM"},
    {"prctl-speculation", "changes speculation", speculation, .must = "EPERM"},
    {"prctl-dispatch", "has its calls dispatched to itself", dispatch, .must = "EPERM"},
    {"prctl-core", "schedules together with a victim", core_scheduling, .must = "EPERM"},
    {"aio", "makes a queue for asynchronous I/O", asynchronous_io, .must = "EPERM"},
    {"membarrier", "interrupts every processor", barrier_storm, .must = "EPERM"},
    {"sched-setattr", "reserves time for itself", profile_clock, .must = "EPERM"},
    {"vhangup", "hangs the terminal up", hang_up, .must = "EPERM"},
    {"move-pages", "moves a victim's pages", move_pages, .must = "EPERM"},
    {"mempolicy", "changes its memory policy", memory_policy, .must = "EPERM"},
    {"timer", "makes a timer", make_timer, .must = "EPERM"},
    {"timerfd", "makes a timer with a descriptor", file_timer, .must = "EPERM"},
    {"setitimer", "sets an interval timer", alarm_interval, .must = "EPERM"},
#ifdef __x86_64__
    {"ioperm", "reaches for an I/O port", io_ports, .must = "EPERM", .flags = ATTACK_X86},
    {"iopl", "reaches for all I/O ports", io_level, .must = "EPERM", .flags = ATTACK_X86},
    {"modify-ldt", "changes its segments", local_segments, .must = "EPERM", .flags = ATTACK_X86},
    {"arch-prctl", "turns cpuid off for itself", no_instruction, .must = "EPERM", .flags = ATTACK_X86},
    {"x32-getpid", "calls by an x32 number", x32_getpid, .must = "SIGSYS", .flags = ATTACK_X86},
    {"x32-openat", "opens the secret by an x32 number", x32_open, .must = "SIGSYS", .flags = ATTACK_X86},
    {"int80-getpid", "calls by the 32-bit entry", old_getpid, .must = "SIGSYS",
     .flags = ATTACK_X86 | ATTACK_GATE},
    {"int80-open", "opens by the 32-bit entry", old_open, .must = "SIGSYS",
     .flags = ATTACK_X86 | ATTACK_GATE},
    {"int80-kill", "signals its group by the 32-bit entry", old_kill, .must = "SIGSYS",
     .flags = ATTACK_X86 | ATTACK_GATE},
#endif
};
ATTACK_THEME(kernel_theme, "kernel", "The kernel's own affairs", kernel, true);
