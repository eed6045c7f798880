/*
 * The rules on a connect. Two exclude what is no question of permission: a service that is not declared, and
 * one's own. Then four mechanisms allow: configuration, parent, hierarchy, and the service's access list. The
 * default denies. The first rule that matches decides, and those after it are not looked at.
 */
#include "mm/policy/rules.h"

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/grants.h"

static const struct policy_place nowhere = {0, 0};

/* Notes that a rule was looked at, and that it decides if it matched. Return: matched. */
static bool look(struct policy_walk *walk, enum policy_rule rule, struct policy_place place, bool matched)
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

static bool configuration_grants(struct policy_walk *walk)
{
    const struct policy *policy = walk->policy;
    uint32_t realm = policy_declaration(policy, walk->actor);
    uint32_t first = policy_grants_configured(policy, realm, walk->service);
    for (uint32_t i = first; i != 0; i = policy_grant_at(policy, i)->next) {
        const struct grant_record *grant = policy_grant_at(policy, i);
        bool sends = (grant->rights & REALM_RIGHT_SEND) != 0;
        if (look(walk, POLICY_RULE_CONFIG_GRANT, grant->place, sends))
            return true;
    }
    if (first == 0)
        look(walk, POLICY_RULE_CONFIG_GRANT, nowhere, false);
    return false;
}

/*
 * A grant to a template holds for those of its instances that are children of the giver, too: a parent
 * gives to its own children only.
 */
static bool parent_grants(struct policy_walk *walk)
{
    const struct policy *policy = walk->policy;
    const struct realm_record *actor = policy_realm_at(policy, walk->actor);
    uint32_t grant = policy_grants_by_parent(policy, walk->actor, walk->service);
    if (grant == 0 && actor->template_of != 0) {
        grant = policy_grants_by_parent(policy, actor->template_of, walk->service);
        if (grant != 0 && policy_grant_at(policy, grant)->giver != actor->parent)
            grant = 0;
    }
    bool sends = grant != 0 && (policy_grant_at(policy, grant)->rights & REALM_RIGHT_SEND) != 0;
    return look(walk, POLICY_RULE_PARENT_GRANT, nowhere, sends);
}

static bool hierarchy(struct policy_walk *walk)
{
    const struct policy *policy = walk->policy;
    uint32_t provider = policy_provider(policy, walk->service);
    bool child = policy_realm_at(policy, walk->actor)->parent == provider;
    bool parent = policy_realm_at(policy, provider)->parent == walk->actor;
    return look(walk, POLICY_RULE_CHILD_OF_PROVIDER, nowhere, child) ||
           look(walk, POLICY_RULE_PARENT_OF_PROVIDER, nowhere, parent);
}

static bool admits(const struct policy_walk *walk, const struct access_entry *entry)
{
    const struct policy *policy = walk->policy;
    switch (entry->kind) {
    case POLICY_ACCESS_REALM:
        return entry->realm == policy_declaration(policy, walk->actor);
    case POLICY_ACCESS_CHILDREN:
        return policy_realm_at(policy, walk->actor)->parent == policy_provider(policy, walk->service);
    case POLICY_ACCESS_ALL:
        return true;
    }
    return false;
}

static enum policy_rule rule_of(enum policy_access kind)
{
    switch (kind) {
    case POLICY_ACCESS_REALM:
        return POLICY_RULE_ACCESS_REALM;
    case POLICY_ACCESS_CHILDREN:
        return POLICY_RULE_ACCESS_CHILDREN;
    case POLICY_ACCESS_ALL:
        break;
    }
    return POLICY_RULE_ACCESS_ALL;
}

static bool access_list(struct policy_walk *walk)
{
    const struct service_record *service = policy_service_at(walk->policy, walk->service);
    for (uint32_t i = 0; i < service->access_count; i++) {
        const struct access_entry *entry = &service->access[i];
        if (look(walk, rule_of(entry->kind), entry->place, admits(walk, entry)))
            return true;
    }
    return false;
}

bool policy_rules_is_provider(const struct policy *policy, uint32_t actor, uint32_t service)
{
    return actor == policy_provider(policy, service) || actor == policy_service_at(policy, service)->provider;
}

int policy_rules_connect(struct policy_walk *walk)
{
    if (walk->service == 0) {
        look(walk, POLICY_RULE_DECLARED, nowhere, true);
        return REALM_E_NO_SERVICE;
    }
    struct policy_place declared = policy_service_at(walk->policy, walk->service)->place;
    if (policy_rules_is_provider(walk->policy, walk->actor, walk->service)) {
        look(walk, POLICY_RULE_SELF, declared, true);
        return REALM_E_DENIED;
    }
    if (configuration_grants(walk) || parent_grants(walk) || hierarchy(walk) || access_list(walk))
        return 0;
    look(walk, POLICY_RULE_DEFAULT, declared, true);
    return REALM_E_DENIED;
}
