/*
 * Sealing memory. A seal against writing cannot be put on what somebody has mapped to be written, and who
 * shares memory is not to be trusted to have no such mapping. So each part is copied by the launcher, the
 * copy sealed, and the old part truncated: whoever kept a mapping of it writes into nothing.
 *
 * The rule: decided twice, applied once. What is asked is decided at once, so that a refusal costs no copy;
 * and decided anew when the copies are there, for meanwhile somebody may have taken what the asker had
 * offered before. Only then anything changes, all of it in one step, and nothing of that can fail. Until then
 * the memory is as it was: whatever goes wrong, the copies are closed. The asker's socket is not read.
 *
 * A part that was never made needs no copy: it is sealed when it is made (memory.c), and holds zeros.
 */
#include "mm/broker/sealing.h"

#include <unistd.h>

#include <jansson.h>
#include <realm/error.h>

#include "mm/config/stop_point.h"
#include "mm/broker/control.h"
#include "mm/broker/delivery.h"
#include "mm/broker/explain.h"
#include "mm/broker/holdings.h"
#include "mm/broker/mapping.h"
#include "mm/broker/memory.h"
#include "mm/broker/penalty.h"
#include "mm/broker/state.h"

static void answer(struct broker_realm *realm, int status)
{
    delivery_reply(realm, realm->sealing.xid, status, 0, realm->sealing.decision);
    realm->sealing.under_way = false;
    control_release(realm, CONTROL_SEALING);
}

static struct policy_event event_of(const struct broker_realm *realm, const struct broker_holding *holding)
{
    return (struct policy_event){
        .kind = POLICY_SEAL, .actor = realm->policy, .capability = holding->capability};
}

/* Return: 0; the status of the refusal, which was told. */
static int decide(struct broker_realm *realm, const struct broker_holding *holding,
                  struct policy_decision *ret_decision)
{
    const struct policy_event event = event_of(realm, holding);
    policy_decide(realm->broker->policy, &event, ret_decision);
    realm->broker->decisions++;
    if (ret_decision->status)
        explain_refused(realm, &(struct explain_refusal){"seal", "(memory)", &event}, ret_decision);
    return ret_decision->status;
}

/* It was decided, with room reserved, on this very state. */
static void apply(struct broker_realm *realm, struct broker_holding *holding,
                  const struct policy_decision *decision, unsigned parts, const int *fds)
{
    struct broker *broker = realm->broker;
    struct broker_memory *memory = holding->memory;
    const struct policy_event event = event_of(realm, holding);
    const uint64_t bytes = (uint64_t)memory->parts_count * memory->part_bytes;
    MM_STOP_POINT("broker-sealing");
    policy_apply(broker->policy, &event, decision, NULL);
    memory_seal(memory, parts, fds);
    events_emit(broker->events, "sealed", "{s:s, s:I}", "realm", realm->name, "bytes", (json_int_t)bytes);
    answer(realm, 0);
}

/* The next thing that it needs, if nothing is under way that it waits for. */
static void go_on(struct broker_realm *realm)
{
    struct broker_holding *holding = memory_held(realm, realm->sealing.cookie);
    struct policy_decision decision;
    int status = holding ? decide(realm, holding, &decision) : REALM_E_STALE;
    if (status) {
        answer(realm, status);
        return;
    }
    struct broker_memory *memory = holding->memory;
    const struct policy_event event = event_of(realm, holding);
    if (memory_changing(memory, holding->window))
        return;
    unsigned there = holding->window & ~memory_missing(memory, holding->window);
    int error = policy_reserve(realm->broker->policy, &event);
    if (!error && there)
        error = memory_ask(memory, REALM_LAUNCH_SEAL, there, realm->id);
    if (error) {
        answer(realm, REALM_E_LIMIT);
    } else if (there) {
        realm->sealing.asked = true;
        realm->sealing.renewals = memory->renewals;
    } else {
        apply(realm, holding, &decision, 0, NULL);
    }
}

void sealing_request(struct broker_realm *realm, const struct realm_control_cookie *request)
{
    const uint64_t xid = request->header.xid;
    struct broker_token *token = penalty_find(realm, request->cookie, xid);
    if (!token)
        return;
    const uint64_t number = ++realm->decisions;
    if (token->kind != BROKER_TOKEN_HOLDING || !holdings_of_token(token)->memory) {
        delivery_reply(realm, xid, REALM_E_BAD_ARGUMENT, 0, number);
        return;
    }
    realm->sealing =
        (struct broker_sealing){.under_way = true, .xid = xid, .decision = number, .cookie = request->cookie};
    control_hold(realm, CONTROL_SEALING);
    go_on(realm);
}

void sealing_drop(struct broker_realm *realm)
{
    realm->sealing = (struct broker_sealing){0};
}

/* --- the launcher's answers --- */

void sealing_go_on(struct broker_memory *memory)
{
    for (struct broker_realm *realm = memory->broker->realms; realm; realm = realm->next) {
        if (!realm->sealing.under_way || realm->sealing.asked)
            continue;
        const struct broker_holding *holding = memory_held(realm, realm->sealing.cookie);
        if (!holding || holding->memory == memory)
            go_on(realm);
    }
}

static struct broker_realm *who_seals(const struct broker *broker, uint64_t id)
{
    struct broker_realm *realm = broker->realms;
    while (realm && (realm->id != id || !realm->sealing.asked))
        realm = realm->next;
    return realm;
}

/* Return: whether the copies were taken over. */
static bool finish(struct broker_realm *realm, const struct launch_memory *asked, const int *fds,
                   unsigned count)
{
    struct broker_holding *holding = memory_held(realm, realm->sealing.cookie);
    struct policy_decision decision;
    realm->sealing.asked = false;
    if (!holding || realm->sealing.renewals != asked->memory->renewals) {
        go_on(realm); /* what was copied is no longer what it is about */
        return false;
    }
    int status = fds ? decide(realm, holding, &decision) : REALM_E_LIMIT;
    const struct policy_event event = event_of(realm, holding);
    if (!status &&
        (policy_reserve(realm->broker->policy, &event) || !memory_check_sealed(asked->memory, fds, count)))
        status = REALM_E_LIMIT;
    if (status) {
        answer(realm, status);
        return false;
    }
    apply(realm, holding, &decision, asked->parts, fds);
    return true;
}

void sealing_opened(const struct launch_memory *asked, const int *fds)
{
    struct broker_realm *realm = who_seals(asked->memory->broker, asked->realm);
    unsigned count = (unsigned)__builtin_popcount(asked->parts);
    bool taken = realm && finish(realm, asked, fds, count);
    for (unsigned i = 0; fds && !taken && i < count; i++)
        close(fds[i]);
    mapping_go_on(asked->memory, false);
    sealing_go_on(asked->memory);
}
