/*
 * Asking a running system. What it answers is bounded and must be what the table says: a line that is not
 * JSON, or is too long, ends the conversation.
 */
#include "tools/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tools/print.h"
#include "tools/runtime.h"

#define ANSWER_MAX   ((size_t)16 * 1024 * 1024)
#define WAIT_SECONDS 10

struct client {
    int fd;
    char *buffer; /* bytes received, from which lines are taken */
    size_t used, capacity;
    size_t taken; /* of them: belong to lines that were handed out */
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "realm: %s%s%s\n", what, why ? ": " : "", why ? why : "");
    return EXIT_FAILED;
}

/* The other end must be the user's own program, or root's: in /tmp the folder could be a stranger's. */
static bool peer_is_trusted(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static int connect_to(const char *instance, int *ret_fd)
{
    struct sockaddr_un address;
    int error = runtime_address(instance, &address);
    if (error)
        return fail("the admin socket's path cannot be used; look at XDG_RUNTIME_DIR", strerror(-error));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail("cannot make a socket", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int reason = errno;
        close(fd);
        if (reason != ENOENT && reason != ECONNREFUSED && reason != ENOTDIR)
            return fail(address.sun_path, strerror(reason));
        fprintf(stderr, "realm: no system \"%s\" is running; start one with: realm run FILE%s%s\n", instance,
                strcmp(instance, "default") ? " --instance " : "",
                strcmp(instance, "default") ? instance : "");
        return EXIT_FAILED;
    }
    if (!peer_is_trusted(fd)) {
        close(fd);
        return fail(address.sun_path, "it is another user's, and is not trusted");
    }
    *ret_fd = fd;
    return EXIT_FINE;
}

int client_open(const struct arguments *arguments, struct client **ret_client)
{
    const char *instance = arguments_instance(arguments, stderr);
    if (!instance)
        return EXIT_USAGE;
    struct client *client = calloc(1, sizeof *client);
    if (!client)
        return fail("out of memory", NULL);
    int status = connect_to(instance, &client->fd);
    if (status) {
        free(client);
        return status;
    }
    *ret_client = client;
    return EXIT_FINE;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    close(client->fd);
    free(client->buffer);
    free(client);
}

int client_send(struct client *client, json_t *request)
{
    char *text = request ? json_dumps(request, JSON_COMPACT) : NULL;
    json_decref(request);
    if (!text)
        return fail("out of memory, or a word that is not UTF-8", NULL);
    size_t size = strlen(text);
    text[size++] = '\n'; /* in the terminator's place */
    size_t sent = 0;
    while (sent < size) {
        ssize_t done = send(client->fd, text + sent, size - sent, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            break;
        sent += (size_t)done;
    }
    free(text);
    return sent == size ? EXIT_FINE : fail("the system went away", strerror(errno));
}

/* A whole line, without its end; NULL: there is none yet. */
static char *take_line(struct client *client, size_t from)
{
    char *start = client->buffer + client->taken;
    char *end = client->used > from ? memchr(client->buffer + from, '\n', client->used - from) : NULL;
    if (!end)
        return NULL;
    *end = '\0';
    client->taken = (size_t)(end - client->buffer) + 1;
    return start;
}

static int make_room(struct client *client)
{
    if (client->taken > 0) {
        memmove(client->buffer, client->buffer + client->taken, client->used - client->taken);
        client->used -= client->taken;
        client->taken = 0;
    }
    if (client->used < client->capacity)
        return EXIT_FINE;
    if (client->capacity >= ANSWER_MAX)
        return fail("the system's answer is longer than 16 MiB", NULL);
    size_t capacity = client->capacity ? 2 * client->capacity : 65536;
    char *buffer = realloc(client->buffer, capacity);
    if (!buffer)
        return fail("out of memory", NULL);
    client->buffer = buffer;
    client->capacity = capacity;
    return EXIT_FINE;
}

static int parse(const char *line, json_t **ret_line)
{
    json_error_t error;
    json_t *value = json_loads(line, 0, &error);
    if (!json_is_object(value)) {
        json_decref(value);
        return fail("the system's answer is not what this version understands", error.text);
    }
    *ret_line = value;
    return EXIT_FINE;
}

int client_receive(struct client *client, bool wait, json_t **ret_line)
{
    const struct timeval limit = {.tv_sec = wait ? 0 : WAIT_SECONDS};
    setsockopt(client->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char *line;
    size_t from = client->taken;
    while (!(line = take_line(client, from))) {
        int status = make_room(client);
        if (status)
            return status;
        from = client->used;
        ssize_t got = recv(client->fd, client->buffer + client->used, client->capacity - client->used, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return fail("the system does not answer", "it took longer than 10 s");
        if (got < 0 && errno != ECONNRESET)
            return fail("cannot read the answer", strerror(errno));
        if (got <= 0) {
            *ret_line = NULL;
            return EXIT_FINE;
        }
        client->used += (size_t)got;
    }
    return parse(line, ret_line);
}

json_t *client_result(const json_t *answer)
{
    json_t *result = json_object_get(answer, "result");
    if (json_is_true(json_object_get(answer, "ok")) && result)
        return result;
    const char *error = json_string_value(json_object_get(answer, "error"));
    const char *fix = json_string_value(json_object_get(answer, "fix"));
    fputs("realm: ", stderr);
    print_text(stderr, error ? error : "the system refused, and did not say why");
    if (fix && *fix) {
        fputs("; ", stderr);
        print_text(stderr, fix);
    }
    fputc('\n', stderr);
    return NULL;
}

int client_ask(const struct arguments *arguments, json_t *request, json_t **ret_result)
{
    struct client *client = NULL;
    json_t *answer = NULL;
    int status = client_open(arguments, &client);
    if (status) {
        json_decref(request);
        return status;
    }
    status = client_send(client, request);
    if (!status)
        status = client_receive(client, false, &answer);
    client_close(client);
    if (!status && !answer)
        status = fail("the system ended before it answered", NULL);
    if (!status) {
        json_t *result = client_result(answer);
        if (result)
            *ret_result = json_incref(result);
        else
            status = EXIT_FAILED;
    }
    json_decref(answer);
    return status;
}
