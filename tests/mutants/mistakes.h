/*
 * Lists of mistakes, made by hand: text that stands in its source exactly once, and what replaces it. A list
 * that has gone stale is an error, no mistake that changes nothing.
 *
 *     = CLASS: NAME
 *     @SOURCE
 *     -lines that go
 *     +lines that come
 *
 * For programs: what is wrong is said, and ends them with status 2.
 */
#ifndef TESTS_MUTANTS_MISTAKES_H
#define TESTS_MUTANTS_MISTAKES_H

#include <stdbool.h>
#include <stddef.h>

#define MISTAKES_TEXT_MAX  (1u << 20) /* of a list or a source */
#define MISTAKES_FIELD_MAX 256u

struct mistake {
    char title[MISTAKES_FIELD_MAX], source[MISTAKES_FIELD_MAX];
    char old[MISTAKES_TEXT_MAX], new[MISTAKES_TEXT_MAX];
};

void mistakes_fail(const char *what, const char *name) __attribute__((noreturn));
/* The whole file as a string; text holds MISTAKES_TEXT_MAX bytes. */
void mistakes_read(const char *path, char *text);
/* The next of a list; *at starts at its beginning. false: there is none. */
bool mistakes_next(const char **at, struct mistake *ret_mistake);
/* Where in the text of its source it is made. */
size_t mistakes_place(const struct mistake *mistake, const char *source);

#endif
