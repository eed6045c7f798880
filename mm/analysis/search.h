/*
 * The shortest sequence of steps to a fact.
 *
 * First a lower bound for every fact: how many steps must at least follow one another. A fact without a
 * bound cannot come about, and that is proved for all states there are. Then plans are made backwards, from
 * what is wanted to what it needs, of one step, of two, and so on, and each is shown to a judge: the first
 * that passes is a shortest one.
 */
#ifndef MM_ANALYSIS_SEARCH_H
#define MM_ANALYSIS_SEARCH_H

#include "mm/analysis/facts.h"

#define SEARCH_STEPS_MAX 16u
#define SEARCH_STATES    400000u /* that are looked at for one goal */

/* Lower bounds by fact, facts->count of them; FACTS_NONE: it cannot come about. Return: 0; -ENOMEM. */
int search_bounds(const struct facts *facts, uint32_t **ret_bounds);

struct search_plan {
    struct facts_step steps[SEARCH_STEPS_MAX]; /* in an order in which they can be done */
    size_t count;
};

/* Whether the plan holds. */
typedef bool search_judge(void *context, const struct search_plan *plan);

enum search_end {
    SEARCH_FOUND,
    SEARCH_NOT_THERE, /* no plan of up to SEARCH_STEPS_MAX steps passes */
    SEARCH_BOUND,     /* SEARCH_STATES were looked at, and there are more */
};

/*
 * Looks for a plan to one of the goals (numbers of facts), with up to `longest` steps. *states is counted
 * down from what the caller allows.
 */
enum search_end search_shortest(const struct facts *facts, const uint32_t *bounds, const uint32_t *goals,
                                size_t goals_count, size_t longest, search_judge *judge, void *context,
                                uint32_t *states, struct search_plan *ret_plan);

#endif
