/*
 * The floors: what two processes on this machine need at least to move these bytes, without any library.
 *
 * lines  Busy waiting. A message of up to 40 bytes is one cache line: a sequence number of 4 bytes, then the
 *        payload; request and reply together are the two-cache-line ping-pong. 64 bytes and a number do not
 *        fit a line, so a message of up to 88 bytes is two neighbouring lines, each with the number and up to
 *        44 bytes of payload: the receiver looks at both numbers at once, so that the two lines travel
 *        together, which is quicker than to read the second line when the first has come.
 *        A larger payload is copied into shared memory and then announced by a number in a line of its own;
 *        the other side sees the number and copies it out: in and out, on both sides.
 * futex  The same lines, with a bare FUTEX_WAIT on the first number and a bare FUTEX_WAKE after it.
 * ring   One way: a ring of one producer and one consumer, of 8 KiB as a channel's, whose slots are as large
 *        as the message and are filled and checked in place. Both cursors have lines of their own and both
 *        sides keep a shadow of the other's. One by one, each message is published and freed by itself;
 *        batched, so many together.
 *
 * The two directions lie a page apart, so that fetching one never brings the other along.
 */
#ifndef BENCH_MEASURE_FLOORS_H
#define BENCH_MEASURE_FLOORS_H

#include <stdint.h>

#include "bench/measure/histogram.h"
#include "bench/measure/payload.h"

#define FLOOR_LINE       64u
#define FLOOR_SMALL_MAX  40u /* bytes in one line */
#define FLOOR_LINE_PART  44u /* bytes in each of two lines */
#define FLOOR_RING_BYTES 8192u

struct floor_line {
    _Alignas(FLOOR_LINE) uint32_t number;
    uint8_t payload[FLOOR_LINE - 4];
};

struct floor_way {
    _Alignas(4096) struct floor_line lines[2];
    _Alignas(4096) uint8_t large[PAYLOAD_MAX];
};

struct floor_area {
    struct floor_way request, reply;
    _Alignas(4096) uint32_t head; /* messages published */
    _Alignas(1024) uint32_t tail; /* messages freed */
    _Alignas(4096) uint8_t slots[FLOOR_RING_BYTES];
};

enum floor_kind { FLOOR_LINES = 1, FLOOR_FUTEX = 2, FLOOR_RING = 3 };

struct floor_run {
    enum floor_kind kind;
    uint32_t size;  /* bytes: 8 to 40, 64, or more up to PAYLOAD_MAX; a multiple of 8. RING: 64 */
    uint32_t count; /* round trips, or messages: a multiple of FLOOR_BLOCK */
    uint32_t batch; /* RING: messages published together: 1, or a divisor of FLOOR_BLOCK */
};

/* One-way messages are timed by blocks of so many. */
#define FLOOR_BLOCK 64u

/* Makes the area ready for a run; the asking side does it before the answering side begins. */
void floor_reset(struct floor_area *area);

/*
 * The two sides of a run; side is private memory of each. The asking side records the nanoseconds of each
 * round trip, or of each block of one-way messages, and returns when the last was answered or taken.
 * Return: 0; 1: a payload was wrong.
 */
int floor_ask(struct floor_area *area, const struct floor_run *run, struct payload_side *side,
              struct histogram *histogram);
int floor_answer(struct floor_area *area, const struct floor_run *run, struct payload_side *side);

#endif
