/*
 * The nearest word: for messages that ask "did you mean …?".
 */
#ifndef REALM_CORE_NEAREST_H
#define REALM_CORE_NEAREST_H

#include <stddef.h>

/*
 * The candidate that takes the fewest edits to become word: a byte put in, taken out or changed, or two
 * neighbours swapped. At most a third of the word's length of them (but at least 1, at most 3), and fewer
 * than would change everything; of equals, the first. NULL if there is none, or if word is longer than 64
 * bytes. Strings are NUL-terminated; candidates that are NULL are skipped.
 */
const char *realm_nearest(const char *word, const char *const *candidates, size_t count);

#endif
