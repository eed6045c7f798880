/*
 * Decisions in words. What the admin socket uses of this stands in state.h.
 */
#ifndef MM_BROKER_EXPLAIN_H
#define MM_BROKER_EXPLAIN_H

#include <stdint.h>

#include "mm/analysis/whatif.h"

struct broker_realm;
struct policy_decision;

/*
 * The event `denied`: every refusal says which rule refused, by which number it can be asked for later, and
 * what would allow it. child: of a grant; else NULL.
 */
void explain_denied(struct broker_realm *realm, enum question_kind kind, const struct broker_realm *child,
                    const char *service, uint32_t rights, const struct policy_decision *decision);

#endif
