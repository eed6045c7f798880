/*
 * Notifications between processes, with either waiter: bits alone wake a realm that sleeps.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/harness.h"

ParameterizedTestParameters(notify, wakes)
{
    static char waiters[][24] = {"--waiter=uring", "--waiter=pipe"};
    return cr_make_param_array(char[24], waiters, sizeof waiters / sizeof *waiters);
}

/* Goal: 5000 notifications each way and no message: none is lost, none comes twice, in the loop of one and in
 * the realm_receive of the other. */
ParameterizedTest(char (*waiter)[24], notify, wakes)
{
    const char *options[] = {*waiter, NULL};
    struct run *run =
        run_start("system: t\nrealms:\n"
                  "  - {name: a, program: \"@BIN@/notify\", args: [a, b, \"5000\", first]}\n"
                  "  - {name: b, program: \"@BIN@/notify\", args: [b, a, \"5000\", second, receive]}\n"
                  "services:\n  - {name: a, provider: a, access: [b]}\n"
                  "  - {name: b, provider: b, access: [a]}\n",
                  options);
    for (unsigned i = 0; i < 2; i++) {
        json_t *event = run_wait_event(run, "log", NULL, NULL);
        cr_assert_str_eq(json_string_value(json_object_get(event, "text")), "got 5000 wrong 0 REALM_OK");
    }
    cr_assert_eq(run_seen(run, "offence"), 0);
    cr_assert_eq(run_stop(run), 0);
    run_nothing_left(run);
}
