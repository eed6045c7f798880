/*
 * lona_client: realm A, the client of the Lona system.
 *
 * It stores a whole text, line by line, in "database"; asks it how often some words occur, and checks what
 * it can by itself; logs through "logger"; tries to pose as the database, which the policy must refuse; and
 * then waits for a packet of "network" with a deadline, so that it can be seen what a client is told when
 * its server is killed in the middle of a call. Every step that goes wrong makes it end with status 1.
 *
 * Usage in a scenario: args: [--wait-ms, N, WORD...]; files: {text: {path: ..., mode: r}}.
 */
#include <realm/realm.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/services/lona.h"

#define DEADLINE (5 * REALM_SEC)

struct client {
    struct realm *realm;
    struct realm_channel *database;
    struct realm_channel *logger;
    struct realm_channel *network;
};

/* The call's own error, or, if it went well, the service's verdict turned into one. */
static int told(const struct client *client, const char *what, int error, const struct realm_reply *reply)
{
    if (error != 0)
        realm_log(client->realm, "%s: %s", what, realm_error_text(error));
    else if (reply->status != LONA_OK)
        realm_log(client->realm, "%s: the service says %d", what, reply->status);
    return error != 0 || reply->status != LONA_OK;
}

static int connect_all(struct client *client)
{
    struct {
        const char *name;
        struct realm_channel **channel;
    } services[] = {
        {"database", &client->database}, {"logger", &client->logger}, {"network", &client->network}};

    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        int error = realm_connect(client->realm, services[i].name, DEADLINE, services[i].channel);
        if (error != 0) {
            realm_log(client->realm, "connect to \"%s\": %s", services[i].name, realm_error_text(error));
            return 1;
        }
    }
    return 0;
}

static int store_lines(const struct client *client, FILE *text, uint64_t *ret_lines)
{
    struct realm_reply reply = {.data = NULL};
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;
    int failed = 0;
    uint64_t lines = 0;

    while (!failed && (size = getline(&line, &capacity, text)) >= 0) {
        if (size > 0 && line[size - 1] == '\n')
            size--;
        failed =
            told(client, "put",
                 realm_call(client->database, DATABASE_PUT, line, (size_t)size, &reply, DEADLINE), &reply);
        if (!failed && reply.value != lines) {
            realm_log(client->realm, "line %" PRIu64 " was stored as number %" PRIu64, lines, reply.value);
            failed = 1;
        }
        lines++;
    }
    free(line);
    *ret_lines = lines;
    return failed || ferror(text);
}

/* Stores the text and asks how much arrived. */
static int store_text(const struct client *client)
{
    struct realm_reply reply = {.data = NULL};
    uint64_t begin = realm_now_ns(client->realm), lines, ms;
    int fd = realm_file(client->realm, "text");
    FILE *text = fd >= 0 ? fdopen(fd, "r") : NULL;

    if (text == NULL) {
        realm_log(client->realm, "the scenario hands me no file \"text\"");
        return 1;
    }
    if (store_lines(client, text, &lines) != 0)
        return 1;
    ms = (realm_now_ns(client->realm) - begin) / REALM_MSEC;
    if (told(client, "count", realm_call(client->database, DATABASE_COUNT, NULL, 0, &reply, DEADLINE),
             &reply))
        return 1;
    realm_log(client->realm, "stored %" PRIu64 " lines in %" PRIu64 " ms, one call each", reply.value, ms);
    fclose(text);
    return reply.value != lines;
}

/* Fetches one line by its number and looks whether the word is in it. */
static int check_line(const struct client *client, uint64_t number, const char *word)
{
    uint8_t request[sizeof number], line[REALM_PAYLOAD_MAX];
    struct realm_reply reply = {.data = line, .capacity = sizeof line};
    struct realm_pack pack;

    realm_pack_init(&pack, request, sizeof request);
    realm_pack_u64(&pack, number);
    if (told(client, "get", realm_call(client->database, DATABASE_GET, request, pack.size, &reply, DEADLINE),
             &reply))
        return 1;
    if (memmem(line, reply.size, word, strlen(word)) == NULL) {
        realm_log(client->realm, "line %" PRIu64 " does not contain \"%s\"", number, word);
        return 1;
    }
    return 0;
}

