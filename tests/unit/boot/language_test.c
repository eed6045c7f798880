/* The language of policy: whom rules mean, rights, patterns, hierarchy, quotas, assertions; and its mistakes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>
#include <realm/types.h>

#include "sim/boot/scenario.h"

static struct scenario_problems problems;
static struct mm_config *config;

static void set_up(void)
{
    scenario_problems_init(&problems);
    config = NULL;
}

static void tear_down(void)
{
    mm_config_free(config);
    scenario_problems_deinit(&problems);
}

TestSuite(language, .init = set_up, .fini = tear_down);

/* Two lines; what follows begins in line 3. */
#define REALMS                                                                                               \
    "system: s\nrealms: [{name: db, program: p}, {name: app, program: p}, {name: w, program: p, parent: "    \
    "app, "                                                                                                  \
    "template: true}, {name: \"/app/*\", program: p}]\n"

static int read_text(const char *text)
{
    static const struct scenario_origin origin = {.name = "t.yaml", .folder = "/", .look = false};
    return scenario_read_text(text, strlen(text), &origin, &problems, &config);
}

static void good(const char *text)
{
    cr_assert_eq(read_text(text), 0, "%u:%u: %s", problems.list[0].place.line, problems.list[0].place.column,
                 problems.count ? problems.list[0].message : "?");
}

/* One mistake, at that place, with these words. */
static void bad(const char *text, uint32_t line, uint32_t column, const char *words)
{
    cr_assert_eq(read_text(text), REALM_E_BAD_ARGUMENT, "it was read: %s", text);
    cr_assert_eq(problems.errors, 1u, "%zu problems; the first: %s", problems.errors,
                 problems.list[0].message);
    cr_assert_not_null(strstr(problems.list[0].message, words), "it says: %s", problems.list[0].message);
    cr_assert_eq(problems.list[0].place.line, line, "line %u: %s", problems.list[0].place.line, words);
    cr_assert_eq(problems.list[0].place.column, column, "column %u: %s", problems.list[0].place.column,
                 words);
    tear_down();
    set_up();
}

/* Goal: every form of an entry is read as what it means; a name is a name, also where it looks like a
 * pattern. */
Test(language, entries)
{
    good(REALMS
         "services:\n"
         "  - name: s\n"
         "    provider: db\n"
         "    access: [app, \"/app/*\", children, descendants, all, {realm: w, rights: [send, grant]},\n"
         "             {who: children, rights: [mint, send]}, {path: \"/app/*\"}, {path: \"/**\", rights: "
         "[send, revoke]}]\n"
         "    deny: [w, {path: \"/x\"}, descendants]\n");
    const struct mm_access *access = config->services[0].access;
    cr_assert_eq(config->services[0].access_count, 9u);
    cr_assert(access[0].kind == MM_ACCESS_REALM && access[0].realm == 1 && !access[0].pattern);
    cr_assert(access[1].kind == MM_ACCESS_REALM && access[1].realm == 3, "it is a realm of that name");
    cr_assert(access[2].kind == MM_ACCESS_CHILDREN && access[3].kind == MM_ACCESS_DESCENDANTS &&
              access[4].kind == MM_ACCESS_ALL);
    cr_assert(access[5].kind == MM_ACCESS_REALM && access[5].realm == 2);
    cr_assert_eq(access[5].rights, REALM_RIGHT_SEND | REALM_RIGHT_GRANT);
    cr_assert(access[6].kind == MM_ACCESS_CHILDREN);
    cr_assert_eq(access[6].rights, REALM_RIGHT_SEND | REALM_RIGHT_MINT);
    cr_assert(access[7].kind == MM_ACCESS_PATH);
    cr_assert_str_eq(access[7].pattern, "/app/*");
    cr_assert_eq(access[7].rights, 0u, "none were said: just send");
    cr_assert_eq(access[8].rights, REALM_RIGHT_SEND | REALM_RIGHT_REVOKE);
    cr_assert(access[5].place.line == 6 && access[8].place.line == 7);
    cr_assert_eq(config->denies_count, 3u);
    cr_assert(config->denies[0].who.kind == MM_ACCESS_REALM && config->denies[0].who.realm == 2);
    cr_assert_str_eq(config->denies[1].who.pattern, "/x");
    cr_assert(config->denies[2].who.kind == MM_ACCESS_DESCENDANTS && config->denies[2].who.place.line == 8);
}

