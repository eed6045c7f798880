/*
 * Memory objects of the twin's Memory Manager, as mm/broker/memory.c keeps them: which parts may be mapped by
 * whom, and what is renewed when that is to end. Copies are made at once, and so are parts at their first
 * mapping.
 *
 * The rule, as there: a bit of `mapped` or `loose` goes only with the part that it is about, or up.
 */
#include "librealm/os/sim/authority.h"

#include <stdlib.h>

#include <realm/error.h>

static unsigned window_parts(const struct sim_shared *shared, struct policy_window window)
{
    const unsigned first = (unsigned)(window.offset / shared->part_bytes);
    const unsigned count = (unsigned)(window.size / shared->part_bytes);
    return ((1u << count) - 1u) << first;
}

bool sim_shared_fits(const struct sim_shared *shared, struct policy_window window)
{
    return window.offset % shared->part_bytes == 0 && window.size % shared->part_bytes == 0;
}

struct sim_shared *sim_shared_new(const struct realm_control_allocate *request)
{
    struct sim_shared *shared = sim_alloc(sizeof *shared);
    shared->parts_count = request->parts;
    shared->part_bytes = (size_t)(request->bytes / request->parts);
    return shared;
}

void sim_shared_join(struct sim_shared *shared, struct sim_holding *holding, struct policy_window window)
{
    holding->shared = shared;
    holding->window = window_parts(shared, window);
    holding->next_of_shared = shared->holdings;
    shared->holdings = holding;
}

void sim_shared_part_from(struct sim_holding *holding)
{
    struct sim_shared *shared = holding->shared;
    if (!shared)
        return;
    struct sim_holding **at = &shared->holdings;
    while (*at != holding)
        at = &(*at)->next_of_shared;
    *at = holding->next_of_shared;
    holding->shared = NULL;
    if (shared->holdings)
        return;
    for (unsigned i = 0; i < shared->parts_count; i++)
        if (shared->parts[i])
            sim_part_unref(shared->parts[i]);
    free(shared);
}

/* --- taking away --- */

static void renew(const struct sim_world *world, struct sim_shared *shared, unsigned parts)
{
    for (struct sim_holding *holding = shared->holdings; holding; holding = holding->next_of_shared) {
        holding->mapped &= ~parts;
        holding->loose &= ~parts;
    }
    for (unsigned i = 0; i < shared->parts_count; i++) {
        struct sim_part *old = shared->parts[i];
        if ((parts >> i & 1u) == 0 || !old || old->gone)
            continue;
        shared->parts[i] = sim_part_copy(old, shared->sealed);
        sim_part_take_away(world, old);
        sim_part_unref(old);
    }
}

static void end(const struct sim_world *world, struct sim_shared *shared)
{
    shared->ended = true;
    for (unsigned i = 0; i < shared->parts_count; i++)
        if (shared->parts[i])
            sim_part_take_away(world, shared->parts[i]);
}

static bool is_root(const struct sim_holding *holding)
{
    const struct policy_capability root = holding->shared->root;
    return holding->capability.index == root.index && holding->capability.generation == root.generation;
}

void sim_shared_take_away(const struct sim_world *world, struct sim_holding *holding)
{
    if (holding->shared)
        renew(world, holding->shared, holding->mapped | holding->loose);
}

void sim_shared_cleared(const struct sim_world *world, struct sim_holding *holding)
{
    if (holding->shared && is_root(holding))
        end(world, holding->shared);
    else
        sim_shared_take_away(world, holding);
}

void sim_shared_revoked(const struct sim_world *world, struct sim_holding *holding)
{
    if (holding->shared)
        renew(world, holding->shared, holding->loose);
}

struct sim_holding *sim_shared_heir(const struct sim_manager *manager, const struct sim_holding *holding,
                                    bool of_another)
{
    const struct sim_holding *at = holding;
    for (;;) {
        struct policy_capability_info info, parent;
        if (!at->shared || !policy_capability_get(manager->policy, at->capability, &info) ||
            !policy_capability_get(manager->policy, info.parent, &parent))
            return NULL;
        struct sim_holding *heir = sim_holding_of(manager, parent.user);
        if (!heir || !of_another || heir->realm != holding->realm || is_root(heir))
            return heir;
        at = heir;
    }
}

