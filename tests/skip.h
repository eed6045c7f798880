/*
 * A test that the machine cannot run says so: Criterion alone keeps quiet about it, and counts it nowhere
 * (and a warning of its own makes the whole program fail). tests/run.sh shows the lines with SKIP.
 */
#ifndef TESTS_SKIP_H
#define TESTS_SKIP_H

#include <criterion/criterion.h>
#include <stdio.h>

/* Says that a part of the test is left out, and why, and goes on. */
#define SKIP_PART(...) (fprintf(stderr, "SKIP: " __VA_ARGS__), fputc('\n', stderr))

/* Leaves the test. */
#define SKIP(...)                                                                                            \
    do {                                                                                                     \
        SKIP_PART(__VA_ARGS__);                                                                              \
        cr_skip_test(__VA_ARGS__);                                                                           \
    } while (0)

#endif
