/*
 * What must hold whatever the page says in detail, asked of the engine alone: no authority without a path to
 * a root; rights never grow; after a revoke nothing derived works; what is used is what is held; and the rule
 * that an allow names is enough by itself.
 */
#include "tools/fuzz/run.h"

#include <string.h>

/* What may be given away of a capability with these rights. */
static uint32_t to_give(enum policy_kind kind, uint32_t rights)
{
    uint32_t common = rights & (ORACLE_GRANT | ORACLE_MINT | ORACLE_REVOKE);
    return kind == POLICY_KIND_ENDPOINT ? common | ORACLE_SEND : rights;
}

/* A root exists only where something is behind it that is there now. */
static bool root_is_founded(struct run *run, const struct policy_capability_info *info)
{
    switch (info->kind) {
    case POLICY_KIND_SEND:
        return run_fails(run, "no path", "a send without an endpoint above it");
    case POLICY_KIND_REALM:
        return policy_running(run->subject.policy, info->realm) ||
               run_fails(run, "no path", "a capability of a realm that does not run");
    default:
        return true;
    }
}

bool invariants_hold(struct run *run)
{
    struct policy *policy = run->subject.policy;
    struct policy_capability_info info, parent;
    uint32_t cursor = 0;
    while (policy_next_capability(policy, &cursor, &info)) {
        if (!policy_running(policy, info.holder))
            return run_fails(run, "no path", "what does not run holds something");
        if (info.rights & ~policy_kind_rights(info.kind))
            return run_fails(run, "rights grow", "a right that no %s can have", policy_kind_name(info.kind));
        if (info.parent.index == 0) {
            if (!root_is_founded(run, &info))
                return false;
            continue;
        }
        if (!policy_capability_get(policy, info.parent, &parent))
            return run_fails(run, "no path", "a live capability below a dead one");
        if (subject_rights(info.rights) & ~to_give(parent.kind, subject_rights(parent.rights)))
            return run_fails(run, "rights grow", "more rights than what it was derived from");
    }
    return true;
}

/* Found from the leaves up: each capability asks whether the one that is revoked is above it. */
static unsigned generations_above(const struct run *run, struct policy_capability from,
                                  struct policy_capability top)
{
    struct policy_capability_info info;
    for (unsigned count = 0; policy_capability_get(run->subject.policy, from, &info); count++) {
        if (from.index == top.index && from.generation == top.generation)
            return count;
        from = info.parent;
    }
    return 0;
}

void invariants_look_below(const struct run *run, const struct policy_event *event,
                           struct invariants_below *ret_below)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    ret_below->count = 0;
    ret_below->generations = 0;
    while (policy_next_capability(run->subject.policy, &cursor, &info)) {
        unsigned generations = generations_above(run, info.capability, event->capability);
        if (generations == 0)
            continue;
        ret_below->holders[ret_below->count] = info.holder;
        ret_below->list[ret_below->count++] = info.capability;
        if (generations > ret_below->generations)
            ret_below->generations = generations;
    }
}

bool invariants_nothing_works(struct run *run, const struct invariants_below *below)
{
    struct policy_capability_info info;
    struct policy_decision decision;
    for (size_t i = 0; i < below->count; i++) {
        struct policy_event use = {.kind = POLICY_DERIVE,
                                   .actor = below->holders[i],
                                   .subject = below->holders[i],
                                   .capability = below->list[i],
                                   .mode = POLICY_MOVE};
        policy_decide(run->subject.policy, &use, &decision);
        if (decision.status == 0 || policy_capability_get(run->subject.policy, below->list[i], &info))
            return run_fails(run, "revoked works",
                             "something that was derived from what was revoked still works");
    }
    return true;
}

/* --- the rule alone --- */

/* The system with nothing in it that allows or denies, but the one rule. */
static void only_rule(const struct oracle_system *system, int service, const struct oracle_answer *answer,
                      struct oracle_system *ret_system)
{
    *ret_system = *system;
    ret_system->grants_count = 0;
    ret_system->children_call_parents = strcmp(answer->rule, "child of provider") == 0;
    ret_system->parents_call_children = strcmp(answer->rule, "parent of provider") == 0;
    ret_system->siblings_call = strcmp(answer->rule, "sibling of provider") == 0;
    for (size_t i = 0; i < system->realms_count; i++)
        for (size_t j = 0; j < ORACLE_RESOURCES; j++)
            ret_system->realms[i].limits[j] = ORACLE_NO_LIMIT;
    for (size_t i = 0; i < system->services_count; i++)
        ret_system->services[i].deny.count = ret_system->services[i].access.count = 0;
    if (answer->where == ORACLE_IN_GRANTS)
        ret_system->grants[ret_system->grants_count++] = system->grants[answer->entry];
    if (answer->where == ORACLE_IN_ACCESS) {
        struct oracle_list *access = &ret_system->services[service].access;
        access->entries[access->count++] = system->services[service].access.entries[answer->entry];
    }
}

/* The smallest engine that has the rule asks the same; the provider's endpoint is where it was. */
bool invariants_rule_suffices(struct run *run, const struct oracle_event *event,
                              const struct oracle_answer *answer)
{
    static struct oracle_system alone;
    struct policy_decision decision;
    struct policy_event asked;
    int service = oracle_service(&run->world, event->name);
    int holder = ORACLE_NONE;
    for (size_t i = 0; i < run->world.capabilities_count; i++)
        if (run->world.capabilities[i].state == ORACLE_LIVE &&
            run->world.capabilities[i].kind == ORACLE_IS_ENDPOINT &&
            run->world.capabilities[i].service == service)
            holder = run->world.capabilities[i].holder;
    /* A parent's grant is no rule of a scenario, and instances are not declared: these are left out. An
     * endpoint that somebody else than its declared provider holds makes "the provider" another. */
    if (strcmp(answer->rule, "parent grant") == 0 ||
        (size_t)event->actor >= run->example->system.realms_count ||
        holder != run->example->system.services[service].provider)
        return true;
    only_rule(&run->example->system, service, answer, &alone);
    const char *why;
    static struct subject other;
    if (!subject_open_beside(&other, &alone, &why))
        return run_fails(run, "rule alone", "%s", why);
    subject_event(&other, event, 0, &asked);
    policy_would_connect(other.policy, &asked, &decision);
    bool same = decision.rule != POLICY_RULE_NONE &&
                strcmp(policy_rule_name(decision.rule), answer->rule) == 0 &&
                subject_rights(decision.rights) == answer->rights;
    const char *rule = policy_rule_name(decision.rule);
    subject_close(&other);
    return same ||
           run_fails(run, "rule alone", "'%s' allowed it; alone, the answer is '%s'", answer->rule, rule);
}
