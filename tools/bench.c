/* `realm bench`: the words of the command line, for the harness (bench/harness). */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/harness/bench.h"
#include "mm/sandbox/features.h"
#include "tools/arguments.h"
#include "tools/dispatch.h"
#include "tools/runtime.h"

/* false: bad usage, and said. */
static bool rounds_of(const struct arguments *arguments, unsigned *ret_rounds)
{
    const char *text = arguments_value(arguments, "--rounds");
    char *end;

    if (text == NULL)
        return true;
    unsigned long rounds = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || rounds < 1 || rounds > BENCH_ROUNDS_MAX) {
        fprintf(stderr, "realm bench: --rounds: \"%s\" is no number from 1 to %u\n", text, BENCH_ROUNDS_MAX);
        return false;
    }
    *ret_rounds = (unsigned)rounds;
    return true;
}

int bench_main(const struct arguments *arguments)
{
    char program[PATH_MAX];
    struct bench_options options = {
        .json = arguments_has(arguments, "--json"),
        .quick = arguments_has(arguments, "--quick"),
        .cases = arguments->operands,
        .cases_count = arguments->operands_count,
        .command = dispatch,
        .address = runtime_address,
        .program = program,
    };

    if (!rounds_of(arguments, &options.rounds))
        return EXIT_USAGE;
    if (arguments_has(arguments, "--list")) {
        bench_list(stdout);
        return EXIT_FINE;
    }
    ssize_t size = readlink("/proc/self/exe", program, sizeof program - 1);
    if (size <= 0) {
        fputs("realm bench: /proc is not there\n", stderr);
        return EXIT_FAILED;
    }
    program[size] = '\0';
    struct sandbox_features features;
    if (sandbox_probe(0, &features) == 0 && !(features.present & SANDBOX_URING)) {
        options.no_uring = features.why[__builtin_ctz(SANDBOX_URING)];
        if (options.no_uring == NULL)
            options.no_uring = "io_uring is not there";
    }
    return bench_run(&options, stdout, stderr);
}
