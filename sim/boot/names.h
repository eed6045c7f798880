/*
 * An index from names to numbers: which realm, which service. Filled, sorted once, then asked. Sorted rather
 * than hashed, so that nobody can choose names that make it slow.
 */
#ifndef SIM_BOOT_NAMES_H
#define SIM_BOOT_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "mm/config/config.h"

struct names_entry {
    const char *text; /* borrowed */
    uint32_t index;
    struct mm_place place;
};

struct names {
    struct names_entry *entries;
    size_t count, capacity;
};

/* Zeroed memory is an empty index. */
void names_deinit(struct names *names);

/* Return: 0; -ENOMEM. */
int names_add(struct names *names, const char *text, uint32_t index, struct mm_place place);

/* Sorts by text, equal ones by place: then a name that is there twice stands behind the one it repeats. */
void names_sort(struct names *names);

/* In a sorted index. NULL: there is none. */
const struct names_entry *names_find(const struct names *names, const char *text);

/* The name most like text, or NULL. extra: further words, NULL-terminated, or NULL. */
const char *names_nearest(const struct names *names, const char *text, const char *const *extra);

#endif
