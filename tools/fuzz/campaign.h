/*
 * A campaign: workers that search, each a process of its own, so that an engine that crashes or hangs is a
 * finding and no end. They share a page with the campaign: what they have done, and the case they are at.
 */
#ifndef TOOLS_FUZZ_CAMPAIGN_H
#define TOOLS_FUZZ_CAMPAIGN_H

#include <stdio.h>

#include "tools/fuzz/run.h"

#define CAMPAIGN_JOBS_MAX 64u

struct campaign_options {
    uint64_t time_ns;       /* 0: until it is stopped */
    uint64_t sequences_max; /* of each worker; 0: any number */
    unsigned jobs;
    uint64_t seed;
    const char *corpus;            /* a directory, or NULL */
    const struct fuzz_case *fixed; /* the system of a scenario, or NULL: systems are made, too */
    bool json;
};

struct campaign_result {
    struct run_counts counts;
    size_t coverage, corpus;
    uint64_t elapsed_ns;
    bool failed, interrupted;
    struct run_verdict verdict;
    struct fuzz_case *example; /* that fails; shrunk */
    size_t shrink_tries;
};

/*
 * Runs it, with progress on `progress` (NULL: none). SIGINT and SIGTERM end it cleanly. Return: 0, also when
 * something was found; -errno: it could not run. The result's example belongs to the campaign and lives until
 * the process ends.
 */
int campaign_run(const struct campaign_options *options, FILE *progress, struct campaign_result *ret_result);

/* Does the case fail, in a process of its own? *ret_verdict says how, also for a crash or a hang. */
bool campaign_fails(const struct fuzz_case *example, struct run_verdict *ret_verdict);

#endif
