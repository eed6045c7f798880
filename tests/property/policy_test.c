/*
 * The policy engine against a naive model of it: random systems, random sequences of events, many of them
 * nonsense. After each event the two agree on the decision, on what was removed and on what is left.
 */
#include "tests/property/policy_model.h"
#include "tests/property/random.h"
#include "tests/unit/policy/world.h"

#include "mm/policy/state.h"

#define SEQUENCES 1000
#define EVENTS    150
#define DECISIONS (POLICY_RULE_SELF + 1)

static const char *const names[] = {"database", "logger", "vfs", "*", "data*", "endpoint:1", "port:7", "n"};
#define NAMES (sizeof names / sizeof names[0])

struct run {
    struct world world;
    struct model model;
    struct random random;
    uint64_t seed;
    size_t step;
    struct removals gone;
    size_t configured; /* grants of the configuration that the engine keeps */
    uint64_t last_badge;
    size_t allowed[DECISIONS], denied[DECISIONS]; /* how often each rule decided */
};

#define HOLD(run, condition)                                                                                 \
    cr_assert((condition), "seed %llu, step %zu", (unsigned long long)(run)->seed, (run)->step)

static bool chance(struct run *run, size_t percent)
{
    return random_below(&run->random, 100) < percent;
}

static int any(struct run *run, int count)
{
    return (int)random_below(&run->random, (size_t)count);
}

static struct policy_place any_place(struct run *run)
{
    return (struct policy_place){1 + (uint32_t)any(run, 1000), 1 + (uint32_t)any(run, 80)};
}

/* --- drawing: mostly what exists, sometimes what is gone, rarely what never was --- */

static int live_realm(struct run *run)
{
    int realm;
    do
        realm = any(run, run->model.realm_count);
    while (run->model.realms[realm].gone);
    return realm;
}

static int declared_realm(struct run *run)
{
    int realm;
    do
        realm = any(run, run->model.realm_count);
    while (run->model.realms[realm].template_of != MODEL_NONE);
    return realm;
}

static struct policy_realm any_realm(struct run *run)
{
    if (chance(run, 94))
        return run->model.realms[live_realm(run)].handle;
    if (chance(run, 60))
        return run->model.realms[any(run, run->model.realm_count)].handle;
    return (struct policy_realm){(uint32_t)any(run, 40), (uint32_t)any(run, 4)};
}

static struct policy_realm any_child(struct run *run, struct policy_realm parent)
{
    if (chance(run, 70)) {
        for (int tries = 0; tries < 30; tries++) {
            const struct model_realm *realm = &run->model.realms[live_realm(run)];
            if (realm->parent == model_find_realm(&run->model, parent))
                return realm->handle;
        }
    }
    return any_realm(run);
}

static struct policy_name any_name(struct run *run)
{
    static const char odd[] = "data\0base";
    if (chance(run, 95))
        return name_of(names[any(run, NAMES)]);
    return (struct policy_name){odd, random_below(&run->random, sizeof odd)};
}

static struct policy_capability any_capability(struct run *run)
{
    const struct model *model = &run->model;
    if (model->capability_count == 0 || chance(run, 5))
        return (struct policy_capability){(uint32_t)any(run, 20), (uint32_t)any(run, 6)};
    int capability = any(run, model->capability_count);
    for (int tries = 0; tries < 20 && model->capabilities[capability].gone; tries++)
        capability = any(run, model->capability_count);
    return model->capabilities[capability].handle;
}

/* --- the system --- */

/* Lets memory be short now and then. Return: whether the call went through; if not, nothing has changed. */
static bool went_through(struct run *run, int error)
{
    HOLD(run, error == 0 || (error == POLICY_NO_MEMORY && run->world.memory.fail_at != 0));
    test_memory_fail(&run->world.memory, 0);
    return error == 0;
}

static void maybe_short_of_memory(struct run *run)
{
    test_memory_fail(&run->world.memory, chance(run, 10) ? 1 + random_below(&run->random, 3) : 0);
}

