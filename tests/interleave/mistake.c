/*
 * Makes the mistakes of a list: copies of a source with one of them in it.
 *
 *     mistake LIST                  how many there are
 *     mistake LIST NUMBER FOLDER    prints the source and the name, writes the source to FOLDER/mutant.c
 *
 * A mistake is text that stands in its source exactly once, and what replaces it: a list that has gone stale
 * is an error, no mistake that changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 20)

static char source[TEXT_MAX], list[TEXT_MAX];

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "mistake: %s: %s\n", name, what);
    exit(2);
}

static void read_text(const char *path, char *text)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("cannot be read", path);
    size_t size = fread(text, 1, TEXT_MAX - 1, file);
    fclose(file);
    if (size == TEXT_MAX - 1)
        fail("is too large", path);
    text[size] = '\0';
}

/* The source with its bytes from `from` to `to` replaced. A #line keeps places in messages true. */
static void write_mutant(const char *folder, const char *name, size_t from, size_t to,
                         const char *replacement)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/mutant.c", folder);
    FILE *file = fopen(path, "wb");
    if (!file)
        fail("cannot be written", path);
    fprintf(file, "#line 1 \"%s\"\n", name);
    fwrite(source, 1, from, file);
    fputs(replacement, file);
    fputs(source + to, file);
    if (fclose(file) != 0)
        fail("cannot be written", path);
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

static int make(const char *path, int number, const char *folder)
{
    static char old[TEXT_MAX], new[TEXT_MAX];
    int count = 0;
    read_text(path, list);
    for (const char *at = list; *at;) {
        if (*at != '=') {
            at += strcspn(at, "\n");
            at += *at == '\n';
            continue;
        }
        /* = CLASS: NAME, then @SOURCE, then - and + lines */
        char title[256], name[256];
        size_t size = strcspn(at, "\n");
        snprintf(title, sizeof title, "%.*s", (int)size - 2, at + 2);
        at += size + 1;
        size = strcspn(at, "\n");
        if (*at != '@')
            fail("a mistake names no source", title);
        snprintf(name, sizeof name, "%.*s", (int)size - 1, at + 1);
        at += size + 1;
        take_marked(&at, '-', old);
        take_marked(&at, '+', new);
        if (++count != number)
            continue;
        read_text(name, source);
        char *place = strstr(source, old);
        if (old[0] == '\0' || !place || strstr(place + 1, old))
            fail("its text does not stand in the source exactly once", title);
        write_mutant(folder, name, (size_t)(place - source), (size_t)(place - source) + strlen(old), new);
        printf("%s\t%s\n", name, title);
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
