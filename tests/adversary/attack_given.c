/*
 * Memory that one realm gave another: as a thief of cookies and tickets, as a writer of what was given to be
 * read, and as one who keeps what was taken back. raw_given.h has the two.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw_given.h"

/* Left gives a page with an `a` in it. */
static volatile char *give(uint32_t rights, struct raw_gift *ret_gift)
{
    raw_meet_left();
    volatile char *memory = raw_make(ret_gift);
    memory[0] = 'a';
    raw_give(ret_gift, rights);
    return memory;
}

static void foreign_cookie(void)
{
    struct raw_gift told;
    unsigned incapable = 0;
    if (target.side == 'l') {
        give(R, &told);
        raw_stay();
        return;
    }
    told = raw_receive();
    incapable += raw_map(told.cookie, R) == REALM_E_INCAPABLE;
    incapable += raw_derive(told.cookie, 0, PAGE, R, NULL) == REALM_E_INCAPABLE;
    incapable += raw_dispose(REALM_CONTROL_SEAL, told.cookie) == REALM_E_INCAPABLE;
    incapable += raw_dispose(REALM_CONTROL_REVOKE, told.cookie) == REALM_E_INCAPABLE;
    incapable += raw_dispose(REALM_CONTROL_DELETE, told.cookie) == REALM_E_INCAPABLE;
    outcome("%s", incapable == 5 ? "all INCAPABLE" : "obeyed");
}

static void ticket_twice(void)
{
    struct raw_gift told;
    if (target.side == 'l') {
        give(R, &told);
        raw_stay();
        return;
    }
    told = raw_receive();
    raw_accepted(&told);
    const int again = raw_redeem(raw_pair.packet.cookie, told.ticket, NULL);
    const int other = raw_redeem(raw_pair.packet.cookie, told.ticket + 1, NULL);
    outcome("%s, %s", raw_status_word(again), raw_status_word(other));
}

/* What was given to be read, in each way that writes. */
static void write_window(void)
{
    struct raw_gift told;
    unsigned refused = 0;
    if (target.side == 'l') {
        volatile char *memory = give(R | REALM_RIGHT_GRANT, &told);
        uint64_t number;
        (void)raw_hear(&number, sizeof number);
        number = (unsigned char)memory[0];
        raw_tell(&number, sizeof number);
        raw_stay();
        return;
    }
    told = raw_receive();
    const uint64_t window = raw_accepted(&told);
    refused += raw_map(window, R | W) == REALM_E_DENIED;
    refused += raw_derive(window, 0, PAGE, R | W, NULL) == REALM_E_DENIED;
    refused += raw_map(window, R) == 0;
    const int fd = raw_fds[0];
    void *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
    refused += mprotect(memory, PAGE, PROT_READ | PROT_WRITE) < 0;
    refused += mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED;
    refused += pwrite(fd, "b", 1, 0) < 0;
    refused += read(fd, memory, 1) <= 0;
    uint64_t number = 0;
    raw_tell(&number, sizeof number);
    if (!raw_hear(&number, sizeof number))
        outcome("not told");
    else
        outcome("%s", refused == 7 && number == 'a' ? "unwritten" : "written");
}

/* --- longer than it was given --- */

/* Left takes it back and maps anew; then each writes what it has, and looks. */
static void outlive(void)
{
    struct raw_gift told;
    uint64_t number = 1;
    raw_mind();
    if (target.side == 'l') {
        give(R | W, &told);
        (void)raw_hear(&number, sizeof number);
        if (raw_dispose(REALM_CONTROL_REVOKE, told.cookie) != 0 || raw_map(told.cookie, R | W) != 0)
            exit(1);
        volatile char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, raw_fds[0], 0);
        memory[1] = 'l';
        raw_tell(&number, sizeof number);
        (void)raw_hear(&number, sizeof number);
        number = (unsigned char)raw_look(memory);
        raw_tell(&number, sizeof number);
        raw_stay();
        return;
    }
    told = raw_receive();
    const uint64_t window = raw_accepted(&told);
    if (raw_map(window, R | W) != 0) {
        outcome("not mapped");
        return;
    }
    const int fd = raw_fds[0];
    volatile char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const bool was_there = raw_put(memory, 'r') && raw_look(memory) == 'r';
    raw_tell(&number, sizeof number);
    if (!was_there || !raw_hear(&number, sizeof number)) {
        outcome("it was not there before");
        return;
    }
    char byte = 0;
    unsigned ways = 0;
    ways += raw_put(memory, 'x');
    ways += raw_look(memory) >= 0;
    ways += pwrite(fd, "x", 1, 0) >= 0;
    ways += pread(fd, &byte, 1, 0) != 0;
    void *again = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ways += again != MAP_FAILED && raw_look(again) >= 0;
    ways += raw_map(window, R) != REALM_E_STALE;
    raw_tell(&number, sizeof number);
    if (!raw_hear(&number, sizeof number))
        outcome("not told");
    else
        outcome("%s", ways == 0 && number == 'r' ? "nothing" : "something is left");
}

/* The giver ends; what it gave goes with it. */
static void outlive_giver(void)
{
    struct raw_gift told;
    uint64_t number = 1;
    raw_mind();
    if (target.side == 'l') {
        give(R, &told);
        (void)raw_hear(&number, sizeof number);
        return;
    }
    told = raw_receive();
    if (raw_map(raw_accepted(&told), R) != 0) {
        outcome("not mapped");
        return;
    }
    const volatile char *memory = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, raw_fds[0], 0);
    const bool was_there = raw_look(memory) == 'a';
    raw_tell(&number, sizeof number);
    const uint64_t end = raw_now_ms() + 10000;
    while (raw_look(memory) >= 0 && raw_now_ms() < end)
        raw_sleep_ms(2);
    outcome("%s", was_there && raw_look(memory) < 0 ? "nothing" : "something is left");
}

static const struct attack given[] = {
    {"given-foreign", "uses another realm's cookie, which that one told it", foreign_cookie,
     .must = "all INCAPABLE", .role = ROLE_PAIR},
    {"given-ticket-twice", "takes what it was given twice, and the next ticket", ticket_twice,
     .must = "STALE, INCAPABLE", .role = ROLE_PAIR},
    {"given-write-window", "writes what it was given to be read, in seven ways", write_window,
     .must = "unwritten", .role = ROLE_PAIR},
    {"given-outlive-revoke", "keeps mapping and descriptor of what was revoked, and writes and reads on",
     outlive, .must = "nothing", .role = ROLE_PAIR},
    {"given-outlive-giver", "the same when the giver has ended", outlive_giver, .must = "nothing",
     .role = ROLE_PAIR},
};
ATTACK_THEME(given_theme, "given", "Memory that another gave", given, false);
