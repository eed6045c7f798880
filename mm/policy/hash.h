/*
 * Hash indices: from a hash to the indices of records that have it.
 *
 * Open addressing, linear probing, at most half full. Removing closes the gap by moving later entries back
 * (no tombstones), so an index does not decay, however long grants come and go. Names and grants are chosen
 * by peers; what makes their collisions unlikely is the key of the hash, which the caller computes
 * (librealm/core/siphash.h).
 *
 * An index knows nothing of keys: the caller compares the records that it is offered.
 */
#ifndef MM_POLICY_HASH_H
#define MM_POLICY_HASH_H

#include <stdint.h>

#include "mm/policy/memory.h"

struct policy_hash_entry {
    uint32_t hash;
    uint32_t value; /* 0: empty */
};

struct policy_hash {
    struct policy_hash_entry *entries;
    uint32_t capacity; /* 0 or a power of two */
    uint32_t used;
};

void policy_hash_deinit(struct policy_hash *index, const struct policy_memory *memory);

/* Makes room for so many more values. Return: 0; -ENOMEM, and nothing that can be seen has changed. */
int policy_hash_reserve(struct policy_hash *index, const struct policy_memory *memory, uint32_t count);

/* value is not 0; there must be room. The same value may not be there already. */
void policy_hash_add(struct policy_hash *index, uint32_t hash, uint32_t value);

/* Removes a value that was added with this hash. */
void policy_hash_remove(struct policy_hash *index, uint32_t hash, uint32_t value);

/* Puts another value in the place of one that was added with this hash. */
void policy_hash_replace(struct policy_hash *index, uint32_t hash, uint32_t old, uint32_t value);

/* Begins to fetch what a search for this hash will look at. */
static inline void policy_hash_prefetch(const struct policy_hash *index, uint32_t hash)
{
    if (index->capacity > 0)
        __builtin_prefetch(&index->entries[hash & (index->capacity - 1)]);
}

/* The next value that was added with this hash, or 0. *cursor starts at 0. */
uint32_t policy_hash_next(const struct policy_hash *index, uint32_t hash, uint32_t *cursor);

#endif
