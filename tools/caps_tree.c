/*
 * The rows are linked into a forest first: each to the last of its parent's children, so that the order of
 * the rows is kept and the whole costs their number. Printing needs no recursion: the way down is the way
 * through the links, and the bars before a line follow from who has a next sibling.
 */
#include "tools/caps_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print.h"

#define NONE SIZE_MAX

struct node {
    size_t parent, first, last, next;
};

static const char *text_of(const json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));
    return text ? text : "";
}

static void link_last(struct node *nodes, size_t parent, size_t child)
{
    if (nodes[parent].last == NONE)
        nodes[parent].first = child;
    else
        nodes[nodes[parent].last].next = child;
    nodes[parent].last = child;
}

/* Whether a node is its own ancestor: a broker that lies must not hang us. */
static bool in_circle(const struct node *nodes, size_t count, size_t node)
{
    size_t at = nodes[node].parent, steps = 0;
    while (at != NONE && at != node && steps++ <= count)
        at = nodes[at].parent;
    return at != NONE;
}

/* The bars that lead to a node: one for each ancestor below the top that has a sibling to come. */
static void print_bars(FILE *stream, const struct node *nodes, size_t root, size_t node)
{
    size_t path[64], depth = 0;
    for (size_t at = node; nodes[at].parent != root && depth < 64; at = nodes[at].parent)
        path[depth++] = at;
    for (size_t i = depth; i-- > 0;) {
        bool more = nodes[path[i]].next != NONE;
        if (i > 0)
            fputs(more ? "│  " : "   ", stream);
        else
            fputs(more ? "├─ " : "└─ ", stream);
    }
}

static void print_row(FILE *stream, const json_t *row)
{
    const char *kind = text_of(row, "kind"), *object = text_of(row, "service");
    fputs(*kind ? kind : json_is_null(json_object_get(row, "parent")) ? "endpoint" : "send", stream);
    if (*object) {
        fputc(' ', stream);
        print_text(stream, object);
    }
    const json_t *rights = json_object_get(row, "rights");
    fputs(" [", stream);
    for (size_t i = 0; i < json_array_size(rights); i++) {
        const char *right = json_string_value(json_array_get(rights, i));
        fprintf(stream, "%s%s", i ? " " : "", right ? right : "?");
    }
    fputs("] ", stream);
    print_text(stream, text_of(row, "realm"));
    const json_t *badge = json_object_get(row, "badge");
    if (json_is_integer(badge))
        fprintf(stream, ", badge %" JSON_INTEGER_FORMAT, json_integer_value(badge));
    const json_t *bytes = json_object_get(row, "bytes");
    if (json_is_integer(bytes))
        fprintf(stream, ", %" JSON_INTEGER_FORMAT " bytes", json_integer_value(bytes));
    if (json_is_true(json_object_get(row, "sealed")))
        fputs(", sealed", stream);
    fputc('\n', stream);
}

static void print_all(FILE *stream, const json_t *rows, const struct node *nodes, size_t root)
{
    size_t at = nodes[root].first;
    while (at != NONE) {
        if (nodes[at].parent != root)
            print_bars(stream, nodes, root, at);
        print_row(stream, json_array_get(rows, at));
        if (nodes[at].first != NONE) {
            at = nodes[at].first;
            continue;
        }
        while (at != root && nodes[at].next == NONE)
            at = nodes[at].parent;
        at = at == root ? NONE : nodes[at].next;
    }
}

int caps_tree_print(FILE *stream, const json_t *rows)
{
    size_t count = json_array_size(rows);
    struct node *nodes = malloc((count + 1) * sizeof *nodes);
    json_t *places = json_object();
    int error = nodes && places ? 0 : -ENOMEM;
    for (size_t i = 0; !error && i < count; i++)
        if (json_object_set_new(places, text_of(json_array_get(rows, i), "capability"),
                                json_integer((json_int_t)i)) != 0)
            error = -ENOMEM;
    for (size_t i = 0; !error && i <= count; i++) {
        const char *parent = text_of(json_array_get(rows, i), "parent");
        const json_t *place = *parent ? json_object_get(places, parent) : NULL;
        nodes[i] = (struct node){.parent = place ? (size_t)json_integer_value(place) : NONE,
                                 .first = NONE,
                                 .last = NONE,
                                 .next = NONE};
    }
    /* Behind the rows stands the root of all that have no parent. */
    for (size_t i = 0; !error && i < count; i++)
        if (nodes[i].parent == NONE || in_circle(nodes, count, i))
            nodes[i].parent = count;
    for (size_t i = 0; !error && i < count; i++)
        link_last(nodes, nodes[i].parent, i);
    if (!error && count == 0)
        fputs("no capabilities\n", stream);
    else if (!error)
        print_all(stream, rows, nodes, count);
    json_decref(places);
    free(nodes);
    return error;
}
