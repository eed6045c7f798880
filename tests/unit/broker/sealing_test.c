/*
 * Sealing memory: what its giver kept writes into nothing, what its receiver reads changes no more; and every
 * way in which it can fail leaves all as it was. sharing.h has the realms.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/broker/sharing.h"

#define READABLE (FULL & ~(uint32_t)W)
#define SEALS    (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL)

static int seal(struct process *process, uint64_t cookie)
{
    return send_cookie(process, REALM_CONTROL_SEAL, cookie);
}

/* B's, of one page, mapped to be written, with that text in it. */
static uint64_t write_down(const char *text, int *ret_kept)
{
    uint64_t own = 0;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, ret_kept), 0);
    put(*ret_kept, text);
    return own;
}

static int seals_of(int fd)
{
    return fcntl(fd, F_GET_SEALS) & (SEALS | F_SEAL_SHRINK);
}

static uint64_t memory_used(const char *name)
{
    struct policy_usage usage;
    struct policy_realm realm = broker_find_realm(world.broker, name)->policy;
    cr_assert_eq(policy_get_usage(world.broker->policy, realm, POLICY_MEMORY, &usage), 0);
    return usage.use;
}

/* Offered to A, not taken yet. Return: the ticket. */
static uint32_t offer_a(uint64_t source, uint32_t rights)
{
    struct realm_control_derive gift = {.source = source,
                                        .via = b_from_a,
                                        .rights = rights,
                                        .bytes = rights ? PAGE : 0,
                                        .mode = rights ? REALM_COPY : REALM_MOVE};
    cr_assert_eq(derive(b, REALM_CONTROL_OFFER, gift), 0);
    return (uint32_t)process_letter(b, REALM_CONTROL_REPLY, last_xid)->packet.reply.value;
}

static int take_by_a(uint32_t ticket)
{
    return ASK(a, REALM_CONTROL_TAKE, struct realm_control_ticket packet = {.via = a_to_b, .ticket = ticket});
}

/* --- the way it goes --- */

WORLD_TEST(sealing, what_was_kept_writes_into_nothing)
{
    /* The giver keeps what it mapped, in two parts of which it has written one; the receiver maps what was
     * there, and the kernel itself says that nobody writes it. */
    open_all();
    uint64_t own = 0, counted;
    int again, theirs;
    cr_assert_eq(allocate(b, 2 * PAGE, 2, &own), 0);
    cr_assert_eq(map(b, own, R | W, NULL), 0);
    const struct letter *letter = process_letter(b, REALM_CONTROL_MAPPED, last_xid);
    const int kept[] = {letter->fds[0], letter->fds[1]};
    volatile char *written = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, kept[0], 0);
    cr_assert_neq(written, MAP_FAILED);
    put(kept[0], "to be read");
    counted = memory_used("B");
    cr_assert_eq(seal(b, own), 0);
    cr_assert_not_null(world_event(&world, "sealed", "realm", "B"));
    cr_expect_eq(size_of(kept[0]), 0);
    cr_expect_eq(size_of(kept[1]), 0);
    cr_expect_eq(pwrite(kept[0], "over", 5, 0), -1, "it can be grown again");
    munmap((void *)(uintptr_t)written, PAGE);
    cr_expect_eq(memory_used("B"), counted);

    cr_expect_eq(map(b, own, R | W, NULL), REALM_E_DENIED);
    cr_assert_eq(map(b, own, R, &again), 0);
    cr_expect_str_eq(get(again), "to be read");
    uint64_t window = give_a(own, 0, PAGE, READABLE);
    cr_expect_eq(told(a)->sealed, 1);
    cr_expect_eq(told(a)->rights, READABLE);
    cr_assert_eq(map(a, window, R, &theirs), 0);
    cr_expect_str_eq(get(theirs), "to be read");
    cr_expect_eq(seals_of(theirs), SEALS);
    cr_expect_eq(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, theirs, 0), MAP_FAILED);
    cr_expect_eq(map(a, window, R | W, NULL), REALM_E_DENIED);
}

WORLD_TEST(sealing, offered_to_be_written_before)
{
    /* What was offered with WRITE cannot be taken after the seal; what was offered to be read, can. */
    open_all();
    int kept, theirs;
    uint64_t own = write_down("only read", &kept);
    uint32_t writing = offer_a(own, R | W), reading = offer_a(own, R);
    cr_assert_eq(seal(b, own), 0);
    cr_expect_eq(take_by_a(writing), REALM_E_DENIED);
    cr_assert_eq(take_by_a(reading), 0);
    cr_assert_eq(map(a, told(a)->cookie, R, &theirs), 0);
    cr_expect_str_eq(get(theirs), "only read");
}

WORLD_TEST(sealing, what_was_never_made)
{
    /* No launcher is needed for what nobody has mapped; it is sealed when it is made, with its zeros. */
    open_all();
    uint64_t own = 0;
    int reads;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(seal(b, own), 0);
    cr_expect_eq(world.memory_requests[REALM_LAUNCH_SEAL], 0);
    cr_assert_eq(map(b, own, R, &reads), 0);
    cr_expect_eq(size_of(reads), PAGE);
    cr_expect_eq(seals_of(reads), SEALS);
}

