/* The system of a scenario as the fuzzer's. */
#ifndef TOOLS_FUZZ_CONFIG_H
#define TOOLS_FUZZ_CONFIG_H

#include "mm/config/config.h"
#include "tools/fuzz/case.h"

/*
 * The strings are borrowed from config. false: the scenario is larger than what the oracle tells (its limits
 * stand in mm/oracle/oracle.h), and *ret_why says what is too much (static).
 */
bool config_case(const struct mm_config *config, struct fuzz_case *ret_case, const char **ret_why);

#endif
