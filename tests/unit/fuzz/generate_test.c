/* What the generator makes: enough that is allowed, enough deep trees, every kind of bad input; and one seed,
 * one result. */
#include "tools/fuzz/generate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tools/fuzz/guide.h"

static struct run run;
static struct guide guide;
static struct fuzz_case example;

/* Runs so many sequences of a fixed seed; none may fail. */
static void run_many(uint64_t seed, size_t sequences, struct run_counts *ret_counts)
{
    struct run_verdict verdict;
    memset(ret_counts, 0, sizeof *ret_counts);
    guide_init(&guide, seed, NULL);
    for (size_t i = 0; i < sequences; i++) {
        guide_next(&guide);
        cr_assert(generate_and_run(&run, guide.bytes, guide.size, NULL, ret_counts, &example, &verdict),
                  "sequence %zu, operation %zu: %s: %s", i, verdict.operation, verdict.check, verdict.detail);
    }
    guide_deinit(&guide);
}

Test(generate, a_third_is_allowed_and_a_fifth_revokes_deep)
{
    /* Goal: at least 30 % of the decisions are allowed, at least 20 % of the sequences revoke a subtree of
     * three generations or more, and every kind of operation is both allowed and refused, but those that
     * cannot be. */
    struct run_counts counts;
    run_many(20, 2000, &counts);
    uint64_t allowed = 0, decisions = 0;
    for (int kind = 0; kind < FUZZ_KINDS; kind++) {
        allowed += counts.allowed[kind];
        decisions += counts.allowed[kind] + counts.refused[kind];
        if (kind == ORACLE_INSTANCE || kind == ORACLE_CLEARED || kind == FUZZ_STEPS)
            continue;
        cr_expect_gt(counts.allowed[kind], 20, "%s is hardly ever allowed", fuzz_kind_name(kind));
        cr_expect_gt(counts.refused[kind], 20, "%s is hardly ever refused", fuzz_kind_name(kind));
    }
    cr_assert_geq(10 * allowed, 3 * decisions, "%llu of %llu", (unsigned long long)allowed,
                  (unsigned long long)decisions);
    cr_assert_eq(counts.sequences, 2000);
    cr_assert_geq(5 * counts.deep_revokes, counts.sequences, "%llu", (unsigned long long)counts.deep_revokes);
}

Test(generate, one_seed_is_one_result)
{
    /* Goal: the same seed makes the same operations, another seed others. */
    struct run_counts first, again, other;
    run_many(3, 100, &first);
    run_many(3, 100, &again);
    run_many(4, 100, &other);
    cr_assert_eq(memcmp(&first, &again, sizeof first), 0);
    cr_assert_neq(memcmp(&first, &other, sizeof first), 0);
}

Test(generate, bad_input_is_made_too)
{
    /* Goal: forged and dead capabilities, names with wildcards, limits of nothing and of everything, numbers
     * that would wrap round, and realms that never were are all among what is asked. */
    struct run_counts counts = {0};
    struct run_verdict verdict;
    size_t forged = 0, wildcards = 0, no_limit = 0, all_limit = 0, wraps = 0, nobody = 0;
    guide_init(&guide, 9, NULL);
    for (size_t i = 0; i < 500; i++) {
        guide_next(&guide);
        generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict);
        for (size_t j = 0; j < example.count; j++) {
            const struct fuzz_operation *operation = &example.operations[j];
            bool takes = operation->kind == ORACLE_DERIVE || operation->kind == ORACLE_TAKE;
            bool names = operation->kind == ORACLE_CONNECT || operation->kind == ORACLE_REGISTER;
            forged += takes && operation->source.operation < 0 && operation->source.nth > 0;
            wildcards += names && strchr(example.names[operation->name], '*') != NULL;
            no_limit += operation->kind == ORACLE_QUOTA && operation->amount == 0;
            all_limit += operation->kind == ORACLE_QUOTA && operation->amount == UINT64_MAX;
            wraps += operation->kind == ORACLE_ALLOCATE && operation->amount > INT64_MAX;
            nobody += operation->kind == ORACLE_CONNECT && operation->actor == FUZZ_NOTHING;
        }
    }
    cr_expect_gt(forged, 10);
    cr_expect_gt(wildcards, 10);
    cr_expect_gt(no_limit, 10);
    cr_expect_gt(all_limit, 10);
    cr_expect_gt(wraps, 10);
    cr_expect_gt(nobody, 10);
    guide_deinit(&guide);
}

Test(generate, any_bytes_are_a_case)
{
    /* Goal: no input, one byte, all zeros, all ones: nothing crashes, and what comes out runs. */
    static uint8_t bytes[GENERATE_SYSTEM + 70 * GENERATE_RECORD];
    struct run_counts counts = {0};
    struct run_verdict verdict;
    for (unsigned fill = 0; fill < 256; fill += 51) {
        memset(bytes, (int)fill, sizeof bytes);
        for (size_t size = 0; size <= sizeof bytes; size += 1 + size / 3)
            cr_assert(generate_and_run(&run, bytes, size, NULL, &counts, &example, &verdict), "%s: %s",
                      verdict.check, verdict.detail);
    }
}

Test(generate, long_sequences_agree_at_checkpoints)
{
    /* Goal: a case of hundreds of operations is run as well; its oracle is told anew every FUZZ_SHORT
     * operations. */
    static uint8_t bytes[GENERATE_SYSTEM + 600 * GENERATE_RECORD];
    struct run_counts counts = {0};
    struct run_verdict verdict;
    guide_init(&guide, 77, NULL);
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)guide_random(&guide);
        cr_assert(generate_and_run(&run, bytes, sizeof bytes, NULL, &counts, &example, &verdict), "%s: %s",
                  verdict.check, verdict.detail);
    }
    cr_assert_gt(counts.operations, 10 * 3 * FUZZ_SHORT);
}