WORLD_TEST(sealing, who_may_not)
{
    open_all();
    int kept;
    uint64_t own = write_down("mine", &kept);
    cr_expect_eq(seal(b, b_from_a), REALM_E_BAD_ARGUMENT); /* a channel */
    cr_expect_eq(seal(a, own), -1);                        /* another's: after the delay */
    world_advance(&world, 2 * REALM_MSEC);
    cr_expect_eq(answer_to(a, last_xid), REALM_E_INCAPABLE);
    uint64_t window = give_a(own, 0, PAGE, FULL);
    cr_expect_eq(seal(a, window), REALM_E_DENIED); /* derived */
    cr_expect_eq(seal(b, own), REALM_E_DENIED);    /* shared */
    cr_assert_not_null(world_event(&world, "denied", "asked", "seal"));
    cr_assert_not_null(world_event(&world, "denied", "rule", "seal"));
    cr_expect_eq(world.memory_requests[REALM_LAUNCH_SEAL], 0, "copied before it was decided");
    cr_expect_eq(size_of(kept), PAGE);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(seal(b, own), 0);
    cr_expect_eq(seal(b, own), REALM_E_EXISTS);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_DELETE, own), 0);
    cr_expect_eq(seal(b, own), REALM_E_STALE);
    cr_expect_eq(memory_used("B"), 0);
}

/* --- taking back what is sealed --- */

WORLD_TEST(sealing, revoked)
{
    /* As any memory: A's mapping goes; who still holds it maps anew, and finds the same bytes, sealed. */
    open_all();
    int kept, theirs, again;
    uint64_t own = write_down("the same", &kept);
    cr_assert_eq(seal(b, own), 0);
    uint64_t window = give_a(own, 0, PAGE, R);
    cr_assert_eq(map(a, window, R, &theirs), 0);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(theirs), 0);
    cr_expect_eq(map(a, window, R, NULL), REALM_E_STALE);
    cr_assert_eq(map(b, own, R, &again), 0);
    cr_expect_str_eq(get(again), "the same");
    cr_expect_eq(seals_of(again), SEALS);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_DELETE, own), 0);
    cr_expect_eq(size_of(again), 0);
    cr_expect_eq(world_counts(&world).memories, 0);
}

WORLD_TEST(sealing, it_never_begins_anew)
{
    /* Where there is no memory for the copy that a revocation needs, what is not sealed begins with zeros;
     * what is sealed ends, for D may have read it and must not read anything else. */
    open_all();
    int kept, first, second;
    uint64_t own = write_down("read once", &kept);
    cr_assert_eq(seal(b, own), 0);
    uint64_t window = give_a(own, 0, PAGE, READABLE), other = give_a(own, 0, PAGE, READABLE);
    uint64_t below = give_d(window, PAGE, R);
    cr_assert_eq(map(a, other, R, &second), 0);
    cr_assert_eq(map(d, below, R, &first), 0);
    world.fail_memory = 1u << REALM_LAUNCH_SEAL;
    cr_assert_eq(send_cookie(a, REALM_CONTROL_REVOKE, window), 0);
    cr_expect_eq(size_of(first), 0);
    cr_expect_eq(size_of(second), 0);
    cr_expect_eq(map(a, other, R, NULL), REALM_E_STALE);
    cr_expect_eq(map(b, own, R, NULL), REALM_E_STALE);
    cr_assert_eq(send_cookie(b, REALM_CONTROL_DELETE, own), 0);
    cr_expect_eq(world_counts(&world).memories, 0);
    cr_expect_eq(memory_used("B"), 0);
}

/* --- a launcher that cannot, or does not come to it --- */

WORLD_TEST(sealing, the_launcher_cannot)
{
    /* No memory for the copies, or copies that are not what they should be: nothing has changed. */
    open_all();
    int kept, again;
    uint64_t own = write_down("kept", &kept);
    world.fail_memory = 1u << REALM_LAUNCH_SEAL;
    cr_expect_eq(seal(b, own), REALM_E_LIMIT);
    world.fail_memory = 0;
    world.spoil_seals = true;
    cr_expect_eq(seal(b, own), REALM_E_LIMIT);
    world.spoil_seals = false;
    cr_expect_eq(size_of(kept), PAGE);
    cr_expect_eq(seals_of(kept), F_SEAL_GROW | F_SEAL_SEAL);
    cr_assert_eq(map(b, own, R | W, &again), 0);
    put(kept, "shared");
    cr_expect_str_eq(get(again), "shared");
    cr_expect_eq(seal(b, own), 0);
    cr_expect_eq(world_counts(&world).memories, 1);
}

