/* Medians, quartiles, and ratios formed pair by pair. */
#include <criterion/criterion.h>

#include "bench/measure/statistics.h"

static void expect(struct statistics is, double low, double median, double high)
{
    cr_assert_float_eq(is.low, low, 1e-9, "low %g", is.low);
    cr_assert_float_eq(is.median, median, 1e-9, "median %g", is.median);
    cr_assert_float_eq(is.high, high, 1e-9, "high %g", is.high);
}

/* Goal: odd and even counts, one number and none; the order of the numbers does not matter. */
Test(statistics, quartiles)
{
    double five[] = {5, 1, 4, 2, 3}, four[] = {4, 1, 3, 2}, one[] = {7};
    expect(statistics_of(five, 5), 2, 3, 4);
    cr_assert_eq(five[0], 1); /* left in order, as promised */
    cr_assert_eq(five[4], 5);
    expect(statistics_of(four, 4), 1.75, 2.5, 3.25);
    expect(statistics_of(one, 1), 7, 7, 7);
    expect(statistics_of(NULL, 0), 0, 0, 0);
}

/* Goal: one wild round moves neither the median nor the quartiles. */
Test(statistics, robust)
{
    double calm[] = {10, 11, 12, 13, 14, 15, 16}, wild[] = {10, 11, 12, 13, 14, 15, 1e9};
    struct statistics a = statistics_of(calm, 7), b = statistics_of(wild, 7);
    expect(b, a.low, a.median, a.high);
}

/* Goal: the ratio is of what was measured in the same round: a slow round hits both sides and cancels out,
 * where the ratio of the medians would not show 2. A divisor of 0 counts as no round. */
Test(statistics, ratios)
{
    double calls[] = {2, 20, 4, 200, 8}, floors[] = {1, 10, 2, 100, 4};
    expect(statistics_of_ratio(calls, floors, 5), 2, 2, 2);
    double holes[] = {0, 10, 0, 100, 4};
    expect(statistics_of_ratio(calls, holes, 5), 2, 2, 2);
    expect(statistics_of_ratio(calls, holes, 1), 0, 0, 0);
}
