/*
 * The policy engine in the twin. Its state is made as realms say hello; time has no part in it, memory is the
 * heap, and names are hashed with no key, since nobody here could attack it with names.
 *
 * The rule: the engine's word is the only book of rights. What is kept beside it (channels, endpoints,
 * holdings) has a cookie, which is the capability's number there.
 */
#include "librealm/os/sim/authority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#define ALL_RIGHTS (REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE)
#define OWN_BADGE  (UINT64_C(1) << 62) /* of a realm's channels to itself: no counted one gets there */
#define PORTION    64u                 /* cleared in one call of the engine */

static void *resize(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context, (void)old_size;
    if (new_size != 0)
        return sim_grow(memory, new_size);
    free(memory);
    return NULL;
}

void sim_authority_init(struct sim_manager *manager)
{
    static const uint8_t key[16] = {0};
    const struct policy_memory memory = {.resize = resize};
    if (policy_new(&memory, key, &manager->policy) != 0)
        abort();
}

void sim_authority_deinit(struct sim_manager *manager)
{
    policy_free(manager->policy);
}

int sim_decide(struct sim_manager *manager, const struct policy_event *event,
               struct policy_outcome *ret_outcome)
{
    struct policy_decision decision;
    if (policy_reserve(manager->policy, event) != 0)
        abort();
    policy_decide(manager->policy, event, &decision);
    if (decision.status == 0)
        policy_apply(manager->policy, event, &decision, ret_outcome);
    return decision.status;
}

/* What can only succeed. */
static void must(int status)
{
    if (status != 0)
        abort();
}

/* --- realms and their services --- */

struct service_name {
    char text[24];
};

static struct service_name name_of(const struct realm_os *realm, unsigned service)
{
    struct service_name name;
    snprintf(name.text, sizeof name.text, "%u/%u", realm->number, service);
    return name;
}

void sim_authority_started(struct sim_manager *manager, struct realm_os *realm)
{
    struct policy *policy = manager->policy;
    const struct policy_realm init = policy_init_realm(policy);
    const struct policy_declaration declaration = {.parent = init,
                                                   .name = {realm->name, strlen(realm->name)}};
    const struct policy_entry everybody = {.match = POLICY_MATCH_ALL, .rights = ALL_RIGHTS};
    must(policy_add_realm(policy, &declaration, &realm->record.policy));
    for (unsigned i = 0; i < SIM_SERVICES_MAX; i++) {
        const struct service_name name = name_of(realm, i);
        const struct policy_place nowhere = {0, 0};
        struct policy_service service;
        must(policy_add_service(policy, (struct policy_name){name.text, strlen(name.text)},
                                realm->record.policy, nowhere, &service));
        must(policy_add_access(policy, service, &everybody));
    }
    const struct policy_event event = {.kind = POLICY_START, .actor = init, .subject = realm->record.policy};
    must(sim_decide(manager, &event, NULL));
}

void sim_authority_ended(struct sim_manager *manager, struct realm_os *realm)
{
    struct sim_record *record = &realm->record;
    if (record->policy.index == 0)
        return; /* it has never said hello */
    for (struct sim_holding *holding = record->holdings; holding; holding = holding->next)
        sim_shared_leave(manager->world, holding, sim_shared_heir(manager, holding, true));
    const struct policy_event event = {.kind = POLICY_END, .actor = record->policy};
    must(sim_decide(manager, &event, NULL));
    while (record->holdings)
        sim_holding_free(record->holdings);
}

static bool is_taken(const struct sim_manager *manager, const struct realm_os *realm, unsigned service)
{
    for (const struct sim_endpoint *at = manager->endpoints; at; at = at->next)
        if (at->realm == realm && at->name.size != 0 && at->service == service)
            return true;
    return false;
}

int sim_authority_bind(struct sim_manager *manager, struct sim_endpoint *endpoint)
{
    struct policy_event event = {.kind = POLICY_CREATE, .actor = endpoint->realm->record.policy};
    struct policy_outcome outcome;
    struct service_name name;
    if (endpoint->name.size != 0) {
        while (endpoint->service < SIM_SERVICES_MAX && is_taken(manager, endpoint->realm, endpoint->service))
            endpoint->service++;
        if (endpoint->service == SIM_SERVICES_MAX)
            return REALM_E_LIMIT;
        name = name_of(endpoint->realm, endpoint->service);
        event.kind = POLICY_REGISTER;
        event.service = (struct policy_name){name.text, strlen(name.text)};
    }
    int status = sim_decide(manager, &event, &outcome);
    if (status)
        return status;
    endpoint->capability = outcome.capability;
    policy_set_user(manager->policy, outcome.capability, endpoint->cookie);
    return 0;
}

