/*
 * The user's assertions, judged in each state: `never: web -> database` is broken when web, or an instance of
 * it, holds a channel to the service; `only: [a, b] -> network`, when anybody else does who is not the
 * provider; `always: web -> logger`, when it runs and may not connect. Whoever serves at the moment is no
 * client of its own service, whatever names it: `realm check` judges so, too.
 */
#include "tools/fuzz/run.h"

static bool is_meant(const struct run *run, const struct fuzz_assert *row, int realm)
{
    int declared = run->world.realms[realm].instance_of;
    if (declared == ORACLE_NONE)
        declared = realm;
    if (row->realms >> declared & 1)
        return true;
    /* A pattern does not forbid the provider what is its own. */
    if (row->kind != FUZZ_ALWAYS && declared == run->example->system.services[row->service].provider)
        return false;
    char path[ORACLE_PATH_MAX];
    oracle_path(&run->world, realm, path);
    for (size_t i = 0; i < row->paths_count; i++)
        if (oracle_pattern_matches(row->paths[i], path))
            return true;
    return false;
}

/* never and only look at who holds a send, as the engine has it. */
static bool holders_are_right(struct run *run, const struct fuzz_assert *row)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    while (policy_next_capability(run->subject.policy, &cursor, &info)) {
        if (info.kind != POLICY_KIND_SEND || (row->rights & ~subject_rights(info.rights)) != 0 ||
            subject_service(&run->subject, info.service, run->example->system.services_count) != row->service)
            continue;
        int holder = subject_realm(&run->subject, info.holder, run->world.realms_count);
        if (holder != ORACLE_NONE && is_meant(run, row, holder) == (row->kind == FUZZ_NEVER))
            return run_fails(run, "assert", "%s holds a channel to %s",
                             holder == ORACLE_INIT ? "init" : run->world.realms[holder].name,
                             run->example->system.services[row->service].names[0]);
    }
    return true;
}

static bool serves(const struct run *run, int realm, int service)
{
    struct policy_capability_info info;
    uint32_t cursor = 0;
    while (policy_next_capability(run->subject.policy, &cursor, &info))
        if (info.kind == POLICY_KIND_ENDPOINT &&
            subject_service(&run->subject, info.service, run->example->system.services_count) == service &&
            subject_realm(&run->subject, info.holder, run->world.realms_count) == realm)
            return true;
    return false;
}

static bool all_may(struct run *run, const struct fuzz_assert *row)
{
    const char *name = run->example->system.services[row->service].names[0];
    struct oracle_event connect = {.kind = ORACLE_CONNECT,
                                   .subject = ORACLE_NONE,
                                   .source = ORACLE_NONE,
                                   .via = ORACLE_NONE,
                                   .name = name};
    struct policy_event event;
    struct policy_decision decision;
    for (size_t realm = 1; realm < run->world.realms_count; realm++) {
        if (run->world.removed[realm] || !run->world.running[realm] || !is_meant(run, row, (int)realm))
            continue;
        connect.actor = (int)realm;
        subject_event(&run->subject, &connect, 0, &event);
        policy_would_connect(run->subject.policy, &event, &decision);
        if (decision.rule == POLICY_RULE_SELF && serves(run, (int)realm, row->service))
            continue;
        if (subject_status(decision.status) == ORACLE_DENIED ||
            (row->rights & ~subject_rights(decision.rights) &&
             subject_status(decision.status) == ORACLE_ALLOWED))
            return run_fails(run, "assert", "%s may not connect to %s", run->world.realms[realm].name, name);
    }
    return true;
}

bool asserts_hold(struct run *run)
{
    for (size_t i = 0; i < run->example->asserts_count; i++) {
        const struct fuzz_assert *row = &run->example->asserts[i];
        if (row->trust & run->gave)
            continue;
        if (row->kind == FUZZ_ALWAYS ? !all_may(run, row) : !holders_are_right(run, row))
            return false;
    }
    return true;
}
