/*
 * Connecting and registering while other things happen.
 */
#include "tests/unit/client/twin.h"

#include "librealm/client/internal.h"

#define CHANNELS 12u /* more than a provider's pool holds, so that it must be refilled meanwhile */

/* Registers, and is in a call from then on until the client has all its channels. */
static int provider_in_a_call(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *gate = connected(realm, "gate");
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "crowded", echo, NULL, &endpoint), 0);
    CHECK_EQ(realm_call(gate, 1, NULL, 0, NULL, REALM_FOREVER), 0);
    CHECK_EQ(realm_endpoint_clients(endpoint), CHANNELS);
    CHECK_EQ(realm_run(realm), 0);
    realm_disconnect(gate);
    realm_close(realm);
    return 0;
}

static int gate_keeper(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    CHECK_EQ(realm_register(realm, "gate", NULL, NULL, &endpoint), 0);
    static struct realm_request request;
    uint64_t waiting = 0;
    bool open = false;
    int error;
    while ((error = realm_receive(endpoint, &request, REALM_FOREVER)) == 0) {
        open = open || request.op == 2;
        if (request.op == 1)
            waiting = request.token;
        else
            CHECK_EQ(realm_reply(realm, request.token, 0, 0, NULL, 0), 0);
        if (open && waiting) {
            CHECK_EQ(realm_reply(realm, waiting, 0, 0, NULL, 0), 0);
            waiting = 0;
        }
    }
    CHECK_EQ(error, REALM_E_STOPPED);
    realm_close(realm);
    return 0;
}

static int crowd_of_channels(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *gate = connected(realm, "gate");
    struct realm_channel *channels[CHANNELS];
    for (unsigned i = 0; i < CHANNELS; i++)
        channels[i] = connected(realm, "crowded");
    /* The last ACCEPTED has come, too, before the answer to a later packet. */
    CHECK_EQ(realm_run_once(realm, REALM_SEC), REALM_E_TIMEOUT);
    CHECK_EQ(realm_call(gate, 2, NULL, 0, NULL, REALM_FOREVER), 0);
    for (unsigned i = 0; i < CHANNELS; i++) {
        call_echo(channels[i], i, 64);
        realm_disconnect(channels[i]);
    }
    realm_disconnect(gate);
    realm_close(realm);
    return 0;
}

Test(connect, a_provider_in_a_call_takes_clients)
{
    /* Goal: what comes right behind an answer is not left lying, and a realm in a call acknowledges. */
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct sim_world *world = sim_world_new(seed);
        sim_world_cpus(world, seed % 2 + 1);
        sim_world_waiter(world, seed % 4 < 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
        sim_world_add_realm(world, "provider", provider_in_a_call, NULL);
        sim_world_add_realm(world, "gate", gate_keeper, NULL);
        sim_world_add_realm(world, "crowd", crowd_of_channels, NULL);
        run_clean(world, 3);
        sim_world_free(world);
    }
}

static int refused_client(void *argument)
{
    (void)argument;
    struct realm *realm = opened();
    struct realm_channel *channel = NULL;
    char long_name[300];
    memset(long_name, 'a', sizeof long_name);
    long_name[299] = '\0';
    const char *bad[] = {"", long_name, "a\nb", "\xff\xfe"};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(realm_connect(realm, bad[i], REALM_SEC, &channel), REALM_E_BAD_NAME);
    CHECK_EQ(realm_connect(realm, "nobody", REALM_POLL, &channel), REALM_E_NO_SERVICE);
    CHECK(channel == NULL);
    CHECK_EQ(strcmp(realm_name(realm), "client"), 0);
    CHECK(realm_self(realm).value != 0);
    CHECK_EQ(realm_file(realm, "none"), -2); /* ENOENT */
    struct realm_spawn spawn = {.program = "child"};
    CHECK_EQ(realm_spawn(realm, &spawn, NULL), REALM_E_NOT_CHILD);
    CHECK_EQ(realm_kill(realm, "child"), REALM_E_NOT_CHILD);
    CHECK_EQ(realm_grant(realm, "child", "service"), REALM_E_NOT_CHILD);
    const char *many[66] = {NULL};
    for (unsigned i = 0; i < 65; i++)
        many[i] = "x";
    spawn.args = many;
    CHECK_EQ(realm_spawn(realm, &spawn, NULL), REALM_E_TOO_BIG);
    realm_close(realm);
    realm_close(NULL);
    return 0;
}

