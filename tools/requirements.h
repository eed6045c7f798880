/*
 * What a scenario requires of the machine, looked at before anything starts.
 */
#ifndef TOOLS_REQUIREMENTS_H
#define TOOLS_REQUIREMENTS_H

#include <stdbool.h>

#include "librealm/os/os.h"
#include "mm/config/config.h"
#include "mm/sandbox/features.h"
#include "sim/boot/problems.h"

/*
 * Adds an error for each requirement that is not given here. features: what the machine gives, less what
 * --without has taken. waiter: what realms will use.
 */
void requirements_check(const struct mm_config *config, const struct sandbox_features *features,
                        enum realm_waiter_kind waiter, struct scenario_problems *problems);

#endif
