/* Word i of number n is n × an odd constant + i; the first word is the number itself. */
#include "bench/measure/payload.h"

#include <string.h>

#define SPREAD UINT64_C(0x9e3779b97f4a7c15)

void payload_fill(void *bytes, size_t size, uint64_t number)
{
    uint64_t word = number * SPREAD;

    memcpy(bytes, &number, sizeof number);
    for (size_t at = sizeof number; at + sizeof word <= size; at += sizeof word) {
        word++;
        memcpy((uint8_t *)bytes + at, &word, sizeof word);
    }
}

int payload_check(const void *bytes, size_t size, uint64_t number)
{
    uint64_t word = number * SPREAD, there, wrong = payload_number(bytes) ^ number;

    for (size_t at = sizeof number; at + sizeof word <= size; at += sizeof word) {
        word++;
        memcpy(&there, (const uint8_t *)bytes + at, sizeof there);
        wrong |= there ^ word;
    }
    return wrong != 0;
}

uint64_t payload_number(const void *bytes)
{
    uint64_t number;

    memcpy(&number, bytes, sizeof number);
    return number;
}

void payload_ask(struct payload_side *side)
{
    payload_fill(side->out, side->size, side->number);
}

void payload_answered(struct payload_side *side, size_t size)
{
    side->wrong |= size != side->size || payload_check(side->in, side->size, ~side->number);
    side->number++;
}

void payload_answer_init(struct payload_side *side, size_t size)
{
    side->number = 1;
    side->size = size;
    side->wrong = 0;
    payload_fill(side->out, size, ~side->number);
}

void payload_asked(struct payload_side *side, const void *request, size_t size)
{
    side->wrong |= size != side->size || payload_check(request, side->size, side->number);
    side->number++;
    payload_fill(side->out, side->size, ~side->number);
}
