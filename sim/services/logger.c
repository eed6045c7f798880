/*
 * logger: the Lona system's "logger" service.
 *
 * Whoever may connect sends lines, one-way; each becomes one line of this realm's own log, with the number
 * of the realm that sent it. That number comes from the Memory Manager, so nobody logs in another's name.
 * The rule: a line stays one line, of printable ASCII and of bounded length, whatever the client sends. So it
 * cannot end early, steer a terminal, or grow on its way into the log (what is no UTF-8 is replaced there by
 * something longer) until it is cut in two, of which the second half would bear no sender.
 *
 * Usage in a scenario: args: [] or [--spawn, CHILD] to start a child of its own once it serves.
 */
#include <realm/realm.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/services/lona.h"

#define LINE_MAX_BYTES 512u

struct logger {
    uint64_t lines;
};

/* Whatever is not printable becomes a question mark. */
static void log_line(struct realm *realm, const struct realm_request *request)
{
    char text[LINE_MAX_BYTES + 1];
    size_t size = request->size < LINE_MAX_BYTES ? request->size : LINE_MAX_BYTES;

    for (size_t i = 0; i < size; i++) {
        uint8_t byte = request->data[i];
        text[i] = (char)(byte < 0x20 || byte > 0x7e ? '?' : byte);
    }
    text[size] = '\0';
    realm_log(realm, "[realm %" PRIu64 "] %s", request->client.value, text);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct logger *logger = context;

    switch (request->op) {
    case LOGGER_LINE:
        logger->lines++;
        log_line(realm, request);
        realm_reply(realm, request->token, LONA_OK, logger->lines, NULL, 0); /* one-way: a no-op */
        break;
    case LOGGER_COUNT:
        realm_reply(realm, request->token, LONA_OK, logger->lines, NULL, 0);
        break;
    default:
        realm_reply(realm, request->token, LONA_UNKNOWN_OP, 0, NULL, 0);
        break;
    }
}

static void spawn_child(struct realm *realm, const char *name)
{
    struct realm_spawn spawn = {.program = name};
    struct realm_id child;
    int error = realm_spawn(realm, &spawn, &child);

    if (error != 0)
        realm_log(realm, "cannot start my child %s: %s", name, realm_error_text(error));
    else
        realm_log(realm, "started my child %s, realm %" PRIu64, name, child.value);
}

int main(int argc, char **argv)
{
    struct logger logger = {.lines = 0};
    struct realm *realm;
    int error;

    error = realm_open(&realm);
    if (error != 0) {
        fprintf(stderr, "logger: this program is started by a scenario (realm run): %s\n",
                realm_error_text(error));
        return 1;
    }
    error = realm_register(realm, "logger", serve, &logger, NULL);
    if (error == 0) {
        if (argc == 3 && strcmp(argv[1], "--spawn") == 0)
            spawn_child(realm, argv[2]);
        error = realm_run(realm);
    } else {
        realm_log(realm, "cannot register \"logger\": %s", realm_error_text(error));
    }
    realm_close(realm);
    return error != 0;
}
