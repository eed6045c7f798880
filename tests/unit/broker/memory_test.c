/*
 * Memory capabilities: what is mapped where, and that nothing is after it was taken away, whoever kept a
 * descriptor. sharing.h has the realms.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/broker/sharing.h"

/* --- the way it goes --- */

WORLD_TEST(memory, allocated_mapped_and_given)
{
    /* What B writes A reads; A's descriptor can be made writable in no way but by opening files. */
    open_all();
    uint64_t own = 0;
    int writable, readable;
    cr_assert_eq(allocate(b, 2 * PAGE, 1, &own), 0);
    cr_expect_eq(told(b)->kind, REALM_KIND_MEMORY);
    cr_expect_eq(told(b)->bytes, 2 * PAGE);
    cr_expect_eq(told(b)->rights, FULL | REALM_RIGHT_EXEC);
    cr_assert_eq(map(b, own, R | W, &writable), 0);
    cr_expect_eq(size_of(writable), 2 * PAGE);
    cr_expect_eq(fcntl(writable, F_GET_SEALS) & (F_SEAL_GROW | F_SEAL_SEAL | F_SEAL_SHRINK),
                 F_SEAL_GROW | F_SEAL_SEAL);
    put(writable, "to be read");

    uint64_t theirs = give_a(own, 0, 2 * PAGE, R);
    cr_assert_eq(map(a, theirs, R, &readable), 0);
    cr_expect_str_eq(get(readable), "to be read");
    cr_expect_eq(fcntl(readable, F_GETFL) & O_ACCMODE, O_RDONLY);
    cr_expect_eq(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, readable, 0), MAP_FAILED);
    void *mapped = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, readable, 0);
    cr_assert_neq(mapped, MAP_FAILED);
    cr_expect_eq(mprotect(mapped, PAGE, PROT_READ | PROT_WRITE), -1);
    munmap(mapped, PAGE);
    cr_expect_eq(ftruncate(readable, 0), -1);
    cr_expect_eq(map(a, theirs, R | W, NULL), REALM_E_DENIED);
    cr_assert_not_null(world_event(&world, "denied", "rule", "rights"));
    cr_expect_eq(world_counts(&world).memories, 1);
}

WORLD_TEST(memory, two_readers_share_no_offset)
{
    /* Two that may both read it are no way to talk to each other: each has a description of its own. */
    open_all();
    uint64_t own = 0;
    int one, other;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(a, give_a(own, 0, PAGE, R), R, &one), 0);
    cr_assert_eq(map(a, give_a(own, 0, PAGE, R), R, &other), 0);
    cr_assert_eq(lseek(one, 100, SEEK_SET), 100);
    cr_expect_eq(lseek(other, 0, SEEK_CUR), 0);
}

WORLD_TEST(memory, a_window_is_whole_parts_and_no_more_of_them)
{
    open_all();
    uint64_t own = 0;
    cr_assert_eq(allocate(b, 4 * PAGE, 4, &own), 0);
    cr_assert_eq(map(b, own, R | W, NULL), 0);
    const struct letter *letter = process_letter(b, REALM_CONTROL_MAPPED, last_xid);
    cr_assert_eq(letter->fds_count, 4);
    cr_expect_eq(letter->packet.mapped.bytes, 4 * PAGE);
    put(letter->fds[1], "second");
    put(letter->fds[2], "third");
    uint64_t theirs = give_a(own, PAGE, 2 * PAGE, R | REALM_RIGHT_GRANT);
    cr_assert_eq(map(a, theirs, R, NULL), 0);
    letter = process_letter(a, REALM_CONTROL_MAPPED, last_xid);
    cr_assert_eq(letter->fds_count, 2);
    cr_expect_str_eq(get(letter->fds[0]), "second");
    cr_expect_str_eq(get(letter->fds[1]), "third");
    /* Beyond what one has, and not on parts. */
    struct realm_control_derive gift = {
        .source = theirs, .rights = R, .mode = REALM_COPY, .offset = 0, .bytes = 2 * PAGE};
    cr_expect_eq(derive(a, REALM_CONTROL_DERIVE, gift), REALM_E_DENIED);
    gift.offset = PAGE + 1;
    gift.bytes = PAGE;
    cr_expect_eq(derive(a, REALM_CONTROL_DERIVE, gift), REALM_E_BAD_ARGUMENT);
    gift.offset = UINT64_MAX - PAGE + 1;
    cr_expect_eq(derive(a, REALM_CONTROL_DERIVE, gift), REALM_E_BAD_ARGUMENT);
    gift.offset = PAGE;
    gift.bytes = 0;
    cr_expect_eq(derive(a, REALM_CONTROL_DERIVE, gift), REALM_E_BAD_ARGUMENT);
}

