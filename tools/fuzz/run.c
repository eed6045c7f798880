/* Running a case: decide on both sides, compare, apply on both sides, compare again. */
#include "tools/fuzz/run.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool run_fails(struct run *run, const char *check, const char *format, ...)
{
    va_list arguments;
    run->verdict.check = check;
    run->verdict.operation = run->done;
    va_start(arguments, format);
    vsnprintf(run->verdict.detail, sizeof run->verdict.detail, format, arguments);
    va_end(arguments);
    return false;
}

bool run_open(struct run *run, const struct fuzz_case *example, struct run_counts *counts)
{
    const char *why;
    run->example = example;
    run->history_count = 0;
    run->done = 0;
    run->deep_revoke = false;
    run->gave = 0;
    run->counts = counts;
    run->verdict.check = NULL;
    memset(run->made, 0xff, sizeof run->made);
    oracle_world_init(&run->world, &example->system);
    if (!subject_open(&run->subject, &example->system, &why))
        return run_fails(run, "configuration", "%s", why);
    return true;
}

void run_close(struct run *run)
{
    subject_close(&run->subject);
}

int run_realm(const struct run *run, int named)
{
    if (named >= FUZZ_INSTANCE && named < FUZZ_INSTANCE + (int)FUZZ_OPERATIONS)
        return run->made[named - FUZZ_INSTANCE].instance;
    return named >= 0 && (size_t)named < run->example->system.realms_count ? named : ORACLE_NONE;
}

int run_capability(const struct run *run, struct fuzz_capability named)
{
    if (named.operation < 0 || named.operation >= (int)FUZZ_OPERATIONS ||
        run->made[named.operation].capability == ORACLE_NONE || named.nth >= run->made[named.operation].count)
        return ORACLE_NONE;
    return run->made[named.operation].capability + (int)named.nth;
}

static void event_of(const struct run *run, const struct fuzz_operation *operation,
                     struct oracle_event *ret_event)
{
    const char *name =
        operation->name < run->example->names_count ? run->example->names[operation->name] : "";
    *ret_event = (struct oracle_event){
        .kind = (enum oracle_event_kind)operation->kind,
        .actor = run_realm(run, operation->actor),
        .subject = run_realm(run, operation->subject),
        .source = run_capability(run, operation->source),
        .name = operation->kind == ORACLE_INSTANCE ? fuzz_instance_name(operation->identity) : name,
        .rights = operation->rights,
        .mode = operation->mode,
        .badge = operation->badge,
        .offset = operation->offset,
        .size = operation->size,
        .via = run_capability(run, operation->via),
        .resource = (enum oracle_resource)operation->resource,
        .amount = operation->amount,
        .remove = operation->remove,
    };
}

/* The world of the whole history. */
static void remake(struct run *run)
{
    oracle_replay(&run->example->system, run->history, run->history_count, &run->world);
}

static bool worlds_equal(const struct oracle_world *a, const struct oracle_world *b)
{
    if (a->capabilities_count != b->capabilities_count || a->given_count != b->given_count ||
        a->realms_count != b->realms_count || a->badges != b->badges)
        return false;
    return memcmp(a->capabilities, b->capabilities, a->capabilities_count * sizeof a->capabilities[0]) == 0 &&
           memcmp(a->running, b->running, sizeof a->running) == 0 &&
           memcmp(a->charges, b->charges, sizeof a->charges) == 0;
}

/* It has happened. Short cases are told from the start again, long ones only at checkpoints. */
static bool remember(struct run *run, const struct oracle_event *event)
{
    static struct oracle_world again;
    run->history[run->history_count++] = *event;
    if (run->done < FUZZ_SHORT) {
        remake(run);
        return true;
    }
    oracle_apply(&run->world, event);
    if (run->done % FUZZ_SHORT == 0) {
        oracle_replay(&run->example->system, run->history, run->history_count, &again);
        if (!worlds_equal(&run->world, &again))
            return run_fails(run, "checkpoint", "the oracle differs from itself");
    }
    return true;
}

/* --- steps of clearing away --- */

struct clearing {
    struct run *run;
    uint64_t count;
};

