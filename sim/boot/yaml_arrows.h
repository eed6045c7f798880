/*
 * The one place where a scenario is more than YAML: in the section `assert`, `only: [a, b] -> service` is one
 * word, though YAML takes the bracket for the beginning of a list and then stumbles over the arrow.
 */
#ifndef SIM_BOOT_YAML_ARROWS_H
#define SIM_BOOT_YAML_ARROWS_H

#include <stddef.h>

/*
 * A copy of text (size bytes, any) in which each such list, standing in a line of its own entry behind a line
 * `assert:`, has round brackets in place of the square ones: a plain word of YAML, of the same length, so
 * that places stay what they are.
 * Return: the caller's copy; NULL: there is nothing to change, or no memory.
 */
char *yaml_arrows(const char *text, size_t size);

#endif
