/*
 * The law of docs/design/capabilities.md, as far as it makes authority: who runs, registers, connects, grants
 * and derives. Where the law is narrower than what is said here, the engine refuses the step later.
 */
#include "mm/analysis/facts.h"

#include <string.h>

#include <realm/types.h>

#define RIGHTS   8u /* sets of GRANT, MINT, REVOKE */
#define ALL      7u
#define MAY_GIVE 1u

uint32_t facts_bits(uint32_t rights)
{
    return (rights & REALM_RIGHT_GRANT ? MAY_GIVE : 0u) | (rights & REALM_RIGHT_MINT ? 2u : 0u) |
           (rights & REALM_RIGHT_REVOKE ? 4u : 0u);
}

uint32_t facts_rights(uint32_t bits)
{
    return REALM_RIGHT_SEND | (bits & MAY_GIVE ? REALM_RIGHT_GRANT : 0u) |
           (bits & 2u ? REALM_RIGHT_MINT : 0u) | (bits & 4u ? REALM_RIGHT_REVOKE : 0u);
}

/* --- numbers: kind after kind --- */

/* Which sets of rights there can be: what the rules give, and all, which endpoints give. */
static uint32_t find_sets(const struct population *population)
{
    uint32_t sets = UINT32_C(1) << ALL;
    for (uint32_t service = 0; service < population->config->services_count; service++)
        for (uint32_t server = 0; server <= population->count; server++)
            for (uint32_t actor = 0; actor < population->count; actor++) {
                uint32_t rights = population_ask(population, service, server, actor)->rights;
                if (rights != 0)
                    sets |= UINT32_C(1) << facts_bits(rights);
            }
    return sets;
}

void facts_init(struct facts *facts, const struct population *population, const bool *trusted,
                const bool *servers, uint64_t *work)
{
    uint32_t realms = population->count, services = (uint32_t)population->config->services_count;
    uint32_t objects = services + realms;
    *facts = (struct facts){.population = population,
                            .services = services,
                            .objects = objects,
                            .count = realms *
                                     (1 + services + objects + objects * RIGHTS + services * RIGHTS + realms),
                            .sets = find_sets(population),
                            .trusted = trusted,
                            .servers = servers,
                            .work = work};
}

static uint32_t first_of(const struct facts *facts, enum fact_kind kind)
{
    uint32_t realms = facts->population->count;
    const uint32_t sizes[] = {[FACT_RUN] = 1,
                              [FACT_NAME] = facts->services,
                              [FACT_ENDPOINT] = facts->objects,
                              [FACT_SEND] = facts->objects * RIGHTS,
                              [FACT_GIVEN] = facts->services * RIGHTS,
                              [FACT_LINK] = realms};
    uint32_t first = 0;
    for (int i = 0; i < (int)kind; i++)
        first += sizes[i] * realms;
    return first;
}

uint32_t facts_number(const struct facts *facts, struct fact fact)
{
    uint32_t realms = facts->population->count, first = first_of(facts, fact.kind);
    if (fact.kind == FACT_RUN)
        return first + fact.realm;
    if (fact.kind == FACT_SEND || fact.kind == FACT_GIVEN)
        return first + (fact.object * realms + fact.realm) * RIGHTS + fact.rights;
    return first + fact.object * realms + fact.realm;
}

struct fact facts_fact(const struct facts *facts, uint32_t number)
{
    uint32_t realms = facts->population->count;
    struct fact fact = {.kind = FACT_LINK};
    while (fact.kind > FACT_RUN && number < first_of(facts, fact.kind))
        fact.kind--;
    number -= first_of(facts, fact.kind);
    if (fact.kind == FACT_SEND || fact.kind == FACT_GIVEN) {
        fact.rights = number % RIGHTS;
        number /= RIGHTS;
    }
    fact.object = number / realms;
    fact.realm = number % realms;
    return fact;
}

bool facts_is_given(const struct facts *facts, uint32_t number)
{
    return number < facts->population->count && facts->population->realms[number].boot;
}

/* --- the ways to a fact --- */

struct looker {
    const struct facts *facts;
    facts_visit *visit;
    void *context;
    struct fact goal;
    bool over;
};

