/*
 * An explanation as it is printed: which of the rules that were looked at allowed, and which one refused.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/explain.h"

static const char scenario[] =
    "system: t\n"
    "realms:\n"
    "  - {name: db, program: /bin/true}\n"
    "  - {name: friend, program: /bin/true}\n"
    "  - {name: guest, program: /bin/true}\n"
    "  - {name: stranger, program: /bin/true}\n"
    "  - {name: full, program: /bin/true, quota: {channels: 0}}\n"
    "services:\n"
    "  - {name: data, provider: db, access: [guest, friend, full], deny: [guest]}\n";

/* What `realm explain REALM data` prints of that scenario, without what follows the list; to be freed. */
static char *printed(const char *realm, const char *right)
{
    char path[] = "/tmp/realm-explain-XXXXXX";
    const char *words[] = {realm, "data", "--right", right};
    struct arguments arguments;
    json_t *explanation = NULL;
    char *text = NULL;
    size_t size;
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, scenario, strlen(scenario)), (ssize_t)strlen(scenario));
    close(fd);
    cr_assert(arguments_parse(command_find("explain"), words, right ? 4 : 2, stderr, &arguments));
    int status = explain_file(&arguments, path, &explanation);
    unlink(path);
    cr_assert_eq(status, 0);
    FILE *stream = open_memstream(&text, &size);
    explain_print(stream, explanation);
    fclose(stream);
    json_decref(explanation);
    return text;
}

/* The lines of the list of rules: one that begins with `mark`, for each there must be; and no other with it.
 */
static void expect_marks(const char *text, const char *mark, const char *const *rules)
{
    const char *at = strstr(text, "looked at, in this order:\n");
    cr_assert_not_null(at, "%s", text);
    at = strchr(at, '\n') + 1;
    for (; strncmp(at, "  ", 2) == 0; at = strchr(at, '\n') + 1) {
        if (strncmp(at + 2, mark, strlen(mark)) != 0)
            continue;
        cr_assert_not_null(*rules, "one too many: %s", at);
        cr_expect_eq(strncmp(at + 2 + strlen(mark) + 1, *rules, strlen(*rules)), 0, "not %s: %s", *rules, at);
        rules++;
    }
    cr_expect_null(*rules, "%s", text);
}

#define RULE(rule) ((const char *const[]){rule, NULL})
#define NONE       ((const char *const[]){NULL})

/* Goal: of what is allowed the deciding rule has a tick, and nothing has a cross. */
Test(explain_print, allowed)
{
    char *text = printed("friend", NULL);
    cr_expect_eq(
        strncmp(text, "✓ yes: friend may connect to data", strlen("✓ yes: friend may connect to data")), 0,
        "%s", text);
    expect_marks(text, "✓", RULE("access: realm"));
    expect_marks(text, "✗", NONE);
    free(text);
}

/* Goal: where nothing allows, the default has the cross, and no rule a tick. */
Test(explain_print, denied_by_default)
{
    char *text = printed("stranger", NULL);
    cr_expect_not_null(strstr(text, "by the rule \"default\""), "%s", text);
    expect_marks(text, "✗", RULE("default"));
    expect_marks(text, "✓", NONE);
    free(text);
}

/* Goal: a deny has the cross, and is the last that was looked at. */
Test(explain_print, denied)
{
    char *text = printed("guest", NULL);
    cr_expect_not_null(strstr(text, "by the rule \"deny\""), "%s", text);
    expect_marks(text, "✗", RULE("deny"));
    expect_marks(text, "✓", NONE);
    free(text);
}

/* Goal: what the list allows and a quota refuses is shown as just that: a tick and then a cross. */
Test(explain_print, refused_for_quota)
{
    char *text = printed("full", NULL);
    cr_expect_not_null(strstr(text, "by the rule \"quota\""), "%s", text);
    expect_marks(text, "✓", RULE("access: realm"));
    expect_marks(text, "✗", RULE("quota"));
    cr_expect_lt(strstr(text, "✓ access: realm"), strstr(text, "✗ quota"));
    cr_expect_not_null(strstr(text, "quota: {channels: 1}"), "%s", text);
    free(text);
}

/* Goal: a rule that lets in, but not with the right that was asked for, has refused. */
Test(explain_print, too_few_rights)
{
    char *text = printed("friend", "mint");
    cr_expect_not_null(strstr(text, "✗ no: friend may not connect to data with the right mint"), "%s", text);
    expect_marks(text, "✗", RULE("access: realm"));
    expect_marks(text, "✓", NONE);
    free(text);
}
