/*
 * Patterns over the paths of realms, such as `/app/\*` (docs/design/capabilities.md, 3). A path is a row of
 * names; a name is one component of it, whatever bytes it has.
 */
#ifndef MM_POLICY_PATTERNS_H
#define MM_POLICY_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/policy/policy.h"

/* Whether it can match anything: it begins with '/', is that alone or has no empty component, no byte is
 * missing after its last '\', and it is not over POLICY_PATTERN_MAX. */
bool policy_pattern_valid(struct policy_name pattern);

/* Whether a valid pattern matches the path of these components; none: init's. */
bool policy_pattern_matches(struct policy_name pattern, const struct policy_name *components, size_t count);

#endif
