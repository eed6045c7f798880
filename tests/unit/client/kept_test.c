/*
 * Replies that wait for room at the server: what a client can do to it that takes none, or wakes it for
 * nothing; and that one which only goes on sending meanwhile is not taken for such a client.
 */
#include "tests/unit/client/pending.h"

#include "librealm/client/internal.h"

struct scene {
    unsigned most;     /* replies due at once, kept ones among them */
    bool wakes;        /* the client wakes the server for nothing */
    bool lies;         /* and claims to have queued something new each time */
    unsigned started;  /* by the client that takes no reply */
    uint64_t spurious; /* wakes that brought the server nothing */
};

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    struct scene *scene = context;
    echo(realm, request, NULL);
    if (realm->tokens.count > scene->most)
        scene->most = realm->tokens.count;
}

static int server(void *context)
{
    struct scene *scene = context;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "kept", serve, scene, &endpoint), 0);
    CHECK_EQ(realm_run(realm), 0);
    CHECK_EQ(realm_endpoint_clients(endpoint), 0);
    CHECK_EQ(realm->tokens.count, 0);
    scene->spurious = realm->spurious_wakes;
    realm_close(realm);
    return 0;
}

/* Waits without a look at its channels. */
static void sleep_on_control(struct realm *realm, uint64_t time_ns)
{
    struct realm_channel *none = NULL;
    CHECK_EQ(realm_connect(realm, "nobody", time_ns, &none), REALM_E_TIMEOUT);
}

/* As if one more of everything had been queued, however much of it that makes. */
static void claim_more(struct realm_region *own)
{
    for (unsigned queue = 0; queue < REALM_QUEUES; queue++)
        own->head[queue] += 1000;
    own->marks += UINT64_C(0x0011001100110000);
    own->bits = ~own->bits;
    own->bell++;
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
        if (scene->lies)
            claim_more(link->own);
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
    if (!scene->lies) /* nobody else's wakes are among the server's then */
        sim_world_add_realm(world, "honest", honest_client, NULL);
    enum sim_end end = sim_world_run(world);
    if (end != SIM_ENDED)
        show_tail(world);
    CHECK_EQ(end, SIM_ENDED);
    for (unsigned i = 0; i < 3u - scene->lies; i++) {
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

/* One that is closed for wakes has had those that anybody has, and one more than is paid for. */
#define SPURIOUS(messages) (1000u + 2u * (messages) + 1u)

Test(kept, wakes_for_nothing_are_held_against_it)
{
    /* Goal: a client whose replies wait for room and that rings without having made any loses its channel,
     * whatever it has queued: 3 messages of many lines here. */
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct scene scene = {.wakes = true};
        play(&scene, seed, REALM_WAITER_URING);
        CHECK(scene.spurious >= SPURIOUS(0));
    }
}

Test(kept, claims_of_more_requests_buy_few_wakes)
{
    /* Goal: also if heads, marks, bits and bell tell of something new at each ring. All these claims are
     * worth no more than four full queues, once. Two requests are taken, and one is answered. */
    const unsigned claims = REALM_QUEUES * REALM_QUEUE_MESSAGES;
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct scene scene = {.wakes = true, .lies = true};
        play(&scene, seed, REALM_WAITER_URING);
        CHECK(scene.spurious >= SPURIOUS(0));
        CHECK(scene.spurious <= SPURIOUS(claims + 3));
    }
}

/* --- one that sends while its replies wait --- */

enum {
    OP_BIG = 1,    /* a call: its reply is as large as they come */
    OP_ONEWAY = 2, /* a send */
};

struct news {
    unsigned calls, sends, bits; /* that the server got */
    uint64_t spurious;           /* wakes that brought it nothing */
};

static void serve_news(struct realm *realm, const struct realm_request *request, void *context)
{
    struct news *news = context;
    static const uint8_t bytes[REALM_PAYLOAD_MAX];
    news->bits += (unsigned)__builtin_popcountll(request->bits);
    news->sends += request->op == OP_ONEWAY;
    if (request->op != OP_BIG)
        return;
    news->calls++;
    CHECK_EQ(realm_reply(realm, request->token, 0, 0, bytes, sizeof bytes), 0);
}

