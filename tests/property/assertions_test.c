/*
 * Assertions against a plain breadth-first search: on small systems, every sequence of events that the engine
 * allows is done, one step longer at a time, with no knowledge of what matters. Where it finds a realm that
 * holds what it should not, the verdict must say so with as many steps; where the verdict says that nobody
 * ever can, it must find nothing.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/assertions.h"
#include "tests/property/random.h"

#define REALMS   3u
#define SERVICES 2u
#define DEPTH    4u
#define STATES   4000u

static char realm_names[REALMS][4] = {"a", "b", "c"};
static char service_names[SERVICES][4] = {"s", "t"};

struct system {
    struct mm_config config;
    struct mm_realm realms[REALMS];
    struct mm_service services[SERVICES];
    struct mm_access access[SERVICES][2];
    struct mm_deny denies[1];
    struct mm_subject subject;
    struct mm_assert assertion;
};

static void make_system(struct random *random, struct system *system)
{
    *system = (struct system){.config = {.realms = system->realms,
                                         .realms_count = REALMS,
                                         .services = system->services,
                                         .services_count = SERVICES,
                                         .denies = system->denies,
                                         .denies_count = random_below(random, 2)}};
    for (uint32_t i = 0; i < REALMS; i++) {
        system->realms[i] = (struct mm_realm){
            .name = realm_names[i], .parent = MM_INIT, .start = random_below(random, 4) != 0};
        if (i > 0 && random_below(random, 2) == 0) {
            system->realms[i].parent = (uint32_t)random_below(random, i);
            system->realms[i].start =
                system->realms[i].start && system->realms[system->realms[i].parent].start;
        }
    }
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct mm_service *service = &system->services[i];
        *service = (struct mm_service){.name = service_names[i],
                                       .provider = (uint32_t)random_below(random, REALMS),
                                       .access = system->access[i],
                                       .access_count = random_below(random, 3)};
        for (size_t j = 0; j < service->access_count; j++)
            service->access[j] = (struct mm_access){
                .kind = random_below(random, 3) ? MM_ACCESS_REALM : MM_ACCESS_DESCENDANTS,
                .realm = (uint32_t)random_below(random, REALMS),
                .rights = REALM_RIGHT_SEND | (random_below(random, 2) ? REALM_RIGHT_GRANT : 0)};
    }
    system->denies[0] =
        (struct mm_deny){.service = (uint32_t)random_below(random, SERVICES),
                         .who = {.kind = MM_ACCESS_REALM, .realm = (uint32_t)random_below(random, REALMS)}};
    enum mm_choice *const choices[] = {&system->config.hierarchy.children_to_parent,
                                       &system->config.hierarchy.parent_to_children,
                                       &system->config.hierarchy.siblings};
    for (size_t i = 0; i < 3; i++)
        *choices[i] = (enum mm_choice)random_below(random, 3);
    system->subject =
        (struct mm_subject){.kind = MM_SUBJECT_REALM, .realm = (uint32_t)random_below(random, REALMS)};
    system->assertion = (struct mm_assert){.kind = MM_ASSERT_NEVER,
                                           .subjects = &system->subject,
                                           .subjects_count = 1,
                                           .service = (uint32_t)random_below(random, SERVICES),
                                           .rights = REALM_RIGHT_SEND};
}

/* --- the plain search: a state is the events that led to it --- */

struct history {
    struct policy_event events[DEPTH];
    size_t count;
};

static void start_system(struct whatif *whatif, const struct mm_config *config)
{
    cr_assert_eq(whatif_init(whatif, config), 0);
    for (uint32_t i = 0; i < REALMS; i++) {
        struct policy_event event = {
            .kind = POLICY_START, .actor = policy_init_realm(whatif->policy), .subject = whatif->realms[i]};
        struct policy_decision decision;
        if (config->realms[i].start)
            cr_assert_eq(whatif_do(whatif, &event, &decision, NULL), 0);
    }
}

static void do_history(struct whatif *whatif, const struct mm_config *config, const struct history *history)
{
    struct policy_decision decision;
    start_system(whatif, config);
    for (size_t i = 0; i < history->count; i++) {
        cr_assert_eq(whatif_do(whatif, &history->events[i], &decision, NULL), 0);
        cr_assert_eq(decision.status, 0);
    }
}

static bool broken(const struct whatif *whatif, const struct system *system)
{
    struct assertions_realm realms[REALMS];
    struct assertions_state state = {.config = &system->config,
                                     .policy = whatif->policy,
                                     .service = whatif->services[system->assertion.service],
                                     .realms = realms,
                                     .realms_count = REALMS};
    size_t who;
    for (uint32_t i = 0; i < REALMS; i++)
        realms[i] = (struct assertions_realm){.realm = whatif->realms[i], .declaration = i};
    return assertions_broken(&state, &system->assertion, &who);
}

struct frontier {
    struct history *list;
    size_t count;
    bool full;
};

static void extend(const struct whatif *whatif, const struct history *history, struct policy_event event,
                   struct frontier *next)
{
    struct policy_decision decision;
    policy_decide(whatif->policy, &event, &decision);
    if (decision.status != 0)
        return;
    if (next->count == STATES) {
        next->full = true;
        return;
    }
    next->list[next->count] = *history;
    next->list[next->count].events[history->count] = event;
    next->list[next->count++].count++;
}