/* --- taking away --- */

WORLD_TEST(memory, revoked)
{
    /* A's memory is gone, and B's old mapping with it; the answer comes after that; B maps anew and finds
     * what was there. */
    open_all();
    uint64_t own = 0;
    int ours, theirs, again;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    put(ours, "kept");
    uint64_t window = give_a(own, 0, PAGE, R);
    cr_assert_eq(map(a, window, R, &theirs), 0);
    world.hold_memory = true;
    cr_expect_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), -1, "answered before it is true");
    uint64_t xid = last_xid;
    cr_expect_eq(size_of(theirs), PAGE);
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, xid), 0);
    cr_expect_eq(size_of(theirs), 0);
    cr_expect_eq(size_of(ours), 0);
    cr_expect_eq(map(a, window, R, NULL), REALM_E_STALE);
    cr_assert_eq(map(b, own, R | W, &again), 0);
    cr_expect_str_eq(get(again), "kept");
    cr_expect_eq(ftruncate(ours, PAGE), -1, "it can be grown again");
    cr_expect_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(again), PAGE, "nothing was derived: nothing is taken away");
}

WORLD_TEST(memory, revoking_disturbs_only_the_parts_that_were_shared)
{
    open_all();
    uint64_t own = 0;
    cr_assert_eq(allocate(b, 2 * PAGE, 2, &own), 0);
    cr_assert_eq(map(b, own, R | W, NULL), 0);
    const struct letter *letter = process_letter(b, REALM_CONTROL_MAPPED, last_xid);
    int first = letter->fds[0], second = letter->fds[1], theirs;
    cr_assert_eq(map(a, give_a(own, PAGE, PAGE, R), R, &theirs), 0);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(theirs), 0);
    cr_expect_eq(size_of(second), 0);
    cr_expect_eq(size_of(first), PAGE);
}

WORLD_TEST(memory, what_was_never_mapped_disturbs_nobody)
{
    open_all();
    uint64_t own = 0;
    int ours;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    give_a(own, 0, PAGE, R);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(ours), PAGE);
}

WORLD_TEST(memory, who_gives_it_up_disturbs_nobody_and_keeps_nothing_from_a_revocation)
{
    /* A deletes what it has mapped, then what stands between; the mapping is found all the same. */
    open_all();
    uint64_t own = 0;
    int ours, theirs;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    uint64_t window = give_a(own, 0, PAGE, R | REALM_RIGHT_GRANT);
    struct realm_control_derive packet = {.source = window, .rights = R, .mode = REALM_COPY, .bytes = PAGE};
    cr_assert_eq(derive(a, REALM_CONTROL_DERIVE, packet), 0);
    uint64_t below = told(a)->cookie;
    cr_assert_eq(map(a, below, R, &theirs), 0);
    cr_assert_eq(send_cookie(a, REALM_CONTROL_DELETE, below), 0);
    cr_assert_eq(send_cookie(a, REALM_CONTROL_DELETE, window), 0);
    cr_expect_eq(size_of(ours), PAGE);
    cr_expect_eq(map(a, below, R, NULL), REALM_E_STALE);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(theirs), 0);
}

