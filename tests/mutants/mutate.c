/*
 * Makes a source that holds all its mutants: copies of it with one small mistake each, chosen at run time by
 * the variable `mutant`. So each file is compiled once, and trying a mutant costs no more than a fork.
 *
 *     mutate SOURCE FIRST OUT LIST [mechanical]
 *
 * writes OUT and prints a line for each mutant: its number (from FIRST on), where it comes from (by hand or
 * mechanical), the source, and what the mistake is.
 *
 * A LIST is one of mistakes.h; those about other sources are left out. Mechanically each comparison is moved
 * by one or turned round, each `&&` and `||` exchanged, each `!` taken away, each condition of an `if`
 * negated or dropped, that of a `?` made always or never true. Assertions, comments, strings and the
 * preprocessor are left alone.
 *
 * How: a mutant changes one function. Each of them is a copy of that function with a name of its own, which
 * stands before it; and the function itself begins by looking at which of its copies is meant. What begins a
 * function is told by the one style of the sources: its brace stands alone at the beginning of a line, and so
 * does the one that ends it.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/mutants/mistakes.h"

#define TEXT_MAX    MISTAKES_TEXT_MAX
#define MUTANTS_MAX 1000u /* of one source */
#define FIELD_MAX   MISTAKES_FIELD_MAX

struct mutant {
    size_t from, to; /* of the source, replaced by: */
    char *replacement;
    char title[FIELD_MAX];
    bool by_hand;
};

static char source[TEXT_MAX], list[TEXT_MAX];
static struct mutant mutants[MUTANTS_MAX];
static unsigned count;

static struct mutant *add(size_t from, size_t to, const char *replacement, bool by_hand)
{
    if (count == MUTANTS_MAX)
        mistakes_fail("has too many mutants", "a source");
    struct mutant *mutant = &mutants[count++];
    *mutant = (struct mutant){.from = from, .to = to, .replacement = strdup(replacement), .by_hand = by_hand};
    if (!mutant->replacement)
        mistakes_fail("no memory", "mutants");
    return mutant;
}

/* --- lists made by hand --- */

