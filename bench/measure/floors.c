#include "bench/measure/floors.h"

#include <linux/futex.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/measure/clock.h"
#include "librealm/ring/atomics.h"

void floor_reset(struct floor_area *area)
{
    memset(area, 0, sizeof *area);
}

/* --- round trips --- */

static void await(struct floor_line *line, enum floor_kind kind, uint32_t number)
{
    while (realm_load_acquire(&line->number) != number) {
        if (kind == FLOOR_FUTEX)
            syscall(SYS_futex, &line->number, FUTEX_WAIT, number - 1, NULL, NULL, 0);
        else
            realm_spin_pause();
    }
}

static void publish(struct floor_line *line, enum floor_kind kind, uint32_t number)
{
    realm_store_release(&line->number, number);
    if (kind == FLOOR_FUTEX)
        syscall(SYS_futex, &line->number, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void put(struct floor_way *way, const struct floor_run *run, uint32_t number, const uint8_t *bytes)
{
    if (run->size <= FLOOR_SMALL_MAX) {
        memcpy(way->lines[0].payload, bytes, run->size);
    } else if (run->size <= 2 * FLOOR_LINE_PART) {
        memcpy(way->lines[0].payload, bytes, FLOOR_LINE_PART);
        memcpy(way->lines[1].payload, bytes + FLOOR_LINE_PART, run->size - FLOOR_LINE_PART);
        realm_store_release(&way->lines[1].number, number);
    } else {
        memcpy(way->large, bytes, run->size);
    }
    publish(&way->lines[0], run->kind, number);
}

static void take(struct floor_way *way, const struct floor_run *run, uint32_t number, uint8_t *bytes)
{
    if (run->size <= FLOOR_SMALL_MAX) {
        await(&way->lines[0], run->kind, number);
        memcpy(bytes, way->lines[0].payload, run->size);
    } else if (run->size <= 2 * FLOOR_LINE_PART) {
        /* Both looks are made before either is acted on: so both lines are on their way at once. */
        while (((realm_load_acquire(&way->lines[0].number) ^ number) |
                (realm_load_acquire(&way->lines[1].number) ^ number)) != 0) {
            if (run->kind == FLOOR_FUTEX)
                await(&way->lines[0], run->kind, number);
            else
                realm_spin_pause();
        }
        memcpy(bytes, way->lines[0].payload, FLOOR_LINE_PART);
        memcpy(bytes + FLOOR_LINE_PART, way->lines[1].payload, run->size - FLOOR_LINE_PART);
    } else {
        await(&way->lines[0], run->kind, number);
        memcpy(bytes, way->large, run->size);
    }
}

static void ask_trips(struct floor_area *area, const struct floor_run *run, struct payload_side *side,
                      struct histogram *histogram)
{
    for (uint32_t number = 1; number <= run->count; number++) {
        payload_ask(side);
        uint64_t before_ns = clock_now_ns();
        put(&area->request, run, number, side->out);
        take(&area->reply, run, number, side->in);
        histogram_add(histogram, clock_now_ns() - before_ns);
        payload_answered(side, run->size);
    }
}

static void answer_trips(struct floor_area *area, const struct floor_run *run, struct payload_side *side)
{
    for (uint32_t number = 1; number <= run->count; number++) {
        take(&area->request, run, number, side->in);
        put(&area->reply, run, number, side->out);
        payload_asked(side, side->in, run->size);
    }
}

/* --- one way --- */

/* Waits until the cursor, of which *seen is the shadow, is at least `wanted`; both count modulo 2^32. */
static void await_cursor(const uint32_t *cursor, uint32_t *seen, uint32_t wanted)
{
    while ((int32_t)(*seen - wanted) < 0) {
        *seen = realm_load_acquire(cursor);
        if ((int32_t)(*seen - wanted) < 0)
            realm_spin_pause();
    }
}

static void ask_ring(struct floor_area *area, const struct floor_run *run, struct payload_side *side,
                     struct histogram *histogram)
{
    const uint32_t slots = FLOOR_RING_BYTES / run->size;
    uint32_t head = 0, tail = 0;
    uint64_t before_ns = clock_now_ns();

    while (head < run->count) {
        await_cursor(&area->tail, &tail, head + run->batch - slots);
        for (uint32_t i = 0; i < run->batch; i++)
            payload_fill(area->slots + (size_t)((head + i) % slots) * run->size, run->size, side->number++);
        head += run->batch;
        realm_store_release(&area->head, head);
        if (head % FLOOR_BLOCK == 0) {
            uint64_t now_ns = clock_now_ns();
            histogram_add(histogram, now_ns - before_ns);
            before_ns = now_ns;
        }
    }
    await_cursor(&area->tail, &tail, head);
}

static void answer_ring(struct floor_area *area, const struct floor_run *run, struct payload_side *side)
{
    const uint32_t slots = FLOOR_RING_BYTES / run->size;
    uint32_t head = 0, tail = 0;

    while (tail < run->count) {
        await_cursor(&area->head, &head, tail + run->batch);
        for (uint32_t i = 0; i < run->batch; i++)
            side->wrong |= payload_check(area->slots + (size_t)((tail + i) % slots) * run->size, run->size,
                                         side->number++);
        tail += run->batch;
        realm_store_release(&area->tail, tail);
    }
}

int floor_ask(struct floor_area *area, const struct floor_run *run, struct payload_side *side,
              struct histogram *histogram)
{
    side->number = 1;
    side->size = run->size;
    side->wrong = 0;
    if (run->kind == FLOOR_RING)
        ask_ring(area, run, side, histogram);
    else
        ask_trips(area, run, side, histogram);
    return side->wrong;
}

int floor_answer(struct floor_area *area, const struct floor_run *run, struct payload_side *side)
{
    payload_answer_init(side, run->size);
    if (run->kind == FLOOR_RING)
        answer_ring(area, run, side);
    else
        answer_trips(area, run, side);
    return side->wrong;
}
