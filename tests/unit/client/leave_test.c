/*
 * A service hears of clients that are gone: once of each, with the reason, behind the last of its requests;
 * and knows by that which streams ended in the middle.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/chunk.h"

#define OP 1u

/* What the service saw. */
struct seen {
    struct realm_endpoint *endpoint;
    struct realm_incoming incoming;
    struct realm_leaving last;
    unsigned left, cut;
    uint64_t bytes;
    bool unregisters; /* as soon as a client is gone */
    bool owes;        /* it gives no verdict */
};

static void take(struct realm *realm, const struct realm_request *request, void *context)
{
    struct seen *seen = context;
    struct realm_chunk chunk;
    CHECK(request->capability.via != 0);
    CHECK(seen->left == 0 || request->capability.via != seen->last.channel); /* nothing comes behind it */
    if (realm_incoming_take(realm, &seen->incoming, request, &chunk) != 0)
        return;
    CHECK(chunk.offset == 0 || chunk.offset == seen->bytes);
    seen->bytes = chunk.offset + chunk.size;
    if (!chunk.last)
        realm_incoming_more(realm, &seen->incoming);
    else if (!seen->owes)
        realm_incoming_end(realm, &seen->incoming, 0, seen->bytes);
}

static void left(struct realm *realm, const struct realm_leaving *leaving, void *context)
{
    struct seen *seen = context;
    CHECK(seen->left == 0 || leaving->channel != seen->last.channel); /* of each once */
    seen->last = *leaving;
    seen->left++;
    const bool open = !seen->incoming.ended;
    const bool cut = realm_incoming_left(&seen->incoming, leaving);
    CHECK(!realm_incoming_left(&seen->incoming, leaving)); /* told twice it is cut once */
    seen->cut += cut;
    if (open && seen->incoming.channel == leaving->channel)
        CHECK_EQ(seen->incoming.status, leaving->reason);
    if (seen->unregisters) {
        realm_unregister(seen->endpoint);
        realm_stop(realm);
    }
}

static int service(void *argument)
{
    struct seen *seen = argument;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "depot", take, seen, &seen->endpoint), 0);
    realm_on_leave(seen->endpoint, left, seen);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static struct realm_stream *begun(struct realm_channel *channel, size_t size)
{
    static const uint8_t data[20000];
    struct realm_stream *stream = NULL;
    CHECK_EQ(realm_stream_open(channel, OP, &stream), 0);
    CHECK_EQ(realm_stream_write(stream, data, size, REALM_FOREVER, NULL), 0);
    return stream;
}

/* Writes until that fails, or somebody ends it. */
static int endless(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "depot");
    static const uint8_t data[5000];
    struct realm_stream *stream = NULL;
    int error = 0;
    CHECK_EQ(realm_stream_open(channel, OP, &stream), 0);
    for (unsigned i = 0; !error && i < 200; i++)
        error = realm_stream_write(stream, data, sizeof data, REALM_FOREVER, NULL);
    CHECK_EQ(error, *(int *)argument);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

/* Goal: a client that is killed anywhere in its stream: the service hears of it once, and that the stream was
 * cut, if it had begun. */
Test(leave, killed_in_mid_stream)
{
    unsigned cut = 0;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct seen seen = {.left = 0};
        int never = 0;
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "service", service, &seen);
        unsigned sender = sim_world_add_realm(world, "sender", endless, &never);
        sim_kill_at_step(world, sender, 5 + seed);
        CHECK_EQ(sim_world_run(world), SIM_ENDED);
        CHECK_EQ(sim_realm_exit(world, 0), 0);
        CHECK(seen.left <= 1); /* it may have died before it was connected */
        CHECK_EQ(seen.cut, seen.incoming.open);
        if (seen.left)
            CHECK_EQ(seen.last.reason, REALM_E_PEER_DEAD);
        cut += seen.cut;
        CHECK_EQ(sim_manager_left(world), 0);
        sim_world_free(world);
    }
    CHECK(cut > 100);
}