Test(connect, refusals_leave_nothing)
{
    /* Goal: bad names and refusals come back as their codes, and outputs stay untouched. */
    struct sim_world *world = sim_world_new(2);
    sim_world_add_realm(world, "client", refused_client, NULL);
    run_clean(world, 1);
    sim_world_free(world);
}

Test(connect, a_process_that_is_no_realm_is_told_so)
{
    /* Goal: realm_open outside a realm fails and leaves its output alone. */
    struct realm *realm = NULL;
    CHECK_EQ(realm_open(&realm), REALM_E_BAD_ARGUMENT);
    CHECK(realm == NULL);
}

static int as_many_as_can_be(void *argument)
{
    static struct realm_channel *channels[REALM_CONTROL_SLOTS];
    struct realm *realm = opened();
    struct realm_channel *more = NULL;
    (void)argument;
    for (unsigned i = 0; i < REALM_CONTROL_SLOTS; i++)
        channels[i] = connected(realm, "full");
    CHECK_EQ(realm_connect(realm, "full", REALM_FOREVER, &more), REALM_E_LIMIT);
    CHECK(more == NULL);
    realm_disconnect(channels[0]);
    channels[0] = connected(realm, "full");
    CHECK_EQ(realm_connect(realm, "full", REALM_FOREVER, &more), REALM_E_LIMIT);
    realm_close(realm);
    return 0;
}

Test(connect, one_channel_too_many)
{
    /* Goal: a realm that has a channel in each of its slots is refused another, and one that it gives back it
     * can have again. */
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "server", echo_server, NAMED("full"));
    sim_world_add_realm(world, "client", as_many_as_can_be, NULL);
    run_clean(world, 2);
    CHECK_EQ(sim_manager_left(world), 0);
    sim_world_free(world);
}

static int lets_go_of(struct realm *realm, uint64_t cookie, enum realm_control_type type)
{
    struct realm_control_cookie request = {.cookie = cookie};
    return realm_control_simple(realm, &request, type, NULL);
}

static int names_what_it_has_not(void *argument)
{
    struct realm *realm = opened();
    struct realm_endpoint *endpoint = NULL;
    (void)argument;
    CHECK_EQ(realm_create(realm, echo, NULL, &endpoint), 0);
    struct realm_channel *channel = connected(realm, "other");
    const uint64_t cookie = realm_channel_capability(channel), served = realm_endpoint_capability(endpoint);
    CHECK_EQ(lets_go_of(realm, cookie + 1, REALM_CONTROL_DISCONNECT), REALM_E_INCAPABLE);
    CHECK_EQ(lets_go_of(realm, cookie + 1, REALM_CONTROL_UNREGISTER), REALM_E_INCAPABLE);
    CHECK_EQ(lets_go_of(realm, served, REALM_CONTROL_DISCONNECT), REALM_E_STALE);
    CHECK_EQ(lets_go_of(realm, cookie, REALM_CONTROL_UNREGISTER), REALM_E_STALE);
    call_echo(channel, 1, 8);
    realm_disconnect(channel);
    CHECK_EQ(lets_go_of(realm, cookie, REALM_CONTROL_DISCONNECT), REALM_E_STALE);
    realm_close(realm);
    return 0;
}

Test(connect, wrong_cookies)
{
    /* Goal: DISCONNECT and UNREGISTER of what never was the realm's, of what is something else, and of what
     * it let go of, are answered as by the broker, and nothing is closed by them. */
    struct sim_world *world = sim_world_new(1);
    sim_world_add_realm(world, "server", echo_server, NAMED("other"));
    sim_world_add_realm(world, "client", names_what_it_has_not, NULL);
    run_clean(world, 2);
    CHECK_EQ(sim_manager_left(world), 0);
    sim_world_free(world);
}