/* Goal: grants are to realms and patterns; an entry of grants may deny. */
Test(language, grants)
{
    good(REALMS "services: [{name: s, provider: db, aliases: [t]}]\n"
                "grants:\n"
                "  - {to: {path: \"/app/*\"}, service: t, rights: [grant, send]}\n"
                "  - {to: {realm: app}, service: s}\n"
                "  - {deny: app, service: t}\n"
                "  - {deny: {path: \"/y\"}, service: s}\n");
    cr_assert_eq(config->grants_count, 2u);
    cr_assert_str_eq(config->grants[0].pattern, "/app/*");
    cr_assert_eq(config->grants[0].rights, REALM_RIGHT_SEND | REALM_RIGHT_GRANT);
    cr_assert(!config->grants[1].pattern && config->grants[1].realm == 1);
    cr_assert_eq(config->denies_count, 2u);
    cr_assert(config->denies[0].who.realm == 1 && config->denies[0].who.place.line == 7 &&
              config->denies[0].who.place.column == 12);
    cr_assert_str_eq(config->denies[1].who.pattern, "/y");
}

/* Goal: nothing is nothing, with a unit or without; any other size has one. */
Test(language, no_memory)
{
    static const char *const none[] = {"0", "0KiB", "0GiB"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char text[100];
        snprintf(text, sizeof text, "system: s\nrealms: [{name: a, program: p, quota: {memory: %s}}]\n",
                 none[i]);
        good(text);
        cr_assert(config->realms[0].quota.limited[MM_RESOURCE_MEMORY]);
        cr_assert_eq(config->realms[0].quota.limit[MM_RESOURCE_MEMORY], 0u);
        tear_down();
        set_up();
    }
    bad("system: s\nrealms: [{name: a, program: p, quota: {memory: 00}}]\n", 2, 48, "memory must be");
    bad("system: s\nrealms: [{name: a, program: p, quota: {memory: 4096}}]\n", 2, 48, "memory must be");
    bad("system: s\nrealms: [{name: a, program: p, limits: {memory: 0}}]\n", 2, 49, "memory must be");
}

/* Goal: hierarchy, quotas and capabilities arrive; what is not said is the default. */
Test(language, settings)
{
    good("system: s\nhierarchy: {siblings: true, parent-to-children: false}\n"
         "realms:\n"
         "  - {name: a, program: p, quota: {realms: 1, channels: 0, capabilities: 4294967295, memory: 8KiB,\n"
         "     descriptors: 5, requests: 6}, capabilities: [{gate: 1}, debug, {gate: 63}]}\n"
         "  - {name: b, program: p}\n");
    cr_assert_eq(config->hierarchy.siblings, MM_CHOICE_YES);
    cr_assert_eq(config->hierarchy.parent_to_children, MM_CHOICE_NO);
    cr_assert_eq(config->hierarchy.children_to_parent, MM_CHOICE_DEFAULT);
    const struct mm_realm *a = &config->realms[0], *b = &config->realms[1];
    static const uint64_t limits[MM_RESOURCES] = {1, 0, 4294967295, 8192, 5, 6};
    for (int i = 0; i < MM_RESOURCES; i++) {
        cr_assert(a->quota.limited[i] && a->quota.limit[i] == limits[i]);
        cr_assert_not(b->quota.limited[i]);
    }
    cr_assert_eq(a->quota.place[MM_RESOURCE_REQUESTS].line, 5u);
    cr_assert(a->debug && !b->debug);
    cr_assert_eq(a->gates, UINT64_C(1) << 1 | UINT64_C(1) << 63);
    cr_assert_eq(b->gates, 0u);
}

