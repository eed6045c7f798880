/*
 * The fix against brute force: on small systems, every set of edits up to two is tried, and the smallest that
 * turns the denial, by the order of docs/design/diagnosis.md, must be the one that is found. A fix of three
 * is not beaten by any of two.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/fix.h"
#include "tests/property/random.h"

#define REALMS   4u
#define SERVICES 2u
#define UNIVERSE 600u

static char realm_names[REALMS][4] = {"a", "b", "c", "d"};
static char service_names[SERVICES][4] = {"s", "t"};
static char patterns[][8] = {"/**", "/a", "/b/*", "/*", "/a/**"};

struct system {
    struct mm_config config;
    struct mm_realm realms[REALMS];
    struct mm_service services[SERVICES];
    struct mm_access access[SERVICES][3];
    struct mm_grant grants[3];
    struct mm_deny denies[3];
};

static struct mm_access random_who(struct random *random, bool only_exact)
{
    struct mm_access who = {.kind = random_below(random, 2) || only_exact
                                        ? MM_ACCESS_REALM
                                        : (enum mm_access_kind)random_below(random, 5),
                            .realm = (uint32_t)random_below(random, REALMS)};
    if (who.kind == MM_ACCESS_PATH)
        who.pattern = patterns[random_below(random, 5)];
    return who;
}

static uint32_t random_rights(struct random *random)
{
    static const uint32_t bits[] = {REALM_RIGHT_GRANT, REALM_RIGHT_MINT, REALM_RIGHT_REVOKE};
    uint32_t rights = REALM_RIGHT_SEND;
    for (size_t i = 0; i < 3; i++)
        if (random_below(random, 3) == 0)
            rights |= bits[i];
    return rights;
}

/* Each rule has a place of its own, as in a file. */
static void make_system(struct random *random, struct system *system)
{
    uint32_t line = 1;
    *system = (struct system){.config = {.realms = system->realms,
                                         .realms_count = REALMS,
                                         .services = system->services,
                                         .services_count = SERVICES,
                                         .grants = system->grants,
                                         .denies = system->denies}};
    for (uint32_t i = 0; i < REALMS; i++) {
        struct mm_realm *realm = &system->realms[i];
        *realm = (struct mm_realm){.name = realm_names[i], .parent = MM_INIT, .place = {line++, 1}};
        if (i > 0 && random_below(random, 2) == 0)
            realm->parent = (uint32_t)random_below(random, i);
        if (random_below(random, 6) == 0) {
            realm->quota.limited[MM_RESOURCE_CHANNELS] = true;
            realm->quota.limit[MM_RESOURCE_CHANNELS] = 0;
        }
    }
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct mm_service *service = &system->services[i];
        *service = (struct mm_service){.name = service_names[i],
                                       .provider = (uint32_t)random_below(random, REALMS),
                                       .access = system->access[i],
                                       .access_count = random_below(random, 4),
                                       .place = {line++, 1}};
        for (size_t j = 0; j < service->access_count; j++) {
            service->access[j] = random_who(random, false);
            service->access[j].rights = random_rights(random);
            service->access[j].place = (struct mm_place){line++, 1};
        }
    }
    system->config.grants_count = random_below(random, 4);
    for (size_t i = 0; i < system->config.grants_count; i++) {
        struct mm_access who = random_who(random, true);
        system->grants[i] =
            (struct mm_grant){.realm = who.realm,
                              .service = (uint32_t)random_below(random, SERVICES),
                              .rights = random_rights(random),
                              .place = {line++, 1},
                              .pattern = random_below(random, 3) ? NULL : patterns[random_below(random, 5)]};
    }
    system->config.denies_count = random_below(random, 4);
    for (size_t i = 0; i < system->config.denies_count; i++) {
        system->denies[i] = (struct mm_deny){.service = (uint32_t)random_below(random, SERVICES),
                                             .who = random_who(random, false)};
        system->denies[i].who.place = (struct mm_place){line++, 1};
    }
    enum mm_choice *const choices[] = {&system->config.hierarchy.children_to_parent,
                                       &system->config.hierarchy.parent_to_children,
                                       &system->config.hierarchy.siblings};
    for (size_t i = 0; i < 3; i++)
        *choices[i] = (enum mm_choice)random_below(random, 3);
}

