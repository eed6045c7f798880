/*
 * Sealed memory: writing it all the same, by what was kept, offered or opened before and after; and sealing
 * what is not one's own, or at the wrong time.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw_given.h"

#define TALK_MS 300
#define LARGE   (UINT64_C(8) << 20) /* the largest object */

static uint64_t own_sealed(void)
{
    uint64_t cookie = 0;
    raw_open();
    if (raw_allocate(PAGE, 1, &cookie) != 0 || raw_map(cookie, R | W) != 0 ||
        pwrite(raw_fds[0], "sealed", 7, 0) != 7 || raw_dispose(REALM_CONTROL_SEAL, cookie) != 0) {
        outcome("not sealed");
        exit(0);
    }
    return cookie;
}

/* The descriptor of a sealed page, as it is opened to be read. */
static int sealed_part(void)
{
    char text[8] = "";
    if (raw_map(own_sealed(), R) == 0 && pread(raw_fds[0], text, 7, 0) == 7 && strcmp(text, "sealed") == 0)
        return raw_fds[0];
    outcome("not mapped");
    exit(0);
}

static void map_writable(void)
{
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, sealed_part(), 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void protect(void)
{
    void *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, sealed_part(), 0);
    outcome_call(memory == MAP_FAILED ? 0 : mprotect(memory, PAGE, PROT_READ | PROT_WRITE));
}

static void remove_pages(void)
{
    void *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, sealed_part(), 0);
    outcome_call(memory == MAP_FAILED ? 0 : madvise(memory, PAGE, MADV_REMOVE));
}