/* Every event that makes authority, with every subject, capability and channel that there is. */
static void extend_all(const struct whatif *whatif, const struct history *history, struct frontier *next)
{
    struct policy_capability_info source, via;
    uint32_t at, channel;
    for (uint32_t actor = 0; actor < REALMS; actor++) {
        struct policy_event event = {.actor = whatif->realms[actor]};
        for (uint32_t s = 0; s < SERVICES; s++) {
            event.service = whatif_name(service_names[s]);
            event.kind = POLICY_REGISTER;
            extend(whatif, history, event, next);
            event.kind = POLICY_CONNECT;
            extend(whatif, history, event, next);
            event.kind = POLICY_GRANT;
            for (uint32_t child = 0; child < REALMS; child++) {
                event.subject = whatif->realms[child];
                event.rights = REALM_RIGHT_SEND;
                extend(whatif, history, event, next);
                event.rights = REALM_RIGHT_SEND | REALM_RIGHT_GRANT;
                extend(whatif, history, event, next);
            }
        }
        event = (struct policy_event){.kind = POLICY_CREATE, .actor = whatif->realms[actor]};
        extend(whatif, history, event, next);
        for (uint32_t subject = 0; subject < REALMS; subject++) {
            event = (struct policy_event){
                .kind = POLICY_START, .actor = whatif->realms[actor], .subject = whatif->realms[subject]};
            extend(whatif, history, event, next);
            if (actor == 0) {
                event.actor = policy_init_realm(whatif->policy);
                if (policy_parent(whatif->policy, event.subject).index == event.actor.index)
                    extend(whatif, history, event, next);
            }
            event.actor = whatif->realms[actor];
            event.kind = POLICY_DERIVE;
            event.mode = POLICY_COPY;
            for (at = 0; policy_next_capability(whatif->policy, &at, &source);) {
                bool sends = source.kind == POLICY_KIND_ENDPOINT || source.kind == POLICY_KIND_SEND;
                if (source.holder.index != event.actor.index || subject == actor ||
                    (!sends && source.kind != POLICY_KIND_NAME))
                    continue;
                event.capability = source.capability;
                event.rights = source.kind == POLICY_KIND_ENDPOINT ? policy_kind_rights(POLICY_KIND_SEND)
                                                                   : source.rights;
                event.via = (struct policy_capability){0, 0};
                extend(whatif, history, event, next);
                for (channel = 0; policy_next_capability(whatif->policy, &channel, &via);) {
                    if (via.kind != POLICY_KIND_SEND)
                        continue;
                    event.via = via.capability;
                    extend(whatif, history, event, next);
                }
            }
        }
    }
}

/* The length of the shortest sequence; DEPTH + 1: none that short. *ret_whole: all states were looked at. */
static size_t plain_search(const struct system *system, bool *ret_whole)
{
    struct frontier now = {.list = calloc(STATES, sizeof *now.list), .count = 1},
                    next = {.list = calloc(STATES, sizeof *next.list)};
    size_t found = DEPTH + 1;
    *ret_whole = true;
    for (size_t depth = 0; depth <= DEPTH && found > DEPTH && *ret_whole; depth++) {
        next.count = 0;
        next.full = false;
        for (size_t i = 0; i < now.count && found > DEPTH; i++) {
            struct whatif whatif;
            do_history(&whatif, &system->config, &now.list[i]);
            if (broken(&whatif, system))
                found = depth;
            else if (depth < DEPTH)
                extend_all(&whatif, &now.list[i], &next);
            whatif_deinit(&whatif);
        }
        *ret_whole = found <= DEPTH || !next.full;
        struct frontier swap = now;
        now = next;
        next = swap;
    }
    free(now.list);
    free(next.list);
    return found;
}

/* Goal: verdict and plain search agree, about whether and about how soon. */
Test(assertions, shortest)
{
    unsigned violated[DEPTH + 1] = {0}, held = 0, whole = 0;
    for (unsigned long seed = 1; seed <= 150; seed++) {
        struct random random = {.state = seed};
        struct system system;
        struct population *population;
        struct verdict verdict;
        uint64_t work = ASSERTIONS_WORK;
        bool all;
        make_system(&random, &system);
        system.config.asserts = &system.assertion;
        system.config.asserts_count = 1;
        cr_assert_eq(population_new(&system.config, &population), 0);
        cr_assert_eq(assertions_judge(population, &system.assertion, &work, &verdict), 0);
        population_free(population);
        cr_assert_neq(verdict.kind, VERDICT_UNDECIDED, "seed %lu", seed);
        size_t steps = verdict.kind == VERDICT_VIOLATED ? verdict.plan.count : DEPTH + 1;
        size_t plain = plain_search(&system, &all);
        whole += all;
        if (plain <= DEPTH) {
            cr_assert_eq(steps, plain, "seed %lu: %zu steps are enough", seed, plain);
            violated[plain]++;
        } else if (all) {
            cr_assert_gt(steps, DEPTH, "seed %lu: there are no %zu steps", seed, steps);
        }
        held += verdict.kind == VERDICT_HOLDS;
    }
    cr_assert(violated[2] > 10 && violated[3] > 2 && violated[4] > 0, "%u %u %u", violated[2], violated[3],
              violated[4]);
    cr_assert(held > 10 && whole > 40, "%u held, %u searched whole", held, whole);
}
