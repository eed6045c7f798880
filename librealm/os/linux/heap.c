/*
 * The allocator: jemalloc where the program is linked with it, whatever there is elsewhere.
 *
 * A system has hundreds of realms, most of them idle: one arena, no thread of the allocator's own, small
 * thread caches, and pages given back soon after they were freed.
 */
#include "librealm/os/linux/linux.h"

/* jemalloc reads this at its start. */
extern const char *malloc_conf;
const char *malloc_conf =
    "narenas:1,background_thread:false,dirty_decay_ms:500,muzzy_decay_ms:0,lg_tcache_max:12";

/* Weak: absent where the allocator is another. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
    __attribute__((weak));

static uint64_t figure(const char *name)
{
    size_t value = 0, size = sizeof value;
    return mallctl(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

void realm_os_heap(struct realm_os *os, struct realm_os_heap *ret_heap)
{
    (void)os;
    *ret_heap = (struct realm_os_heap){0};
    if (mallctl == NULL)
        return;
    /* The figures are a snapshot, taken anew when the epoch is set. */
    uint64_t epoch = 1;
    if (mallctl("epoch", NULL, NULL, &epoch, sizeof epoch) != 0)
        return;
    ret_heap->allocated = figure("stats.allocated");
    ret_heap->active = figure("stats.active");
    ret_heap->resident = figure("stats.resident");
    ret_heap->mapped = figure("stats.mapped");
}
