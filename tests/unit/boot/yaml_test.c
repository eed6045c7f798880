/* The bounded tree of YAML: values, types, exact places, and what is refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "sim/boot/yaml.h"

static struct scenario_problems problems;

static void set_up(void)
{
    scenario_problems_init(&problems);
}

static void tear_down(void)
{
    scenario_problems_deinit(&problems);
}

TestSuite(yaml, .init = set_up, .fini = tear_down);

static struct yaml_node *parse(const char *text)
{
    struct yaml_node *root = NULL;
    int error = yaml_parse(text, strlen(text), &problems, &root);
    cr_assert_eq(error, 0, "%s: %s", text, problems.count ? problems.list[0].message : "?");
    cr_assert_eq(problems.count, 0u);
    return root;
}

static void expect_place(const struct yaml_node *node, uint32_t line, uint32_t column)
{
    cr_assert_eq(node->place.line, line, "line %u, not %u", node->place.line, line);
    cr_assert_eq(node->place.column, column, "column %u, not %u", node->place.column, column);
}

/* One refusal: the first problem has this place and these words. */
static void refuse(const char *text, size_t size, uint32_t line, uint32_t column, const char *words)
{
    struct yaml_node *root = NULL;
    cr_assert_eq(yaml_parse(text, size, &problems, &root), REALM_E_BAD_ARGUMENT, "%s", text);
    cr_assert_null(root);
    cr_assert_gt(problems.count, 0u);
    const struct scenario_problem *first = &problems.list[0];
    cr_assert_not_null(strstr(first->message, words), "\"%s\" gives \"%s\"", text, first->message);
    cr_assert_eq(first->place.line, line, "\"%s\": line %u, not %u", text, first->place.line, line);
    cr_assert_eq(first->place.column, column, "\"%s\": column %u, not %u", text, first->place.column, column);
    scenario_problems_deinit(&problems);
}

static void refuse_text(const char *text, uint32_t line, uint32_t column, const char *words)
{
    refuse(text, strlen(text), line, column, words);
}

/* Goal: block and flow style give the same tree, each node with the place where people see it begin. */
Test(yaml, places_are_exact)
{
    struct yaml_node *root = parse("# c\n"
                                   "a: [x, 'q', \"é\", {k: v}]\n"
                                   "list:\n"
                                   "  - one\n"
                                   "  -   two\n");
    cr_assert_eq(root->kind, YAML_MAP);
    expect_place(root, 2, 1);
    const struct yaml_node *a = root->children;
    cr_assert_str_eq(a->key->text, "a");
    expect_place(a->key, 2, 1);
    expect_place(a, 2, 4);
    const struct yaml_node *entry = a->children;
    expect_place(entry, 2, 5);
    entry = entry->next;
    cr_assert_str_eq(entry->text, "q");
    expect_place(entry, 2, 8); /* the quote, not the letter */
    entry = entry->next;
    cr_assert_str_eq(entry->text, "é");
    expect_place(entry, 2, 13);
    entry = entry->next;
    cr_assert_eq(entry->kind, YAML_MAP);
    expect_place(entry, 2, 18); /* columns count characters, not bytes */
    expect_place(entry->children->key, 2, 19);
    const struct yaml_node *list = a->next;
    cr_assert_null(list->next);
    expect_place(list->children, 4, 5);
    expect_place(list->children->next, 5, 7);
    yaml_free(root);
}

/* Goal: quotes, escapes and block scalars give the text that YAML means. */
Test(yaml, texts)
{
    struct yaml_node *root =
        parse("- 'it''s'\n- \"a\\n\\x41\"\n- plain words\n- |\n  l\n  m\n- >\n  f\n  g\n- ''\n-\n");
    static const char *const texts[] = {"it's", "a\nA", "plain words", "l\nm\n", "f g\n", "", ""};
    const struct yaml_node *node = root->children;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++, node = node->next)
        cr_assert_str_eq(node->text, texts[i]);
    cr_assert_null(node);
    yaml_free(root);
}

/* Goal: a single-quoted text with very many quotes comes out whole, and nothing leaks (seen under ASan). */
Test(yaml, many_quotes)
{
    char text[2200] = "'";
    memset(text + 1, '\'', 2000);
    strcat(text, "'");
    struct yaml_node *root = parse(text);
    cr_assert_eq(strlen(root->text), 1000u);
    cr_assert_eq(strspn(root->text, "'"), 1000u);
    yaml_free(root);
}