void sim_shared_leave(const struct sim_world *world, struct sim_holding *holding, struct sim_holding *heir)
{
    if (!holding->shared)
        return;
    if (is_root(holding))
        end(world, holding->shared);
    else if (heir)
        heir->loose |= holding->mapped | holding->loose;
    else
        sim_shared_take_away(world, holding); /* it was revoked already */
    holding->mapped = holding->loose = 0;
}

/* --- ALLOCATE, SEAL and MAP --- */

void sim_shared_allocate(struct sim_manager *manager, struct realm_os *realm,
                         const struct realm_control_allocate *request)
{
    const struct policy_event event = {
        .kind = POLICY_ALLOCATE, .actor = realm->record.policy, .amount = request->bytes};
    struct policy_outcome outcome;
    int status = sim_decide(manager, &event, &outcome);
    if (status) {
        sim_answer(manager, realm, request->header.xid, status, 0);
        return;
    }
    struct sim_holding *holding = sim_holding_new(manager, realm, outcome.capability);
    struct sim_shared *shared = sim_shared_new(request);
    shared->root = outcome.capability;
    sim_shared_join(shared, holding, (struct policy_window){0, request->bytes});
    sim_holding_tell(manager, realm, holding->cookie, outcome.capability, request->header.xid);
}

/* The copies of a SEAL are those of a renewal, sealed; parts that were never made are sealed when they are.
 */
void sim_shared_seal(struct sim_manager *manager, struct realm_os *realm,
                     const struct realm_control_cookie *request)
{
    struct sim_holding *holding = sim_holding_of(manager, request->cookie);
    int status = REALM_E_BAD_ARGUMENT;
    if (holding && holding->realm == realm && holding->shared) {
        const struct policy_event event = {
            .kind = POLICY_SEAL, .actor = realm->record.policy, .capability = holding->capability};
        status = holding->shared->ended ? REALM_E_STALE : sim_decide(manager, &event, NULL);
        if (!status) {
            holding->shared->sealed = true;
            renew(manager->world, holding->shared, holding->window);
        }
    }
    sim_answer(manager, realm, request->header.xid, status, 0);
}

static int check_map(const struct sim_manager *manager, const struct sim_holding *holding, uint32_t rights)
{
    struct policy_capability_info info;
    if (!holding->shared)
        return REALM_E_BAD_ARGUMENT;
    if (holding->shared->ended || !policy_capability_get(manager->policy, holding->capability, &info))
        return REALM_E_STALE;
    return (info.rights & rights) == rights ? 0 : REALM_E_DENIED;
}

void sim_shared_map(struct sim_manager *manager, struct realm_os *realm,
                    const struct realm_control_map *request)
{
    struct sim_holding *holding = sim_holding_of(manager, request->cookie);
    int status = !holding || holding->realm != realm ? REALM_E_BAD_ARGUMENT
                                                     : check_map(manager, holding, request->rights);
    if (status) {
        sim_answer(manager, realm, request->header.xid, status, 0);
        return;
    }
    struct sim_shared *shared = holding->shared;
    struct sim_object objects[REALM_CONTROL_PARTS_MAX];
    struct realm_control_mapped packet = {.rights = request->rights};
    for (unsigned i = 0; i < shared->parts_count; i++) {
        if ((holding->window >> i & 1u) == 0)
            continue;
        if (!shared->parts[i])
            shared->parts[i] = sim_part_new(shared->part_bytes, shared->sealed);
        sim_part_ref(shared->parts[i]);
        objects[packet.count++] = (struct sim_object){.part = shared->parts[i]};
    }
    packet.bytes = packet.count * shared->part_bytes;
    holding->mapped |= holding->window;
    realm_control_header_init(&packet.header, REALM_CONTROL_MAPPED, request->header.xid);
    sim_deliver(manager, realm, &packet, objects, packet.count);
}
