/*
 * Tries mutants: runs the fuzzer's cases against the engine and the oracle that it is linked with, which hold
 * all their mutants (mutate.c).
 *
 *     trial SEQUENCES SEED < NUMBERS
 *
 * prints for each number: the number, who noticed (`fuzzer`, or `-`: nobody), after how many milliseconds of
 * processor time, and what was seen. Each is tried in a process of its own: a crash, a hang or a leak of all
 * memory kills a mutant, too. Number 0 is no mutant: it must survive.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/fuzz/guide.h"

#define SEQUENCE_SECONDS 5 /* of processor time, then it hangs */
#define MEMORY_BYTES     ((rlim_t)2 << 30)

unsigned mutant;

static struct run run;
static struct guide guide;
static struct fuzz_case example;

static void search(unsigned long sequences, uint64_t seed, int says)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    guide_init(&guide, seed, NULL);
    for (unsigned long i = 0; i < sequences; i++) {
        struct itimerval patience = {.it_value.tv_sec = SEQUENCE_SECONDS};
        setitimer(ITIMER_VIRTUAL, &patience, NULL);
        guide_next(&guide);
        if (generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict))
            continue;
        dprintf(says, "%s in sequence %lu: %s", verdict.check, i, verdict.detail);
        _exit(1);
    }
    _exit(0);
}

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
        search(sequences, seed, pipe_ends[1]);
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
    printf("%u\t%s\t%ld\t%s\n", number, status != 0 ? "fuzzer" : "-",
           usage.ru_utime.tv_sec * 1000L + usage.ru_utime.tv_usec / 1000, seen);
}

int main(int argc, char **argv)
{
    unsigned number;
    if (argc != 3) {
        fprintf(stderr, "usage: trial SEQUENCES SEED < NUMBERS\n");
        return 2;
    }
    while (scanf("%u", &number) == 1)
        try(number, strtoul(argv[1], NULL, 10), strtoull(argv[2], NULL, 10));
    return 0;
}
