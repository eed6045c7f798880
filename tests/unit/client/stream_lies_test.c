/*
 * Streams whose chunks lie: about where they belong, how long they are, what they are.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/chunk.h"

#define OP       1u
#define OP_ENDED 98u

static void fill(uint8_t *payload, uint64_t stream, uint64_t offset, uint32_t length, uint32_t flags)
{
    const struct chunk_head head = {.stream = stream, .offset = offset, .length = length, .flags = flags};
    memcpy(payload, &head, sizeof head);
    memset(payload + sizeof head, 0xab, 100);
}

/* --- a lying client --- */

static const struct lie {
    struct chunk_head head;
    uint32_t size; /* of the payload */
    bool call;
} lies[] = {
    {{7, 101, 100, 0}, 124, false},        /* a gap */
    {{7, 99, 100, 0}, 124, false},         /* one byte twice */
    {{7, 0, 100, 0}, 124, false},          /* from the beginning again */
    {{8, 100, 100, 0}, 124, false},        /* another stream */
    {{8, 0, 100, 0}, 124, false},          /* another that begins while this one is open */
    {{7, 100, 101, 0}, 124, false},        /* longer than it is */
    {{7, 100, 99, 0}, 124, false},         /* shorter */
    {{7, 100, UINT32_MAX, 0}, 124, false}, /* a length that wraps */
    {{7, UINT64_MAX, 100, 0}, 124, false}, /* an offset that wraps */
    {{7, UINT64_MAX - 99, 100, 0}, 124, false},
    {{7, 100, 100, 0}, 124, true},         /* bytes in a call */
    {{7, 100, 0, CHUNK_ASK}, 24, false},   /* a question that awaits no answer */
    {{7, 100, 0, CHUNK_LAST}, 24, false},  /* an end that awaits no verdict */
    {{7, 200, 0, CHUNK_LAST}, 24, true},   /* an end further on */
    {{7, 0, 0, CHUNK_LAST}, 24, true},     /* an end before */
    {{7, 100, 100, CHUNK_ASK}, 124, true}, /* a question with bytes */
    {{7, 100, 100, CHUNK_ABORT}, 124, false},
    {{7, 100, 0, CHUNK_ASK | CHUNK_LAST}, 24, true},
    {{7, 100, 0, CHUNK_READ}, 24, true},
    {{7, 100, 0, 16}, 24, true},
    {{7, 100, 0, UINT32_MAX}, 24, true},
    {{7, 100, 0, CHUNK_ASK}, 23, true}, /* no whole head */
    {{7, 100, 0, 0}, 0, false},
};
#define LIES (sizeof lies / sizeof lies[0])

struct taken {
    struct realm_incoming incoming;
    uint64_t bytes;
    unsigned refused;
};

static void take(struct realm *realm, const struct realm_request *request, void *context)
{
    struct taken *taken = context;
    struct realm_chunk chunk = {.size = 12345};
    if (request->op != OP) {
        CHECK_EQ(realm_reply(realm, request->token, (int32_t)taken->refused, taken->bytes, NULL, 0), 0);
        return;
    }
    int error = realm_incoming_take(realm, &taken->incoming, request, &chunk);
    taken->refused += error == REALM_E_PROTOCOL;
    CHECK(error == 0 || chunk.size == 12345);
    if (error)
        return;
    taken->bytes += chunk.size;
    realm_incoming_more(realm, &taken->incoming);
    if (chunk.last)
        realm_incoming_end(realm, &taken->incoming, 0, taken->bytes);
}

