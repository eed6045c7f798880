/*
 * After a revoke: two realms that collude and have kept every mapping and every descriptor exchange nothing.
 *
 * `left` provides, `right` is its client. Both say "ready" when their channel carries; then it is revoked,
 * and each goes on when the broker has told it so. What left then tries to say, right tries to hear, for half
 * a second; its outcome counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

#define MARK      0x5ec2e7u
#define LISTEN_MS 500

static struct raw_channel channel;
static struct raw_message message;
static sigjmp_buf back;

static void bus(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

/* A word of memory that may be gone. false: it is. */
static bool look(const volatile uint32_t *word, uint32_t *ret_value)
{
    if (sigsetjmp(back, 1))
        return false;
    *ret_value = *word;
    return true;
}

static bool put(volatile uint32_t *word, uint32_t value)
{
    if (sigsetjmp(back, 1))
        return false;
    *word = value;
    return true;
}

/* A channel that has carried a message each way. */
static void meet(void)
{
    const struct realm_entry knock = {.kind = REALM_MESSAGE_ONEWAY, .tag = 1};
    struct sigaction action = {.sa_handler = bus, .sa_flags = SA_NODEFER};
    bool heard;

    sigaction(SIGBUS, &action, NULL);
    raw_open();
    if (target.side == 'l') {
        raw_register("drop");
        raw_accept(&channel);
    } else {
        raw_connect("drop", &channel);
    }
    raw_push(&channel, knock, NULL);
    heard = raw_pop(&channel, &message, 5000);
    if (!heard) {
        outcome("they never met");
        exit(0);
    }
}

/* Until the broker says that it is revoked. */
static void part(void)
{
    announce("ready");
    const int reason = raw_closed(&channel, 5000);
    if (reason != 9) {
        outcome("not revoked: %d", reason);
        exit(0);
    }
}

static uint32_t *own_words(void)
{
    return (uint32_t *)(void *)channel.own;
}

static const uint32_t *peer_words(void)
{
    return (const uint32_t *)(const void *)channel.peer;
}

/* Left says it again and again; right listens. */
static void converse(void (*say)(void), bool (*hear)(void))
{
    const uint64_t end = raw_now_ms() + LISTEN_MS;
    bool heard = false;
    while (raw_now_ms() < end) {
        if (target.side == 'l')
            say();
        else
            heard = heard || hear();
        raw_sleep_ms(5);
    }
    if (target.side == 'r')
        outcome("%s", heard ? "heard" : "nothing");
}

static void say_in_mapping(void)
{
    put(&own_words()[500], MARK);
}

static bool hear_in_mapping(void)
{
    uint32_t value;
    return look(&peer_words()[500], &value) && value == MARK;
}

static void by_mapping(void)
{
    meet();
    part();
    converse(say_in_mapping, hear_in_mapping);
}

static void say_in_descriptor(void)
{
    const uint32_t mark = MARK;
    (void)!pwrite(channel.own_fd, &mark, sizeof mark, 2000);
    (void)!pwrite(channel.own_fd, &mark, sizeof mark, 0);
    (void)!write(channel.own_fd, &mark, sizeof mark);
}

static bool hear_in_descriptor(void)
{
    uint32_t value = 0;
    return pread(channel.peer_fd, &value, sizeof value, 2000) > 0 ||
           pread(channel.peer_fd, &value, sizeof value, 0) > 0;
}

static void by_descriptor(void)
{
    meet();
    part();
    converse(say_in_descriptor, hear_in_descriptor);
}

/* Everything that fstat tells, compared with what it told just after the revoke. */
static struct stat first;

static bool hear_in_status(void)
{
    struct stat now;
    if (fstat(channel.peer_fd, &now) < 0)
        return false;
    return now.st_size != first.st_size || now.st_blocks != first.st_blocks || now.st_mode != first.st_mode ||
           now.st_uid != first.st_uid || now.st_gid != first.st_gid || now.st_nlink != first.st_nlink;
}

static bool hear_read_time(void)
{
    struct stat now;
    return fstat(channel.peer_fd, &now) == 0 &&
           (now.st_atim.tv_sec != first.st_atim.tv_sec || now.st_atim.tv_nsec != first.st_atim.tv_nsec);
}

static bool hear_write_time(void)
{
    struct stat now;
    return fstat(channel.peer_fd, &now) == 0 &&
           (now.st_mtim.tv_sec != first.st_mtim.tv_sec || now.st_mtim.tv_nsec != first.st_mtim.tv_nsec ||
            now.st_ctim.tv_sec != first.st_ctim.tv_sec || now.st_ctim.tv_nsec != first.st_ctim.tv_nsec);
}