/* Goal: the same of a channel that is closed under both, with the reason. */
Test(leave, closed_in_mid_stream)
{
    static const int reasons[] = {REALM_E_REVOKED, REALM_E_PEER_FAULT, REALM_E_PEER_DEAD};
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        unsigned cut = 0;
        for (uint64_t seed = 1; seed <= 100; seed++) {
            struct seen seen = {.left = 0};
            int reason = reasons[i];
            struct sim_world *world = sim_world_new(seed);
            unsigned taker = sim_world_add_realm(world, "service", service, &seen);
            unsigned sender = sim_world_add_realm(world, "sender", endless, &reason);
            sim_close_at_step(world, seed % 2 ? taker : sender, 60 + seed, reason);
            CHECK_EQ(sim_world_run(world), SIM_ENDED);
            CHECK_EQ(sim_realm_exit(world, 0), 0);
            CHECK_EQ(sim_realm_exit(world, sender), 0);
            CHECK_EQ(seen.left, 1);
            CHECK_EQ(seen.cut, seen.incoming.open);
            CHECK_EQ(seen.last.reason, reason);
            cut += seen.cut;
            sim_world_free(world);
        }
        CHECK(cut > 30);
    }
}

static int one_after_the_other(void *argument)
{
    struct realm *realm = opened();
    struct realm_reply reply = {0};
    (void)argument;
    for (unsigned i = 0; i < 3; i++) { /* each is stream 1 of its channel */
        struct realm_channel *channel = connected(realm, "depot");
        struct realm_stream *stream = begun(channel, 5000);
        CHECK_EQ(realm_stream_finish(stream, &reply, REALM_FOREVER), 0);
        CHECK_EQ(reply.status, 0);
        CHECK_EQ(reply.value, 5000);
        realm_stream_close(stream);
        realm_disconnect(channel);
    }
    realm_close(realm);
    return 0;
}

/* Goal: who is gone after its verdict has cut nothing; the next one's first stream is another, though it has
 * the same number. */
Test(leave, after_the_verdict)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct seen seen = {.left = 0};
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "service", service, &seen);
        sim_world_add_realm(world, "sender", one_after_the_other, NULL);
        run_clean(world, 2);
        CHECK_EQ(seen.left, 3);
        CHECK_EQ(seen.cut, 0);
        CHECK_EQ(seen.last.reason, REALM_E_PEER_DEAD);
        sim_world_free(world);
    }
}

static int waits_for_the_verdict(void *argument)
{
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "depot");
    struct realm_stream *stream = begun(channel, 5000);
    struct realm_reply reply = {0};
    int error;
    (void)argument;
    do
        error = realm_stream_finish(stream, &reply, REALM_MSEC);
    while (error == REALM_E_TIMEOUT);
    CHECK_EQ(error, REALM_E_REVOKED);
    realm_stream_close(stream);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

/* Goal: who goes behind its end, before the verdict, has sent all of it: nothing is cut, but nobody waits for
 * the verdict any more. */
Test(leave, before_the_verdict)
{
    struct seen seen = {.owes = true};
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "service", service, &seen);
    unsigned sender = sim_world_add_realm(world, "sender", waits_for_the_verdict, NULL);
    sim_close_at_step(world, sender, 2000, REALM_E_REVOKED);
    run_clean(world, 2);
    CHECK_EQ(seen.left, 1);
    CHECK_EQ(seen.cut, 0);
    CHECK(seen.incoming.last && seen.incoming.ended);
    CHECK_EQ(seen.bytes, 5000);
    sim_world_free(world);
}

/* --- the endpoint's own end --- */

static int comes_and_goes(void *argument)
{
    struct realm *realm = opened();
    for (unsigned i = 0; i < *(unsigned *)argument; i++) {
        struct realm_channel *channel = NULL;
        int error = realm_connect(realm, "depot", 50 * REALM_MSEC, &channel);
        if (error) /* the service is gone */
            break;
        realm_disconnect(channel);
    }
    (void)realm_run_once(realm,
                         100 * REALM_MSEC); /* with the last client the others would be asked to stop */
    realm_close(realm);
    return 0;
}

/* Goal: a handler may end the endpoint that it is called for; of the others that are gone nobody hears then,
 * and nothing of them is left. */