static int taking_server(void *argument)
{
    struct taken taken = {.refused = 0};
    struct realm *realm = opened();
    (void)argument;
    CHECK_EQ(realm_register(realm, "taker", take, &taken, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int liar(void *argument)
{
    const struct lie *lie = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "taker");
    struct realm_reply reply = {0};
    uint8_t payload[200];
    fill(payload, 7, 0, 100, 0);
    CHECK_EQ(realm_send(channel, OP, payload, 124, REALM_FOREVER), 0);
    fill(payload, lie->head.stream, lie->head.offset, lie->head.length, lie->head.flags);
    if (lie->call) {
        CHECK_EQ(realm_call(channel, OP, payload, lie->size, &reply, REALM_FOREVER), 0);
        CHECK_EQ(reply.status, REALM_E_PROTOCOL);
    } else {
        CHECK_EQ(realm_send(channel, OP, payload, lie->size, REALM_FOREVER), 0);
    }
    /* Nothing of it was taken, nor of what follows, and the verdict stands. */
    fill(payload, 7, 100, 100, 0);
    CHECK_EQ(realm_send(channel, OP, payload, 124, REALM_FOREVER), 0);
    fill(payload, 7, 200, 0, CHUNK_LAST);
    CHECK_EQ(realm_call(channel, OP, payload, 24, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, REALM_E_PROTOCOL);
    CHECK_EQ(realm_call(channel, 99, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, 1);
    CHECK_EQ(reply.value, 100);
    /* An honest one goes through afterwards. */
    struct realm_stream *stream = NULL;
    CHECK_EQ(realm_stream_open(channel, OP, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, payload, sizeof payload, REALM_FOREVER, NULL), 0);
    CHECK_EQ(realm_stream_finish(stream, &reply, REALM_FOREVER), 0);
    cr_assert(reply.status == 0 && reply.value == 100 + sizeof payload, "lie %zu: %d %llu",
              (size_t)(lie - lies), reply.status, (unsigned long long)reply.value);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream_lies, of_a_client)
{
    /* Goal: no chunk but the very next is taken, whatever it says; the client learns it when it asks. */
    for (size_t i = 0; i < LIES; i++) {
        struct sim_world *world = sim_world_new(i);
        sim_world_add_realm(world, "server", taking_server, NULL);
        sim_world_add_realm(world, "client", liar, (void *)(uintptr_t)&lies[i]);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- another client --- */

/* Tells each client how far the other's stream is. */
static void take_for_two(struct realm *realm, const struct realm_request *request, void *context)
{
    struct taken *taken = context;
    if (request->op == OP_ENDED)
        CHECK_EQ(realm_reply(realm, request->token, taken->incoming.ended, 0, NULL, 0), 0);
    else
        take(realm, request, context);
}

static int server_of_two(void *argument)
{
    struct taken taken = {.refused = 0};
    struct realm *realm = opened();
    (void)argument;
    CHECK_EQ(realm_register(realm, "taker", take_for_two, &taken, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

/* Asks until so many requests were refused, so many bytes were taken, and the stream has ended, if it is to.
 */
static void await(struct realm *realm, struct realm_channel *channel, int32_t refused, uint64_t bytes,
                  bool ended)
{
    struct realm_reply counts = {0}, end = {0};
    do {
        CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT);
        CHECK_EQ(realm_call(channel, 99, NULL, 0, &counts, REALM_FOREVER), 0);
        CHECK_EQ(realm_call(channel, OP_ENDED, NULL, 0, &end, REALM_FOREVER), 0);
    } while (counts.status < refused || counts.value < bytes || (ended && end.status == 0));
    CHECK_EQ(counts.status, refused);
    CHECK_EQ(counts.value, bytes);
    CHECK_EQ(end.status, ended);
}

static int meddled_with(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "taker");
    struct realm_reply reply = {0};
    uint8_t payload[200];
    (void)argument;
    fill(payload, 7, 0, 100, 0);
    CHECK_EQ(realm_send(channel, OP, payload, 124, REALM_FOREVER), 0);
    await(realm, channel, 1, 100, false);
    fill(payload, 7, 100, 100, 0);
    CHECK_EQ(realm_send(channel, OP, payload, 124, REALM_FOREVER), 0);
    fill(payload, 7, 200, 0, CHUNK_LAST);
    CHECK_EQ(realm_call(channel, OP, payload, 24, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, 0);
    CHECK_EQ(reply.value, 200);
    CHECK_EQ(realm_call(channel, OP, payload, 24, &reply, REALM_FOREVER), 0); /* and again */
    CHECK_EQ(reply.status, 0);
    CHECK_EQ(reply.value, 200);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int meddler(void *argument)
{
    const struct lie *lie = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "taker");
    struct realm_reply reply = {0};
    uint8_t payload[200];
    await(realm, channel, 0, 100, false);
    fill(payload, lie->head.stream, lie->head.offset, lie->head.length, lie->head.flags);
    if (lie->call) {
        CHECK_EQ(realm_call(channel, OP, payload, lie->size, &reply, REALM_FOREVER), 0);
        CHECK_EQ(reply.status, REALM_E_PROTOCOL);
    } else {
        CHECK_EQ(realm_send(channel, OP, payload, lie->size, REALM_FOREVER), 0);
    }
    await(realm, channel, 1, 200, true);
    /* The verdict on the other's bytes is none on its own. */
    fill(payload, 7, 200, 0, CHUNK_LAST);
    CHECK_EQ(realm_call(channel, OP, payload, 24, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, REALM_E_PROTOCOL);
    CHECK_EQ(reply.value, 0);
    /* It has its turn when the other's stream has ended. */
    struct realm_stream *stream = NULL;
    CHECK_EQ(realm_stream_open(channel, OP, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, payload, sizeof payload, REALM_FOREVER, NULL), 0);
    CHECK_EQ(realm_stream_finish(stream, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, 0);
    CHECK_EQ(reply.value, 200 + sizeof payload);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

/* What would be right from the stream's own client. */
static const struct lie truths[] = {
    {{7, 100, 100, 0}, 124, false},
    {{7, 100, 0, CHUNK_ASK}, 24, true},
    {{7, 100, 0, CHUNK_LAST}, 24, true},
    {{7, 100, 0, CHUNK_ABORT}, 24, false},
};
#define TRUTHS (sizeof truths / sizeof truths[0])

Test(stream_lies, of_another_client)
{
    /* Goal: whatever another client says while a stream is open, true or not, is refused alone: the stream
     * goes on and gets its verdict, which the other client does not learn. */
    for (size_t i = 0; i < LIES + TRUTHS; i++) {
        const struct lie *lie = i < LIES ? &lies[i] : &truths[i - LIES];
        struct sim_world *world = sim_world_new(i);
        sim_world_add_realm(world, "server", server_of_two, NULL);
        sim_world_add_realm(world, "client", meddled_with, NULL);
        sim_world_add_realm(world, "meddler", meddler, (void *)(uintptr_t)lie);
        run_clean(world, 3);
        sim_world_free(world);
    }
}

/* --- behind the end --- */

/* What a client sends after it has said that the first 100 bytes were all, and what it hears. */
static const struct afterthought {
    struct lie lie;
    int32_t first, second; /* statuses: of the end's call, and of this one, if it is one */
    uint32_t refused;
} afterthoughts[] = {
    {{{7, 100, 100, 0}, 124, false}, REALM_E_PROTOCOL, 0, 1}, /* bytes */
    {{{7, 100, 0, 0}, 24, false}, REALM_E_PROTOCOL, 0, 1},
    {{{7, 100, 0, CHUNK_ASK}, 24, true}, REALM_E_PROTOCOL, REALM_E_PROTOCOL, 1}, /* may more be sent? */
    {{{7, 100, 100, CHUNK_LAST}, 124, true}, REALM_E_PROTOCOL, REALM_E_PROTOCOL, 1},
    {{{7, 0, 0, CHUNK_LAST}, 24, true}, REALM_E_PROTOCOL, REALM_E_PROTOCOL, 1},
    {{{7, 100, 0, CHUNK_LAST}, 24, true}, REALM_E_STALE, 77, 0}, /* the question for the verdict, again */
    {{{7, 100, 0, CHUNK_ABORT}, 24, false}, REALM_E_CANCELLED, 0, 0},
};
#define AFTERTHOUGHTS (sizeof afterthoughts / sizeof afterthoughts[0])

static void judge(struct realm *realm, struct realm_timer *timer, void *context)
{
    struct taken *taken = context;
    (void)timer;
    if (!taken->incoming.ended)
        realm_incoming_end(realm, &taken->incoming, 77, taken->bytes);
}

/* A service whose verdict takes a while, and which always has room for more. */
static void take_and_think(struct realm *realm, const struct realm_request *request, void *context)
{
    struct taken *taken = context;
    struct realm_chunk chunk;
    if (request->op != OP) {
        CHECK_EQ(realm_reply(realm, request->token, (int32_t)taken->refused, taken->bytes, NULL, 0), 0);
        return;
    }
    int error = realm_incoming_take(realm, &taken->incoming, request, &chunk);
    taken->refused += error == REALM_E_PROTOCOL;
    if (error)
        return;
    taken->bytes += chunk.size;
    realm_incoming_more(realm, &taken->incoming);
    if (chunk.last)
        CHECK_EQ(realm_timer_start(realm, 100 * REALM_MSEC, 0, judge, taken, NULL), 0);
}

static int thinking_server(void *argument)
{
    struct taken taken = {.refused = 0};
    struct realm *realm = opened();
    (void)argument;
    CHECK_EQ(realm_register(realm, "taker", take_and_think, &taken, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static void heard(struct realm *realm, const struct realm_completion *completion, void *context)
{
    (void)realm;
    CHECK_EQ(completion->result, 0);
    *(int32_t *)context = completion->status;
}

static int goes_on(void *argument)
{
    const struct afterthought *after = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "taker");
    struct realm_reply reply = {0};
    uint8_t payload[200];
    int32_t first = 12345, second = after->lie.call ? 12345 : 0;
    fill(payload, 7, 0, 100, 0);
    CHECK_EQ(realm_send(channel, OP, payload, 124, REALM_FOREVER), 0);
    fill(payload, 7, 100, 0, CHUNK_LAST);
    CHECK_EQ(realm_call_start(channel, OP, payload, 24, REALM_FOREVER, heard, &first, NULL), 0);
    const struct chunk_head *head = &after->lie.head;
    fill(payload, head->stream, head->offset, head->length, head->flags);
    if (after->lie.call)
        CHECK_EQ(realm_call_start(channel, OP, payload, after->lie.size, REALM_FOREVER, heard, &second, NULL),
                 0);
    else
        CHECK_EQ(realm_send(channel, OP, payload, after->lie.size, REALM_FOREVER), 0);
    while (realm_calls_pending(channel) != 0 || first == 12345 || second == 12345)
        CHECK_EQ(realm_run_once(realm, REALM_SEC), 0);
    CHECK_EQ(first, after->first);
    CHECK_EQ(second, after->second);
    CHECK_EQ(realm_call(channel, 99, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, after->refused);
    CHECK_EQ(reply.value, 100);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* until judge has come and gone */
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream_lies, of_a_client_behind_the_end)
{
    /* Goal: behind the end nothing is taken but the question for the verdict, once more, and that the client
     * gives up; and no call hears a verdict that the service has not given. */
    for (size_t i = 0; i < AFTERTHOUGHTS; i++) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            struct sim_world *world = sim_world_new(seed);
            sim_world_add_realm(world, "server", thinking_server, NULL);
            sim_world_add_realm(world, "client", goes_on, (void *)(uintptr_t)&afterthoughts[i]);
            run_clean(world, 2);
            sim_world_free(world);
        }
    }
}

/* --- a client that does not ask --- */

static void never_agree(struct realm *realm, const struct realm_request *request, void *context)
{
    struct taken *taken = context;
    struct realm_chunk chunk;
    if (request->op != OP) {
        CHECK_EQ(realm_reply(realm, request->token, (int32_t)taken->refused, taken->bytes, NULL, 0), 0);
        return;
    }
    int error = realm_incoming_take(realm, &taken->incoming, request, &chunk);
    taken->refused += error == REALM_E_PROTOCOL;
    taken->bytes += error ? 0 : chunk.size;
}

static int silent_server(void *argument)
{
    struct taken taken = {.refused = 0};
    struct realm *realm = opened();
    (void)argument;
    CHECK_EQ(realm_register(realm, "taker", never_agree, &taken, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int pushing_client(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "taker");
    struct realm_reply reply = {0};
    static uint8_t payload[REALM_PAYLOAD_MAX];
    (void)argument;
    for (uint64_t offset = 0; offset < 10 * REALM_CHUNK_MAX; offset += REALM_CHUNK_MAX) {
        fill(payload, 7, offset, REALM_CHUNK_MAX, 0);
        CHECK_EQ(realm_send(channel, OP, payload, sizeof payload, REALM_FOREVER), 0);
    }
    CHECK_EQ(realm_call(channel, 99, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, 1);
    CHECK_EQ(reply.value, REALM_STREAM_WINDOW);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream_lies, a_client_that_does_not_ask)
{
    /* Goal: a service never takes more than it has agreed to, whether or not its client keeps to that. */
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "server", silent_server, NULL);
    sim_world_add_realm(world, "client", pushing_client, NULL);
    run_clean(world, 2);
    sim_world_free(world);
}

/* --- a lying service --- */

/* The reader wants 50 bytes at 1000 of stream 7. */
static const struct lie answers[] = {
    {{8, 1000, 50, 0}, 74, false},          {{7, 999, 50, 0}, 74, false},
    {{7, 1001, 50, 0}, 74, false},          {{7, 1000, 51, 0}, 75, false},
    {{7, 1000, 50, 0}, 73, false},          {{7, 1000, 50, 0}, 75, false},
    {{7, 1000, 0, 0}, 24, false},           {{7, 1000, 50, CHUNK_ASK}, 74, false},
    {{7, 1000, 0, CHUNK_ABORT}, 24, false}, {{7, 1000, 0, CHUNK_READ}, 24, false},
    {{7, 1000, UINT32_MAX, 0}, 74, false},  {{7, UINT64_MAX - 10, 50, 0}, 74, false},
    {{7, 1000, 50, 0}, 0, false},           {{7, 1000, 50, 0}, 23, false},
    {{7, 1000, 50, UINT32_MAX}, 74, false},
};
#define ANSWERS (sizeof answers / sizeof answers[0])

static int lying_server(void *argument)
{
    const struct lie *answer = argument;
    static struct realm_request request;
    struct realm_endpoint *endpoint = NULL;
    struct realm *realm = opened();
    uint8_t payload[200];
    CHECK_EQ(realm_register(realm, "liar", NULL, NULL, &endpoint), 0);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    fill(payload, answer->head.stream, answer->head.offset, answer->head.length, answer->head.flags);
    CHECK_EQ(realm_reply(realm, request.token, 0, 0, payload, answer->size), 0);
    /* Then the truth. */
    struct realm_wanted wanted;
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
    CHECK_EQ(realm_wanted_parse(&request, &wanted), 0);
    CHECK(wanted.stream == 7 && wanted.offset == 1000 && wanted.size == 50);
    CHECK_EQ(realm_wanted_give(realm, request.token, &wanted, "true", 4, true), 0);
    CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int lied_to(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "liar");
    struct realm_reader reader;
    uint8_t data[50] = {0};
    size_t size = 77;
    (void)argument;
    realm_reader_init(&reader, channel, OP, 7);
    reader.offset = 1000;
    CHECK_EQ(realm_reader_read(&reader, data, sizeof data, REALM_FOREVER, &size), REALM_E_PROTOCOL);
    CHECK(size == 77 && reader.offset == 1000 && !reader.ended);
    for (size_t i = 0; i < sizeof data; i++)
        CHECK_EQ(data[i], 0);
    CHECK_EQ(realm_reader_read(&reader, data, sizeof data, REALM_FOREVER, &size), 0);
    CHECK(size == 4 && reader.offset == 1004 && reader.ended && memcmp(data, "true", 4) == 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream_lies, of_a_service)
{
    /* Goal: a reader takes nothing but the chunk that it asked for, and stays where it was. */
    for (size_t i = 0; i < ANSWERS; i++) {
        struct sim_world *world = sim_world_new(i);
        sim_world_add_realm(world, "server", lying_server, (void *)(uintptr_t)&answers[i]);
        sim_world_add_realm(world, "client", lied_to, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}
