/*
 * Notifications in the twin: none is lost, all that are set come in one, and nobody is harmed by any bits.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/internal.h"

/* --- two realms that wake each other by bits alone --- */

#define ROUNDS 100u

struct player {
    const char *own, *other;
    bool first;
    bool waits; /* by realm_receive, not in the loop */
    unsigned got;
    struct realm_channel *channel;
    unsigned *ball; /* private memory of both: what a notification tells of */
};

static void play(struct player *player, uint64_t bits)
{
    const unsigned turn = *player->ball;
    CHECK_EQ(bits, UINT64_C(1) << (turn % 64u)); /* all of it, and nothing else */
    player->got++;
    if (turn + 1 >= 2 * ROUNDS)
        return;
    *player->ball = turn + 1;
    CHECK_EQ(realm_notify(player->channel, UINT64_C(1) << ((turn + 1) % 64u)), 0);
}

static void on_bits(struct realm *realm, const struct realm_request *request, void *context)
{
    struct player *player = context;
    CHECK(request->bits != 0);
    CHECK(request->token == 0 && request->op == 0 && request->size == 0);
    play(player, request->bits);
    if (player->got == ROUNDS)
        realm_stop(realm);
}

static int bits_player(void *argument)
{
    struct player *player = argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    struct realm_request request;
    CHECK_EQ(realm_register(realm, player->own, player->waits ? NULL : on_bits, player, &endpoint), 0);
    player->channel = connected(realm, player->other);
    CHECK_EQ(realm_notify(player->channel, 0), 0);
    if (player->first)
        CHECK_EQ(realm_notify(player->channel, 1), 0);
    while (player->waits && player->got < ROUNDS) {
        CHECK_EQ(realm_receive(endpoint, &request, REALM_FOREVER), 0);
        play(player, request.bits);
    }
    if (!player->waits)
        CHECK_EQ(realm_run(realm), 0);
    /* Nothing came twice. The other may be a little behind. */
    CHECK_EQ(player->waits ? realm_receive(endpoint, &request, REALM_SEC) : realm_run_once(realm, REALM_SEC),
             REALM_E_TIMEOUT);
    realm_close(realm);
    return 0;
}

Test(notify, every_one_wakes)
{
    /* Goal: a hundred notifications each way, with nothing but bits: each wakes the other, in the loop and in
     * realm_receive, with both waiters, spinning or not, under many schedules. */
    for (uint64_t seed = 0; seed < 120; seed++) {
        unsigned ball = 0;
        struct player players[] = {
            {.own = "a", .other = "b", .first = true, .ball = &ball},
            {.own = "b", .other = "a", .waits = seed % 8 < 4, .ball = &ball},
        };
        struct sim_world *world = sim_world_new(seed);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "a", bits_player, &players[0]);
        sim_world_add_realm(world, "b", bits_player, &players[1]);
        run_clean(world, 2);
        CHECK_EQ(players[0].got, ROUNDS);
        CHECK_EQ(players[1].got, ROUNDS);
        CHECK_EQ(sim_realm_stats(world, 0).lost_wakes + sim_realm_stats(world, 1).lost_wakes, 0);
        sim_world_free(world);
    }
}

/* --- many at once, beside messages --- */

/* What the service has seen of each bit, and what was told of it: the last must be seen. */
struct telling {
    unsigned told[64], seen[64];
    unsigned taken, messages;
    uint64_t badge;
};

static void note_bits(struct realm *realm, const struct realm_request *request, void *context)
{
    struct telling *telling = context;
    if (request->bits == 0) {
        telling->messages++;
        echo(realm, request, NULL);
        return;
    }
    CHECK_EQ(request->priority, REALM_CRITICAL);
    CHECK_EQ(realm_reply(realm, request->token, 0, 0, NULL, 0), REALM_E_STALE);
    telling->taken++;
    telling->badge = request->badge;
    for (unsigned bit = 0; bit < 64; bit++) {
        if (request->bits >> bit & 1u)
            telling->seen[bit] = telling->told[bit];
    }
}

static int telling_server(void *argument)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "told", note_bits, argument, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int telling_client(void *argument)
{
    struct telling *telling = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "told");
    uint32_t random = 12345;
    unsigned notified = 0;
    for (unsigned round = 0; round < 300; round++) {
        uint64_t bits = 0;
        for (unsigned n = 0; n < 3; n++) {
            random = random * 1103515245u + 12345u;
            bits |= UINT64_C(1) << (random >> 16) % 64u;
        }
        for (unsigned bit = 0; bit < 64; bit++)
            telling->told[bit] += (unsigned)(bits >> bit) & 1u;
        CHECK_EQ(realm_notify(channel, bits), 0);
        notified++;
        if (round % 7 == 0)
            CHECK_EQ(realm_send(channel, round, NULL, 0, REALM_FOREVER), 0);
        if (round % 20 == 0)
            call_echo(channel, round, 100);
        if (round % 50 == 0)
            CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT);
    }
    /* A message comes after the notifications before it: they go first. */
    call_echo(channel, 1, 0);
    for (unsigned bit = 0; bit < 64; bit++)
        CHECK_EQ(telling->seen[bit], telling->told[bit]);
    CHECK(telling->taken <= notified && telling->taken > 10);
    CHECK_EQ(telling->messages, 43 + 15 + 1);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(notify, what_is_set_again_is_seen_again)
{
    /* Goal: bits that are set many times, between messages and calls: what was told last of each is seen, and
     * no bit was made up or taken twice. */
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct telling telling = {.taken = 0};
        struct sim_world *world = sim_world_new(seed);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "server", telling_server, &telling);
        sim_world_add_realm(world, "client", telling_client, &telling);
        run_clean(world, 2);
        sim_world_free(world);
    }
}

