/*
 * The fix: the smallest set of edits of a scenario that turns a refusal round (docs/design/diagnosis.md).
 */
#ifndef MM_ANALYSIS_FIX_H
#define MM_ANALYSIS_FIX_H

#include "mm/analysis/edits.h"
#include "mm/analysis/whatif.h"

/*
 * Return: 0: *ret_edits is the smallest set after which the answer is yes; no edits: it is yes already.
 * REALM_E_DENIED: no edit of a scenario makes it so: it is a matter of order or time, or of what a realm
 * is. -ENOMEM. Strings in the edits are borrowed from config and question.
 */
int fix_find(const struct mm_config *config, const struct question *question, struct edits *ret_edits);
/*
 * The edit that raises the quota which a decision ran into, to what would have done. realm: the declaration
 * whose quota it is. Return: false: MM_INIT's, which no scenario sets.
 */
bool fix_quota(uint32_t realm, const struct policy_decision *decision, struct edit *ret_edit);

#endif
