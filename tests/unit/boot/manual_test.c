/* The examples of docs/scenario.md are scenarios. Run from the project's folder. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/boot/initial.h"
#include "sim/boot/scenario.h"

/* Reads one example; its programs need not be there. Its assertions must hold. */
static void check_example(const char *text, size_t size, unsigned line)
{
    static const struct scenario_origin origin = {.name = "docs/scenario.md", .folder = "/", .look = false};
    struct scenario_problems problems;
    struct mm_config *config = NULL;
    struct initial *initial = NULL;
    scenario_problems_init(&problems);
    int error = scenario_read_text(text, size, &origin, &problems, &config);
    cr_assert_eq(error, 0, "the example in line %u: %u:%u: %s", line, problems.list[0].place.line,
                 problems.list[0].place.column, problems.count ? problems.list[0].message : "?");
    cr_assert_eq(initial_new(config, &initial), 0);
    cr_assert_eq(initial_check_asserts(initial, ASSERTIONS_WORK, &problems, NULL, NULL), 0);
    cr_assert_eq(problems.errors, 0u, "the example in line %u: an assertion does not hold", line);
    initial_free(initial);
    mm_config_free(config);
    scenario_problems_deinit(&problems);
}

/* Goal: every yaml block of the page is read without a problem. */
Test(manual, examples)
{
    FILE *page = fopen("docs/scenario.md", "r");
    cr_assert_not_null(page, "run the test from the project's folder");
    char *line = NULL, *text = NULL;
    size_t capacity = 0, size = 0;
    unsigned number = 0, examples = 0;
    FILE *block = NULL;
    while (getline(&line, &capacity, page) > 0) {
        number++;
        if (block && strcmp(line, "```\n") == 0) {
            fclose(block);
            check_example(text, size, number);
            free(text);
            block = NULL;
            examples++;
        } else if (block) {
            fputs(line, block);
        } else if (strcmp(line, "```yaml\n") == 0) {
            block = open_memstream(&text, &size);
        }
    }
    cr_assert_null(block, "a block is not closed");
    cr_assert_geq(examples, 6u);
    free(line);
    fclose(page);
}

/* Goal: the page names every key; a key that is added must be written about. */
Test(manual, every_key)
{
    static const char *const keys[] = {"system",       "require",
                                       "realms",       "services",
                                       "grants",       "assert",
                                       "name",         "program",
                                       "args",         "files",
                                       "path",         "mode",
                                       "parent",       "template",
                                       "start",        "restart",
                                       "start_limit",  "count",
                                       "within",       "provider",
                                       "access",       "aliases",
                                       "endpoint",     "port",
                                       "to",           "service",
                                       "rights",       "never",
                                       "always",       "limits",
                                       "memory",       "address_space",
                                       "threads",      "descriptors",
                                       "channels",     "waits",
                                       "log",          "deny",
                                       "realm",        "who",
                                       "hierarchy",    "children-to-parent",
                                       "quota",        "parent-to-children",
                                       "siblings",     "realms",
                                       "capabilities", "requests",
                                       "gate",         "debug",
                                       "only",         "from",
                                       "trust",        "descendants",
                                       "private_code"};
    FILE *page = fopen("docs/scenario.md", "r");
    cr_assert_not_null(page);
    char text[32768];
    size_t size = fread(text, 1, sizeof text - 1, page);
    fclose(page);
    text[size] = '\0';
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char quoted[32], used[32];
        snprintf(quoted, sizeof quoted, "`%s", keys[i]);
        snprintf(used, sizeof used, "%s:", keys[i]);
        cr_assert(strstr(text, quoted) || strstr(text, used), "%s", keys[i]);
    }
}
