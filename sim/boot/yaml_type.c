/*
 * What a plain scalar is, by the core schema of YAML 1.2: `yes` and `on` are words, `true` is a boolean,
 * `0o17` and `0x1f` are integers. A scenario wants words as words, so this decides what must be quoted.
 */
#include <string.h>

#include "sim/boot/yaml.h"

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static bool only(const char *text, const char *characters)
{
    return *text && strspn(text, characters) == strlen(text);
}

#define DIGITS "0123456789"

static bool is_integer(const char *text)
{
    if (text[0] == '0' && text[1] == 'o')
        return only(text + 2, "01234567");
    if (text[0] == '0' && text[1] == 'x')
        return only(text + 2, DIGITS "abcdefABCDEF");
    return only(text + (*text == '-' || *text == '+'), DIGITS);
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
    static const char *const words[] = {".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
                                        "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL};
    if (is_one_of(text, words))
        return true;
    text += *text == '-' || *text == '+';
    size_t before = strspn(text, DIGITS), after = 0;
    text += before;
    if (*text == '.') {
        after = strspn(++text, DIGITS);
        text += after;
    }
    if (before + after == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        return only(text, DIGITS);
    }
    return *text == '\0';
}

enum yaml_type yaml_plain_type(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    static const char *const bools[] = {"true", "True", "TRUE", "false", "False", "FALSE", NULL};
    if (is_one_of(text, nulls))
        return YAML_NULL;
    if (is_one_of(text, bools))
        return YAML_BOOL;
    if (is_integer(text))
        return YAML_INTEGER;
    return is_float(text) ? YAML_FLOAT : YAML_STRING;
}
