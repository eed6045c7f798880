/*
 * The rules on a connect. Two exclude what is no question of permission: a service that is not declared, and
 * one's own. `deny` says who never. Then four mechanisms allow: configuration, parent, hierarchy, and the
 * service's access list. The default denies. The first rule that matches decides, and those after it are not
 * looked at.
 */
#include "mm/policy/rules.h"

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/entries.h"
#include "mm/policy/grants.h"
#include "mm/policy/live.h"

static const struct policy_place nowhere = {0, 0};

bool policy_rules_look(struct policy_walk *walk, enum policy_rule rule, struct policy_place place,
                       bool matched)
{
    if (walk->count < walk->capacity)
        walk->steps[walk->count] = (struct policy_step){.rule = rule, .place = place, .matched = matched};
    walk->count++;
    if (matched) {
        walk->rule = rule;
        walk->place = place;
    }
    return matched;
}

/* Looks at a rule that gives these rights if it matches. */
static bool offer(struct policy_walk *walk, enum policy_rule rule, struct policy_place place, bool matched,
                  uint32_t rights)
{
    if (!policy_rules_look(walk, rule, place, matched))
        return false;
    walk->rights = rights;
    return true;
}

static bool denied(struct policy_walk *walk)
{
    const struct entry_list *deny = policy_entries(policy_service_at(walk->policy, walk->service)->deny);
    for (uint32_t i = 0; i < deny->count; i++) {
        const struct entry_record *entry = &deny->entries[i];
        bool matched = policy_entry_matches(walk->policy, entry, walk->actor, walk->provider);
        if (policy_rules_look(walk, POLICY_RULE_DENY, entry->place, matched))
            return true;
    }
    return false;
}

/* The grants by pattern that stand in the configuration before `order`, from the entry *at on. */
static bool pattern_grants(struct policy_walk *walk, uint32_t *at, uint32_t order)
{
    const struct entry_list *grants = policy_entries(policy_service_at(walk->policy, walk->service)->grants);
    for (; *at < grants->count && grants->entries[*at].order < order; (*at)++) {
        const struct entry_record *entry = &grants->entries[*at];
        bool matched = (entry->rights & REALM_RIGHT_SEND) != 0 &&
                       policy_entry_matches(walk->policy, entry, walk->actor, walk->provider);
        if (offer(walk, POLICY_RULE_CONFIG_GRANT, entry->place, matched, entry->rights))
            return true;
    }
    return false;
}

/* Exact grants and those by pattern are two rows; they are looked at in the one order of the file. */
static bool configuration_grants(struct policy_walk *walk, const struct policy_configured *first)
{
    size_t looked_at = walk->count;
    uint32_t at = 0;
    for (const struct policy_configured *grant = first; grant;
         grant = policy_grants_later(walk->policy, grant)) {
        if (pattern_grants(walk, &at, grant->order))
            return true;
        bool sends = (grant->rights & REALM_RIGHT_SEND) != 0;
        if (offer(walk, POLICY_RULE_CONFIG_GRANT, grant->place, sends, grant->rights))
            return true;
    }
    if (pattern_grants(walk, &at, UINT32_MAX))
        return true;
    if (walk->count == looked_at)
        policy_rules_look(walk, POLICY_RULE_CONFIG_GRANT, nowhere, false);
    return false;
}

/* The grant holds if it is there, and by the present parent: one to a template may be another realm's. */
static uint32_t holding(const struct policy *policy, uint32_t index, uint32_t parent)
{
    if (index == 0)
        return 0;
    const struct grant_record *grant = policy_grant_at(policy, index);
    return grant->giver == parent && policy_grant_live(policy, grant) ? index : 0;
}

/* What both mechanisms know about the actor itself (own) and about its template. */
static bool exact_grants(struct policy_walk *walk, struct policy_grants_found own)
{
    const struct policy *policy = walk->policy;
    const struct realm_record *actor = policy_realm_at(policy, walk->actor);
    struct policy_grants_found declared = own;
    if (actor->template_of != 0) {
        uint32_t hash = policy_grants_prefetch(policy, actor->template_of, walk->service);
        declared = policy_grants_find(policy, actor->template_of, walk->service, hash);
    }
    if (configuration_grants(walk, declared.configured))
        return true;
    uint32_t grant = holding(policy, own.by_parent, actor->parent);
    if (grant == 0)
        grant = holding(policy, declared.by_parent, actor->parent);
    uint32_t rights = grant != 0 ? policy_grant_at(policy, grant)->rights : 0;
    return offer(walk, POLICY_RULE_PARENT_GRANT, nowhere, grant != 0, rights);
}

