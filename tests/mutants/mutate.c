/*
 * Makes mutants: copies of a source with one small mistake in it.
 *
 *     mutate hand LIST                        how many there are in a list made by hand
 *     mutate hand LIST NUMBER FOLDER          prints its class, name and source, writes it to FOLDER/mutant.c
 *     mutate mechanical SOURCE                how many conditions can be changed
 *     mutate mechanical SOURCE NUMBER FOLDER  prints what was changed, writes it to FOLDER/mutant.c
 *
 * A mutant of a list is text that stands in the source exactly once, and what replaces it: a list that has
 * gone stale is an error, no mutant that changes nothing. Mechanically each comparison is moved by one or
 * turned round, each
 * `&&` and `||` exchanged, each `!` taken away, each condition of an `if` negated or dropped. Assertions,
 * comments, strings and the preprocessor are left alone.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (1u << 20)

static char source[TEXT_MAX], list[TEXT_MAX];

static void fail(const char *what, const char *name)
{
    fprintf(stderr, "mutate: %s: %s\n", name, what);
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

/* --- lists made by hand --- */

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

static int by_hand(const char *path, int number, const char *folder)
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
            fail("a mutant names no source", title);
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

/* --- mechanical ones --- */

struct change {
    const char *from, *to;
};

/* The longer come first: `<=` is no `<`. What becomes itself is only stepped over. */
static const struct change changes[] = {
    {"->", "->"}, {"<<=", "<<="}, {">>=", ">>="}, {"<<", "<<"}, {">>", ">>"}, {"==", "!="}, {"!=", "=="},
    {"<=", "<"},  {">=", ">"},    {"&&", "||"},   {"||", "&&"}, {"<", "<="},  {">", ">="},  {"!", ""},
};
#define CHANGES (sizeof changes / sizeof changes[0])

/* Is this the beginning of something that is left alone? Returns its length, or 0. */
static size_t left_alone(const char *at, bool line_begins)
{
    if (strncmp(at, "/*", 2) == 0) {
        const char *end = strstr(at + 2, "*/");
        return end ? (size_t)(end - at) + 2 : strlen(at);
    }
    if (*at == '"' || *at == '\'') {
        size_t size = 1;
        while (at[size] && at[size] != *at)
            size += at[size] == '\\' ? 2 : 1;
        return size + 1;
    }
    if (line_begins && *at == '#')
        return strcspn(at, "\n");
    if (strncmp(at, "realm_assert(", 13) == 0)
        return strcspn(at, ";");
    return 0;
}

/* The length of what stands in the parentheses that open at `at`. */
static size_t in_parentheses(const char *at)
{
    size_t depth = 0, size = 0;
    do {
        depth += at[size] == '(';
        depth -= at[size] == ')';
        size++;
    } while (depth > 0 && at[size]);
    return size - 2;
}

static unsigned line_of(size_t offset)
{
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++)
        line += source[i] == '\n';
    return line;
}

struct point {
    int wanted, count;
    const char *name, *folder;
};

/* One possible mutant; written if it is the one that is wanted. */
static void offer(struct point *point, size_t from, size_t size, const char *to, const char *what)
{
    if (++point->count != point->wanted)
        return;
    write_mutant(point->folder, point->name, from, from + size, to);
    printf("%s\tline %u: '%.*s' %s\n", point->name, line_of(from), (int)(size < 60 ? size : 60),
           source + from, what);
}

static void offer_condition(struct point *point, size_t open)
{
    static char negated[TEXT_MAX];
    size_t size = in_parentheses(source + open);
    snprintf(negated, sizeof negated, "!(%.*s)", (int)size, source + open + 1);
    offer(point, open + 1, size, negated, "negated");
    offer(point, open + 1, size, "0", "dropped");
}

static int mechanically(const char *name, int number, const char *folder)
{
    struct point point = {number, 0, name, folder};
    bool line_begins = true;
    read_text(name, source);
    for (size_t at = 0; source[at];) {
        size_t skip = left_alone(source + at, line_begins);
        if (skip) {
            at += skip;
            line_begins = false;
            continue;
        }
        if (strncmp(source + at, "if (", 4) == 0 && (at == 0 || strchr(" \n\t", source[at - 1])))
            offer_condition(&point, at + 3);
        size_t size = 1;
        for (size_t i = 0; i < CHANGES; i++) {
            if (strncmp(source + at, changes[i].from, strlen(changes[i].from)) != 0)
                continue;
            size = strlen(changes[i].from);
            if (strcmp(changes[i].from, changes[i].to) != 0)
                offer(&point, at, size, changes[i].to, changes[i].to[0] ? changes[i].to : "taken away");
            break;
        }
        line_begins = source[at] == '\n' || (line_begins && (source[at] == ' ' || source[at] == '\t'));
        at += size;
    }
    if (number == 0)
        printf("%d\n", point.count);
    return number == 0 || number <= point.count ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fprintf(stderr, "usage: mutate hand|mechanical FILE [NUMBER FOLDER]\n");
        return 2;
    }
    int number = argc == 5 ? atoi(argv[3]) : 0;
    const char *folder = argc == 5 ? argv[4] : NULL;
    return strcmp(argv[1], "hand") == 0 ? by_hand(argv[2], number, folder)
                                        : mechanically(argv[2], number, folder);
}
