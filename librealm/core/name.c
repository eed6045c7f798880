/*
 * UTF-8 as RFC 3629 has it: the shortest form only, no surrogates, nothing above U+10FFFF.
 *
 * The model is the table of well-formed byte sequences (Unicode, table 3-7): the first byte tells the length,
 * and narrows the range of the second; all others are 80..BF. So a character is accepted or refused without
 * being computed, and no overlong form can slip through.
 */
#include "librealm/core/name.h"

#include <realm/types.h>

struct sequence {
    uint8_t first_low, first_high;
    uint8_t second_low, second_high;
    uint8_t size;
};

static const struct sequence sequences[] = {
    {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, /* below a0: overlong */
    {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, /* above 9f: surrogates */
    {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4}, /* below 90: overlong */
    {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}, /* above 8f: beyond U+10FFFF */
};

static const struct sequence *find_sequence(uint8_t first)
{
    for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        if (first >= sequences[i].first_low && first <= sequences[i].first_high)
            return &sequences[i];
    }
    return NULL;
}

size_t realm_utf8_step(const uint8_t *text, size_t size)
{
    if (size == 0)
        return 0;
    if (text[0] < 0x80)
        return 1;
    const struct sequence *sequence = find_sequence(text[0]);
    if (!sequence || size < sequence->size)
        return 0;
    if (text[1] < sequence->second_low || text[1] > sequence->second_high)
        return 0;
    for (size_t i = 2; i < sequence->size; i++) {
        if (text[i] < 0x80 || text[i] > 0xbf)
            return 0;
    }
    return sequence->size;
}

bool realm_utf8_valid(const char *text, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    for (size_t offset = 0; offset < size;) {
        size_t step = realm_utf8_step(bytes + offset, size - offset);
        if (step == 0)
            return false;
        offset += step;
    }
    return true;
}

/* Of a well-formed character. C1, U+0080 to U+009F, is C2 80 to C2 9F. */
static bool is_control(const uint8_t *character)
{
    return character[0] < 0x20 || character[0] == 0x7f || (character[0] == 0xc2 && character[1] < 0xa0);
}

bool realm_name_valid(const char *text, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)text;
    if (size == 0 || size > REALM_NAME_MAX)
        return false;
    for (size_t offset = 0; offset < size;) {
        size_t step = realm_utf8_step(bytes + offset, size - offset);
        if (step == 0 || is_control(bytes + offset))
            return false;
        offset += step;
    }
    return true;
}
