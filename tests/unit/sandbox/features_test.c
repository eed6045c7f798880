#include <string.h>
#include <sys/utsname.h>

#include "mm/sandbox/features.h"
#include "tests/unit/sandbox/tried.h"

#define PARTS 6

/* Goal: names and bits are each other's inverse, and nothing else is a part. */
Test(features, names_and_bits_agree)
{
    static const char *const names[] = {"userns", "landlock", "seccomp", "uring", "waitv", "cgroup"};
    for (unsigned i = 0; i < PARTS; i++) {
        cr_expect_str_eq(sandbox_part_name(1u << i), names[i]);
        cr_expect_eq(sandbox_part_of(names[i], strlen(names[i])), 1u << i);
    }
    cr_expect_eq(sandbox_part_of("usernsx", 7), 0);
    cr_expect_eq(sandbox_part_of("user", 4), 0);
    cr_expect_eq(sandbox_part_of("", 0), 0);
    cr_expect_null(sandbox_part_name(0));
    cr_expect_null(sandbox_part_name(3));
    cr_expect_null(sandbox_part_name(1u << PARTS));
}

/* Goal: a part is present or says why not and how to get it. */
Test(features, what_is_missing_says_why)
{
    struct sandbox_features features;
    cr_assert_eq(sandbox_probe(0, &features), 0);
    for (unsigned i = 0; i < PARTS; i++) {
        bool present = (features.present & 1u << i) != 0;
        cr_expect_eq(present, features.why[i] == NULL);
        cr_expect_eq(present, features.how[i] == NULL);
    }
    cr_expect_eq((features.present & SANDBOX_LANDLOCK) != 0, features.landlock_abi > 0);
}

/* Goal: a part to do without is missing, whatever the machine gives, and no other one is. */
Test(features, parts_can_be_left_out)
{
    struct sandbox_features all, features;
    cr_assert_eq(sandbox_probe(0, &all), 0);
    for (unsigned i = 0; i < PARTS; i++) {
        cr_assert_eq(sandbox_probe(1u << i, &features), 0);
        cr_expect_eq(features.present, all.present & ~(1u << i));
        cr_expect_not_null(features.why[i]);
    }
    cr_assert_eq(sandbox_probe(SANDBOX_LANDLOCK, &features), 0);
    cr_expect_eq(features.landlock_abi, 0);
}

static long probe_here(const long *arguments)
{
    struct sandbox_features features;
    (void)arguments;
    int error = sandbox_probe(0, &features);
    return error != 0 ? error : (long)features.present;
}

/* Goal: it is trying that counts: under a filter that forbids the parts' calls, none of those is present. */
Test(features, a_filter_is_noticed)
{
    static struct sock_filter refuse[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_landlock_create_ruleset, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex_waitv, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0x7fff0000u),
        BPF_STMT(BPF_RET | BPF_K, 0x00050000u | EPERM),
    };
    const struct sandbox_program program = {refuse, sizeof refuse / sizeof *refuse};
    struct tried tried = try_under(&program, probe_here, NULL);
    cr_assert(tried.ran);
    cr_assert_geq(tried.value, 0);
    cr_expect_eq(tried.value & (SANDBOX_LANDLOCK | SANDBOX_URING | SANDBOX_WAITV | SANDBOX_USERNS), 0);
}

/* Goal: the namespaces were taken by a child: the host's name is still the host's. */
Test(features, nothing_of_a_probe_stays)
{
    struct sandbox_features features;
    struct utsname before, after;
    char inside[64], still[64];
    ssize_t size = readlink("/proc/self/ns/user", inside, sizeof inside);
    uname(&before);
    cr_assert_eq(sandbox_probe(0, &features), 0);
    uname(&after);
    cr_expect_eq(readlink("/proc/self/ns/user", still, sizeof still), size);
    cr_expect_eq(memcmp(inside, still, (size_t)size), 0);
    cr_expect_str_eq(before.nodename, after.nodename);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "no child is left");
}
