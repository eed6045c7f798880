/*
 * A log-linear histogram: what a measuring loop keeps instead of samples.
 *
 * Each power of two is divided into 128 equal parts, so a value is known to within 0.8 %. Recording one is
 * an increment of a small table that stays in the cache, and the memory does not grow with the run.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS   128u
#define HISTOGRAM_BUCKETS (HISTOGRAM_PARTS * (64 - 7 + 1))

struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t value);

/* The value below which the fraction (0 to 1) of what was recorded lies; 0 when nothing was. */
double histogram_quantile(const struct histogram *histogram, double fraction);

#endif
