/*
 * Runs the fuzzer's cases against the engine and oracle that it is linked with: killer SEQUENCES SEED. Exit
 * status 0: everything holds; 1: it does not, and the first line says what. A crash or a hang kills a mutant,
 * too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/fuzz/guide.h"

static struct run run;
static struct guide guide;
static struct fuzz_case example;

int main(int argc, char **argv)
{
    struct run_counts counts = {0};
    struct run_verdict verdict;
    unsigned long sequences = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    guide_init(&guide, argc > 2 ? strtoul(argv[2], NULL, 10) : 1, NULL);
    for (unsigned long i = 0; i < sequences; i++) {
        alarm(5);
        guide_next(&guide);
        if (!generate_and_run(&run, guide.bytes, guide.size, NULL, &counts, &example, &verdict)) {
            printf("%s in sequence %lu: %s\n", verdict.check, i, verdict.detail);
            return 1;
        }
    }
    return 0;
}