static void cleared(void *context, const struct policy_capability_info *info)
{
    struct clearing *clearing = context;
    struct run *run = clearing->run;
    int ordinal = subject_ordinal(&run->subject, info->capability);
    clearing->count++;
    if (run->verdict.check)
        return;
    if (!oracle_may_clear(&run->world, ordinal)) {
        run_fails(run, "steps", "capability %d is reported too early, twice, or is not removed", ordinal);
        return;
    }
    if (run->world.capabilities[ordinal].holder !=
        subject_realm(&run->subject, info->holder, run->world.realms_count))
        run_fails(run, "steps", "capability %d is reported with another holder", ordinal);
    else if (run->history_count + 1 < RUN_HISTORY)
        remember(run, &(struct oracle_event){.kind = ORACLE_CLEARED, .source = ordinal});
}

static bool clear(struct run *run, size_t most, bool *ret_all)
{
    struct clearing clearing = {run, 0};
    bool all = policy_clear(run->subject.policy, most, cleared, &clearing);
    if (run->verdict.check)
        return false;
    if (clearing.count > most)
        return run_fails(run, "steps", "%llu reported in %zu steps", (unsigned long long)clearing.count,
                         most);
    if (all)
        for (size_t i = 0; i < run->world.capabilities_count; i++)
            if (run->world.capabilities[i].state == ORACLE_DEAD)
                return run_fails(run, "steps", "nothing is left to do, but capability %zu was never reported",
                                 i);
    *ret_all = all;
    return true;
}

/* --- what an event made gets its names --- */

static bool same_thing(const struct run *run, int ordinal, const struct policy_capability_info *info)
{
    const struct oracle_capability *capability = &run->world.capabilities[ordinal];
    if (subject_kind(info->kind) != capability->kind)
        return false;
    switch (capability->kind) {
    case ORACLE_IS_NAME:
        return subject_service(&run->subject, info->service, run->example->system.services_count) ==
               capability->service;
    case ORACLE_IS_GATE:
        return info->gate == capability->gate;
    default:
        return true;
    }
}

/* The endowment has no order that the page would tell: it is paired by what it is. */
static bool name_endowment(struct run *run, const struct oracle_event *event, size_t first)
{
    struct policy_capability at = {0, 0};
    struct policy_capability_info info;
    struct policy_realm holder = run->subject.realms[event->subject];
    size_t missing = run->world.capabilities_count - first - 1;
    while (missing > 0 && policy_next_held(run->subject.policy, holder, &at, &info)) {
        if (subject_ordinal(&run->subject, info.capability) != ORACLE_NONE)
            continue;
        bool found = false;
        for (size_t i = first + 1; i < run->world.capabilities_count && !found; i++)
            if (run->subject.capabilities[i].index == 0 && same_thing(run, (int)i, &info)) {
                subject_name(&run->subject, (int)i, info.capability);
                found = true;
            }
        if (!found)
            return run_fails(run, "endowment", "START gave something that the page does not give");
        missing--;
    }
    return missing == 0 || run_fails(run, "endowment", "START did not give all of it");
}

static bool name_made(struct run *run, const struct fuzz_operation *operation,
                      const struct oracle_event *event, size_t first, const struct policy_outcome *outcome)
{
    size_t count = run->world.capabilities_count - first;
    if (count == 0)
        return true;
    for (size_t i = first; i < run->world.capabilities_count; i++)
        run->subject.capabilities[i] = (struct policy_capability){0, 0};
    run->made[operation->identity].capability = (int)first;
    run->made[operation->identity].count = (unsigned)count;
    if (outcome->capability.index == 0)
        return run_fails(run, "outcome", "a capability should have been made");
    subject_name(&run->subject, (int)first, outcome->capability);
    return event->kind != ORACLE_START || name_endowment(run, event, first);
}

static bool declare_instance(struct run *run, const struct fuzz_operation *operation,
                             struct oracle_event *event)
{
    int template_of = event->subject;
    if (template_of == ORACLE_NONE || template_of == ORACLE_INIT || run->world.removed[template_of] ||
        run->world.realms[template_of].instance_of != ORACLE_NONE)
        return true; /* nothing that can be declared */
    int number = (int)run->world.realms_count;
    if (!remember(run, event))
        return false;
    run->made[operation->identity].instance = number;
    if (!subject_add_instance(&run->subject, &run->world.realms[number], (size_t)number))
        return run_fails(run, "configuration", "the engine does not take an instance");
    return true;
}

/* --- one operation --- */