/* Goal: assertions in both forms, also where YAML would stumble over the bracket. */
Test(language, assertions)
{
    good(REALMS "services: [{name: s, provider: db}]\n"
                "assert:\n"
                "  - never: w -> s\n"
                "  - only: [app, db] -> s\n"
                "  - only: \"[] -> s\"\n"
                "  - always: all -> s\n"
                "  - never:\n"
                "      from: [{path: \"/x/**\"}, {descendants: app}, w]\n"
                "      to: s\n"
                "      rights: [send, mint]\n"
                "      trust: [db, app]\n");
    const struct mm_assert *asserts = config->asserts;
    cr_assert_eq(config->asserts_count, 5u);
    cr_assert(asserts[0].kind == MM_ASSERT_NEVER && asserts[0].subjects_count == 1);
    cr_assert(asserts[1].kind == MM_ASSERT_ONLY && asserts[1].subjects_count == 2);
    cr_assert(asserts[1].subjects[0].realm == 1 && asserts[1].subjects[1].realm == 0);
    cr_assert(asserts[2].kind == MM_ASSERT_ONLY && asserts[2].subjects_count == 0);
    cr_assert(asserts[3].kind == MM_ASSERT_ALWAYS && asserts[3].subjects[0].kind == MM_SUBJECT_ALL);
    cr_assert_eq(asserts[0].rights, REALM_RIGHT_SEND);
    cr_assert_eq(asserts[4].subjects_count, 3u);
    cr_assert_str_eq(asserts[4].subjects[0].pattern, "/x/**");
    cr_assert(asserts[4].subjects[1].kind == MM_SUBJECT_DESCENDANTS && asserts[4].subjects[1].realm == 1);
    cr_assert_eq(asserts[4].rights, REALM_RIGHT_SEND | REALM_RIGHT_MINT);
    cr_assert(asserts[4].trust_count == 2 && asserts[4].trust[0] == 0 && asserts[4].trust[1] == 1);
    cr_assert(asserts[1].place.line == 6 && asserts[4].place.line == 9);
}

/* Goal: each mistake is said where it stands, with the nearest word where there is one. */
Test(language, mistakes)
{
#define SERVICE REALMS "services:\n  - {name: s, provider: db, "
    bad(SERVICE "acces: [app]}\n", 4, 29, "did you mean \"access\"?");
    bad(SERVICE "denied: [app]}\n", 4, 29, "unknown key \"denied\"");
    bad(SERVICE "access: [{realms: app}]}\n", 4, 39, "did you mean \"realm\"?");
    bad(SERVICE "access: [{realm: ap}]}\n", 4, 46, "did you mean \"app\"?");
    bad(SERVICE "access: [{who: childre}]}\n", 4, 44, "did you mean \"children\"?");
    bad(SERVICE "access: [{realm: app, path: \"/x\"}]}\n", 4, 38, "says one of realm, who and path");
    bad(SERVICE "access: [{rights: [send]}]}\n", 4, 38, "says one of realm, who and path");
    bad(SERVICE "access: [{realm: app, rights: [snd]}]}\n", 4, 60, "did you mean \"send\"?");
    bad(SERVICE "access: [{realm: app, rights: [grant]}]}\n", 4, 59, "write [send, …]");
    bad(SERVICE "deny: [{realm: app, rights: [send]}]}\n", 4, 49, "unknown key \"rights\"");
    bad(SERVICE "access: [{path: app/x}]}\n", 4, 45, "starts with /");
    bad(SERVICE "access: [{path: \"/a//b\"}]}\n", 4, 45, "component of a pattern is empty");
    bad(SERVICE "access: [{path: \"/a/\"}]}\n", 4, 45, "component of a pattern is empty");
    bad(SERVICE "access: [{path: \"/a\\\\\"}]}\n", 4, 45, "backslash");
    bad(SERVICE "access: [descendents]}\n", 4, 38, "did you mean \"descendants\"?");
    bad("system: s\nrealms: [{name: descendants, program: p}]\n", 2, 17, "has a meaning in access lists");
#define GRANT REALMS "services: [{name: s, provider: db}]\ngrants:\n  - "
    bad(GRANT "{service: s}\n", 5, 5, "needs the key \"to\"");
    bad(GRANT "{to: app, deny: w, service: s}\n", 5, 21, "either grants or denies");
    bad(GRANT "{deny: w, service: s, rights: [send]}\n", 5, 27, "it has no rights");
    bad(GRANT "{to: {who: all}, service: s}\n", 5, 10, "a grant is to a realm, or to {path: …}");
    bad(GRANT "{to: children, service: s}\n", 5, 10, "there is no realm \"children\"");
    bad(GRANT "{to: app, service: s, rights: []}\n", 5, 35, "write [send]");
    bad("system: s\nhierarchy: {sibling: true}\nrealms: [{name: a, program: p}]\n", 2, 13,
        "did you mean \"siblings\"?");
    bad("system: s\nhierarchy: {siblings: 1}\nrealms: [{name: a, program: p}]\n", 2, 23,
        "must be true or false");
    bad("system: s\nrealms: [{name: a, program: p, quota: {channel: 1}}]\n", 2, 40,
        "did you mean \"channels\"?");
    bad("system: s\nrealms: [{name: a, program: p, quota: {channels: -1}}]\n", 2, 50, "from 0 to");
    bad("system: s\nrealms: [{name: a, program: p, quota: {memory: 6KiB}}]\n", 2, 48, "multiple of 4KiB");
    bad("system: s\nrealms: [{name: a, program: p, capabilities: [debg]}]\n", 2, 47,
        "did you mean \"debug\"?");
    bad("system: s\nrealms: [{name: a, program: p, capabilities: [{gate: 0}]}]\n", 2, 54, "from 1 to 63");
    bad("system: s\nrealms: [{name: a, program: p, capabilities: [{gate: 3}, {gate: 3}]}]\n", 2, 65,
        "already");
#define ASSERT REALMS "services: [{name: s, provider: db}]\nassert:\n  - "
    bad(ASSERT "never: w s\n", 5, 12, "\"realm -> service\"");
    bad(ASSERT "nver: w -> s\n", 5, 5, "did you mean \"never\"?");
    bad(ASSERT "never: w -> t\n", 5, 12, "there is no service \"t\"");
    bad(ASSERT "never: [w, ap] -> s\n", 5, 12, "did you mean \"app\"?");
    bad(ASSERT "never: [] -> s\n", 5, 12, "says nothing of anybody");
    bad(ASSERT "never: {from: w}\n", 5, 12, "needs the key \"to\"");
    bad(ASSERT "never: {from: w, to: s, trust: [dd]}\n", 5, 37, "did you mean \"db\"?");
    bad(ASSERT "never: {from: {realm: w, path: \"/x\"}, to: s}\n", 5, 19,
        "says one of realm, descendants and path");
    bad(ASSERT "{never: w -> s, only: w -> s}\n", 5, 21, "one of never, only and always");
}

