/*
 * Quoted scalars of YAML, undone here: libfyaml 0.7.12 leaks memory for some of them and gets others wrong
 * (quotes beside quotes, a continued line before an empty one).
 */
#ifndef SIM_BOOT_YAML_QUOTED_H
#define SIM_BOOT_YAML_QUOTED_H

#include <stddef.h>

/*
 * Undoes the quoting of the scalar whose text begins at `text`, behind its opening quote, and goes on for at
 * most size bytes; quote is ' or ". Line breaks fold as YAML says. *ret_text is the caller's, *ret_size bytes
 * and a NUL; it may hold a NUL of its own.
 * Return: 0; REALM_E_BAD_ARGUMENT: it does not end, or has an escape that YAML does not; -ENOMEM.
 */
int yaml_quoted(const char *text, size_t size, char quote, char **ret_text, size_t *ret_size);

#endif