Test(leave, the_handler_unregisters)
{
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct seen seen = {.unregisters = true};
        unsigned times = 5;
        struct sim_world *world = sim_world_new(seed);
        sim_world_add_realm(world, "service", service, &seen);
        sim_world_add_realm(world, "one", comes_and_goes, &times);
        sim_world_add_realm(world, "other", comes_and_goes, &times);
        run_clean(world, 3);
        CHECK_EQ(seen.left, 1);
        CHECK_EQ(sim_manager_left(world), 0);
        sim_world_free(world);
    }
}

static void must_not_be_called(struct realm *realm, const struct realm_leaving *leaving, void *context)
{
    (void)realm, (void)leaving, (void)context;
    cr_assert_fail("told");
}

static void no_request(struct realm *realm, const struct realm_request *request, void *context)
{
    (void)realm, (void)request, (void)context;
}

static int does_not_listen(void *argument)
{
    struct realm_endpoint *endpoint = NULL, *other = NULL;
    struct realm *realm = opened();
    struct realm_request request;
    (void)argument;
    CHECK_EQ(realm_register(realm, "depot", no_request, NULL, &endpoint), 0);
    CHECK_EQ(realm_register(realm, "other", NULL, NULL, &other), 0);
    realm_on_leave(endpoint, must_not_be_called, NULL);
    /* It hears the Memory Manager, and runs no loop. */
    CHECK_EQ(realm_receive(other, &request, 20 * REALM_MSEC), REALM_E_TIMEOUT);
    realm_on_leave(endpoint, NULL, NULL);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

/* Goal: who does not want to hear of it any more does not, also of those that have gone before. */
Test(leave, no_more)
{
    unsigned times = 5;
    struct sim_world *world = sim_world_new(3);
    sim_world_add_realm(world, "service", does_not_listen, NULL);
    sim_world_add_realm(world, "client", comes_and_goes, &times);
    run_clean(world, 2);
    sim_world_free(world);
}

/* --- a hostile one: it comes and goes while the service is busy --- */

static void count(struct realm *realm, const struct realm_leaving *leaving, void *context)
{
    (void)realm, (void)leaving;
    (*(unsigned *)context)++;
}

static int busy_elsewhere(void *argument)
{
    struct realm_endpoint *endpoint = NULL, *other = NULL;
    struct realm *realm = opened();
    struct realm_request request;
    unsigned *told = argument;
    CHECK_EQ(realm_register(realm, "depot", no_request, NULL, &endpoint), 0);
    CHECK_EQ(realm_register(realm, "other", NULL, NULL, &other), 0);
    realm_on_leave(endpoint, count, told);
    CHECK_EQ(realm_receive(other, &request, REALM_FOREVER), 0); /* the client's last word */
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    CHECK_EQ(*told, 0);
    while (*told < 4096)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    CHECK_EQ(realm_run_once(realm, REALM_POLL), REALM_E_WOULD_BLOCK);
    /* There is room again. */
    CHECK_EQ(realm_reply(realm, request.token, 0, 0, NULL, 0), 0);
    while (*told < 4097)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int floods(void *argument)
{
    struct realm *realm = opened();
    (void)argument;
    struct realm_channel *other = connected(realm, "other");
    for (unsigned i = 0; i < 4300; i++)
        realm_disconnect(connected(realm, "depot"));
    CHECK_EQ(realm_call(other, OP, NULL, 0, NULL, REALM_FOREVER), 0);
    realm_disconnect(connected(realm, "depot"));
    realm_disconnect(other);
    realm_close(realm);
    return 0;
}

/* Goal: what the service has not been told of yet is bounded, however often a client comes and goes; when it
 * has been told, clients are taken as before. */
Test(leave, flood)
{
    unsigned told = 0;
    struct sim_world *world = sim_world_new(5);
    sim_world_limit(world, 100000000);
    sim_world_add_realm(world, "service", busy_elsewhere, &told);
    sim_world_add_realm(world, "client", floods, NULL);
    run_clean(world, 2);
    CHECK_EQ(told, 4097);
    sim_world_free(world);
}
