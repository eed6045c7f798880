/* Every kind of rule, allow and deny: which decides, where it stands, and the smallest change of a denial. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "mm/analysis/fix.h"
#include "sim/boot/scenario.h"

static struct mm_config *config;
static struct scenario_problems problems;

static void tear_down(void)
{
    mm_config_free(config);
    scenario_problems_deinit(&problems);
    config = NULL;
}

TestSuite(fix, .fini = tear_down);

static void read_text(const char *text)
{
    static const struct scenario_origin origin = {.name = "t.yaml", .folder = "/", .look = false};
    scenario_problems_init(&problems);
    cr_assert_eq(scenario_read_text(text, strlen(text), &origin, &problems, &config), 0, "%s",
                 problems.count ? problems.list[0].message : "?");
}

static uint32_t realm(const char *name)
{
    for (uint32_t i = 0; i < config->realms_count; i++)
        if (strcmp(config->realms[i].name, name) == 0)
            return i;
    cr_assert_fail("no realm %s", name);
    return 0;
}

static struct question ask(enum question_kind kind, const char *actor, const char *service, uint32_t rights)
{
    struct question question = {.kind = kind, .service = service, .rights = rights | REALM_RIGHT_SEND};
    whatif_path_of(config, realm(actor), &question.actor);
    return question;
}

/* The answer is yes, by this rule, which stands in that line (0: nowhere). */
static void expect_yes(const struct question *question, enum policy_rule rule, uint32_t line)
{
    struct question_answer answer;
    struct edits edits;
    cr_assert_eq(question_ask(config, question, &answer), 0);
    cr_assert(answer.satisfied);
    cr_assert_eq(answer.decision.rule, rule, "it is %s", policy_rule_name(answer.decision.rule));
    cr_assert_eq(answer.decision.place.line, line);
    cr_assert_eq(fix_find(config, question, &edits), 0);
    cr_assert_eq(edits.count, 0u, "what is allowed needs no fix");
}

/*
 * The answer is no, by this rule in that line; the fix is these lines, in this order, and with it the answer
 * is yes. No lines: there is none.
 */
static void expect_no(const struct question *question, enum policy_rule rule, uint32_t line,
                      const char *const *lines, size_t count)
{
    struct question_answer answer;
    struct edits_variation variation;
    struct edits edits;
    char text[EDIT_TEXT_MAX];
    cr_assert_eq(question_ask(config, question, &answer), 0);
    cr_assert_not(answer.satisfied);
    cr_assert_eq(answer.decision.rule, rule, "it is %s", policy_rule_name(answer.decision.rule));
    cr_assert_eq(answer.decision.place.line, line, "it is line %u", answer.decision.place.line);
    int error = fix_find(config, question, &edits);
    if (count == 0) {
        cr_assert_eq(error, REALM_E_DENIED);
        return;
    }
    cr_assert_eq(error, 0);
    for (size_t i = 0; i < edits.count && i < count; i++) {
        edit_line(config, &edits.list[i], text, sizeof text);
        cr_assert_str_eq(text, lines[i]);
    }
    cr_assert_eq(edits.count, count);
    cr_assert_eq(edits_apply(config, &edits, &variation), 0);
    cr_assert_eq(question_ask(&variation.config, question, &answer), 0);
    cr_assert(answer.satisfied, "the fix does not turn it: %s", policy_rule_name(answer.decision.rule));
    edits_variation_deinit(&variation);
}

