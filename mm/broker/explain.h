/*
 * Decisions in words. What the admin socket uses of this stands in state.h.
 */
#ifndef MM_BROKER_EXPLAIN_H
#define MM_BROKER_EXPLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/analysis/whatif.h"

struct broker_realm;
struct broker_spawn;
struct policy_decision;
struct policy_event;

/* The decision about a child of a name that no realm has: it says what is said of another's child. */
extern const struct policy_decision explain_no_child;

/*
 * The event `denied`: a refusal says which rule refused, by which number it can be asked for later, and what
 * would allow it; of many alike one does, and the others are counted (denials.h). Or `limited`, if a quota
 * refused: whose it is, and who uses most of it; once for each resource in a realm's incarnation. child: of a
 * grant; else NULL.
 */
void explain_denied(struct broker_realm *realm, enum question_kind kind, const struct broker_realm *child,
                    const char *service, uint32_t rights, const struct policy_decision *decision);
/* What was asked about a capability. */
struct explain_refusal {
    const char *asked;                /* "derive", "offer", …; lives for ever */
    const char *name;                 /* what it is to */
    const struct policy_event *event; /* that was refused */
};
/*
 * The event `limited`, or `denied` with the rule, its place, and the number by which the decision can be
 * asked for later. What has no rule, and what came too late (STALE), is not told.
 */
void explain_refused(struct broker_realm *realm, const struct explain_refusal *refusal,
                     const struct policy_decision *decision);

/*
 * A realm's SPAWN: the same. declared: what it asked for; NULL: nothing is declared that is called so.
 * decision->place is not looked at unless a quota refused: the place is where the child is declared.
 */
void explain_spawn(const struct broker_spawn *spawn, const struct broker_realm *declared,
                   const struct policy_decision *decision);

/* The event `denied` of a gated call (GATE), and of looking at others (LOOK). */
void explain_incapable(struct broker_realm *realm, const struct policy_event *event,
                       const struct policy_decision *decision);

#endif
