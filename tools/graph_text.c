/*
 * Nodes are numbered, never named: "r0" is the first realm, "s0" the first service. What realms and services
 * are called stands in labels only, where quotes, backslashes and control characters are made harmless.
 */
#include "tools/graph_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tools/print.h"

static const char *text_of(const json_t *row, const char *member)
{
    const char *text = json_string_value(json_object_get(row, member));
    return text ? text : "";
}

/* A quoted string of graphviz: print_text has replaced what is no character, and \ would begin an escape. */
static void print_quoted(FILE *stream, const char *text)
{
    char *clean = NULL;
    size_t size;
    FILE *copy = open_memstream(&clean, &size);
    if (copy) {
        print_text(copy, text);
        fclose(copy);
    }
    fputc('"', stream);
    for (const char *at = clean ? clean : "?"; *at; at++) {
        if (*at == '"' || *at == '\\')
            fputc('\\', stream);
        fputc(*at, stream);
    }
    fputc('"', stream);
    free(clean);
}

/* From names to the numbers of their rows; out of memory leaves some out, and their edges with them. */
static json_t *index_of(const json_t *rows, const char *member)
{
    json_t *index = json_object();
    for (size_t i = 0; i < json_array_size(rows); i++)
        json_object_set_new(index, text_of(json_array_get(rows, i), member), json_integer((json_int_t)i));
    return index;
}

static int number_of(const json_t *index, const char *name)
{
    const json_t *number = json_object_get(index, name);
    return number ? (int)json_integer_value(number) : -1;
}

static void print_nodes(FILE *stream, const struct graph *graph)
{
    for (size_t i = 0; i < json_array_size(graph->realms); i++) {
        const json_t *row = json_array_get(graph->realms, i);
        bool running = strcmp(text_of(row, "state"), "running") == 0;
        fprintf(stream, "  r%zu [shape=box%s, label=", i, running ? "" : ", style=dashed");
        print_quoted(stream, text_of(row, "realm"));
        fputs("];\n", stream);
    }
    for (size_t i = 0; i < json_array_size(graph->services); i++) {
        const json_t *row = json_array_get(graph->services, i);
        bool registered = json_is_true(json_object_get(row, "registered"));
        fprintf(stream, "  s%zu [shape=ellipse%s, label=", i, registered ? "" : ", style=dashed");
        print_quoted(stream, text_of(row, "service"));
        fputs("];\n", stream);
    }
}

static void print_edges(FILE *stream, const struct graph *graph, const json_t *realms, const json_t *services)
{
    for (size_t i = 0; i < json_array_size(graph->realms); i++) {
        int parent = number_of(realms, text_of(json_array_get(graph->realms, i), "parent"));
        if (parent >= 0)
            fprintf(stream, "  r%d -> r%zu [style=dotted, arrowhead=none, label=\"parent of\"];\n", parent,
                    i);
    }
    for (size_t i = 0; i < json_array_size(graph->services); i++) {
        const json_t *row = json_array_get(graph->services, i);
        int provider = number_of(realms, text_of(row, "provider"));
        if (provider >= 0)
            fprintf(stream, "  s%zu -> r%d [arrowhead=none, style=bold, label=\"provided by\"];\n", i,
                    provider);
    }
    for (size_t i = 0; i < json_array_size(graph->channels); i++) {
        const json_t *row = json_array_get(graph->channels, i);
        int client = number_of(realms, text_of(row, "client"));
        int service = number_of(services, text_of(row, "service"));
        if (client >= 0 && service >= 0)
            fprintf(stream, "  r%d -> s%d [label=\"channel, badge %" JSON_INTEGER_FORMAT "\"];\n", client,
                    service, json_integer_value(json_object_get(row, "badge")));
    }
}

/* How the rule shows; what a parent granted says by whom. */
static void print_label(FILE *stream, const json_t *row)
{
    const char *kind = text_of(row, "kind");
    if (strcmp(kind, "parent grant") != 0) {
        fprintf(stream, "\"%s\"",
                strcmp(kind, "deny") == 0    ? "denied"
                : strcmp(kind, "grant") == 0 ? "granted"
                                             : "may connect");
        return;
    }
    char *label = NULL;
    if (asprintf(&label, "granted by %s", text_of(row, "by")) < 0)
        label = NULL;
    print_quoted(stream, label ? label : "granted");
    free(label);
}

/* Who may connect, and who never: what the scenario says, and what parents granted. A pattern or a word is a
 * node of its own. */