/* --- polling, many, peeking, order --- */

static int picky_server(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "picky", NULL, NULL, &endpoint), 0);
    static struct realm_request requests[4];
    struct realm_view view;
    size_t count = 0;
    CHECK_EQ(realm_run_once(realm, 10 * REALM_MSEC), REALM_E_TIMEOUT); /* all of it is there */
    CHECK_EQ(realm_peek(endpoint, &view, REALM_FOREVER), 0);
    CHECK_EQ(view.bits, 0x8000000000000005u);
    CHECK(view.data == NULL && view.size == 0);
    CHECK_EQ(realm_consume(realm), REALM_E_STALE);
    CHECK_EQ(realm_receive_many(endpoint, requests, 4, REALM_FOREVER, &count), 0);
    CHECK_EQ(count, 2);
    CHECK(requests[0].op == 1 && requests[0].bits == 0);
    CHECK(requests[1].op == 2 && requests[1].bits == 0);
    CHECK_EQ(realm_receive(endpoint, requests, REALM_POLL), REALM_E_WOULD_BLOCK);
    CHECK_EQ(realm_receive(endpoint, requests, REALM_FOREVER), 0);
    CHECK_EQ(requests[0].bits, 4);
    CHECK_EQ(realm_receive(endpoint, requests, REALM_FOREVER), REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int picky_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "picky");
    CHECK_EQ(realm_send(channel, 1, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_notify(channel, 1), 0);
    CHECK_EQ(realm_notify(channel, 5), 0);
    CHECK_EQ(realm_send(channel, 2, NULL, 0, REALM_FOREVER), 0);
    CHECK_EQ(realm_notify(channel, UINT64_C(1) << 63), 0);
    CHECK_EQ(realm_run_once(realm, 50 * REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_notify(channel, 4), 0);
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(notify, come_first_and_in_one)
{
    /* Goal: what was set meanwhile comes in one piece, before Normal messages, by peek, many and poll. */
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "server", picky_server, NULL);
    sim_world_add_realm(world, "client", picky_client, NULL);
    run_clean(world, 2);
    sim_world_free(world);
}

/* --- hostile --- */

static void any_bits(struct realm *realm, const struct realm_request *request, void *context)
{
    unsigned *seen = context;
    if (request->bits != 0)
        ++*seen;
    else
        echo(realm, request, NULL);
}

static int any_server(void *seen)
{
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "any", any_bits, seen, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    realm_close(realm);
    return 0;
}

static int flipping_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "any");
    uint64_t random = 88172645463325252u;
    for (unsigned i = 0; i < 3000; i++) {
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        realm_store_release64(&channel->link.own->bits, random);
        if (i % 3 == 0)
            realm_link_pushed(&channel->link);
        CHECK_EQ(realm_run_once(realm, REALM_POLL), REALM_E_WOULD_BLOCK); /* the others run */
        if (i % 100 == 0)
            call_echo(channel, i, 50); /* it is served like everybody */
    }
    CHECK_EQ(realm_channel_state(channel), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int calling_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "any");
    for (unsigned i = 0; i < 200; i++)
        call_echo(channel, i, 50);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(notify, any_bits_are_harmless)
{
    /* Goal: a client that writes whatever it likes into its word sets bits, and does nothing else to the
     * server or to others. */
    for (uint64_t seed = 0; seed < 10; seed++) {
        unsigned seen = 0;
        struct sim_world *world = sim_world_new(seed);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_add_realm(world, "server", any_server, &seen);
        sim_world_add_realm(world, "flipping", flipping_client, NULL);
        sim_world_add_realm(world, "calling", calling_client, NULL);
        run_clean(world, 3);
        CHECK(seen > 100);
        sim_world_free(world);
    }
}

/* --- ends --- */

static int ending_client(void *argument)
{
    int *error = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "any");
    while ((*error = realm_notify(channel, UINT64_C(1) << (realm_now_ns(realm) / REALM_MSEC % 64u))) == 0)
        CHECK_EQ(realm_run_once(realm, REALM_MSEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_channel_state(channel), *error);
    CHECK_EQ(realm_notify(channel, 1), *error);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

Test(notify, ends_with_the_channel)
{
    /* Goal: wherever the server is when the memory goes, the client is told why, and the server sees no bit
     * that was not set: only one is ever set at a time. */
    unsigned taken = 0;
    for (uint64_t step = 20; step < 140; step++) {
        int error = 0;
        unsigned seen = 0;
        struct sim_world *world = sim_world_new(step);
        sim_world_waiter(world, step % 4 < 2 ? REALM_WAITER_PIPE : REALM_WAITER_URING);
        sim_world_cpus(world, (unsigned)step % 2 + 1);
        sim_world_limit(world, 20000);
        unsigned server = sim_world_add_realm(world, "server", any_server, &seen);
        sim_world_add_realm(world, "client", ending_client, &error);
        sim_close_at_step(world, server, step, REALM_E_REVOKED);
        enum sim_end end = sim_world_run(world);
        CHECK(end == SIM_ENDED || (end == SIM_TOO_LONG && error == 0));
        if (error != 0) {
            CHECK_EQ(error, REALM_E_REVOKED);
            taken++;
        }
        sim_world_free(world);
    }
    CHECK(taken > 60);
}
