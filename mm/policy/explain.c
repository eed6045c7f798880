/*
 * Explaining: the words for rules, and the walk through them that a decision took.
 */
#include "mm/policy/policy.h"

#include "mm/policy/names.h"
#include "mm/policy/rules.h"
#include "mm/policy/state.h"

static const char *const rule_names[] = {
    [POLICY_RULE_NONE] = "none",
    [POLICY_RULE_DEFAULT] = "default",
    [POLICY_RULE_CONFIG_GRANT] = "grant",
    [POLICY_RULE_PARENT_GRANT] = "parent grant",
    [POLICY_RULE_CHILD_OF_PROVIDER] = "child of provider",
    [POLICY_RULE_PARENT_OF_PROVIDER] = "parent of provider",
    [POLICY_RULE_ACCESS_REALM] = "access: realm",
    [POLICY_RULE_ACCESS_CHILDREN] = "access: children",
    [POLICY_RULE_ACCESS_ALL] = "access: all",
    [POLICY_RULE_PROVIDER] = "provider",
    [POLICY_RULE_DECLARED] = "declared",
    [POLICY_RULE_REGISTERED] = "registered",
    [POLICY_RULE_PARENT] = "parent",
    [POLICY_RULE_HOLDS] = "holds",
    [POLICY_RULE_OWNER] = "owner",
    [POLICY_RULE_SELF] = "self",
};

const char *policy_rule_name(enum policy_rule rule)
{
    size_t index = (size_t)rule;
    return index < sizeof rule_names / sizeof rule_names[0] ? rule_names[index] : "?";
}

size_t policy_explain(const struct policy *policy, const struct policy_event *event,
                      struct policy_step *ret_steps, size_t capacity)
{
    if (event->kind != POLICY_CONNECT || !policy_realm_known(policy, event->actor))
        return 0;
    struct policy_walk walk = {.policy = policy,
                               .actor = event->actor.index,
                               .service = policy_names_find(policy, event->service),
                               .steps = ret_steps,
                               .capacity = capacity};
    policy_rules_connect(&walk);
    return walk.count;
}
