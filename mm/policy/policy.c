/*
 * Making a policy, and the trusted configuration: declarations are checked, then added.
 */
#include "mm/policy/policy.h"

#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/policy/entries.h"
#include "mm/policy/grants.h"
#include "mm/policy/names.h"
#include "mm/policy/quota.h"
#include "mm/policy/state.h"

static void make_unlimited(struct realm_rest *rest)
{
    for (unsigned i = 0; i < POLICY_RESOURCES; i++)
        rest->limit[i] = POLICY_UNLIMITED;
}

static int reserve_realm(struct policy *policy)
{
    int error = policy_table_reserve(&policy->realms, &policy->memory, 1);
    return error ? error : policy_table_reserve(&policy->rests, &policy->memory, 1);
}

/* The two tables go in step: what is added to one or removed from it is so with the other, too. */
static uint32_t add_realm(struct policy *policy)
{
    uint32_t index = policy_table_add(&policy->realms), rest = policy_table_add(&policy->rests);
    realm_assert(index == rest);
    make_unlimited(policy_rest_at(policy, index));
    return index;
}

static int add_init_realm(struct policy *policy)
{
    int error = reserve_realm(policy);
    if (error)
        return error;
    uint32_t index = add_realm(policy);
    realm_assert(index == POLICY_INIT_REALM);
    policy_realm_at(policy, index)->running = true;
    return 0;
}

int policy_new(const struct policy_memory *memory, const uint8_t hash_key[16], struct policy **ret_policy)
{
    struct policy *policy = policy_memory_resize(memory, NULL, 0, sizeof *policy);
    if (!policy)
        return POLICY_NO_MEMORY;
    *policy = (struct policy){.memory = *memory,
                              .hierarchy = POLICY_CHILDREN_CALL_PARENTS | POLICY_PARENTS_CALL_CHILDREN};
    memcpy(policy->hash_key, hash_key, sizeof policy->hash_key);
    policy_table_init(&policy->realms, sizeof(struct realm_record));
    policy_table_init(&policy->rests, sizeof(struct realm_rest));
    policy_table_init(&policy->services, sizeof(struct service_record));
    policy_table_init(&policy->names, sizeof(struct name_record));
    policy_table_init(&policy->aliases, sizeof(struct name_record));
    policy_table_init(&policy->later, sizeof(struct later_record));
    policy_table_init(&policy->grants, sizeof(struct grant_record));
    policy_table_init(&policy->capabilities, sizeof(struct capability_record));
    policy_table_init(&policy->cuts, sizeof(struct cut_record));
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
        policy_entries_deinit(policy, service->deny);
        policy_entries_deinit(policy, service->grants);
        policy_entries_deinit(policy, service->access);
    }
    for (uint32_t i = 1; i < policy->realms.end; i++) {
        if (policy_table_is_live(&policy->realms, i))
            policy_memory_free(&memory, policy_rest_at(policy, i)->name,
                               policy_rest_at(policy, i)->name_size);
    }
    policy_names_deinit(policy);
    policy_grants_deinit(policy);
    policy_hash_deinit(&policy->holdings_index, &memory);
    policy_table_deinit(&policy->realms, &memory);
    policy_table_deinit(&policy->rests, &memory);
    policy_table_deinit(&policy->services, &memory);
    policy_table_deinit(&policy->capabilities, &memory);
    policy_table_deinit(&policy->cuts, &memory);
    policy_memory_free(&memory, policy, sizeof *policy);
}

/* Rules of the configuration outlive instances, so they name declarations only. */
static bool is_declaration(const struct policy *policy, struct policy_realm realm)
{
    return policy_realm_known(policy, realm) && policy_realm_at(policy, realm.index)->template_of == 0;
}

static int check_declaration(const struct policy *policy, const struct policy_declaration *declaration)
{
    struct policy_realm template_of = declaration->template_of;
    bool instance = template_of.index != 0 || template_of.generation != 0;
    if (!policy_realm_known(policy, declaration->parent))
        return REALM_E_BAD_ARGUMENT;
    if (instance && (!is_declaration(policy, template_of) || template_of.index == POLICY_INIT_REALM))
        return REALM_E_BAD_ARGUMENT;
    if (declaration->name.size == 0 || declaration->name.size > REALM_NAME_MAX)
        return REALM_E_BAD_ARGUMENT;
    bool deep = policy_realm_at(policy, declaration->parent.index)->depth >= POLICY_DEPTH_MAX;
    return deep ? REALM_E_LIMIT : 0;
}

static void endow(struct policy *policy, uint32_t index, const struct policy_declaration *declaration)
{
    struct realm_record *realm = policy_realm_at(policy, index);
    struct realm_rest *rest = policy_rest_at(policy, index);
    rest->place = declaration->place;
    rest->debug = declaration->debug;
    rest->gates = declaration->gates;
    if (realm->template_of == 0)
        return;
    const struct realm_rest *template_of = policy_rest_at(policy, realm->template_of);
    rest->place = template_of->place;
    rest->debug = template_of->debug;
    rest->gates = template_of->gates;
    memcpy(rest->limit, template_of->limit, sizeof rest->limit);
    realm->limited = policy_realm_at(policy, realm->template_of)->limited;
}

