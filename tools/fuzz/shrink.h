/*
 * Making a failing case small: as long as the same thing does not hold, operations, rules, services, realms
 * and words are taken away, the large pieces first; what is left is what the failure needs.
 */
#ifndef TOOLS_FUZZ_SHRINK_H
#define TOOLS_FUZZ_SHRINK_H

#include "tools/fuzz/run.h"

/* Whether a case still fails in the way that matters. */
typedef bool shrink_fails(void *context, const struct fuzz_case *example);

/* Shrinks in place; tries at most `tries` cases. Returns how many were tried. */
size_t shrink_case(struct fuzz_case *example, shrink_fails *fails, void *context, size_t tries);

#endif
