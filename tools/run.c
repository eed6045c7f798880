/*
 * `realm run`: the front end of a system. It reads the scenario, takes the instance's name, starts the Memory
 * Manager, and then only carries events and requests to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <realm/error.h>

#include "mm/sandbox/features.h"
#include "mm/start.h"
#include "sim/boot/initial.h"
#include "sim/boot/scenario.h"
#include "tools/arguments.h"
#include "tools/print.h"
#include "tools/requirements.h"
#include "tools/runtime.h"
#include "tools/stream.h"

#define EVENTS_PIPE_BYTES (1024 * 1024) /* so that a slow terminal loses no events soon */

static int fail(const char *what, int error)
{
    fprintf(stderr, "realm run: %s: %s\n", what, strerror(-error));
    return EXIT_FAILED;
}

/* --without userns,landlock: the parts to do without. false: bad usage, and said. */
static bool parts_without(const struct arguments *arguments, unsigned *ret_parts)
{
    const char *text = arguments_value(arguments, "--without");
    unsigned parts = 0;
    while (text && *text) {
        size_t size = strcspn(text, ",");
        unsigned part = sandbox_part_of(text, size);
        if (!part) {
            fprintf(stderr,
                    "realm run: --without: \"%.*s\" is no part of the box: they are userns, landlock, "
                    "seccomp, uring, waitv, cgroup\n",
                    (int)size, text);
            return false;
        }
        parts |= part;
        text += size + (text[size] == ',');
    }
    *ret_parts = parts;
    return true;
}

/* What the box is made of. Without a filter there is none, and nothing starts. */
static int probe_box(const struct arguments *arguments, struct sandbox_features *ret_features)
{
    unsigned without;
    if (!parts_without(arguments, &without))
        return EXIT_USAGE;
    int error = sandbox_probe(without, ret_features);
    if (error)
        return fail("cannot find out what this machine gives", error);
    if (ret_features->present & SANDBOX_SECCOMP)
        return EXIT_FINE;
    const char *why = ret_features->why[__builtin_ctz(SANDBOX_SECCOMP)];
    fprintf(stderr, "realm run: without seccomp there is no box for realms: %s\n",
            why ? why : "it is not there");
    return EXIT_FAILED;
}

/* "auto" is decided here, once for the whole system: the launcher makes rings and hint pipes before a realm
 * could find out by itself. */
static int choose_waiter(const struct arguments *arguments, const struct sandbox_features *features,
                         enum realm_waiter_kind *ret_waiter)
{
    const char *text = arguments_value(arguments, "--waiter");
    bool ring = (features->present & SANDBOX_URING) != 0;
    if (text && strcmp(text, "uring") == 0 && !ring) {
        const char *why = features->why[__builtin_ctz(SANDBOX_URING)];
        fprintf(stderr, "realm run: --waiter=uring: %s\n", why ? why : "io_uring is not there");
        return EXIT_FAILED;
    }
    *ret_waiter = !ring || (text && strcmp(text, "pipe") == 0) ? REALM_WAITER_PIPE : REALM_WAITER_URING;
    return EXIT_FINE;
}

/* The scenario, if it is sound, what it requires is given, and its assertions hold. */
static int read_scenario(const char *path, const struct sandbox_features *features,
                         enum realm_waiter_kind waiter, struct mm_config **ret_config)
{
    struct scenario_problems problems;
    struct mm_config *config = NULL;
    struct initial *initial = NULL;
    scenario_problems_init(&problems);
    int error = scenario_read(path, &problems, &config);
    if (!error) {
        requirements_check(config, features, waiter, &problems);
        error = initial_new(config, &initial);
    }
    if (!error)
        error = initial_check_asserts(initial, ASSERTIONS_WORK, &problems, NULL, NULL);
    if (!error)
        scenario_problems_sort(&problems);
    initial_free(initial);
    scenario_problems_print(&problems, stderr, print_colours(stderr));
    int status = problems.errors > 0 ? EXIT_FAILED : EXIT_FINE;
    scenario_problems_deinit(&problems);
    if (error < 0)
        status = fail(path, error);
    if (status)
        mm_config_free(config);
    else
        *ret_config = config;
    return status;
}

/* Starts the system and stays with it until it has ended. */
static int run_system(const struct mm_config *config, struct mm_options *options, int listener,
                      struct stream *stream)
{
    int events[2];
    pid_t launcher;
    if (pipe2(events, O_CLOEXEC) != 0)
        return fail("cannot make a pipe", -errno);
    fcntl(events[1], F_SETPIPE_SZ, EVENTS_PIPE_BYTES); /* as far as the system's limit lets us */
    options->admin_listener = listener;
    options->events = events[1];
    int error = mm_start(config, options, &launcher);
    close(events[1]);
    if (error) {
        close(events[0]);
        return fail("cannot start the Memory Manager", error);
    }
    return stream_run(stream, events[0], launcher);
}

static int run_with(const struct arguments *arguments, const struct sandbox_features *features,
                    struct mm_options *options, uint64_t for_ns)
{
    const char *instance = arguments_instance(arguments, stderr);
    if (!instance)
        return EXIT_USAGE;
    struct mm_config *config = NULL;
    int status = read_scenario(arguments->operands[0], features, options->waiter, &config);
    if (status)
        return status;
    if (config->replay) {
        status =
            fuzz_replay(arguments->operands[0], config->replay, true, arguments_has(arguments, "--json"));
        mm_config_free(config);
        return status;
    }
    struct stream *stream = NULL;
    struct runtime *runtime = NULL;
    const struct stream_options how = {.json = arguments_has(arguments, "--json"),
                                       .quiet = arguments_has(arguments, "--quiet"),
                                       .for_ns = for_ns};
    /* Signals are held from here on: none may end us between the making of the socket and its removal. */
    int error = stream_new(&how, &stream);
    if (error)
        status = fail("cannot set up", error);
    if (!status)
        status = runtime_open(instance, &runtime);
    if (!status)
        status = run_system(config, options, runtime_listener(runtime), stream);
    runtime_close(runtime);
    stream_free(stream);
    mm_config_free(config);
    return status;
}

int run_main(const struct arguments *arguments)
{
    struct mm_options options = {.weakened = -1};
    struct sandbox_features features;
    uint64_t for_ns = 0;
    /* A shell starts what runs in the background with SIGINT ignored. Until the stream takes the signals,
     * while nothing is started that would be left, they end this process. */
    (void)signal(SIGINT, SIG_DFL);
    if (!arguments_duration(arguments, "--for", stderr, &for_ns) ||
        !arguments_duration(arguments, "--orphan-grace", stderr, &options.orphan_grace_ns))
        return EXIT_USAGE;
    int status = probe_box(arguments, &features);
    if (!status)
        status = choose_waiter(arguments, &features, &options.waiter);
    if (status)
        return status;
    options.parts = features.present;
    options.landlock_abi = features.landlock_abi;
    options.cgroup_pids = features.cgroup_pids;
    return run_with(arguments, &features, &options, for_ns);
}
