/*
 * A state of the search is a set of facts that are still wanted and a set that a step has been chosen for. It
 * goes on with the last wanted fact: each way to it closes it and adds what the way needs. A plan is whole
 * when nothing is wanted; whether its steps can be put into an order is looked at then, since a way may need
 * what depends on it.
 */
#include "mm/analysis/search.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- lower bounds --- */

struct bound {
    const uint32_t *bounds;
    uint32_t best;
};

static bool bound_way(void *context, const struct facts_way *way)
{
    struct bound *bound = context;
    uint32_t most = 0;
    for (size_t i = 0; i < way->needs_count; i++) {
        uint32_t need = bound->bounds[way->needs[i]];
        if (need == FACTS_NONE)
            return true;
        most = need > most ? need : most;
    }
    most += way->step.kind != 0;
    bound->best = most < bound->best ? most : bound->best;
    return true;
}

int search_bounds(const struct facts *facts, uint32_t **ret_bounds)
{
    uint32_t *bounds = malloc((facts->count + 1) * sizeof *bounds);
    if (!bounds)
        return -ENOMEM;
    for (uint32_t i = 0; i < facts->count; i++)
        bounds[i] = facts_is_given(facts, i) ? 0 : FACTS_NONE;
    for (bool more = true; more && *facts->work > 0;) {
        more = false;
        for (uint32_t i = 0; i < facts->count; i++) {
            struct bound bound = {.bounds = bounds, .best = bounds[i]};
            if (bounds[i] == 0)
                continue;
            facts_ways(facts, i, bound_way, &bound);
            more = more || bound.best != bounds[i];
            bounds[i] = bound.best;
        }
    }
    *ret_bounds = bounds;
    return 0;
}

/* --- the search --- */

#define CLOSED_MAX 64u /* steps, and facts that need none */
#define WANTED_MAX (4 * CLOSED_MAX)

struct wanted {
    uint32_t fact;
    uint32_t depth; /* steps between it and the goal: they all come after it */
};

struct closed {
    uint32_t fact;
    struct facts_way way;
};

struct search {
    const struct facts *facts;
    const uint32_t *bounds;
    search_judge *judge;
    void *context;
    uint32_t *states;
    size_t limit; /* of steps, in this round */
    struct closed closed[CLOSED_MAX];
    size_t closed_count, steps;
    struct wanted wanted[WANTED_MAX];
    size_t wanted_count;
    struct wanted now; /* the one that ways are tried for */
    bool found, bound_hit;
    struct search_plan *plan;
};

static bool is_closed(const struct search *search, uint32_t fact)
{
    for (size_t i = 0; i < search->closed_count; i++)
        if (search->closed[i].fact == fact)
            return true;
    return facts_is_given(search->facts, fact);
}

/* Puts the steps into an order: again and again the first whose needs are met. false: they go in a circle. */
static bool order_steps(const struct search *search, struct search_plan *plan)
{
    bool done[CLOSED_MAX] = {false};
    plan->count = 0;
    for (size_t left = search->closed_count; left > 0;) {
        size_t before = left;
        for (size_t n = search->closed_count; n > 0; n--) {
            const struct closed *closed = &search->closed[n - 1];
            bool ready = !done[n - 1];
            for (size_t i = 0; i < closed->way.needs_count && ready; i++) {
                bool met = facts_is_given(search->facts, closed->way.needs[i]);
                for (size_t j = 0; j < search->closed_count; j++)
                    met = met || (done[j] && search->closed[j].fact == closed->way.needs[i]);
                ready = met;
            }
            if (!ready)
                continue;
            done[n - 1] = true;
            left--;
            if (closed->way.step.kind != 0)
                plan->steps[plan->count++] = closed->way.step;
        }
        if (left == before)
            return false;
    }
    return true;
}

static void look(struct search *search);

