/* Sizes as people write them. */
#include <criterion/criterion.h>

#include "sim/boot/size.h"

/* Goal: every unit gives the right number of bytes, up to the largest number there is. */
Test(size, reads_every_unit)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"1KiB", 1024},
                {"64MiB", 67108864},
                {"2GiB", UINT64_C(2147483648)},
                {"0MiB", 0},
                {"999999999GiB", UINT64_C(999999999) * 1024 * 1024 * 1024}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t bytes = 1;
        cr_assert(size_parse(good[i].text, &bytes), "%s", good[i].text);
        cr_assert_eq(bytes, good[i].bytes, "%s", good[i].text);
    }
}

/* Goal: everything else is refused, and the output is left alone. */
Test(size, refuses_the_rest)
{
    static const char *const bad[] = {"",       "64",    "MiB",   "64MB",   "64 MiB",        " 64MiB",
                                      "64MiB ", "-1MiB", "+1MiB", "1.5GiB", "1000000000KiB", "0x1MiB",
                                      "64mib",  "64MiBx"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t bytes = 7;
        cr_assert(!size_parse(bad[i], &bytes), "%s", bad[i]);
        cr_assert_eq(bytes, 7u);
    }
}
