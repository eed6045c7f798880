/*
 * Slot tables: records that are found by index, and whose handles go stale for good.
 *
 * A handle is an index and a generation. Removing a record raises its slot's generation, so a handle to
 * what stood there before no longer fits. A slot whose generation cannot be raised any more is retired: it
 * is never used again, and so no handle ever becomes valid a second time.
 *
 * A record begins with a struct policy_slot. Index 0 is never in use. Pointers into a table hold until its
 * next reserve.
 */
#ifndef MM_POLICY_TABLES_H
#define MM_POLICY_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/policy/memory.h"

struct policy_slot {
    uint32_t generation; /* of the record here, or of the next one that will be */
    uint32_t next;       /* POLICY_SLOT_LIVE, or the next free slot, 0 at the end of the list */
};
#define POLICY_SLOT_LIVE UINT32_MAX

struct policy_table {
    unsigned char *records;
    size_t record_size;
    uint32_t capacity; /* slots that there is memory for */
    uint32_t end;      /* slots that were ever in use lie below this one */
    uint32_t free;     /* first of the free ones below end, or 0 */
    uint32_t free_count;
    uint32_t live; /* records */
};

void policy_table_init(struct policy_table *table, size_t record_size);
void policy_table_deinit(struct policy_table *table, const struct policy_memory *memory);

/* Makes room for so many more records. Return: 0; -ENOMEM, and nothing that can be seen has changed. */
int policy_table_reserve(struct policy_table *table, const struct policy_memory *memory, uint32_t count);

/* Takes a slot, for which there must be room, and clears the record behind its struct policy_slot. */
uint32_t policy_table_add(struct policy_table *table);

/* Ends a live record. */
void policy_table_remove(struct policy_table *table, uint32_t index);

static inline struct policy_slot *policy_table_slot(const struct policy_table *table, uint32_t index)
{
    return (struct policy_slot *)(void *)(table->records + (size_t)index * table->record_size);
}

/* Begins to fetch a record that will be looked at soon. */
static inline void policy_table_prefetch(const struct policy_table *table, uint32_t index)
{
    __builtin_prefetch(policy_table_slot(table, index));
}

static inline bool policy_table_is_live(const struct policy_table *table, uint32_t index)
{
    return index > 0 && index < table->end && policy_table_slot(table, index)->next == POLICY_SLOT_LIVE;
}

/* Whether a handle, which may come from anywhere, names a live record. */
static inline bool policy_table_names(const struct policy_table *table, uint32_t index, uint32_t generation)
{
    return policy_table_is_live(table, index) && policy_table_slot(table, index)->generation == generation;
}

/* The live record at an index. */
static inline void *policy_table_at(const struct policy_table *table, uint32_t index)
{
    realm_assert(policy_table_is_live(table, index));
    return policy_table_slot(table, index);
}

static inline uint32_t policy_table_generation(const struct policy_table *table, uint32_t index)
{
    realm_assert(policy_table_is_live(table, index));
    return policy_table_slot(table, index)->generation;
}

#endif
