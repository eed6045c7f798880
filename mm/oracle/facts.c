/* Small questions about a world. Nothing here is remembered: every answer is found by looking at everything.
 */
#include "mm/oracle/facts.h"

#include <string.h>

bool fact_realm_was(const struct oracle_world *world, int realm)
{
    return realm >= 0 && (size_t)realm < world->realms_count;
}

bool fact_realm_exists(const struct oracle_world *world, int realm)
{
    return fact_realm_was(world, realm) && !world->removed[realm];
}

bool fact_runs(const struct oracle_world *world, int realm)
{
    return fact_realm_exists(world, realm) && (realm == ORACLE_INIT || world->running[realm]);
}

bool fact_is_child(const struct oracle_world *world, int child, int parent)
{
    return child != ORACLE_INIT && world->realms[child].parent == parent;
}

bool fact_is_ancestor(const struct oracle_world *world, int ancestor, int realm)
{
    while (realm != ORACLE_INIT) {
        realm = world->realms[realm].parent;
        if (realm == ancestor)
            return true;
    }
    return false;
}

bool fact_is_or_instance(const struct oracle_world *world, int realm, int declaration)
{
    return realm == declaration || world->realms[realm].instance_of == declaration;
}

bool fact_live(const struct oracle_world *world, int capability)
{
    return capability >= 0 && (size_t)capability < world->capabilities_count &&
           world->capabilities[capability].state == ORACLE_LIVE;
}

bool fact_holds(const struct oracle_world *world, int actor, int capability)
{
    return fact_live(world, capability) &&
           (actor == ORACLE_INIT || world->capabilities[capability].holder == actor);
}

bool fact_derived_from(const struct oracle_world *world, int capability, int ancestor)
{
    do
        capability = world->capabilities[capability].parent;
    while (capability != ORACLE_NONE && capability != ancestor);
    return capability == ancestor;
}

size_t fact_generations(const struct oracle_world *world, int capability)
{
    size_t count = 0;
    while ((capability = world->capabilities[capability].parent) != ORACLE_NONE)
        count++;
    return count;
}

int fact_endpoint(const struct oracle_world *world, int service)
{
    for (size_t i = 0; i < world->capabilities_count; i++) {
        const struct oracle_capability *capability = &world->capabilities[i];
        if (capability->kind == ORACLE_IS_ENDPOINT && capability->service == service &&
            capability->state == ORACLE_LIVE)
            return (int)i;
    }
    return ORACLE_NONE;
}

int fact_provider(const struct oracle_world *world, int service)
{
    int endpoint = fact_endpoint(world, service);
    return endpoint == ORACLE_NONE ? world->system->services[service].provider
                                   : world->capabilities[endpoint].holder;
}

bool fact_is_provider_itself(const struct oracle_world *world, int realm, int service)
{
    int endpoint = fact_endpoint(world, service);
    return (endpoint != ORACLE_NONE && world->capabilities[endpoint].holder == realm) ||
           fact_provides(world, realm, service);
}

bool fact_provides(const struct oracle_world *world, int realm, int service)
{
    return fact_is_or_instance(world, realm, world->system->services[service].provider);
}

uint64_t fact_endowment(const struct oracle_world *world, int realm)
{
    uint64_t count = world->realms[realm].debug ? 1 : 0;
    for (size_t i = 0; i < world->system->services_count; i++)
        count += fact_provides(world, realm, (int)i);
    for (unsigned gate = 1; gate <= ORACLE_GATES; gate++)
        count += world->realms[realm].gates >> gate & 1;
    return count;
}

bool fact_entry_matches(const struct oracle_world *world, const struct oracle_entry *entry, int service,
                        int realm)
{
    char path[ORACLE_PATH_MAX];
    int provider = fact_provider(world, service);
    switch (entry->match) {
    case ORACLE_BY_REALM:
        return fact_is_or_instance(world, realm, entry->realm);
    case ORACLE_BY_CHILDREN:
        return fact_is_child(world, realm, provider);
    case ORACLE_BY_DESCENDANTS:
        return fact_is_ancestor(world, provider, realm);
    case ORACLE_BY_ALL:
        return true;
    case ORACLE_BY_PATH:
        oracle_path(world, realm, path);
        return oracle_pattern_matches(entry->pattern, path);
    }
    return false;
}