/* --- every edit there is --- */

struct universe {
    struct edit edits[UNIVERSE];
    size_t count;
};

static void put(struct universe *universe, struct edit edit)
{
    cr_assert_lt(universe->count, UNIVERSE);
    universe->edits[universe->count++] = edit;
}

static uint32_t rights_number(uint32_t number)
{
    return REALM_RIGHT_SEND | (number & 1 ? REALM_RIGHT_GRANT : 0) | (number & 2 ? REALM_RIGHT_MINT : 0) |
           (number & 4 ? REALM_RIGHT_REVOKE : 0);
}

static void put_entries(struct universe *universe, uint32_t service, struct mm_access who, bool grant)
{
    for (uint32_t i = 0; i < 8; i++) {
        put(universe,
            (struct edit){.kind = EDIT_ACCESS, .service = service, .who = who, .rights = rights_number(i)});
        if (grant)
            put(universe,
                (struct edit){
                    .kind = EDIT_GRANT, .service = service, .who = who, .rights = rights_number(i)});
    }
}

/* To add rights to an entry that has all of them is no edit. */
static void put_rights(struct universe *universe, struct edit edit, uint32_t has)
{
    for (uint32_t i = 1; i < 8; i++) {
        edit.rights = rights_number(i) & ~REALM_RIGHT_SEND & ~has;
        if (edit.rights != 0 && edit.rights == (rights_number(i) & ~REALM_RIGHT_SEND))
            put(universe, edit);
    }
}

/* What can be changed about the service that is asked for, and the limits. Other services are left alone, but
 * for one entry of each kind, which shows that they do not help. */
static void make_universe(const struct mm_config *config, uint32_t service, struct universe *universe)
{
    struct mm_access who = {.kind = MM_ACCESS_REALM};
    universe->count = 0;
    for (who.realm = 0; who.realm < REALMS; who.realm++)
        put_entries(universe, service, who, true);
    who = (struct mm_access){.kind = MM_ACCESS_PATH, .pattern = patterns[0]};
    put_entries(universe, service, who, true);
    who = (struct mm_access){.kind = MM_ACCESS_ALL};
    put_entries(universe, service, who, false);
    who = (struct mm_access){.kind = MM_ACCESS_DESCENDANTS};
    put_entries(universe, service, who, false);
    put(universe,
        (struct edit){
            .kind = EDIT_ACCESS, .service = 1 - service, .who = {.kind = MM_ACCESS_ALL}, .rights = 1});
    for (uint32_t i = 0; i < config->denies_count; i++)
        put(universe, (struct edit){.kind = EDIT_UNDENY, .entry = i, .service = config->denies[i].service});
    for (uint32_t i = 0; i < config->grants_count; i++)
        put_rights(universe, (struct edit){.kind = EDIT_GRANT_RIGHTS, .entry = i}, config->grants[i].rights);
    for (uint32_t i = 0; i < config->services[service].access_count; i++)
        put_rights(universe, (struct edit){.kind = EDIT_ACCESS_RIGHTS, .service = service, .entry = i},
                   config->services[service].access[i].rights);
    for (uint32_t i = 0; i < REALMS; i++)
        for (uint64_t limit = 1; limit <= 2; limit++)
            put(universe,
                (struct edit){
                    .kind = EDIT_QUOTA, .realm = i, .resource = MM_RESOURCE_CHANNELS, .limit = limit});
}