static bool take_way(void *context, const struct facts_way *way)
{
    struct search *search = context;
    struct wanted now = search->now;
    size_t wanted = search->wanted_count;
    bool step = way->step.kind != 0, possible = search->steps + step <= search->limit;
    for (size_t i = 0; i < way->needs_count && possible; i++) {
        uint32_t bound = search->bounds[way->needs[i]];
        possible =
            bound != FACTS_NONE && now.depth + step + bound <= search->limit && way->needs[i] != now.fact;
    }
    if (!possible || search->closed_count == CLOSED_MAX || wanted + way->needs_count > WANTED_MAX)
        return true;
    search->closed[search->closed_count++] = (struct closed){.fact = now.fact, .way = *way};
    search->steps += step;
    for (size_t i = 0; i < way->needs_count; i++)
        search->wanted[search->wanted_count++] =
            (struct wanted){.fact = way->needs[i], .depth = now.depth + step};
    look(search);
    search->now = now;
    search->wanted_count = wanted;
    search->steps -= step;
    search->closed_count--;
    return !search->found && !search->bound_hit;
}

static void judge_plan(struct search *search)
{
    struct search_plan plan;
    if (search->steps != search->limit || !order_steps(search, &plan) ||
        !search->judge(search->context, &plan))
        return;
    *search->plan = plan;
    search->found = true;
}

/* The least number of steps with what is still wanted: each fact that only a step brings needs its own. */
static size_t least(const struct search *search)
{
    size_t count = search->steps;
    for (size_t i = 0; i < search->wanted_count; i++) {
        uint32_t fact = search->wanted[i].fact;
        enum fact_kind kind = facts_fact(search->facts, fact).kind;
        bool again = kind == FACT_LINK || kind == FACT_NAME || is_closed(search, fact);
        for (size_t j = 0; j < i && !again; j++)
            again = search->wanted[j].fact == fact;
        count += !again;
    }
    return count;
}

static void look(struct search *search)
{
    struct wanted kept[WANTED_MAX];
    size_t count = search->wanted_count;
    if (*search->states == 0 || *search->facts->work == 0) {
        search->bound_hit = true;
        return;
    }
    --*search->states;
    memcpy(kept, search->wanted, count * sizeof kept[0]);
    while (search->wanted_count > 0 && is_closed(search, search->wanted[search->wanted_count - 1].fact))
        search->wanted_count--;
    if (search->wanted_count == 0) {
        judge_plan(search);
    } else if (least(search) <= search->limit) {
        search->now = search->wanted[--search->wanted_count];
        facts_ways(search->facts, search->now.fact, take_way, search);
    }
    memcpy(search->wanted, kept, count * sizeof kept[0]);
    search->wanted_count = count;
}

/* One round: all plans of just `limit` steps to one goal. */
static void look_for(struct search *search, uint32_t goal)
{
    search->closed_count = search->steps = 0;
    search->wanted[0] = (struct wanted){.fact = goal, .depth = 0};
    search->wanted_count = 1;
    look(search);
}

enum search_end search_shortest(const struct facts *facts, const uint32_t *bounds, const uint32_t *goals,
                                size_t goals_count, size_t longest, search_judge *judge, void *context,
                                uint32_t *states, struct search_plan *ret_plan)
{
    struct search *search = calloc(1, sizeof *search);
    if (!search)
        return SEARCH_BOUND;
    *search = (struct search){.facts = facts,
                              .bounds = bounds,
                              .judge = judge,
                              .context = context,
                              .states = states,
                              .plan = ret_plan};
    for (search->limit = 0; search->limit <= longest && !search->found && !search->bound_hit; search->limit++)
        for (size_t i = 0; i < goals_count && !search->found && !search->bound_hit; i++)
            if (bounds[goals[i]] <= search->limit)
                look_for(search, goals[i]);
    enum search_end end = search->found ? SEARCH_FOUND : search->bound_hit ? SEARCH_BOUND : SEARCH_NOT_THERE;
    free(search);
    return end;
}
