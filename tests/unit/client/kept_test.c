/*
 * Replies that wait for room at the server: what a client can do to it that takes none, or wakes it for
 * nothing.
 */
#include "tests/unit/client/pending.h"

#include "librealm/client/internal.h"

struct scene {
    unsigned most;    /* replies due at once, kept ones among them */
    bool wakes;       /* the client wakes the server for nothing */
    unsigned started; /* by the client that takes no reply */
};

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct scene *scene = context;
    echo(realm, request, NULL);
    if (realm->tokens.count > scene->most)
        scene->most = realm->tokens.count;
}

static int server(void *scene)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "kept", serve, scene, &endpoint), 0);
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    CHECK_EQ(realm->tokens.count, 0);
    realm_close(realm);
    return 0;
}

/* Waits without a look at its channels. */
static void sleep_on_control(struct realm *realm, uint64_t time_ns)
{
    struct realm_channel *none = NULL;
    CHECK_EQ(realm_connect(realm, "nobody", time_ns, &none), REALM_E_TIMEOUT);
}

static int client_that_takes_nothing(void *argument)
{
    struct scene *scene = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "kept");
    static const uint8_t bytes[REALM_PAYLOAD_MAX];
    struct realm_link *link = &channel->link;
    for (unsigned i = 0; i < 20; i++) {
        /* Behind the library's back: a start takes replies when the queue is full. */
        struct realm_message message = {
            .kind = REALM_MESSAGE_CALL, .size = REALM_PAYLOAD_MAX, .call = i + 1, .tag = i};
        if (realm_producer_push(&link->producer, &message, bytes) == 0) {
            realm_link_pushed(link);
            scene->started++;
        }
        sleep_on_control(realm, REALM_MSEC);
    }
    for (unsigned i = 0; scene->wakes && i < 5000 && !realm_epoch_changed(realm); i++) {
        realm_os_wake(realm->os, &link->own->bell);
        sleep_on_control(realm, REALM_MSEC / 10);
    }
    sleep_on_control(realm, REALM_SEC / 10);
    CHECK_EQ(realm_channel_state(channel), scene->wakes ? REALM_E_PEER_FAULT : 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int honest_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "kept");
    for (uint64_t op = 0; op < 200; op++) {
        call_echo(channel, op, (size_t)(op * 37u) % 4097u);
        if (op % 10 == 0)
            CHECK_EQ(realm_run_once(realm, 10 * REALM_MSEC), REALM_E_TIMEOUT);
    }
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static void play(struct scene *scene, uint64_t seed, enum realm_waiter_kind waiter)
{
    struct sim_world *world = sim_world_new(seed);
    sim_world_waiter(world, waiter);
    sim_world_cpus(world, (unsigned)seed % 2 + 1);
    unsigned serving = sim_world_add_realm(world, "server", server, scene);
    sim_world_add_realm(world, "greedy", client_that_takes_nothing, scene);
    sim_world_add_realm(world, "honest", honest_client, NULL);
    enum sim_end end = sim_world_run(world);
    if (end != SIM_ENDED)
        show_tail(world);
    CHECK_EQ(end, SIM_ENDED);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(sim_realm_exit(world, i), 0);
        CHECK_EQ(sim_realm_counters(world, i).memory, 0);
    }
    CHECK_EQ(sim_realm_counters(world, serving).faults, scene->wakes);
    if (scene->wakes)
        CHECK_EQ(sim_realm_counters(world, serving).last_fault, REALM_FAULT_WAKES);
    sim_world_free(world);
}

Test(kept, who_takes_no_reply_is_read_no_further)
{
    /* Goal: once a reply has found no room its client is not read, so no more is kept than one; the others
     * are served, and everything is given back when it goes. */
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct scene scene = {.most = 0};
        play(&scene, seed, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        CHECK_EQ(scene.most, 1); /* after the handler: the kept one */
        /* Two are answered, or kept; the next lies in the queue, which has no room for another. */
        CHECK_EQ(scene.started, 3);
    }
}

Test(kept, wakes_for_nothing_are_held_against_it)
{
    /* Goal: a client whose replies wait for room and that rings without having made any loses its channel. */
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct scene scene = {.wakes = true};
        play(&scene, seed, REALM_WAITER_URING);
    }
}
