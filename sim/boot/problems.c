/*
 * Collecting and printing problems. Adding one never fails: without memory for its text it is still counted,
 * and a file that has a problem is never taken for a good one.
 */
#include "sim/boot/problems.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/core/name.h"

#define LINE_SHOWN_MAX 100u /* characters of a source line that are shown around the place */

void scenario_problems_init(struct scenario_problems *problems)
{
    memset(problems, 0, sizeof *problems);
}

void scenario_problems_deinit(struct scenario_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        free(problems->list[i].message);
    free(problems->source);
    free(problems->text);
    scenario_problems_init(problems);
}

int scenario_problems_about(struct scenario_problems *problems, const char *source, const char *text,
                            size_t text_size)
{
    char *source_copy = strdup(source);
    char *text_copy = text ? malloc(text_size + 1) : NULL;
    if (!source_copy || (text && !text_copy)) {
        free(source_copy);
        free(text_copy);
        return -ENOMEM;
    }
    if (text)
        memcpy(text_copy, text, text_size);
    free(problems->source);
    free(problems->text);
    problems->source = source_copy;
    problems->text = text_copy;
    problems->text_size = text ? text_size : 0;
    return 0;
}

/* Replaces what a terminal could take for a command: control characters, and bytes that are no UTF-8. */
static void make_printable(char *text)
{
    size_t size = strlen(text);
    for (size_t i = 0; i < size;) {
        size_t step = realm_utf8_step((const uint8_t *)text + i, size - i);
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): text[i + 1] is at most the terminator */
        unsigned char first = (unsigned char)text[i], second = (unsigned char)text[i + 1];
        if (step == 0 || first < 0x20 || first == 0x7f) {
            text[i++] = '?';
            continue;
        }
        if (step == 2 && first == 0xc2 && second < 0xa0) /* U+0080 to U+009F */
            text[i] = text[i + 1] = '?';
        i += step;
    }
}

void scenario_problems_add(struct scenario_problems *problems, enum scenario_severity severity,
                           struct mm_place place, const char *format, ...)
{
    size_t *total = severity == SCENARIO_ERROR ? &problems->errors : &problems->warnings;
    if ((*total)++ >= SCENARIO_PROBLEMS_MAX)
        return;
    char *message = malloc(SCENARIO_PROBLEM_TEXT_MAX);
    if (message) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(message, SCENARIO_PROBLEM_TEXT_MAX, format, arguments);
        va_end(arguments);
        make_printable(message);
    }
    problems->list[problems->count++] =
        (struct scenario_problem){.severity = severity, .place = place, .message = message};
}

bool scenario_problems_full(const struct scenario_problems *problems)
{
    return problems->errors >= SCENARIO_PROBLEMS_MAX;
}

static int by_place(const void *a, const void *b)
{
    const struct scenario_problem *x = a, *y = b;
    if (x->place.line != y->place.line)
        return x->place.line < y->place.line ? -1 : 1;
    if (x->place.column != y->place.column)
        return x->place.column < y->place.column ? -1 : 1;
    return (x->severity > y->severity) - (x->severity < y->severity);
}

void scenario_problems_sort(struct scenario_problems *problems)
{
    if (problems->count > 0)
        qsort(problems->list, problems->count, sizeof problems->list[0], by_place);
}

/* The line of the given number, without its end. false: there is none. */
static bool find_line(const struct scenario_problems *problems, uint32_t number, const char **ret_start,
                      size_t *ret_size)
{
    const char *at = problems->text, *end = at + problems->text_size;
    if (!at || number == 0)
        return false;
    while (--number > 0) {
        at = memchr(at, '\n', (size_t)(end - at));
        if (!at++)
            return false;
    }
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    size_t size = (size_t)((stop ? stop : end) - at);
    if (size > 0 && at[size - 1] == '\r')
        size--;
    *ret_start = at;
    *ret_size = size;
    return true;
}

/* Shows the line, or the part of a long one that is around the place, and a caret below the column. */
static void print_line(const struct scenario_problems *problems, struct mm_place place, FILE *stream)
{
    const char *line;
    size_t size;
    if (!find_line(problems, place.line, &line, &size) || size == 0)
        return;
    uint32_t first = place.column > LINE_SHOWN_MAX - 10 ? place.column - LINE_SHOWN_MAX / 2 : 1;
    char shown[4 * LINE_SHOWN_MAX + 1];
    size_t used = 0;
    uint32_t column = 1;
    for (size_t i = 0; i < size && column < first + LINE_SHOWN_MAX; column++) {
        size_t step = realm_utf8_step((const uint8_t *)line + i, size - i);
        size_t bytes = step ? step : 1;
        if (column >= first) {
            memcpy(shown + used, line + i, bytes);
            if (line[i] == '\t')
                shown[used] = ' '; /* one column wide, as the caret counts it */
            used += bytes;
        }
        i += bytes;
    }
    shown[used] = '\0';
    make_printable(shown);
    fprintf(stream, "    %s\n", shown);
    if (place.column >= first)
        fprintf(stream, "    %*s^\n", (int)(place.column - first), "");
}

static void print_problem(const struct scenario_problems *problems, const struct scenario_problem *problem,
                          FILE *stream, bool colour)
{
    bool warning = problem->severity == SCENARIO_WARNING;
    fprintf(stream, "%s%s", colour ? "\033[1m" : "", problems->source ? problems->source : "?");
    if (problem->place.line > 0)
        fprintf(stream, ":%u:%u", problem->place.line, problem->place.column);
    fprintf(stream, ":%s ", colour ? "\033[0m" : "");
    if (warning)
        fprintf(stream, "%swarning:%s ", colour ? "\033[33m" : "", colour ? "\033[0m" : "");
    fprintf(stream, "%s\n", problem->message ? problem->message : "a problem (no memory to describe it)");
    print_line(problems, problem->place, stream);
}

void scenario_problems_print(const struct scenario_problems *problems, FILE *stream, bool colour)
{
    for (size_t i = 0; i < problems->count; i++)
        print_problem(problems, &problems->list[i], stream, colour);
    size_t all = problems->errors + problems->warnings;
    if (all > problems->count)
        fprintf(stream, "… and %zu more\n", all - problems->count);
}