/* Those of the list that are about this source. */
static void add_by_hand(const char *path, const char *name)
{
    static struct mistake mistake;
    const char *at = list;
    mistakes_read(path, list);
    while (mistakes_next(&at, &mistake)) {
        if (strcmp(mistake.source, name) != 0)
            continue;
        size_t from = mistakes_place(&mistake, source);
        struct mutant *mutant = add(from, from + strlen(mistake.old), mistake.new, true);
        memcpy(mutant->title, mistake.title, sizeof mistake.title);
    }
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
    if (strncmp(at, "realm_assert(", 13) == 0 || strncmp(at, "_Static_assert(", 15) == 0)
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

/* The title says what is changed, and if the same is there more than once in a line, the how manieth. */
static void offer(size_t from, size_t size, const char *to, const char *what)
{
    struct mutant *mutant = add(from, from + size, to, false);
    unsigned line = line_of(from), nth = 1;
    for (const struct mutant *other = mutants; other < mutant; other++)
        nth += !other->by_hand && line_of(other->from) == line && other->to - other->from == size &&
               memcmp(source + other->from, source + from, size) == 0 && strcmp(other->replacement, to) == 0;
    int used = snprintf(mutant->title, sizeof mutant->title, "line %u: '%.*s' %s", line,
                        (int)(size < 60 ? size : 60), source + from, what);
    if (nth > 1)
        snprintf(mutant->title + used, sizeof mutant->title - (size_t)used, " (%u)", nth);
    for (char *at = mutant->title; *at; at++)
        *at = *at == '\n' ? ' ' : *at;
}

static void offer_condition(size_t open)
{
    static char negated[TEXT_MAX];
    size_t size = in_parentheses(source + open);
    snprintf(negated, sizeof negated, "!(%.*s)", (int)size, source + open + 1);
    offer(open + 1, size, negated, "negated");
    offer(open + 1, size, "0", "dropped");
}

static void add_mechanical(void)
{
    bool line_begins = true;
    for (size_t at = 0; source[at];) {
        size_t skip = left_alone(source + at, line_begins);
        if (skip) {
            at += skip;
            line_begins = false;
            continue;
        }
        if (strncmp(source + at, "if (", 4) == 0 && (at == 0 || strchr(" \n\t", source[at - 1])))
            offer_condition(at + 3);
        if (source[at] == '?') {
            offer(at, 1, "|| 1 ?", "always");
            offer(at, 1, "&& 0 ?", "never"); /* in `a || b ? …` of b alone: a mistake as well */
        }
        size_t size = 1;
        for (size_t i = 0; i < CHANGES; i++) {
            if (strncmp(source + at, changes[i].from, strlen(changes[i].from)) != 0)
                continue;
            size = strlen(changes[i].from);
            if (strcmp(changes[i].from, changes[i].to) != 0)
                offer(at, size, changes[i].to, changes[i].to[0] ? changes[i].to : "taken away");
            break;
        }
        line_begins = source[at] == '\n' || (line_begins && (source[at] == ' ' || source[at] == '\t'));
        at += size;
    }
}

/* --- functions, and writing them --- */

struct function {
    size_t head, body, end; /* body: its opening brace; end: behind the line of the closing one */
    char name[FIELD_MAX], arguments[FIELD_MAX];
};

static bool is_word(char byte)
{
    return isalnum((unsigned char)byte) || byte == '_';
}

/* The beginning of the line before the one that begins at `at`. */
static size_t line_before(size_t at)
{
    at--;
    while (at > 0 && source[at - 1] != '\n')
        at--;
    return at;
}

/* Does a head go on above the line that begins at `at`? */
static bool goes_on_above(size_t at)
{
    if (at == 0)
        return false;
    size_t above = line_before(at);
    return at - above > 1 && source[above] != '#' && !strchr(";}/", source[at - 2]);
}

/* Names of parameters, as a call would list them: of each the last word before a `[` or the end. */
static void list_arguments(size_t at, size_t end, char ret_arguments[FIELD_MAX])
{
    size_t used = 0;
    ret_arguments[0] = '\0';
    while (at < end) {
        size_t next = at;
        while (next < end && source[next] != ',')
            next++;
        size_t stop = at;
        while (stop < next && source[stop] != '[')
            stop++;
        while (stop > at && !is_word(source[stop - 1]))
            stop--;
        size_t word = stop;
        while (word > at && is_word(source[word - 1]))
            word--;
        if (strncmp(source + word, "void", 4) != 0 || stop - word != 4)
            used += (size_t)snprintf(ret_arguments + used, FIELD_MAX - used, "%s%.*s", used ? ", " : "",
                                     (int)(stop - word), source + word);
        at = next + 1;
    }
}

/* The function in which `at` lies. */
static struct function function_at(size_t at, const char *title)
{
    struct function function = {0};
    for (const char *brace = source; (brace = strstr(brace, "\n{\n")); brace++) {
        const char *end = strstr(brace, "\n}\n");
        size_t body = (size_t)(brace - source) + 1, head = line_before(body);
        while (goes_on_above(head))
            head = line_before(head);
        if (!end || at < head || at >= (size_t)(end - source) + 3)
            continue;
        function.head = head;
        function.body = body;
        function.end = (size_t)(end - source) + 3;
        size_t open = head + strcspn(source + head, "("), name = open;
        while (name > head && is_word(source[name - 1]))
            name--;
        snprintf(function.name, sizeof function.name, "%.*s", (int)(open - name), source + name);
        list_arguments(open + 1, open + 1 + in_parentheses(source + open), function.arguments);
        return function;
    }
    mistakes_fail("lies in no function", title);
    return function;
}

static void write_part(FILE *file, size_t from, size_t to)
{
    fwrite(source + from, 1, to - from, file);
}

/* The head of the function, under its name or a copy's. */
static void write_head(FILE *file, const struct function *function, unsigned copy)
{
    size_t open = function->head + strcspn(source + function->head, "(");
    bool is_static = strncmp(source + function->head, "static ", 7) == 0;
    if (copy && !is_static)
        fputs("static ", file);
    write_part(file, function->head, open);
    if (copy)
        fprintf(file, "_mutant_%u", copy);
    write_part(file, open, function->body);
}

static void write_copy(FILE *file, const struct function *function, const struct mutant *mutant,
                       unsigned number)
{
    if (mutant->from < function->body || mutant->to > function->end)
        mistakes_fail("is not within one body", mutant->title);
    write_head(file, function, number);
    write_part(file, function->body, mutant->from);
    fputs(mutant->replacement, file);
    write_part(file, mutant->to, function->end);
    fputc('\n', file);
}

/* All mutants of one function, and itself; what stands before it since `*done`, too. */
static void write_function(FILE *file, const struct function *function, unsigned first, size_t *done)
{
    write_part(file, *done, function->head);
    write_head(file, function, 0);
    fputs(";\n", file);
    for (unsigned i = 0; i < count; i++)
        if (mutants[i].from >= function->head && mutants[i].from < function->end)
            write_copy(file, function, &mutants[i], first + i);
    write_head(file, function, 0);
    fputs("{\n    switch (mutant) {\n", file);
    for (unsigned i = 0; i < count; i++)
        if (mutants[i].from >= function->head && mutants[i].from < function->end)
            fprintf(file, "    case %u: return %s_mutant_%u(%s);\n", first + i, function->name, first + i,
                    function->arguments);
    fputs("    default: break;\n    }\n", file);
    write_part(file, function->body + 2, function->end);
    *done = function->end;
}

static void write_all(const char *path, unsigned first)
{
    FILE *file = fopen(path, "wb");
    size_t done = 0;
    if (!file)
        mistakes_fail("cannot be written", path);
    fputs("extern unsigned mutant;\n", file);
    for (;;) { /* the next function that has one */
        size_t next = TEXT_MAX;
        const char *title = "";
        for (unsigned i = 0; i < count; i++)
            if (mutants[i].from >= done && mutants[i].from < next) {
                next = mutants[i].from;
                title = mutants[i].title;
            }
        if (next == TEXT_MAX)
            break;
        struct function function = function_at(next, title);
        write_function(file, &function, first, &done);
    }
    fputs(source + done, file);
    if (fclose(file) != 0)
        mistakes_fail("cannot be written", path);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: mutate SOURCE FIRST OUT LIST [mechanical]\n");
        return 2;
    }
    unsigned first = (unsigned)atoi(argv[2]);
    mistakes_read(argv[1], source);
    add_by_hand(argv[4], argv[1]);
    if (argc > 5)
        add_mechanical();
    write_all(argv[3], first);
    for (unsigned i = 0; i < count; i++) {
        printf("%u\t%s\t%s\t%s\n", first + i, mutants[i].by_hand ? "hand" : "mechanical", argv[1],
               mutants[i].title);
        free(mutants[i].replacement);
    }
    return 0;
}
