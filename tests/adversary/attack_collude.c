/*
 * Two realms that collude and keep everything that they ever got of their channel: descriptors, duplicates of
 * them, mappings of every kind, made before the revoke, and a thread asleep on a word of the peer's. After it
 * `left` says whatever can be said by any of them, again and again; `right` listens in all ways at once, each
 * compared with what it was just after the revoke.
 *
 * Before it, both speak through each mapping: else nothing would be heard afterwards for want of a voice. (A
 * file's times, socket options and the hint pipe are attacks of their own, in attack_revoke.c.)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

#define BYTES     REALM_REGION_DEFAULT_BYTES
#define TALK_MS   600
#define WORD      700u /* of a region: in the second page, where no message of this attack comes */
#define SLEEPWORD 720u
#define KEPT      4u

#ifndef F_SET_RW_HINT
#define F_SET_RW_HINT 1036
#endif
#define F_GET_RW_HINT_ 1035
#define SYS_cachestat_ 451 /* the same on all architectures */

static struct raw_channel channel;
static int fds[2 * KEPT]; /* of the own region, then of the peer's */
static volatile uint32_t *own[KEPT];
static const volatile uint32_t *peer[KEPT];
static sigjmp_buf back;
static volatile bool woken;

static void bus(int signal)
{
    (void)signal;
    siglongjmp(back, 1);
}

static bool look(const volatile uint32_t *memory, unsigned word, uint32_t *ret_value)
{
    if (memory == NULL || sigsetjmp(back, 1))
        return false;
    *ret_value = memory[word];
    return true;
}

static void put(volatile uint32_t *memory, unsigned word, uint32_t value)
{
    if (memory != NULL && !sigsetjmp(back, 1))
        memory[word] = value;
}

/* --- what is kept --- */

