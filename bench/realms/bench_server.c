/*
 * The answering realm: a service like any other, that checks each request's payload and writes each reply's
 * (bench/measure/payload.h says when). It also plays the other side of the floors, in the same process, on
 * the same processor.
 */
#include <stdio.h>

#include "bench/realms/bench.h"

struct server { // NOLINT(clang-analyzer-optin.performance.Padding): for the reader; it is the only one
    struct gate *gate;
    struct payload_side side; /* of the conversation begun last */
    struct payload_side floor;
    uint64_t counted;
    int failed;
};

static void answer(struct realm *realm, struct server *server, const struct realm_request *request)
{
    struct payload_side *side = &server->side;

    server->failed |= realm_reply(realm, request->token, server->failed, 0, side->out, side->size) != 0;
    payload_asked(side, request->data, request->size);
    server->failed |= side->wrong;
}

/* Who asks for echoes may end, or lose its channel to a revocation, in the middle of a call. */
static bool channel_ended(int error)
{
    return error == REALM_E_REVOKED || error == REALM_E_STALE || error == REALM_E_PEER_DEAD;
}

static void echo(struct realm *realm, struct server *server, const struct realm_request *request)
{
    uint8_t reply[PAYLOAD_MAX];
    uint64_t number = request->size >= sizeof number ? payload_number(request->data) : 0;

    server->failed |= payload_check(request->data, request->size, number);
    payload_fill(reply, request->size, ~number);
    int error = realm_reply(realm, request->token, server->failed, 0, reply, request->size);
    server->failed |= error != 0 && !channel_ended(error);
}

static void count(struct server *server, const struct realm_request *request)
{
    struct payload_side *side = &server->side;

    server->failed |= request->size != side->size || payload_check(request->data, side->size, side->number);
    side->number++;
    server->counted++;
}

static void begin(struct realm *realm, struct server *server, const struct realm_request *request)
{
    struct realm_unpack unpack;

    realm_unpack_init(&unpack, request->data, request->size);
    uint32_t size = realm_unpack_u32(&unpack);
    if (realm_unpack_finish(&unpack) != 0 || size < 8 || size > PAYLOAD_MAX || size % 8 != 0)
        server->failed = 1;
    else
        payload_answer_init(&server->side, size);
    server->counted = 0;
    realm_reply(realm, request->token, server->failed, 0, NULL, 0);
}

/* The reply comes first: it tells the other side to begin. */
static void answer_floor(struct realm *realm, struct server *server, const struct realm_request *request)
{
    struct realm_unpack unpack;
    struct floor_run run;

    realm_unpack_init(&unpack, request->data, request->size);
    run.kind = (enum floor_kind)realm_unpack_u32(&unpack);
    run.size = realm_unpack_u32(&unpack);
    run.count = realm_unpack_u32(&unpack);
    run.batch = realm_unpack_u32(&unpack);
    bool fine = realm_unpack_finish(&unpack) == 0 && server->gate != NULL;
    realm_reply(realm, request->token, !fine, 0, NULL, 0);
    if (fine)
        server->failed |= floor_answer(&server->gate->floor, &run, &server->floor);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct server *server = context;

    switch (request->op) {
    case BENCH_NEXT:
        answer(realm, server, request);
        break;
    case BENCH_ECHO:
        echo(realm, server, request);
        break;
    case BENCH_COUNT:
        count(server, request);
        break;
    case BENCH_BEGIN:
        begin(realm, server, request);
        break;
    case BENCH_SYNC:
        realm_reply(realm, request->token, server->failed, server->counted, NULL, 0);
        break;
    case BENCH_HOLD:
        break;
    case BENCH_FLOOR:
        answer_floor(realm, server, request);
        break;
    default:
        realm_reply(realm, request->token, 1, 0, NULL, 0);
        break;
    }
}

/* bench_server [SERVICE] */
int main(int argc, char **argv)
{
    static struct server server; /* large, and this program's only one */
    struct realm *realm = NULL;
    int error = realm_open(&realm);

    if (error == 0 && realm_file(realm, "gate") >= 0)
        server.gate = bench_gate(realm);
    if (error == 0)
        error = realm_register(realm, argc > 1 ? argv[1] : BENCH_SERVICE, serve, &server, NULL);
    if (error == 0)
        error = realm_run(realm);
    if (error != 0)
        fprintf(stderr, "bench_server: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0 || server.failed;
}