WORLD_TEST(memory, a_realm_that_ends)
{
    /* D's window was derived from A's: it goes with A. What A itself had mapped goes with B's revocation. */
    open_all();
    uint64_t own = 0;
    int ours, mine, below;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    put(ours, "kept");
    uint64_t window = give_a(own, 0, PAGE, FULL);
    cr_assert_eq(map(a, window, R, &mine), 0);
    mine = dup(mine);
    cr_assert_eq(map(d, give_d(window, PAGE, R), R, &below), 0);
    process_exit(a, 0);
    pump_all();
    cr_expect_eq(size_of(below), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    cr_expect_str_eq(get(ours), "kept");
    close(mine);
}

WORLD_TEST(memory, a_realm_that_ends_keeps_nothing_from_a_revocation)
{
    /* What D left stands two capabilities below B's, both of them A's, the upper one held later than the
     * lower: in whatever order A's are given up, B's revocation finds it. */
    for (unsigned moved = 0; moved < 2; moved++) {
        if (moved) {
            world_deinit(&world);
            world_init(&world);
        }
        open_all();
        uint64_t own = 0;
        int ours, theirs;
        cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
        cr_assert_eq(map(b, own, R | W, &ours), 0);
        uint64_t window = give_a(own, 0, PAGE, FULL);
        struct realm_control_derive copy = {
            .source = window, .rights = FULL, .mode = REALM_COPY, .bytes = PAGE};
        cr_assert_eq(derive(a, REALM_CONTROL_DERIVE, copy), 0);
        uint64_t last = give_d(told(a)->cookie, PAGE, R);
        cr_assert_eq(map(d, last, R, &theirs), 0);
        cr_assert_eq(send_cookie(d, REALM_CONTROL_DELETE, last), 0);
        struct realm_control_derive move = {.source = window, .mode = REALM_MOVE};
        cr_assert(!moved || derive(a, REALM_CONTROL_DERIVE, move) == 0);
        process_exit(a, 0);
        pump_all();
        cr_expect_eq(size_of(ours), PAGE, "A's end disturbs B");
        cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
        cr_expect_eq(size_of(theirs), 0, "D maps it still");
    }
}

WORLD_TEST(memory, a_reader_that_ends_disturbs_nobody)
{
    open_all();
    uint64_t own = 0;
    int ours, mine;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    cr_assert_eq(map(a, give_a(own, 0, PAGE, R), R, &mine), 0);
    mine = dup(mine);
    process_exit(a, 0);
    pump_all();
    cr_expect_eq(size_of(ours), PAGE);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(mine), 0);
    close(mine);
}

WORLD_TEST(memory, its_maker_ends_or_deletes_it)
{
    open_all();
    uint64_t one = 0, other = 0;
    int first, second;
    cr_assert_eq(allocate(b, PAGE, 1, &one), 0);
    cr_assert_eq(allocate(b, PAGE, 1, &other), 0);
    uint64_t window = give_a(other, 0, PAGE, R);
    cr_assert_eq(map(a, give_a(one, 0, PAGE, R), R, &first), 0);
    cr_assert_eq(map(a, window, R, &second), 0);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_DELETE, one), 0);
    cr_expect_eq(size_of(first), 0);
    cr_expect_eq(size_of(second), PAGE);
    cr_expect_eq(world_counts(&world).memories, 1);
    process_exit(b, 0);
    pump_all();
    cr_expect_eq(size_of(second), 0);
    cr_expect_eq(map(a, window, R, NULL), REALM_E_STALE);
    cr_expect_eq(world_counts(&world).memories, 0);
}

WORLD_TEST(memory, moved)
{
    /* The giver's mapping dies; the taker finds what was written, and the root that it is. */
    open_all();
    uint64_t own = 0, theirs = 0;
    int before, after;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &before), 0);
    put(before, "along");
    cr_assert_eq(give(b, b_from_a, a, a_to_b, (struct realm_control_derive){.source = own}, &theirs), 0);
    cr_assert_eq(map(a, theirs, R | W, &after), 0);
    cr_expect_eq(size_of(before), 0);
    cr_expect_str_eq(get(after), "along");
    cr_expect_eq(map(b, own, R, NULL), REALM_E_STALE);
    cr_expect_eq(world_counts(&world).memories, 1);
    cr_assert_eq(send_cookie(a, REALM_CONTROL_DELETE, theirs), 0);
    cr_expect_eq(world_counts(&world).memories, 0);
}

/* --- a launcher that does not come to it --- */

/* Spawns instances until the launcher's queue holds something (or, with full, no more of them). */
static void fill_queue(bool full)
{
    static unsigned count;
    char name[16];
    struct broker_spawn spawn = {.program = "U", .name = name};
    struct broker_realm *realm;
    int error = 0;
    while (error == 0 && (full || world_counts(&world).launch_packets == 0)) {
        snprintf(name, sizeof(name), "u%u", count++);
        error = broker_spawn(world.broker, &spawn, &realm);
    }
    cr_assert_eq(error, full ? REALM_E_LIMIT : 0);
}

