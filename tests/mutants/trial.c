/*
 * Tries mutants: the engine and the oracle that it is linked with hold all their mutants (mutate.c).
 *
 *     trial [all] ATTEMPT... < NUMBERS
 *
 * An attempt is `SEQUENCES:SEED`, which runs the fuzzer's cases, or `tests`, which runs the unit tests that
 * are linked in (tests/plain), those first that take the shortest. They are made in order until one notices
 * the mutant, or with `all` each of them. For each number is printed: the number, who noticed (`fuzzer`,
 * `tests`, `fuzzer+tests`, or `-`: nobody), after how many milliseconds of processor time, and what was seen
 * first.
 *
 * Each attempt is a process of its own, and so is each test: a crash, a hang or a leak of all memory kills a
 * mutant, too. Number 0 is no mutant: it must survive.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/fuzz/guide.h"

/* Seconds of processor time, after which it hangs: a sequence takes less than a millisecond, a test a second.
 */
#define SEQUENCE_SECONDS 2
#define TEST_SECONDS     5
#define MEMORY_BYTES     ((rlim_t)2 << 30)
#define TESTS_MAX        1000u

unsigned mutant;
struct plain_test *plain_tests;

struct timed_test {
    const struct plain_test *test;
    long ms;
};
static struct timed_test tests[TESTS_MAX];
static size_t tests_count;

static struct run run;
static struct guide guide;
static struct fuzz_case example;

static long ms_of(const struct rusage *usage)
{
    return usage->ru_utime.tv_sec * 1000L + usage->ru_utime.tv_usec / 1000;
}

static void be_patient(long seconds)
{
    struct itimerval patience = {.it_value.tv_sec = seconds};
    setitimer(ITIMER_VIRTUAL, &patience, NULL);
}

static void search(unsigned long sequences, uint64_t seed, int says)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    guide_init(&guide, seed, NULL);
    for (unsigned long i = 0; i < sequences; i++) {
        be_patient(SEQUENCE_SECONDS);
        guide_next(&guide);
        if (generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict))
            continue;
        dprintf(says, "%s in sequence %lu: %s", verdict.check, i, verdict.detail);
        _exit(1);
    }
    _exit(0);
}

/* In a process of its own, as it may keep something in variables. Return: whether it holds. */
static bool holds(const struct plain_test *test, struct rusage *ret_usage)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        be_patient(TEST_SECONDS);
        if (!freopen("/dev/null", "w", stderr))
            _exit(2);
        test->run();
        _exit(0);
    }
    return child > 0 && wait4(child, &status, 0, ret_usage) == child && status == 0;
}

/* All tests until one fails. */
static void test(int says)
{
    struct rusage usage;
    for (size_t i = 0; i < tests_count; i++) {
        if (holds(tests[i].test, &usage))
            continue;
        dprintf(says, "%s", tests[i].test->name);
        _exit(1);
    }
    _exit(0);
}

static int shorter(const void *a, const void *b)
{
    long one = ((const struct timed_test *)a)->ms, other = ((const struct timed_test *)b)->ms;
    return (one > other) - (one < other);
}

/* Their order decides only how soon a mutant is found. */
static void order_tests(void)
{
    for (const struct plain_test *one = plain_tests; one; one = one->next) {
        struct rusage usage = {0};
        if (tests_count == TESTS_MAX) {
            fprintf(stderr, "trial: too many tests\n");
            exit(2);
        }
        (void)holds(one, &usage); /* whether it does is asked with number 0 */
        tests[tests_count++] = (struct timed_test){one, ms_of(&usage)};
    }
    qsort(tests, tests_count, sizeof tests[0], shorter);
}

/* Return: whether the mutant was noticed; adds up the time, and says what was seen. */
static bool attempt(unsigned number, const char *what, long *ms, char *ret_seen, size_t size)
{
    bool is_tests = strcmp(what, "tests") == 0;
    const char *seed = strchr(what, ':');
    int pipe_ends[2], status;
    struct rusage usage;
    struct rlimit memory = {MEMORY_BYTES, MEMORY_BYTES}, core = {0, 0};
    if (pipe(pipe_ends) < 0) {
        perror("trial: pipe");
        exit(2);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mutant = number;
        setrlimit(RLIMIT_AS, &memory);
        setrlimit(RLIMIT_CORE, &core);
        if (is_tests)
            test(pipe_ends[1]);
        search(strtoul(what, NULL, 10), strtoull(seed + 1, NULL, 10), pipe_ends[1]);
    }
    close(pipe_ends[1]);
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("trial: child");
        exit(2);
    }
    ssize_t got = 0;
    if (WIFSIGNALED(status))
        snprintf(ret_seen, size, "%s",
                 WTERMSIG(status) == SIGVTALRM ? "it hangs" : strsignal(WTERMSIG(status)));
    else
        got = read(pipe_ends[0], ret_seen, size - 1);
    if (!WIFSIGNALED(status))
        ret_seen[got > 0 ? got : 0] = '\0';
    close(pipe_ends[0]);
    ret_seen[strcspn(ret_seen, "\n")] = '\0';
    *ms += ms_of(&usage);
    return status != 0;
}

static void try(unsigned number, char *const *attempts, bool all)
{
    char first[512] = "", seen[512];
    long ms = 0;
    bool by_fuzzer = false, by_tests = false;
    for (; *attempts && (all || !(by_fuzzer || by_tests)); attempts++) {
        if (!attempt(number, *attempts, &ms, seen, sizeof seen))
            continue;
        if (!by_fuzzer && !by_tests)
            memcpy(first, seen, sizeof first);
        *(strcmp(*attempts, "tests") == 0 ? &by_tests : &by_fuzzer) = true;
    }
    printf("%u\t%s%s%s\t%ld\t%s\n", number, by_fuzzer ? "fuzzer" : "", by_fuzzer && by_tests ? "+" : "",
           by_tests    ? "tests"
           : by_fuzzer ? ""
                       : "-",
           ms, first);
}

int main(int argc, char **argv)
{
    unsigned number;
    bool all = argc > 1 && strcmp(argv[1], "all") == 0;
    bool tests_wanted = false;
    char *const *attempts = argv + 1 + all;
    for (char *const *one = attempts; *one; one++) {
        bool is_tests = strcmp(*one, "tests") == 0;
        tests_wanted |= is_tests;
        if (!is_tests && !strchr(*one, ':'))
            attempts = argv + argc; /* none */
    }
    if (!*attempts) {
        fprintf(stderr, "usage: trial [all] SEQUENCES:SEED | tests ... < NUMBERS\n");
        return 2;
    }
    if (tests_wanted)
        order_tests();
    while (scanf("%u", &number) == 1)
        try(number, attempts, all);
    return 0;
}
