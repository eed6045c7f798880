/* `realm fuzz`: searches for a sequence of operations in which the policy engine is wrong, or an assertion
 * breaks. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "sim/boot/scenario.h"
#include "tools/arguments.h"
#include "tools/fuzz/campaign.h"
#include "tools/fuzz/config.h"
#include "tools/fuzz/replay.h"
#include "tools/fuzz/text.h"
#include "tools/fuzz/words.h"
#include "tools/print.h"

#define CASE_BYTES_MAX (1u << 20)

static bool number(const struct arguments *arguments, const char *option, uint64_t least, uint64_t most,
                   uint64_t *ret_number)
{
    const char *text = arguments_value(arguments, option);
    if (!text)
        return true;
    uint64_t value;
    if (!words_parse_number(text, &value) || value < least || value > most) {
        fprintf(stderr, "realm fuzz: %s is a number from %" PRIu64 " to %" PRIu64 ", not '%s'\n", option,
                least, most, text);
        return false;
    }
    *ret_number = value;
    return true;
}

static int replay(const char *path)
{
    static char text[CASE_BYTES_MAX + 1];
    FILE *file = fopen(path, "rb");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (!file || ferror(file)) {
        fprintf(stderr, "realm fuzz: %s: %s\n", path, strerror(errno));
        if (file)
            fclose(file);
        return EXIT_FAILED;
    }
    fclose(file);
    text[size] = '\0';
    const char *why = replay_text(text);
    if (!why) {
        printf("%s: everything holds\n", path);
        return EXIT_FINE;
    }
    printf("%s: %s\n", path, why);
    return EXIT_FAILED;
}

/* --- what came of it --- */

static void print_distribution(const struct campaign_result *result, uint64_t allowed, uint64_t decisions)
{
    printf("\n  OPERATION       ALLOWED     REFUSED\n");
    for (int kind = 0; kind < FUZZ_KINDS; kind++)
        if (result->counts.allowed[kind] + result->counts.refused[kind] > 0)
            printf("  %-12s %10" PRIu64 "  %10" PRIu64 "\n", fuzz_kind_name(kind),
                   result->counts.allowed[kind], result->counts.refused[kind]);
    uint64_t sequences = result->counts.sequences ? result->counts.sequences : 1;
    printf("  of %" PRIu64
           " decisions %.1f %% are allowed; %.1f %% of the sequences revoke three generations or more\n",
           decisions, decisions ? 100.0 * (double)allowed / (double)decisions : 0.0,
           100.0 * (double)result->counts.deep_revokes / (double)sequences);
}

enum form { AS_CASE, AS_SCENARIO, AS_TEST };

static char *text_of(const struct campaign_result *result, enum form form)
{
    char *text = NULL;
    size_t size = 0;
    FILE *memory = open_memstream(&text, &size);
    if (!memory)
        return NULL;
    if (form == AS_TEST)
        text_print_test(result->example, result->verdict.check, memory);
    else if (form == AS_SCENARIO)
        text_print_scenario(result->example, result->verdict.check, result->verdict.detail, memory);
    else
        text_print(result->example, memory);
    return fclose(memory) == 0 ? text : NULL;
}

static bool is_scenario(const char *path)
{
    const char *end = strrchr(path, '.');
    return end && (strcmp(end, ".yaml") == 0 || strcmp(end, ".yml") == 0);
}

static void save_failure(const struct campaign_result *result, const char *path)
{
    char *text = text_of(result, is_scenario(path) ? AS_SCENARIO : AS_CASE);
    FILE *file = text ? fopen(path, "w") : NULL;
    if (!file || fputs(text, file) < 0)
        fprintf(stderr, "realm fuzz: %s: %s\n", path, strerror(errno));
    if (file && fclose(file) != 0)
        fprintf(stderr, "realm fuzz: %s: %s\n", path, strerror(errno));
    free(text);
}

static void print_failure(const struct campaign_result *result, bool json)
{
    char *text = text_of(result, AS_CASE), *test = text_of(result, AS_TEST);
    char *scenario = text_of(result, AS_SCENARIO);
    if (json) {
        json_t *event = json_pack("{s:s, s:s, s:s, s:i, s:s, s:s, s:s}", "event", "failure", "check",
                                  result->verdict.check, "detail", result->verdict.detail, "operations",
                                  (int)result->example->count, "case", text ? text : "", "scenario",
                                  scenario ? scenario : "", "test", test ? test : "");
        print_json(stdout, event);
        json_decref(event);
    } else {
        printf(
            "\nFAILURE: %s\n  %s\n  The smallest case found (%zu tried), as a scenario for `realm run`:\n\n",
            result->verdict.check, result->verdict.detail, result->shrink_tries);
        printf("%s\n  The same as a test, for tests/unit/fuzz:\n\n%s", scenario ? scenario : "",
               test ? test : "");
    }
    free(text);
    free(test);
    free(scenario);
}

