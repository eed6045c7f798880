/*
 * What the files that decide share. Each kind of event has one function, which reads as the rule it
 * implements: what is refused first stands first, and a function that comes to its end has allowed. The
 * decision it is given is zero; the actor is known and runs.
 */
#ifndef MM_POLICY_DECIDE_H
#define MM_POLICY_DECIDE_H

#include "mm/policy/rules.h"
#include "mm/policy/state.h"

/* A CONNECT, from a walk that has not begun (rules.h) on. */
void policy_decide_walk(struct policy_walk *walk, struct policy_decision *decision);

void policy_decide_derive(const struct policy *policy, const struct policy_event *event,
                          struct policy_decision *decision);

/* 0; STALE: the realm is gone; BAD_ARGUMENT: it never was. */
int policy_check_realm(const struct policy *policy, struct policy_realm realm);

void policy_settle(struct policy_decision *decision, int status, enum policy_rule rule);

#endif
