/* A value below 128 has a bucket of its own; above, its top eight bits choose the bucket. */
#include "bench/measure/histogram.h"

#include <string.h>

static unsigned bucket_of(uint64_t value)
{
    unsigned shift;

    if (value < HISTOGRAM_PARTS)
        return (unsigned)value;
    shift = 63u - (unsigned)__builtin_clzll(value) - 7u;
    return shift * HISTOGRAM_PARTS + (unsigned)(value >> shift);
}

/* How many values share a bucket, and the smallest of them. */
static double bucket_width(unsigned bucket)
{
    return bucket < 2 * HISTOGRAM_PARTS ? 1 : (double)(UINT64_C(1) << (bucket / HISTOGRAM_PARTS - 1));
}

static double bucket_start(unsigned bucket)
{
    unsigned shift;

    if (bucket < 2 * HISTOGRAM_PARTS)
        return bucket;
    shift = bucket / HISTOGRAM_PARTS - 1;
    return (double)((uint64_t)(bucket - shift * HISTOGRAM_PARTS) << shift);
}

void histogram_clear(struct histogram *histogram)
{
    memset(histogram, 0, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
}

double histogram_quantile(const struct histogram *histogram, double fraction)
{
    double wanted = fraction * (double)histogram->count;
    uint64_t below = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t here = histogram->buckets[i];
        if (here > 0 && (double)(below + here) >= wanted) {
            /* Inside a bucket values are taken to lie evenly. */
            double part = wanted > (double)below ? (wanted - (double)below) / (double)here : 0;
            return bucket_start(i) + part * bucket_width(i);
        }
        below += here;
    }
    return 0;
}