static void *map(int fd, int protection, int flags)
{
    void *memory = mmap(NULL, BYTES, protection, flags, fd, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

/* A mapping of length 0 made longer is a second one of the same pages, writable where the first was. */
static void *map_twice(void *memory)
{
    void *second = mremap(memory, 0, BYTES, MREMAP_MAYMOVE);
    return second == MAP_FAILED ? NULL : second;
}

static void keep_everything(void)
{
    void *const mine = channel.own, *const theirs = (void *)(uintptr_t)channel.peer;
    const int sources[2] = {channel.own_fd, channel.peer_fd};
    for (unsigned side = 0; side < 2; side++) {
        int *kept = &fds[side * KEPT];
        kept[0] = sources[side];
        kept[1] = (int)syscall(SYS_dup, sources[side]);
        kept[2] = fcntl(sources[side], F_DUPFD, 0);
        kept[3] = (int)syscall(SYS_dup3, sources[side], 200 + (int)side, 0);
    }
    own[0] = mine;
    own[1] = map_twice(mine);
    own[2] = map(channel.own_fd, PROT_READ, MAP_SHARED); /* for calls that only need an address */
    own[3] = map(channel.own_fd, PROT_READ | PROT_WRITE, MAP_SHARED);
    peer[0] = theirs;
    peer[1] = map_twice(theirs);
    peer[2] = map(channel.peer_fd, PROT_READ, MAP_SHARED);
    peer[3] = map(channel.peer_fd, PROT_READ | PROT_WRITE, MAP_PRIVATE); /* its pages were never touched */
}

static void *sleep_on_peer(void *argument)
{
    const uint32_t *word = (const uint32_t *)(uintptr_t)&peer[0][SLEEPWORD];
    (void)argument;
    if (syscall(SYS_futex, word, FUTEX_WAIT, 0, NULL, NULL, 0) == 0)
        woken = true;
    return NULL;
}

/* --- the ways --- */

static void write_memory(void)
{
    for (unsigned i = 0; i < KEPT; i++)
        if (i != 2)
            put(own[i], WORD, 0x5ec2e7);
}

static long read_memory(void)
{
    uint32_t value, sum = 0;
    for (unsigned i = 0; i < 3; i++)
        sum += look(peer[i], WORD, &value) && value == 0x5ec2e7;
    return (long)sum;
}

static void write_files(void)
{
    static const char text[16] = "a whole sentence";
    for (unsigned i = 0; i < KEPT; i++) {
        (void)!pwrite(fds[i], text, sizeof text, 0);
        (void)!pwrite(fds[i], text, sizeof text, 4096);
        (void)!write(fds[i], text, sizeof text);
    }
}

static long read_files(void)
{
    char text[16];
    long sum = 0;
    for (unsigned i = 0; i < KEPT; i++)
        for (off_t at = 0; at < BYTES; at += 4096)
            sum += pread(fds[KEPT + i], text, sizeof text, at) > 0;
    return sum;
}

static void resize(void)
{
    for (unsigned i = 0; i < KEPT; i++) {
        (void)syscall(SYS_ftruncate, fds[i], 4096 * (i % 3));
        (void)syscall(SYS_fallocate, fds[i], 0, 0, 4096);
        (void)syscall(SYS_lseek, fds[i], 100 + i, SEEK_SET);
    }
}

static long sizes(void)
{
    long sum = 0;
    for (unsigned i = 0; i < KEPT; i++)
        sum = sum * 3 + syscall(SYS_lseek, fds[KEPT + i], 0, SEEK_END) * 2 +
              syscall(SYS_lseek, fds[KEPT + i], 0, SEEK_CUR);
    return sum;
}

static void seal(void)
{
    for (unsigned i = 0; i < KEPT; i++)
        (void)fcntl(fds[i], F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE);
}

static long seals(void)
{
    return fcntl(fds[KEPT], F_GET_SEALS);
}

static void set_flags(void)
{
    static unsigned turn;
    const int flags = ++turn % 2 ? O_NONBLOCK | O_APPEND | O_ASYNC : 0;
    for (unsigned i = 0; i < 2 * KEPT; i++) {
        (void)fcntl(fds[i], F_SETFL, flags);
        (void)fcntl(fds[i], F_SETSIG, SIGUSR1);
        (void)ioctl(fds[i], FIOASYNC, &turn);
    }
}

static long flags_of(void)
{
    long sum = 0;
    for (unsigned i = 0; i < 2 * KEPT; i++)
        sum = sum * 5 + (fcntl(fds[i], F_GETFL) & (O_NONBLOCK | O_APPEND | O_ASYNC));
    return sum;
}

static void hint(void)
{
    static uint64_t turn;
    turn = turn % 5 + 1;
    for (unsigned i = 0; i < 2 * KEPT; i++)
        (void)fcntl(fds[i], F_SET_RW_HINT, &turn);
}

static long hint_of(void)
{
    uint64_t value = 0;
    return fcntl(fds[KEPT], F_GET_RW_HINT_, &value) == 0 ? (long)value : 0;
}

/* Locks lie on the file, not on a descriptor. */
static void lock(void)
{
    struct flock whole = {.l_type = F_WRLCK};
    (void)syscall(SYS_flock, fds[0], LOCK_EX | LOCK_NB);
    (void)fcntl(fds[0], F_SETLK, &whole);
    (void)fcntl(fds[1], F_OFD_SETLK, &whole);
    (void)fcntl(fds[KEPT], F_SETLEASE, F_RDLCK);
}

static long locks(void)
{
    struct flock whole = {.l_type = F_WRLCK};
    long sum = fcntl(fds[KEPT], F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    whole = (struct flock){.l_type = F_RDLCK};
    sum += fcntl(fds[KEPT], F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
    if (syscall(SYS_flock, fds[KEPT], LOCK_SH | LOCK_NB) != 0)
        sum += errno == EWOULDBLOCK;
    else
        (void)syscall(SYS_flock, fds[KEPT], LOCK_UN);
    return sum;
}

static void attribute(void)
{
    static unsigned turn;
    turn++;
    (void)syscall(SYS_fsetxattr, fds[0], "user.word", &turn, sizeof turn, 0);
    (void)syscall(SYS_fchmod, fds[0], turn % 2 ? 0600 : 0640);
}

static long attribute_of(void)
{
    unsigned value = 0;
    return syscall(SYS_fgetxattr, fds[KEPT], "user.word", &value, sizeof value) > 0 ? (long)value : 0;
}

/* A NUMA policy of shared memory lies on the file. */
static void place(void)
{
    static unsigned turn;
    unsigned long node = 1;
    (void)syscall(SYS_mbind, own[0], BYTES, ++turn % 2 ? 1 : 0, &node, 2UL, 0U); /* preferred, default */
}

static long place_of(void)
{
    int policy = 0;
    return syscall(SYS_get_mempolicy, &policy, NULL, 0UL, peer[0], 2UL /* MPOL_F_ADDR */) == 0 ? policy : 0;
}

/* Which pages the kernel holds. */
static void populate(void)
{
    (void)syscall(SYS_madvise, own[0], BYTES, 23 /* MADV_POPULATE_WRITE */);
    (void)syscall(SYS_madvise, own[0], BYTES, MADV_WILLNEED);
    (void)syscall(SYS_mlock, own[0], BYTES);
    (void)syscall(SYS_readahead, fds[0], 0L, (unsigned long)BYTES);
    (void)syscall(SYS_remap_file_pages, own[0], 4096UL, 0UL, 1UL, 0UL);
}

static long resident(void)
{
    unsigned char pages[BYTES / 4096] = {0};
    uint64_t range[2] = {0, BYTES}, counts[5] = {0};
    long sum = syscall(SYS_mincore, peer[0], BYTES, pages) == 0 ? pages[0] + 2 * pages[1] : 0;
    return sum + (syscall(SYS_cachestat_, fds[KEPT], range, counts, 0) == 0 ? 4 * (long)counts[0] : 0);
}

static void wake(void)
{
    static uint32_t word;
    for (unsigned i = 0; i < KEPT; i++) {
        if (own[i] == NULL)
            continue;
        const uint32_t *at = (const uint32_t *)(uintptr_t)&own[i][SLEEPWORD];
        (void)raw_wake(at);
        (void)syscall(SYS_futex, at, FUTEX_WAKE_BITSET, INT32_MAX, NULL, NULL, -1);
        (void)syscall(SYS_futex, at, FUTEX_REQUEUE, 0, (void *)1, &word, 0);
        (void)syscall(SYS_futex, &word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    }
}

static long wakes(void)
{
    const struct timespec limit = {.tv_nsec = 3000000};
    long sum = woken;
    for (unsigned i = 0; i < 3; i++)
        if (peer[i] != NULL)
            sum += syscall(SYS_futex, &peer[i][SLEEPWORD], FUTEX_WAIT, 0, &limit, NULL, 0) == 0;
    return sum;
}

static const struct {
    const char *name;
    void (*say)(void);
    long (*hear)(void);
} ways[] = {
    {"memory", write_memory, read_memory},
    {"files", write_files, read_files},
    {"size", resize, sizes},
    {"seals", seal, seals},
    {"flags", set_flags, flags_of},
    {"hints", hint, hint_of},
    {"locks", lock, locks},
    {"attributes", attribute, attribute_of},
    {"placement", place, place_of},
    {"residency", populate, resident},
    {"wakes", wake, wakes},
};
#define WAYS (sizeof ways / sizeof *ways)

/* --- the two --- */

static void meet(void)
{
    const struct realm_entry knock = {.kind = REALM_MESSAGE_ONEWAY, .tag = 1};
    static struct raw_message message;
    struct sigaction action = {.sa_handler = bus, .sa_flags = SA_NODEFER};
    sigaction(SIGBUS, &action, NULL);
    raw_open();
    if (target.side == 'l') {
        raw_register("drop");
        raw_accept(&channel);
    } else {
        raw_connect("drop", &channel);
    }
    raw_push(&channel, knock, NULL);
    if (!raw_pop(&channel, &message, 5000)) {
        outcome("they never met");
        exit(0);
    }
}

/* Each through its newest mapping, and both are heard: they could talk. */
static bool talk(void)
{
    const unsigned newest = own[1] != NULL && peer[1] != NULL ? 1 : 0;
    const uint64_t end = raw_now_ms() + 5000;
    uint32_t value = 0;
    put(own[newest], WORD + 1, 7);
    while (!(look(peer[newest], WORD + 1, &value) && value == 7) && raw_now_ms() < end)
        raw_sleep_ms(1);
    return value == 7;
}

static void listen_to_all(void)
{
    const uint64_t end = raw_now_ms() + 2 * TALK_MS;
    const char *heard = NULL;
    long first[WAYS];
    for (unsigned i = 0; i < WAYS; i++)
        first[i] = ways[i].hear();
    while (raw_now_ms() < end && heard == NULL) {
        for (unsigned i = 0; i < WAYS && heard == NULL; i++)
            if (ways[i].hear() != first[i])
                heard = ways[i].name;
        raw_sleep_ms(2);
    }
    if (heard != NULL)
        outcome("heard by %s", heard);
    else
        outcome("nothing");
}

static void say_all(void)
{
    /* Right has looked for the first time by then; if not, it hears less than there is, and accuses nobody.
     */
    raw_sleep_ms(TALK_MS / 2);
    const uint64_t end = raw_now_ms() + TALK_MS;
    while (raw_now_ms() < end) {
        for (unsigned i = 0; i < WAYS; i++)
            ways[i].say();
        raw_sleep_ms(2);
    }
}

static void keep_all(void)
{
    pthread_t thread;
    meet();
    keep_everything();
    if (!talk() || (target.side == 'r' && !raw_thread(&thread, sleep_on_peer))) {
        outcome("they could not talk before");
        exit(0);
    }
    raw_sleep_ms(50); /* the other has read what this one wrote, the thread sleeps */
    announce("ready");
    const int reason = raw_closed(&channel, 5000);
    if (reason != 9) {
        outcome("not revoked: %d", reason);
        exit(0);
    }
    if (target.side == 'l')
        say_all();
    else
        listen_to_all();
    exit(0); /* the thread may sleep for ever */
}

static const struct attack kept[] = {
    {"collude-kept", "both kept all descriptors and mappings, and one speaks through each of them", keep_all,
     .must = "nothing", .role = ROLE_PAIR, .flags = ATTACK_REVOKE},
};
ATTACK_THEME(collude_theme, "collude", "Two that kept everything", kept, false);
