/*
 * Clearing: what an event has marked goes away here, in small steps that may stop after any of them and go on
 * after other events.
 *
 * Four lists say where something is to be done: deleted capabilities (what was derived from them becomes
 * their parent's), dead or revoked ones (what was derived from them goes, deepest first), realms that ended
 * (what they held goes, oldest first) and cuts (what a child holds of a service goes). Whatever is taken on
 * is found again from its list each time; no position is kept but in the records themselves. What is dead
 * cannot be used, so no event can interfere; what is live is never touched.
 */
#include "mm/policy/inspect.h"
#include "mm/policy/grants.h"
#include "mm/policy/live.h"
#include "mm/policy/state.h"
#include "mm/policy/tree.h"

struct clearing {
    struct policy *policy;
    policy_removed *removed;
    void *context;
};

/*
 * Gives the slot of a forgotten instance back once nothing refers to it; then perhaps its parent's. It is
 * among those that ended for as long as it holds something, or gave or was given a grant (step_ended).
 */
static void forget_realm(struct policy *policy, uint32_t index)
{
    for (;;) {
        const struct realm_record *realm = policy_realm_at(policy, index);
        const struct realm_rest *rest = policy_rest_at(policy, index);
        bool in_use = rest->objects != 0 || rest->records != 0 || realm->cuts != 0;
        if (!realm->removed || in_use || policy_list_has(POLICY_ENDED(policy), index))
            return;
        realm_assert(rest->held == 0 && rest->received == 0 && rest->given == 0);
        uint32_t parent = realm->parent;
        policy_memory_free(&policy->memory, rest->name, rest->name_size);
        policy_table_remove(&policy->realms, index);
        policy_table_remove(&policy->rests, index);
        policy_rest_at(policy, parent)->records--;
        index = parent;
    }
}

/* One of the leaves below a dead capability, or itself. */
static uint32_t leaf_below(const struct policy *policy, uint32_t index)
{
    uint32_t children;
    while ((children = policy_capability_at(policy, index)->children) != 0)
        index = policy_list_last(POLICY_CHILDREN(policy), children);
    return index;
}

static void clear_leaf_below(const struct clearing *clearing, uint32_t top)
{
    struct policy *policy = clearing->policy;
    uint32_t leaf = leaf_below(policy, top);
    const struct capability_record *record = policy_capability_at(policy, leaf);
    bool about_realm = record->kind == POLICY_KIND_REALM || record->kind == POLICY_KIND_MEMORY;
    uint32_t object = about_realm ? record->object : 0;
    struct policy_capability_info info;
    policy_inspect(policy, leaf, &info);
    policy_tree_clear(policy, leaf);
    if (clearing->removed)
        clearing->removed(clearing->context, &info);
    if (object != 0)
        forget_realm(policy, object);
}

/*
 * A deleted capability goes once nothing is derived from it any more. What was and lives is its parent's;
 * what a cut of it or of its parent has killed before, or what has ended by itself, is cleared first, and so
 * is what was derived from it and deleted itself. A cut further up takes the parent with all its children.
 */
static void step_deleted(const struct clearing *clearing, uint32_t index)
{
    struct policy *policy = clearing->policy;
    uint32_t child;
    while (
        (child = policy_list_last(POLICY_CHILDREN(policy), policy_capability_at(policy, index)->children)) &&
        policy_capability_at(policy, child)->state == CAPABILITY_DELETED)
        index = child;
    const struct capability_record *record = policy_capability_at(policy, index);
    uint64_t cut = policy_capability_at(policy, record->parent)->cut;
    if (record->cut > cut)
        cut = record->cut;
    if (child == 0)
        clear_leaf_below(clearing, index);
    else if (policy_capability_at(policy, child)->since <= cut || policy_ended(policy, child))
        clear_leaf_below(clearing, child);
    else
        policy_tree_inherit(policy, child);
}

static void step_dead(const struct clearing *clearing, uint32_t index)
{
    struct policy *policy = clearing->policy;
    const struct capability_record *record = policy_capability_at(policy, index);
    uint32_t child = policy_list_last(POLICY_CHILDREN(policy), record->children);
    if (record->state == CAPABILITY_DEAD)
        clear_leaf_below(clearing, index);
    else if (child != 0 && policy_capability_at(policy, child)->since <= record->cut)
        clear_leaf_below(clearing, child);
    else
        policy_list_remove(POLICY_PENDING(policy), &policy->dead, index);
}

static void step_ended(const struct clearing *clearing, uint32_t index)
{
    struct policy *policy = clearing->policy;
    uint32_t held = policy_list_last(POLICY_HELD(policy), policy_rest_at(policy, index)->held);
    if (held != 0 && policy_capability_at(policy, held)->since <= policy_realm_at(policy, index)->ended) {
        realm_assert(policy_capability_at(policy, held)->state != CAPABILITY_DELETED); /* they go first */
        clear_leaf_below(clearing, held);
    } else if (!policy_grants_clear(policy, index)) {
        policy_list_remove(POLICY_ENDED(policy), &policy->ended, index);
        forget_realm(policy, index);
    }
}

static void step_cut(const struct clearing *clearing, uint32_t index)
{
    struct policy *policy = clearing->policy;
    struct cut_record *cut = policy_cut_at(policy, index);
    uint32_t realm = cut->realm;
    if (cut->next == 0) {
        policy_list_remove(POLICY_CUT(policy), &policy->cut, index);
        policy_list_remove(POLICY_CUTS(policy), &policy_realm_at(policy, realm)->cuts, index);
        policy_table_remove(&policy->cuts, index);
        forget_realm(policy, realm);
        return;
    }
    const struct capability_record *record = policy_capability_at(policy, cut->next);
    bool is_cut = record->kind == POLICY_KIND_SEND && record->object == cut->service &&
                  record->since <= cut->at && record->state != CAPABILITY_DELETED;
    if (is_cut)
        clear_leaf_below(clearing, cut->next);
    else
        cut->next = policy_list_older(POLICY_HELD(policy), policy_rest_at(policy, realm)->held, cut->next);
}

/* Deleted ones first, the newest first: a chain of them would lengthen the way up. The rest in its order. */
static bool step(const struct clearing *clearing)
{
    struct policy *policy = clearing->policy;
    if (policy->deleted != 0)
        step_deleted(clearing, policy->deleted);
    else if (policy->dead != 0)
        step_dead(clearing, policy_list_last(POLICY_PENDING(policy), policy->dead));
    else if (policy->ended != 0)
        step_ended(clearing, policy_list_last(POLICY_ENDED(policy), policy->ended));
    else if (policy->cut != 0)
        step_cut(clearing, policy_list_last(POLICY_CUT(policy), policy->cut));
    else
        return false;
    return true;
}

bool policy_clear(struct policy *policy, size_t max, policy_removed *removed, void *context)
{
    const struct clearing clearing = {policy, removed, context};
    for (size_t i = 0; i < max; i++) {
        if (!step(&clearing))
            return true;
    }
    return policy->deleted == 0 && policy->dead == 0 && policy->ended == 0 && policy->cut == 0;
}