/* Goal: plain scalars have the type of YAML 1.2's core schema; quoted ones are strings. */
Test(yaml, types)
{
    static const struct {
        const char *text;
        enum yaml_type type;
    } cases[] = {
        {"", YAML_NULL},        {"~", YAML_NULL},      {"null", YAML_NULL},    {"nul", YAML_STRING},
        {"true", YAML_BOOL},    {"FALSE", YAML_BOOL},  {"yes", YAML_STRING},   {"on", YAML_STRING},
        {"0", YAML_INTEGER},    {"-12", YAML_INTEGER}, {"+3", YAML_INTEGER},   {"0o17", YAML_INTEGER},
        {"0x1F", YAML_INTEGER}, {"0x", YAML_STRING},   {"0o8", YAML_STRING},   {"-", YAML_STRING},
        {"1.5", YAML_FLOAT},    {".5", YAML_FLOAT},    {"1e3", YAML_FLOAT},    {"1.e-3", YAML_FLOAT},
        {"-.inf", YAML_FLOAT},  {".nan", YAML_FLOAT},  {".", YAML_STRING},     {"1.2.3", YAML_STRING},
        {"1e", YAML_STRING},    {"10s", YAML_STRING},  {"1_000", YAML_STRING}, {"A", YAML_STRING}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(yaml_plain_type(cases[i].text), cases[i].type, "\"%s\" is %d", cases[i].text,
                     yaml_plain_type(cases[i].text));
    struct yaml_node *root = parse("['5', \"true\", 5]");
    cr_assert_eq(root->children->type, YAML_STRING);
    cr_assert_eq(root->children->next->type, YAML_STRING);
    cr_assert_eq(root->children->next->next->type, YAML_INTEGER);
    yaml_free(root);
}

/* Goal: nothing, and only comments, are an empty document. */
Test(yaml, empty)
{
    cr_assert_null(parse(""));
    cr_assert_null(parse("# only this\n\n"));
}

/* Goal: what YAML has and a scenario does without is refused, with its place. */
Test(yaml, refuses_extras)
{
    refuse_text("a: &x 1\n", 1, 4, "anchors");
    refuse_text("a: 1\nb: *x\n", 2, 4, "aliases");
    refuse_text("a: !t 1\n", 1, 4, "tags");
    refuse_text("a: 1\n---\nb: 2\n", 2, 1, "one YAML document");
    refuse_text("? [a]\n: b\n", 1, 3, "key must be a word");
    refuse_text("{[a]: b}\n", 1, 2, "key must be a word");
}

/* Goal: the text that expands to a billion words when aliases are followed is refused at its first anchor. */
Test(yaml, refuses_billion_laughs)
{
    refuse_text("a: &a [lol, lol]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n", 1, 4, "anchors");
}

/* Goal: syntax errors have the place where the text stops making sense, and tabs are named as a cause. */
Test(yaml, syntax_errors)
{
    refuse_text("a: b: c\n", 1, 5, "nested block mapping");
    refuse_text("a: [b\n", 2, 1, "closing bracket");
    refuse_text("a:\n\tb: c\n", 2, 1, "tabs");
    refuse_text("a: \"x\n", 1, 5, "quoted scalar");
}

/* Goal: bytes that are not UTF-8, control characters and NULs are refused, raw and escaped. */
Test(yaml, refuses_odd_bytes)
{
    refuse_text("a: b\nc: \xff\n", 2, 4, "not UTF-8");
    refuse_text("a: \xc3", 1, 4, "not UTF-8");
    refuse_text("a: \x1b[31m\n", 1, 4, "control character");
    refuse_text("a: b\rc\n", 1, 5, "control character");
    refuse_text("a: \xc2\x9b\n", 1, 4, "control character");
    refuse("a: \0b\n", 6, 1, 4, "control character");
    refuse_text("a: \"x\\0y\"\n", 1, 4, "NUL");
}

/* Goal: sixteen levels are fine, seventeen are refused where the seventeenth begins. */
Test(yaml, depth_limit)
{
    struct yaml_node *root = parse("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]");
    yaml_free(root);
    refuse_text("[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]", 1, 17, "16 deep");
}

/* Goal: 100000 values are read, one more is refused, and so is a text of more than a mebibyte. */
Test(yaml, size_limits)
{
    char *text = malloc(YAML_TEXT_MAX + 1);
    cr_assert_not_null(text);
    size_t size = 0;
    text[size++] = '[';
    for (unsigned i = 0; i + 1 < YAML_NODES_MAX; i++) {
        text[size++] = 'a';
        text[size++] = ',';
    }
    text[size] = ']';
    struct yaml_node *root = NULL;
    cr_assert_eq(yaml_parse(text, size + 1, &problems, &root), 0);
    yaml_free(root);
    memcpy(text + size, "b]", 2);
    refuse(text, size + 2, 1, (uint32_t)size + 1, "100000 values");
    memset(text, ' ', YAML_TEXT_MAX + 1);
    refuse(text, YAML_TEXT_MAX + 1, 0, 0, "1 MiB");
    cr_assert_eq(yaml_parse(text, YAML_TEXT_MAX, &problems, &root), 0);
    free(text);
}
