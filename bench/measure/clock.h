/* The clock of all measurements: monotonic, nanoseconds. One look at it costs what `realm bench` says at the
 * head of its table, and stands in every single latency, of floors, calls and peers alike. */
#ifndef BENCH_MEASURE_CLOCK_H
#define BENCH_MEASURE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static inline void clock_sleep_until(uint64_t at_ns)
{
    const struct timespec at = {.tv_sec = (time_t)(at_ns / UINT64_C(1000000000)),
                                .tv_nsec = (long)(at_ns % UINT64_C(1000000000))};

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0)
        ;
}

#endif
