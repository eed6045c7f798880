/* A sorted array and binary search. */
#include "sim/boot/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "librealm/core/nearest.h"

void names_deinit(struct names *names)
{
    free(names->entries);
    *names = (struct names){0};
}

int names_add(struct names *names, const char *text, uint32_t index, struct mm_place place)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity ? 2 * names->capacity : 16;
        struct names_entry *entries = reallocarray(names->entries, capacity, sizeof *entries);
        if (!entries)
            return -ENOMEM;
        names->entries = entries;
        names->capacity = capacity;
    }
    names->entries[names->count++] = (struct names_entry){.text = text, .index = index, .place = place};
    return 0;
}

static int by_text_then_place(const void *a, const void *b)
{
    const struct names_entry *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    if (order)
        return order;
    if (x->place.line != y->place.line)
        return x->place.line < y->place.line ? -1 : 1;
    return (x->place.column > y->place.column) - (x->place.column < y->place.column);
}

void names_sort(struct names *names)
{
    if (names->count > 0)
        qsort(names->entries, names->count, sizeof names->entries[0], by_text_then_place);
}

const struct names_entry *names_find(const struct names *names, const char *text)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names->entries[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < names->count && strcmp(names->entries[low].text, text) == 0)
        return &names->entries[low];
    return NULL;
}

const char *names_nearest(const struct names *names, const char *text, const char *const *extra)
{
    size_t extras = 0;
    while (extra && extra[extras])
        extras++;
    const char **candidates = calloc(names->count + extras + 1, sizeof *candidates);
    if (!candidates)
        return NULL;
    for (size_t i = 0; i < names->count; i++)
        candidates[i] = names->entries[i].text;
    for (size_t i = 0; i < extras; i++)
        candidates[names->count + i] = extra[i];
    const char *nearest = realm_nearest(text, candidates, names->count + extras);
    free(candidates);
    return nearest;
}
