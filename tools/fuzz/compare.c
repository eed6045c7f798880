/* Engine against oracle: answers, capabilities, use, and who may connect. */
#include "tools/fuzz/run.h"

#include <string.h>

/* The page's own words for a status, in failures. */
static const char *status_name(enum oracle_status status)
{
    static const char *const names[] = {"allowed",      "NO_SERVICE", "DENIED",    "EXISTS",   "LIMIT",
                                        "BAD_ARGUMENT", "STALE",      "NOT_CHILD", "INCAPABLE"};
    return names[status];
}

static bool compare_quota(struct run *run, const struct oracle_answer *expected,
                          const struct policy_decision *decision)
{
    int limiting = subject_realm(&run->subject, decision->quota.realm, run->world.realms_count);
    if (limiting != expected->limiting || (int)decision->quota.resource != (int)expected->resource ||
        decision->quota.limit != expected->limit || decision->quota.use != expected->use)
        return run_fails(run, "quota",
                         "limit: engine realm %d resource %d limit %llu use %llu, oracle %d %d %llu %llu",
                         limiting, (int)decision->quota.resource, (unsigned long long)decision->quota.limit,
                         (unsigned long long)decision->quota.use, expected->limiting, (int)expected->resource,
                         (unsigned long long)expected->limit, (unsigned long long)expected->use);
    return true;
}

bool compare_answers(struct run *run, const struct oracle_event *event, const struct oracle_answer *expected,
                     const struct policy_decision *decision)
{
    enum oracle_status status = subject_status(decision->status);
    const char *rule = decision->rule == POLICY_RULE_NONE ? "" : policy_rule_name(decision->rule);
    run->counts->comparisons++;
    if (status != expected->status || strcmp(rule, expected->rule) != 0)
        return run_fails(run, status != expected->status ? "answer" : "rule",
                         "engine: %s by '%s', oracle: %s by '%s'", status_name(status), rule,
                         status_name(expected->status), expected->rule);
    struct policy_place place = subject_place(expected->where, expected->service, expected->entry);
    if (place.line && (place.line != decision->place.line || place.column != decision->place.column))
        return run_fails(run, "place", "engine: %u:%u, oracle: %u:%u", decision->place.line,
                         decision->place.column, place.line, place.column);
    if (expected->status == ORACLE_LIMIT && strcmp(expected->rule, "quota") == 0)
        return compare_quota(run, expected, decision);
    if (event->kind == ORACLE_CONNECT && expected->status == ORACLE_ALLOWED &&
        subject_rights(decision->rights) != expected->rights)
        return run_fails(run, "rights", "engine: %#x, oracle: %#x", subject_rights(decision->rights),
                         expected->rights);
    return true;
}

/* --- the capabilities that there are --- */

static const char *difference(const struct run *run, const struct oracle_capability *expected,
                              const struct policy_capability_info *info)
{
    const struct subject *subject = &run->subject;
    int parent = info->parent.index ? subject_ordinal(subject, info->parent) : ORACLE_NONE;
    if (subject_kind(info->kind) != expected->kind)
        return "kind";
    if (subject_rights(info->rights) != expected->rights)
        return "rights";
    if (subject_realm(subject, info->holder, run->world.realms_count) != expected->holder)
        return "holder";
    if (parent != expected->parent || (info->parent.index && parent == ORACLE_NONE))
        return "parent";
    if ((expected->kind == ORACLE_IS_SEND || expected->kind == ORACLE_IS_ENDPOINT ||
         expected->kind == ORACLE_IS_NAME) &&
        subject_service(subject, info->service, run->example->system.services_count) != expected->service)
        return "service";
    if (expected->kind == ORACLE_IS_SEND && info->badge != expected->badge)
        return "badge";
    if (expected->kind == ORACLE_IS_SEND && subject_ordinal(subject, info->root) != expected->endpoint)
        return "endpoint";
    if (expected->kind == ORACLE_IS_REALM &&
        subject_realm(subject, info->realm, run->world.realms_count) != expected->realm)
        return "realm";
    if (expected->kind == ORACLE_IS_GATE && info->gate != expected->gate)
        return "gate";
    if (expected->kind == ORACLE_IS_MEMORY &&
        (info->window.offset != expected->offset || info->window.size != expected->size))
        return "window";
    if (info->sealed != expected->sealed)
        return "seal";
    return NULL;
}