int policy_add_realm(struct policy *policy, const struct policy_declaration *declaration,
                     struct policy_realm *ret_realm)
{
    int error = check_declaration(policy, declaration);
    if (!error)
        error = reserve_realm(policy);
    if (error)
        return error;
    char *name = policy_memory_resize(&policy->memory, NULL, 0, declaration->name.size);
    if (!name)
        return POLICY_NO_MEMORY;
    memcpy(name, declaration->name.text, declaration->name.size);
    uint32_t index = add_realm(policy);
    struct realm_record *realm = policy_realm_at(policy, index);
    const struct realm_record *parent = policy_realm_at(policy, declaration->parent.index);
    policy_rest_at(policy, index)->name = name;
    policy_rest_at(policy, index)->name_size = (uint32_t)declaration->name.size;
    realm->parent = declaration->parent.index;
    realm->template_of = declaration->template_of.index;
    realm->depth = (uint8_t)(parent->depth + 1);
    policy_rest_at(policy, realm->parent)->children++;
    policy_rest_at(policy, realm->parent)->records++;
    endow(policy, index, declaration);
    *ret_realm = policy_realm_handle(policy, index);
    return 0;
}

int policy_set_limit(struct policy *policy, struct policy_realm realm, enum policy_resource resource,
                     uint64_t limit)
{
    if (!policy_realm_known(policy, realm) || (unsigned)resource >= POLICY_RESOURCES)
        return REALM_E_BAD_ARGUMENT;
    policy_quota_limit(policy, realm.index, resource, limit);
    return 0;
}

void policy_set_hierarchy(struct policy *policy, unsigned hierarchy)
{
    policy->hierarchy = hierarchy;
}

int policy_add_service(struct policy *policy, struct policy_name name, struct policy_realm provider,
                       struct policy_place place, struct policy_service *ret_service)
{
    if (!is_declaration(policy, provider))
        return REALM_E_BAD_ARGUMENT;
    int error = policy_table_reserve(&policy->services, &policy->memory, 1);
    if (error)
        return error;
    /* The name is what may fail, so it goes first; the service that it means comes to stand in this slot. */
    uint32_t index = policy->services.end;
    error = policy_names_add(policy, name, index, false);
    if (error)
        return error;
    uint32_t added = policy_table_add(&policy->services);
    realm_assert(added == index); /* services are never removed, so no slot is ever free below the end */
    struct service_record *service = policy_service_at(policy, index);
    struct realm_rest *rest = policy_rest_at(policy, provider.index);
    service->provider = provider.index;
    service->place = place;
    service->next = rest->services;
    rest->services = index;
    rest->services_count++;
    *ret_service = policy_service_handle(policy, index);
    return 0;
}

int policy_add_alias(struct policy *policy, struct policy_service service, struct policy_name name)
{
    if (!policy_service_known(policy, service))
        return REALM_E_BAD_ARGUMENT;
    return policy_names_add(policy, name, service.index, true);
}

int policy_add_deny(struct policy *policy, struct policy_service service, const struct policy_entry *entry)
{
    if (!policy_service_known(policy, service) || !policy_entry_valid(policy, entry))
        return REALM_E_BAD_ARGUMENT;
    return policy_entries_add(policy, &policy_service_at(policy, service.index)->deny, entry, 0);
}

int policy_add_access(struct policy *policy, struct policy_service service, const struct policy_entry *entry)
{
    uint32_t possible = policy_kind_rights(POLICY_KIND_SEND);
    if (!policy_service_known(policy, service) || !policy_entry_valid(policy, entry) ||
        (entry->rights & ~possible) != 0 || (entry->rights & REALM_RIGHT_SEND) == 0)
        return REALM_E_BAD_ARGUMENT;
    return policy_entries_add(policy, &policy_service_at(policy, service.index)->access, entry, 0);
}

int policy_add_grant(struct policy *policy, struct policy_service service, const struct policy_entry *entry)
{
    if (!policy_service_known(policy, service) || !policy_entry_valid(policy, entry))
        return REALM_E_BAD_ARGUMENT;
    struct policy_entry grant = *entry;
    grant.rights &= policy_kind_rights(POLICY_KIND_SEND);
    if (grant.match == POLICY_MATCH_PATH) {
        struct entry_list **list = &policy_service_at(policy, service.index)->grants;
        int error = policy_entries_add(policy, list, &grant, policy->grants_order + 1);
        policy->grants_order += error == 0;
        return error;
    }
    if (grant.match != POLICY_MATCH_REALM)
        return REALM_E_BAD_ARGUMENT;
    int error = policy_grants_reserve(policy);
    if (error)
        return error;
    policy_grants_configure(policy, grant.realm.index, service.index, grant.rights, grant.place);
    return 0;
}
