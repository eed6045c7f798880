/*
 * Mapping memory against every obstacle: sizes and rights that are none, cookies of others, twice, too late,
 * while it is revoked, in a realm that ends, with a launcher that cannot.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/broker/sharing.h"

WORLD_TEST(mapping, sizes_that_are_none)
{
    open_all();
    uint64_t own;
    const struct {
        uint64_t bytes;
        uint32_t parts;
    } wrong[] = {
        {0, 1},
        {PAGE, 0},
        {PAGE, 2},
        {1, 1},
        {PAGE - 1, 1},
        {PAGE + 1, 1},
        {9 * PAGE, 9},
        {UINT64_MAX, 1},
        {UINT64_MAX - PAGE + 1, 8},
        {UINT64_C(1) << 63, 8},
        {REALM_CONTROL_PART_BYTES_MAX + PAGE, 1},
        {UINT64_C(8) * REALM_CONTROL_PART_BYTES_MAX + 8 * PAGE, 8},
        {PAGE, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_eq(allocate(b, wrong[i].bytes, wrong[i].parts, &own), REALM_E_BAD_ARGUMENT, "case %zu", i);
    cr_expect_eq(allocate(b, UINT64_C(8) * REALM_CONTROL_PART_BYTES_MAX, 8, &own), 0);
    cr_expect_eq(world_counts(&world).memories, 1);
}

WORLD_TEST(mapping, mapping_what_one_does_not_hold)
{
    open_all();
    uint64_t own = 0;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    const uint32_t wrong[] = {0, W, REALM_RIGHT_EXEC, R | REALM_RIGHT_EXEC, R | REALM_RIGHT_SEND, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_eq(map(b, own, wrong[i], NULL), REALM_E_BAD_ARGUMENT, "case %zu", i);
    cr_expect_eq(map(a, a_to_b, R, NULL), REALM_E_BAD_ARGUMENT); /* a channel */
    cr_expect_eq(map(a, own, R, NULL), -1);                      /* another's: after the delay */
    world_advance(&world, 2 * REALM_MSEC);
    cr_expect_eq(answer_to(a, last_xid), REALM_E_INCAPABLE);
    cr_expect_eq(map(b, own, R, NULL), 0);
}

WORLD_TEST(mapping, mapping_twice)
{
    /* Descriptors in flight are bounded: the next come when the last are acknowledged. */
    open_all();
    uint64_t own = 0;
    int one, other;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    b->keep = true;
    cr_assert_eq(map(b, own, R | W, &one), 0);
    cr_expect_eq(map(b, own, R | W, NULL), REALM_E_LIMIT);
    process_ack(b, process_letter(b, REALM_CONTROL_MAPPED, 0)->packet.mapped.sequence);
    b->keep = false;
    cr_assert_eq(map(b, own, R | W, &other), 0);
    put(one, "the same");
    cr_expect_str_eq(get(other), "the same");
}

WORLD_TEST(mapping, revoked_while_it_is_being_mapped)
{
    /* At each step of the launcher's the mapping that comes too late is no mapping. */
    open_all();
    uint64_t own = 0;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    for (unsigned step = 0; step < 2; step++) {
        uint64_t window = give_a(own, 0, PAGE, R);
        world.hold_memory = true;
        cr_expect_eq(map(a, window, R, NULL), -1); /* NEW at first, then READ */
        uint64_t mapping = last_xid;
        cr_expect_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
        world.hold_memory = false;
        cr_expect_eq(answer_to(a, mapping), REALM_E_STALE, "step %u", step);
        cr_expect_null(process_letter(a, REALM_CONTROL_MAPPED, mapping));
        cr_assert_eq(map(b, own, R, NULL), 0); /* from now on there is memory */
    }
}

WORLD_TEST(mapping, renewed_while_it_is_being_mapped)
{
    /* What was opened of the old memory is not handed out: the mapping is of the new. */
    open_all();
    uint64_t own = 0;
    int ours, theirs;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    uint64_t gone = give_a(own, 0, PAGE, FULL), mine = give_a(own, 0, PAGE, R);
    cr_assert_eq(map(a, mine, R, NULL), 0);
    cr_assert_eq(map(d, give_d(gone, PAGE, R), R, &theirs), 0);
    put(ours, "new");
    world.hold_memory = true;
    cr_expect_eq(map(b, own, R, NULL), -1);
    uint64_t mapping = last_xid;
    cr_expect_eq(send_cookie(a, REALM_CONTROL_REVOKE, gone), -1);
    uint64_t revoking = last_xid;
    world.hold_memory = false;
    cr_expect_eq(answer_to(b, mapping), 0);
    cr_expect_eq(answer_to(a, revoking), 0);
    cr_expect_eq(size_of(theirs), 0);
    const struct letter *letter = process_letter(b, REALM_CONTROL_MAPPED, mapping);
    cr_assert_not_null(letter);
    cr_expect_str_eq(get(letter->fds[0]), "new");
}

WORLD_TEST(mapping, a_realm_that_ends_while_it_maps)
{
    open_all();
    uint64_t own = 0;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    uint64_t window = give_a(own, 0, PAGE, R);
    for (unsigned step = 0; step < 2; step++) {
        world.hold_memory = true;
        cr_expect_eq(map(step == 0 ? a : b, step == 0 ? window : own, R, NULL), -1);
        process_exit(step == 0 ? a : b, 0);
        world.hold_memory = false;
        pump_all();
    }
    cr_expect_eq(world_counts(&world).memories, 0);
    cr_expect_eq(world_counts(&world).launch_requests, 0);
}

WORLD_TEST(mapping, the_launcher_cannot)
{
    /* No memory, no descriptors, no copy: an error, or zeros; and what was to go has gone. */
    open_all();
    uint64_t own = 0;
    int ours, theirs;
    cr_assert_eq(allocate(b, PAGE, 1, &own), 0);
    world.fail_memory = 1u << REALM_LAUNCH_NEW;
    cr_expect_eq(map(b, own, R, NULL), REALM_E_LIMIT);
    world.fail_memory = 1u << REALM_LAUNCH_READ;
    cr_expect_eq(map(b, own, R, NULL), REALM_E_LIMIT);
    cr_assert_eq(map(b, own, R | W, &ours), 0);
    put(ours, "lost");
    world.fail_memory = 1u << REALM_LAUNCH_COPY;
    cr_assert_eq(map(a, give_a(own, 0, PAGE, R), R, &theirs), 0);
    cr_expect_eq(send_cookie(b, REALM_CONTROL_REVOKE, own), 0);
    cr_expect_eq(size_of(theirs), 0);
    cr_assert_eq(map(b, own, R, &ours), 0);
    cr_expect_str_eq(get(ours), "");
    cr_expect_eq(size_of(ours), PAGE);
}
