/*
 * Exact grants: who may connect to what, said by the configuration or by a realm's parent.
 *
 * A grant of the configuration names a declaration, holds for its instances, too, and is never removed. The
 * configuration may say several about one realm and service; one that adds no right to those before it
 * changes nothing and is not kept.
 *
 * A grant by a parent ends with either realm. There is at most one about one realm and service, since a
 * realm has one parent. It may be dead and not cleared yet: policy_grant_live() knows.
 */
#ifndef MM_POLICY_GRANTS_H
#define MM_POLICY_GRANTS_H

#include <stdint.h>

#include "mm/policy/state.h"

/* Makes room for one more grant of either kind. Return: 0; -ENOMEM, and nothing that can be seen has changed.
 */
int policy_grants_reserve(struct policy *policy);
void policy_grants_deinit(struct policy *policy);

/* All about these two, in one look. configured: the first, or NULL; by_parent: 0: none. */
struct policy_grants_found {
    const struct policy_configured *configured;
    uint32_t by_parent;
};
/* Begins to fetch what the search looks at; it is given the hash that comes back. */
uint32_t policy_grants_prefetch(const struct policy *policy, uint32_t realm, uint32_t service);
struct policy_grants_found policy_grants_find(const struct policy *policy, uint32_t realm, uint32_t service,
                                              uint32_t hash);
/* The next grant of the configuration about the same two, or NULL. */
const struct policy_configured *policy_grants_later(const struct policy *policy,
                                                    const struct policy_configured *grant);

/* For both there must be room. A parent's grant takes the place of an earlier one about the same two. */
void policy_grants_configure(struct policy *policy, uint32_t realm, uint32_t service, uint32_t rights,
                             struct policy_place place);
void policy_grants_give(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service,
                        uint32_t rights);

/* Ends the grant that the giver gave about these two, if there is one. */
void policy_grants_take(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service);

/* Clears one of the dead parent grants that a realm gave or was given. Return: whether there was one. */
bool policy_grants_clear(struct policy *policy, uint32_t realm);

#endif
