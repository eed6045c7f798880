/*
 * `realm run` with one restriction of the realms' filter left out, for `make test-adversary-weakened` alone:
 * the command itself can do nothing of the kind.
 *
 *     adversary_weak run FILE --json --weaken=N [--without=PARTS]
 *     adversary_weak rules          the numbers of the rows that restrict, each with its call and condition
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mm/sandbox/features.h"
#include "mm/sandbox/filter.h"
#include "mm/start.h"
#include "sim/boot/scenario.h"
#include "tools/runtime.h"
#include "tools/stream.h"

static int print_rules(void)
{
    for (size_t i = 0; i < sandbox_filter_rules(SANDBOX_FILTER_REALM); i++) {
        struct sandbox_rule_text rule = sandbox_filter_rule(SANDBOX_FILTER_REALM, i);
        if (rule.restricts)
            printf("%zu\t%s\t%s%s%s\n", i, rule.call, rule.action, rule.condition[0] ? ": " : "",
                   rule.condition);
    }
    return 0;
}

static unsigned parts_of(const char *text)
{
    unsigned parts = 0;
    while (text && *text) {
        size_t size = strcspn(text, ",");
        parts |= sandbox_part_of(text, size);
        text += size + (text[size] == ',');
    }
    return parts;
}

static int fail(const char *what)
{
    fprintf(stderr, "adversary_weak: %s\n", what);
    return 1;
}

static int run(const char *path, struct mm_options *options)
{
    const struct stream_options how = {.json = true};
    struct scenario_problems problems;
    struct mm_config *config;
    struct stream *stream;
    struct runtime *runtime;
    int events[2];
    pid_t launcher;

    scenario_problems_init(&problems);
    if (scenario_read(path, &problems, &config) != 0)
        return fail("the scenario cannot be read");
    scenario_problems_deinit(&problems);
    if (stream_new(&how, &stream) != 0 || runtime_open("default", &runtime) != 0 ||
        pipe2(events, O_CLOEXEC) != 0)
        return fail("it cannot be set up");
    fcntl(events[1], F_SETPIPE_SZ, 1 << 20);
    options->admin_listener = runtime_listener(runtime);
    options->events = events[1];
    if (mm_start(config, options, &launcher) != 0)
        return fail("it cannot be started");
    close(events[1]);
    int status = stream_run(stream, events[0], launcher);
    runtime_close(runtime);
    stream_free(stream);
    mm_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    struct mm_options options = {.weakened = -1};
    struct sandbox_features features;
    unsigned without = 0;

    if (argc == 2 && strcmp(argv[1], "rules") == 0)
        return print_rules();
    for (int i = 3; i < argc; i++) {
        if (strncmp(argv[i], "--weaken=", 9) == 0)
            options.weakened = atoi(argv[i] + 9);
        if (strncmp(argv[i], "--without=", 10) == 0)
            without = parts_of(argv[i] + 10);
    }
    if (argc < 3 || strcmp(argv[1], "run") != 0 || sandbox_probe(without, &features) != 0)
        return fail("bad usage");
    options.parts = features.present;
    options.landlock_abi = features.landlock_abi;
    options.waiter = features.present & SANDBOX_URING ? REALM_WAITER_URING : REALM_WAITER_PIPE;
    return run(argv[2], &options);
}
