/* What bounds the memory of the whole system, kernel memory included. */
#ifndef TOOLS_DOCTOR_MEMORY_H
#define TOOLS_DOCTOR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* The least memory.max of version 2, or memory.limit_in_bytes of version 1, of the cgroup that this process
 * is in and of those above it, as far as they are visible. Return: whether there is a bound at all. */
bool doctor_memory_bound(uint64_t *ret_bytes);

#endif
