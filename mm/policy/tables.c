/*
 * Slot tables. Free slots form a list through the slots themselves; slots at and above `end` were never used
 * and have no contents yet.
 */
#include "mm/policy/tables.h"

#include <string.h>

#define FIRST_CAPACITY 16

void policy_table_init(struct policy_table *table, size_t record_size)
{
    realm_assert(record_size >= sizeof(struct policy_slot));
    *table = (struct policy_table){.record_size = record_size, .end = 1};
}

void policy_table_deinit(struct policy_table *table, const struct policy_memory *memory)
{
    policy_memory_free(memory, table->records, table->capacity * table->record_size);
    policy_table_init(table, table->record_size);
}

static bool has_room(const struct policy_table *table, uint32_t count)
{
    uint32_t fresh = table->capacity > table->end ? table->capacity - table->end : 0;
    return count <= table->free_count + fresh;
}

int policy_table_reserve(struct policy_table *table, const struct policy_memory *memory, uint32_t count)
{
    while (!has_room(table, count)) {
        void *records = table->records;
        int error =
            policy_memory_grow(memory, &records, table->record_size, &table->capacity, FIRST_CAPACITY);
        table->records = records;
        if (error)
            return error;
    }
    return 0;
}

uint32_t policy_table_add(struct policy_table *table)
{
    realm_assert(has_room(table, 1));
    uint32_t index = table->free;
    struct policy_slot *slot;
    if (index != 0) {
        slot = policy_table_slot(table, index);
        table->free = slot->next;
        table->free_count--;
    } else {
        index = table->end++;
        slot = policy_table_slot(table, index);
        slot->generation = 1;
    }
    slot->next = POLICY_SLOT_LIVE;
    memset(slot + 1, 0, table->record_size - sizeof *slot);
    table->live++;
    return index;
}

void policy_table_remove(struct policy_table *table, uint32_t index)
{
    struct policy_slot *slot = policy_table_at(table, index);
    table->live--;
    slot->next = 0;
    if (slot->generation == UINT32_MAX)
        return; /* retired: on no list, and never live again */
    slot->generation++;
    slot->next = table->free;
    table->free = index;
    table->free_count++;
}
