/*
 * Names of services: data, compared byte by byte. Nothing in a name has a meaning here, no wildcard, no
 * separator, no terminator.
 */
#ifndef MM_POLICY_NAMES_H
#define MM_POLICY_NAMES_H

#include <stdint.h>

#include "mm/policy/state.h"

/* The index of the service that a name means, or 0. Bounded by REALM_NAME_MAX, however long the name. */
uint32_t policy_names_find(const struct policy *policy, struct policy_name name);

/*
 * The same in steps, for who has something else to do while memory is fetched: the hash (of a name of any
 * size: 0 for one that is none), with the index being fetched; a guess which service it is, unchecked, with
 * all that tells being fetched (0: none, or an alias); and the search with that hash.
 */
uint32_t policy_names_hash(const struct policy *policy, struct policy_name name);
uint32_t policy_names_guess(const struct policy *policy, uint32_t hash);
uint32_t policy_names_find_by(const struct policy *policy, struct policy_name name, uint32_t hash);

/* Return: 0; REALM_E_BAD_ARGUMENT: empty, or over REALM_NAME_MAX; REALM_E_EXISTS: it is taken; -ENOMEM. */
int policy_names_add(struct policy *policy, struct policy_name name, uint32_t service, bool alias);

void policy_names_deinit(struct policy *policy);

#endif
