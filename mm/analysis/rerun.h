/*
 * A plan, done on the real policy engine from the system's start, limits and all.
 */
#ifndef MM_ANALYSIS_RERUN_H
#define MM_ANALYSIS_RERUN_H

#include "mm/analysis/search.h"

/* What the engine said to a step. */
struct rerun_said {
    enum policy_rule rule;
    struct policy_place place;
};

/*
 * Does the steps in order. Return: 0: all were allowed, and *ret_said (one for each) says by which rules;
 * REALM_E_DENIED: one was refused, or what it speaks of is not there; -ENOMEM; REALM_E_*: as whatif_init.
 */
int rerun_plan(const struct population *population, const struct search_plan *plan,
               struct rerun_said ret_said[SEARCH_STEPS_MAX]);

/* A step in words: "app connects to database". */
void rerun_text(const struct population *population, const struct facts_step *step, char *text,
                size_t capacity);

#endif
