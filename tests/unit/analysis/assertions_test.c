/*
 * Ten scenarios with a planted hole each: the assertion finds it, with the shortest sequence of events that
 * leads through it. Their mended twins hold. Run from the project's folder.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/analysis/assertions.h"
#include "sim/boot/scenario.h"

static struct mm_config *config;
static struct population *population;
static struct scenario_problems problems;

static void read_text(const char *text, size_t size)
{
    static const struct scenario_origin origin = {.name = "hole.yaml", .folder = "/", .look = false};
    scenario_problems_init(&problems);
    cr_assert_eq(scenario_read_text(text, size, &origin, &problems, &config), 0, "%s",
                 problems.count ? problems.list[0].message : "?");
    cr_assert_eq(population_new(config, &population), 0);
}

static void read_hole(const char *name)
{
    char path[200], text[4096];
    snprintf(path, sizeof path, "tests/unit/analysis/holes/%s.yaml", name);
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s (run the test from the project's folder)", path);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    read_text(text, size);
}

static void tear_down(void)
{
    population_free(population);
    mm_config_free(config);
    scenario_problems_deinit(&problems);
    population = NULL;
    config = NULL;
}

TestSuite(assertions, .fini = tear_down);

static struct verdict judge(size_t number)
{
    struct verdict verdict;
    uint64_t work = ASSERTIONS_WORK;
    cr_assert_lt(number, config->asserts_count);
    cr_assert_eq(assertions_judge(population, &config->asserts[number], &work, &verdict), 0);
    return verdict;
}

/*
 * The steps as they must be, whichever of those that do not depend on each other comes first; the last is the
 * one that breaks the assertion. That each can be done in its place is what the engine has said.
 */
static void expect_steps(const struct verdict *verdict, const char *const *steps, size_t count)
{
    char all[4096] = "", text[600];
    cr_assert_eq(verdict->kind, VERDICT_VIOLATED);
    for (size_t i = 0; i < verdict->plan.count; i++) {
        rerun_text(population, &verdict->plan.steps[i], text, sizeof text);
        strcat(strcat(all, text), "; ");
    }
    cr_assert_eq(verdict->plan.count, count, "%s", all);
    for (size_t i = 0; i < count; i++)
        cr_assert_not_null(strstr(all, steps[i]), "no step \"%s\" in: %s", steps[i], all);
    rerun_text(population, &verdict->plan.steps[count - 1], text, sizeof text);
    cr_assert_str_eq(text, steps[count - 1]);
}

