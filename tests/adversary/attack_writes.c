/*
 * The kernel as a writer: the allowed calls that write into memory are given the peer's region, which this
 * realm can only read. The kernel keeps to the mapping, or it does not write.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

#define REGION_WORDS 2048u

static struct raw_channel channel;

/* The peer's region, in a channel over which a call was answered: it is not all zeros. */
static void *place(void)
{
    raw_open();
    raw_connect("echo", &channel);
    (void)raw_echo(&channel, 1, 5000);
    return (void *)(uintptr_t)channel.peer;
}

static void poll_into(void)
{
    const struct timespec now = {0};
    outcome_call(syscall(SYS_ppoll, place(), 1, &now, NULL, 8));
}

static void read_vector_into(void)
{
    struct iovec part = {place(), 64};
    outcome_call(readv(channel.own_fd, &part, 1));
}

static void option_into(void)
{
    socklen_t size = sizeof(int);
    outcome_call(syscall(SYS_getsockopt, REALM_CONTROL_FD, SOL_SOCKET, SO_TYPE, place(), &size));
}

static void option_size_into(void)
{
    int type;
    outcome_call(syscall(SYS_getsockopt, REALM_CONTROL_FD, SOL_SOCKET, SO_TYPE, &type, place()));
}

ATTACK_CALL(pread_into, SYS_pread64, (place(), channel.own_fd), channel.peer, 64, 0)
ATTACK_CALL(clock_into, SYS_clock_gettime, CLOCK_MONOTONIC, place())
ATTACK_CALL(processors_into, SYS_sched_getaffinity, 0, 128, place())
ATTACK_CALL(limit_into, SYS_prlimit64, 0, RLIMIT_STACK, NULL, place())
ATTACK_CALL(action_into, SYS_rt_sigaction, SIGUSR1, NULL, place(), 8)
ATTACK_CALL(mask_into, SYS_rt_sigprocmask, SIG_BLOCK, NULL, place(), 8)
ATTACK_CALL(stack_into, SYS_sigaltstack, NULL, place())

/* --- what the kernel writes when a thread ends, without telling anybody --- */

static uint32_t *victim_word;

static uint32_t *find_word(void)
{
    uint32_t *words = place();
    for (unsigned i = 0; i < REGION_WORDS; i++)
        if (words[i] != 0)
            return &words[i];
    outcome("all zeros");
    _exit(0);
}

static void *end_with_address(void *context)
{
    syscall(SYS_set_tid_address, victim_word);
    return context;
}

static void end_thread(void *(*run)(void *))
{
    pthread_t thread;
    victim_word = find_word();
    const uint32_t before = *victim_word;
    raw_thread(&thread, run);
    raw_sleep_ms(100);
    outcome("%s", *(volatile uint32_t *)victim_word == before ? "unchanged" : "changed");
}

static void clear_at_end(void)
{
    end_thread(end_with_address);
}

static const struct attack writes[] = {
    {"write-ppoll", "polls with its descriptors in there", poll_into, .must = "EFAULT"},
    {"write-readv", "reads into a vector that is there", read_vector_into, .must = "EFAULT"},
    {"write-pread", "reads at a place into it", pread_into, .must = "EFAULT"},
    {"write-option", "has a socket's option put there", option_into, .must = "EFAULT"},
    {"write-option-size", "has the option's size put there", option_size_into, .must = "EFAULT"},
    {"write-clock", "has the time put there", clock_into, .must = "EFAULT"},
    {"write-processors", "has its processors put there", processors_into, .must = "EFAULT"},
    {"write-limit", "has a limit put there", limit_into, .must = "EFAULT"},
    {"write-action", "has a signal's action put there", action_into, .must = "EFAULT"},
    {"write-mask", "has its signal mask put there", mask_into, .must = "EFAULT"},
    {"write-stack", "has its signal stack put there", stack_into, .must = "EFAULT"},
    {"write-clear-tid", "has a word cleared when its thread ends", clear_at_end, .must = "unchanged"},
};
ATTACK_THEME(writes_theme, "writes", "The kernel as writer of a peer's region", writes, false);
