/*
 * Tests in which a realm does the steps that its words say and prints a line for each: what it must print,
 * and the end.
 */
#ifndef TESTS_INTEGRATION_STEPS_H
#define TESTS_INTEGRATION_STEPS_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "tests/integration/harness.h"

/* The next line that the realm prints. */
static inline void expect_line(struct run *run, const char *realm, const char *wanted)
{
    json_t *event = run_wait_event(run, "log", "realm", realm);
    cr_assert_str_eq(json_string_value(json_object_get(event, "text")), wanted);
}

/* The system is stopped, nobody has broken a rule or failed, and nothing is left. */
static inline void over(struct run *run)
{
    cr_assert_eq(run_seen(run, "offence"), 0);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* For tests that are run with either waiter: the option that says so. */
static inline struct criterion_test_params each_waiter(void)
{
    static char waiters[][24] = {"--waiter=uring", "--waiter=pipe"};
    return cr_make_param_array(char[24], waiters, sizeof waiters / sizeof *waiters);
}

#endif