static void say_by_reading(void)
{
    char byte;
    (void)!pread(channel.own_fd, &byte, 1, 0);
    (void)!read(channel.own_fd, &byte, 1);
}

static void say_by_mapping(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, channel.own_fd, 0);
    if (memory != MAP_FAILED)
        munmap(memory, 4096);
}

/* Left begins only when right has looked for the first time. */
static void by_status(void (*say)(void), bool (*hear)(void))
{
    meet();
    part();
    if (target.side == 'l')
        raw_sleep_ms(100);
    fstat(channel.peer_fd, &first);
    converse(say, hear);
}

static void by_size(void)
{
    by_status(say_in_descriptor, hear_in_status);
}

static void by_read_time(void)
{
    by_status(say_by_reading, hear_read_time);
}

static void by_map_time(void)
{
    by_status(say_by_mapping, hear_read_time);
}

static void by_write_time(void)
{
    by_status(say_in_descriptor, hear_write_time);
}

/* Woken by address, without a byte: that would be one bit. */
static void say_by_wake(void)
{
    raw_wake(&own_words()[32]);
}

static bool hear_wake(void)
{
    const struct timespec limit = {.tv_nsec = 20000000};
    return syscall(SYS_futex, &peer_words()[32], FUTEX_WAIT, 0, &limit, NULL, 0) == 0;
}

static void by_wake(void)
{
    meet();
    part();
    converse(say_by_wake, hear_wake);
}

/* By the address of a page that both have mapped: of a library, of their program. Only copies of one's own
 * (private_code, which left has) make them two pages. */
static const uint32_t *library_word(void)
{
    return (const uint32_t *)((uintptr_t)puts & ~(uintptr_t)4095);
}

static const uint32_t *program_word(void)
{
    return (const uint32_t *)((uintptr_t)by_wake & ~(uintptr_t)4095);
}

static bool hear_wake_of(const uint32_t *word)
{
    const struct timespec limit = {.tv_nsec = 20000000};
    return syscall(SYS_futex, word, FUTEX_WAIT, *word, &limit, NULL, 0) == 0;
}

static void say_by_library(void)
{
    raw_wake(library_word());
}

static bool hear_by_library(void)
{
    return hear_wake_of(library_word());
}

static void say_by_program(void)
{
    raw_wake(program_word());
}

static bool hear_by_program(void)
{
    return hear_wake_of(program_word());
}

static void by_library(void)
{
    meet();
    part();
    converse(say_by_library, hear_by_library);
}

static void by_program(void)
{
    meet();
    part();
    converse(say_by_program, hear_by_program);
}

/* The provider's hint pipe: right keeps its write end. Here right says and left hears. */
static void by_hint(void)
{
    char bytes[16];
    bool heard = false;
    meet();
    part();
    const char *text = getenv("REALM_HINT_FD");
    if (target.side == 'r') {
        signal(SIGPIPE, SIG_IGN);
        raw_sleep_ms(100);
        static char secret[] = "secret";
        (void)!pwritev2(channel.hint_fd, &(struct iovec){secret, 6}, 1, -1, RWF_NOWAIT);
        raw_sleep_ms(LISTEN_MS);
        return;
    }
    const int fd = text ? atoi(text) : -1;
    while (read(fd, bytes, sizeof bytes) > 0) /* what came before */
        ;
    raw_sleep_ms(LISTEN_MS);
    for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
        heard = heard || memcmp(bytes, "secret", 6) == 0;
    outcome("%s", heard ? "heard" : "nothing");
}

/* A private mapping of the peer's region, touched before: its pages go with the file. */
static void by_private(void)
{
    meet();
    const volatile uint32_t *memory =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, channel.peer_fd, 0);
    uint32_t value = 0;
    (void)look(&memory[0], &value);
    (void)look(&memory[1500], &value);
    part();
    if (target.side == 'r')
        outcome("%s", look(&memory[1500], &value) || look(&memory[0], &value) ? "kept" : "nothing");
}

/* A page of its own in there, written before: it goes as well. */
static void by_private_copy(void)
{
    meet();
    volatile uint32_t *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, channel.peer_fd, 0);
    uint32_t value = 0;
    put(&memory[1500], 7);
    part();
    if (target.side == 'r')
        outcome("%s", look(&memory[1500], &value) ? "kept" : "nothing");
}