/* Goal: what makes a list before an arrow a word does not touch what is YAML by itself, or stands elsewhere.
 */
Test(language, arrows_only_in_assertions)
{
    good("system: s\nrealms:\n  - name: a\n    program: p\n    args:\n      - |\n        only: [x] -> y\n"
         "services: [{name: s, provider: a}]\nassert:\n  - only: [a] -> s\n");
    cr_assert_str_eq(config->realms[0].args[0], "only: [x] -> y\n");
    tear_down();
    set_up();
    /* The mistake of the second reading is told, in its place: the first one is understood. */
    bad("system: s\nrealms: [{name: a, program: p}]\nservices: [{name: s, provider: a}]\n"
        "assert:\n  - only: [a] -> s\n  - only: [a -> s\n",
        7, 1, "");
}

/* Goal: limits: patterns of over 1024 bytes, assertions of over 4096 subjects. */
Test(language, limits)
{
    static char text[70000], pattern[1100];
    memset(pattern, 'x', sizeof pattern - 1);
    pattern[0] = '/';
    snprintf(text, sizeof text, REALMS "services: [{name: s, provider: db, access: [{path: \"%s\"}]}]\n",
             pattern);
    bad(text, 3, 52, "1024 bytes at most");
    strcpy(text, REALMS "services: [{name: s, provider: db}]\nassert:\n  - never: {to: s, from: [w");
    for (int i = 0; i < 4096; i++)
        strcat(text + 150, ", w");
    strcat(text, "]}\n");
    cr_assert_eq(read_text(text), REALM_E_BAD_ARGUMENT);
    cr_assert_not_null(strstr(problems.list[0].message, "4096 realms at most"), "%s",
                       problems.list[0].message);
}