/* Moved to its own holder: a renewal that nobody waits for. */
static uint64_t move(struct process *process, uint64_t source)
{
    struct realm_control_derive packet = {.source = source, .mode = REALM_MOVE};
    cr_assert_eq(derive(process, REALM_CONTROL_DERIVE, packet), 0);
    return told(process)->cookie;
}

WORLD_TEST(memory, a_full_queue_loses_nothing)
{
    /* The launcher stands still and its queue is full: what is revoked or moved meanwhile is copied all the
     * same, when its turn comes, and the revoker is not answered before. D's many copies, which came first,
     * take no room from anybody. */
    open_all();
    world.hold_spawns = true;
    enum { MOVED = 8 };
    uint64_t first = 0, own = 0, others[MOVED], xid;
    int ours, theirs, again;
    cr_assert_eq(allocate(d, PAGE, 1, &first), 0);
    cr_assert_eq(map(d, first, R | W, NULL), 0);
    for (unsigned i = 0; i < MOVED; i++) {
        cr_assert_eq(allocate(d, PAGE, 1, &others[i]), 0);
        cr_assert_eq(map(d, others[i], R | W, NULL), 0);
    }
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    put(ours, "kept");
    cr_assert_eq(map(a, give_a(own, 0, PAGE, R), R, &theirs), 0);

    world.hold_memory = true;
    move(d, first); /* the launcher stands before this one */
    fill_queue(false);
    for (unsigned i = 0; i < MOVED; i++)
        move(d, others[i]);
    fill_queue(true);
    cr_expect_eq(world_counts(&world).launch_packets, BROKER_LAUNCH_QUEUE_MAX + MOVED);
    cr_expect_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), -1, "answered before it is true");
    xid = last_xid;
    cr_expect_eq(size_of(ours), PAGE, "truncated without a copy");
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, xid), 0);
    cr_expect_eq(size_of(theirs), 0);
    cr_assert_eq(map(b, own, R | W, &again), 0);
    cr_expect_str_eq(get(again), "kept");
    cr_expect_eq(world_counts(&world).launch_packets, 0);
}

/* --- quotas --- */

WORLD_TEST(memory, quota)
{
    /* What it allocates counts until it is gone; a window of it counts nothing. Without a quota of its own a
     * realm below init has the default. */
    open_all();
    uint64_t own = 0, other = 0;
    struct policy *policy = world.broker->policy;
    struct policy_realm realm = broker_find_realm(world.broker, "B")->policy;
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(policy, realm, POLICY_MEMORY, &usage), 0);
    cr_expect_eq(usage.limit, BROKER_REALM_MEMORY);
    cr_assert_eq(policy_set_limit(policy, realm, POLICY_MEMORY, 3 * PAGE), 0);
    cr_assert_eq(allocate(b, 2 * PAGE, 1, &own), 0);
    cr_expect_eq(allocate(b, 2 * PAGE, 1, &other), REALM_E_LIMIT);
    give_a(own, 0, 2 * PAGE, R);
    cr_assert_eq(policy_get_usage(policy, realm, POLICY_MEMORY, &usage), 0);
    cr_expect_eq(usage.use, 2 * PAGE);
    cr_expect_str_eq(event_text(world_event(&world, "limited", "realm", "B"), "limit"), "memory");
    cr_assert_eq(send_cookie(b, REALM_CONTROL_DELETE, own), 0);
    cr_expect_eq(allocate(b, 3 * PAGE, 1, &other), 0);
}

WORLD_TEST(memory, the_brokers_descriptors_are_shared_out)
{
    /* A part is a descriptor of the broker's: one realm does not get all that are for memory. */
    open_all();
    world.broker->descriptors_max = 4 * 32;
    uint64_t own = 0;
    unsigned count = 0;
    while (allocate(b, 8 * PAGE, 8, &own) == 0)
        count++;
    cr_expect_eq(count, 2, "%u", count);
    cr_expect_eq(allocate(a, PAGE, 1, &own), 0);
}
