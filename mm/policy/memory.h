/*
 * The engine's memory: everything it owns comes from the struct policy_memory it was made with.
 *
 * Rule: what fails for want of memory has changed nothing that can be seen, only, perhaps, made room.
 */
#ifndef MM_POLICY_MEMORY_H
#define MM_POLICY_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "librealm/core/assert.h"
#include "mm/policy/policy.h"

/* -ENOMEM. <errno.h> is not among the headers of a freestanding C; a test holds the two numbers together. */
#define POLICY_NO_MEMORY (-12)

/* Indices stay below this, so that doubling one, or adding one to it, never overflows. */
#define POLICY_CAPACITY_MAX (UINT32_C(1) << 30)

static inline void *policy_memory_resize(const struct policy_memory *memory, void *old, size_t old_size,
                                         size_t new_size)
{
    realm_assert(new_size > 0);
    return memory->resize(memory->context, old, old_size, new_size);
}

/* NULL is a no-op. */
static inline void policy_memory_free(const struct policy_memory *memory, void *old, size_t old_size)
{
    if (old)
        memory->resize(memory->context, old, old_size, 0);
}

/*
 * Doubles an array of *capacity elements, or gives it `first` if it has none. The new elements are not
 * initialized. Return: 0; -ENOMEM, and the array is as it was.
 */
static inline int policy_memory_grow(const struct policy_memory *memory, void **array, size_t element_size,
                                     uint32_t *capacity, uint32_t first)
{
    uint32_t grown = *capacity > 0 ? *capacity * 2 : first;
    if (grown > POLICY_CAPACITY_MAX)
        return POLICY_NO_MEMORY;
    void *moved = policy_memory_resize(memory, *array, *capacity * element_size, grown * element_size);
    if (!moved)
        return POLICY_NO_MEMORY;
    *array = moved;
    *capacity = grown;
    return 0;
}

#endif
