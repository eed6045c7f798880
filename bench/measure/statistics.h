/*
 * What rounds are summed up to: the median, and the quartiles as the interval around it.
 *
 * The interval of the tables is that from the first to the third quartile of the rounds: half of all rounds
 * lie in it. It says how far single rounds scatter, so it is wider than a confidence interval of the median.
 */
#ifndef BENCH_MEASURE_STATISTICS_H
#define BENCH_MEASURE_STATISTICS_H

#include <stddef.h>

struct statistics {
    double median, low, high;
};

/*
 * Of count numbers, which are left in order. Between two ranks the value is taken in proportion (as type 7 of
 * R's quantile). All zero if count is 0.
 */
struct statistics statistics_of(double *numbers, size_t count);

/* The same for the ratio of two series, pair by pair: what was measured in one round is compared. Rounds in
 * which the divisor is 0 do not count. count is at most STATISTICS_MAX. */
#define STATISTICS_MAX 1000u
struct statistics statistics_of_ratio(const double *dividends, const double *divisors, size_t count);

#endif
