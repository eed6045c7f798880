/*
 * Lists of rules. They only ever grow, at the end, by doubling.
 */
#include "mm/policy/entries.h"

#include <string.h>

#include "mm/policy/live.h"
#include "mm/policy/patterns.h"

#define FIRST_CAPACITY 4u

bool policy_entry_valid(const struct policy *policy, const struct policy_entry *entry)
{
    switch (entry->match) {
    case POLICY_MATCH_REALM:
        return policy_realm_known(policy, entry->realm) &&
               policy_realm_at(policy, entry->realm.index)->template_of == 0;
    case POLICY_MATCH_PATH:
        return policy_pattern_valid(entry->pattern);
    case POLICY_MATCH_CHILDREN:
    case POLICY_MATCH_DESCENDANTS:
    case POLICY_MATCH_ALL:
        return true;
    }
    return false;
}

static size_t size_of(uint32_t capacity)
{
    return sizeof(struct entry_list) + capacity * sizeof(struct entry_record);
}

static int make_room(struct policy *policy, struct entry_list **list)
{
    uint32_t capacity = *list ? (*list)->capacity : 0;
    if (*list && (*list)->count < capacity)
        return 0;
    uint32_t grown = capacity > 0 ? capacity * 2 : FIRST_CAPACITY;
    if (grown > POLICY_CAPACITY_MAX)
        return POLICY_NO_MEMORY;
    struct entry_list *moved =
        policy_memory_resize(&policy->memory, *list, *list ? size_of(capacity) : 0, size_of(grown));
    if (!moved)
        return POLICY_NO_MEMORY;
    if (capacity == 0)
        moved->count = 0;
    moved->capacity = grown;
    *list = moved;
    return 0;
}

int policy_entries_add(struct policy *policy, struct entry_list **list, const struct policy_entry *entry,
                       uint32_t order)
{
    char *pattern = NULL;
    uint32_t pattern_size = entry->match == POLICY_MATCH_PATH ? (uint32_t)entry->pattern.size : 0;
    if (pattern_size > 0) {
        pattern = policy_memory_resize(&policy->memory, NULL, 0, pattern_size);
        if (!pattern)
            return POLICY_NO_MEMORY;
        memcpy(pattern, entry->pattern.text, pattern_size);
    }
    int error = make_room(policy, list);
    if (error) {
        policy_memory_free(&policy->memory, pattern, pattern_size);
        return error;
    }
    (*list)->entries[(*list)->count++] = (struct entry_record){.match = entry->match,
                                                               .realm = entry->realm.index,
                                                               .rights = entry->rights,
                                                               .order = order,
                                                               .place = entry->place,
                                                               .pattern = pattern,
                                                               .pattern_size = pattern_size};
    return 0;
}

void policy_entries_deinit(struct policy *policy, struct entry_list *list)
{
    const struct entry_list *all = policy_entries(list);
    for (uint32_t i = 0; i < all->count; i++)
        policy_memory_free(&policy->memory, all->entries[i].pattern, all->entries[i].pattern_size);
    policy_memory_free(&policy->memory, list, size_of(all->capacity));
}

static bool is_proper_ancestor(const struct policy *policy, uint32_t ancestor, uint32_t realm)
{
    do
        realm = policy_realm_at(policy, realm)->parent;
    while (realm != 0 && realm != ancestor);
    return realm != 0;
}

static bool path_matches(const struct policy *policy, const struct entry_record *entry, uint32_t realm)
{
    struct policy_name components[POLICY_DEPTH_MAX];
    size_t count = policy_realm_at(policy, realm)->depth;
    for (size_t i = count; i > 0; i--) {
        const struct realm_rest *rest = policy_rest_at(policy, realm);
        components[i - 1] = (struct policy_name){rest->name, rest->name_size};
        realm = policy_realm_at(policy, realm)->parent;
    }
    return policy_pattern_matches((struct policy_name){entry->pattern, entry->pattern_size}, components,
                                  count);
}

bool policy_entry_matches(const struct policy *policy, const struct entry_record *entry, uint32_t realm,
                          uint32_t provider)
{
    switch (entry->match) {
    case POLICY_MATCH_REALM:
        return policy_declaration(policy, realm) == entry->realm;
    case POLICY_MATCH_CHILDREN:
        return policy_realm_at(policy, realm)->parent == provider;
    case POLICY_MATCH_DESCENDANTS:
        return is_proper_ancestor(policy, provider, realm);
    case POLICY_MATCH_ALL:
        return true;
    case POLICY_MATCH_PATH:
        return path_matches(policy, entry, realm);
    }
    return false;
}

const struct entry_record *policy_denied(const struct policy *policy, uint32_t service, uint32_t realm)
{
    const struct entry_list *deny = policy_entries(policy_service_at(policy, service)->deny);
    uint32_t provider = deny->count > 0 ? policy_provider(policy, service) : 0;
    for (uint32_t i = 0; i < deny->count; i++) {
        if (policy_entry_matches(policy, &deny->entries[i], realm, provider))
            return &deny->entries[i];
    }
    return NULL;
}
