/*
 * What is live, and who holds what.
 *
 * A capability is dead from the event on that ended it, its holder, or one that it was derived from, and
 * nothing has to be visited for that: whether it lives is found out by walking up, at most POLICY_DEPTH_MAX
 * generations, comparing its own age with the marks on the way.
 */
#ifndef MM_POLICY_LIVE_H
#define MM_POLICY_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/policy/state.h"

/* Of a capability in the table, which may be dead and not cleared yet. */
bool policy_live(const struct policy *policy, uint32_t capability);
/* Whether it ended by itself or with its holder's part in it, so that all that was derived from it is dead,
 * too. */
bool policy_ended(const struct policy *policy, uint32_t capability);
/* How many generations it stands below its root; deleted ones do not count. */
uint32_t policy_generations(const struct policy *policy, uint32_t capability);

/* The index of a handle that may come from anywhere, if it is live; else 0. */
uint32_t policy_live_at(const struct policy *policy, struct policy_capability capability);
/* The same, if the actor holds it or is init. */
uint32_t policy_held_at(const struct policy *policy, uint32_t actor, struct policy_capability capability);

/* The service's live endpoint, or 0. */
uint32_t policy_endpoint(const struct policy *policy, uint32_t service);
/* The realm that serves: who holds the endpoint, or the declared provider while nobody does. */
uint32_t policy_provider(const struct policy *policy, uint32_t service);

bool policy_grant_live(const struct policy *policy, const struct grant_record *grant);

#endif
