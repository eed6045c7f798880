/*
 * Tries mutants: the engine and the oracle that it is linked with hold all their mutants (mutate.c).
 *
 *     trial SEQUENCES SEED < NUMBERS      runs the fuzzer's cases
 *     trial tests < NUMBERS               runs the unit tests that are linked in (tests/plain), one after the
 * other
 *
 * prints for each number: the number, who noticed (`fuzzer`, `tests`, or `-`: nobody), after how many
 * milliseconds of processor time, and what was seen. Each is tried in a process of its own, and so is each
 * test: a crash, a hang or a leak of all memory kills a mutant, too. Number 0 is no mutant: it must survive.
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

#define PATIENCE_SECONDS 5 /* of processor time, for a sequence or a test: then it hangs */
#define MEMORY_BYTES     ((rlim_t)2 << 30)

unsigned mutant;
struct plain_test *plain_tests;

static struct run run;
static struct guide guide;
static struct fuzz_case example;

static void be_patient(void)
{
    struct itimerval patience = {.it_value.tv_sec = PATIENCE_SECONDS};
    setitimer(ITIMER_VIRTUAL, &patience, NULL);
}

static void search(unsigned long sequences, uint64_t seed, int says)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    guide_init(&guide, seed, NULL);
    for (unsigned long i = 0; i < sequences; i++) {
        be_patient();
        guide_next(&guide);
        if (generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict))
            continue;
        dprintf(says, "%s in sequence %lu: %s", verdict.check, i, verdict.detail);
        _exit(1);
    }
    _exit(0);
}

/* All tests until one fails; each in a process of its own, as they may keep something in variables. */
static void test(int says)
{
    for (const struct plain_test *one = plain_tests; one; one = one->next) {
        int status;
        pid_t child = fork();
        if (child == 0) {
            be_patient();
            if (!freopen("/dev/null", "w", stderr))
                _exit(2);
            one->run();
            _exit(0);
        }
        if (child > 0 && waitpid(child, &status, 0) == child && status == 0)
            continue;
        dprintf(says, "%s", one->name);
        _exit(1);
    }
    _exit(0);
}

/* sequences: 0: the tests. */
static void try(unsigned number, unsigned long sequences, uint64_t seed)
{
    char seen[512] = "";
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
        if (sequences > 0)
            search(sequences, seed, pipe_ends[1]);
        test(pipe_ends[1]);
    }
    close(pipe_ends[1]);
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("trial: child");
        exit(2);
    }
    if (WIFSIGNALED(status))
        snprintf(seen, sizeof seen, "%s",
                 WTERMSIG(status) == SIGVTALRM ? "it hangs" : strsignal(WTERMSIG(status)));
    else if (read(pipe_ends[0], seen, sizeof seen - 1) < 0)
        seen[0] = '\0';
    close(pipe_ends[0]);
    seen[strcspn(seen, "\n")] = '\0';
    printf("%u\t%s\t%ld\t%s\n", number,
           status == 0     ? "-"
           : sequences > 0 ? "fuzzer"
                           : "tests",
           usage.ru_utime.tv_sec * 1000L + usage.ru_utime.tv_usec / 1000, seen);
}

int main(int argc, char **argv)
{
    unsigned number;
    bool tests = argc == 2 && strcmp(argv[1], "tests") == 0;
    if (argc != 3 && !tests) {
        fprintf(stderr, "usage: trial SEQUENCES SEED | tests < NUMBERS\n");
        return 2;
    }
    while (scanf("%u", &number) == 1)
        try(number, tests ? 0 : strtoul(argv[1], NULL, 10), tests ? 0 : strtoull(argv[2], NULL, 10));
    return 0;
}
