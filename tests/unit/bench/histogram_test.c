/* The log-linear histogram keeps what it promises: every value to within 0.8 %. */
#include <criterion/criterion.h>
#include <math.h>

#include "bench/measure/histogram.h"

static struct histogram histogram;

/* Goal: a single value of any size comes back to within one part in 128. */
Test(histogram, one_value)
{
    for (uint64_t value = 1; value < UINT64_C(1) << 62; value += value / 3 + 1) {
        histogram_clear(&histogram);
        histogram_add(&histogram, value);
        double back = histogram_quantile(&histogram, 0.5);
        cr_assert_leq(fabs(back - (double)value), (double)value / 128 + 1, "%llu comes back as %g",
                      (unsigned long long)value, back);
    }
}

/* Goal: quantiles of numbers that are known exactly. */
Test(histogram, quantiles)
{
    histogram_clear(&histogram);
    for (uint64_t value = 1; value <= 100000; value++)
        histogram_add(&histogram, value);
    cr_assert_eq(histogram.count, 100000);
    const double fractions[] = {0.01, 0.25, 0.5, 0.99, 0.999};
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        cr_assert_float_eq(histogram_quantile(&histogram, fractions[i]), fractions[i] * 1e5,
                           fractions[i] * 1e5 / 128);
}

/* Goal: the ends of what can be recorded, and a histogram with nothing in it. */
Test(histogram, ends)
{
    histogram_clear(&histogram);
    cr_assert_eq(histogram_quantile(&histogram, 0.5), 0);
    histogram_add(&histogram, 0);
    cr_assert_leq(histogram_quantile(&histogram, 0.5), 1);
    histogram_clear(&histogram);
    histogram_add(&histogram, UINT64_MAX);
    cr_assert_geq(histogram_quantile(&histogram, 0.5), 1.8e19);
}
