/*
 * Making a policy, and the trusted configuration: declarations are checked, then added.
 */
#include "mm/policy/policy.h"

#include <string.h>

#include <realm/error.h>

#include "mm/policy/grants.h"
#include "mm/policy/names.h"
#include "mm/policy/state.h"

#define FIRST_ACCESS_CAPACITY 4

static int add_init_realm(struct policy *policy)
{
    int error = policy_table_reserve(&policy->realms, &policy->memory);
    if (error)
        return error;
    uint32_t index = policy_table_add(&policy->realms);
    realm_assert(index == POLICY_INIT_REALM);
    return 0;
}

int policy_new(const struct policy_memory *memory, const uint8_t hash_key[16], struct policy **ret_policy)
{
    struct policy *policy = policy_memory_resize(memory, NULL, 0, sizeof *policy);
    if (!policy)
        return POLICY_NO_MEMORY;
    *policy = (struct policy){.memory = *memory};
    memcpy(policy->hash_key, hash_key, sizeof policy->hash_key);
    policy_table_init(&policy->realms, sizeof(struct realm_record));
    policy_table_init(&policy->services, sizeof(struct service_record));
    policy_table_init(&policy->names, sizeof(struct name_record));
    policy_table_init(&policy->grants, sizeof(struct grant_record));
    policy_table_init(&policy->capabilities, sizeof(struct capability_record));
    int error = add_init_realm(policy);
    if (error) {
        policy_free(policy);
        return error;
    }
    *ret_policy = policy;
    return 0;
}

void policy_free(struct policy *policy)
{
    if (!policy)
        return;
    const struct policy_memory memory = policy->memory;
    for (uint32_t i = 1; i < policy->services.end; i++) {
        const struct service_record *service = policy_service_at(policy, i);
        policy_memory_free(&memory, service->access, service->access_capacity * sizeof *service->access);
    }
    policy_names_deinit(policy);
    policy_hash_deinit(&policy->grants_index, &memory);
    policy_table_deinit(&policy->realms, &memory);
    policy_table_deinit(&policy->services, &memory);
    policy_table_deinit(&policy->grants, &memory);
    policy_table_deinit(&policy->capabilities, &memory);
    policy_memory_free(&memory, policy, sizeof *policy);
}

struct policy_realm policy_init_realm(const struct policy *policy)
{
    return policy_realm_handle(policy, POLICY_INIT_REALM);
}

struct policy_realm policy_parent(const struct policy *policy, struct policy_realm realm)
{
    uint32_t parent = policy_realm_known(policy, realm) ? policy_realm_at(policy, realm.index)->parent : 0;
    return parent != 0 ? policy_realm_handle(policy, parent) : (struct policy_realm){0, 0};
}

/* Rules of the configuration outlive instances, so they name declarations only. */
static bool is_declaration(const struct policy *policy, struct policy_realm realm)
{
    return policy_realm_known(policy, realm) && policy_realm_at(policy, realm.index)->template_of == 0;
}

int policy_add_realm(struct policy *policy, struct policy_realm parent, struct policy_realm template_of,
                     struct policy_realm *ret_realm)
{
    bool instance = template_of.index != 0 || template_of.generation != 0;
    if (!policy_realm_known(policy, parent))
        return REALM_E_BAD_ARGUMENT;
    if (instance && (!is_declaration(policy, template_of) || template_of.index == POLICY_INIT_REALM))
        return REALM_E_BAD_ARGUMENT;
    int error = policy_table_reserve(&policy->realms, &policy->memory);
    if (error)
        return error;
    uint32_t index = policy_table_add(&policy->realms);
    struct realm_record *realm = policy_realm_at(policy, index);
    realm->parent = parent.index;
    realm->template_of = template_of.index;
    policy_realm_at(policy, parent.index)->children++;
    *ret_realm = policy_realm_handle(policy, index);
    return 0;
}

int policy_add_service(struct policy *policy, struct policy_name name, struct policy_realm provider,
                       struct policy_place place, struct policy_service *ret_service)
{
    if (!is_declaration(policy, provider))
        return REALM_E_BAD_ARGUMENT;
    int error = policy_table_reserve(&policy->services, &policy->memory);
    if (error)
        return error;
    /* The name is what may fail, so it goes first; the service that it means comes to stand in this slot. */
    uint32_t index = policy->services.end;
    error = policy_names_add(policy, name, index);
    if (error)
        return error;
    uint32_t added = policy_table_add(&policy->services);
    realm_assert(added == index); /* services are never removed, so no slot is ever free below the end */
    struct service_record *service = policy_service_at(policy, index);
    service->provider = provider.index;
    service->place = place;
    *ret_service = policy_service_handle(policy, index);
    return 0;
}

int policy_add_alias(struct policy *policy, struct policy_service service, struct policy_name name)
{
    if (!policy_service_known(policy, service))
        return REALM_E_BAD_ARGUMENT;
    return policy_names_add(policy, name, service.index);
}

static bool is_access_kind(enum policy_access kind)
{
    return kind == POLICY_ACCESS_REALM || kind == POLICY_ACCESS_CHILDREN || kind == POLICY_ACCESS_ALL;
}

int policy_add_access(struct policy *policy, struct policy_service service, enum policy_access kind,
                      struct policy_realm realm, struct policy_place place)
{
    if (!policy_service_known(policy, service) || !is_access_kind(kind))
        return REALM_E_BAD_ARGUMENT;
    if (kind == POLICY_ACCESS_REALM && !is_declaration(policy, realm))
        return REALM_E_BAD_ARGUMENT;
    struct service_record *record = policy_service_at(policy, service.index);
    if (record->access_count == record->access_capacity) {
        void *access = record->access;
        int error = policy_memory_grow(&policy->memory, &access, sizeof *record->access,
                                       &record->access_capacity, FIRST_ACCESS_CAPACITY);
        record->access = access;
        if (error)
            return error;
    }
    record->access[record->access_count++] = (struct access_entry){
        .kind = kind, .realm = kind == POLICY_ACCESS_REALM ? realm.index : 0, .place = place};
    return 0;
}

int policy_add_grant(struct policy *policy, struct policy_realm realm, struct policy_service service,
                     uint32_t rights, struct policy_place place)
{
    if (!is_declaration(policy, realm) || !policy_service_known(policy, service))
        return REALM_E_BAD_ARGUMENT;
    int error = policy_grants_reserve(policy);
    if (error)
        return error;
    policy_grants_configure(policy, realm.index, service.index, rights, place);
    return 0;
}

int policy_reserve(struct policy *policy)
{
    int error = policy_table_reserve(&policy->capabilities, &policy->memory);
    return error ? error : policy_grants_reserve(policy);
}

bool policy_next_capability(const struct policy *policy, uint32_t *cursor,
                            struct policy_capability_info *ret_info)
{
    uint32_t index = *cursor + 1;
    while (index < policy->capabilities.end && !policy_table_is_live(&policy->capabilities, index))
        index++;
    if (index >= policy->capabilities.end)
        return false;
    const struct capability_record *record = policy_capability_at(policy, index);
    *ret_info = (struct policy_capability_info){
        .capability = policy_capability_handle(policy, index),
        .holder = policy_realm_handle(policy, record->holder),
        .service = policy_service_handle(policy, record->service),
        .rights = record->rights,
        .badge = record->badge,
    };
    if (record->parent != 0)
        ret_info->parent = policy_capability_handle(policy, record->parent);
    *cursor = index;
    return true;
}
