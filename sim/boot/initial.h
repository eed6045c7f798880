/*
 * The initial state of a scenario, asked with the very policy engine that the broker runs: who may connect
 * to what before any realm has granted anything, whether the scenario's assertions hold, and which of its
 * rules are likely mistakes. Names stand for numbers of the configuration.
 */
#ifndef SIM_BOOT_INITIAL_H
#define SIM_BOOT_INITIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/config/config.h"
#include "mm/policy/policy.h"
#include "sim/boot/problems.h"

struct initial;

/* Borrows config as long as it lives. Return: 0; -ENOMEM; REALM_E_*: config is not sound. */
int initial_new(const struct mm_config *config, struct initial **ret_initial);
void initial_free(struct initial *initial); /* NULL is a no-op */

/* Whether a realm may connect to a service, and why. ret_decision may be NULL. */
bool initial_allows(const struct initial *initial, uint32_t realm, uint32_t service,
                    struct policy_decision *ret_decision);

/* As policy_explain. */
size_t initial_explain(const struct initial *initial, uint32_t realm, uint32_t service,
                       struct policy_step *ret_steps, size_t capacity);

/* The smallest change that would allow what was denied, as a sentence; "" if there is none. */
void initial_fix_text(const struct initial *initial, const struct policy_decision *decision, char *text,
                      size_t capacity);

/* Adds an error for each assertion of the scenario that does not hold. */
void initial_check_asserts(const struct initial *initial, struct scenario_problems *problems);

/* Adds a warning for each rule that matches nothing, matches everything, or says what another says. */
void initial_check_rules(const struct mm_config *config, struct scenario_problems *problems);

#endif
