/*
 * Whom a rule means: the entries of `access` and `deny`, the `to` of a grant, the subjects of an assertion.
 *
 * A name is a name, whatever characters it has; a pattern is marked as one: {path: PATTERN}. So no name that
 * is chosen later can come to match more than was written.
 */
#ifndef SIM_BOOT_WHO_H
#define SIM_BOOT_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/boot/reader.h"

#define WHO_PATTERN_MAX 1024u /* bytes of a pattern */

/* Words that mean something in a list and therefore name no realm. */
bool who_is_word(const char *text);

/*
 * An entry of a list: a realm's name, `children`, `descendants`, `all`, or a map {realm: NAME},
 * {who: children}, {path: PATTERN}, each with `rights` if `rights` is true. ret_access->place is the entry's.
 * false: reported.
 */
bool who_read_entry(struct reader *reader, const struct yaml_node *node, const char *what, bool rights,
                    struct mm_access *ret_access);

/* The same where only a realm or a pattern makes sense: who a grant is to. */
bool who_read_to(struct reader *reader, const struct yaml_node *node, struct mm_access *ret_access);

/* A pattern over paths, checked; a copy for the caller. false: reported, or out of memory. */
bool who_read_pattern(struct reader *reader, const struct yaml_node *node, char **ret_pattern);

/* A list of send, grant, mint, revoke, with send in it. false: reported. */
bool who_read_rights(struct reader *reader, const struct yaml_node *node, uint32_t *ret_rights);

#endif
