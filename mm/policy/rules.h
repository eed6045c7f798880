/*
 * The rules on a connect, in their order.
 *
 * policy_decide and policy_explain both walk them here, so that an explanation cannot differ from the
 * decision it explains.
 */
#ifndef MM_POLICY_RULES_H
#define MM_POLICY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/policy/state.h"

/* Made with policy, actor, service, steps and capacity filled in, and the rest zero. */
struct policy_walk {
    const struct policy *policy;
    uint32_t actor;
    uint32_t service;  /* 0: the name asked for means nothing */
    uint32_t provider; /* found out on the way */
    /* What is being fetched already: the grants of the actor for this service, by this hash. 0: nothing. */
    uint32_t fetched, grants_hash;
    /* The rules looked at; the first `capacity` of them are written to steps. */
    struct policy_step *steps;
    size_t capacity;
    size_t count;
    /* The one that matched, and what it gives. */
    enum policy_rule rule;
    struct policy_place place;
    uint32_t rights;
};

/*
 * Whether the actor may connect to the service. Return: 0; REALM_E_NO_SERVICE: it is not declared;
 * REALM_E_DENIED. Either way walk->rule is the one rule that decided.
 */
int policy_rules_connect(struct policy_walk *walk);

/* Notes that a rule was looked at, and that it decides if it matched. Return: matched. */
bool policy_rules_look(struct policy_walk *walk, enum policy_rule rule, struct policy_place place,
                       bool matched);

/* Whether the actor is the service's own realm: it holds the endpoint, or is its declared provider or an
 * instance of that. */
bool policy_rules_is_provider(const struct policy *policy, uint32_t actor, uint32_t service);

#endif