static void add_realm(struct run *run, int parent, int template_of)
{
    struct model *model = &run->model;
    struct policy_realm of = template_of == MODEL_NONE ? no_realm : model->realms[template_of].handle, realm;
    maybe_short_of_memory(run);
    if (went_through(run, policy_add_realm(run->world.policy, model->realms[parent].handle, of, &realm))) {
        HOLD(run, model_find_realm(model, realm) == MODEL_NONE);
        model->realms[model->realm_count++] = (struct model_realm){realm, parent, template_of, false};
    }
}

static void add_name(struct run *run, struct policy_name name)
{
    struct model *model = &run->model;
    int service = model->service_count;
    bool alias = service > 0 && chance(run, 30);
    bool taken = model_find_name(model, name) != MODEL_NONE;
    struct model_service added = {.provider = declared_realm(run), .place = any_place(run)};
    maybe_short_of_memory(run);
    int error;
    if (alias) {
        service = any(run, model->service_count);
        error = policy_add_alias(run->world.policy, model->services[service].handle, name);
    } else {
        error = policy_add_service(run->world.policy, name, model->realms[added.provider].handle, added.place,
                                   &added.handle);
    }
    if (taken) {
        HOLD(run, error == REALM_E_EXISTS || error == POLICY_NO_MEMORY);
        test_memory_fail(&run->world.memory, 0);
    } else if (went_through(run, error)) {
        model->names[model->name_count++] = (struct model_name){name, service};
        if (!alias)
            model->services[model->service_count++] = added;
    }
}

static void add_access(struct run *run)
{
    struct model *model = &run->model;
    struct model_access access = {any(run, model->service_count), declared_realm(run),
                                  (enum policy_access)(any(run, 20) * 3 / 20), any_place(run)};
    if (access.kind == POLICY_ACCESS_ALL && chance(run, 60))
        access.kind = POLICY_ACCESS_REALM;
    maybe_short_of_memory(run);
    if (went_through(run, policy_add_access(run->world.policy, model->services[access.service].handle,
                                            access.kind, model->realms[access.realm].handle, access.place)))
        model->access[model->access_count++] = access;
}

static void add_grant(struct run *run)
{
    struct model *model = &run->model;
    struct model_grant grant = {.realm = declared_realm(run),
                                .service = any(run, model->service_count),
                                .giver = MODEL_NONE,
                                .rights = (uint32_t)any(run, 8),
                                .place = any_place(run)};
    size_t before = run->world.policy->grants.live;
    maybe_short_of_memory(run);
    if (went_through(run, policy_add_grant(run->world.policy, model->realms[grant.realm].handle,
                                           model->services[grant.service].handle, grant.rights, grant.place)))
        model->grants[model->grant_count++] = grant;
    run->configured += run->world.policy->grants.live - before;
}

static void run_init(struct run *run, uint64_t seed)
{
    run->seed = seed;
    run->step = 0;
    run->random.state = seed;
    run->configured = 0;
    run->last_badge = 0;
    world_init(&run->world);
    model_init(&run->model, run->world.init);
    for (int i = 4 + any(run, 12); i > 0; i--)
        add_realm(run, live_realm(run), MODEL_NONE);
    while (run->model.service_count == 0)
        add_name(run, name_of(names[0]));
    for (size_t i = 1; i < NAMES; i++)
        add_name(run, name_of(names[i]));
    for (int i = any(run, 6); i > 0; i--)
        add_access(run);
    for (int i = any(run, 6); i > 0; i--)
        add_grant(run);
}

/* An instance of some declaration, usually beside it; or, rarely, a change of the configuration. */
static void change_system(struct run *run)
{
    int declared = declared_realm(run);
    size_t choice = random_below(&run->random, 10);
    if (choice < 7 && declared != 0 && run->model.realm_count < 300) {
        int beside = run->model.realms[declared].parent;
        add_realm(run, chance(run, 70) ? beside : live_realm(run), declared);
    } else if (choice == 7) {
        add_access(run);
    } else if (choice == 8) {
        add_grant(run);
    } else {
        add_name(run, name_of(names[any(run, NAMES)]));
    }
}