static void print_summary(const struct campaign_result *result, const struct campaign_options *options)
{
    uint64_t allowed = 0, decisions = 0;
    for (int kind = 0; kind < FUZZ_KINDS; kind++) {
        allowed += result->counts.allowed[kind];
        decisions += result->counts.allowed[kind] + result->counts.refused[kind];
    }
    double seconds = (double)result->elapsed_ns / 1e9;
    if (options->json) {
        json_t *last = json_pack(
            "{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I, s:f, s:f, s:b, s:b}", "event", "summary",
            "sequences", (json_int_t)result->counts.sequences, "operations",
            (json_int_t)result->counts.operations, "comparisons", (json_int_t)result->counts.comparisons,
            "coverage", (json_int_t)result->coverage, "corpus", (json_int_t)result->corpus, "seconds",
            seconds, "seed", (json_int_t)options->seed, "jobs", (json_int_t)options->jobs, "allowed_share",
            decisions ? (double)allowed / (double)decisions : 0.0, "deep_revoke_share",
            result->counts.sequences ? (double)result->counts.deep_revokes / (double)result->counts.sequences
                                     : 0.0,
            "interrupted", (int)result->interrupted, "failed", (int)result->failed);
        print_json(stdout, last);
        json_decref(last);
        return;
    }
    print_distribution(result, allowed, decisions);
    printf("%s after %.1f s: %" PRIu64 " sequences, %" PRIu64 " operations (%.0f/s a job), %" PRIu64
           " comparisons, coverage %zu, corpus %zu, seed %" PRIu64 "\n",
           result->failed        ? "found a failure"
           : result->interrupted ? "interrupted, nothing found"
                                 : "nothing found",
           seconds, result->counts.sequences, result->counts.operations,
           seconds > 0 ? (double)result->counts.operations / seconds / options->jobs : 0.0,
           result->counts.comparisons, result->coverage, result->corpus, options->seed);
}

/* --- how it begins --- */

static bool read_options(const struct arguments *arguments, struct campaign_options *options)
{
    uint64_t jobs = 1;
    options->time_ns = UINT64_C(60) * 1000000000;
    options->json = arguments_has(arguments, "--json");
    options->corpus = arguments_value(arguments, "--corpus");
    if (!arguments_value(arguments, "--seed") && getrandom(&options->seed, sizeof options->seed, 0) < 0)
        options->seed = 1;
    options->seed &= INT64_MAX;
    if (!arguments_duration(arguments, "--time", stderr, &options->time_ns) ||
        !number(arguments, "--jobs", 1, CAMPAIGN_JOBS_MAX, &jobs) ||
        !number(arguments, "--seed", 0, INT64_MAX, &options->seed) ||
        !number(arguments, "--sequences", 1, INT64_MAX, &options->sequences_max))
        return false;
    if (options->sequences_max && !arguments_value(arguments, "--time"))
        options->time_ns = 0;
    options->jobs = (unsigned)jobs;
    if (options->corpus && mkdir(options->corpus, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "realm fuzz: %s: %s\n", options->corpus, strerror(errno));
        return false;
    }
    return true;
}

/* The case borrows from the configuration, which the caller frees, whatever comes of it. */
static bool read_scenario(const char *path, struct fuzz_case *fixed, struct mm_config **ret_config)
{
    struct scenario_problems problems;
    const char *why;
    scenario_problems_init(&problems);
    bool good = scenario_read(path, &problems, ret_config) == 0;
    const struct mm_config *config = *ret_config;
    if (!good)
        scenario_problems_print(&problems, stderr, print_colours(stderr));
    scenario_problems_deinit(&problems);
    if (good && config->replay) {
        fprintf(stderr, "realm fuzz: %s is a replay: `realm run` runs it\n", path);
        return false;
    }
    if (good && !config_case(config, fixed, &why)) {
        fprintf(stderr, "realm fuzz: %s: %s for the oracle\n", path, why);
        return false;
    }
    return good;
}

static int search(const struct arguments *arguments, const struct campaign_options *options)
{
    static struct campaign_result result;
    int error = campaign_run(options, stdout, &result);
    if (error) {
        fprintf(stderr, "realm fuzz: %s\n", strerror(-error));
        return EXIT_FAILED;
    }
    const char *save = arguments_value(arguments, "--save");
    if (result.failed)
        print_failure(&result, options->json);
    if (result.failed && save)
        save_failure(&result, save);
    print_summary(&result, options);
    return result.failed ? EXIT_FAILED : EXIT_FINE;
}

int fuzz_main(const struct arguments *arguments)
{
    static struct fuzz_case fixed;
    static struct campaign_options options;
    struct mm_config *config = NULL;
    const char *again = arguments_value(arguments, "--replay");
    if (again)
        return replay(again);
    if (!read_options(arguments, &options))
        return EXIT_USAGE;
    if (arguments->operands_count == 0)
        return search(arguments, &options);
    options.fixed = &fixed;
    int status =
        read_scenario(arguments->operands[0], &fixed, &config) ? search(arguments, &options) : EXIT_FAILED;
    if (config)
        mm_config_free(config);
    return status;
}