WORLD_TEST(sealing, a_full_queue_refuses_it)
{
    /* It takes its place among the requests of all others, and there is none: the answer comes at once, and
     * nothing has changed. */
    open_all();
    world.hold_spawns = true;
    int kept;
    uint64_t first = 0, own = write_down("kept", &kept);
    cr_assert_eq(allocate(d, PAGE, 1, &first), 0);
    world.hold_memory = true;
    cr_expect_eq(map(d, first, R, NULL), -1); /* the launcher stands before this one */
    char name[16];
    struct broker_spawn spawn = {.program = "U", .name = name};
    struct broker_realm *realm;
    unsigned count = 0;
    int error = 0;
    while (error == 0) {
        snprintf(name, sizeof(name), "u%u", count++);
        error = broker_spawn(world.broker, &spawn, &realm);
    }
    cr_assert_eq(error, REALM_E_LIMIT);
    cr_expect_eq(seal(b, own), REALM_E_LIMIT);
    cr_expect_eq(size_of(kept), PAGE);
    world.hold_memory = false;
    pump_all();
    cr_expect_eq(seal(b, own), 0);
    cr_expect_eq(size_of(kept), 0);
}

/* --- while it is being sealed --- */

WORLD_TEST(sealing, nothing_is_read_from_who_seals)
{
    /* What it asks behind its SEAL is answered behind it. */
    open_all();
    int kept, reads;
    uint64_t own = write_down("in order", &kept), sealing;
    world.hold_memory = true;
    cr_expect_eq(seal(b, own), -1);
    sealing = last_xid;
    cr_expect_eq(map(b, own, R | W, NULL), -1);
    const uint64_t writing = last_xid;
    cr_expect_eq(size_of(kept), PAGE);
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, sealing), 0);
    cr_expect_eq(answer_to(b, writing), REALM_E_DENIED);
    cr_assert_eq(map(b, own, R, &reads), 0);
    cr_expect_str_eq(get(reads), "in order");
}

WORLD_TEST(sealing, taken_by_another_meanwhile)
{
    /* A takes what B had offered before: it is B's alone no more, so B's SEAL is refused, nobody's memory has
     * gone, and A's mapping, which waited for the outcome, is of it. */
    open_all();
    int kept, theirs;
    uint64_t own = write_down("shared", &kept), sealing, mapping;
    uint32_t ticket = offer_a(own, R | W);
    world.hold_memory = true;
    cr_expect_eq(seal(b, own), -1);
    sealing = last_xid;
    cr_assert_eq(take_by_a(ticket), 0);
    const uint64_t window = told(a)->cookie;
    cr_expect_eq(map(a, window, R | W, NULL), -1);
    mapping = last_xid;
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, sealing), REALM_E_DENIED);
    cr_expect_eq(answer_to(a, mapping), 0);
    theirs = process_letter(a, REALM_CONTROL_MAPPED, mapping)->fds[0];
    put(kept, "written");
    cr_expect_str_eq(get(theirs), "written");
    cr_expect_eq(world_counts(&world).launch_requests, 0);
}

WORLD_TEST(sealing, taken_and_given_up_meanwhile)
{
    open_all();
    int kept;
    uint64_t own = write_down("alone", &kept), sealing;
    uint32_t ticket = offer_a(own, R);
    world.hold_memory = true;
    cr_expect_eq(seal(b, own), -1);
    sealing = last_xid;
    cr_assert_eq(take_by_a(ticket), 0);
    cr_assert_eq(send_cookie(a, REALM_CONTROL_DELETE, told(a)->cookie), 0);
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, sealing), 0);
    cr_expect_eq(size_of(kept), 0);
}

WORLD_TEST(sealing, moved_away_meanwhile)
{
    /* A takes the root itself. What B kept of it goes, as with any move, though a copy to be sealed was being
     * made of it; A gets what was there, to be written, and may seal it. */
    open_all();
    int kept, theirs;
    uint64_t own = write_down("along", &kept), sealing;
    uint32_t ticket = offer_a(own, 0);
    world.hold_memory = true;
    cr_expect_eq(seal(b, own), -1);
    sealing = last_xid;
    cr_assert_eq(take_by_a(ticket), 0);
    const uint64_t moved = told(a)->cookie;
    cr_expect_eq(told(a)->sealed, 0);
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, sealing), REALM_E_STALE);
    cr_expect_eq(size_of(kept), 0);
    cr_assert_eq(map(a, moved, R | W, &theirs), 0);
    cr_expect_str_eq(get(theirs), "along");
    cr_expect_eq(seal(a, moved), 0);
    cr_expect_eq(size_of(theirs), 0);
    cr_expect_eq(world_counts(&world).memories, 1);
}

WORLD_TEST(sealing, its_giver_ends_meanwhile)
{
    open_all();
    int kept;
    uint64_t own = write_down("nobody's", &kept);
    kept = dup(kept);
    world.hold_memory = true;
    cr_expect_eq(seal(b, own), -1);
    process_exit(b, 0);
    pump_all();
    cr_expect_eq(size_of(kept), 0);
    world.hold_memory = false;
    pump_all();
    cr_expect_eq(world_counts(&world).memories, 0);
    cr_expect_eq(world_counts(&world).launch_requests, 0);
    close(kept);
}