#define HOLE(name, ...)                                                                                      \
    Test(assertions, name)                                                                                   \
    {                                                                                                        \
        static const char *const steps[] = {__VA_ARGS__};                                                    \
        read_hole(#name);                                                                                    \
        struct verdict verdict = judge(0);                                                                   \
        expect_steps(&verdict, steps, sizeof steps / sizeof steps[0]);                                       \
        tear_down();                                                                                         \
        read_hole(#name "-mended");                                                                          \
        cr_assert_eq(judge(0).kind, VERDICT_HOLDS, "the mended twin");                                       \
    }

/* Goal: app may connect, so it may grant that to its child; without the grant web has no way in. */
HOLE(transitive, "db registers database", "app grants database to its child web [send]",
     "web connects to database")
/* Goal: the shortest name that the pattern meets is its fixed part alone. */
HOLE(instance, "app starts admin", "keeper registers vault", "admin connects to vault")
/* Goal: the grant to the alias is a grant to the service. */
HOLE(alias, "fs registers files", "web connects to files")
/* Goal: the pattern lets guest in as it lets worker in. */
HOLE(wide, "db registers database", "guest connects to database")
/* Goal: app has the right to give, web is joined to it by a channel of its own: five steps, all needed. */
HOLE(channel, "db registers database", "app connects to database", "app registers front",
     "web connects to front", "app gives web a send capability to database [send, grant]")
/* Goal: db and web have one parent. */
HOLE(sibling, "db registers database", "web connects to database")
/* Goal: a channel serves both ways: backup gives to the realm that it is a client of. */
HOLE(right, "db registers database", "backup connects to database", "web registers report",
     "backup connects to report", "backup gives web a send capability to database [send, grant, revoke]")
/* Goal: what denies another lets this one in. */
HOLE(misnamed, "db registers database", "visitor connects to database")
/* Goal: no rule of the scenario is needed. */
HOLE(child, "db registers database", "tool connects to database")
/* Goal: helper may not hold a capability to the service, but may become its provider. */
HOLE(name, "helper registers help", "db connects to help", "db gives the name database to helper",
     "helper registers database", "web connects to database")

/* Goal: `only` finds whoever else gets there; the provider itself, and those named, are no violation. */
Test(assertions, only)
{
    static const char text[] =
        "system: s\nrealms: [{name: net, program: p}, {name: A, program: p}, {name: B, program: p}]\n"
        "services: [{name: network, provider: net, access: [A, B], deny: []}]\n"
        "assert:\n"
        "  - only: [A] -> network\n"
        "  - only: [A, B] -> network\n"
        "  - only: [] -> network\n";
    static const char *const steps[] = {"net registers network", "B connects to network"};
    read_text(text, strlen(text));
    struct verdict verdict = judge(0);
    expect_steps(&verdict, steps, 2);
    cr_assert_str_eq(population_name(population, verdict.realm), "B");
    cr_assert_eq(judge(1).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(2).kind, VERDICT_VIOLATED);
}

/* Goal: rights are looked at: holding it with the right to give is another thing than holding it. */
Test(assertions, rights)
{
    static const char text[] =
        "system: s\nrealms: [{name: db, program: p}, {name: A, program: p}, {name: B, program: p}]\n"
        "services: [{name: database, provider: db, access: [A, {realm: B, rights: [send, mint]}]}]\n"
        "assert:\n"
        "  - never: {from: A, to: database, rights: [send, mint], trust: [db]}\n"
        "  - never: {from: B, to: database, rights: [send, mint], trust: [db]}\n"
        "  - never: {from: all, to: database, rights: [send, mint, grant], trust: [db]}\n"
        "  - always: {from: [A, B], to: database}\n"
        "  - always: {from: A, to: database, rights: [send, mint]}\n";
    read_text(text, strlen(text));
    cr_assert_eq(judge(0).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(1).kind, VERDICT_VIOLATED);
    cr_assert_eq(judge(2).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(3).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(4).kind, VERDICT_VIOLATED);
}

/* Goal: who is not trusted gives everything away, the provider too. */
Test(assertions, provider)
{
    static const char text[] =
        "system: s\nrealms: [{name: db, program: p}, {name: app, program: p}, {name: web, program: p}]\n"
        "services:\n"
        "  - {name: database, provider: db, access: [app]}\n"
        "  - {name: front, provider: app, access: [web]}\n"
        "assert:\n"
        "  - never: web -> database\n"
        "  - never: {from: web, to: database, trust: [db]}\n"
        "  - never: {from: web, to: database, trust: [app]}\n";
    /* Four steps make the two channels, and it takes two more to give it along them. */
    read_text(text, strlen(text));
    struct verdict verdict = judge(0);
    cr_assert_eq(verdict.kind, VERDICT_VIOLATED);
    cr_assert_eq(verdict.plan.count, 6u);
    cr_assert_str_eq(population_name(population, verdict.realm), "web");
    cr_assert_eq(judge(1).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(2).kind, VERDICT_HOLDS);
}

/* Goal: `always` is broken by whoever comes to serve: the provider's children may call it, but if its name
 * goes to another realm, they are nobody's children. */
Test(assertions, always)
{
    static const char text[] = "system: s\n"
                               "realms: [{name: db, program: p}, {name: tool, program: p, parent: db, start: "
                               "true}, {name: app, program: p}]\n"
                               "services:\n"
                               "  - {name: database, provider: db}\n"
                               "  - {name: log, provider: app, access: [db]}\n"
                               "assert:\n"
                               "  - always: tool -> database\n"
                               "  - always: {from: tool, to: database, trust: [db]}\n"
                               "  - always: app -> database\n";
    static const char *const steps[] = {"app registers log", "db connects to log",
                                        "db gives the name database to app", "app registers database"};
    read_text(text, strlen(text));
    cr_assert_eq(judge(1).kind, VERDICT_HOLDS);
    struct verdict verdict = judge(0);
    /* tool itself can be given the name, and serve; then it is no client. */
    expect_steps(&verdict, steps, 4);
    cr_assert_eq(verdict.refusal.rule, POLICY_RULE_DEFAULT);
    verdict = judge(2);
    cr_assert_eq(verdict.kind, VERDICT_VIOLATED);
    cr_assert_eq(verdict.plan.count, 0u, "it is so from the start");
}

/* Goal: a quota that refuses the only way leaves the question open, and says so. */
Test(assertions, quota)
{
    static const char text[] =
        "system: s\nrealms: [{name: db, program: p}, {name: A, program: p, quota: {channels: 0}}]\n"
        "services: [{name: database, provider: db, access: [A]}]\n"
        "assert: [never: {from: A, to: database, trust: [db]}]\n";
    read_text(text, strlen(text));
    cr_assert_eq(judge(0).kind, VERDICT_UNDECIDED);
}

/* Goal: subjects: descendants, patterns over paths, everybody. */
Test(assertions, subjects)
{
    static const char text[] = "system: s\n"
                               "realms: [{name: db, program: p}, {name: app, program: p}, {name: w, program: "
                               "p, parent: app, start: true}, "
                               "{name: other, program: p}]\n"
                               "services: [{name: database, provider: db, access: [{path: \"/app/*\"}]}]\n"
                               "assert:\n"
                               "  - never: {from: {descendants: app}, to: database, trust: [db]}\n"
                               "  - never: {from: {path: \"/*\"}, to: database, trust: [db]}\n"
                               "  - never: {from: [other, app], to: database, trust: [db, w]}\n"
                               "  - only: {from: {descendants: app}, to: database, trust: [db, w]}\n";
    read_text(text, strlen(text));
    cr_assert_eq(judge(0).kind, VERDICT_VIOLATED);
    cr_assert_eq(judge(1).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(2).kind, VERDICT_HOLDS);
    cr_assert_eq(judge(3).kind, VERDICT_HOLDS);
    char words[200];
    assertions_text(config, &config->asserts[2], words, sizeof words);
    cr_assert_str_eq(words, "never: [other, app] -> database");
}