static bool apply(struct run *run, const struct fuzz_operation *operation, const struct oracle_event *event,
                  const struct policy_event *engine_event, const struct policy_decision *decision)
{
    static struct invariants_below below;
    struct policy_outcome outcome = {{0, 0}, 0};
    size_t first = run->world.capabilities_count;
    bool revokes = event->kind == ORACLE_TAKE;
    if (revokes) {
        invariants_look_below(run, engine_event, &below);
        run->deep_revoke |= below.generations >= 3;
    }
    if (event->kind == ORACLE_GIVE || (event->kind == ORACLE_DERIVE && event->actor != event->subject)) {
        const int declared = run->world.realms[event->actor].instance_of;
        const int giver = declared == ORACLE_NONE ? event->actor : declared;
        if (giver >= 0)
            run->gave |= UINT64_C(1) << giver;
    }
    policy_apply(run->subject.policy, engine_event, decision, &outcome);
    if (!remember(run, event) || !name_made(run, operation, event, first, &outcome))
        return false;
    return !revokes || invariants_nothing_works(run, &below);
}

static bool decide_and_apply(struct run *run, const struct fuzz_operation *operation,
                             const struct oracle_event *event)
{
    struct policy_event engine_event;
    struct policy_decision decision;
    struct oracle_answer answer;
    unsigned forged = operation->source.operation < 0 ? operation->source.nth : 0;
    subject_event(&run->subject, event, forged, &engine_event);
    if (policy_reserve(run->subject.policy, &engine_event) != 0)
        return run_fails(run, "memory", "the engine takes more memory than a case may need");
    policy_decide(run->subject.policy, &engine_event, &decision);
    oracle_decide(&run->world, event, &answer);
    (answer.status == ORACLE_ALLOWED ? run->counts->allowed : run->counts->refused)[operation->kind]++;
    if (!compare_answers(run, event, &answer, &decision))
        return false;
    if (event->kind == ORACLE_CONNECT && answer.status == ORACLE_DENIED && run->done % 16 == 0 &&
        !invariants_fix_turns(run, event))
        return false;
    if (answer.status != ORACLE_ALLOWED)
        return true;
    if (event->kind == ORACLE_CONNECT && run->done % 8 == 0 && !invariants_rule_suffices(run, event, &answer))
        return false;
    return apply(run, operation, event, &engine_event, &decision);
}

bool run_operation(struct run *run, const struct fuzz_operation *operation)
{
    struct oracle_event event;
    bool all;
    if (!oracle_has_room(&run->world) || run->history_count + 2 * ORACLE_CAPABILITIES >= RUN_HISTORY)
        return false;
    event_of(run, operation, &event);
    bool good;
    if (operation->kind == FUZZ_STEPS)
        good = clear(run, (size_t)operation->amount, &all);
    else if (operation->kind == ORACLE_INSTANCE)
        good = declare_instance(run, operation, &event);
    else
        good = decide_and_apply(run, operation, &event);
    good = good && compare_capabilities(run) && invariants_hold(run) && asserts_hold(run) &&
           compare_use(run, (int)(run->done % run->world.realms_count),
                       (enum oracle_resource)(run->done / 2 % ORACLE_RESOURCES));
    if (!good)
        return false;
    run->done++;
    run->counts->operations++;
    return true;
}

bool run_finish(struct run *run)
{
    bool all = false;
    if (!compare_everything(run))
        return false;
    for (size_t tries = 0; !all; tries++) {
        if (tries > 100 * ORACLE_CAPABILITIES)
            return run_fails(run, "steps", "clearing away never ends");
        if (!clear(run, 1 + tries % 7, &all))
            return false;
    }
    if (!compare_capabilities(run) || !compare_everything(run))
        return false;
    run->counts->sequences++;
    run->counts->deep_revokes += run->deep_revoke;
    return true;
}

bool run_case(struct run *run, const struct fuzz_case *example, struct run_counts *counts,
              struct run_verdict *ret_verdict)
{
    ret_verdict->check = NULL;
    if (!run_open(run, example, counts)) {
        *ret_verdict = run->verdict;
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < example->count && good; i++)
        good = run_operation(run, &example->operations[i]);
    if (!run->verdict.check)
        run_finish(run);
    *ret_verdict = run->verdict;
    run_close(run);
    return !ret_verdict->check;
}
