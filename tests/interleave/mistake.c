/*
 * Makes the mistakes of a list (tests/mutants/mistakes.h): copies of a source with one of them in it.
 *
 *     mistake LIST                  how many there are
 *     mistake LIST NUMBER FOLDER    prints the source and the name, writes the source to FOLDER/mutant.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mutants/mistakes.h"

static char source[MISTAKES_TEXT_MAX], list[MISTAKES_TEXT_MAX];
static struct mistake mistake;

/* A #line keeps places in messages true. */
static void write_mutant(const char *folder)
{
    char path[4096];
    size_t from = mistakes_place(&mistake, source);
    snprintf(path, sizeof path, "%s/mutant.c", folder);
    FILE *file = fopen(path, "wb");
    if (!file)
        mistakes_fail("cannot be written", path);
    fprintf(file, "#line 1 \"%s\"\n", mistake.source);
    fwrite(source, 1, from, file);
    fputs(mistake.new, file);
    fputs(source + from + strlen(mistake.old), file);
    if (fclose(file) != 0)
        mistakes_fail("cannot be written", path);
}

static int make(const char *path, int number, const char *folder)
{
    const char *at = list;
    int count = 0;
    mistakes_read(path, list);
    while (mistakes_next(&at, &mistake)) {
        if (++count != number)
            continue;
        mistakes_read(mistake.source, source);
        write_mutant(folder);
        printf("%s\t%s\n", mistake.source, mistake.title);
        return 0;
    }
    if (number == 0)
        printf("%d\n", count);
    return number == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4) {
        fprintf(stderr, "usage: mistake LIST [NUMBER FOLDER]\n");
        return 2;
    }
    return argc == 2 ? make(argv[1], 0, NULL) : make(argv[1], atoi(argv[2]), argv[3]);
}
