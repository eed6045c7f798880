/*
 * The graph of a system: realms as a tree, services at their providers, channels from clients to services,
 * who may connect, and what was derived from what.
 */
#ifndef TOOLS_GRAPH_TEXT_H
#define TOOLS_GRAPH_TEXT_H

#include <jansson.h>
#include <stdio.h>

/* The answers of the admin socket to the questions of the same names. */
struct graph {
    const json_t *realms; /* ps */
    const json_t *services, *channels, *caps, *rules;
};

/* As a graph of graphviz's language. Names are data: whatever they hold, they are only ever labels. */
void graph_text_dot(FILE *stream, const struct graph *graph);

/* As an indented list of realms. */
void graph_text_list(FILE *stream, const struct graph *graph);

#endif
