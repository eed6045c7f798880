/* Facts become handles: what a step speaks of is looked for among the capabilities that its actor holds. */
#include "mm/analysis/rerun.h"

#include <stdio.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

struct rerun {
    const struct population *population;
    struct whatif whatif;
    struct policy_realm realms[POPULATION_REALMS_MAX];
    struct policy_capability anonymous[POPULATION_REALMS_MAX]; /* endpoints, by who made them */
};

static bool same(struct policy_capability a, struct policy_capability b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* Adds all realms without starting them, then starts what runs at boot. */
static int boot(struct rerun *rerun)
{
    const struct population *population = rerun->population;
    for (uint32_t i = 0; i < population->count; i++) {
        const struct population_realm *realm = &population->realms[i];
        struct policy_realm init = policy_init_realm(rerun->whatif.policy);
        const struct policy_declaration declaration = {
            .parent = realm->parent == POPULATION_NOBODY ? init : rerun->realms[realm->parent],
            .template_of = rerun->whatif.realms[realm->declaration],
            .name = whatif_name(population_name(population, i))};
        int error = 0;
        if (realm->name)
            error = policy_add_realm(rerun->whatif.policy, &declaration, &rerun->realms[i]);
        else
            rerun->realms[i] = rerun->whatif.realms[realm->declaration];
        struct policy_event start = {.kind = POLICY_START, .actor = init, .subject = rerun->realms[i]};
        struct policy_decision decision = {.status = 0};
        if (!error && realm->boot)
            error = whatif_do(&rerun->whatif, &start, &decision, NULL);
        if (error)
            return error;
    }
    return 0;
}

/* A live capability of a holder: to an object, of a kind, with rights. */
static bool find(const struct rerun *rerun, uint32_t holder, enum policy_kind kind, uint32_t object,
                 uint32_t rights, struct policy_capability *ret_capability)
{
    struct policy_capability at = {0, 0};
    struct policy_capability_info info;
    uint32_t services = (uint32_t)rerun->population->config->services_count;
    while (policy_next_held(rerun->whatif.policy, rerun->realms[holder], &at, &info)) {
        bool is_object = object < services ? info.service.index == rerun->whatif.services[object].index
                                           : same(info.root, rerun->anonymous[object - services]);
        if (info.kind == kind && is_object && (info.rights & rights) == rights) {
            *ret_capability = info.capability;
            return true;
        }
    }
    return false;
}

/* A send capability that joins two realms, whichever holds it. */
static struct policy_capability find_channel(const struct rerun *rerun, uint32_t a, uint32_t b)
{
    const uint32_t ends[] = {a, b};
    for (int side = 0; side < 2; side++) {
        struct policy_capability at = {0, 0};
        struct policy_capability_info info, root;
        struct policy_realm other = rerun->realms[ends[1 - side]];
        while (policy_next_held(rerun->whatif.policy, rerun->realms[ends[side]], &at, &info))
            if (info.kind == POLICY_KIND_SEND &&
                policy_capability_get(rerun->whatif.policy, info.root, &root) &&
                root.holder.index == other.index && root.holder.generation == other.generation)
                return info.capability;
    }
    return (struct policy_capability){0, 0};
}

static bool derive_event(const struct rerun *rerun, const struct facts_step *step, struct policy_event *event)
{
    const struct fact *brings = &step->brings;
    bool name = brings->kind == FACT_NAME;
    enum policy_kind kind = name ? POLICY_KIND_NAME : POLICY_KIND_SEND;
    event->mode = POLICY_COPY;
    event->rights = name ? policy_kind_rights(POLICY_KIND_NAME) : facts_rights(brings->rights);
    if (rerun->population->realms[brings->realm].parent != step->actor)
        event->via = find_channel(rerun, step->actor, brings->realm);
    return find(rerun, step->actor, kind, brings->object, event->rights, &event->capability) ||
           (!name && find(rerun, step->actor, POLICY_KIND_ENDPOINT, brings->object, 0, &event->capability));
}

static bool event_of(const struct rerun *rerun, const struct facts_step *step, struct policy_event *event)
{
    const struct mm_config *config = rerun->population->config;
    const struct fact *brings = &step->brings;
    *event = (struct policy_event){.kind = step->kind,
                                   .actor = step->actor == POPULATION_NOBODY
                                                ? policy_init_realm(rerun->whatif.policy)
                                                : rerun->realms[step->actor],
                                   .subject = rerun->realms[brings->realm]};
    if (brings->kind != FACT_RUN && brings->object < config->services_count)
        event->service = whatif_name(config->services[brings->object].name);
    if (step->kind == POLICY_GRANT)
        event->rights = facts_rights(brings->rights);
    return step->kind != POLICY_DERIVE || derive_event(rerun, step, event);
}

int rerun_plan(const struct population *population, const struct search_plan *plan,
               struct rerun_said ret_said[SEARCH_STEPS_MAX])
{
    struct rerun rerun = {.population = population};
    int error = whatif_init(&rerun.whatif, population->config);
    if (error)
        return error;
    error = boot(&rerun);
    for (size_t i = 0; i < plan->count && !error; i++) {
        const struct facts_step *step = &plan->steps[i];
        struct policy_event event;
        struct policy_decision decision;
        struct policy_capability made;
        if (!event_of(&rerun, step, &event)) {
            error = REALM_E_DENIED;
            break;
        }
        error = whatif_do(&rerun.whatif, &event, &decision, &made);
        if (!error && decision.status != 0)
            error = REALM_E_DENIED;
        if (!error && step->kind == POLICY_CREATE)
            rerun.anonymous[step->actor] = made;
        if (!error && step->kind == POLICY_CONNECT && step->brings.kind == FACT_SEND &&
            (facts_bits(decision.rights) & step->brings.rights) != step->brings.rights)
            error = REALM_E_DENIED; /* an earlier rule decided, with fewer rights */
        ret_said[i] = (struct rerun_said){.rule = decision.rule, .place = decision.place};
    }
    whatif_deinit(&rerun.whatif);
    return error;
}

/* --- in words --- */

static void object_text(const struct population *population, uint32_t object, char *text, size_t capacity)
{
    uint32_t services = (uint32_t)population->config->services_count;
    if (object < services)
        snprintf(text, capacity, "%s", population->config->services[object].name);
    else
        snprintf(text, capacity, "an endpoint of %s", population_name(population, object - services));
}

static const char *rights_text(uint32_t bits)
{
    static const char *const texts[] = {
        "send",         "send, grant",         "send, mint",         "send, grant, mint",
        "send, revoke", "send, grant, revoke", "send, mint, revoke", "send, grant, mint, revoke"};
    return texts[bits & 7u];
}

void rerun_text(const struct population *population, const struct facts_step *step, char *text,
                size_t capacity)
{
    const struct fact *brings = &step->brings;
    const char *actor =
        step->actor == POPULATION_NOBODY ? "the system" : population_name(population, step->actor);
    const char *realm = population_name(population, brings->realm);
    char object[REALM_NAME_MAX + 32];
    if (brings->kind != FACT_RUN)
        object_text(population, brings->object, object, sizeof object);
    switch (step->kind) {
    case POLICY_START:
        snprintf(text, capacity, "%s starts %s", actor, realm);
        break;
    case POLICY_REGISTER:
        snprintf(text, capacity, "%s registers %s", actor, object);
        break;
    case POLICY_CREATE:
        snprintf(text, capacity, "%s makes an endpoint of its own", actor);
        break;
    case POLICY_CONNECT:
        snprintf(text, capacity, "%s connects to %s", actor, object);
        break;
    case POLICY_GRANT:
        snprintf(text, capacity, "%s grants %s to its child %s [%s]", actor, object, realm,
                 rights_text(brings->rights));
        break;
    case POLICY_DERIVE:
        if (brings->kind == FACT_NAME)
            snprintf(text, capacity, "%s gives the name %s to %s", actor, object, realm);
        else
            snprintf(text, capacity, "%s gives %s a send capability to %s [%s]", actor, realm, object,
                     rights_text(brings->rights));
        break;
    default:
        snprintf(text, capacity, "?");
    }
}
