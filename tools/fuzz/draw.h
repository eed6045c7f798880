/* Choices that bytes make. When they are used up, each choice is the first. */
#ifndef TOOLS_FUZZ_DRAW_H
#define TOOLS_FUZZ_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct draw {
    const uint8_t *bytes;
    size_t size;
};

static inline unsigned draw_byte(struct draw *draw)
{
    if (draw->size == 0)
        return 0;
    draw->size--;
    return *draw->bytes++;
}

/* 0 to limit - 1; limit is at least 1. */
static inline unsigned draw_below(struct draw *draw, size_t limit)
{
    return draw_byte(draw) % (unsigned)limit;
}

/* True in about so many of 256. */
static inline bool draw_chance(struct draw *draw, unsigned of_256)
{
    return 255 - draw_byte(draw) < of_256;
}

static inline uint64_t draw_wide(struct draw *draw)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value = value << 8 | draw_byte(draw);
    return value;
}

#endif
