/*
 * Streams of chunks, both ways: against the whole, with a receiver that has no room, and with lies.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/chunk.h"

#define OP_STORE 1u
#define OP_FETCH 2u
#define WHOLE    300000u

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

/* The bytes that a stream of this number consists of. */
static uint8_t byte_at(uint64_t number, uint64_t offset)
{
    return (uint8_t)((offset * UINT64_C(0x9e3779b97f4a7c15) >> 29) + number);
}

/* A receiver that now and then lets its clients wait, but never takes more than a window beyond its consent.
 */
struct store {
    struct realm_incoming incoming;
    uint64_t received, consented;
    uint64_t random;
    bool waiting; /* a timer will consent */
    unsigned aborted;
};

static void consent(struct realm *realm, struct store *store)
{
    store->consented = store->received + REALM_STREAM_WINDOW;
    realm_incoming_more(realm, &store->incoming);
}

static void consent_later(struct realm *realm, struct realm_timer *timer, void *context)
{
    struct store *store = context;
    (void)timer;
    store->waiting = false;
    consent(realm, store);
}

static void give(struct realm *realm, const struct realm_request *request)
{
    struct realm_wanted wanted;
    uint8_t data[REALM_CHUNK_MAX + 1];
    if (realm_wanted_parse(request, &wanted) != 0) {
        CHECK_EQ(realm_reply(realm, request->token, REALM_E_PROTOCOL, 0, NULL, 0), 0);
        return;
    }
    if (wanted.offset > WHOLE) {
        CHECK_EQ(realm_reply(realm, request->token, -3, 0, NULL, 0), 0);
        return;
    }
    uint64_t size = WHOLE - wanted.offset < wanted.size ? WHOLE - wanted.offset : wanted.size;
    for (uint64_t i = 0; i < size; i++)
        data[i] = byte_at(wanted.stream, wanted.offset + i);
    CHECK_EQ(realm_wanted_give(realm, request->token, &wanted, data, wanted.size + 1, false),
             REALM_E_TOO_BIG);
    CHECK_EQ(realm_wanted_give(realm, request->token, &wanted, data, size, wanted.offset + size == WHOLE), 0);
}

static void receive(struct realm *realm, const struct realm_request *request, void *context)
{
    struct store *store = context;
    struct realm_chunk chunk;
    uint64_t number = 0;
    if (request->op == OP_FETCH) {
        give(realm, request);
        return;
    }
    if (request->op != OP_STORE) { /* anything else that the client says meanwhile */
        CHECK_EQ(realm_reply(realm, request->token, 0, store->received, NULL, 0), 0);
        return;
    }
    const bool begins = !store->incoming.open || store->incoming.ended;
    int error = realm_incoming_take(realm, &store->incoming, request, &chunk);
    if (error)
        return;
    if (begins)
        *store = (struct store){.incoming = store->incoming,
                                .random = store->random,
                                .waiting = store->waiting,
                                .consented = REALM_STREAM_WINDOW,
                                .aborted = store->aborted};
    CHECK_EQ(realm_incoming_stream(request, &number), 0);
    CHECK_EQ(chunk.offset, store->received);
    const uint8_t *data = chunk.data;
    for (size_t i = 0; i < chunk.size; i++)
        CHECK_EQ(data[i], byte_at(number, chunk.offset + i));
    store->received += chunk.size;
    CHECK(store->received <= store->consented);
    store->aborted += chunk.aborted;
    if (chunk.last)
        realm_incoming_end(realm, &store->incoming, 0, store->received);
    else if (draw(&store->random) % 3 != 0)
        consent(realm, store);
    else if (!store->waiting)
        store->waiting = realm_timer_start(realm, (1 + draw(&store->random) % 20) * REALM_MSEC, 0,
                                           consent_later, store, NULL) == 0;
}

