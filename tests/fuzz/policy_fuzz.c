/*
 * The policy engine beside the oracle, under libFuzzer and the sanitizers: the same cases, by the same
 * generator, as `realm fuzz` runs (tools/fuzz), so that an overflow or a leak in the engine shows as well as
 * a wrong answer.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tools/fuzz/generate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct run run;
    static struct fuzz_case example;
    static struct run_counts counts;
    struct run_verdict verdict;
    if (!generate_and_run(&run, data, size, NULL, &counts, &example, &verdict)) {
        fprintf(stderr, "does not hold: %s at operation %zu: %s\n", verdict.check, verdict.operation,
                verdict.detail);
        abort();
    }
    return 0;
}
