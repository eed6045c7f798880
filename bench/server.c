/* The answering realm: it checks each request's payload and writes each reply's, as a service would. */
#include "bench/bench.h"

#include <string.h>

#include "bench/floors.h"

struct server {
    struct floor_page *page; /* NULL: the scenario hands over no file for floors */
    int failed;
};

static void echo(struct realm *realm, struct server *server, const struct realm_request *request)
{
    uint32_t words[BENCH_WORDS], reply[BENCH_WORDS];

    if (request->size != sizeof words) {
        server->failed = 1;
        realm_reply(realm, request->token, 1, 0, NULL, 0);
        return;
    }
    memcpy(words, request->data, sizeof words);
    server->failed |= floor_check(words + 1, BENCH_WORDS - 1, words[0]);
    reply[0] = ~words[0];
    floor_fill(reply + 1, BENCH_WORDS - 1, reply[0]);
    realm_reply(realm, request->token, server->failed, 0, reply, sizeof reply);
}

/* The reply comes first: it tells the other side to begin. */
static void answer_floor(struct realm *realm, struct server *server, const struct realm_request *request)
{
    struct realm_unpack unpack;
    uint32_t kind, count;

    realm_unpack_init(&unpack, request->data, request->size);
    kind = realm_unpack_u32(&unpack);
    count = realm_unpack_u32(&unpack);
    if (realm_unpack_finish(&unpack) != 0 || server->page == NULL) {
        realm_reply(realm, request->token, 1, 0, NULL, 0);
        return;
    }
    realm_reply(realm, request->token, 0, 0, NULL, 0);
    server->failed |= floor_answer(server->page, (enum floor_kind)kind, count);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    switch (request->op) {
    case BENCH_ECHO:
        echo(realm, context, request);
        break;
    case BENCH_FLOOR:
        answer_floor(realm, context, request);
        break;
    default:
        realm_reply(realm, request->token, 1, 0, NULL, 0);
        break;
    }
}

int server_run(struct realm *realm, const char *service)
{
    struct server server = {.page = NULL};
    int fd = realm_file(realm, "floor");
    int error;

    if (fd >= 0)
        server.page = floor_map(fd);
    error = realm_register(realm, service, serve, &server, NULL);
    if (error == 0)
        error = realm_run(realm);
    if (error != 0)
        realm_log(realm, "serving \"%s\": %s", service, realm_error_text(error));
    return error != 0;
}
