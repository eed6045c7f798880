/*
 * `realm bench` as a whole: it boots, measures, prints and leaves nothing. No time is judged here.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/harness.h"

/* Sixty-five realms with a sanitizer's libraries, started at once on a busy machine, take longer to load than
 * the launcher's two seconds allow: such a build leaves the fan-in out. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED_CASES                                                                                      \
    "call-40", "call-64", "call-4096", "call-64-uring-same", "call-64-uring-cross", "peers", "call-paced",   \
        "oneway", "oneway-batched", "oversubscribed", "idle",
#else
#define SANITIZED_CASES
#endif

struct command {
    pid_t pid;
    FILE *output;
    char folder[64]; /* its runtime directory */
};

static struct command start(const char *const *words)
{
    struct command command;
    char path[4096];
    int out[2];
    snprintf(command.folder, sizeof command.folder, "/tmp/realm-bench-test-XXXXXX");
    cr_assert_not_null(mkdtemp(command.folder));
    cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* what it leaves becomes our child */
    cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
    snprintf(path, sizeof path, "%s/realm", harness_bin());
    command.pid = fork();
    if (command.pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        setenv("XDG_RUNTIME_DIR", command.folder, 1);
        execv(path, (char *const *)words);
        _exit(127);
    }
    close(out[1]);
    command.output = fdopen(out[0], "r");
    return command;
}

/* Waits for its end: no process and no file is left. Return: its exit status. */
static int finish(struct command *command)
{
    int status;
    fclose(command->output);
    cr_assert_eq(waitpid(command->pid, &status, 0), command->pid);
    cr_assert(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "a process is left");
    rmdir(strcat(strcpy((char[96]){0}, command->folder), "/realmkit"));
    cr_assert_eq(rmdir(command->folder), 0, "a file is left in %s", command->folder);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static json_t *next(struct command *command)
{
    static char line[65536];
    json_error_t error;
    if (!fgets(line, sizeof line, command->output))
        return NULL;
    json_t *object = json_loads(line, 0, &error);
    cr_assert(json_is_object(object), "no object: %s", line);
    return object;
}

static bool text_is(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && strcmp(value, text) == 0;
}

static void check_row(const json_t *row)
{
    static const char *const figures[] = {"p50_ns", "p99_ns", "p999_ns", "per_s", "cpu_s_per_op"};
    static const char *const ratios[] = {"ratio", "ratio_low", "ratio_high"};
    const char *name = json_string_value(json_object_get(row, "name"));
    cr_assert_not_null(name);
    if (json_object_get(row, "note"))
        return;
    if (!json_object_get(row, "unit"))
        for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
            cr_assert_gt(json_number_value(json_object_get(row, figures[i])), 0, "%s: %s", name, figures[i]);
    for (size_t i = 0; json_object_get(row, "floor") && i < sizeof ratios / sizeof *ratios; i++)
        cr_assert_gt(json_number_value(json_object_get(row, ratios[i])), 0, "%s: %s", name, ratios[i]);
}

/* Goal: a quick run of few rounds ends well; a first line names the machine, each further one is a case with
 * all of its figures; every case of the quick run is there, and the pipe beside it. */
Test(bench, quick)
{
    const char *words[] = {"realm", "bench", "--quick", "--rounds", "2", "--json", SANITIZED_CASES NULL};
    struct command command = start(words);
    json_t *header = next(&command), *row;
    cr_assert_not_null(header);
    static const char *const facts[] = {"machine", "kernel", "governor", "commit"};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        cr_assert(json_is_string(json_object_get(header, facts[i])), "%s", facts[i]);
    cr_assert_eq(json_integer_value(json_object_get(header, "rounds")), 2);
    json_decref(header);
    unsigned calls = 0, pipes = 0, idle = 0;
    while ((row = next(&command))) {
        check_row(row);
        calls += text_is(row, "name", "call");
        pipes += text_is(row, "name", "pipe");
        idle += text_is(row, "name", "idle");
        json_decref(row);
    }
    cr_assert_eq(finish(&command), 0);
    cr_assert_geq(calls, 6);
    cr_assert_eq(pipes, 1);
    cr_assert_eq(idle, 1);
}

/* Goal: a single case can be chosen, and no other is measured. */
Test(bench, one_case)
{
    const char *words[] = {"realm", "bench", "call-40", "--rounds", "1", "--json", NULL};
    struct command command = start(words);
    json_decref(next(&command));
    json_t *row = next(&command);
    cr_assert(text_is(row, "name", "call"));
    cr_assert_eq(json_integer_value(json_object_get(row, "size_bytes")), 40);
    json_decref(row);
    cr_assert_null(next(&command));
    cr_assert_eq(finish(&command), 0);
}

/* Goal: ctrl-C in the middle of a run ends it with status 1, and nothing is left, of realms or of peers. */
Test(bench, interrupted)
{
    const char *words[] = {"realm", "bench", "peers", "--rounds", "1000", "--json", NULL};
    struct command command = start(words);
    json_decref(next(&command)); /* it has begun; no row comes before a thousand rounds are over */
    harness_let_pass(500);
    kill(command.pid, SIGINT);
    cr_assert_null(next(&command));
    cr_assert_eq(finish(&command), 1);
}

/* Goal: what cannot be meant is bad usage. */
Test(bench, usage)
{
    static const char *const wrong[][3] = {{"--rounds", "0", NULL},
                                           {"--rounds", "many", NULL},
                                           {"--rounds", "1001", NULL},
                                           {"no-such-case", NULL, NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *words[] = {"realm", "bench", wrong[i][0], wrong[i][1], NULL};
        struct command command = start(words);
        cr_assert_null(next(&command));
        cr_assert_eq(finish(&command), 2, "%s", wrong[i][0]);
    }
}
