/*
 * The table of attacks as a page: docs/adversary.md is this and nothing else (tests/adversary/table.sh).
 */
#ifndef TESTS_ADVERSARY_TABLE_H
#define TESTS_ADVERSARY_TABLE_H

#include <stdio.h>

/* Return: 0; 1: the table is not sound (a name twice, a row without a goal). */
int table_print(FILE *out);

#endif
