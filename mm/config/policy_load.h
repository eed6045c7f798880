/*
 * Loading a configuration into the policy engine: its realms, services, names, access lists and grants, each
 * with its place in the file, so that every decision can name the line it rests on.
 */
#ifndef MM_CONFIG_POLICY_LOAD_H
#define MM_CONFIG_POLICY_LOAD_H

#include "mm/config/config.h"
#include "mm/policy/policy.h"

/*
 * Loads all of config into a policy that was just made. ret_realms and ret_services (realms_count and
 * services_count entries, the caller's) receive the handles, by the same index as the configuration's.
 *
 * Return: 0; REALM_E_BAD_ARGUMENT: an index out of range, or realms that are each other's ancestors;
 * REALM_E_EXISTS: a name is there twice; -ENOMEM. After a failure the policy holds a part of the
 * configuration, and the arrays part of the handles: free it. A scenario that was read without a problem
 * fails only for want of memory.
 */
int mm_config_load(const struct mm_config *config, struct policy *policy, struct policy_realm *ret_realms,
                   struct policy_service *ret_services);

#endif