/* Counts the lines that contain the word, page by page. */
static int count_word(const struct client *client, const char *word)
{
    uint8_t request[512], page[REALM_PAYLOAD_MAX];
    struct realm_reply reply = {.data = page, .capacity = sizeof page, .status = LONA_MORE};
    struct realm_pack pack;
    uint64_t matches = 0, pages = 0;

    while (reply.status == LONA_MORE) {
        realm_pack_init(&pack, request, sizeof request);
        realm_pack_u64(&pack, reply.value);
        realm_pack_bytes(&pack, word, strlen(word));
        int error = pack.error;
        if (error == 0)
            error = realm_call(client->database, DATABASE_QUERY, request, pack.size, &reply, DEADLINE);
        if (error != 0 || (reply.status != LONA_OK && reply.status != LONA_MORE))
            return told(client, "query", error, &reply);
        if (matches == 0 && reply.size > 0) {
            struct realm_unpack unpack;
            realm_unpack_init(&unpack, page, reply.size);
            if (check_line(client, realm_unpack_u64(&unpack), word) != 0)
                return 1;
        }
        matches += reply.size / sizeof(uint64_t);
        pages++;
    }
    realm_log(client->realm, "count %s %" PRIu64 " (%" PRIu64 " pages)", word, matches, pages);
    return 0;
}

static int log_through_logger(const struct client *client)
{
    static const char text[] = "A has stored its text";
    struct realm_reply reply = {.data = NULL};
    int error = realm_send(client->logger, LOGGER_LINE, text, strlen(text), REALM_SEC);

    if (error != 0) {
        realm_log(client->realm, "log: %s", realm_error_text(error));
        return 1;
    }
    if (told(client, "log", realm_call(client->logger, LOGGER_COUNT, NULL, 0, &reply, DEADLINE), &reply))
        return 1;
    realm_log(client->realm, "logged through \"logger\", which has %" PRIu64 " lines now", reply.value);
    return 0;
}

/* Only the realm that the scenario names as its provider may be the database. */
static int pose_as_database(const struct client *client)
{
    int error = realm_register(client->realm, "database", NULL, NULL, NULL);

    realm_log(client->realm, "tried to register \"database\": %s", realm_error_text(error));
    return error != REALM_E_DENIED;
}

/* Waits for a packet that nobody sends. What ends the call is the deadline, or the end of its server. */
static int wait_for_packet(const struct client *client, uint64_t wait_ms)
{
    struct realm_reply reply = {.data = NULL};
    uint64_t begin = realm_now_ns(client->realm);
    int error;

    realm_log(client->realm, "waiting %" PRIu64 " ms for a packet", wait_ms);
    error = realm_call(client->network, NETWORK_WAIT, NULL, 0, &reply, wait_ms * REALM_MSEC);
    realm_log(client->realm, "after %" PRIu64 " ms: %s (%s)",
              (realm_now_ns(client->realm) - begin) / REALM_MSEC, realm_error_name(error),
              realm_error_text(error));
    return error != REALM_E_TIMEOUT && error != REALM_E_PEER_DEAD;
}

static int echo(const struct client *client)
{
    char back[16];
    struct realm_reply reply = {.data = back, .capacity = sizeof back};
    int error = realm_call(client->network, NETWORK_ECHO, "ping", 4, &reply, DEADLINE);

    if (told(client, "echo", error, &reply) || reply.size != 4 || memcmp(back, "ping", 4) != 0)
        return 1;
    realm_log(client->realm, "the network echoes");
    return 0;
}

static int work(struct client *client, uint64_t wait_ms, char **words)
{
    if (connect_all(client) != 0 || store_text(client) != 0)
        return 1;
    for (; *words != NULL; words++) {
        if (count_word(client, *words) != 0)
            return 1;
    }
    if (log_through_logger(client) != 0 || pose_as_database(client) != 0 || echo(client) != 0)
        return 1;
    return wait_for_packet(client, wait_ms);
}

int main(int argc, char **argv)
{
    struct client client = {.realm = NULL};
    uint64_t wait_ms = 0;
    int words = 1, failed;

    if (argc >= 3 && strcmp(argv[1], "--wait-ms") == 0) {
        wait_ms = strtoull(argv[2], NULL, 10);
        words = 3;
    }
    if (realm_open(&client.realm) != 0) {
        fprintf(stderr, "lona_client: this program is started by a scenario (realm run)\n");
        return 1;
    }
    failed = work(&client, wait_ms, argv + words);
    realm_close(client.realm);
    return failed;
}
