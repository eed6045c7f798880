/* The words of a case's text: rights, resources, modes. */
#ifndef TOOLS_FUZZ_WORDS_H
#define TOOLS_FUZZ_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char *const words_rights[9];    /* by bit */
extern const char *const words_resources[6]; /* by enum oracle_resource */
extern const char *const words_modes[3];     /* by enum oracle_mode */

/* The number of a word in a list, or -1. */
int words_find(const char *const *list, size_t count, const char *word, size_t size);
/* "send,grant", "0" for none; what is no right as a number. */
void words_print_rights(uint32_t rights, char *ret_text, size_t size);
bool words_parse_rights(const char *text, uint32_t *ret_rights);
bool words_parse_number(const char *text, uint64_t *ret_number);

#endif
