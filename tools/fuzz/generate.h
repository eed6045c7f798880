/*
 * From bytes to a case, by type: the bytes are choices, and each choice is among what makes sense now, most
 * of the time. So any bytes are a case, most of what they ask for is possible, and a small change of the
 * bytes is a small change of the case: that is what lets coverage guide the search.
 *
 * The first GENERATE_SYSTEM bytes choose the system; each further GENERATE_RECORD bytes one operation, by the
 * world as it is then. What is not there counts as zeros.
 */
#ifndef TOOLS_FUZZ_GENERATE_H
#define TOOLS_FUZZ_GENERATE_H

#include "tools/fuzz/run.h"

#define GENERATE_SYSTEM 96u
#define GENERATE_RECORD 20u
#define GENERATE_MAX    (GENERATE_SYSTEM + GENERATE_RECORD * FUZZ_OPERATIONS)

/* A small system of the bytes' choice: realms, services, lists, limits; and the names that operations use. */
void generate_system(const uint8_t *bytes, size_t size, struct fuzz_case *ret_case);

/* The names that operations on a system use: its services' and some that are nothing's. */
void generate_names(struct fuzz_case *example);

/* The next operation. */
void generate_operation(const struct run *run, const uint8_t *record, size_t size, int identity,
                        struct fuzz_operation *ret_operation);

/*
 * Makes a case of the bytes and runs it: its system from the bytes, or, if fixed is there, that one. Every
 * realm that is no template is started first. *ret_case is what was run, also if something did not hold
 * (false).
 */
bool generate_and_run(struct run *run, const uint8_t *bytes, size_t size, const struct fuzz_case *fixed,
                      struct run_counts *counts, struct fuzz_case *ret_case, struct run_verdict *ret_verdict);

#endif
