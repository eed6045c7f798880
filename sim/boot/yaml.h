/*
 * YAML as a bounded tree: the part of YAML that a scenario may use.
 *
 * Scalars, lists and maps with scalar keys, each with its exact place in the text. Anchors, aliases, tags,
 * further documents, and keys that are no scalars are refused, and so is what is larger than the limits
 * below: the text may come from anywhere, and expanding it must not cost more than reading it.
 */
#ifndef SIM_BOOT_YAML_H
#define SIM_BOOT_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/config/config.h"
#include "sim/boot/problems.h"

#define YAML_TEXT_MAX  (1024u * 1024u) /* bytes */
#define YAML_DEPTH_MAX 16u             /* lists and maps within each other */
#define YAML_NODES_MAX 100000u         /* keys count, too */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* What a scalar is by YAML 1.2's core schema; a quoted one is always a string. */
enum yaml_type { YAML_STRING, YAML_NULL, YAML_BOOL, YAML_INTEGER, YAML_FLOAT };

struct yaml_node {
    enum yaml_kind kind;
    struct mm_place place;
    char *text; /* scalar: NUL-terminated UTF-8 without a NUL in it; else NULL */
    enum yaml_type type;
    struct yaml_node *key;      /* of an entry of a map: its key, a scalar; else NULL */
    struct yaml_node *children; /* list, map: the first entry */
    struct yaml_node *next;     /* the next entry of the same list or map */
};

/*
 * Reads text (size bytes, which may hold anything). Problems are added to `problems`.
 * Return: 0: *ret_root is the caller's to free, NULL for a text without content; REALM_E_BAD_ARGUMENT: there
 * were problems; -ENOMEM.
 */
int yaml_parse(const char *text, size_t size, struct scenario_problems *problems,
               struct yaml_node **ret_root);
void yaml_free(struct yaml_node *root); /* NULL is a no-op */

/* The type of a plain scalar. */
enum yaml_type yaml_plain_type(const char *text);

#endif
