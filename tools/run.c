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

#include "librealm/os/linux/probe.h"
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

/* "auto" is decided here, once for the whole system: the launcher makes the hint pipes that the fallback
 * needs before a realm could find out by itself. */
static enum realm_waiter_kind waiter_of(const struct arguments *arguments)
{
    const char *text = arguments_value(arguments, "--waiter");
    if (text && strcmp(text, "uring") == 0)
        return REALM_WAITER_URING;
    if (text && strcmp(text, "pipe") == 0)
        return REALM_WAITER_PIPE;
    return realm_waiter_probe() ? REALM_WAITER_PIPE : REALM_WAITER_URING;
}

/* The scenario, if it is sound, what it requires is given, and its assertions hold. */
static int read_scenario(const char *path, enum realm_waiter_kind waiter, struct mm_config **ret_config)
{
    struct scenario_problems problems;
    struct mm_config *config = NULL;
    struct initial *initial = NULL;
    scenario_problems_init(&problems);
    int error = scenario_read(path, &problems, &config);
    if (!error) {
        requirements_check(config, waiter, &problems);
        error = initial_new(config, &initial);
    }
    if (!error) {
        initial_check_asserts(initial, &problems);
        scenario_problems_sort(&problems);
    }
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

static int run_with(const struct arguments *arguments, struct mm_options *options, uint64_t for_ns)
{
    const char *instance = arguments_instance(arguments, stderr);
    if (!instance)
        return EXIT_USAGE;
    struct mm_config *config = NULL;
    int status = read_scenario(arguments->operands[0], options->waiter, &config);
    if (status)
        return status;
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
    struct mm_options options = {.waiter = waiter_of(arguments)};
    uint64_t for_ns = 0;
    if (!arguments_duration(arguments, "--for", stderr, &for_ns) ||
        !arguments_duration(arguments, "--orphan-grace", stderr, &options.orphan_grace_ns))
        return EXIT_USAGE;
    return run_with(arguments, &options, for_ns);
}
