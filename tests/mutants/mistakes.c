/* Reading the lists, a line at a time. */
#include "tests/mutants/mistakes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mistakes_fail(const char *what, const char *name)
{
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, name, what);
    exit(2);
}

void mistakes_read(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        mistakes_fail("cannot be read", path);
    size_t size = fread(text, 1, MISTAKES_TEXT_MAX - 1, file);
    fclose(file);
    if (size == MISTAKES_TEXT_MAX - 1)
        mistakes_fail("is too large", path);
    text[size] = '\0';
}

/* Adds up lines that begin with `mark`; moves on behind them. */
static void take_marked(const char **at, char mark, char *ret_text)
{
    size_t used = 0;
    while (**at == mark) {
        size_t size = strcspn(*at, "\n");
        memcpy(ret_text + used, *at + 1, size - 1);
        used += size - 1;
        ret_text[used++] = '\n';
        *at += size + ((*at)[size] == '\n');
    }
    ret_text[used] = '\0';
}

/* The rest of a line behind its mark; moves on to the next. */
static void take_line(const char **at, size_t mark, char ret_text[MISTAKES_FIELD_MAX])
{
    size_t size = strcspn(*at, "\n");
    snprintf(ret_text, MISTAKES_FIELD_MAX, "%.*s", (int)(size - mark), *at + mark);
    *at += size + ((*at)[size] == '\n');
}

bool mistakes_next(const char **at, struct mistake *ret_mistake)
{
    while (**at && **at != '=')
        take_line(at, 0, ret_mistake->title);
    if (!**at)
        return false;
    take_line(at, 2, ret_mistake->title);
    if (**at != '@')
        mistakes_fail("a mistake names no source", ret_mistake->title);
    take_line(at, 1, ret_mistake->source);
    take_marked(at, '-', ret_mistake->old);
    take_marked(at, '+', ret_mistake->new);
    return true;
}

size_t mistakes_place(const struct mistake *mistake, const char *source)
{
    const char *place = strstr(source, mistake->old);
    if (mistake->old[0] == '\0' || !place || strstr(place + 1, mistake->old))
        mistakes_fail("its text does not stand in the source exactly once", mistake->title);
    return (size_t)(place - source);
}
