/*
 * First the closing quote is found, then room is made, once: the result is no longer than what was written,
 * but for escapes of two bytes that stand for three (\L and \P), so twice as much is enough.
 *
 * Folding: blanks around a line break go; a single break is a space, n + 1 breaks in a row are n newlines; a
 * break behind a backslash is nothing, and keeps the blanks before it. Blanks that were written as escapes
 * stay: `kept` is where those end.
 */
#include "sim/boot/yaml_quoted.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

struct undo {
    const char *at, *end;
    char *out;
    size_t used;
    size_t kept; /* bytes of out that folding may not take back */
};

static void put(struct undo *undo, const char *bytes, size_t size)
{
    memcpy(undo->out + undo->used, bytes, size);
    undo->used += size;
}

static void put_character(struct undo *undo, uint32_t character)
{
    char bytes[4];
    size_t size = 0;
    if (character < 0x80) {
        bytes[size++] = (char)character;
    } else if (character < 0x800) {
        bytes[size++] = (char)(0xc0 | character >> 6);
        bytes[size++] = (char)(0x80 | (character & 0x3f));
    } else if (character < 0x10000) {
        bytes[size++] = (char)(0xe0 | character >> 12);
        bytes[size++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[size++] = (char)(0x80 | (character & 0x3f));
    } else {
        bytes[size++] = (char)(0xf0 | character >> 18);
        bytes[size++] = (char)(0x80 | (character >> 12 & 0x3f));
        bytes[size++] = (char)(0x80 | (character >> 6 & 0x3f));
        bytes[size++] = (char)(0x80 | (character & 0x3f));
    }
    put(undo, bytes, size);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static void skip_blanks(struct undo *undo)
{
    while (undo->at < undo->end && is_blank(*undo->at))
        undo->at++;
}

/* At a line break: takes it, the blanks around it, and the empty lines that follow. */
static void fold(struct undo *undo, bool joined)
{
    size_t empty = 0;
    undo->at++;
    for (skip_blanks(undo); undo->at < undo->end && *undo->at == '\n'; skip_blanks(undo)) {
        empty++;
        undo->at++;
    }
    if (empty == 0 && !joined)
        put(undo, " ", 1);
    for (; empty > 0; empty--)
        put(undo, "\n", 1);
    undo->kept = undo->used;
}

static bool take_hex(struct undo *undo, size_t digits)
{
    uint32_t character = 0;
    if ((size_t)(undo->end - undo->at) < digits)
        return false;
    for (; digits > 0; digits--) {
        static const char values[] = "0123456789abcdef";
        char digit = *undo->at++;
        /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): sixteen digits, and none is the terminator */
        const char *value = memchr(values, digit >= 'A' && digit <= 'F' ? digit + 32 : digit, 16);
        if (!value)
            return false;
        character = character << 4 | (uint32_t)(value - values);
    }
    if (character > 0x10ffff || (character >= 0xd800 && character < 0xe000))
        return false;
    put_character(undo, character);
    return true;
}

/* Behind a backslash. false: YAML has no such escape. */
static bool take_escape(struct undo *undo)
{
    static const char names[] = "0abt\tnvfre \"/\\N_LP";
    static const uint32_t characters[] = {0,    7,   8,   9,   9,    10,   11,   12,     13,
                                          0x1b, ' ', '"', '/', '\\', 0x85, 0xa0, 0x2028, 0x2029};
    while (undo->at < undo->end && *undo->at == '\r')
        undo->at++;
    if (undo->at == undo->end)
        return false;
    if (*undo->at == '\n') {
        fold(undo, true);
        return true;
    }
    char name = *undo->at++;
    const char *found = memchr(names, name, sizeof names - 1);
    bool good = true;
    if (found)
        put_character(undo, characters[found - names]);
    else
        good = take_hex(undo, name == 'x' ? 2 : name == 'u' ? 4 : name == 'U' ? 8 : SIZE_MAX);
    undo->kept = undo->used;
    return good;
}

/* Where the closing quote is: the first that is neither doubled nor escaped. NULL: there is none. */
static const char *find_end(const char *at, const char *end, char quote)
{
    for (; at < end; at++) {
        bool escape = *at == '\\' && quote == '"';
        bool doubled = *at == quote && quote == '\'' && end - at > 1 && at[1] == quote;
        if (escape || doubled)
            at++;
        else if (*at == quote)
            return at;
    }
    return NULL;
}

static bool run(struct undo *undo, char quote)
{
    while (undo->at < undo->end) {
        if (*undo->at == '\'' && quote == '\'') { /* the first of two: a single one would be the end */
            undo->at += 2;
            put(undo, "'", 1);
        } else if (*undo->at == '\\' && quote == '"') {
            undo->at++;
            if (!take_escape(undo))
                return false;
        } else if (*undo->at == '\n') {
            while (undo->used > undo->kept && is_blank(undo->out[undo->used - 1]))
                undo->used--;
            fold(undo, false);
        } else {
            put(undo, undo->at++, 1);
        }
    }
    return true;
}

int yaml_quoted(const char *text, size_t size, char quote, char **ret_text, size_t *ret_size)
{
    const char *end = find_end(text, text + size, quote);
    if (!end)
        return REALM_E_BAD_ARGUMENT;
    char *out = malloc(2 * (size_t)(end - text) + 1);
    if (!out)
        return -ENOMEM;
    struct undo undo = {.at = text, .end = end, .out = out};
    if (!run(&undo, quote)) {
        free(out);
        return REALM_E_BAD_ARGUMENT;
    }
    out[undo.used] = '\0';
    *ret_text = out;
    *ret_size = undo.used;
    return 0;
}
