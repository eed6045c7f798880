/*
 * What a capability's record says, in the words of the contract.
 */
#ifndef MM_POLICY_INSPECT_H
#define MM_POLICY_INSPECT_H

#include "mm/policy/state.h"

/* Of any in the table, dead or alive. */
void policy_inspect(const struct policy *policy, uint32_t capability,
                    struct policy_capability_info *ret_info);

#endif
