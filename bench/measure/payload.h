/*
 * The payload that belongs to a number. Both sides of every measurement write and check the whole of it, so
 * that no figure is of bytes that nobody looked at; a reply belongs to the complement of its request's
 * number, so that an echo by mistake is noticed.
 *
 * To keep the writing and the checking out of what is timed, equally for floors, calls and peers: who asks
 * writes before the clock is looked at and checks after; who answers has its reply ready (numbers follow each
 * other), sends it first, then checks the request and makes the next reply while the other side does the
 * same.
 */
#ifndef BENCH_MEASURE_PAYLOAD_H
#define BENCH_MEASURE_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_MAX 4096u

/* size is a multiple of 8, up to PAYLOAD_MAX. */
void payload_fill(void *bytes, size_t size, uint64_t number);

/* Return: 0: these are the number's bytes; 1: they are not. */
int payload_check(const void *bytes, size_t size, uint64_t number);

/* The number that a payload says it belongs to; size is at least 8. */
uint64_t payload_number(const void *bytes);

/* One side's private memory in a conversation of messages of one size. */
struct payload_side {
    uint64_t number; /* of the message that comes next; the first is 1 */
    size_t size;
    int wrong; /* some payload was */
    _Alignas(64) uint8_t out[PAYLOAD_MAX];
    _Alignas(64) uint8_t in[PAYLOAD_MAX];
};

/* Who asks: out becomes the next request; afterwards in is checked for its reply, of size bytes. */
void payload_ask(struct payload_side *side);
void payload_answered(struct payload_side *side, size_t size);

/* Who answers: out is the first reply; then, once a reply is sent, the request (of size bytes, in the side's
 * own memory or the receiver's private copy) is checked and out becomes the next reply. */
void payload_answer_init(struct payload_side *side, size_t size);
void payload_asked(struct payload_side *side, const void *request, size_t size);

#endif
