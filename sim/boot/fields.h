/*
 * The keys of a map, by table, and values by type. Each function reports what is wrong itself, with place and
 * advice; false means that it did, or that memory ran out.
 */
#ifndef SIM_BOOT_FIELDS_H
#define SIM_BOOT_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/boot/reader.h"

struct field {
    const char *key;
    bool required;
    void (*read)(struct reader *reader, const struct yaml_node *value, void *target);
};

#define FIELDS_MAX 32u /* keys of one table */

/*
 * Reads a map by its table: each entry's value goes to its field's function with target. Unknown keys, keys
 * that are there twice and required ones that are missing are reported. what: "a realm", "a service", …
 * false: it is no map.
 */
bool fields_read(struct reader *reader, const struct yaml_node *map, const char *what,
                 const struct field *fields, size_t count, void *target);

/* The number of entries, if the node is a list. */
bool fields_list(struct reader *reader, const struct yaml_node *node, const char *what, size_t *ret_count);
/* The text, if the node is a string; borrowed. */
bool fields_string(struct reader *reader, const struct yaml_node *node, const char *what,
                   const char **ret_text);
/* The same, for a name: 1 to 255 bytes without control characters. */
bool fields_name(struct reader *reader, const struct yaml_node *node, const char *what,
                 const char **ret_text);
bool fields_bool(struct reader *reader, const struct yaml_node *node, const char *what, bool *ret_value);
bool fields_integer(struct reader *reader, const struct yaml_node *node, const char *what, uint32_t min,
                    uint32_t max, uint32_t *ret_value);
bool fields_duration(struct reader *reader, const struct yaml_node *node, const char *what, uint64_t *ret_ns);
/* One of some words (NULL-terminated): its index. */
bool fields_choice(struct reader *reader, const struct yaml_node *node, const char *what,
                   const char *const *words, size_t *ret_index);

/* A problem at a node. */
#define fields_problem(reader, node, ...)                                                                    \
    scenario_problems_add((reader)->problems, SCENARIO_ERROR, (node)->place, __VA_ARGS__)

/* Copies, with reader->error on failure. */
char *fields_copy(struct reader *reader, const char *text);
void *fields_array(struct reader *reader, size_t count, size_t size); /* zeroed; NULL for no entries, too */

#endif
