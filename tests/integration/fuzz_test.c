/* `realm fuzz` as people meet it: a short search, its last line, ctrl-C, one seed, a case again, and bad
 * usage. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness.h"

/* The last line of an output as JSON; the caller's. */
static json_t *last_line(char *text)
{
    size_t size = strlen(text);
    cr_assert(size > 0 && text[size - 1] == '\n');
    text[size - 1] = '\0';
    char *line = strrchr(text, '\n');
    json_t *object = json_loads(line ? line + 1 : text, 0, NULL);
    cr_assert_not_null(object, "%s", text);
    return object;
}

static json_int_t number(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    cr_assert(json_is_integer(value), "no %s", member);
    return json_integer_value(value);
}

Test(fuzz, a_short_search_is_clean)
{
    /* Goal: status 0; the last line has what it promises; the search is guided; the distribution holds. */
    int status;
    char *text = run_command(NULL, &status, (const char *[]){"fuzz", "--time", "2s", "--json", NULL});
    cr_assert_eq(status, 0, "%s", text);
    json_t *last = last_line(text);
    json_int_t sequences = number(last, "sequences"), operations = number(last, "operations");
    cr_assert_gt(sequences, 20);
    cr_assert_gt(operations, 20 * sequences);
    cr_assert_gt(number(last, "comparisons"), operations);
    cr_assert_gt(number(last, "coverage"), 500);
    cr_assert_gt(number(last, "corpus"), 10);
    cr_assert_geq(json_number_value(json_object_get(last, "allowed_share")), 0.3);
    json_decref(last);
    free(text);
}

static char *search(const char *seed, int *ret_status)
{
    return run_command(NULL, ret_status,
                       (const char *[]){"fuzz", "--sequences", "150", "--seed", seed, "--json", NULL});
}

Test(fuzz, one_seed_is_one_search)
{
    /* Goal: the same seed gives the same figures, guided and all; another one others. */
    int status;
    char *texts[3] = {search("5", &status), search("5", &status), search("6", &status)};
    json_t *lasts[3];
    static const char *const members[] = {"sequences", "operations", "comparisons", "coverage", "corpus"};
    for (size_t i = 0; i < 3; i++)
        lasts[i] = last_line(texts[i]);
    cr_assert_eq(number(lasts[0], "sequences"), 150);
    for (size_t i = 0; i < 5; i++)
        cr_expect_eq(number(lasts[0], members[i]), number(lasts[1], members[i]), "%s", members[i]);
    cr_assert_neq(number(lasts[0], "comparisons"), number(lasts[2], "comparisons"));
    for (size_t i = 0; i < 3; i++) {
        json_decref(lasts[i]);
        free(texts[i]);
    }
}

Test(fuzz, a_corpus_is_kept_and_begun_with)
{
    /* Goal: inputs are kept in the folder; a second search begins with them and has their coverage at once.
     */
    char folder[] = "/tmp/realm-fuzz-XXXXXX";
    int status;
    cr_assert_not_null(mkdtemp(folder));
    char *text = run_command(
        NULL, &status, (const char *[]){"fuzz", "--sequences", "300", "--json", "--corpus", folder, NULL});
    json_t *first = last_line(text);
    cr_assert_eq(status, 0);
    char count[32];
    snprintf(count, sizeof count, "%lld", (long long)number(first, "corpus"));
    free(text);
    text = run_command(NULL, &status,
                       (const char *[]){"fuzz", "--sequences", count, "--json", "--corpus", folder, NULL});
    json_t *second = last_line(text);
    cr_assert_geq(number(second, "coverage"), number(first, "coverage"));
    cr_assert_eq(number(second, "corpus"), number(first, "corpus"));
    json_decref(first);
    json_decref(second);
    free(text);
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    cr_assert_eq(system(command), 0);
}

Test(fuzz, interrupt_ends_with_the_summary)
{
    /* Goal: SIGINT to a search without end: status 0, its last line is the summary and says so. */
    int ends[2];
    char path[4096];
    snprintf(path, sizeof path, "%s/realm", harness_bin());
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(path, "realm", "fuzz", "--time", "1h", "--jobs", "2", "--json", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    char line[4096], last[4096] = "";
    cr_assert_not_null(fgets(line, sizeof line, output), "no progress");
    cr_assert_eq(kill(pid, SIGINT), 0);
    while (fgets(line, sizeof line, output))
        memcpy(last, line, sizeof last);
    fclose(output);
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    json_t *summary = json_loads(last, 0, NULL);
    cr_assert_not_null(summary, "%s", last);
    cr_assert(json_is_true(json_object_get(summary, "interrupted")));
    cr_assert_gt(number(summary, "sequences"), 0);
    json_decref(summary);
}

static char *replay_of(const char *text, int *ret_status)
{
    char path[] = "/tmp/realm-case-XXXXXX";
    int file = mkstemp(path);
    cr_assert(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text) && close(file) == 0);
    char *output = run_command(NULL, ret_status, (const char *[]){"fuzz", "--replay", path, NULL});
    unlink(path);
    return output;
}

#define CASE                                                                                                 \
    "realm 0 \"\"\nrealm 1 \"db\" parent=0\nrealm 2 \"web\" parent=0\nservice 0 \"database\" provider=1\n"   \
    "access 0 realm=2 rights=send,grant\n"
#define OPERATIONS                                                                                           \
    "0 start actor=0 subject=1\n1 start actor=0 subject=2\n2 register actor=1 name=\"database\"\n"           \
    "3 connect actor=2 name=\"database\"\n"

Test(fuzz, a_case_is_run_again)
{
    /* Goal: a case that holds, one whose assertion is broken, one that is no case: 0, 1 with what, 1 with the
     * line. */
    int status;
    char *text = replay_of(CASE OPERATIONS, &status);
    cr_assert_eq(status, 0, "%s", text);
    free(text);
    text = replay_of(CASE "assert 0 never realm=2\n" OPERATIONS, &status);
    cr_assert_eq(status, 1, "%s", text);
    cr_assert_not_null(strstr(text, "web holds a channel to database"), "%s", text);
    free(text);
    /* web has not GRANT alone but SEND, too: an assertion about more rights than it has is not broken. */
    text = replay_of(CASE "assert 0 never realm=2 rights=send,mint\n" OPERATIONS, &status);
    cr_assert_eq(status, 0, "%s", text);
    free(text);
    text = replay_of(CASE "7 jump actor=0\n", &status);
    cr_assert_eq(status, 1);
    cr_assert_not_null(strstr(text, "line 6"), "%s", text);
    free(text);
}

Test(fuzz, bad_usage_is_said)
{
    /* Goal: a number that is none, a job too many, a folder that cannot be, a scenario that is not there. */
    static const char *const wrong[][3] = {{"--jobs", "0", "--jobs"},
                                           {"--jobs", "65", "--jobs"},
                                           {"--seed", "x", "--seed"},
                                           {"--sequences", "-1", "--sequences"},
                                           {"--corpus", "/proc/none", "/proc/none"}};
    int status;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *text = run_command(NULL, &status, (const char *[]){"fuzz", wrong[i][0], wrong[i][1], NULL});
        cr_expect_eq(status, 2, "%s %s: %d", wrong[i][0], wrong[i][1], status);
        cr_expect_not_null(strstr(text, wrong[i][2]), "%s", text);
        free(text);
    }
    char *text = run_command(NULL, &status, (const char *[]){"fuzz", "/none.yaml", "--time", "1s", NULL});
    cr_assert_eq(status, 1);
    cr_assert_not_null(strstr(text, "/none.yaml"), "%s", text);
    free(text);
}
