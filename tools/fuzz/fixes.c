/*
 * Applying the fix turns the denial. `realm explain` and the event `denied` name the smallest change of the
 * scenario; here it is found for a CONNECT that was denied, applied, and held against the oracle: in the
 * mended system, with nothing but the actor's and the provider's own run, the same CONNECT is allowed. The
 * oracle has the mended system by way of the configuration, so the finder's engine has no say in it.
 */
#include "tools/fuzz/run.h"

#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/fix.h"
#include "tools/fuzz/config.h"

/* The system as a configuration. All strings are borrowed. */
struct told {
    struct mm_config config;
    struct mm_realm realms[ORACLE_REALMS];
    struct mm_service services[ORACLE_SERVICES];
    struct mm_alias aliases[ORACLE_SERVICES][ORACLE_NAMES];
    struct mm_access access[ORACLE_SERVICES][ORACLE_ENTRIES];
    struct mm_grant grants[ORACLE_GRANTS];
    struct mm_deny denies[ORACLE_SERVICES * ORACLE_ENTRIES];
};

static char *text(const char *borrowed)
{
    return (char *)(uintptr_t)borrowed;
}

static uint32_t number_of(int realm)
{
    return realm == ORACLE_INIT ? MM_INIT : (uint32_t)realm - 1;
}

static uint32_t rights_of(uint32_t rights)
{
    return (rights & ORACLE_SEND ? REALM_RIGHT_SEND : 0u) | (rights & ORACLE_GRANT ? REALM_RIGHT_GRANT : 0u) |
           (rights & ORACLE_MINT ? REALM_RIGHT_MINT : 0u) |
           (rights & ORACLE_REVOKE ? REALM_RIGHT_REVOKE : 0u);
}

static struct mm_access access_of(const struct oracle_entry *entry)
{
    static const enum mm_access_kind kinds[] = {[ORACLE_BY_REALM] = MM_ACCESS_REALM,
                                                [ORACLE_BY_CHILDREN] = MM_ACCESS_CHILDREN,
                                                [ORACLE_BY_DESCENDANTS] = MM_ACCESS_DESCENDANTS,
                                                [ORACLE_BY_ALL] = MM_ACCESS_ALL,
                                                [ORACLE_BY_PATH] = MM_ACCESS_PATH};
    return (struct mm_access){.kind = kinds[entry->match],
                              .realm = entry->match == ORACLE_BY_REALM ? number_of(entry->realm) : 0,
                              .pattern = entry->match == ORACLE_BY_PATH ? text(entry->pattern) : NULL,
                              .rights = rights_of(entry->rights)};
}

static void tell_service(const struct oracle_service *service, uint32_t number, struct told *told)
{
    told->services[number] = (struct mm_service){.name = text(service->names[0]),
                                                 .provider = number_of(service->provider),
                                                 .access = told->access[number],
                                                 .access_count = service->access.count,
                                                 .aliases = told->aliases[number],
                                                 .aliases_count = service->names_count - 1};
    for (size_t i = 1; i < service->names_count; i++)
        told->aliases[number][i - 1] = (struct mm_alias){.name = text(service->names[i])};
    for (size_t i = 0; i < service->access.count; i++)
        told->access[number][i] = access_of(&service->access.entries[i]);
    for (size_t i = 0; i < service->deny.count; i++)
        told->denies[told->config.denies_count++] =
            (struct mm_deny){.service = number, .who = access_of(&service->deny.entries[i])};
}

