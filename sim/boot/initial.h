/*
 * A scenario that does not run yet, asked with the very policy engine that the broker runs: who may connect
 * to what before any realm has granted anything, whether the scenario's assertions hold, and which of its
 * rules are likely mistakes.
 */
#ifndef SIM_BOOT_INITIAL_H
#define SIM_BOOT_INITIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/analysis/assertions.h"
#include "mm/config/config.h"
#include "sim/boot/problems.h"

struct initial;

/* Borrows config as long as it lives. Return: 0; -ENOMEM; REALM_E_*: config is not sound. */
int initial_new(const struct mm_config *config, struct initial **ret_initial);
void initial_free(struct initial *initial); /* NULL is a no-op */

const struct mm_config *initial_config(const struct initial *initial);

/* Whether a realm may connect to a service, whatever its limits are, and why. ret_decision may be NULL. */
bool initial_allows(const struct initial *initial, uint32_t realm, uint32_t service,
                    struct policy_decision *ret_decision);

/*
 * Judges every assertion of the scenario over all states that the system can reach: adds an error for each
 * that does not hold, with the shortest way there, and a warning for each that could not be decided. Bounded
 * by `work` (ASSERTIONS_WORK: some seconds); what is left then is undecided. visit, if not NULL, is told of
 * each. Return: 0; -ENOMEM.
 */
typedef void initial_judged(void *context, const struct population *population, size_t assertion,
                            const struct verdict *verdict);
int initial_check_asserts(const struct initial *initial, uint64_t work, struct scenario_problems *problems,
                          initial_judged *visit, void *context);

/* Adds a warning for each rule that matches nothing, matches everything, or says what another says. */
void initial_check_rules(const struct mm_config *config, struct scenario_problems *problems);

#endif
