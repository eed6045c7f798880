#include <seccomp.h>
#include <string.h>

#include "mm/sandbox/filter_table.h"
#include "tests/unit/sandbox/tried.h"

#define FILTERS 3

static long call_number(const long *arguments)
{
    return tried_result(syscall(arguments[0], -1, -1, -1, -1, -1, -1));
}

/* Goal: every row has a reason that is a sentence, a call, an action, and a condition if it is one. */
Test(table, every_row_has_its_reason)
{
    for (int which = 0; which < FILTERS; which++) {
        for (size_t i = 0; i < sandbox_filter_rules((enum sandbox_filter)which); i++) {
            struct sandbox_rule_text rule = sandbox_filter_rule((enum sandbox_filter)which, i);
            size_t size = strlen(rule.reason);
            cr_expect(size > 3 && rule.reason[size - 1] == '.', "%s: \"%s\"", rule.call, rule.reason);
            cr_expect_gt(strlen(rule.call), 0);
            cr_expect_gt(strlen(rule.action), 0);
            cr_expect(strcmp(rule.action, "only") != 0 || rule.condition[0] != '\0', "%s", rule.call);
        }
    }
}

/* Goal: every call of the tables is one that libseccomp knows, on some architecture at least. */
Test(table, every_call_is_known)
{
    for (int which = 0; which < FILTERS; which++) {
        for (size_t i = 0; i < sandbox_filter_rules((enum sandbox_filter)which); i++) {
            struct sandbox_rule_text rule = sandbox_filter_rule((enum sandbox_filter)which, i);
            if (rule.call[0] != '(')
                cr_expect_neq(seccomp_syscall_resolve_name(rule.call), __NR_SCMP_ERROR, "%s", rule.call);
        }
    }
}

/* Goal: a condition belongs to a call that is allowed; a call is not both allowed and refused, nor twice. */
Test(table, rows_agree)
{
    for (int which = 0; which < FILTERS; which++) {
        size_t count = sandbox_filter_rules((enum sandbox_filter)which);
        for (size_t i = 0; i < count; i++) {
            struct sandbox_rule_text rule = sandbox_filter_rule((enum sandbox_filter)which, i);
            unsigned allowed = 0, other = 0;
            for (size_t j = 0; j < count; j++) {
                struct sandbox_rule_text next = sandbox_filter_rule((enum sandbox_filter)which, j);
                if (strcmp(next.call, rule.call) != 0 || strcmp(next.action, "only") == 0)
                    continue;
                allowed += strcmp(next.action, "allow") == 0;
                other += strcmp(next.action, "allow") != 0;
            }
            if (strcmp(rule.action, "only") == 0)
                cr_expect_geq(allowed, 1, "%s has a condition but is not allowed", rule.call);
            cr_expect(other == 0 || (other == 1 && allowed == 0), "%s has rows that contradict", rule.call);
        }
    }
}

/* Goal: every refusal of the realm's table holds, with its error. */
Test(table, every_refusal_holds)
{
    for (size_t i = 0; i < sandbox_filter_rules(SANDBOX_FILTER_REALM); i++) {
        struct sandbox_rule_text rule = sandbox_filter_rule(SANDBOX_FILTER_REALM, i);
        int number = seccomp_syscall_resolve_name(rule.call);
        if (!rule.restricts || rule.call[0] == '(' || strcmp(rule.action, "only") == 0 || number < 0)
            continue;
        int error = strcmp(rule.action, "EPERM") == 0    ? EPERM
                    : strcmp(rule.action, "ENOENT") == 0 ? ENOENT
                                                         : ENOSYS;
        long arguments[] = {number};
        struct sandbox_program strict = build_filter(SANDBOX_FILTER_REALM, false, -1);
        struct tried tried = try_under(&strict, call_number, arguments);
        cr_expect(tried.ran && tried.value == -error, "%s: %ld", rule.call, tried.value);
        sandbox_program_free(&strict);
    }
}

/* Goal: a rule can be left out exactly if it restricts, and then the program is another one. */
Test(table, only_restrictions_can_be_weakened)
{
    for (int which = 0; which < FILTERS; which++) {
        struct sandbox_program strict = build_filter((enum sandbox_filter)which, true, -1);
        size_t count = sandbox_filter_rules((enum sandbox_filter)which);
        for (size_t i = 0; i <= count; i++) {
            struct sandbox_filter_options options = {.uring = true, .weakened = (int)i};
            struct sandbox_program weak = {0};
            int error = sandbox_filter_build((enum sandbox_filter)which, &options, &weak);
            if (i == count || !sandbox_filter_rule((enum sandbox_filter)which, i).restricts) {
                cr_expect_eq(error, -EINVAL);
                cr_expect_null(weak.instructions, "untouched on failure");
                continue;
            }
            cr_assert_eq(error, 0);
            struct sandbox_rule_text rule = sandbox_filter_rule((enum sandbox_filter)which, i);
            bool here = rule.call[0] == '(' || seccomp_syscall_resolve_name(rule.call) >= 0;
            bool same = weak.count == strict.count && memcmp(weak.instructions, strict.instructions,
                                                             weak.count * sizeof *weak.instructions) == 0;
            cr_expect_eq(same, !here, "%s, rule %zu", rule.call, i);
            sandbox_program_free(&weak);
        }
        sandbox_program_free(&strict);
    }
}

/* Goal: the tables make programs for aarch64, too, and those are others. */
Test(table, aarch64_builds)
{
    for (int which = 0; which < FILTERS; which++) {
        struct sandbox_filter_options options = {.uring = true, .weakened = -1};
        struct sandbox_program arm, intel;
        cr_assert_eq(filter_build_for(SCMP_ARCH_AARCH64, (enum sandbox_filter)which, &options, &arm), 0);
        cr_assert_eq(filter_build_for(SCMP_ARCH_X86_64, (enum sandbox_filter)which, &options, &intel), 0);
        cr_expect(arm.count != intel.count ||
                  memcmp(arm.instructions, intel.instructions, arm.count * sizeof *arm.instructions) != 0);
        sandbox_program_free(&arm);
        sandbox_program_free(&intel);
    }
}
