/*
 * A client of the admin socket for tests: a broker in its world (world.h), a real socket, and lines of JSON.
 */
#ifndef TESTS_UNIT_BROKER_ADMIN_CLIENT_H
#define TESTS_UNIT_BROKER_ADMIN_CLIENT_H

#include <criterion/criterion.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/unit/broker/world.h"

static struct world world;
static struct admin *admin;
static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static unsigned descriptors_before;

static inline void set_up(void)
{
    descriptors_before = open_descriptors();
    world_init(&world);
    world_start(&world);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(listener, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/realm-admin-test-%d", getpid());
    unlink(address.sun_path);
    cr_assert_eq(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(listener, 64), 0);
    cr_assert_eq(admin_new(world.broker, listener, &admin), 0);
}

static inline void tear_down(void)
{
    admin_free(admin);
    close(listener);
    unlink(address.sun_path);
    world_deinit(&world);
    cr_assert_eq(open_descriptors(), descriptors_before);
}

/* A running and open, and B, which has registered "database". */
static inline struct process *open_both(void)
{
    cr_assert_eq(process_register(world_open(&world, "B"), "database", NULL), 0);
    return world_open(&world, "A");
}

/* --- a client --- */

struct client {
    int fd;
    char *text;
    size_t size;
    bool over; /* the broker has closed it */
};

static inline struct client client_open(void)
{
    struct client client = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    cr_assert_geq(client.fd, 0);
    cr_assert_eq(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    client.text = calloc(1, 1);
    world_settle(&world);
    return client;
}

static inline void client_close(struct client *client)
{
    close(client->fd);
    free(client->text);
    world_settle(&world);
}

/* Reads what is there. */
static inline void client_read(struct client *client)
{
    char buffer[65536];
    for (;;) {
        ssize_t size = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            client->over = true;
            return;
        }
        client->text = realloc(client->text, client->size + (size_t)size + 1);
        memcpy(client->text + client->size, buffer, (size_t)size);
        client->size += (size_t)size;
        client->text[client->size] = '\0';
    }
}

static inline void client_send(struct client *client, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t part = send(client->fd, (const char *)bytes + at, size - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (part > 0)
            at += (size_t)part;
        else if (errno != EAGAIN)
            break; /* closed: the test looks at that */
        world_settle(&world);
    }
}

static inline void client_say(struct client *client, const char *text)
{
    client_send(client, text, strlen(text));
}

/* The first line that has come, which is removed; NULL: none. The reference is the caller's. */
static inline json_t *client_line(struct client *client)
{
    for (int round = 0; round < 200; round++) {
        world_settle(&world);
        client_read(client);
        char *newline = memchr(client->text, '\n', client->size);
        if (newline) {
            size_t size = (size_t)(newline - client->text) + 1;
            json_t *object = json_loadb(client->text, size, 0, NULL);
            cr_assert(json_is_object(object), "%s", client->text);
            client->size -= size;
            memmove(client->text, client->text + size, client->size + 1);
            return object;
        }
        if (client->over)
            return NULL;
    }
    return NULL;
}

static inline json_t *ask(struct client *client, const char *request)
{
    client_say(client, request);
    client_say(client, "\n");
    json_t *answer = client_line(client);
    cr_assert_not_null(answer, "no answer to %s", request);
    return answer;
}

/* One request over a connection of its own: its result, or NULL for a refusal. */
static inline json_t *result_of(const char *request)
{
    struct client client = client_open();
    json_t *answer = ask(&client, request);
    json_t *result = json_object_get(answer, "result");
    cr_assert_eq(json_is_true(json_object_get(answer, "ok")), result != NULL);
    json_incref(result);
    json_decref(answer);
    client_close(&client);
    return result;
}

/* A refusal must say both of these; the connection then still works. */
static inline void refuse(const char *request, const char *error, const char *fix)
{
    struct client client = client_open();
    json_t *answer = ask(&client, request);
    cr_assert(json_is_false(json_object_get(answer, "ok")), "%s", request);
    cr_assert_not_null(strstr(json_string_value(json_object_get(answer, "error")), error), "%s: %s", request,
                       json_string_value(json_object_get(answer, "error")));
    cr_assert_not_null(strstr(json_string_value(json_object_get(answer, "fix")), fix), "%s: %s", request,
                       json_string_value(json_object_get(answer, "fix")));
    json_decref(answer);
    answer = ask(&client, "{\"command\":\"ps\"}");
    cr_assert(json_is_true(json_object_get(answer, "ok")));
    json_decref(answer);
    client_close(&client);
}

static inline json_t *entry_of(json_t *list, const char *key, const char *value)
{
    size_t index;
    json_t *entry;
    json_array_foreach(list, index, entry) if (strcmp(event_text(entry, key), value) == 0) return entry;
    return NULL;
}

static inline long long integer(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* Whether the broker still answers a fresh connection. */
static inline void still_serves(void)
{
    json_t *realms = result_of("{\"command\":\"ps\"}");
    cr_assert_gt(json_array_size(realms), 0);
    json_decref(realms);
}

#endif