/* --- events --- */

static enum policy_event_kind any_kind(struct run *run)
{
    static const enum policy_event_kind often[] = {
        POLICY_REGISTER, POLICY_REGISTER,   POLICY_REGISTER,   POLICY_CONNECT, POLICY_CONNECT,
        POLICY_CONNECT,  POLICY_CONNECT,    POLICY_CONNECT,    POLICY_CONNECT, POLICY_GRANT,
        POLICY_GRANT,    POLICY_GRANT,      POLICY_SPAWN,      POLICY_KILL,    POLICY_END,
        POLICY_END,      POLICY_DISCONNECT, POLICY_UNREGISTER,
    };
    return often[any(run, sizeof often / sizeof often[0])];
}

static struct policy_event any_event(struct run *run)
{
    const struct model *model = &run->model;
    struct policy_event event = {
        .kind = any_kind(run),
        .actor = any_realm(run),
        .service = any_name(run),
        .capability = any_capability(run),
        .rights = chance(run, 90) ? REALM_RIGHT_SEND : (uint32_t)any(run, 4),
        .remove = chance(run, 50),
    };
    event.subject = any_child(run, event.actor);
    int service = model_find_name(model, event.service);
    if (event.kind == POLICY_REGISTER && service != MODEL_NONE && chance(run, 50))
        event.actor = model->realms[model->services[service].provider].handle;
    int held = model_find_capability(model, event.capability);
    if ((event.kind == POLICY_UNREGISTER || event.kind == POLICY_DISCONNECT) && held != MODEL_NONE &&
        chance(run, 70))
        event.actor = model->realms[model->capabilities[held].holder].handle;
    return event;
}

static bool same_place(struct policy_place a, struct policy_place b)
{
    return a.line == b.line && a.column == b.column;
}

static void hold_same(struct run *run, const struct policy_decision *real,
                      const struct policy_decision *expected)
{
    if (expected->status == MODEL_REFUSED)
        HOLD(run, real->status == REALM_E_STALE || real->status == REALM_E_BAD_ARGUMENT);
    else
        HOLD(run, real->status == expected->status);
    HOLD(run, real->rule == expected->rule);
    HOLD(run, same_place(real->place, expected->place));
    HOLD(run, real->fix.kind == expected->fix.kind);
    HOLD(run, same_realm(real->fix.realm, expected->fix.realm));
    HOLD(run, same_service(real->fix.service, expected->fix.service));
    HOLD(run, same_service(real->service, expected->service));
    HOLD(run, same_realm(real->provider, expected->provider));
    HOLD(run, real->registered == expected->registered);
}

static struct policy_decision decide_both(struct run *run, const struct policy_event *event)
{
    struct policy_decision real = decide(&run->world, *event);
    struct policy_decision expected = model_decide(&run->model, event);
    hold_same(run, &real, &expected);
    return real;
}

/* An explanation ends with the rule that decided, and with nothing else that matched. */
static void hold_explained(struct run *run, const struct policy_event *event,
                           const struct policy_decision *decision)
{
    struct policy_step steps[64];
    size_t count = policy_explain(run->world.policy, event, steps, 64);
    if (decision->rule == POLICY_RULE_NONE) {
        HOLD(run, count == 0);
        return;
    }
    HOLD(run, count >= 1 && count <= 64);
    for (size_t i = 0; i < count; i++)
        HOLD(run, steps[i].matched == (i == count - 1));
    HOLD(run, steps[count - 1].rule == decision->rule);
    HOLD(run, same_place(steps[count - 1].place, decision->place));
}

/* --- what is left, and what went --- */

