/* The initial state: who may connect, whether assertions hold, which rules are likely mistakes. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/boot/initial.h"
#include "sim/boot/scenario.h"

static struct scenario_problems problems;
static struct mm_config *config;
static struct initial *initial;

static void set_up(void)
{
    scenario_problems_init(&problems);
    config = NULL;
    initial = NULL;
}

static void tear_down(void)
{
    initial_free(initial);
    mm_config_free(config);
    scenario_problems_deinit(&problems);
}

TestSuite(initial, .init = set_up, .fini = tear_down);

#define REALMS                                                                                               \
    "system: s\nrealms: [{name: A, program: p}, {name: B, program: p}, {name: C, program: p}, "              \
    "{name: C1, program: p, parent: C}, {name: D, program: p}]\n" /* two lines */

static void read_text(const char *text)
{
    static const struct scenario_origin origin = {.name = "t.yaml", .folder = "/", .look = false};
    cr_assert_eq(scenario_read_text(text, strlen(text), &origin, &problems, &config), 0, "%s",
                 problems.count ? problems.list[0].message : "?");
    cr_assert_eq(initial_new(config, &initial), 0);
}

static void expect_problem(enum scenario_severity severity, uint32_t line, const char *words)
{
    for (size_t i = 0; i < problems.count; i++)
        if (problems.list[i].severity == severity && problems.list[i].place.line == line &&
            strstr(problems.list[i].message, words))
            return;
    cr_assert_fail("no problem \"%s\" in line %u; the first: %s", words, line,
                   problems.count ? problems.list[0].message : "none");
}

/* Goal: the matrix of the Lona figure comes out of the real policy engine. */
Test(initial, lona)
{
    read_text(REALMS "services:\n"
                     "  - {name: database, provider: B, access: [A, C]}\n"
                     "  - {name: logger, provider: C, access: [children]}\n"
                     "  - {name: network, provider: D, access: [A]}\n");
    static const bool allowed[5][3] = {{true, false, true},
                                       {false, false, false},
                                       {true, false, false},
                                       {false, true, false},
                                       {false, false, false}};
    for (uint32_t realm = 0; realm < 5; realm++)
        for (uint32_t service = 0; service < 3; service++)
            cr_assert_eq(initial_allows(initial, realm, service, NULL), allowed[realm][service], "%s -> %s",
                         config->realms[realm].name, config->services[service].name);
}

/* Goal: a decision names its rule and the place of it. */
Test(initial, reasons)
{
    read_text(REALMS "services:\n  - {name: database, provider: B, access: [A]}\n");
    struct policy_decision decision;
    cr_assert(initial_allows(initial, 0, 0, &decision));
    cr_assert_eq(decision.rule, POLICY_RULE_ACCESS_REALM);
    cr_assert_eq(decision.place.line, 4u);
    cr_assert_not(initial_allows(initial, 4, 0, &decision));
    cr_assert_eq(decision.rule, POLICY_RULE_DEFAULT);
}

/* Goal: assertions that hold are silent; of those that do not, the rule or the steps are told, with their
 * lines. */
Test(initial, asserts)
{
    read_text(REALMS "services:\n  - {name: database, provider: B, access: [A]}\n"
                     "assert:\n"
                     "  - never: D -> database\n"
                     "  - always: A -> database\n"
                     "  - never: A -> database\n"
                     "  - always: D -> database\n"
                     "  - only: [A] -> database\n");
    cr_assert_eq(initial_check_asserts(initial, ASSERTIONS_WORK, &problems, NULL, NULL), 0);
    cr_assert_eq(problems.errors, 2u);
    cr_assert_eq(problems.warnings, 0u);
    expect_problem(
        SCENARIO_ERROR, 8,
        "\"A\" can come to \"database\" in 2 steps, and in no fewer: 1. B registers database (provider in "
        "line 4); 2. A connects to database (access: realm in line 4)");
    expect_problem(SCENARIO_ERROR, 9,
                   "\"D\" may not connect to \"database\", by the rule \"default\" in line 4");
}

/* Goal: too many realms to look at together are held against the rules alone, and that is said. */
Test(initial, many_realms)
{
    char text[8000] = "system: s\nrealms: [{name: R0, program: p}";
    for (int i = 1; i <= 70; i++)
        sprintf(text + strlen(text), ", {name: R%d, program: p}", i);
    strcat(text, "]\nservices: [{name: s, provider: R0, access: [R1]}]\n"
                 "assert:\n  - never: R1 -> s\n  - never: R2 -> s\n");
    read_text(text);
    cr_assert_eq(initial_check_asserts(initial, ASSERTIONS_WORK, &problems, NULL, NULL), 0);
    cr_assert_eq(problems.errors, 1u);
    expect_problem(SCENARIO_ERROR, 5, "\"R1\" may connect to \"s\", by the rule \"access: realm\"");
    expect_problem(SCENARIO_WARNING, 6, "held against the rules alone");
}