ATTACK_CALL(write_part, SYS_pwrite64, sealed_part(), "x", 1, 0)
ATTACK_CALL(punch, SYS_fallocate, sealed_part(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE)
ATTACK_CALL(cut, SYS_ftruncate, sealed_part(), 0)
ATTACK_CALL(seal_shrink, SYS_fcntl, sealed_part(), F_ADD_SEALS, F_SEAL_SHRINK)

/* By the Memory Manager's own means. */
static void write_again(void)
{
    const uint64_t own = own_sealed();
    uint64_t below = 0;
    unsigned refused = 0;
    refused += raw_map(own, R | W) == REALM_E_DENIED;
    refused += raw_derive(own, 0, PAGE, R | W, NULL) == REALM_E_DENIED;
    refused += raw_derive(own, 0, PAGE, R | REALM_RIGHT_GRANT | REALM_RIGHT_EXEC, &below) == 0;
    refused += raw_derive(below, 0, PAGE, W, NULL) == REALM_E_DENIED;
    refused += raw_map(below, R | W) == REALM_E_DENIED;
    refused += raw_derive(own, 0, 0, 0, &below) == 0; /* moved to itself */
    refused += raw_map(below, R | W) == REALM_E_DENIED;
    outcome("%s", refused == 7 ? "all refused" : "written");
}

static void twice(void)
{
    outcome("%s", raw_status_word(raw_dispose(REALM_CONTROL_SEAL, own_sealed())));
}

static void shared(void)
{
    uint64_t own = 0, below = 0;
    raw_open();
    raw_allocate(PAGE, 1, &own);
    raw_derive(own, 0, PAGE, FULL, &below);
    const int derived = raw_dispose(REALM_CONTROL_SEAL, below);
    const int root = raw_dispose(REALM_CONTROL_SEAL, own);
    outcome("%s, %s", raw_status_word(derived), raw_status_word(root));
}

static void no_memory(void)
{
    struct raw_channel channel;
    raw_open();
    raw_connect("echo", &channel);
    outcome("%s", raw_status_word(raw_dispose(REALM_CONTROL_SEAL, channel.packet.cookie)));
}

static void forged(void)
{
    unsigned incapable = 0;
    raw_open();
    for (unsigned i = 0; i < 300; i++)
        incapable += raw_dispose(REALM_CONTROL_SEAL, (uint64_t)i * 0x9e3779b97f4a7c15u) == REALM_E_INCAPABLE;
    outcome("%s", incapable == 300 ? "all INCAPABLE" : "one was right");
}

static void churn(void)
{
    raw_open();
    for (unsigned i = 0; i < 40; i++) {
        uint64_t own = 0;
        int status = raw_allocate(LARGE, 8, &own);
        status = status ? status : raw_map(own, R | W);
        for (unsigned fd = 0; status == 0 && fd < raw_fds_count; fd++) {
            (void)!pwrite(raw_fds[fd], "x", 1, 0);
            close(raw_fds[fd]);
        }
        status = status ? status : raw_dispose(REALM_CONTROL_SEAL, own);
        status = status ? status : raw_dispose(REALM_CONTROL_DELETE, own);
        if (status) {
            outcome("%s", raw_status_word(status));
            return;
        }
    }
    outcome("served");
}

/* The copy of 8 MiB is asked for, and nobody is there to hear of it. */
static void die_meanwhile(void)
{
    uint64_t own = 0;
    raw_open();
    if (raw_allocate(LARGE, 8, &own) != 0 || raw_map(own, R | W) != 0) {
        outcome("not mapped");
        return;
    }
    outcome("asked");
    raw_cookie(REALM_CONTROL_SEAL, own);
}

/* --- with another --- */

/* Through all that left has of it, from before the seal on. */
static void write_on(int fd, volatile char *memory)
{
    const uint64_t end = raw_now_ms() + 3 * TALK_MS;
    for (char byte = 0; raw_now_ms() < end; byte++) {
        raw_put(memory, byte);
        (void)!pwrite(fd, &byte, 1, 0);
        void *again = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (again != MAP_FAILED) {
            raw_put(again, byte);
            munmap(again, PAGE);
        }
        (void)syscall(SYS_fallocate, fd, 0, 0, PAGE);
        (void)syscall(SYS_ftruncate, fd, PAGE);
    }
}

static void kept(void)
{
    struct raw_gift gift;
    raw_mind();
    if (target.side == 'l') {
        raw_meet_left();
        volatile char *memory = raw_make(&gift);
        const int fd = raw_fds[0];
        memory[0] = 'a';
        if (raw_dispose(REALM_CONTROL_SEAL, gift.cookie) != 0)
            exit(1);
        raw_give(&gift, R);
        write_on(fd, memory);
        return;
    }
    gift = raw_receive();
    if (raw_map(raw_accepted(&gift), R) != 0) {
        outcome("not mapped");
        return;
    }
    const int seals = fcntl(raw_fds[0], F_GET_SEALS);
    const volatile char *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, raw_fds[0], 0);
    const uint64_t end = raw_now_ms() + TALK_MS;
    unsigned changes = 0;
    while (raw_now_ms() < end)
        changes += raw_look(memory) != 'a';
    if (seals < 0 || !(seals & F_SEAL_WRITE))
        outcome("no seal");
    else
        outcome("%s", changes ? "changed" : "unchanged");
}

/* What was offered to be written before it was sealed is taken after. */
static void offered_before(void)
{
    struct raw_gift gift;
    if (target.side == 'l') {
        raw_meet_left();
        raw_make(&gift);
        if (raw_offer(raw_pair.packet.cookie, gift.cookie, PAGE, R | W, &gift.ticket) != 0 ||
            raw_dispose(REALM_CONTROL_SEAL, gift.cookie) != 0)
            exit(1);
        raw_tell(&gift, sizeof gift);
        raw_stay();
        return;
    }
    gift = raw_receive();
    outcome("%s", raw_status_word(raw_redeem(raw_pair.packet.cookie, gift.ticket, NULL)));
}

