/*
 * The lists of rules that a service has: who is denied, who is granted by pattern, and who has access.
 */
#ifndef MM_POLICY_ENTRIES_H
#define MM_POLICY_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/policy/state.h"

/* Whether an entry could stand in any list. */
bool policy_entry_valid(const struct policy *policy, const struct policy_entry *entry);

/* Appends a valid entry. Return: 0; -ENOMEM, and nothing has changed. */
int policy_entries_add(struct policy *policy, struct entry_list **list, const struct policy_entry *entry,
                       uint32_t order);
void policy_entries_deinit(struct policy *policy, struct entry_list *list);

/* A list that may be NULL, as one to go through. */
static inline const struct entry_list *policy_entries(const struct entry_list *list)
{
    static const struct entry_list none = {.count = 0};
    return list ? list : &none;
}

/* Whether it matches the realm, where `provider` serves. */
bool policy_entry_matches(const struct policy *policy, const struct entry_record *entry, uint32_t realm,
                          uint32_t provider);

/* The first entry that denies the service to the realm, or NULL. */
const struct entry_record *policy_denied(const struct policy *policy, uint32_t service, uint32_t realm);

#endif