int sim_authority_connect(struct sim_manager *manager, const struct realm_os *client,
                          const struct sim_endpoint *endpoint, struct policy_outcome *ret_outcome)
{
    const struct service_name name = name_of(endpoint->realm, endpoint->service);
    const struct policy_event event = {
        .kind = POLICY_CONNECT, .actor = client->record.policy, .service = {name.text, strlen(name.text)}};
    if (client != endpoint->realm)
        return sim_decide(manager, &event, ret_outcome);
    /* The twin allows what the real system refuses by the rule `self`: a client that calls itself. */
    *ret_outcome = (struct policy_outcome){.badge = OWN_BADGE + ++manager->last_own_badge};
    return 0;
}

void sim_authority_let_go(struct sim_manager *manager, const struct realm_os *realm,
                          enum policy_event_kind kind, struct policy_capability capability)
{
    struct policy_capability_info info;
    const struct policy_event event = {.kind = kind, .actor = realm->record.policy, .capability = capability};
    if (policy_capability_get(manager->policy, capability, &info)) /* else it went with something else */
        must(sim_decide(manager, &event, NULL));
}

/* --- clearing --- */

struct cleared {
    uint64_t cookies[PORTION];
    unsigned count;
};

static void note(void *context, const struct policy_capability_info *info)
{
    struct cleared *cleared = context;
    if (info->user != 0)
        cleared->cookies[cleared->count++] = info->user;
}

/* Mostly it has gone before, by what made the policy let go of it. */
static void close_behind(struct sim_manager *manager, uint64_t cookie)
{
    struct sim_holding *holding = sim_holding_of(manager, cookie);
    if (holding) {
        sim_shared_cleared(manager->world, holding);
        sim_holding_free(holding);
        return;
    }
    for (struct sim_channel *channel = manager->channels; channel; channel = channel->next) {
        if (channel->ends[0].cookie == cookie) {
            sim_channel_revoke(manager, channel);
            return;
        }
    }
}

void sim_authority_clear(struct sim_manager *manager)
{
    for (bool done = false; !done;) {
        struct cleared cleared = {.count = 0};
        done = policy_clear(manager->policy, PORTION, note, &cleared);
        for (unsigned i = 0; i < cleared.count; i++)
            close_behind(manager, cleared.cookies[i]);
    }
}

/* --- holdings --- */

struct sim_holding *sim_holding_new(struct sim_manager *manager, struct realm_os *realm,
                                    struct policy_capability capability)
{
    struct sim_holding *holding = sim_alloc(sizeof *holding);
    *holding = (struct sim_holding){.realm = realm,
                                    .cookie = sim_random(manager->world),
                                    .capability = capability,
                                    .next = realm->record.holdings};
    realm->record.holdings = holding;
    policy_set_user(manager->policy, capability, holding->cookie);
    return holding;
}

void sim_holding_free(struct sim_holding *holding)
{
    struct sim_holding **at = &holding->realm->record.holdings;
    while (*at != holding)
        at = &(*at)->next;
    *at = holding->next;
    sim_let_go(holding->realm, holding->cookie);
    sim_shared_part_from(holding);
    free(holding);
}

struct sim_holding *sim_holding_of(const struct sim_manager *manager, uint64_t cookie)
{
    const struct sim_world *world = manager->world;
    for (unsigned i = 0; i < world->realms_count; i++)
        for (struct sim_holding *at = world->realms[i]->record.holdings; at; at = at->next)
            if (at->cookie == cookie)
                return at;
    return NULL;
}

/* The name that the endpoint behind it was registered under; of the others in the policy nobody has heard. */
static const struct sim_endpoint *endpoint_of(const struct sim_manager *manager,
                                              const struct policy_capability_info *info)
{
    struct policy_capability_info root;
    const struct sim_endpoint *at = manager->endpoints;
    if (!policy_capability_get(manager->policy, info->root, &root))
        return NULL;
    while (at && at->cookie != root.user)
        at = at->next;
    return at;
}

void sim_holding_tell(struct sim_manager *manager, struct realm_os *realm, uint64_t cookie,
                      struct policy_capability capability, uint64_t xid)
{
    struct policy_capability_info info;
    if (!policy_capability_get(manager->policy, capability, &info))
        abort();
    struct realm_control_capability packet = {
        .cookie = cookie,
        .badge = info.badge,
        .offset = info.window.offset,
        .bytes = info.window.size,
        .kind = (uint32_t)info.kind,
        .rights = info.rights,
        .gate = info.gate,
        .sealed = info.sealed,
    };
    const struct sim_endpoint *endpoint = endpoint_of(manager, &info);
    if (endpoint)
        packet.name = endpoint->name;
    realm_control_header_init(&packet.header, REALM_CONTROL_CAPABILITY, xid);
    sim_deliver(manager, realm, &packet, NULL, 0);
}
