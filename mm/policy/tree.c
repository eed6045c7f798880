/*
 * The derivation tree. A list of what is held stays ordered by age, as what comes to a holder is the newest;
 * among the children of one parent, those that a cut has killed stay behind all that came later. So whoever
 * clears begins at the oldest end and knows when to stop.
 */
#include "mm/policy/tree.h"

#include "mm/policy/holdings.h"
#include "mm/policy/quota.h"

uint32_t policy_endowment(const struct policy *policy, uint32_t realm)
{
    const struct realm_rest *record = policy_rest_at(policy, realm);
    uint32_t services = policy_rest_at(policy, policy_declaration(policy, realm))->services_count;
    uint32_t gates = 0;
    for (uint64_t left = record->gates; left != 0; left &= left - 1)
        gates++;
    return services + gates + record->debug;
}

/* --- who pays --- */

static void charge(struct policy *policy, const struct capability_record *record)
{
    policy_quota_charge(policy, record->holder, POLICY_CAPABILITIES, 1);
    if (record->kind == POLICY_KIND_SEND)
        policy_quota_charge(policy, record->holder, POLICY_CHANNELS, 1);
}

static void release(struct policy *policy, const struct capability_record *record)
{
    policy_quota_release(policy, record->holder, POLICY_CAPABILITIES, 1);
    if (record->kind == POLICY_KIND_SEND)
        policy_quota_release(policy, record->holder, POLICY_CHANNELS, 1);
}

/* --- coming to a holder and leaving it --- */

static void come(struct policy *policy, uint32_t index, uint32_t holder)
{
    struct capability_record *record = policy_capability_at(policy, index);
    record->holder = holder;
    record->since = policy->now;
    policy_list_insert(POLICY_HELD(policy), &policy_rest_at(policy, holder)->held, index);
    policy_holdings_add(policy, index);
    charge(policy, record);
}

/* No cut goes on from a capability that is no longer there. */
static void move_cuts_on(const struct policy *policy, uint32_t holder, uint32_t index)
{
    uint32_t cuts = policy_realm_at(policy, holder)->cuts;
    for (uint32_t i = cuts; i != 0; i = policy_list_older(POLICY_CUTS(policy), cuts, i)) {
        struct cut_record *cut = policy_cut_at(policy, i);
        if (cut->next == index)
            cut->next = policy_list_older(POLICY_HELD(policy), policy_rest_at(policy, holder)->held, index);
    }
}

static void leave(struct policy *policy, uint32_t index)
{
    struct capability_record *record = policy_capability_at(policy, index);
    release(policy, record);
    policy_holdings_remove(policy, index);
    move_cuts_on(policy, record->holder, index);
    policy_list_remove(POLICY_HELD(policy), &policy_rest_at(policy, record->holder)->held, index);
}

/* --- making --- */

/* A realm capability's object is the realm, a memory capability's the realm that allocated it. */
static bool is_about_realm(const struct capability_record *record)
{
    return record->kind == POLICY_KIND_REALM || record->kind == POLICY_KIND_MEMORY;
}

uint32_t policy_tree_root(struct policy *policy, uint32_t holder, enum policy_kind kind, uint32_t object,
                          struct policy_window window)
{
    uint32_t index = policy_table_add(&policy->capabilities);
    struct capability_record *record = policy_capability_at(policy, index);
    record->kind = (uint8_t)kind;
    record->rights = (uint16_t)policy_kind_rights(kind);
    record->object = object;
    record->root = index;
    record->window = window;
    if (is_about_realm(record))
        policy_rest_at(policy, object)->objects++;
    if (kind == POLICY_KIND_MEMORY)
        policy_quota_charge(policy, object, POLICY_MEMORY, window.size);
    come(policy, index, holder);
    return index;
}

uint32_t policy_tree_derive(struct policy *policy, uint32_t source, uint32_t holder, uint32_t rights,
                            uint64_t badge, struct policy_window window)
{
    uint32_t index = policy_table_add(&policy->capabilities);
    struct capability_record *record = policy_capability_at(policy, index);
    struct capability_record *parent = policy_capability_at(policy, source);
    record->kind = parent->kind == POLICY_KIND_ENDPOINT ? POLICY_KIND_SEND : parent->kind;
    record->rights = (uint16_t)rights;
    record->object = parent->object;
    record->root = parent->root;
    record->badge = badge;
    record->window = window;
    record->parent = source;
    policy_list_insert(POLICY_CHILDREN(policy), &parent->children, index);
    if (is_about_realm(record))
        policy_rest_at(policy, record->object)->objects++;
    come(policy, index, holder);
    return index;
}

