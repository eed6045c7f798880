/* The number is kept in billionths of its unit while it is read, so a fraction loses nothing. */
#include "sim/boot/duration.h"

#include <stddef.h>
#include <string.h>

#define BILLION UINT64_C(1000000000)

static uint64_t unit_ns(const char *text)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ns", 1},      {"us", 1000},        {"ms", 1000000},
                 {"s", BILLION}, {"m", 60 * BILLION}, {"h", 3600 * BILLION}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(text, units[i].name) == 0)
            return units[i].ns;
    return 0;
}

/* Digits, as a number below a billion; moves *text behind them. false: none, or too many. */
static bool take_digits(const char **text, uint64_t *ret_value, size_t *ret_count)
{
    uint64_t value = 0;
    size_t count = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (++count > 9)
            return false;
        value = value * 10 + (uint64_t)(**text - '0');
    }
    *ret_value = value;
    *ret_count = count;
    return count > 0;
}

bool duration_parse(const char *text, uint64_t *ret_ns)
{
    uint64_t whole, fraction = 0;
    size_t digits;
    if (!take_digits(&text, &whole, &digits))
        return false;
    if (*text == '.') {
        text++;
        if (!take_digits(&text, &fraction, &digits))
            return false;
        for (; digits < 9; digits++)
            fraction *= 10;
    }
    uint64_t unit = unit_ns(text);
    if (unit == 0 || whole > DURATION_MAX_NS / unit)
        return false;
    /* fraction < 10^9 and unit < 2^42: their product fits by way of 128 bits only. */
    uint64_t ns = whole * unit + (uint64_t)((unsigned __int128)fraction * unit / BILLION);
    if (ns == 0 || ns > DURATION_MAX_NS)
        return false;
    *ret_ns = ns;
    return true;
}