#define NO(question, rule, line, ...)                                                                        \
    expect_no((question), (rule), (line), (const char *const[]){__VA_ARGS__},                                \
              sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
#define NEVER(question, rule, line) expect_no((question), (rule), (line), NULL, 0)

/* Line 1; services begin in line 3. */
#define REALMS                                                                                               \
    "system: s\nrealms: [{name: A, program: p}, {name: B, program: p}, {name: C, program: p}, "              \
    "{name: C1, program: p, parent: C}, {name: C2, program: p, parent: C}, {name: C11, program: p, "         \
    "parent: C1}, {name: T, program: p, parent: C, template: true}]\n"

/* Goal: nothing allows it: one entry of `grants` is the smallest change, and says send alone. */
Test(fix, by_default)
{
    read_text(REALMS "services:\n  - {name: db, provider: B}\n");
    struct question question = ask(QUESTION_CONNECT, "A", "db", 0);
    NO(&question, POLICY_RULE_DEFAULT, 4, "grants: - {to: A, service: db, rights: [send]}");
    question = ask(QUESTION_CONNECT, "A", "db", REALM_RIGHT_GRANT);
    NO(&question, POLICY_RULE_DEFAULT, 4, "grants: - {to: A, service: db, rights: [send, grant]}");
    question = ask(QUESTION_CONNECT, "T", "db", 0); /* a template stands for its instances */
    NO(&question, POLICY_RULE_DEFAULT, 4, "grants: - {to: T, service: db, rights: [send]}");
}

/* Goal: a grant of the scenario allows, to a realm and by a pattern; what it lacks is added to it, or, where
 * it is about many, granted to the one. */
Test(fix, grants)
{
    read_text(REALMS "services:\n  - {name: db, provider: B}\n  - {name: log, provider: B}\n"
                     "grants:\n  - {to: A, service: db}\n  - {to: {path: \"/C/*\"}, service: log}\n");
    struct question question = ask(QUESTION_CONNECT, "A", "db", 0);
    expect_yes(&question, POLICY_RULE_CONFIG_GRANT, 7);
    question.rights |= REALM_RIGHT_MINT;
    NO(&question, POLICY_RULE_CONFIG_GRANT, 7, "grants, the entry in line 7, column 5: add the rights mint");
    question = ask(QUESTION_CONNECT, "C1", "log", 0);
    expect_yes(&question, POLICY_RULE_CONFIG_GRANT, 8);
    question.rights |= REALM_RIGHT_MINT;
    NO(&question, POLICY_RULE_CONFIG_GRANT, 8, "grants: - {to: C1, service: log, rights: [send, mint]}");
}

/* Goal: the hierarchy allows, and can be switched off; siblings only if it is switched on. */
Test(fix, hierarchy)
{
    read_text(REALMS "services:\n  - {name: up, provider: C}\n  - {name: down, provider: C1}\n"
                     "hierarchy: {siblings: true}\n");
    struct question question = ask(QUESTION_CONNECT, "C1", "up", 0);
    expect_yes(&question, POLICY_RULE_CHILD_OF_PROVIDER, 0);
    question = ask(QUESTION_CONNECT, "C", "down", 0);
    expect_yes(&question, POLICY_RULE_PARENT_OF_PROVIDER, 0);
    question = ask(QUESTION_CONNECT, "C2", "down", 0);
    expect_yes(&question, POLICY_RULE_SIBLING_OF_PROVIDER, 0);
    question.rights |= REALM_RIGHT_REVOKE;
    NO(&question, POLICY_RULE_SIBLING_OF_PROVIDER, 0,
       "grants: - {to: C2, service: down, rights: [send, revoke]}");
    tear_down();
    read_text(REALMS "services:\n  - {name: up, provider: C}\n  - {name: down, provider: C1}\n"
                     "hierarchy: {children-to-parent: false, parent-to-children: false}\n");
    question = ask(QUESTION_CONNECT, "C1", "up", 0);
    NO(&question, POLICY_RULE_DEFAULT, 4, "grants: - {to: C1, service: up, rights: [send]}");
    question = ask(QUESTION_CONNECT, "C", "down", 0);
    NO(&question, POLICY_RULE_DEFAULT, 5, "grants: - {to: C, service: down, rights: [send]}");
    question = ask(QUESTION_CONNECT, "C2", "down", 0);
    NO(&question, POLICY_RULE_DEFAULT, 5, "grants: - {to: C2, service: down, rights: [send]}");
}

/* Goal: each kind of entry of an access list allows whom it means, and nobody else. */
Test(fix, access)
{
    read_text(REALMS "services:\n"
                     "  - {name: one, provider: B, access: [A, {realm: C, rights: [send, grant]}]}\n"
                     "  - {name: below, provider: C, access: [children]}\n"
                     "  - {name: deep, provider: C, access: [descendants]}\n"
                     "  - {name: open, provider: B, access: all}\n"
                     "  - {name: some, provider: B, access: [{path: \"/C/**\"}]}\n"
                     "hierarchy: {children-to-parent: false}\n");
    struct question question = ask(QUESTION_CONNECT, "A", "one", 0);
    expect_yes(&question, POLICY_RULE_ACCESS_REALM, 4);
    question.rights |= REALM_RIGHT_GRANT;
    NO(&question, POLICY_RULE_ACCESS_REALM, 4,
       "service one, access, the entry in line 4, column 39: add the rights grant");
    question = ask(QUESTION_CONNECT, "C", "one", REALM_RIGHT_GRANT);
    expect_yes(&question, POLICY_RULE_ACCESS_REALM, 4);
    question = ask(QUESTION_CONNECT, "C1", "below", 0);
    expect_yes(&question, POLICY_RULE_ACCESS_CHILDREN, 5);
    question = ask(QUESTION_CONNECT, "C11", "below", 0);
    NO(&question, POLICY_RULE_DEFAULT, 5, "grants: - {to: C11, service: below, rights: [send]}");
    question = ask(QUESTION_CONNECT, "C11", "deep", 0);
    expect_yes(&question, POLICY_RULE_ACCESS_DESCENDANTS, 6);
    question = ask(QUESTION_CONNECT, "A", "deep", 0);
    NO(&question, POLICY_RULE_DEFAULT, 6, "grants: - {to: A, service: deep, rights: [send]}");
    question = ask(QUESTION_CONNECT, "A", "open", 0);
    expect_yes(&question, POLICY_RULE_ACCESS_ALL, 7);
    question = ask(QUESTION_CONNECT, "C11", "some", 0);
    expect_yes(&question, POLICY_RULE_ACCESS_PATH, 8);
    question.rights |= REALM_RIGHT_GRANT;
    NO(&question, POLICY_RULE_ACCESS_PATH, 8, "grants: - {to: C11, service: some, rights: [send, grant]}");
    question = ask(QUESTION_CONNECT, "A", "some", 0);
    NO(&question, POLICY_RULE_DEFAULT, 8, "grants: - {to: A, service: some, rights: [send]}");
}

/* Goal: a deny wins over everything; each entry that matches must go, and what is then lacking is added. */
Test(fix, deny)
{
    read_text(REALMS "services:\n"
                     "  - {name: db, provider: B, access: all, deny: [A, {path: \"/A\"}, C]}\n"
                     "  - {name: log, provider: B, deny: [C1]}\n"
                     "grants:\n  - {deny: all, service: log}\n");
    struct question question = ask(QUESTION_CONNECT, "A", "db", 0);
    NO(&question, POLICY_RULE_DENY, 4, "service db, deny in line 4, column 49: remove A",
       "service db, deny in line 4, column 52: remove {path: \"/A\"}");
    question = ask(QUESTION_CONNECT, "C2", "db", 0);
    expect_yes(&question, POLICY_RULE_ACCESS_ALL, 4);
    question = ask(QUESTION_CONNECT, "C1", "log", 0);
    NO(&question, POLICY_RULE_DENY, 5, "service log, deny in line 5, column 37: remove C1",
       "service log, deny in line 7, column 12: remove all",
       "grants: - {to: C1, service: log, rights: [send]}");
}

/* Goal: what no rule can change has no fix: one's own service. */
Test(fix, self)
{
    read_text(REALMS "services:\n  - {name: db, provider: B, access: all}\n");
    struct question question = ask(QUESTION_CONNECT, "B", "db", 0);
    NEVER(&question, POLICY_RULE_SELF, 4);
}

/* Goal: a service that is not declared is declared, by the first that can provide it; names are quoted. */
Test(fix, declared)
{
    read_text(REALMS "services:\n  - {name: db, provider: B}\n");
    struct question question = ask(QUESTION_CONNECT, "A", "a: b", 0);
    NO(&question, POLICY_RULE_DECLARED, 0, "services: - {name: \"a: b\", provider: B, access: [A]}");
    question = ask(QUESTION_REGISTER, "A", "new", 0);
    NO(&question, POLICY_RULE_DECLARED, 0, "services: - {name: new, provider: A, access: [A]}");
}

/* Goal: only the provider registers. */
Test(fix, provider)
{
    read_text(REALMS "services:\n  - {name: db, provider: B}\n");
    struct question question = ask(QUESTION_REGISTER, "B", "db", 0);
    expect_yes(&question, POLICY_RULE_PROVIDER, 4);
    question = ask(QUESTION_REGISTER, "A", "db", 0);
    NO(&question, POLICY_RULE_PROVIDER, 4, "service db: provider: A");
}

static struct question grant(const char *parent, const char *child, const char *service, uint32_t rights)
{
    struct question question = ask(QUESTION_GRANT, parent, service, rights);
    whatif_path_of(config, realm(child), &question.subject);
    return question;
}

/* Goal: a parent's grant: to a child only, of what it holds only, and never against a deny. */
Test(fix, parent_grants)
{
    read_text(
        REALMS
        "services:\n  - {name: db, provider: B, access: [C], deny: [C2]}\n  - {name: log, provider: B}\n");
    struct question question = grant("C", "C1", "db", 0);
    expect_yes(&question, POLICY_RULE_HOLDS, 4);
    question = grant("C", "C1", "db", REALM_RIGHT_GRANT);
    NO(&question, POLICY_RULE_HOLDS, 4,
       "service db, access, the entry in line 4, column 38: add the rights grant");
    question = grant("C", "C1", "log", 0);
    NO(&question, POLICY_RULE_HOLDS, 5, "grants: - {to: C, service: log, rights: [send]}");
    question = grant("C", "C2", "db", 0);
    NO(&question, POLICY_RULE_DENY, 4, "service db, deny in line 4, column 49: remove C2");
    question = grant("C", "A", "db", 0);
    NO(&question, POLICY_RULE_PARENT, 0, "realm A: parent: C");
    question = grant("C1", "C", "db", 0); /* C1 would be its own grandchild */
    NEVER(&question, POLICY_RULE_PARENT, 0);
    question = grant("C", "C1", "none", 0);
    NO(&question, POLICY_RULE_DECLARED, 0, "services: - {name: none, provider: A, access: [C]}");
}

/* Goal: a parent starts its children only. */
Test(fix, start)
{
    read_text(REALMS);
    struct question question = ask(QUESTION_START, "C", NULL, 0);
    whatif_path_of(config, realm("C1"), &question.subject);
    expect_yes(&question, POLICY_RULE_PARENT, 0);
    whatif_path_of(config, realm("A"), &question.subject);
    NO(&question, POLICY_RULE_PARENT, 0, "realm A: parent: C");
}

/* Goal: gates and looking at others need their capability. */
Test(fix, capabilities)
{
    read_text("system: s\nrealms: [{name: A, program: p, capabilities: [debug, {gate: 3}]}, {name: B, "
              "program: p}]\n");
    struct question question = ask(QUESTION_LOOK, "A", NULL, 0);
    expect_yes(&question, POLICY_RULE_DEBUG, 0);
    question = ask(QUESTION_LOOK, "B", NULL, 0);
    NO(&question, POLICY_RULE_DEBUG, 0, "realm B, capabilities: - debug");
    question = ask(QUESTION_GATE, "A", NULL, 0);
    question.gate = 3;
    expect_yes(&question, POLICY_RULE_GATE, 0);
    question.gate = 4;
    NO(&question, POLICY_RULE_GATE, 0, "realm A, capabilities: - {gate: 4}");
    question.gate = 99; /* there is no such gate */
    NEVER(&question, POLICY_RULE_GATE, 0);
}

/* Goal: a quota is raised to what is needed and no more, wherever up the tree it refuses. */
Test(fix, quotas)
{
    read_text("system: s\nrealms:\n  - {name: B, program: p}\n"
              "  - {name: C, program: p, quota: {channels: 0, capabilities: 1}}\n"
              "  - {name: C1, program: p, parent: C, quota: {channels: 0}}\n"
              "services:\n  - {name: db, provider: B, access: all}\n");
    struct question question = ask(QUESTION_CONNECT, "C1", "db", 0);
    /* C holds one capability when C1 runs: that of C1. C1 would have one more, and a channel. */
    struct edits edits;
    struct edits_variation variation;
    struct question_answer answer;
    cr_assert_eq(question_ask(config, &question, &answer), 0);
    cr_assert_eq(answer.decision.rule, POLICY_RULE_QUOTA);
    cr_assert_eq(fix_find(config, &question, &edits), 0);
    char all[3 * EDIT_TEXT_MAX] = "", text[EDIT_TEXT_MAX];
    for (size_t i = 0; i < edits.count; i++) {
        edit_line(config, &edits.list[i], text, sizeof text);
        strcat(strcat(all, text), "\n");
    }
    cr_assert_eq(edits.count, 3u, "%s", all);
    cr_assert_not_null(strstr(all, "realm C, quota: channels: 1\n"), "%s", all);
    cr_assert_not_null(strstr(all, "realm C1, quota: channels: 1\n"), "%s", all);
    cr_assert_not_null(strstr(all, "realm C, quota: capabilities: 2\n"), "%s", all);
    cr_assert_eq(edits_apply(config, &edits, &variation), 0);
    cr_assert_eq(question_ask(&variation.config, &question, &answer), 0);
    cr_assert(answer.satisfied);
    edits_variation_deinit(&variation);
}

/* Goal: an instance is asked about by its own path, and its fix names its template. */
Test(fix, instances)
{
    read_text(REALMS "services:\n  - {name: db, provider: B, access: [{path: \"/C/w-*\"}]}\n");
    struct question question = ask(QUESTION_CONNECT, "T", "db", 0);
    question.actor.steps[question.actor.count - 1].name = "w-1";
    expect_yes(&question, POLICY_RULE_ACCESS_PATH, 4);
    question.actor.steps[question.actor.count - 1].name = "other";
    NO(&question, POLICY_RULE_DEFAULT, 4, "grants: - {to: T, service: db, rights: [send]}");
}

/* Goal: the lines to paste are YAML, also where names are hostile. */
Test(fix, yaml)
{
    read_text("system: s\nrealms: [{name: \"a, b: [x]\", program: p}, {name: B, program: p}]\n"
              "services: [{name: \"s}\\\"\", provider: B}]\n");
    struct question question = ask(QUESTION_CONNECT, "a, b: [x]", "s}\"", 0);
    struct edits edits;
    cr_assert_eq(fix_find(config, &question, &edits), 0);
    char *text = edits_yaml(config, &edits);
    cr_assert_str_eq(text, "grants: # as its first entry\n"
                           "  - {to: \"a, b: [x]\", service: \"s}\\\"\", rights: [send]}\n");
    char whole[1000];
    snprintf(whole, sizeof whole,
             "system: s\nrealms: [{name: \"a, b: [x]\", program: p}, {name: B, program: p}]\n"
             "services: [{name: \"s}\\\"\", provider: B}]\n%s",
             text);
    free(text);
    tear_down();
    read_text(whole);
    question = ask(QUESTION_CONNECT, "a, b: [x]", "s}\"", 0);
    expect_yes(&question, POLICY_RULE_CONFIG_GRANT, 5);
}
