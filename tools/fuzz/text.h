/*
 * A case as text, and back: what a failure prints, and what --replay and `realm run` read. One line a thing,
 * such as
 *
 *     realm 2 "db" parent=0 gates=1,21 capabilities=6
 *     service 0 "database" "sql" provider=2
 *     access 0 realm=3 rights=send,grant
 *     7 derive actor=3 subject=4 source=6.0 mode=copy rights=send
 *
 * Numbers of realms and services count from 0 (init) in their order; a capability is OPERATION.NTH. What
 * stands after a # is a remark. The text may have been written by anybody: all of it is checked.
 */
#ifndef TOOLS_FUZZ_TEXT_H
#define TOOLS_FUZZ_TEXT_H

#include <stdio.h>

#include "tools/fuzz/case.h"

void text_print(const struct fuzz_case *example, FILE *file);
void text_print_operation(const struct fuzz_case *example, const struct fuzz_operation *operation,
                          FILE *file);

/* The same, as a scenario that `realm run` replays, with what was found in a remark. */
void text_print_scenario(const struct fuzz_case *example, const char *check, const char *detail, FILE *file);

/* The same, as a Criterion test of its own, to be put below tests/unit/fuzz. */
void text_print_test(const struct fuzz_case *example, const char *check, FILE *file);

/*
 * Reads a case. Its strings are borrowed from storage, which the caller keeps (TEXT_STORAGE bytes). Return:
 * 0, or the number of the line that is wrong, and *ret_why says why (static).
 */
#define TEXT_STORAGE 65536u
size_t text_parse(const char *text, char *storage, struct fuzz_case *ret_case, const char **ret_why);

#endif
