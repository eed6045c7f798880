/*
 * Names of services, and their aliases: one namespace, first come, never removed.
 */
#include "mm/policy/names.h"

#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "librealm/core/siphash.h"

static struct name_record *name_at(const struct policy *policy, uint32_t index)
{
    return policy_table_at(&policy->names, index);
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

static uint32_t find(const struct policy *policy, struct policy_name name, uint32_t hash)
{
    uint32_t cursor = 0, index;
    while ((index = policy_hash_next(&policy->names_index, hash, &cursor)) != 0) {
        const struct name_record *record = name_at(policy, index);
        if (record->size == name.size && memcmp(text_of(record), name.text, name.size) == 0)
            return record->service;
    }
    return 0;
}

uint32_t policy_names_find(const struct policy *policy, struct policy_name name)
{
    return well_sized(name) ? find(policy, name, hash_of(policy, name)) : 0;
}

int policy_names_add(struct policy *policy, struct policy_name name, uint32_t service)
{
    if (!well_sized(name))
        return REALM_E_BAD_ARGUMENT;
    uint32_t hash = hash_of(policy, name);
    if (find(policy, name, hash) != 0)
        return REALM_E_EXISTS;
    int error = policy_table_reserve(&policy->names, &policy->memory, 1);
    if (!error)
        error = policy_hash_reserve(&policy->names_index, &policy->memory, 1);
    if (error)
        return error;
    bool far = name.size > POLICY_NAME_NEAR;
    char *text = far ? policy_memory_resize(&policy->memory, NULL, 0, name.size) : NULL;
    if (far && !text)
        return POLICY_NO_MEMORY;
    uint32_t index = policy_table_add(&policy->names);
    struct name_record *record = name_at(policy, index);
    record->service = service;
    record->size = (uint32_t)name.size;
    if (far)
        record->text.far = text;
    memcpy(far ? text : record->text.near, name.text, name.size);
    policy_hash_add(&policy->names_index, hash, index);
    return 0;
}

void policy_names_deinit(struct policy *policy)
{
    for (uint32_t i = 1; i < policy->names.end; i++) {
        struct name_record *record = name_at(policy, i);
        if (record->size > POLICY_NAME_NEAR)
            policy_memory_free(&policy->memory, record->text.far, record->size);
    }
    policy_hash_deinit(&policy->names_index, &policy->memory);
    policy_table_deinit(&policy->names, &policy->memory);
}

struct policy_service policy_find_service(const struct policy *policy, struct policy_name name)
{
    uint32_t service = policy_names_find(policy, name);
    return service != 0 ? policy_service_handle(policy, service) : (struct policy_service){0, 0};
}
