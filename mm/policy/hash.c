/*
 * Hash indices with linear probing. An entry's home is the place its hash names; it stands there or, without
 * a gap in between, after it. This is what ends every search, and what removing must restore.
 */
#include "mm/policy/hash.h"

#include <stdbool.h>
#include <string.h>

#define FIRST_CAPACITY 16u

static uint32_t home_of(const struct policy_hash *index, uint32_t hash)
{
    return hash & (index->capacity - 1);
}

static uint32_t after(const struct policy_hash *index, uint32_t place)
{
    return (place + 1) & (index->capacity - 1);
}

static bool has_room(const struct policy_hash *index, uint32_t count)
{
    return count <= index->capacity / 2 && index->used <= index->capacity / 2 - count;
}

static void put(struct policy_hash *index, struct policy_hash_entry entry)
{
    uint32_t place = home_of(index, entry.hash);
    while (index->entries[place].value != 0)
        place = after(index, place);
    index->entries[place] = entry;
}

void policy_hash_deinit(struct policy_hash *index, const struct policy_memory *memory)
{
    policy_memory_free(memory, index->entries, index->capacity * sizeof *index->entries);
    *index = (struct policy_hash){0};
}

static int grow(struct policy_hash *index, const struct policy_memory *memory)
{
    struct policy_hash grown = {.capacity = index->capacity > 0 ? index->capacity * 2 : FIRST_CAPACITY,
                                .used = index->used};
    if (grown.capacity > POLICY_CAPACITY_MAX)
        return POLICY_NO_MEMORY;
    size_t size = grown.capacity * sizeof *grown.entries;
    grown.entries = policy_memory_resize(memory, NULL, 0, size);
    if (!grown.entries)
        return POLICY_NO_MEMORY;
    memset(grown.entries, 0, size);
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (index->entries[i].value != 0)
            put(&grown, index->entries[i]);
    }
    policy_hash_deinit(index, memory);
    *index = grown;
    return 0;
}

int policy_hash_reserve(struct policy_hash *index, const struct policy_memory *memory, uint32_t count)
{
    int error = 0;
    while (!error && !has_room(index, count))
        error = grow(index, memory);
    return error;
}

void policy_hash_add(struct policy_hash *index, uint32_t hash, uint32_t value)
{
    realm_assert(has_room(index, 1) && value != 0);
    put(index, (struct policy_hash_entry){.hash = hash, .value = value});
    index->used++;
}

/*
 * Moves back each entry behind the gap that would otherwise no longer be reached from its home: one whose
 * home does not lie between the gap (exclusive) and the entry itself.
 */
static void close_gap(struct policy_hash *index, uint32_t gap)
{
    uint32_t mask = index->capacity - 1;
    for (uint32_t place = after(index, gap); index->entries[place].value != 0; place = after(index, place)) {
        uint32_t from_home = (place - home_of(index, index->entries[place].hash)) & mask;
        uint32_t from_gap = (place - gap) & mask;
        if (from_home >= from_gap) {
            index->entries[gap] = index->entries[place];
            gap = place;
        }
    }
    index->entries[gap] = (struct policy_hash_entry){0};
}

static uint32_t place_of(const struct policy_hash *index, uint32_t hash, uint32_t value)
{
    realm_assert(index->capacity > 0);
    uint32_t place = home_of(index, hash);
    while (index->entries[place].value != value) {
        realm_assert(index->entries[place].value != 0);
        place = after(index, place);
    }
    return place;
}

void policy_hash_remove(struct policy_hash *index, uint32_t hash, uint32_t value)
{
    close_gap(index, place_of(index, hash, value));
    index->used--;
}

void policy_hash_replace(struct policy_hash *index, uint32_t hash, uint32_t old, uint32_t value)
{
    realm_assert(value != 0);
    index->entries[place_of(index, hash, old)].value = value;
}

uint32_t policy_hash_next(const struct policy_hash *index, uint32_t hash, uint32_t *cursor)
{
    while (*cursor < index->capacity) {
        struct policy_hash_entry entry = index->entries[(hash + *cursor) & (index->capacity - 1)];
        if (entry.value == 0)
            return 0;
        (*cursor)++;
        if (entry.hash == hash)
            return entry.value;
    }
    return 0;
}
