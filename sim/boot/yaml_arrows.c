/* Line by line. What YAML reads by itself is never changed: the caller asks only when reading has failed. */
#include "sim/boot/yaml_arrows.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool starts_with(const char *at, const char *end, const char *word)
{
    size_t size = strlen(word);
    return (size_t)(end - at) >= size && memcmp(at, word, size) == 0;
}

static const char *skip(const char *at, const char *end, const char *bytes)
{
    while (at < end && strchr(bytes, *at) && *at != '\0')
        at++;
    return at;
}

/* Where the list of an assertion starts in a line. NULL: the line is none. */
static const char *find_list(const char *at, const char *end)
{
    static const char *const keys[] = {"never:", "only:", "always:"};
    at = skip(at, end, " -");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (!starts_with(at, end, keys[i]))
            continue;
        at = skip(at + strlen(keys[i]), end, " ");
        return at < end && *at == '[' ? at : NULL;
    }
    return NULL;
}

/* Changes the brackets of one line. false: there was nothing to change. */
static bool change_line(char *line, const char *end)
{
    const char *open = find_list(line, end);
    const char *close = open ? memchr(open, ']', (size_t)(end - open)) : NULL;
    if (!close || memchr(open + 1, '[', (size_t)(close - open - 1)))
        return false;
    if (!starts_with(skip(close + 1, end, " "), end, "->"))
        return false;
    line[open - line] = '(';
    line[close - line] = ')';
    return true;
}

char *yaml_arrows(const char *text, size_t size)
{
    char *copy = malloc(size + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    bool inside = false, changed = false;
    for (char *at = copy, *end = copy + size; at < end;) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *line_end = newline ? newline : end;
        if (line_end > at && !strchr(" #-\r", *at)) /* a key of the top level */
            inside = starts_with(at, line_end, "assert:");
        else if (inside && change_line(at, line_end))
            changed = true;
        at = newline ? newline + 1 : end;
    }
    if (!changed) {
        free(copy);
        return NULL;
    }
    return copy;
}
