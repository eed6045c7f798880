/* The floors carry every byte of every message, in both directions, and count what they carry. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "bench/measure/floors.h"

static struct floor_area *area;

struct answering {
    struct floor_run run;
    struct payload_side side;
    int wrong;
};

static void *answer(void *context)
{
    struct answering *answering = context;
    answering->wrong = floor_answer(area, &answering->run, &answering->side);
    return NULL;
}

/* Plays a run in two threads; returns how many times were recorded. */
static uint64_t play(enum floor_kind kind, uint32_t size, uint32_t count, uint32_t batch)
{
    static struct answering answering;
    static struct payload_side side;
    static struct histogram histogram;
    pthread_t thread;
    area = aligned_alloc(4096, sizeof *area);
    floor_reset(area);
    histogram_clear(&histogram);
    answering.run = (struct floor_run){.kind = kind, .size = size, .count = count, .batch = batch};
    cr_assert_eq(pthread_create(&thread, NULL, answer, &answering), 0);
    int wrong = floor_ask(area, &answering.run, &side, &histogram);
    pthread_join(thread, NULL);
    cr_assert_eq(wrong, 0, "kind %d, %u bytes", kind, size);
    cr_assert_eq(answering.wrong, 0, "kind %d, %u bytes", kind, size);
    cr_assert_eq(answering.side.number, count + 1);
    free(area);
    return histogram.count;
}

/* Goal: round trips of one line, of two, and of a copied page, by busy waiting and by futex. */
Test(floors, round_trips, .timeout = 60)
{
    static const uint32_t sizes[] = {8, 40, 64, 88, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        cr_assert_eq(play(FLOOR_LINES, sizes[i], 200, 0), 200);
        cr_assert_eq(play(FLOOR_FUTEX, sizes[i], 200, 0), 200);
    }
}

/* Goal: one-way messages, one by one and together, many times around the ring. */
Test(floors, ring, .timeout = 60)
{
    cr_assert_eq(play(FLOOR_RING, 64, 64 * 50, 1), 50);
    cr_assert_eq(play(FLOOR_RING, 64, 64 * 50, 16), 50);
    cr_assert_eq(play(FLOOR_RING, 64, 64 * 50, 64), 50);
}

/* Goal: one bit that changes on the way is noticed by who receives it. The asking side is played by hand. */
Test(floors, wrong_payload, .timeout = 60)
{
    static struct answering answering;
    static struct payload_side side;
    pthread_t thread;
    area = aligned_alloc(4096, sizeof *area);
    floor_reset(area);
    answering.run = (struct floor_run){.kind = FLOOR_LINES, .size = 40, .count = 1};
    payload_fill(side.out, 40, 1);
    side.out[39] ^= 0x80;
    cr_assert_eq(pthread_create(&thread, NULL, answer, &answering), 0);
    for (size_t i = 0; i < 40; i++)
        area->request.lines[0].payload[i] = side.out[i];
    __atomic_store_n(&area->request.lines[0].number, 1, __ATOMIC_RELEASE);
    pthread_join(thread, NULL);
    cr_assert_eq(answering.wrong, 1);
    free(area);
}
