/*
 * What a scenario requires of the machine, looked at before anything starts.
 */
#ifndef TOOLS_REQUIREMENTS_H
#define TOOLS_REQUIREMENTS_H

#include <stdbool.h>

#include "librealm/os/os.h"
#include "mm/config/config.h"
#include "sim/boot/problems.h"

/*
 * Adds an error for each requirement that is not given here, or that this version knows nothing to do about:
 * what is not enforced is not claimed. waiter: what --waiter said.
 */
void requirements_check(const struct mm_config *config, enum realm_waiter_kind waiter,
                        struct scenario_problems *problems);

#endif
