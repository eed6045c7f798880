/*
 * The adversary suite: one line an attack, and at last how many passed and failed.
 *
 * It boots one system with an honest pair, starts one hostile realm an attack in it, compares what became of
 * it with the table, and then looks whether everything else is as before: the host's objects (host.c), the
 * processes of the Memory Manager, the honest pair, a new honest client that must be served, and what the
 * broker holds.
 *
 *     adversary_suite [--only=THEME|ATTACK] [WORDS for realm run…]
 *     adversary_suite --table
 *     adversary_suite --weaken=N --except=NAME,NAME,… [--first=ATTACK] [WORDS…]
 *
 * With --weaken it looks for one attack that the restriction N of the filter was there for, one that does not
 * come out as it must, and ends with the first: status 0 if there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/adversary/host.h"
#include "tests/adversary/judge.h"
#include "tests/adversary/system.h"
#include "tests/adversary/table.h"

struct suite {
    struct running running;
    struct judge judge;
    const char *only;
    const char *except; /* attacks to leave out, joined by commas; or NULL */
    const char *first;  /* the attack to begin with, or NULL */
    bool weakened;
    char **words;   /* for realm run */
    unsigned lacks; /* attack_flags that make no sense on this system */
    unsigned passed, failed, skipped;
};

static bool has_word(char **words, const char *part)
{
    for (; *words; words++)
        if (strstr(*words, part))
            return true;
    return false;
}

/* What the system was told to do without, and what the boot event says is missing. */
static unsigned lacking(struct suite *suite, json_t *booted)
{
    unsigned lacks = 0;
    size_t index;
    json_t *part;
    json_array_foreach(json_object_get(booted, "missing"), index, part)
    {
        if (strcmp(json_string_value(part), "userns") == 0)
            lacks |= ATTACK_USERNS;
        if (strcmp(json_string_value(part), "uring") == 0)
            lacks |= ATTACK_URING;
    }
    const char *waiter = json_string_value(json_object_get(booted, "waiter"));
    if (waiter && strcmp(waiter, "pipe") == 0)
        lacks |= ATTACK_URING;
    else
        lacks |= ATTACK_PIPE;
    if (has_word(suite->words, "--without") && has_word(suite->words, "userns"))
        lacks |= ATTACK_USERNS;
    if (!host_has_gate())
        lacks |= ATTACK_GATE;
#ifdef ADVERSARY_SANITIZED
    lacks |= ATTACK_LIMIT;
#endif
#ifndef __x86_64__
    lacks |= ATTACK_X86;
#endif
    return lacks;
}

static bool listed(const char *names, const char *name)
{
    const size_t size = strlen(name);
    for (const char *at = names; (at = strstr(at, name)); at += size)
        if ((at == names || at[-1] == ',') && (at[size] == ',' || at[size] == '\0'))
            return true;
    return false;
}

static bool selected(const struct suite *suite, const struct attack_theme *theme, const struct attack *attack)
{
    if (suite->except && listed(suite->except, attack->name))
        return false;
    if (suite->weakened && !theme->calls)
        return false;
    return !suite->only || strcmp(suite->only, theme->name) == 0 || strcmp(suite->only, attack->name) == 0;
}

static void run_one(struct suite *suite, const struct attack_theme *theme, const struct attack *attack)
{
    struct verdict verdict;

    if (attack->flags & suite->lacks) {
        if (!suite->weakened)
            printf("SKIP  %s/%s: not on this system\n", theme->name, attack->name);
        suite->skipped++;
        return;
    }
    judge_attack(&suite->judge, attack, &verdict);
    if (suite->weakened) {
        /* Who could not even be loaded has not succeeded. */
        const bool silent = strncmp(verdict.became, "nothing said", 12) == 0;
        const bool noticed = !verdict.fine && !silent;
        suite->failed += noticed;
        suite->passed += !noticed;
        if (silent)
            fprintf(stderr, "%s/%s: %s\n", theme->name, attack->name, verdict.became);
        if (noticed)
            printf("%s/%s: %s\n", theme->name, attack->name, verdict.became);
        return;
    }
    if (verdict.fine)
        suite->passed++;
    else
        suite->failed++;
    printf("%s  %s/%s: %s%s%s%s\n", verdict.fine ? "  ok" : "FAIL", theme->name, attack->name, verdict.became,
           verdict.fine ? "" : " (must: ", verdict.fine ? "" : verdict.complaint, verdict.fine ? "" : ")");
    fflush(stdout);
}

static void run_all(struct suite *suite)
{
    const struct attack_theme *theme;
    const struct attack *first = suite->first ? attack_find(suite->first, &theme) : NULL;

    if (first && selected(suite, theme, first))
        run_one(suite, theme, first);
    for (size_t t = 0; t < attack_themes_count; t++)
        for (size_t i = 0; i < attack_themes[t]->count; i++)
            if (!(suite->weakened && suite->failed > 0) &&
                selected(suite, attack_themes[t], &attack_themes[t]->attacks[i]))
                run_one(suite, attack_themes[t], &attack_themes[t]->attacks[i]);
}

/* For tests/run.sh's caller: the totals of all programs are summed up in one file. */
static void add_totals(const struct suite *suite)
{
    const char *path = getenv("REALM_TEST_TOTALS");
    FILE *file = path && *path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%u %u\n", suite->passed, suite->failed);
    fclose(file);
}

static int run_suite(struct suite *suite)
{
    struct attack_target aims;
    json_t *booted;

    signal(SIGPIPE, SIG_IGN);
    host_make(&aims);
    system_start(suite->weakened ? "adversary_weak" : "realm", judge_scenario(suite->weakened), suite->words,
                 &suite->running);
    suite->judge.quick = suite->weakened;
    booted = judge_boot(&suite->judge, &suite->running, &aims);
    suite->lacks = lacking(suite, booted);
    json_decref(booted);
    run_all(suite);
    int status = system_stop(&suite->running);
    host_remove();
    if (suite->weakened) {
        fprintf(stderr, "%u tried, %u skipped\n", suite->passed + suite->failed, suite->skipped);
        return suite->failed ? 0 : 1;
    }
    if (status > 1) {
        printf("FAIL  the system ended with status %d\n", status);
        suite->failed++;
    }
    if (suite->passed + suite->failed == 0)
        suite->failed++;
    add_totals(suite);
    printf("%u passed, %u failed, %u skipped\n", suite->passed, suite->failed, suite->skipped);
    return suite->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct suite suite = {0};
    int at = 1;

    for (; at < argc; at++) {
        if (strcmp(argv[at], "--table") == 0)
            return table_print(stdout);
        if (strncmp(argv[at], "--except=", 9) == 0)
            suite.except = argv[at] + 9;
        else if (strncmp(argv[at], "--first=", 8) == 0)
            suite.first = argv[at] + 8;
        else if (strncmp(argv[at], "--only=", 7) == 0)
            suite.only = argv[at] + 7;
        else
            break;
    }
    suite.words = argv + at;
    suite.weakened = has_word(suite.words, "--weaken");
    return run_suite(&suite);
}
