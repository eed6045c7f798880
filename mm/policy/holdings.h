/*
 * Holdings: which capabilities let a realm register a service, manage another realm, look at others or make a
 * gated call. Only those with the right for it are here, found by (holder, kind, object).
 */
#ifndef MM_POLICY_HOLDINGS_H
#define MM_POLICY_HOLDINGS_H

#include <stdint.h>

#include "mm/policy/state.h"

/* Makes room for so many more. Return: 0; -ENOMEM. */
int policy_holdings_reserve(struct policy *policy, uint32_t count);

/* When a capability comes to its holder, and before it leaves it. Others than those above are ignored. */
void policy_holdings_add(struct policy *policy, uint32_t capability);
void policy_holdings_remove(struct policy *policy, uint32_t capability);

/* A live one, or 0. */
uint32_t policy_holdings_find(const struct policy *policy, uint32_t holder, enum policy_kind kind,
                              uint32_t object);

#endif