/* Goal: rules that match nothing, everything, or what another matches already are warned of, each in its
 * line. */
Test(initial, rules)
{
    read_text(REALMS "services:\n"
                     "  - {name: own, provider: B, access: [B, A]}\n"
                     "  - {name: every, provider: B, access: [A, all]}\n"
                     "  - {name: twice, provider: B, access: [A, A]}\n"
                     "  - {name: barren, provider: B, access: [children, A]}\n"
                     "  - {name: kin, provider: C, access: [C1]}\n"
                     "  - {name: alone, provider: D}\n"
                     "grants:\n"
                     "  - {to: B, service: own}\n"
                     "  - {to: A, service: twice}\n"
                     "  - {to: D, service: every}\n"
                     "  - {to: C1, service: kin}\n"
                     "  - {to: D, service: own}\n"
                     "  - {to: D, service: own}\n");
    initial_check_rules(config, &problems);
    cr_assert_eq(problems.errors, 0u);
    expect_problem(SCENARIO_WARNING, 4, "matches nothing: \"B\" provides the service");
    expect_problem(SCENARIO_WARNING, 5, "matches everything");
    expect_problem(SCENARIO_WARNING, 6, "\"A\" is in this list already");
    expect_problem(SCENARIO_WARNING, 7, "no realm has \"B\" as its parent");
    expect_problem(SCENARIO_WARNING, 8, "\"C1\" is the provider's parent or child");
    expect_problem(SCENARIO_WARNING, 9, "no realm may connect to \"alone\"");
    expect_problem(SCENARIO_WARNING, 11, "grants nothing");
    expect_problem(SCENARIO_WARNING, 12, "in the service's access list");
    expect_problem(SCENARIO_WARNING, 13, "the access of the service is \"all\"");
    expect_problem(SCENARIO_WARNING, 14, "in the service's access list");
    expect_problem(SCENARIO_WARNING, 16, "is here already");
    cr_assert_eq(problems.warnings, 11u);
}

/* Goal: patterns that meet nothing or everything, and rules that a denial makes void, are warned of. */
Test(initial, patterns_and_denials)
{
    read_text(REALMS "services:\n"
                     "  - {name: none, provider: B, access: [A, {path: \"/X/*\"}]}\n"
                     "  - {name: every, provider: B, access: [{path: \"/**\"}]}\n"
                     "  - {name: void, provider: B, access: [A, D], deny: [A, A, B]}\n"
                     "  - {name: after, provider: B, access: [all, A, {path: \"/A\"}]}\n"
                     "  - {name: barren, provider: B, access: [descendants, A]}\n"
                     "  - {name: shut, provider: B, deny: all}\n"
                     "grants:\n"
                     "  - {to: A, service: void}\n"
                     "  - {to: {path: \"/Y\"}, service: none}\n"
                     "  - {deny: {path: \"/Z\"}, service: none}\n"
                     "  - {to: A, service: shut}\n");
    initial_check_rules(config, &problems);
    expect_problem(SCENARIO_WARNING, 4, "matches nothing: no realm has a path like \"/X/*\"");
    expect_problem(SCENARIO_WARNING, 5, "matches everything");
    expect_problem(SCENARIO_WARNING, 6, "this changes nothing: the service is denied to \"A\"");
    expect_problem(SCENARIO_WARNING, 6, "\"A\" is denied already");
    expect_problem(SCENARIO_WARNING, 6, "denies nothing: \"B\" provides");
    expect_problem(SCENARIO_WARNING, 7, "an entry before \"A\" matches every realm");
    expect_problem(SCENARIO_WARNING, 7, "an entry before it matches every realm");
    expect_problem(SCENARIO_WARNING, 8, "no realm is below \"B\"");
    expect_problem(SCENARIO_WARNING, 11, "grants nothing: the service is denied to \"A\"");
    expect_problem(SCENARIO_WARNING, 12, "\"/Y\"");
    expect_problem(SCENARIO_WARNING, 13, "\"/Z\"");
    expect_problem(SCENARIO_WARNING, 14, "grants nothing: the service is denied to \"A\"");
}

/* Goal: a sound scenario has no warning. */
Test(initial, no_false_alarm)
{
    read_text(REALMS "services:\n"
                     "  - {name: database, provider: B, access: [A, C]}\n"
                     "  - {name: logger, provider: C, access: [children]}\n"
                     "  - {name: inner, provider: C1}\n"
                     "grants:\n  - {to: A, service: logger}\n");
    initial_check_rules(config, &problems);
    cr_assert_eq(problems.count, 0u);
}
