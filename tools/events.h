/*
 * The event stream of a running system, made readable: one JSON object in, one line for people out
 * (docs/design/overview.md lists the events).
 */
#ifndef TOOLS_EVENTS_H
#define TOOLS_EVENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

struct events_style {
    bool colours;
    bool quiet; /* only what went wrong */
};

/* Prints one event. An unknown one is printed as it is. */
void events_print(const json_t *event, const struct events_style *style, FILE *stream);

#endif
