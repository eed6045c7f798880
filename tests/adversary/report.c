/*
 * What an attacker says. With write(2) alone: an attack may leave the C library in any state. Descriptor 1 is
 * the pipe into its log; a line "outcome …" is what the suite compares.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/adversary/attack.h"

struct attack_target target;

const char *errno_word(int error)
{
    const char *word = strerrorname_np(error);
    return word ? word : "E?";
}

static void say(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDOUT_FILENO, text, size);
        if (written <= 0)
            return;
        text += written;
        size -= (size_t)written;
    }
}

void outcome(const char *format, ...)
{
    char line[256] = "outcome ";
    const size_t start = strlen(line);
    va_list list;

    va_start(list, format);
    int size = vsnprintf(line + start, sizeof line - start - 1, format, list);
    va_end(list);
    if (size > (int)(sizeof line - start - 2))
        size = (int)(sizeof line - start - 2);
    line[start + (size_t)size] = '\n';
    say(line, start + (size_t)size + 1);
}

void outcome_call(long result)
{
    const int error = errno;
    if (result < 0)
        outcome("%s", errno_word(error));
    else
        outcome("done");
}

void announce(const char *word)
{
    char line[128];
    int size = snprintf(line, sizeof line, "%s\n", word);
    say(line, (size_t)size);
}
