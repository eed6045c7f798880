/*
 * Names that somebody could choose to be met by a pattern, and whether a path is met by one: for subjects of
 * assertions, which the policy engine does not know.
 */
#ifndef MM_ANALYSIS_PATTERN_NAMES_H
#define MM_ANALYSIS_PATTERN_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "mm/config/config.h"

/* Steps through all patterns of a configuration: *at starts as 0. NULL: no more. */
const char *pattern_names_next(const struct mm_config *config, size_t *at);

/* Whether a pattern matches a path of these components (docs/design/capabilities.md, section 3). */
bool pattern_names_match(const char *pattern, const char *const *components, size_t count);

/*
 * Chooses a name (capacity bytes) for a realm below a path such that the pattern matches it.
 * false: no simple name does.
 */
bool pattern_names_choose(const char *pattern, const char *const *components, size_t count, char *name,
                          size_t capacity);

#endif