#define NEEDS(...)                                                                                           \
    ((const struct fact[]){__VA_ARGS__}), sizeof((const struct fact[]){__VA_ARGS__}) / sizeof(struct fact)
#define RUN(r)                                                                                               \
    {                                                                                                        \
        FACT_RUN, 0, (r), 0                                                                                  \
    }

static void way(struct looker *looker, enum policy_event_kind kind, uint32_t actor, const struct fact *needs,
                size_t count)
{
    struct facts_way found = {.step = {.kind = kind, .actor = actor, .brings = looker->goal},
                              .needs_count = count};
    if (looker->over || *looker->facts->work == 0) {
        looker->over = true;
        return;
    }
    --*looker->facts->work;
    for (size_t i = 0; i < count; i++)
        found.needs[i] = facts_number(looker->facts, needs[i]);
    looker->over = !looker->visit(looker->context, &found);
}

static bool gives(const struct looker *looker, uint32_t realm)
{
    return !looker->facts->trusted[realm];
}

static bool may_serve(const struct facts *facts, uint32_t service, uint32_t realm)
{
    return !facts->servers || facts->servers[service * facts->population->count + realm];
}

/* Whether a `deny` keeps a realm from a service, whoever serves it. */
static bool shut_out(const struct facts *facts, uint32_t service, uint32_t realm)
{
    for (uint32_t server = 0; server < facts->population->count; server++)
        if (server != realm && may_serve(facts, service, server) &&
            population_ask(facts->population, service, server, realm)->rule != POLICY_RULE_DENY)
            return false;
    return true;
}

static void ways_to_run(struct looker *looker)
{
    uint32_t realm = looker->goal.realm, parent = looker->facts->population->realms[realm].parent;
    if (parent == POPULATION_NOBODY)
        way(looker, POLICY_START, parent, NULL, 0);
    else
        way(looker, POLICY_START, parent, NEEDS(RUN(parent)));
}

/* The two ways of a gift: to a child, and along a channel. */
static void ways_to_give(struct looker *looker, uint32_t giver, struct fact source)
{
    uint32_t taker = looker->goal.realm;
    const struct fact link = {FACT_LINK, giver < taker ? giver : taker, giver < taker ? taker : giver, 0};
    if (giver == taker || !gives(looker, giver))
        return;
    if (looker->facts->population->realms[taker].parent == giver)
        way(looker, POLICY_DERIVE, giver, NEEDS(source, RUN(taker)));
    else
        way(looker, POLICY_DERIVE, giver, NEEDS(source, RUN(taker), link));
}

static void ways_to_name(struct looker *looker)
{
    const struct population *population = looker->facts->population;
    struct fact goal = looker->goal;
    if (population_provides(population, goal.realm, goal.object))
        way(looker, 0, goal.realm, NEEDS(RUN(goal.realm)));
    for (uint32_t giver = 0; giver < population->count && !looker->over; giver++)
        ways_to_give(looker, giver, (struct fact){FACT_NAME, goal.object, giver, 0});
}

static void ways_to_endpoint(struct looker *looker)
{
    struct fact goal = looker->goal;
    if (goal.object < looker->facts->services)
        way(looker, POLICY_REGISTER, goal.realm, NEEDS({FACT_NAME, goal.object, goal.realm, 0}));
    else if (goal.object - looker->facts->services == goal.realm && gives(looker, goal.realm))
        way(looker, POLICY_CREATE, goal.realm, NEEDS(RUN(goal.realm)));
}

static void ways_to_connect(struct looker *looker)
{
    const struct population *population = looker->facts->population;
    struct fact goal = looker->goal;
    for (uint32_t server = 0; server < population->count && !looker->over; server++) {
        if (!may_serve(looker->facts, goal.object, server) || server == goal.realm)
            continue;
        const struct fact endpoint = {FACT_ENDPOINT, goal.object, server, 0};
        uint32_t rights = population_ask(population, goal.object, server, goal.realm)->rights;
        if (rights != 0 && facts_bits(rights) == goal.rights)
            way(looker, POLICY_CONNECT, goal.realm, NEEDS(RUN(goal.realm), endpoint));
        if (population_ask(population, goal.object, server, goal.realm)->rule != POLICY_RULE_DENY)
            way(looker, POLICY_CONNECT, goal.realm,
                NEEDS(RUN(goal.realm), endpoint, {FACT_GIVEN, goal.object, goal.realm, goal.rights}));
    }
}