bool compare_capabilities(struct run *run)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    size_t live = 0, seen = 0;
    for (size_t i = 0; i < run->world.capabilities_count; i++)
        live += run->world.capabilities[i].state == ORACLE_LIVE;
    while (policy_next_capability(run->subject.policy, &cursor, &info)) {
        int ordinal = subject_ordinal(&run->subject, info.capability);
        if (ordinal == ORACLE_NONE)
            return run_fails(run, "capabilities", "the engine has one that nothing made");
        const struct oracle_capability *expected = &run->world.capabilities[ordinal];
        if (expected->state != ORACLE_LIVE)
            return run_fails(run, "removal", "capability %d is live in the engine, and should not be",
                             ordinal);
        const char *what = difference(run, expected, &info);
        if (what)
            return run_fails(run, "capabilities", "capability %d differs in its %s", ordinal, what);
        if (++seen > live)
            break;
    }
    run->counts->comparisons += seen;
    if (seen != live)
        return run_fails(run, "removal", "the engine has %zu live capabilities, the oracle %zu", seen, live);
    return true;
}

bool compare_use(struct run *run, int realm, enum oracle_resource resource)
{
    struct policy_usage usage;
    if (run->world.removed[realm])
        return true;
    run->counts->comparisons++;
    if (policy_get_usage(run->subject.policy, run->subject.realms[realm], (enum policy_resource)resource,
                         &usage) != 0)
        return run_fails(run, "use", "the engine does not know realm %d", realm);
    uint64_t expected = oracle_use(&run->world, realm, resource);
    if (usage.use != expected)
        return run_fails(run, "use", "realm %d uses %llu of resource %d says the engine, %llu the oracle",
                         realm, (unsigned long long)usage.use, (int)resource, (unsigned long long)expected);
    if (usage.limit != run->world.realms[realm].limits[resource])
        return run_fails(run, "use",
                         "realm %d has a limit of %llu of resource %d says the engine, %llu the oracle",
                         realm, (unsigned long long)usage.limit, (int)resource,
                         (unsigned long long)run->world.realms[realm].limits[resource]);
    return true;
}

/* One cell of the matrix. Quota is asked last by both, so it is compared, too. */
static bool compare_connect(struct run *run, int realm, int service)
{
    const struct oracle_event event = {.kind = ORACLE_CONNECT,
                                       .actor = realm,
                                       .subject = ORACLE_NONE,
                                       .source = ORACLE_NONE,
                                       .via = ORACLE_NONE,
                                       .name = run->example->system.services[service].names[0]};
    struct oracle_answer answer;
    struct policy_event engine_event;
    struct policy_decision decision;
    subject_event(&run->subject, &event, 0, &engine_event);
    policy_decide(run->subject.policy, &engine_event, &decision);
    oracle_decide(&run->world, &event, &answer);
    if (compare_answers(run, &event, &answer, &decision))
        return true;
    run->verdict.check = "matrix";
    return false;
}

bool compare_everything(struct run *run)
{
    for (size_t realm = 0; realm < run->world.realms_count; realm++) {
        for (unsigned resource = 0; resource < ORACLE_RESOURCES; resource++)
            if (!compare_use(run, (int)realm, (enum oracle_resource)resource))
                return false;
        if (run->world.removed[realm])
            continue;
        bool runs = realm == ORACLE_INIT || run->world.running[realm];
        if (policy_running(run->subject.policy, run->subject.realms[realm]) != runs)
            return run_fails(run, "running", "realm %zu", realm);
        for (size_t service = 0; service < run->example->system.services_count; service++)
            if (!compare_connect(run, (int)realm, (int)service))
                return false;
    }
    return true;
}
