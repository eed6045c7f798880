/* The shrinker: what the failure needs stays, everything else goes, and it stops. */
#include "tools/fuzz/shrink.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tools/fuzz/generate.h"
#include "tools/fuzz/guide.h"
#include "tools/fuzz/text.h"

static struct run run;
static struct guide guide;
static struct fuzz_case example;

/* "Fails" if a connect and a revoke are allowed. */
static bool connects_and_revokes(void *context, const struct fuzz_case *trial)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    (void)context;
    run_case(&run, trial, &counts, &verdict);
    return counts.allowed[ORACLE_CONNECT] > 0 && counts.allowed[ORACLE_TAKE] > 0;
}

static void find(uint64_t seed, shrink_fails *fails)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    guide_init(&guide, seed, NULL);
    do {
        guide_next(&guide);
        generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict);
    } while (!fails(NULL, &example));
}

Test(shrink, keeps_what_is_needed_and_nothing_else)
{
    /* Goal: a connect needs its provider's start, the client's start, a registration and the connect; a
     * revoke needs one more. Nothing else is left, and taking any one operation away ends the failure. */
    find(1, connects_and_revokes);
    size_t before = example.count;
    shrink_case(&example, connects_and_revokes, NULL, 20000);
    cr_assert_lt(example.count, before);
    cr_assert_leq(example.count, 6, "%zu operations are left", example.count);
    cr_assert_eq(example.system.services_count, 1);
    cr_assert(connects_and_revokes(NULL, &example));
    for (size_t i = 0; i < example.count; i++) {
        static struct fuzz_case without;
        without = example;
        memmove(&without.operations[i], &without.operations[i + 1],
                (without.count - i - 1) * sizeof without.operations[0]);
        without.count--;
        cr_expect_not(connects_and_revokes(NULL, &without), "operation %zu is not needed", i);
    }
}

static bool always(void *context, const struct fuzz_case *trial)
{
    (void)trial;
    ++*(size_t *)context;
    return true;
}

static bool never(void *context, const struct fuzz_case *trial)
{
    (void)trial;
    ++*(size_t *)context;
    return false;
}

Test(shrink, stops)
{
    /* Goal: if everything fails, all goes; if nothing does, nothing goes; and no more is tried than was
     * allowed. */
    static struct fuzz_case before;
    struct run_counts counts = {0};
    struct run_verdict verdict;
    size_t calls = 0;
    guide_init(&guide, 2, NULL);
    guide_next(&guide);
    generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict);
    before = example;
    shrink_case(&example, never, &calls, 50);
    cr_assert_eq(calls, 50);
    cr_assert_eq(example.count, before.count);
    cr_assert_eq(memcmp(&example.system, &before.system, sizeof before.system), 0);
    calls = 0;
    cr_assert_eq(shrink_case(&example, always, &calls, 20000), calls);
    cr_assert_eq(example.count, 0);
    cr_assert_eq(example.system.grants_count, 0);
    cr_assert_eq(example.system.services_count, 0);
    cr_assert_eq(example.system.realms_count, 1);
}

Test(shrink, what_is_named_stays_named)
{
    /* Goal: realms that go make room, and what named those behind them still names the same. */
    find(3, connects_and_revokes);
    shrink_case(&example, connects_and_revokes, NULL, 20000);
    for (size_t i = 0; i < example.count; i++)
        cr_assert_lt(example.operations[i].actor, (int)example.system.realms_count);
    for (size_t i = 0; i < example.system.services_count; i++)
        cr_assert_lt(example.system.services[i].provider, (int)example.system.realms_count);
}

static bool breaks_an_assertion(void *context, const struct fuzz_case *trial)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    (void)context;
    return !run_case(&run, trial, &counts, &verdict) && strcmp(verdict.check, "assert") == 0;
}

Test(shrink, under_an_assertion_the_policy_stays)
{
    /* Goal: guest reaches the database, which `never` forbids. Without backup's grant `always` would be
     * broken, too, by what the user never wrote: rules of an asserted service and limits stay, those of
     * another go. */
    static const char text[] =
        "realm 0 \"\"\nrealm 1 \"db\" parent=0\nrealm 2 \"backup\" parent=0 channels=8\n"
        "realm 3 \"guest\" parent=0\nservice 0 \"database\" provider=1\n"
        "access 0 realm=3 rights=send\nservice 1 \"logger\" provider=1\n"
        "access 1 realm=3 rights=send\ngrant 0 realm=2 rights=send\n"
        "grant 1 realm=2 rights=send\nassert 0 never realm=3 rights=send\n"
        "assert 0 always realm=2 rights=send\n0 start actor=0 subject=1\n"
        "1 start actor=0 subject=2\n2 start actor=0 subject=3\n"
        "3 register actor=1 name=\"database\"\n4 connect actor=3 name=\"database\"\n";
    static char storage[TEXT_STORAGE];
    struct run_counts counts = {0};
    struct run_verdict verdict;
    const char *why;
    cr_assert_eq(text_parse(text, storage, &example, &why), 0);
    cr_assert(breaks_an_assertion(NULL, &example));
    shrink_case(&example, breaks_an_assertion, NULL, 20000);
    run_case(&run, &example, &counts, &verdict);
    cr_expect_str_eq(verdict.detail, "guest holds a channel to database");
    cr_expect_eq(example.system.services_count, 1);
    cr_expect_eq(example.system.services[0].access.count, 1);
    cr_expect_eq(example.system.grants_count, 1);
    cr_expect_eq(example.system.grants[0].service, 0);
    cr_expect_eq(example.system.realms[2].limits[ORACLE_USES_CHANNELS], 8);
    cr_expect_eq(example.asserts_count, 1);
    cr_expect_eq(example.count, 4);
}
