/*
 * Explaining: the walk through the rules that a decision took, and the quota that may have ended it.
 */
#include "mm/policy/policy.h"

#include "mm/policy/decide.h"
#include "mm/policy/names.h"
#include "mm/policy/rules.h"
#include "mm/policy/state.h"

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
    struct policy_decision decision = {0};
    policy_decide_walk(&walk, &decision);
    return walk.count;
}
