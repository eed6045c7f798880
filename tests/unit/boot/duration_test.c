/* Durations as people write them. */
#include <criterion/criterion.h>

#include "sim/boot/duration.h"

/* Goal: every unit, whole and with a fraction, gives the right number of nanoseconds. */
Test(duration, reads_every_unit)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } good[] = {{"1ns", 1},
                {"2us", 2000},
                {"500ms", 500000000},
                {"10s", UINT64_C(10000000000)},
                {"1.5s", 1500000000},
                {"0.000000001s", 1},
                {"2m", UINT64_C(120000000000)},
                {"0.5h", UINT64_C(1800000000000)},
                {"8760h", DURATION_MAX_NS}};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        uint64_t ns = 0;
        cr_assert(duration_parse(good[i].text, &ns), "%s", good[i].text);
        cr_assert_eq(ns, good[i].ns, "%s is %lu", good[i].text, (unsigned long)ns);
    }
}

/* Goal: what has no unit, no number, is nothing, or is beyond a year is refused, and the output is left
 * alone. */
Test(duration, refuses_the_rest)
{
    static const char *const bad[] = {
        "",    "10",     "s",    "0s", "0.4ns", "-1s", " 1s",         "1s ",           "1 s",       "1.s",
        ".5s", "1.2.3s", "1e3s", "1S", "8761h", "1d",  "1000000000s", "1.0000000001s", "99999999h", "1ss"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t ns = 7;
        cr_assert_not(duration_parse(bad[i], &ns), "\"%s\" is %lu", bad[i], (unsigned long)ns);
        cr_assert_eq(ns, 7u);
    }
}
