/*
 * Quotas: what a realm uses counts against its own limit and those of all its ancestors.
 */
#ifndef MM_POLICY_QUOTA_H
#define MM_POLICY_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/policy/state.h"

/* What an event would use. */
struct quota_demand {
    uint32_t realm; /* who pays */
    enum policy_resource resource;
    uint64_t amount;
};

/*
 * Whether there is room for all of these together. The first that is not met, at the nearest realm whose
 * limit is in the way, settles the decision as LIMIT by rule QUOTA. Return: whether there is.
 */
bool policy_quota_check(const struct policy *policy, const struct quota_demand *demands, size_t count,
                        struct policy_decision *decision);

/* Sets a limit of the realm's own; POLICY_UNLIMITED: none. */
void policy_quota_limit(struct policy *policy, uint32_t realm, enum policy_resource resource, uint64_t limit);

void policy_quota_charge(struct policy *policy, uint32_t realm, enum policy_resource resource,
                         uint64_t amount);
void policy_quota_release(struct policy *policy, uint32_t realm, enum policy_resource resource,
                          uint64_t amount);

#endif
