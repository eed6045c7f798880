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

/* Goal: a decision names its rule, the place of it, and what would allow what it denied. */
Test(initial, reasons)
{
    read_text(REALMS "services:\n  - {name: database, provider: B, access: [A]}\n");
    struct policy_decision decision;
    char fix[200];
    cr_assert(initial_allows(initial, 0, 0, &decision));
    cr_assert_eq(decision.rule, POLICY_RULE_ACCESS_REALM);
    cr_assert_eq(decision.place.line, 4u);
    cr_assert_not(initial_allows(initial, 4, 0, &decision));
    cr_assert_eq(decision.rule, POLICY_RULE_DEFAULT);
    initial_fix_text(initial, &decision, fix, sizeof fix);
    cr_assert_str_eq(fix, "add \"D\" to the access of service \"database\"");
    struct policy_step steps[16];
    size_t count = initial_explain(initial, 4, 0, steps, 16);
    cr_assert_gt(count, 1u);
    cr_assert(steps[count - 1].matched);
}

/* Goal: assertions that hold are silent; those that do not are errors with the rule, or with the fix. */
Test(initial, asserts)
{
    read_text(REALMS "services:\n  - {name: database, provider: B, access: [A]}\n"
                     "assert:\n"
                     "  - never: D -> database\n"
                     "  - always: A -> database\n"
                     "  - never: A -> database\n"
                     "  - always: D -> database\n");
    initial_check_asserts(initial, &problems);
    cr_assert_eq(problems.errors, 2u);
    expect_problem(SCENARIO_ERROR, 8,
                   "\"A\" may connect to \"database\", by the rule \"access: realm\" in line 4");
    expect_problem(SCENARIO_ERROR, 9, "add \"D\" to the access of service \"database\"");
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
