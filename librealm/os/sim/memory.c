/*
 * Memory and handles. A memfd is a counted piece of heap; both ends of a channel map the very same bytes, so
 * an address is a word's identity in all realms. A realm's mappings are counted to be given back.
 */
#include "librealm/os/sim/world.h"

#include <errno.h>
#include <stdlib.h>

struct sim_memory *sim_memory_new(struct sim_world *world, size_t size)
{
    struct sim_memory *memory = sim_alloc(sizeof *memory);
    /* On whole lines, as a page would be. */
    memory->bytes = aligned_alloc(64, (size + 63u) / 64u * 64u);
    if (!memory->bytes)
        abort();
    for (size_t i = 0; i < size; i++)
        memory->bytes[i] = 0;
    memory->size = size;
    memory->refs = 1;
    memory->number = ++world->next_memory;
    memory->next = world->memory;
    world->memory = memory;
    return memory;
}

void sim_memory_ref(struct sim_memory *memory)
{
    memory->refs++;
}

void sim_memory_unref(struct sim_world *world, struct sim_memory *memory)
{
    if (--memory->refs != 0)
        return;
    struct sim_memory **at = &world->memory;
    while (*at != memory)
        at = &(*at)->next;
    *at = memory->next;
    free(memory->bytes);
    free(memory);
}

/* What was found comes first: a few words (the pages' epochs) are looked for all the time. */
struct sim_memory *sim_memory_of(struct sim_world *world, const void *address)
{
    uintptr_t wanted = (uintptr_t)address;
    for (struct sim_memory **at = &world->memory; *at; at = &(*at)->next) {
        struct sim_memory *memory = *at;
        uintptr_t start = (uintptr_t)memory->bytes;
        if (wanted < start || wanted >= start + memory->size)
            continue;
        *at = memory->next;
        memory->next = world->memory;
        world->memory = memory;
        return memory;
    }
    return NULL;
}

void sim_memory_take_away(struct sim_memory *memory)
{
    memory->gone = 1;
    for (size_t i = 0; i < memory->size; i++)
        memory->bytes[i] = 0;
}

void sim_object_release(struct sim_world *world, const struct sim_object *object)
{
    if (object->memory)
        sim_memory_unref(world, object->memory);
    if (object->part)
        sim_part_unref(object->part);
}

static bool is_free(const struct sim_object *object)
{
    return !object->memory && !object->part && !object->hints;
}

int sim_handle_add(struct realm_os *os, struct sim_object object)
{
    unsigned handle = 0;
    while (handle < os->handles_count && !is_free(&os->handles[handle]))
        handle++;
    if (handle == os->handles_count)
        os->handles = sim_grow(os->handles, ++os->handles_count * sizeof *os->handles);
    os->handles[handle] = object;
    os->counters.handles++;
    return (int)handle;
}

struct sim_object *sim_handle(struct realm_os *os, int handle)
{
    if (handle < 0 || (unsigned)handle >= os->handles_count || is_free(&os->handles[handle]))
        abort(); /* a handle that is not open is the client's mistake */
    return &os->handles[handle];
}

void realm_os_close_handle(struct realm_os *os, int handle)
{
    struct sim_object *object = sim_handle(os, handle);
    sim_object_release(os->world, object);
    *object = (struct sim_object){0};
    os->counters.handles--;
}

bool realm_os_is_sealed(struct realm_os *os, int handle)
{
    const struct sim_part *part = sim_handle(os, handle)->part;
    return part && part->sealed;
}

int realm_os_map(struct realm_os *os, int handle, size_t bytes, bool writable, void **ret_memory)
{
    (void)writable; /* one piece of heap: who writes where is for the real system to hold */
    struct sim_memory *memory = sim_handle(os, handle)->memory;
    if (!memory || bytes > memory->size)
        return -EINVAL;
    sim_memory_ref(memory);
    os->maps = sim_grow(os->maps, (os->maps_count + 1u) * sizeof(struct sim_memory *));
    os->maps[os->maps_count++] = memory;
    os->counters.memory++;
    *ret_memory = memory->bytes;
    return 0;
}

void realm_os_unmap(struct realm_os *os, void *address, size_t bytes)
{
    (void)bytes;
    for (unsigned i = 0; i < os->maps_count; i++) {
        if (os->maps[i]->bytes != address)
            continue;
        sim_memory_unref(os->world, os->maps[i]);
        os->maps[i] = os->maps[--os->maps_count];
        os->counters.memory--;
        return;
    }
    abort(); /* not mapped: the client's mistake */
}

int realm_os_region_map(struct realm_os *os, int handle, size_t bytes, bool writable,
                        struct realm_os_region *ret_region)
{
    int error = realm_os_map(os, handle, bytes, writable, &ret_region->memory);
    if (error == 0)
        ret_region->gone = &sim_handle(os, handle)->memory->gone;
    return error;
}

void realm_os_region_unmap(struct realm_os *os, const struct realm_os_region *region)
{
    realm_os_unmap(os, region->memory, 0);
}

void sim_memory_release(struct realm_os *os)
{
    for (unsigned i = 0; i < os->maps_count; i++)
        sim_memory_unref(os->world, os->maps[i]);
    for (unsigned i = 0; i < os->handles_count; i++)
        sim_object_release(os->world, &os->handles[i]);
    sim_windows_release(os);
    free(os->maps);
    free(os->handles);
    os->maps = NULL;
    os->handles = NULL;
    os->maps_count = os->handles_count = 0;
}

/* --- packets --- */

void sim_queue_push(struct sim_queue *queue, struct sim_packet *packet)
{
    packet->next = NULL;
    if (queue->last)
        queue->last->next = packet;
    else
        queue->first = packet;
    queue->last = packet;
}

struct sim_packet *sim_queue_pop(struct sim_queue *queue)
{
    struct sim_packet *packet = queue->first;
    if (!packet)
        return NULL;
    queue->first = packet->next;
    if (!queue->first)
        queue->last = NULL;
    return packet;
}