static bool turns(const struct mm_config *config, const struct question *question, const struct edits *edits)
{
    struct edits_variation variation;
    struct question_answer answer;
    cr_assert_eq(edits_apply(config, edits, &variation), 0);
    cr_assert_eq(question_ask(&variation.config, question, &answer), 0);
    edits_variation_deinit(&variation);
    return answer.satisfied;
}

/* The smallest of all sets of one edit, else of two. count 0: none turns it. */
static struct edits brute_force(const struct mm_config *config, const struct question *question,
                                const struct universe *universe)
{
    struct edits best = {.count = 0}, set;
    set.count = 1;
    for (size_t i = 0; i < universe->count; i++) {
        set.list[0] = universe->edits[i];
        if (turns(config, question, &set) && (best.count == 0 || edits_compare(config, &set, &best) < 0))
            best = set;
    }
    set.count = 2;
    for (size_t i = 0; best.count != 1 && i < universe->count; i++) {
        for (size_t j = i + 1; j < universe->count; j++) {
            set.list[0] = universe->edits[i];
            set.list[1] = universe->edits[j];
            if (turns(config, question, &set) && (best.count == 0 || edits_compare(config, &set, &best) < 0))
                best = set;
        }
    }
    return best;
}

static void lines(const struct mm_config *config, const struct edits *edits, char *text, size_t capacity)
{
    char line[EDIT_TEXT_MAX];
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < edits->count && used < capacity; i++) {
        edit_line(config, &edits->list[i], line, sizeof line);
        used += (size_t)snprintf(text + used, capacity - used, "%s; ", line);
    }
}

static unsigned denials[4]; /* by the size of the fix, 3: and more */

static void check(struct random *random, unsigned long seed)
{
    static struct universe universe;
    struct system system;
    struct question_answer answer;
    struct edits found;
    char expected[8000], got[8000];
    make_system(random, &system);
    uint32_t service = (uint32_t)random_below(random, SERVICES);
    struct question question = {
        .kind = QUESTION_CONNECT, .service = service_names[service], .rights = random_rights(random)};
    whatif_path_of(&system.config, (uint32_t)random_below(random, REALMS), &question.actor);
    cr_assert_eq(question_ask(&system.config, &question, &answer), 0);
    int error = fix_find(&system.config, &question, &found);
    if (answer.satisfied) {
        cr_assert(error == 0 && found.count == 0);
        return;
    }
    if (error) {
        cr_assert_eq(error, REALM_E_DENIED);
        cr_assert_eq(answer.decision.rule, POLICY_RULE_SELF, "seed %lu: only one's own service has no fix",
                     seed);
        return;
    }
    cr_assert(turns(&system.config, &question, &found), "seed %lu: the fix does not turn it", seed);
    denials[found.count < 3 ? found.count : 3]++;
    if (found.count >= 2 && denials[found.count < 3 ? 2 : 3] > 12)
        return; /* sets of two are many: a dozen of each */
    make_universe(&system.config, service, &universe);
    struct edits smallest = brute_force(&system.config, &question, &universe);
    if (found.count > 2) {
        lines(&system.config, &smallest, expected, sizeof expected);
        cr_assert_eq(smallest.count, 0u, "seed %lu: two edits are enough: %s", seed, expected);
        return;
    }
    lines(&system.config, &smallest, expected, sizeof expected);
    lines(&system.config, &found, got, sizeof got);
    cr_assert_eq(smallest.count, found.count, "seed %lu: smallest %s; found %s", seed, expected, got);
    cr_assert_eq(edits_compare(&system.config, &smallest, &found), 0, "seed %lu: smallest %s; found %s", seed,
                 expected, got);
}

/* Goal: what fix_find finds turns the denial, and no set of edits that is smaller does. */
Test(fix, smallest)
{
    for (unsigned long seed = 1; seed <= 600; seed++) {
        struct random random = {.state = seed};
        check(&random, seed);
    }
    for (size_t i = 1; i < 4; i++)
        cr_assert_geq(denials[i], 5u, "too few denials whose fix has %zu edits", i);
}
