/*
 * The pool: regions of this realm's own that are mapped, sealed by the Memory Manager, and wait for a
 * channel. They are known by number. A channel takes one for good; it never comes back.
 *
 * There are only a few at a time, so they are searched one by one. Of a channel that ended before this realm
 * had heard of it nobody tells which region it had taken: so the oldest go when there are far more than the
 * Memory Manager ever keeps ready.
 */
#include "librealm/client/internal.h"

#include <stdlib.h>
#include <string.h>

#include "librealm/core/stop_point.h"

/* Takes one out and keeps the others in the order of their coming. */
static struct realm_pool_region take_at(struct realm_pool *pool, uint32_t at)
{
    struct realm_pool_region region = pool->regions[at];
    pool->count--;
    memmove(&pool->regions[at], &pool->regions[at + 1u], (pool->count - at) * sizeof pool->regions[0]);
    return region;
}

static bool make_room(struct realm *realm)
{
    struct realm_pool *pool = &realm->pool;
    if (pool->count < pool->capacity)
        return true;
    if (pool->capacity >= REALM_POOL_MAX) {
        struct realm_pool_region oldest = take_at(pool, 0);
        realm_os_region_unmap(realm->os, &oldest.memory);
        return true;
    }
    uint32_t capacity = pool->capacity ? 2u * pool->capacity : 8u;
    struct realm_pool_region *regions = realloc(pool->regions, capacity * sizeof *regions);
    if (!regions)
        return false;
    pool->regions = regions;
    pool->capacity = capacity;
    return true;
}

void realm_pool_add(struct realm *realm, const struct realm_control_pool *event, const int *handles,
                    unsigned count)
{
    struct realm_pool *pool = &realm->pool;
    for (unsigned i = 0; i < count; i++) {
        struct realm_pool_region region = {.number = event->first + i, .bytes = event->region_bytes};
        if (make_room(realm) &&
            realm_os_region_map(realm->os, handles[i], region.bytes, true, &region.memory) == 0)
            pool->regions[pool->count++] = region;
        realm_os_close_handle(realm->os, handles[i]);
    }
    REALM_STOP_POINT("pool-mapped");
}

bool realm_pool_take(struct realm *realm, uint32_t number, struct realm_pool_region *ret_region)
{
    struct realm_pool *pool = &realm->pool;
    for (uint32_t i = 0; i < pool->count; i++) {
        if (pool->regions[i].number == number) {
            *ret_region = take_at(pool, i);
            return true;
        }
    }
    return false;
}

void realm_pool_close(struct realm *realm)
{
    struct realm_pool *pool = &realm->pool;
    for (uint32_t i = 0; i < pool->count; i++)
        realm_os_region_unmap(realm->os, &pool->regions[i].memory);
    free(pool->regions);
    *pool = (struct realm_pool){0};
}