static void ways_to_send(struct looker *looker)
{
    const struct facts *facts = looker->facts;
    struct fact goal = looker->goal;
    bool service = goal.object < facts->services;
    if (service)
        ways_to_connect(looker);
    if (service && shut_out(facts, goal.object, goal.realm))
        return;
    for (uint32_t giver = 0; giver < facts->population->count && !looker->over; giver++) {
        if (goal.rights == ALL)
            ways_to_give(looker, giver, (struct fact){FACT_ENDPOINT, goal.object, giver, 0});
        if (goal.rights & MAY_GIVE)
            ways_to_give(looker, giver, (struct fact){FACT_SEND, goal.object, giver, goal.rights});
    }
}

/* A parent grants what it provides, or could connect to itself with the same rights. */
static void ways_to_given(struct looker *looker)
{
    const struct population *population = looker->facts->population;
    struct fact goal = looker->goal;
    uint32_t parent = population->realms[goal.realm].parent;
    if (parent == POPULATION_NOBODY || !gives(looker, parent) ||
        shut_out(looker->facts, goal.object, goal.realm))
        return;
    if (goal.rights == ALL && population_provides(population, parent, goal.object))
        way(looker, POLICY_GRANT, parent, NEEDS(RUN(parent), RUN(goal.realm)));
    else if (goal.rights == ALL)
        way(looker, POLICY_GRANT, parent, NEEDS({FACT_ENDPOINT, goal.object, parent, 0}, RUN(goal.realm)));
    uint32_t rights = population_ask(population, goal.object, population->count, parent)->rights;
    if (rights != 0 && facts_bits(rights) == goal.rights)
        way(looker, POLICY_GRANT, parent, NEEDS(RUN(parent), RUN(goal.realm)));
    for (uint32_t server = 0; server < population->count; server++) {
        if (server == parent || !may_serve(looker->facts, goal.object, server))
            continue;
        uint32_t with = population_ask(population, goal.object, server, parent)->rights;
        if (with != rights && with != 0 && facts_bits(with) == goal.rights)
            way(looker, POLICY_GRANT, parent,
                NEEDS(RUN(parent), RUN(goal.realm), {FACT_ENDPOINT, goal.object, server, 0}));
    }
    way(looker, POLICY_GRANT, parent,
        NEEDS(RUN(parent), RUN(goal.realm), {FACT_GIVEN, goal.object, parent, goal.rights}));
}

/* Either end may hold the send capability. */
static void ways_to_link(struct looker *looker)
{
    const uint32_t ends[] = {looker->goal.object, looker->goal.realm};
    for (uint32_t object = 0; object < looker->facts->objects; object++) {
        for (uint32_t rights = 0; rights < RIGHTS && !looker->over; rights++) {
            if (!(looker->facts->sets >> rights & 1))
                continue;
            for (int side = 0; side < 2; side++)
                way(looker, 0, ends[side],
                    NEEDS({FACT_SEND, object, ends[side], rights},
                          {FACT_ENDPOINT, object, ends[1 - side], 0}));
        }
    }
}

void facts_ways(const struct facts *facts, uint32_t number, facts_visit *visit, void *context)
{
    struct looker looker = {
        .facts = facts, .visit = visit, .context = context, .goal = facts_fact(facts, number)};
    bool rights = looker.goal.kind == FACT_SEND || looker.goal.kind == FACT_GIVEN;
    if (rights && !(facts->sets >> looker.goal.rights & 1))
        return;
    switch (looker.goal.kind) {
    case FACT_RUN:
        ways_to_run(&looker);
        break;
    case FACT_NAME:
        ways_to_name(&looker);
        break;
    case FACT_ENDPOINT:
        ways_to_endpoint(&looker);
        break;
    case FACT_SEND:
        ways_to_send(&looker);
        break;
    case FACT_GIVEN:
        ways_to_given(&looker);
        break;
    case FACT_LINK:
        ways_to_link(&looker);
        break;
    }
}