static int storing_server(void *argument)
{
    struct store store = {.random = *(uint64_t *)argument};
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "store", receive, &store, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

/* Writes a whole in pieces of any size, with any patience. */
static void write_whole(struct realm_channel *channel, uint64_t *random, uint64_t number)
{
    static uint8_t data[WHOLE];
    struct realm_stream *stream = NULL;
    struct realm_reply verdict = {0};
    for (uint64_t i = 0; i < WHOLE; i++)
        data[i] = byte_at(number, i);
    CHECK_EQ(realm_stream_open(channel, OP_STORE, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, data, 10, REALM_POLL, NULL), REALM_E_BAD_ARGUMENT);
    for (uint64_t offset = 0; offset < WHOLE;) {
        const uint64_t kinds[] = {1, 1 + draw(random) % 50, REALM_CHUNK_MAX, 1 + draw(random) % 100000};
        uint64_t size = kinds[draw(random) % 4];
        size = size < WHOLE - offset ? size : WHOLE - offset;
        const bool patient = draw(random) % 4 != 0;
        size_t written = 77;
        int error =
            realm_stream_write(stream, data + offset, size, patient ? REALM_FOREVER : REALM_MSEC, &written);
        CHECK(error == 0 || (!patient && error == REALM_E_TIMEOUT));
        CHECK(error == 0 ? written == size : written < size);
        offset += written;
        CHECK_EQ(realm_stream_offset(stream), offset);
    }
    CHECK_EQ(realm_stream_finish(stream, &verdict, REALM_FOREVER), 0);
    CHECK_EQ(verdict.status, 0);
    CHECK_EQ(verdict.value, WHOLE);
    realm_stream_close(stream);
}

static int writer(void *argument)
{
    uint64_t random = *(uint64_t *)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "store");
    for (uint64_t number = 1; number <= 3; number++)
        write_whole(channel, &random, number);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream, any_pieces_make_the_whole)
{
    /* Goal: however it is cut, whoever waits for whom and for how long: the service gets the very bytes, in
     * order, once, and never more than a window beyond what it has agreed to. */
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct sim_world *world = sim_world_new(seed);
        uint64_t random = seed * 77;
        sim_world_add_realm(world, "server", storing_server, &random);
        sim_world_add_realm(world, "client", writer, &random);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int reader(void *argument)
{
    uint64_t random = *(uint64_t *)argument;
    static uint8_t data[2 * REALM_PAYLOAD_MAX];
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "store");
    struct realm_reader reading;
    realm_reader_init(&reading, channel, OP_FETCH, 9);
    size_t size = 1;
    uint64_t offset = 0;
    while (size != 0) {
        size_t capacity = 1 + draw(&random) % sizeof data;
        CHECK_EQ(realm_reader_read(&reading, data, capacity, REALM_FOREVER, &size), 0);
        CHECK(size <= capacity && size <= REALM_CHUNK_MAX);
        for (size_t i = 0; i < size; i++)
            CHECK_EQ(data[i], byte_at(9, offset + i));
        offset += size;
        CHECK_EQ(reading.offset, offset);
    }
    CHECK(offset == WHOLE && reading.ended);
    realm_reader_init(&reading, channel, OP_FETCH, 9);
    reading.offset = WHOLE - 1;
    CHECK_EQ(realm_reader_read(&reading, data, sizeof data, REALM_FOREVER, &size), 0);
    CHECK(size == 1 && data[0] == byte_at(9, WHOLE - 1) && reading.ended);
    reading.ended = false;
    reading.offset = WHOLE + 1;
    CHECK_EQ(realm_reader_read(&reading, data, sizeof data, REALM_FOREVER, &size), REALM_E_CANCELLED);
    CHECK_EQ(reading.status, -3);
    CHECK_EQ(realm_reader_read(&reading, data, 0, REALM_FOREVER, &size), 0);
    CHECK_EQ(size, 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream, a_reader_gets_the_whole)
{
    /* Goal: pieces of any size make the whole; a reader can begin anywhere, and is told why it is refused. */
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct sim_world *world = sim_world_new(seed);
        uint64_t random = seed;
        sim_world_add_realm(world, "server", storing_server, &random);
        sim_world_add_realm(world, "client", reader, &random);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- a service without room, and one that has had enough --- */

struct stingy {
    struct realm_incoming incoming;
    uint64_t limit; /* received so much, it ends the stream; 0: it only never agrees */
    bool aborted;
};

static void take_some(struct realm *realm, const struct realm_request *request, void *context)
{
    struct stingy *stingy = context;
    struct realm_chunk chunk;
    if (request->op != OP_STORE) {
        CHECK_EQ(realm_reply(realm, request->token, stingy->aborted, stingy->incoming.offset, NULL, 0), 0);
        return;
    }
    int error = realm_incoming_take(realm, &stingy->incoming, request, &chunk);
    CHECK(error == 0 || error == REALM_E_STALE);
    if (error)
        return;
    stingy->aborted |= chunk.aborted;
    if (stingy->limit != 0 && stingy->incoming.offset >= stingy->limit)
        realm_incoming_end(realm, &stingy->incoming, -28, stingy->incoming.offset);
    if (request->token != 0 && chunk.last)
        realm_incoming_end(realm, &stingy->incoming, 0, stingy->incoming.offset);
}

static int stingy_server(void *argument)
{
    struct stingy stingy = {.limit = *(uint64_t *)argument};
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "stingy", take_some, &stingy, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int stopped_writer(void *argument)
{
    (void)argument;
    static uint8_t data[2 * REALM_STREAM_WINDOW];
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "stingy");
    struct realm_stream *stream = NULL;
    struct realm_reply reply = {0};
    size_t written = 0;
    CHECK_EQ(realm_stream_open(channel, OP_STORE, &stream), 0);
    for (unsigned i = 0; i < 5; i++) {
        uint64_t before_ns = realm_now_ns(realm);
        CHECK_EQ(realm_stream_write(stream, data + realm_stream_offset(stream), sizeof data / 2 + 1,
                                    50 * REALM_MSEC, &written),
                 REALM_E_TIMEOUT);
        CHECK_EQ(written, i == 0 ? REALM_STREAM_WINDOW : 0);
        CHECK(realm_now_ns(realm) - before_ns < 60 * REALM_MSEC);
    }
    CHECK_EQ(realm_call(channel, 5, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.value, REALM_STREAM_WINDOW); /* all that was written is there, and no more */
    /* It is given up: the service hears of it. */
    realm_stream_close(stream);
    CHECK_EQ(realm_call(channel, 5, NULL, 0, &reply, REALM_FOREVER), 0);
    CHECK_EQ(reply.status, 1);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static void take_silently(struct realm *realm, const struct realm_request *request, void *context)
{
    struct realm_incoming *incoming = context;
    struct realm_chunk chunk;
    CHECK_EQ(realm_incoming_take(realm, incoming, request, &chunk), 0);
    if (chunk.aborted)
        realm_stop(realm);
}

static int silent_server(void *argument)
{
    (void)argument;
    struct realm_incoming incoming = {0};
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "silent", take_silently, &incoming, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(incoming.offset, 10);
    CHECK_EQ(incoming.status, REALM_E_CANCELLED);
    realm_close(realm);
    return 0;
}

static int impatient_writer(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "silent");
    struct realm_stream *stream = NULL;
    size_t written = 77;
    CHECK_EQ(realm_stream_open(channel, OP_STORE, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, "0123456789", 10, REALM_SEC, NULL), 0);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(realm_stream_finish(stream, NULL, 10 * REALM_MSEC), REALM_E_TIMEOUT);
        CHECK_EQ(realm_stream_write(stream, "more", 4, REALM_SEC, &written), REALM_E_BAD_ARGUMENT);
        CHECK_EQ(written, 0);
    }
    realm_stream_close(stream);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT); /* until that is taken */
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream, nothing_is_written_behind_the_end)
{
    /* Goal: after a finish that timed out it can be asked for the verdict again, or given up, and no more. */
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "server", silent_server, NULL);
        sim_world_add_realm(world, "client", impatient_writer, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

static int refused_writer(void *argument)
{
    (void)argument;
    static uint8_t data[4 * REALM_STREAM_WINDOW];
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "stingy");
    struct realm_stream *stream = NULL;
    struct realm_reply reply = {0};
    size_t written = 0;
    for (unsigned round = 0; round < 3; round++) {
        CHECK_EQ(realm_stream_open(channel, OP_STORE, &stream), 0);
        CHECK_EQ(realm_stream_write(stream, data, sizeof data, REALM_FOREVER, &written), REALM_E_CANCELLED);
        CHECK_EQ(written, REALM_STREAM_WINDOW);
        CHECK_EQ(realm_stream_write(stream, data, 1, REALM_FOREVER, &written), REALM_E_CANCELLED);
        CHECK_EQ(written, 0);
        CHECK_EQ(realm_stream_finish(stream, &reply, REALM_FOREVER), 0);
        CHECK_EQ(reply.status, -28);
        CHECK_EQ(reply.value, 2 * REALM_CHUNK_MAX);
        realm_stream_close(stream);
    }
    /* One that is short enough is over before. */
    CHECK_EQ(realm_stream_open(channel, OP_STORE, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, data, 100, REALM_FOREVER, NULL), 0);
    CHECK_EQ(realm_stream_finish(stream, &reply, REALM_FOREVER), 0);
    CHECK(reply.status == 0 && reply.value == 100);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static void run_stingy(uint64_t limit, int (*client)(void *))
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "server", stingy_server, &limit);
        sim_world_add_realm(world, "client", client, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

Test(stream, a_service_without_room_stops_the_sender)
{
    /* Goal: who has no consent writes a window and waits no longer than it says; what it wrote is there,
     * once. */
    run_stingy(0, stopped_writer);
}

Test(stream, a_service_that_has_had_enough_says_so)
{
    /* Goal: a verdict before the end reaches the writer with its next question; the next stream begins anew.
     */
    run_stingy(2 * REALM_CHUNK_MAX, refused_writer);
}

/* --- the peer goes in the middle --- */

static int leaving_server(void *argument)
{
    static struct realm_request request;
    struct realm_incoming incoming = {0};
    struct realm_chunk chunk;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    (void)argument;
    CHECK_EQ(realm_register(realm, "leaving", NULL, NULL, &endpoint), 0);
    while (incoming.offset < 100000) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
        CHECK_EQ(realm_incoming_take(realm, &incoming, &request, &chunk), 0);
        realm_incoming_more(realm, &incoming);
    }
    realm_unregister(endpoint);
    realm_close(realm);
    return 0;
}

static int left_writer(void *argument)
{
    static uint8_t data[WHOLE];
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "leaving");
    struct realm_stream *stream = NULL;
    size_t written = 0;
    (void)argument;
    CHECK_EQ(realm_stream_open(channel, OP_STORE, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, data, sizeof data, REALM_FOREVER, &written), REALM_E_PEER_DEAD);
    CHECK(written >= 100000 && written <= 100000 + 2 * REALM_STREAM_WINDOW);
    CHECK_EQ(realm_stream_offset(stream), written);
    CHECK_EQ(realm_stream_write(stream, data, 1, REALM_FOREVER, &written), REALM_E_PEER_DEAD);
    CHECK_EQ(realm_stream_finish(stream, NULL, REALM_FOREVER), REALM_E_PEER_DEAD);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(stream, the_service_goes_in_the_middle)
{
    /* Goal: a write in which the service goes ends with that, however long it would have waited. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "server", leaving_server, NULL);
        sim_world_add_realm(world, "client", left_writer, NULL);
        run_clean(world, 2);
        sim_world_free(world);
    }
}