static void hold_same_capabilities(struct run *run)
{
    const struct model *model = &run->model;
    struct policy_capability_info info, parent;
    uint32_t cursor = 0;
    int count = 0;
    while (policy_next_capability(run->world.policy, &cursor, &info)) {
        int i = model_find_capability(model, info.capability);
        HOLD(run, i != MODEL_NONE && !model->capabilities[i].gone);
        const struct model_capability *expected = &model->capabilities[i];
        bool endpoint = expected->parent == MODEL_NONE;
        HOLD(run, same_realm(info.holder, model->realms[expected->holder].handle));
        HOLD(run, same_service(info.service, model->services[expected->service].handle));
        HOLD(run, info.badge == expected->badge);
        HOLD(run, info.rights == (endpoint ? REALM_RIGHT_RECV : REALM_RIGHT_SEND));
        HOLD(run, endpoint == same_capability(info.parent, no_capability));
        if (!endpoint) {
            HOLD(run, same_capability(info.parent, model->capabilities[expected->parent].handle));
            HOLD(run, has_capability(&run->world, info.parent, &parent));
            HOLD(run, parent.rights == REALM_RIGHT_RECV && same_service(parent.service, info.service));
        }
        count++;
    }
    for (int i = 0; i < model->capability_count; i++)
        count -= !model->capabilities[i].gone;
    HOLD(run, count == 0);
}

/* Each thing that went was there before, is not any more, and went before what it was derived from. */
static void hold_removals(struct run *run, const struct model *before)
{
    size_t expected = 0;
    for (int i = 0; i < before->capability_count; i++)
        expected += !before->capabilities[i].gone && run->model.capabilities[i].gone;
    HOLD(run, run->gone.count == expected);
    for (size_t i = 0; i < run->gone.count; i++) {
        const struct removal *removal = &run->gone.list[i];
        int k = model_find_capability(before, removal->capability);
        HOLD(run, k != MODEL_NONE && !before->capabilities[k].gone && run->model.capabilities[k].gone);
        const struct model_capability *capability = &before->capabilities[k];
        HOLD(run, same_realm(removal->holder, before->realms[capability->holder].handle));
        HOLD(run, same_service(removal->service, before->services[capability->service].handle));
        HOLD(run, (removal->rights == REALM_RIGHT_RECV) == (capability->parent == MODEL_NONE));
        for (size_t later = i + 1; later < run->gone.count; later++) {
            int l = model_find_capability(before, run->gone.list[later].capability);
            HOLD(run, l != k && before->capabilities[l].parent != k);
        }
    }
}

static void hold_new_capability(struct run *run, const struct policy_event *event,
                                const struct policy_outcome *outcome)
{
    bool made = event->kind == POLICY_REGISTER || event->kind == POLICY_CONNECT;
    HOLD(run, made != same_capability(outcome->capability, no_capability));
    HOLD(run, !made || model_find_capability(&run->model, outcome->capability) == MODEL_NONE);
    HOLD(run, (event->kind == POLICY_CONNECT) == (outcome->badge != 0));
    if (event->kind == POLICY_CONNECT) {
        HOLD(run, outcome->badge > run->last_badge);
        run->last_badge = outcome->badge;
    }
}

/* Applies to both. The engine is given no memory meanwhile. */
static void apply_both(struct run *run, const struct policy_event *event,
                       const struct policy_decision *decision)
{
    static struct model before;
    before = run->model;
    run->gone.count = 0;
    struct policy_outcome outcome;
    test_memory_fail(&run->world.memory, 1);
    policy_apply(run->world.policy, event, decision, note_removal, &run->gone, &outcome);
    HOLD(run, run->world.memory.calls == 0);
    test_memory_fail(&run->world.memory, 0);
    hold_new_capability(run, event, &outcome);
    model_apply(&run->model, event, &outcome);
    hold_removals(run, &before);
}

static void put_event(struct run *run)
{
    struct policy_event event = any_event(run);
    maybe_short_of_memory(run);
    if (!went_through(run, policy_reserve(run->world.policy)))
        return;
    struct policy_decision decision = decide_both(run, &event);
    bool allows = decision.status == 0 || (decision.status == REALM_E_NO_SERVICE && !decision.registered &&
                                           decision.rule != POLICY_RULE_DECLARED);
    (allows ? run->allowed : run->denied)[decision.rule]++;
    if (event.kind == POLICY_CONNECT)
        hold_explained(run, &event, &decision);
    if (decision.status == 0)
        apply_both(run, &event, &decision);
    hold_same_capabilities(run);
}