/* Whoever does not want to know of SIGBUS ends by it, and nobody else. */
static void with_blocked_signal(void)
{
    sigset_t all;
    meet();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    part();
    if (target.side == 'r') {
        *(volatile uint32_t *)own_words() = 1;
        outcome("still there");
    }
}

static void grow(long (*call)(void))
{
    meet();
    part();
    if (target.side == 'r')
        outcome_call(call());
}

static long cut_to_size(void)
{
    return syscall(SYS_ftruncate, channel.own_fd, 8192);
}

static long allocate_again(void)
{
    return syscall(SYS_fallocate, channel.own_fd, 0, 0, 8192);
}

static long write_again(void)
{
    return pwrite(channel.own_fd, "back again", 10, 0);
}

static long map_again(void)
{
    return mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, channel.own_fd, 0) == MAP_FAILED ? -1 : 0;
}

static void grow_truncate(void)
{
    grow(cut_to_size);
}

static void grow_allocate(void)
{
    grow(allocate_again);
}

static void grow_write(void)
{
    grow(write_again);
}

static void grow_map(void)
{
    grow(map_again);
}

/* Another channel of the same realm never notices. */
static void other_channel(void)
{
    static struct raw_channel other;
    meet();
    if (target.side == 'r')
        raw_connect("echo", &other);
    part();
    if (target.side == 'r')
        outcome("%s", raw_echo(&other, 5, 5000) ? "served" : "not served");
}

/* Left reads nothing any more; right is told all the same. */
static void deaf_peer(void)
{
    meet();
    if (target.side == 'l') {
        announce("ready");
        raw_sleep_ms(1000);
        return;
    }
    part();
    outcome("told");
}

static void old_cookie(void)
{
    meet();
    part();
    if (target.side == 'r') {
        raw_cookie(REALM_CONTROL_DISCONNECT, channel.packet.cookie);
        outcome("%s", raw_status() == 12 ? "STALE" : "obeyed");
    }
}

#define PAIR .role = ROLE_PAIR, .flags = ATTACK_REVOKE

static const struct attack revoked[] = {
    {"revoke-mapping", "one writes its old mapping, the other reads its own", by_mapping, .must = "nothing",
     PAIR},
    {"revoke-descriptor", "one writes the descriptor that it kept, the other reads it", by_descriptor,
     .must = "nothing", PAIR},
    {"revoke-status", "one writes, the other asks for the size", by_size, .must = "nothing", PAIR},
    {"revoke-atime", "one reads its descriptor, the other sees when", by_read_time, .must = "nothing", PAIR},
    {"revoke-atime-map", "one maps its descriptor, the other sees when", by_map_time, .must = "nothing",
     PAIR},
    {"revoke-mtime", "one is refused to write, the other sees when", by_write_time, .must = "nothing", PAIR},
    {"revoke-wake", "one wakes a word of the region, the other sleeps on it", by_wake, .must = "nothing",
     PAIR},
    {"revoke-library", "one wakes a page of a library, the other, with code of its own, sleeps on it",
     by_library, .must = "nothing", PAIR},
    {"revoke-program", "the same with a page of their program", by_program, .must = "nothing", PAIR},
    {"revoke-hint", "one writes into the hint pipe that it kept, the other reads it", by_hint,
     .must = "nothing", .role = ROLE_PAIR, .flags = ATTACK_REVOKE | ATTACK_PIPE},
    {"revoke-private", "one has a private mapping, all of it touched before", by_private, .must = "nothing",
     PAIR},
    {"revoke-private-copy", "one has a private page in the region, written before", by_private_copy,
     .must = "nothing", PAIR},
    {"revoke-blocked", "one blocks SIGBUS and touches the region", with_blocked_signal, .must = "SIGBUS",
     PAIR},
    {"revoke-grow", "one makes its region as large as it was", grow_truncate, .must = "EPERM", PAIR},
    {"revoke-allocate", "the same with fallocate", grow_allocate, .must = "EPERM", PAIR},
    {"revoke-write", "the same by writing behind its end", grow_write, .must = "EPERM", PAIR},
    {"revoke-map", "one maps its empty region writable again", grow_map, .must = "EPERM", PAIR},
    {"revoke-other", "another channel of the same realm goes on", other_channel, .must = "served", PAIR},
    {"revoke-deaf", "its peer reads nothing any more; it is told all the same", deaf_peer, .must = "told",
     PAIR},
    {"revoke-cookie", "one disconnects what is revoked", old_cookie, .must = "STALE", PAIR},
};
ATTACK_THEME(revoke_theme, "revoke", "After a revoke", revoked, false);