void policy_tree_move(struct policy *policy, uint32_t capability, uint32_t holder)
{
    leave(policy, capability);
    come(policy, capability, holder);
}

/* --- ending --- */

static void put_off(struct policy *policy, uint32_t *list, uint32_t index)
{
    if (!policy_list_has(POLICY_PENDING(policy), index))
        policy_list_insert(POLICY_PENDING(policy), list, index);
}

static uint32_t *list_of(struct policy *policy, const struct capability_record *record)
{
    return record->state == CAPABILITY_DELETED ? &policy->deleted : &policy->dead;
}

void policy_tree_revoke(struct policy *policy, uint32_t capability)
{
    struct capability_record *record = policy_capability_at(policy, capability);
    record->cut = policy->now;
    if (record->children != 0)
        put_off(policy, &policy->dead, capability);
}

void policy_tree_kill(struct policy *policy, uint32_t capability)
{
    struct capability_record *record = policy_capability_at(policy, capability);
    realm_assert(record->parent == 0 && record->state != CAPABILITY_DELETED);
    record->state = CAPABILITY_DEAD;
    put_off(policy, &policy->dead, capability);
    if (record->kind == POLICY_KIND_ENDPOINT && record->object != 0 &&
        policy_service_at(policy, record->object)->endpoint == capability)
        policy_service_at(policy, record->object)->endpoint = 0;
}

void policy_tree_delete(struct policy *policy, uint32_t capability)
{
    struct capability_record *record = policy_capability_at(policy, capability);
    if (record->parent == 0) {
        policy_tree_kill(policy, capability);
        return;
    }
    if (policy_list_has(POLICY_PENDING(policy), capability)) /* for what was revoked from it */
        policy_list_remove(POLICY_PENDING(policy), &policy->dead, capability);
    record->state = CAPABILITY_DELETED;
    put_off(policy, &policy->deleted, capability);
}

/* --- clearing --- */

static void forget_object(struct policy *policy, uint32_t index)
{
    const struct capability_record *record = policy_capability_at(policy, index);
    if (is_about_realm(record)) {
        struct realm_rest *realm = policy_rest_at(policy, record->object);
        realm->objects--;
        if (realm->root == index)
            realm->root = 0;
        /* Who allocated an object pays for it until it is gone, whoever holds it by then. */
        if (record->kind == POLICY_KIND_MEMORY && record->parent == 0)
            policy_quota_release(policy, record->object, POLICY_MEMORY, record->window.size);
    }
    if (record->kind == POLICY_KIND_ENDPOINT && record->object != 0 &&
        policy_service_at(policy, record->object)->endpoint == index)
        policy_service_at(policy, record->object)->endpoint = 0;
}

void policy_tree_clear(struct policy *policy, uint32_t capability)
{
    const struct capability_record *record = policy_capability_at(policy, capability);
    realm_assert(record->children == 0);
    if (policy_list_has(POLICY_PENDING(policy), capability))
        policy_list_remove(POLICY_PENDING(policy), list_of(policy, record), capability);
    forget_object(policy, capability);
    leave(policy, capability);
    if (record->parent != 0)
        policy_list_remove(POLICY_CHILDREN(policy), &policy_capability_at(policy, record->parent)->children,
                           capability);
    policy_table_remove(&policy->capabilities, capability);
}

void policy_tree_inherit(struct policy *policy, uint32_t child)
{
    struct capability_record *record = policy_capability_at(policy, child);
    struct capability_record *from = policy_capability_at(policy, record->parent);
    realm_assert(from->state == CAPABILITY_DELETED);
    policy_list_remove(POLICY_CHILDREN(policy), &from->children, child);
    policy_list_insert(POLICY_CHILDREN(policy), &policy_capability_at(policy, from->parent)->children, child);
    record->parent = from->parent;
}