static bool hierarchy(struct policy_walk *walk)
{
    const struct policy *policy = walk->policy;
    uint32_t above_actor = policy_realm_at(policy, walk->actor)->parent;
    uint32_t above_provider = policy_realm_at(policy, walk->provider)->parent;
    bool child = above_actor == walk->provider;
    bool parent = above_provider == walk->actor;
    bool sibling = above_actor == above_provider && above_actor != POLICY_INIT_REALM;
    unsigned allowed = policy->hierarchy;
    return ((allowed & POLICY_CHILDREN_CALL_PARENTS) &&
            offer(walk, POLICY_RULE_CHILD_OF_PROVIDER, nowhere, child, REALM_RIGHT_SEND)) ||
           ((allowed & POLICY_PARENTS_CALL_CHILDREN) &&
            offer(walk, POLICY_RULE_PARENT_OF_PROVIDER, nowhere, parent, REALM_RIGHT_SEND)) ||
           ((allowed & POLICY_SIBLINGS_CALL) &&
            offer(walk, POLICY_RULE_SIBLING_OF_PROVIDER, nowhere, sibling, REALM_RIGHT_SEND));
}

static bool access_list(struct policy_walk *walk)
{
    static const enum policy_rule rules[] = {
        [POLICY_MATCH_REALM] = POLICY_RULE_ACCESS_REALM,
        [POLICY_MATCH_CHILDREN] = POLICY_RULE_ACCESS_CHILDREN,
        [POLICY_MATCH_DESCENDANTS] = POLICY_RULE_ACCESS_DESCENDANTS,
        [POLICY_MATCH_ALL] = POLICY_RULE_ACCESS_ALL,
        [POLICY_MATCH_PATH] = POLICY_RULE_ACCESS_PATH,
    };
    const struct entry_list *access = policy_entries(policy_service_at(walk->policy, walk->service)->access);
    for (uint32_t i = 0; i < access->count; i++) {
        const struct entry_record *entry = &access->entries[i];
        bool matched = policy_entry_matches(walk->policy, entry, walk->actor, walk->provider);
        if (offer(walk, rules[entry->match], entry->place, matched, entry->rights))
            return true;
    }
    return false;
}

bool policy_rules_is_provider(const struct policy *policy, uint32_t actor, uint32_t service)
{
    return policy_declaration(policy, actor) == policy_service_at(policy, service)->provider ||
           actor == policy_provider(policy, service);
}

int policy_rules_connect(struct policy_walk *walk)
{
    if (walk->service == 0) {
        policy_rules_look(walk, POLICY_RULE_DECLARED, nowhere, true);
        return REALM_E_NO_SERVICE;
    }
    if (walk->fetched != walk->service)
        walk->grants_hash = policy_grants_prefetch(walk->policy, walk->actor, walk->service);
    const struct service_record *service = policy_service_at(walk->policy, walk->service);
    struct policy_place declared = service->place;
    policy_table_prefetch(&walk->policy->realms,
                          service->endpoint != 0 ? service->holder : service->provider);
    struct policy_grants_found own =
        policy_grants_find(walk->policy, walk->actor, walk->service, walk->grants_hash);
    walk->provider = policy_provider(walk->policy, walk->service);
    if (policy_rules_is_provider(walk->policy, walk->actor, walk->service)) {
        policy_rules_look(walk, POLICY_RULE_SELF, declared, true);
        return REALM_E_DENIED;
    }
    if (denied(walk))
        return REALM_E_DENIED;
    if (exact_grants(walk, own) || hierarchy(walk) || access_list(walk))
        return 0;
    policy_rules_look(walk, POLICY_RULE_DEFAULT, declared, true);
    return REALM_E_DENIED;
}
