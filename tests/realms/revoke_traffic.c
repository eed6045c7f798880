/*
 * A realm whose channel is revoked again and again: connect, traffic, the error, connect anew.
 *
 *   serve NAME...   answers on each of them: a call is echoed, but one of operation 2 never is
 *   call            calls of 4096 bytes over "shared", each reply checked: both ends copy all the time
 *   sleep           a call that is never answered: both ends are asleep
 *   send            one-way messages as fast as they go: the server copies, the client copies or waits for
 * room
 *
 * The payload of a message is one byte, repeated, and never zero: a copy that was overtaken by the loss of
 * the memory would not be. A client prints "up" when its traffic has begun, and "down ERROR NS" with the
 * monotonic clock when it has ended. Its second channel, to "steady", must carry a call after every
 * revocation.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <realm/realm.h>

#define BOUND (10 * REALM_SEC)

enum { OP_ECHO = 1, OP_HOLD = 2 };

static struct realm *realm;
static uint8_t sent[REALM_PAYLOAD_MAX], back[REALM_PAYLOAD_MAX];

static void fail(const char *what, int error)
{
    printf("failed: %s %s\n", what, error > 0 ? realm_error_name(error) : strerror(-error));
    exit(error == REALM_E_STOPPED ? 0 : 1);
}

static int is_uniform(const uint8_t *data, size_t size)
{
    return size == 0 || (data[0] != 0 && memcmp(data, data + 1, size - 1) == 0);
}

static void answer(struct realm *self, const struct realm_request *request, void *context)
{
    (void)context;
    if (!is_uniform(request->data, request->size))
        fail("a torn request", 0);
    if (request->token == 0 || request->op == OP_HOLD)
        return;
    int error = realm_reply(self, request->token, 0, request->op, request->data, request->size);
    if (error != 0 && error != REALM_E_STALE)
        fail("reply", error);
}

static int serve(int count, char **names)
{
    for (int i = 0; i < count; i++) {
        int error = realm_register(realm, names[i], answer, NULL, NULL);
        if (error)
            fail("register", error);
    }
    int error = realm_run(realm);
    if (error)
        fail("run", error);
    realm_close(realm);
    return 0;
}

static int call(struct realm_channel *channel, unsigned number, size_t size)
{
    struct realm_reply reply = {.data = back, .capacity = sizeof back};
    memset(sent, (int)(number % 255) + 1, size);
    int error = realm_call(channel, OP_ECHO, sent, size, &reply, BOUND);
    if (error == 0 && (reply.size != size || memcmp(sent, back, size) != 0))
        fail("a torn reply", 0);
    return error;
}

static int traffic(struct realm_channel *channel, const char *kind, unsigned number)
{
    if (strcmp(kind, "call") == 0)
        return call(channel, number, REALM_PAYLOAD_MAX);
    memset(sent, (int)(number % 255) + 1, sizeof sent);
    if (strcmp(kind, "sleep") == 0)
        return realm_call(channel, OP_HOLD, sent, 100, NULL, BOUND);
    return realm_send(channel, OP_ECHO, sent, number % 2 ? sizeof sent : 1000, BOUND);
}

static struct realm_channel *connect_to(const char *service)
{
    struct realm_channel *channel = NULL;
    int error = realm_connect(realm, service, BOUND, &channel);
    if (error)
        fail("connect", error);
    return channel;
}

static void say_down(int error)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("down %s %" PRIu64 "\n", realm_error_name(error),
           (uint64_t)now.tv_sec * REALM_SEC + (uint64_t)now.tv_nsec);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int error = realm_open(&realm);
    if (error || argc < 2)
        fail("open", error);
    if (strcmp(argv[1], "serve") == 0)
        return serve(argc - 2, argv + 2);
    struct realm_channel *steady = connect_to("steady");
    for (;;) {
        struct realm_channel *channel = connect_to("shared");
        unsigned number = 0;
        error = call(channel, number++, 64);
        puts("up");
        while (error == 0)
            error = traffic(channel, argv[1], number++);
        say_down(error);
        realm_disconnect(channel);
        error = call(steady, number, 500);
        if (error)
            fail("steady", error);
    }
}