/* Every realm, those that are gone, too, against every name. */
static void hold_whole_matrix(struct run *run)
{
    for (int realm = 0; realm < run->model.realm_count; realm++) {
        for (size_t name = 0; name < NAMES; name++) {
            struct policy_event event = connect_event(run->model.realms[realm].handle, names[name]);
            struct policy_decision decision = decide_both(run, &event);
            hold_explained(run, &event, &decision);
        }
    }
}

/* Ends everything, children before parents; then nothing is left but what the configuration said. */
static void end_everything(struct run *run)
{
    struct model *model = &run->model;
    for (int realm = model->realm_count - 1; realm >= 0; realm--) {
        if (model->realms[realm].gone)
            continue;
        bool instance = model->realms[realm].template_of != MODEL_NONE;
        struct policy_event event = end_event(model->realms[realm].handle, instance);
        HOLD(run, policy_reserve(run->world.policy) == 0);
        struct policy_decision decision = decide_both(run, &event);
        HOLD(run, decision.status == 0);
        apply_both(run, &event, &decision);
    }
    HOLD(run, count_capabilities(&run->world) == 0);
    HOLD(run, run->world.policy->grants.live == run->configured);
    HOLD(run, run->world.policy->grants_index.used <= run->configured);
    for (int realm = 0; realm < model->realm_count; realm++)
        HOLD(run, model->realms[realm].gone == (model->realms[realm].template_of != MODEL_NONE));
    hold_whole_matrix(run);
}

static void run_sequence(struct run *run, uint64_t seed)
{
    run_init(run, seed);
    for (run->step = 1; run->step <= EVENTS; run->step++) {
        if (chance(run, 12))
            change_system(run);
        put_event(run);
        if (run->step % 25 == 0)
            hold_whole_matrix(run);
    }
    end_everything(run);
    world_deinit(&run->world);
}

/* Goal: engine and model agree on tens of thousands of events, and those reached every rule both ways. */
Test(policy, agrees_with_the_model)
{
    static struct run run;
    for (uint64_t seed = 1; seed <= SEQUENCES; seed++)
        run_sequence(&run, seed);

    static const enum policy_rule allowing[] = {POLICY_RULE_CONFIG_GRANT,
                                                POLICY_RULE_PARENT_GRANT,
                                                POLICY_RULE_CHILD_OF_PROVIDER,
                                                POLICY_RULE_PARENT_OF_PROVIDER,
                                                POLICY_RULE_ACCESS_REALM,
                                                POLICY_RULE_ACCESS_ALL,
                                                POLICY_RULE_PROVIDER,
                                                POLICY_RULE_PARENT,
                                                POLICY_RULE_HOLDS,
                                                POLICY_RULE_OWNER,
                                                POLICY_RULE_NONE};
    static const enum policy_rule denying[] = {
        POLICY_RULE_DEFAULT,  POLICY_RULE_SELF,       POLICY_RULE_PROVIDER,
        POLICY_RULE_DECLARED, POLICY_RULE_REGISTERED, POLICY_RULE_PARENT,
        POLICY_RULE_HOLDS,    POLICY_RULE_OWNER,      POLICY_RULE_NONE};
    for (size_t i = 0; i < sizeof allowing / sizeof allowing[0]; i++)
        cr_assert_geq(run.allowed[allowing[i]], 100, "%s allowed %zu times", policy_rule_name(allowing[i]),
                      run.allowed[allowing[i]]);
    for (size_t i = 0; i < sizeof denying / sizeof denying[0]; i++)
        cr_assert_geq(run.denied[denying[i]], 100, "%s denied %zu times", policy_rule_name(denying[i]),
                      run.denied[denying[i]]);
    /* Children of the provider are let in by the hierarchy, which comes first. */
    cr_assert_eq(run.allowed[POLICY_RULE_ACCESS_CHILDREN], 0);
}