size_t fact_first_match(const struct oracle_world *world, const struct oracle_list *list, int service,
                        int realm)
{
    for (size_t i = 0; i < list->count; i++)
        if (fact_entry_matches(world, &list->entries[i], service, realm))
            return i;
    return SIZE_MAX;
}

/* Everything is looked at, and added up if it is charged to the realm or to one below it. */
uint64_t oracle_use(const struct oracle_world *world, int realm, enum oracle_resource resource)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < world->realms_count; i++) {
        bool below = fact_is_ancestor(world, realm, (int)i);
        if (resource == ORACLE_USES_REALMS && below && world->running[i])
            sum++;
        if (below || (int)i == realm)
            sum += world->charges[i][resource];
    }
    for (size_t i = 0; i < world->capabilities_count; i++) {
        const struct oracle_capability *capability = &world->capabilities[i];
        if (capability->state == ORACLE_GONE)
            continue;
        bool memory = capability->kind == ORACLE_IS_MEMORY && capability->parent == ORACLE_NONE;
        int payer = resource == ORACLE_USES_MEMORY && memory ? capability->realm : capability->holder;
        if (payer != realm && !fact_is_ancestor(world, realm, payer))
            continue;
        bool send = capability->kind == ORACLE_IS_SEND;
        if (resource == ORACLE_USES_CAPABILITIES || (resource == ORACLE_USES_CHANNELS && send))
            sum++;
        else if (resource == ORACLE_USES_MEMORY && memory)
            sum += capability->size;
    }
    return sum;
}

/* What the first count charges put on a realm, of one resource. */
static uint64_t put_on(const struct oracle_world *world, const struct fact_charge *charges, size_t count,
                       int realm, enum oracle_resource resource)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        if (charges[i].resource == resource &&
            (charges[i].payer == realm || fact_is_ancestor(world, realm, charges[i].payer)))
            sum += charges[i].amount;
    return sum;
}

bool fact_over_quota(const struct oracle_world *world, const struct fact_charge *charges, size_t count,
                     struct oracle_answer *ret_answer)
{
    for (size_t i = 0; i < count; i++) {
        enum oracle_resource resource = charges[i].resource;
        for (int realm = charges[i].payer; charges[i].amount > 0 && realm != ORACLE_NONE;
             realm = world->realms[realm].parent) {
            uint64_t limit = world->realms[realm].limits[resource];
            if (limit == ORACLE_NO_LIMIT && realm != ORACLE_INIT)
                continue; /* its parent's, which is asked next */
            uint64_t use = oracle_use(world, realm, resource);
            if (use <= limit && put_on(world, charges, i + 1, realm, resource) <= limit - use)
                continue;
            fact_answer(ORACLE_LIMIT, "quota", ret_answer);
            ret_answer->limiting = realm;
            ret_answer->resource = resource;
            ret_answer->limit = limit;
            ret_answer->use = use;
            return true;
        }
    }
    return false;
}

void fact_answer(enum oracle_status status, const char *rule, struct oracle_answer *ret_answer)
{
    memset(ret_answer, 0, sizeof *ret_answer);
    ret_answer->status = status;
    ret_answer->rule = rule;
    ret_answer->service = ORACLE_NONE;
    ret_answer->limiting = ORACLE_NONE;
}

bool oracle_may_clear(const struct oracle_world *world, int capability)
{
    if (capability < 0 || (size_t)capability >= world->capabilities_count ||
        world->capabilities[capability].state != ORACLE_DEAD)
        return false;
    for (size_t i = 0; i < world->capabilities_count; i++)
        if (world->capabilities[i].state != ORACLE_GONE && world->capabilities[i].parent == capability)
            return false;
    return true;
}
