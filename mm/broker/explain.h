/*
 * Decisions in words. What the admin socket uses of this stands in state.h.
 */
#ifndef MM_BROKER_EXPLAIN_H
#define MM_BROKER_EXPLAIN_H

struct broker_realm;
struct policy_decision;

/* The event `denied`: every refusal says which rule refused and what would allow it. */
void explain_denied(struct broker_realm *realm, const char *service, const struct policy_decision *decision);

#endif
