/*
 * Memory as its holder maps it. The descriptors that come are mapped and closed before anything else happens,
 * so that they are acknowledged; those that nobody waits for any more are closed at once.
 *
 * The rule: `gone` is looked at after each copy. What was copied out of a mapping that ended meanwhile is
 * zeros from somewhere on, and passes for nothing.
 */
#include "librealm/client/capability.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <realm/memory.h>

struct realm_memory {
    struct realm *realm;
    struct realm_list of_realm;
    struct realm_os_region window;
    uint64_t bytes;
    bool writable;
    bool sealed; /* the kernel says so of each part */
};

int realm_memory_allocate(struct realm *realm, uint64_t bytes, unsigned parts,
                          struct realm_capability *ret_capability)
{
    struct realm_control_allocate request = {.bytes = bytes, .parts = parts};
    return realm_capability_ask(realm, &request, REALM_CONTROL_ALLOCATE, ret_capability, NULL);
}

int realm_memory_seal(struct realm *realm, uint64_t capability)
{
    struct realm_control_cookie request = {.cookie = capability};
    return realm_control_simple(realm, &request, REALM_CONTROL_SEAL, NULL);
}

/* --- mapping --- */

static bool all_sealed(struct realm *realm, const int *handles, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!realm_os_is_sealed(realm->os, handles[i]))
            return false;
    return true;
}

void realm_memory_mapped(struct realm *realm, const struct realm_control_mapped *event, const int *handles,
                         unsigned count)
{
    struct realm_ask *ask = realm->ask;
    bool awaited = ask && ask->xid == event->header.xid;
    bool writable = event->rights & REALM_RIGHT_WRITE;
    bool sealed = awaited && all_sealed(realm, handles, count);
    int status = REALM_E_PROTOCOL;
    if (awaited && ask->memory && event->count == count)
        status = realm_os_window_map(realm->os, handles, count, (size_t)(event->bytes / count), writable,
                                     &ask->memory->window);
    for (unsigned i = 0; i < count; i++)
        realm_os_close_handle(realm->os, handles[i]);
    if (!awaited)
        return;
    ask->answered = true;
    ask->status = status;
    if (status)
        return;
    ask->memory->bytes = event->bytes;
    ask->memory->writable = writable;
    ask->memory->sealed = sealed;
}

int realm_memory_map(struct realm *realm, uint64_t capability, uint32_t rights,
                     struct realm_memory **ret_memory)
{
    struct realm_control_map request = {.cookie = capability, .rights = rights};
    struct realm_memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return -ENOMEM;
    struct realm_ask ask = {.memory = memory};
    uint64_t deadline_ns = realm_deadline(realm, REALM_CONTROL_TIMEOUT_NS);
    int error = realm_control_ask(realm, &ask, &request, REALM_CONTROL_MAP, deadline_ns, false);
    if (!error)
        error = ask.status;
    if (!error && memory->bytes == 0)
        error = REALM_E_PROTOCOL; /* an answer, but none that maps anything */
    if (error) {
        free(memory);
        return error;
    }
    memory->realm = realm;
    realm_list_insert(&realm->memories, &memory->of_realm);
    *ret_memory = memory;
    return 0;
}

void realm_memory_unmap(struct realm_memory *memory)
{
    if (!memory)
        return;
    realm_list_remove(&memory->of_realm);
    realm_os_window_unmap(memory->realm->os, &memory->window, (size_t)memory->bytes);
    free(memory);
}

void realm_memory_close(struct realm *realm)
{
    while (!realm_list_empty(&realm->memories))
        realm_memory_unmap(REALM_LIST_OF(realm->memories.next, struct realm_memory, of_realm));
}

/* --- using it --- */

int realm_memory_sealed(const struct realm_memory *memory)
{
    return memory->sealed ? 0 : REALM_E_DENIED;
}

void *realm_memory_address(const struct realm_memory *memory)
{
    return memory->window.memory;
}

uint64_t realm_memory_bytes(const struct realm_memory *memory)
{
    return memory->bytes;
}

int realm_memory_state(const struct realm_memory *memory)
{
    return realm_load_acquire(memory->window.gone) ? REALM_E_REVOKED : 0;
}

static bool is_within(const struct realm_memory *memory, uint64_t offset, size_t size)
{
    return offset <= memory->bytes && size <= memory->bytes - offset;
}

int realm_memory_read(const struct realm_memory *memory, uint64_t offset, void *ret_data, size_t size)
{
    if (!is_within(memory, offset, size))
        return REALM_E_BAD_ARGUMENT;
    memcpy(ret_data, (const uint8_t *)memory->window.memory + offset, size);
    return realm_memory_state(memory);
}

int realm_memory_write(struct realm_memory *memory, uint64_t offset, const void *data, size_t size)
{
    if (!memory->writable || !is_within(memory, offset, size))
        return REALM_E_BAD_ARGUMENT;
    memcpy((uint8_t *)memory->window.memory + offset, data, size);
    return realm_memory_state(memory);
}