static void tell(const struct oracle_system *system, struct told *told)
{
    memset(told, 0, sizeof *told);
    told->config = (struct mm_config){.realms = told->realms,
                                      .realms_count = system->realms_count - 1,
                                      .services = told->services,
                                      .services_count = system->services_count,
                                      .grants = told->grants,
                                      .grants_count = system->grants_count,
                                      .denies = told->denies};
    told->config.hierarchy.children_to_parent = system->children_call_parents ? MM_CHOICE_YES : MM_CHOICE_NO;
    told->config.hierarchy.parent_to_children = system->parents_call_children ? MM_CHOICE_YES : MM_CHOICE_NO;
    told->config.hierarchy.siblings = system->siblings_call ? MM_CHOICE_YES : MM_CHOICE_NO;
    for (size_t i = 1; i < system->realms_count; i++)
        told->realms[i - 1] = (struct mm_realm){.name = text(system->realms[i].name),
                                                .parent = number_of(system->realms[i].parent)};
    for (size_t i = 0; i < system->services_count; i++)
        tell_service(&system->services[i], (uint32_t)i, told);
    for (size_t i = 0; i < system->grants_count; i++) {
        struct mm_access who = access_of(&system->grants[i].to);
        told->grants[i] = (struct mm_grant){.realm = who.realm,
                                            .service = (uint32_t)system->grants[i].service,
                                            .rights = who.rights,
                                            .pattern = who.pattern};
    }
}

/* Starts a realm with all above it. */
static void start(struct oracle_world *world, int realm)
{
    struct oracle_event event = {.kind = ORACLE_START,
                                 .actor = ORACLE_INIT,
                                 .subject = realm,
                                 .source = ORACLE_NONE,
                                 .via = ORACLE_NONE};
    if (realm == ORACLE_INIT || world->running[realm])
        return;
    start(world, world->realms[realm].parent);
    oracle_apply(world, &event);
}

/* What the oracle says to the CONNECT in a system in which only those concerned run. */
static void ask_oracle(const struct oracle_system *system, int actor, const char *name,
                       struct oracle_answer *ret_answer)
{
    static struct oracle_world world;
    struct oracle_event event = {.kind = ORACLE_REGISTER,
                                 .subject = ORACLE_NONE,
                                 .source = ORACLE_NONE,
                                 .via = ORACLE_NONE,
                                 .name = name};
    oracle_world_init(&world, system);
    event.actor = system->services[oracle_service(&world, name)].provider;
    start(&world, event.actor);
    start(&world, actor);
    oracle_decide(&world, &event, ret_answer);
    if (ret_answer->status != ORACLE_ALLOWED)
        return;
    oracle_apply(&world, &event);
    event.kind = ORACLE_CONNECT;
    event.actor = actor;
    oracle_decide(&world, &event, ret_answer);
}

/* The mended system, and the oracle's word on it. */
static bool turns(struct run *run, const struct oracle_event *event, const struct mm_config *config,
                  const struct edits *edits)
{
    static struct fuzz_case mended;
    struct edits_variation variation;
    struct oracle_answer answer;
    const char *why;
    if (edits_apply(config, edits, &variation) != 0)
        return run_fails(run, "fix", "the fix cannot be applied");
    bool small = config_case(&variation.config, &mended, &why);
    if (small)
        ask_oracle(&mended.system, event->actor, event->name, &answer);
    bool good = !small || answer.status == ORACLE_ALLOWED ||
                run_fails(run, "fix", "%s to %s: %zu edits, and then it is still refused by '%s'",
                          run->world.realms[event->actor].name, event->name, edits->count, answer.rule);
    edits_variation_deinit(&variation);
    return good;
}

bool invariants_fix_turns(struct run *run, const struct oracle_event *event)
{
    static struct told told;
    struct edits edits;
    struct question question = {.kind = QUESTION_CONNECT, .service = event->name, .rights = REALM_RIGHT_SEND};
    int service = oracle_service(&run->world, event->name);
    /* Rules of a scenario name declarations; its own service nobody is let call by any. */
    if (service == ORACLE_NONE || event->actor == ORACLE_INIT ||
        (size_t)event->actor >= run->example->system.realms_count ||
        run->example->system.services[service].provider == event->actor)
        return true;
    tell(&run->example->system, &told);
    whatif_path_of(&told.config, number_of(event->actor), &question.actor);
    int error = fix_find(&told.config, &question, &edits);
    if (error == REALM_E_DENIED)
        return run_fails(run, "fix", "no edit lets %s connect to %s", run->world.realms[event->actor].name,
                         event->name);
    if (error)
        return run_fails(run, "fix", "the finder fails: %d", error);
    return turns(run, event, &told.config, &edits);
}
