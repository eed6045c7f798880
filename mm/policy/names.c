/*
 * Names of services, and their aliases: one namespace, first come, never removed.
 */
#include "mm/policy/names.h"

#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/core/siphash.h"

/* In the index a name is its service's number, which its record has, too; an alias has this bit as well. So
 * who looks a name up can go for its service while the name itself is still being fetched. */
#define ALIAS (UINT32_C(1) << 31)

static struct name_record *name_at(const struct policy *policy, uint32_t value)
{
    return (value & ALIAS) ? policy_table_at(&policy->aliases, value & ~ALIAS)
                           : policy_table_at(&policy->names, value);
}

static uint32_t hash_of(const struct policy *policy, struct policy_name name)
{
    return (uint32_t)realm_siphash(policy->hash_key, name.text, name.size);
}

static const char *text_of(const struct name_record *record)
{
    return record->size <= POLICY_NAME_NEAR ? record->text.near : record->text.far;
}

static bool well_sized(struct policy_name name)
{
    return name.size >= 1 && name.size <= REALM_NAME_MAX;
}

uint32_t policy_names_find(const struct policy *policy, struct policy_name name)
{
    return policy_names_find_by(policy, name, policy_names_hash(policy, name));
}

uint32_t policy_names_hash(const struct policy *policy, struct policy_name name)
{
    uint32_t hash = well_sized(name) ? hash_of(policy, name) : 0;
    policy_hash_prefetch(&policy->names_index, hash);
    return hash;
}

uint32_t policy_names_guess(const struct policy *policy, uint32_t hash)
{
    uint32_t cursor = 0, value = policy_hash_next(&policy->names_index, hash, &cursor);
    if (value == 0 || (value & ALIAS))
        return 0;
    policy_table_prefetch(&policy->services, value);
    policy_table_prefetch(&policy->names, value);
    return value;
}

/* What is no name has the size of none that is kept, so it is not found, whatever its hash. */
uint32_t policy_names_find_by(const struct policy *policy, struct policy_name name, uint32_t hash)
{
    uint32_t cursor = 0, value;
    while ((value = policy_hash_next(&policy->names_index, hash, &cursor)) != 0) {
        const struct name_record *record = name_at(policy, value);
        if (record->size == name.size && memcmp(text_of(record), name.text, name.size) == 0)
            return record->service;
    }
    return 0;
}

int policy_names_add(struct policy *policy, struct policy_name name, uint32_t service, bool alias)
{
    struct policy_table *table = alias ? &policy->aliases : &policy->names;
    if (!well_sized(name))
        return REALM_E_BAD_ARGUMENT;
    uint32_t hash = hash_of(policy, name);
    if (policy_names_find_by(policy, name, hash) != 0)
        return REALM_E_EXISTS;
    int error = policy_table_reserve(table, &policy->memory, 1);
    if (!error)
        error = policy_hash_reserve(&policy->names_index, &policy->memory, 1);
    if (error)
        return error;
    bool far = name.size > POLICY_NAME_NEAR;
    char *text = far ? policy_memory_resize(&policy->memory, NULL, 0, name.size) : NULL;
    if (far && !text)
        return POLICY_NO_MEMORY;
    uint32_t index = policy_table_add(table);
    realm_assert(alias || index == service); /* neither is ever removed, so they go in step */
    struct name_record *record = policy_table_at(table, index);
    record->service = service;
    record->size = (uint32_t)name.size;
    if (far)
        record->text.far = text;
    memcpy(far ? text : record->text.near, name.text, name.size);
    policy_hash_add(&policy->names_index, hash, alias ? index | ALIAS : index);
    return 0;
}

static void deinit(struct policy *policy, struct policy_table *table)
{
    for (uint32_t i = 1; i < table->end; i++) {
        const struct name_record *record = policy_table_at(table, i);
        if (record->size > POLICY_NAME_NEAR)
            policy_memory_free(&policy->memory, record->text.far, record->size);
    }
    policy_table_deinit(table, &policy->memory);
}

void policy_names_deinit(struct policy *policy)
{
    deinit(policy, &policy->names);
    deinit(policy, &policy->aliases);
    policy_hash_deinit(&policy->names_index, &policy->memory);
}

struct policy_service policy_find_service(const struct policy *policy, struct policy_name name)
{
    uint32_t service = policy_names_find(policy, name);
    return service != 0 ? policy_service_handle(policy, service) : (struct policy_service){0, 0};
}
