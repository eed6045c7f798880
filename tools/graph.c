/*
 * `realm graph`: the running system as a picture. Graphviz's `dot` draws it, if asked to and if it is there:
 * a program that gets the graph on its standard input, and no shell between.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/client.h"
#include "tools/graph_text.h"
#include "tools/print.h"

static int ask(struct client *client, const char *command, json_t **ret_rows)
{
    json_t *answer = NULL;
    int status = client_send(client, json_pack("{s:s}", "command", command));
    if (!status)
        status = client_receive(client, false, &answer);
    if (!status && !answer) {
        fputs("realm graph: the system has ended\n", stderr);
        status = EXIT_FAILED;
    }
    json_t *result = status ? NULL : client_result(answer);
    if (!status && !result)
        status = EXIT_FAILED;
    if (!status)
        *ret_rows = json_incref(result);
    json_decref(answer);
    return status;
}

/* --- graphviz --- */

static int start_dot(int input, int output, pid_t *ret_pid)
{
    static char name[] = "dot", form[] = "-Tsvg";
    char *const words[] = {name, form, NULL};
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return -error;
    error = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (!error)
        error = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (!error)
        error = posix_spawnp(ret_pid, name, &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    return -error;
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* Writes the graph to a `dot` that writes to output. */
static int draw(const struct graph *graph, int output)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int error = start_dot(ends[0], output, &pid);
    close(ends[0]);
    FILE *stream = error ? NULL : fdopen(ends[1], "w");
    if (!stream) {
        error = error ? error : -errno;
        close(ends[1]);
        return error;
    }
    signal(SIGPIPE, SIG_IGN); /* a dot that ends early says so by its exit status */
    graph_text_dot(stream, graph);
    fclose(stream);
    return wait_for(pid);
}

static int save_svg(const struct graph *graph, const char *path)
{
    int output = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (output < 0) {
        fprintf(stderr, "realm graph: %s: %s\n", path, strerror(errno));
        return EXIT_FAILED;
    }
    int error = draw(graph, output);
    close(output);
    if (!error)
        return EXIT_FINE;
    (void)unlink(path);
    if (error == -ENOENT)
        fputs("realm graph: the program `dot` is not there: install graphviz, or use --dot\n", stderr);
    else
        fprintf(stderr, "realm graph: dot failed: %s\n", strerror(-error));
    return EXIT_FAILED;
}

static int print_graph(const struct arguments *arguments, const struct graph *graph)
{
    const char *svg = arguments_value(arguments, "--svg");
    if (svg)
        return save_svg(graph, svg);
    if (arguments_has(arguments, "--dot"))
        graph_text_dot(stdout, graph);
    else
        graph_text_list(stdout, graph);
    return EXIT_FINE;
}

int graph_main(const struct arguments *arguments)
{
    struct client *client = NULL;
    json_t *realms = NULL, *services = NULL, *channels = NULL, *caps = NULL, *rules = NULL;
    int status = client_open(arguments, &client);
    if (!status)
        status = ask(client, "ps", &realms);
    if (!status)
        status = ask(client, "services", &services);
    if (!status)
        status = ask(client, "channels", &channels);
    if (!status)
        status = ask(client, "caps", &caps);
    if (!status)
        status = ask(client, "rules", &rules);
    client_close(client);
    if (!status) {
        struct graph graph = {
            .realms = realms, .services = services, .channels = channels, .caps = caps, .rules = rules};
        status = print_graph(arguments, &graph);
    }
    json_decref(realms);
    json_decref(services);
    json_decref(channels);
    json_decref(caps);
    json_decref(rules);
    return status;
}
