/*
 * Grants: who may connect to what, said by the configuration or by a realm's parent.
 *
 * A grant of the configuration names a declaration, holds for its instances, too, and is never removed. The
 * configuration may say several about one realm and service; one that adds no right to those before it
 * changes nothing and is not kept.
 *
 * A grant by a parent ends with either realm. There is at most one about one realm and service, since a
 * realm has one parent.
 */
#ifndef MM_POLICY_GRANTS_H
#define MM_POLICY_GRANTS_H

#include <stdint.h>

#include "mm/policy/state.h"

/* Makes room for one more grant. Return: 0; -ENOMEM, and nothing that can be seen has changed. */
int policy_grants_reserve(struct policy *policy);

/* The configuration's first grant about these two, or 0; the others follow by grant_record.next. */
uint32_t policy_grants_configured(const struct policy *policy, uint32_t realm, uint32_t service);

/* The grant by the realm's parent, or 0. */
uint32_t policy_grants_by_parent(const struct policy *policy, uint32_t realm, uint32_t service);

/* For both there must be room. */
void policy_grants_configure(struct policy *policy, uint32_t realm, uint32_t service, uint32_t rights,
                             struct policy_place place);
void policy_grants_give(struct policy *policy, uint32_t giver, uint32_t realm, uint32_t service,
                        uint32_t rights);

/* Ends the parent grants that a realm gave or was given. */
void policy_grants_end(struct policy *policy, uint32_t realm);

#endif
