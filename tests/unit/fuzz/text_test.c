/* Cases as text: what is printed is read back as the same case, and hostile text is refused with its line. */
#include "tools/fuzz/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/fuzz/generate.h"
#include "tools/fuzz/guide.h"
#include "tools/fuzz/replay.h"

static struct run run;
static struct guide guide;
static struct fuzz_case example, again;
static char storage[TEXT_STORAGE];

static char *printed(const struct fuzz_case *printed_case)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    cr_assert_not_null(memory);
    text_print(printed_case, memory);
    cr_assert_eq(fclose(memory), 0);
    return text;
}

Test(text, what_is_printed_is_read_back)
{
    /* Goal: print, read, print gives the same text, for many cases; and the case read does the same. */
    struct run_counts counts = {0}, counts_again = {0};
    struct run_verdict verdict;
    const char *why;
    guide_init(&guide, 11, NULL);
    for (size_t i = 0; i < 300; i++) {
        guide_next(&guide);
        guide.size = guide.size < GENERATE_SYSTEM + 64 * GENERATE_RECORD
                         ? guide.size
                         : GENERATE_SYSTEM + 64 * GENERATE_RECORD;
        cr_assert(generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict));
        char *text = printed(&example);
        cr_assert_eq(text_parse(text, storage, &again, &why), 0, "%s in\n%s", why, text);
        char *second = printed(&again);
        cr_assert_str_eq(text, second);
        cr_assert(run_case(&run, &again, &counts_again, &verdict), "%s: %s\n%s", verdict.check,
                  verdict.detail, text);
        free(text);
        free(second);
    }
    cr_assert_eq(counts.operations, counts_again.operations);
    cr_assert_eq(memcmp(counts.allowed, counts_again.allowed, sizeof counts.allowed), 0);
    guide_deinit(&guide);
}

Test(text, a_case_by_hand)
{
    /* Goal: the text of the manual runs; remarks and empty lines are nothing. */
    cr_assert_null(
        replay_text("# a remark\n\nrealm 0 \"\"\nrealm 1 \"db\" parent=0\nservice 0 \"database\" provider=1\n"
                    "0 start actor=0 subject=1   # it runs\n1 register actor=1 name=\"database\"\n"
                    "2 derive actor=1 subject=1 source=1.0 mode=copy rights=send\n"));
}

Test(text, what_is_wrong_is_said_with_its_line)
{
    /* Goal: each mistake is refused, at its line, and nothing crashes. */
    static const struct {
        const char *text;
        size_t line;
    } wrong[] = {
        {"", 1},
        {"realm 0 \"\n", 1},
        {"realm 1 \"a\" parent=0\n", 1},
        {"realm 0 \"\"\nrealm 1 \"a\" parent=7\n", 2},
        {"realm 0 \"\"\nrealm 1 \"a\" parent=0 gate=22\n", 2},
        {"realm 0 \"\"\nrealm 1 \"a\" parent=0 memory=-1\n", 2},
        {"realm 0 \"\"\nservice 0 \"x\" provider=0\n", 2},
        {"realm 0 \"\"\naccess 0 all\n", 2},
        {"realm 0 \"\"\nassert 0 never realm=0\n", 2},
        {"realm 0 \"\"\n\n5000 create actor=0\n", 3},
        {"realm 0 \"\"\n1 create actor=0\n1 create actor=0\n", 3},
        {"realm 0 \"\"\n1 jump actor=0\n", 2},
        {"realm 0 \"\"\n1 cleared actor=0\n", 2},
        {"realm 0 \"\"\n1 derive actor=0 source=x.y\n", 2},
        {"realm 0 \"\"\n1 derive actor=0 source=99999999999999999999.0\n", 2},
        {"realm 0 \"\"\n1 grant actor=0 rights=sent\n", 2},
        {"1 create actor=0\n", 1},
        {"realm 0 \"a\\x0\"\n", 1},
        {"realm 0 \"a\\\n", 1},
    };
    const char *why;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_expect_eq(text_parse(wrong[i].text, storage, &again, &why), wrong[i].line, "%zu: %s", i,
                     wrong[i].text);
}

Test(text, any_text_is_read_or_refused)
{
    /* Goal: a good case with bytes changed at random never crashes the reader, nor the run of what was read.
     */
    struct run_counts counts = {0};
    struct run_verdict verdict;
    const char *why;
    guide_init(&guide, 5, NULL);
    guide_next(&guide);
    generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict);
    char *text = printed(&example), *changed = strdup(text);
    size_t read = 0;
    for (size_t i = 0; i < 3000; i++) {
        strcpy(changed, text);
        for (size_t j = guide_random(&guide) % 3; j-- > 0;)
            changed[guide_random(&guide) % strlen(text)] = (char)(1 + guide_random(&guide) % 127);
        if (text_parse(changed, storage, &again, &why) != 0)
            continue;
        run_case(&run, &again, &counts, &verdict);
        read++;
    }
    cr_assert_gt(read, 100);
    free(text);
    free(changed);
}
