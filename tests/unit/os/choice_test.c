/* Which waiter a realm gets: what the launcher says, what the machine gives, and what is known to be unsound.
 */
#include "librealm/os/linux/probe.h"
#include "tests/unit/os/world.h"

static void pipe_needs_a_pipe(void)
{
    struct world world;
    struct realm_waiter *waiter;
    world_prepare(&world);
    CHECK(unsetenv("REALM_HINT_FD") == 0);
    CHECK(realm_os_open(&world.os) == 0);
    CHECK(realm_waiter_open(world.os, REALM_WAITER_PIPE, &waiter) == -ENOTSUP);
    /* A blocking pipe, a write end, and no pipe at all are as good as none. */
    int ends[2];
    char text[16];
    CHECK(pipe(ends) == 0);
    int wrong[] = {ends[0], world.hint, 3, 1000};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "%d", wrong[i]);
        CHECK(setenv("REALM_HINT_FD", text, 1) == 0);
        struct realm_os *os;
        CHECK(realm_os_open(&os) == 0);
        CHECK(realm_waiter_open(os, REALM_WAITER_PIPE, &waiter) == -ENOTSUP);
    }
}

/* Goal: without a hint pipe that can be read without waiting, that kind is not to be had. */
Test(waiter_choice, pipe_needs_a_pipe)
{
    in_child(pipe_needs_a_pipe);
}

static void io_uring_forbidden(void)
{
    struct world world;
    struct realm_waiter *waiter;
    world_open(&world);
    forbid(SYS_io_uring_setup, EPERM);
    CHECK(realm_waiter_probe() != NULL);
    CHECK(realm_waiter_open(world.os, REALM_WAITER_URING, &waiter) == -ENOTSUP);
    CHECK(realm_waiter_choice(world.os) == REALM_WAITER_PIPE);
    CHECK(realm_waiter_open(world.os, REALM_WAITER_AUTO, &waiter) == 0);
    CHECK(realm_waiter_kind(waiter) == REALM_WAITER_PIPE);
}

/* Goal: where io_uring is forbidden the probe says so and AUTO takes the pipe. */
Test(waiter_choice, io_uring_forbidden)
{
    in_child(io_uring_forbidden);
}

static void what_the_launcher_says(void)
{
    struct world world;
    struct realm_waiter *waiter;
    world_prepare(&world);
    CHECK(setenv("REALM_WAITER", "pipe", 1) == 0);
    CHECK(realm_os_open(&world.os) == 0);
    CHECK(realm_waiter_open(world.os, REALM_WAITER_AUTO, &waiter) == 0);
    CHECK(realm_waiter_kind(waiter) == REALM_WAITER_PIPE);
    CHECK(realm_waiter_choice(world.os) == REALM_WAITER_PIPE);
    CHECK(realm_waiter_arm(waiter, UINT32_MAX, NULL, 0) == -ENOMEM);
}

/* Goal: AUTO follows the launcher's choice. */
Test(waiter_choice, what_the_launcher_says)
{
    in_child(what_the_launcher_says);
}

static void a_ring_that_is_none(void)
{
    struct world world;
    char digits[256], text[512];
    world_prepare(&world);
    memset(digits, '0', 240);
    digits[240] = '\0';
    static const char *const wrong[] = {"%s", "4%s", "x:%s", ":%s", "4:%s0", "99999999999:%s", "4:%s\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(text, sizeof text, "%.*s%s%s", (int)(strchr(wrong[i], '%') - wrong[i]), wrong[i], digits,
                 strchr(wrong[i], '%') + 2);
        CHECK(setenv("REALM_URING", text, 1) == 0);
        CHECK(realm_os_open(&world.os) == REALM_E_BAD_ARGUMENT);
    }
    digits[17] = 'A';
    snprintf(text, sizeof text, "4:%s", digits);
    CHECK(setenv("REALM_URING", text, 1) == 0);
    CHECK(realm_os_open(&world.os) == REALM_E_BAD_ARGUMENT);
    /* Well formed, but the descriptor is no ring: the realm opens, its waiter does not. */
    digits[17] = '0';
    snprintf(text, sizeof text, "3:%s", digits);
    CHECK(setenv("REALM_URING", text, 1) == 0 && setenv("REALM_WAITER", "uring", 1) == 0);
    CHECK(realm_os_open(&world.os) == 0);
    struct realm_waiter *waiter;
    CHECK(realm_waiter_open(world.os, REALM_WAITER_AUTO, &waiter) == -ENOTSUP);
}

/* Goal: a ring that the launcher would not have described so is refused. */
Test(waiter_choice, a_ring_that_is_none)
{
    in_child(a_ring_that_is_none);
}

/* Goal: the kernels with CVE-2025-39698 are exactly 6.7 to 6.12.43 and 6.13 to 6.16.3. */
Test(waiter_choice, affected_kernels)
{
    static const char *const affected[] = {"6.7.0",  "6.7",    "6.8.0-45-generic", "6.12.43+deb13-amd64",
                                           "6.12.0", "6.13.1", "6.15.99",          "6.16.3-arch1",
                                           "6.16"};
    static const char *const sound[] = {"6.12.44", "6.12.100", "6.16.4", "6.17",  "6.18.44-fc",
                                        "6.6.99",  "6.1.0-18", "5.15.0", "7.7.1", "7.12.0",
                                        "",        "generic",  "6",      "6.1.12"};
    for (size_t i = 0; i < sizeof affected / sizeof *affected; i++)
        cr_expect(realm_waiter_kernel_affected(affected[i]), "%s", affected[i]);
    for (size_t i = 0; i < sizeof sound / sizeof *sound; i++)
        cr_expect_not(realm_waiter_kernel_affected(sound[i]), "%s", sound[i]);
}
