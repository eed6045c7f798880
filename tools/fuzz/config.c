/* The system of a scenario as the fuzzer's. Realm 0 is init: a scenario's first realm is 1. */
#include "tools/fuzz/config.h"

#include <string.h>

#include <realm/types.h>

#include "tools/fuzz/generate.h"

static bool too_much(const char *what, const char **ret_why)
{
    *ret_why = what;
    return false;
}

static void add_realm(const struct mm_realm *realm, struct oracle_realm *ret_realm)
{
    memset(ret_realm, 0, sizeof *ret_realm);
    ret_realm->name = realm->name;
    ret_realm->parent = realm->parent == MM_INIT ? ORACLE_INIT : (int)realm->parent + 1;
    ret_realm->instance_of = ORACLE_NONE;
    for (unsigned i = 0; i < ORACLE_RESOURCES; i++)
        ret_realm->limits[i] = ORACLE_NO_LIMIT;
}

static bool add_service(const struct mm_service *service, struct oracle_service *ret_service,
                        const char **ret_why)
{
    static const enum oracle_match matches[] = {[MM_ACCESS_REALM] = ORACLE_BY_REALM,
                                                [MM_ACCESS_CHILDREN] = ORACLE_BY_CHILDREN,
                                                [MM_ACCESS_ALL] = ORACLE_BY_ALL};
    memset(ret_service, 0, sizeof *ret_service);
    if (service->aliases_count + 1 > ORACLE_NAMES)
        return too_much("a service has too many aliases", ret_why);
    if (service->access_count > ORACLE_ENTRIES)
        return too_much("an access list is too long", ret_why);
    ret_service->names[ret_service->names_count++] = service->name;
    for (size_t i = 0; i < service->aliases_count; i++)
        ret_service->names[ret_service->names_count++] = service->aliases[i].name;
    ret_service->provider = (int)service->provider + 1;
    for (size_t i = 0; i < service->access_count; i++) {
        struct oracle_entry *entry = &ret_service->access.entries[ret_service->access.count++];
        entry->match = matches[service->access[i].kind];
        entry->realm = (int)service->access[i].realm + 1;
    }
    return true;
}

bool config_case(const struct mm_config *config, struct fuzz_case *ret_case, const char **ret_why)
{
    struct oracle_system *system = &ret_case->system;
    memset(ret_case, 0, sizeof *ret_case);
    if (config->realms_count + 1 > ORACLE_REALMS / 2)
        return too_much("there are too many realms", ret_why);
    if (config->services_count > ORACLE_SERVICES || config->grants_count > ORACLE_GRANTS)
        return too_much("there are too many services or grants", ret_why);
    system->children_call_parents = system->parents_call_children = true;
    add_realm(&(const struct mm_realm){.name = (char *)"", .parent = MM_INIT}, &system->realms[0]);
    system->realms[0].parent = ORACLE_NONE;
    for (size_t i = 0; i < config->realms_count; i++)
        add_realm(&config->realms[i], &system->realms[i + 1]);
    system->realms_count = config->realms_count + 1;
    for (size_t i = 0; i < config->services_count; i++)
        if (!add_service(&config->services[i], &system->services[i], ret_why))
            return false;
    system->services_count = config->services_count;
    for (size_t i = 0; i < config->grants_count; i++) {
        struct oracle_config_grant *grant = &system->grants[system->grants_count++];
        grant->service = (int)config->grants[i].service;
        grant->to.realm = (int)config->grants[i].realm + 1;
        grant->to.rights = config->grants[i].rights & REALM_RIGHT_SEND ? ORACLE_SEND : 0;
    }
    generate_names(ret_case);
    return true;
}
