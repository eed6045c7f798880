/*
 * iceoryx 2.0, polling: a topic each way, written into the chunk in place; the receiver looks for the next
 * chunk without sleeping. A queue of one chunk and no history, as its documents have it for low latency. Its
 * daemon, RouDi, runs only as long as this does; monitoring is off, so that it does not wake up meanwhile.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <iceoryx_binding_c/enums.h>
#include <iceoryx_binding_c/types.h>
#include <iceoryx_binding_c/publisher.h>
#include <iceoryx_binding_c/runtime.h>
#include <iceoryx_binding_c/subscriber.h>

#include "bench/peers/peer.h"
#include "librealm/ring/atomics.h"

#define NAME "realm-bench-%s-%d"

static iox_pub_storage_t publisher_memory;
static iox_sub_storage_t subscriber_memory;
static iox_pub_t publisher;
static iox_sub_t subscriber;

static int prepare(void)
{
    static const char *const words[] = {"iox-roudi", "-m", "off", "-l", "off", NULL};

    return peer_daemon(words) < 0 ? peer_failed("iox-roudi") : 0;
}

static int open_with(const char *side, const char *out, const char *in)
{
    char name[64];
    iox_pub_options_t pub;
    iox_sub_options_t sub;

    snprintf(name, sizeof name, NAME, side, (int)peer_family());
    iox_runtime_init(name); /* waits for the daemon */
    iox_pub_options_init(&pub);
    pub.historyCapacity = 0;
    publisher = iox_pub_init(&publisher_memory, "RealmBench", "Pair", out, &pub);
    iox_sub_options_init(&sub);
    sub.queueCapacity = 1;
    sub.historyRequest = 0;
    subscriber = iox_sub_init(&subscriber_memory, "RealmBench", "Pair", in, &sub);
    while (iox_sub_get_subscription_state(subscriber) != SubscribeState_SUBSCRIBED ||
           !iox_pub_has_subscribers(publisher)) {
        if (peer_over())
            return 1;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

static int open_server(void)
{
    return open_with("server", "Reply", "Request");
}

static int open_client(void)
{
    return open_with("client", "Request", "Reply");
}

static int receive(void *bytes, size_t size)
{
    const void *chunk;

    while (iox_sub_take_chunk(subscriber, &chunk) != ChunkReceiveResult_SUCCESS) {
        if (peer_over())
            return 1;
        realm_spin_pause();
    }
    memcpy(bytes, chunk, size);
    iox_sub_release_chunk(subscriber, chunk);
    return 0;
}

static int reply_to(const void *bytes, size_t size)
{
    void *chunk;

    if (iox_pub_loan_chunk(publisher, &chunk, (uint32_t)size) != AllocationResult_SUCCESS)
        return 1;
    memcpy(chunk, bytes, size);
    iox_pub_publish_chunk(publisher, chunk);
    return 0;
}

static int ask(const void *request, void *reply, size_t size)
{
    return reply_to(request, size) || receive(reply, size);
}

/* RouDi aborts, and leaves its memory behind, if it finds at its end that somebody has left without this. */
static void leave(void)
{
    iox_sub_deinit(subscriber);
    iox_pub_deinit(publisher);
    iox_runtime_shutdown();
}

/* The library keeps a lock file for each name it has run under. */
static void remove_lock(const char *side)
{
    char path[96];

    snprintf(path, sizeof path, "/tmp/" NAME ".lock", side, (int)peer_family());
    unlink(path);
}

static void tidy(void)
{
    remove_lock("server");
    remove_lock("client");
}

int main(int argc, char **argv)
{
    return peer_main(
        argc, argv,
        &(struct peer_way){prepare, open_server, open_client, ask, receive, reply_to, leave, tidy});
}
