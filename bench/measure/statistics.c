/* A quantile of n sorted numbers lies at rank (n - 1) × fraction, counted from 0. */
#include "bench/measure/statistics.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double at_rank(const double *sorted, size_t count, double fraction)
{
    double rank = (double)(count - 1) * fraction;
    size_t below = (size_t)rank;

    if (below + 1 >= count)
        return sorted[count - 1];
    return sorted[below] + (rank - (double)below) * (sorted[below + 1] - sorted[below]);
}

struct statistics statistics_of(double *numbers, size_t count)
{
    if (count == 0)
        return (struct statistics){0};
    qsort(numbers, count, sizeof *numbers, compare);
    return (struct statistics){
        .median = at_rank(numbers, count, 0.5),
        .low = at_rank(numbers, count, 0.25),
        .high = at_rank(numbers, count, 0.75),
    };
}

struct statistics statistics_of_ratio(const double *dividends, const double *divisors, size_t count)
{
    double ratios[STATISTICS_MAX];
    size_t used = 0;

    for (size_t i = 0; i < count && used < STATISTICS_MAX; i++)
        if (divisors[i] != 0)
            ratios[used++] = dividends[i] / divisors[i];
    return statistics_of(ratios, used);
}
