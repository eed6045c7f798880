/* The parts of initial_check_rules. Private to sim/boot. */
#ifndef SIM_BOOT_INITIAL_RULES_H
#define SIM_BOOT_INITIAL_RULES_H

#include "sim/boot/initial.h"

/* Warns of patterns that meet nothing or everything, and of denials without effect. */
void initial_check_patterns(const struct mm_config *config, struct scenario_problems *problems);

#endif
