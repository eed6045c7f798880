/* The derivation tree of capabilities, drawn. */
#ifndef TOOLS_CAPS_TREE_H
#define TOOLS_CAPS_TREE_H

#include <jansson.h>
#include <stdio.h>

/*
 * Prints rows as the admin socket's `caps` gives them, each below what it was derived from; one whose parent
 * is not among the rows is printed as a root. Return: 0; -ENOMEM.
 */
int caps_tree_print(FILE *stream, const json_t *rows);

#endif
