/*
 * The floors: what two processes on this machine need at least to ask and answer, without any library.
 *
 * Both realms of a measurement map one file that the scenario hands them, and use two cache lines of it, one
 * for the request and one for the reply: a line is a sequence number and 60 bytes of payload, written by one
 * side and checked by the other. The spin floor watches the number; the futex floor sleeps on it.
 */
#ifndef BENCH_FLOORS_H
#define BENCH_FLOORS_H

#include <stdint.h>

#include "bench/histogram.h"

#define FLOOR_WORDS 15u

struct floor_line {
    uint32_t sequence;
    uint32_t payload[FLOOR_WORDS];
};

/* The two lines lie far apart, so that fetching one never brings the other along. */
struct floor_page {
    _Alignas(1024) struct floor_line request;
    _Alignas(1024) struct floor_line reply;
};

enum floor_kind { FLOOR_SPIN = 1, FLOOR_FUTEX = 2 };

/* Maps the file. Return: the page, or NULL. */
struct floor_page *floor_map(int fd);

/* Makes the page ready for a run; the asking side does it before the answering side begins. */
void floor_reset(struct floor_page *page);

/* The two sides of count round trips. The asking side records each one's nanoseconds, and sleeps for pause_ns
 * before it (0: not at all). Return: 0, or 1: a payload was wrong. */
int floor_ask(struct floor_page *page, enum floor_kind kind, uint32_t count, uint64_t pause_ns,
              struct histogram *histogram);
int floor_answer(struct floor_page *page, enum floor_kind kind, uint32_t count);

/* The payload that belongs to a number: both sides of every measurement write and check it. */
void floor_fill(uint32_t *words, unsigned count, uint32_t number);
int floor_check(const uint32_t *words, unsigned count, uint32_t number); /* 0: it is right */

uint64_t floor_now_ns(void);

/* The beginning of the next round trip: the end of the last, or the end of a pause. */
uint64_t floor_pause(uint64_t last_ns, uint64_t pause_ns);

#endif