static void print_rules(FILE *stream, const struct graph *graph, const json_t *realms, const json_t *services)
{
    for (size_t i = 0; i < json_array_size(graph->rules); i++) {
        const json_t *row = json_array_get(graph->rules, i);
        bool deny = strcmp(text_of(row, "kind"), "deny") == 0;
        int service = number_of(services, text_of(row, "service"));
        int realm = json_is_true(json_object_get(row, "realm")) ? number_of(realms, text_of(row, "who")) : -1;
        if (service < 0)
            continue;
        if (realm < 0) {
            fprintf(stream, "  p%zu [shape=plaintext, label=", i);
            print_quoted(stream, text_of(row, "who"));
            fprintf(stream, "];\n  p%zu -> s%d", i, service);
        } else {
            fprintf(stream, "  r%d -> s%d", realm, service);
        }
        fprintf(stream, " [style=dashed, %slabel=", deny ? "color=red, " : "");
        print_label(stream, row);
        fputs("];\n", stream);
    }
}

/* Capabilities that were derived from capabilities: the tree, beside the rest. */
static void print_capabilities(FILE *stream, const struct graph *graph, const json_t *realms)
{
    json_t *numbers = index_of(graph->caps, "capability");
    for (size_t i = 0; i < json_array_size(graph->caps); i++) {
        const json_t *row = json_array_get(graph->caps, i);
        const char *kind = text_of(row, "kind");
        int parent = number_of(numbers, text_of(row, "parent")),
            holder = number_of(realms, text_of(row, "realm"));
        fprintf(stream, "  c%zu [shape=note, label=", i);
        bool sealed = json_is_true(json_object_get(row, "sealed"));
        print_quoted(stream, sealed ? "sealed memory" : *kind ? kind : parent < 0 ? "endpoint" : "send");
        fputs("];\n", stream);
        if (parent >= 0)
            fprintf(stream, "  c%d -> c%zu [color=gray, label=\"derived\"];\n", parent, i);
        if (holder >= 0)
            fprintf(stream, "  r%d -> c%zu [color=gray, arrowhead=none, label=\"holds\"];\n", holder, i);
    }
    json_decref(numbers);
}

void graph_text_dot(FILE *stream, const struct graph *graph)
{
    json_t *realms = index_of(graph->realms, "realm"), *services = index_of(graph->services, "service");
    fputs("digraph realms {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n"
          "  edge [fontname=\"sans-serif\", fontsize=9];\n",
          stream);
    print_nodes(stream, graph);
    print_edges(stream, graph, realms, services);
    print_rules(stream, graph, realms, services);
    print_capabilities(stream, graph, realms);
    fputs("}\n", stream);
    json_decref(realms);
    json_decref(services);
}

/* --- the list --- */

static void print_realm(FILE *stream, const struct graph *graph, const json_t *row, int depth)
{
    const char *realm = text_of(row, "realm");
    fprintf(stream, "%*s", 2 * depth, "");
    print_text(stream, realm);
    fprintf(stream, " (%s)\n", text_of(row, "state"));
    for (size_t i = 0; i < json_array_size(graph->services); i++) {
        const json_t *service = json_array_get(graph->services, i);
        if (strcmp(text_of(service, "provider"), realm) != 0)
            continue;
        fprintf(stream, "%*sprovides ", 2 * depth + 4, "");
        print_text(stream, text_of(service, "service"));
        fputs(json_is_true(json_object_get(service, "registered")) ? "\n" : ", not registered\n", stream);
    }
    for (size_t i = 0; i < json_array_size(graph->channels); i++) {
        const json_t *channel = json_array_get(graph->channels, i);
        if (strcmp(text_of(channel, "client"), realm) != 0)
            continue;
        fprintf(stream, "%*sconnected to ", 2 * depth + 4, "");
        print_text(stream, text_of(channel, "service"));
        fputs(" of ", stream);
        print_text(stream, text_of(channel, "server"));
        fputc('\n', stream);
    }
}

#define DEPTH_MAX 64

static void print_below(FILE *stream, const struct graph *graph, const char *parent, int depth)
{
    for (size_t i = 0; depth < DEPTH_MAX && i < json_array_size(graph->realms); i++) {
        const json_t *row = json_array_get(graph->realms, i);
        if (strcmp(text_of(row, "parent"), parent) != 0)
            continue;
        print_realm(stream, graph, row, depth);
        print_below(stream, graph, text_of(row, "realm"), depth + 1);
    }
}

void graph_text_list(FILE *stream, const struct graph *graph)
{
    print_below(stream, graph, "", 0);
}
