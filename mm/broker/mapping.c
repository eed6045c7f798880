/*
 * A mapping waits until its parts are there, if they were never made or are being renewed, and then for
 * descriptors of its own. After each wait everything is looked at anew: the capability may be gone, or what
 * was opened may have been truncated meanwhile. What the realm gets at last is counted as mapped before it is
 * sent.
 */
#include "mm/broker/mapping.h"

#include <unistd.h>

#include <realm/error.h>

#include "mm/broker/control.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/holdings.h"
#include "mm/broker/memory.h"
#include "mm/broker/penalty.h"
#include "mm/broker/state.h"

static unsigned count_of(unsigned parts)
{
    return (unsigned)__builtin_popcount(parts);
}

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static void answer(struct broker_realm *realm, int status)
{
    delivery_reply(realm, realm->mapping.xid, status, 0, realm->mapping.decision);
    realm->mapping.under_way = false;
    control_release(realm, CONTROL_MAPPING);
}

/* What the mapping is of. NULL: it is held no more. */
static struct broker_holding *mapping_holding(const struct broker_realm *realm)
{
    return memory_held(realm, realm->mapping.cookie);
}

/* The next thing that the mapping needs, if nothing is under way that it waits for. */
static void go_on(struct broker_realm *realm)
{
    struct broker_holding *holding = mapping_holding(realm);
    if (!holding) {
        answer(realm, REALM_E_STALE);
        return;
    }
    struct broker_memory *memory = holding->memory;
    unsigned missing = memory_missing(memory, holding->window);
    bool writes = realm->mapping.rights & REALM_RIGHT_WRITE;
    int error = 0;
    if (memory_changing(memory, holding->window))
        return;
    if (missing) {
        error = memory_ask(memory, REALM_LAUNCH_NEW, missing, 0);
    } else {
        error =
            memory_ask(memory, writes ? REALM_LAUNCH_WRITE : REALM_LAUNCH_READ, holding->window, realm->id);
        realm->mapping.asked = !error;
        realm->mapping.renewals = memory->renewals;
    }
    if (error)
        answer(realm, REALM_E_LIMIT);
}

void mapping_request(struct broker_realm *realm, const struct realm_control_map *request)
{
    const uint64_t xid = request->header.xid, number = ++realm->decisions;
    struct broker_token *token = penalty_find(realm, request->cookie, xid);
    struct policy_capability_info info;
    if (!token)
        return;
    const struct broker_holding *holding =
        token->kind == BROKER_TOKEN_HOLDING ? holdings_of_token(token) : NULL;
    int status = 0;
    if (!holding || !holding->memory)
        status = REALM_E_BAD_ARGUMENT;
    else if (!policy_capability_get(realm->broker->policy, holding->capability, &info))
        status = REALM_E_STALE;
    else if ((info.rights & request->rights) != request->rights)
        status = REALM_E_DENIED;
    else if (realm->mapping.unacknowledged)
        status = REALM_E_LIMIT;
    if (status == REALM_E_DENIED)
        explain_refused(realm,
                        &(struct explain_refusal){
                            "map", "(memory)",
                            &(struct policy_event){.actor = realm->policy, .capability = info.capability}},
                        &(struct policy_decision){status, .rule = POLICY_RULE_RIGHTS});
    if (status) {
        delivery_reply(realm, xid, status, 0, number);
        return;
    }
    realm->mapping = (struct broker_mapping){.under_way = true,
                                             .xid = xid,
                                             .decision = number,
                                             .cookie = request->cookie,
                                             .rights = request->rights};
    control_hold(realm, CONTROL_MAPPING);
    go_on(realm);
}

void mapping_acknowledged(struct broker_realm *realm)
{
    realm->mapping.unacknowledged = false;
}

void mapping_drop(struct broker_realm *realm)
{
    realm->mapping = (struct broker_mapping){0};
}

/* --- the launcher's answers --- */

void mapping_go_on(struct broker_memory *memory, bool failed)
{
    for (struct broker_realm *realm = memory->broker->realms; realm; realm = realm->next) {
        if (!realm->mapping.under_way || realm->mapping.asked)
            continue;
        const struct broker_holding *holding = mapping_holding(realm);
        if (holding && holding->memory != memory)
            continue;
        if (holding && failed)
            answer(realm, REALM_E_LIMIT);
        else
            go_on(realm);
    }
}

static struct broker_realm *who_maps(const struct broker *broker, uint64_t id)
{
    struct broker_realm *realm = broker->realms;
    while (realm && (realm->id != id || !realm->mapping.asked))
        realm = realm->next;
    return realm;
}

static void tell(struct broker_realm *realm, struct broker_holding *holding, const int *fds)
{
    unsigned count = count_of(holding->window);
    struct realm_control_mapped packet = {.bytes = (uint64_t)count * holding->memory->part_bytes,
                                          .count = count,
                                          .rights = realm->mapping.rights};
    realm_control_header_init(&packet.header, REALM_CONTROL_MAPPED, realm->mapping.xid);
    holding->mapped |= holding->window;
    realm->mapping.under_way = false;
    realm->mapping.unacknowledged = true;
    delivery_send_laden(realm, &packet, fds, count, count, 0);
    control_release(realm, CONTROL_MAPPING);
}

void mapping_opened(const struct launch_memory *asked, const int *fds)
{
    const struct broker_memory *memory = asked->memory;
    struct broker_realm *realm = who_maps(memory->broker, asked->realm);
    unsigned count = count_of(asked->parts);
    if (!realm) {
        close_all(fds, fds ? count : 0);
        return;
    }
    realm->mapping.asked = false;
    struct broker_holding *holding = mapping_holding(realm);
    if (holding && fds && realm->mapping.renewals == memory->renewals) {
        tell(realm, holding, fds);
        return;
    }
    close_all(fds, fds ? count : 0);
    if (holding && !fds)
        answer(realm, REALM_E_LIMIT);
    else
        go_on(realm);
}
