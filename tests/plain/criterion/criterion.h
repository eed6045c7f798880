/*
 * Criterion's words without Criterion: what does not hold ends the program, with its place. So a fuzz target
 * can live in a world of the unit tests (tests/unit/broker/world.h), and a program of its own can run unit
 * tests a thousand times over (tests/mutants/trial.c).
 */
#ifndef TESTS_PLAIN_CRITERION_H
#define TESTS_PLAIN_CRITERION_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((format(printf, 4, 5))) static inline void
plain_require(int holds, const char *condition, const char *place, const char *words, ...)
{
    if (holds)
        return;
    va_list arguments;
    va_start(arguments, words);
    fprintf(stderr, "%s: does not hold: %s: ", place, condition);
    vfprintf(stderr, words, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    abort();
}

#define PLAIN_TEXT_OF(number) #number
#define PLAIN_TEXT(number)    PLAIN_TEXT_OF(number)
#define PLAIN_REQUIRE(condition, ...)                                                                        \
    plain_require(condition, #condition, __FILE__ ":" PLAIN_TEXT(__LINE__), "" __VA_ARGS__)

#define cr_assert(condition, ...)      PLAIN_REQUIRE(condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)        PLAIN_REQUIRE((a) == (b), __VA_ARGS__)
#define cr_assert_neq(a, b, ...)       PLAIN_REQUIRE((a) != (b), __VA_ARGS__)
#define cr_assert_lt(a, b, ...)        PLAIN_REQUIRE((a) < (b), __VA_ARGS__)
#define cr_assert_leq(a, b, ...)       PLAIN_REQUIRE((a) <= (b), __VA_ARGS__)
#define cr_assert_gt(a, b, ...)        PLAIN_REQUIRE((a) > (b), __VA_ARGS__)
#define cr_assert_geq(a, b, ...)       PLAIN_REQUIRE((a) >= (b), __VA_ARGS__)
#define cr_assert_null(a, ...)         PLAIN_REQUIRE((a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...)     PLAIN_REQUIRE((a) != NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)    PLAIN_REQUIRE(strcmp(a, b) == 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) PLAIN_REQUIRE(memcmp(a, b, n) == 0, __VA_ARGS__)

#define cr_assert_not(condition, ...) PLAIN_REQUIRE(!(condition), __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)  PLAIN_REQUIRE(strcmp(a, b) != 0, __VA_ARGS__)

/* Tests that are linked in, for who runs them. */
struct plain_test {
    const char *name;
    void (*run)(void);
    struct plain_test *next;
};
extern struct plain_test *plain_tests;

#define Test(suite, test, ...)                                                                               \
    static void suite##_##test(void);                                                                        \
    __attribute__((constructor)) static void suite##_##test##_add(void)                                      \
    {                                                                                                        \
        static struct plain_test one = {.name = #suite "/" #test, .run = suite##_##test};                    \
        one.next = plain_tests;                                                                              \
        plain_tests = &one;                                                                                  \
    }                                                                                                        \
    static void suite##_##test(void)

#endif
