/*
 * The derivation tree: making capabilities, moving them, ending them.
 *
 * Ending marks; clearing follows (clear.c). Nothing here can fail or takes memory.
 */
#ifndef MM_POLICY_TREE_H
#define MM_POLICY_TREE_H

#include <stdint.h>

#include "mm/policy/state.h"

/* How many capabilities START gives a realm. */
uint32_t policy_endowment(const struct policy *policy, uint32_t realm);

/* Makes a root with all rights of its kind and charges its holder. Return: its index. */
uint32_t policy_tree_root(struct policy *policy, uint32_t holder, enum policy_kind kind, uint32_t object,
                          struct policy_window window);
/* Makes a child of the source: an endpoint's is a send, else the kind stays. */
uint32_t policy_tree_derive(struct policy *policy, uint32_t source, uint32_t holder, uint32_t rights,
                            uint64_t badge, struct policy_window window);
void policy_tree_move(struct policy *policy, uint32_t capability, uint32_t holder);

/* From now on dead: all that was derived from it; itself alone (what was derived from it becomes its
 * parent's; a root is killed); itself, a root, with all that was derived from it. */
void policy_tree_revoke(struct policy *policy, uint32_t capability);
void policy_tree_delete(struct policy *policy, uint32_t capability);
void policy_tree_kill(struct policy *policy, uint32_t capability);

/* Takes a dead one without children out of everything and gives its slot and quota back. */
void policy_tree_clear(struct policy *policy, uint32_t capability);
/* Makes a child of a deleted capability its parent's. */
void policy_tree_inherit(struct policy *policy, uint32_t child);

#endif
