/*
 * Which ways through the engine a case has taken: what guides the search. The engine that `realm fuzz` links
 * is compiled with -fsanitize-coverage=trace-pc (gcc and clang have it), which calls __sanitizer_cov_trace_pc
 * in each basic block; steps from block to block are counted here. Linked with a plain engine nothing is
 * counted, and the search is random.
 */
#ifndef TOOLS_FUZZ_COVERAGE_H
#define TOOLS_FUZZ_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Forgets the steps of the last case. */
void coverage_begin(void);
/* Did the case take a step that none before has taken, or one far more often? From now on it counts as taken.
 */
bool coverage_is_new(void);
/* How many different steps have been taken by all cases so far. */
size_t coverage_count(void);

void __sanitizer_cov_trace_pc(void);

#endif
