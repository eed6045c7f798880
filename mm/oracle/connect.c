/* Who may connect: the ten rules of section 3, in their order. */
#include "mm/oracle/facts.h"

#include <string.h>

int oracle_service(const struct oracle_world *world, const char *name)
{
    for (size_t i = 0; i < world->system->services_count; i++)
        for (size_t j = 0; j < world->system->services[i].names_count; j++)
            if (strcmp(world->system->services[i].names[j], name) == 0)
                return (int)i;
    return ORACLE_NONE;
}

static bool allow(const char *rule, uint32_t rights, struct oracle_answer *ret_answer)
{
    fact_answer(ORACLE_ALLOWED, rule, ret_answer);
    ret_answer->rights = rights;
    return true;
}

static bool by_config_grant(const struct oracle_world *world, int actor, int service,
                            struct oracle_answer *ret_answer)
{
    for (size_t i = 0; i < world->system->grants_count; i++) {
        const struct oracle_config_grant *grant = &world->system->grants[i];
        if (grant->service != service || !(grant->to.rights & ORACLE_SEND) ||
            !fact_entry_matches(world, &grant->to, service, actor))
            continue;
        allow("grant", grant->to.rights, ret_answer);
        ret_answer->where = ORACLE_IN_GRANTS;
        ret_answer->entry = i;
        return true;
    }
    return false;
}

/* To the actor itself, or to what it is an instance of. */
static bool by_parent_grant(const struct oracle_world *world, int actor, int service,
                            struct oracle_answer *ret_answer)
{
    int names[2] = {actor, world->realms[actor].instance_of};
    for (size_t n = 0; n < 2; n++)
        for (size_t i = 0; i < world->given_count; i++)
            if (world->given[i].child == names[n] && world->given[i].service == service &&
                world->given[i].giver == world->realms[actor].parent)
                return allow("parent grant", world->given[i].rights, ret_answer);
    return false;
}

static bool by_hierarchy(const struct oracle_world *world, int actor, int service,
                         struct oracle_answer *ret_answer)
{
    int provider = fact_provider(world, service);
    if (world->system->children_call_parents && fact_is_child(world, actor, provider))
        return allow("child of provider", ORACLE_SEND, ret_answer);
    if (world->system->parents_call_children && fact_is_child(world, provider, actor))
        return allow("parent of provider", ORACLE_SEND, ret_answer);
    if (world->system->siblings_call && actor != ORACLE_INIT && provider != ORACLE_INIT &&
        world->realms[actor].parent == world->realms[provider].parent &&
        world->realms[actor].parent != ORACLE_INIT)
        return allow("sibling of provider", ORACLE_SEND, ret_answer);
    return false;
}

static bool by_access(const struct oracle_world *world, int actor, int service,
                      struct oracle_answer *ret_answer)
{
    static const char *const rules[] = {
        [ORACLE_BY_REALM] = "access: realm",
        [ORACLE_BY_CHILDREN] = "access: children",
        [ORACLE_BY_DESCENDANTS] = "access: descendants",
        [ORACLE_BY_ALL] = "access: all",
        [ORACLE_BY_PATH] = "access: path",
    };
    const struct oracle_list *access = &world->system->services[service].access;
    size_t entry = fact_first_match(world, access, service, actor);
    if (entry == SIZE_MAX)
        return false;
    uint32_t rights = access->entries[entry].rights;
    allow(rules[access->entries[entry].match], rights ? rights : (uint32_t)ORACLE_SEND, ret_answer);
    ret_answer->where = ORACLE_IN_ACCESS;
    ret_answer->service = service;
    ret_answer->entry = entry;
    return true;
}

bool oracle_may_connect(const struct oracle_world *world, int actor, int service,
                        struct oracle_answer *ret_answer)
{
    if (fact_is_provider_itself(world, actor, service)) {
        fact_answer(ORACLE_DENIED, "self", ret_answer);
        return false;
    }
    size_t denied = fact_first_match(world, &world->system->services[service].deny, service, actor);
    if (denied != SIZE_MAX) {
        fact_answer(ORACLE_DENIED, "deny", ret_answer);
        ret_answer->where = ORACLE_IN_DENY;
        ret_answer->service = service;
        ret_answer->entry = denied;
        return false;
    }
    if (by_config_grant(world, actor, service, ret_answer) ||
        by_parent_grant(world, actor, service, ret_answer) ||
        by_hierarchy(world, actor, service, ret_answer) || by_access(world, actor, service, ret_answer))
        return true;
    fact_answer(ORACLE_DENIED, "default", ret_answer);
    return false;
}