static int news_server(void *context)
{
    struct news *news = context;
    struct realm *realm = opened();
    CHECK_EQ(realm_register(realm, "news", serve_news, news, NULL), 0);
    CHECK_EQ(realm_run(realm), 0);
    news->spurious = realm->spurious_wakes;
    realm_close(realm);
    return 0;
}

static void took(struct realm *realm, const struct realm_completion *completion, void *context)
{
    (void)realm;
    CHECK_EQ(completion->result, 0);
    CHECK_EQ(completion->size, REALM_PAYLOAD_MAX);
    ++*(unsigned *)context;
}

/* More calls than there is room for replies. */
static void start_big(struct realm *realm, struct realm_channel *channel, unsigned count, unsigned *ended)
{
    for (unsigned i = 0; i < count; i++)
        CHECK_EQ(realm_call_start(channel, OP_BIG, NULL, 0, REALM_FOREVER, took, ended, NULL), 0);
    sleep_on_control(realm, 10 * REALM_MSEC);
}

static void take_big(struct realm *realm, unsigned count, const unsigned *ended)
{
    while (*ended < count)
        CHECK_EQ(realm_run_once(realm, REALM_FOREVER), 0);
}

/* In the largest queues there are, of 4092 lines: 62 replies have room, and all that is sent. */
#define CALLS  80u
#define SENDS  1600u
#define ROUNDS 40u

static int client_that_sends_on(void *argument)
{
    const enum realm_priority *priority = argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "news");
    unsigned ended = 0;
    start_big(realm, channel, CALLS, &ended);
    for (unsigned i = 0; i < SENDS; i++) {
        CHECK_EQ(realm_send_at(channel, *priority, OP_ONEWAY, NULL, 0, REALM_POLL), 0);
        sleep_on_control(realm, REALM_MSEC / 10);
    }
    CHECK_EQ(ended, 0);
    take_big(realm, CALLS, &ended);
    CHECK_EQ(realm_channel_state(channel), 0);
    sleep_on_control(realm, REALM_SEC / 10);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static int client_that_notifies_on(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = connected(realm, "news");
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned ended = 0;
        start_big(realm, channel, 2, &ended);
        for (unsigned bit = 0; bit < 64; bit++) {
            CHECK_EQ(realm_notify(channel, UINT64_C(1) << bit), 0);
            sleep_on_control(realm, REALM_MSEC / 10);
        }
        take_big(realm, 2, &ended);
        sleep_on_control(realm, 10 * REALM_MSEC);
    }
    CHECK_EQ(realm_channel_state(channel), 0);
    realm_disconnect(channel);
    realm_close(realm);
    return 0;
}

static struct news play_news(struct sim_world *world, int (*client)(void *), void *argument)
{
    struct news news = {.calls = 0};
    sim_world_add_realm(world, "server", news_server, &news);
    sim_world_add_realm(world, "client", client, argument);
    run_clean(world, 2);
    sim_world_free(world);
    return news;
}

Test(kept, who_sends_while_its_replies_wait_is_no_foe)
{
    /* Goal: each message that is pushed while replies wait may wake the server once, without room, though it
     * is taken only when there is room. Of each priority so many that the 1000 wakes that anybody has do not
     * pay for them, nor do the calls that could be taken before. */
    for (unsigned queue = 0; queue < REALM_QUEUES; queue++) {
        enum realm_priority priority = (enum realm_priority)queue;
        struct sim_world *world = sim_world_new(queue);
        sim_world_queues(world, REALM_REGION_MAX_BYTES, REALM_QUEUE_MESSAGES_MAX);
        struct news news = play_news(world, client_that_sends_on, &priority);
        CHECK_EQ(news.calls, CALLS);
        CHECK_EQ(news.sends, SENDS);
        CHECK(news.spurious > 1000 + 2 * 2 * CALLS);
    }
}

Test(kept, who_notifies_while_its_replies_wait_is_no_foe)
{
    /* Goal: the same for notifications, each of which rings, and which are all taken as one. */
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct news news = play_news(sim_world_new(seed), client_that_notifies_on, NULL);
        CHECK_EQ(news.calls, 2 * ROUNDS);
        CHECK_EQ(news.bits, 64 * ROUNDS);
        CHECK(news.spurious > 1000 + 2 * 5 * ROUNDS); /* two requests, two replies, one taking of bits */
    }
}