/* Left seals in the moment in which right takes it to be written: one of the two is refused, each time. */
static void raced(void)
{
    struct raw_gift gift;
    unsigned good = 0;
    if (target.side == 'l') {
        raw_meet_left();
        for (unsigned i = 0; i < 100; i++) {
            raw_make(&gift);
            close(raw_fds[0]);
            raw_give(&gift, R | W);
            const uint64_t status = (uint64_t)raw_dispose(REALM_CONTROL_SEAL, gift.cookie);
            uint64_t theirs = 0;
            raw_tell(&status, sizeof status);
            if (!raw_hear(&theirs, sizeof theirs))
                return;
            raw_dispose(REALM_CONTROL_DELETE, gift.cookie);
        }
        raw_stay();
        return;
    }
    gift = raw_receive();
    for (unsigned i = 0; i < 100; i++) {
        uint64_t theirs = 0, own = (uint64_t)raw_redeem(raw_pair.packet.cookie, gift.ticket, NULL);
        if (!raw_hear(&theirs, sizeof theirs))
            break;
        good += (own == 0 && theirs == REALM_E_DENIED) || (own == REALM_E_DENIED && theirs == 0);
        raw_tell(&own, sizeof own);
        if (i < 99 && !raw_hear(&gift, sizeof gift))
            break;
    }
    outcome("%u of 100", good);
}

/* What is sealed is revoked like any other: right keeps nothing of it. */
static void revoked(void)
{
    struct raw_gift gift;
    uint64_t number = 1;
    raw_mind();
    if (target.side == 'l') {
        raw_meet_left();
        raw_make(&gift)[0] = 'a';
        if (raw_dispose(REALM_CONTROL_SEAL, gift.cookie) != 0)
            exit(1);
        raw_give(&gift, R);
        raw_stay();
        if (raw_dispose(REALM_CONTROL_REVOKE, gift.cookie) != 0)
            exit(1);
        raw_tell(&number, sizeof number);
        raw_stay();
        return;
    }
    gift = raw_receive();
    const uint64_t window = raw_accepted(&gift);
    if (raw_map(window, R) != 0) {
        outcome("not mapped");
        return;
    }
    const int fd = raw_fds[0];
    const volatile char *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    const bool was_there = raw_look(memory) == 'a';
    char byte = 0;
    raw_tell(&number, sizeof number);
    if (!was_there || !raw_hear(&number, sizeof number))
        outcome("it was not there before");
    else if (raw_look(memory) >= 0 || pread(fd, &byte, 1, 0) != 0 || raw_map(window, R) != REALM_E_STALE)
        outcome("something is left");
    else
        outcome("nothing");
}

static const struct attack sealed[] = {
    {"sealed-mmap", "maps what it sealed itself to be written", map_writable, .must = "EACCES"},
    {"sealed-mprotect", "makes a mapping of it writable", protect, .must = "EACCES"},
    {"sealed-pwrite", "writes it through the descriptor", write_part, .must = "EBADF"},
    {"sealed-punch", "punches a hole into it", punch, .must = "EPERM"},
    {"sealed-remove", "the same with MADV_REMOVE", remove_pages, .must = "EPERM|EACCES"},
    {"sealed-ftruncate", "cuts it", cut, .must = "EPERM"},
    {"sealed-seal-shrink", "seals it against being cut, so that it cannot be revoked", seal_shrink,
     .must = "EPERM"},
    {"sealed-write-again", "maps, derives and moves it to be written", write_again, .must = "all refused"},
    {"sealed-twice", "seals it again", twice, .must = "EXISTS"},
    {"sealed-shared", "seals what it derived, and what that was derived from", shared,
     .must = "DENIED, DENIED"},
    {"sealed-channel", "seals a channel", no_memory, .must = "BAD_ARGUMENT"},
    {"sealed-forged", "seals what it guesses", forged, .must = "all INCAPABLE"},
    {"sealed-churn", "writes, seals and deletes 8 MiB, forty times", churn, .must = "served"},
    {"sealed-die", "ends while 8 MiB are sealed for it", die_meanwhile, .must = "asked"},
    {"sealed-kept", "writes on through the mapping and the descriptor that it kept", kept,
     .must = "unchanged", .role = ROLE_PAIR},
    {"sealed-offered", "takes to be written what was offered so before the seal", offered_before,
     .must = "DENIED", .role = ROLE_PAIR},
    {"sealed-raced", "takes to be written what its giver seals in that moment", raced, .must = "100 of 100",
     .role = ROLE_PAIR},
    {"sealed-revoked", "keeps mapping and descriptor of what was sealed and revoked", revoked,
     .must = "nothing", .role = ROLE_PAIR},
};
ATTACK_THEME(sealed_theme, "sealed", "Sealed memory", sealed, false);
