/*
 * A hostile peer for the integration tests that speaks through librealm, so that it gets far, and flips bits
 * in its own regions as it goes: in the words of the bookkeeping and in the queues, while the other side
 * works with them. And its victim, which goes on after every error.
 *
 *   flipper serve NAME      serves NAME by echo, and flips
 *   flipper call NAME N     N calls and one-way messages to NAME, flipping before, after and meanwhile
 *   flipper victim NAME N   N calls to NAME; connects anew when a channel ends; prints how many were answered
 *
 * When a channel was closed for what it did, the flipper connects again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/realm.h>

#include "librealm/client/internal.h"

#define TIMEOUT (20 * REALM_MSEC)
#define SLOTS   64u

static struct realm *realm;
static uint64_t state = 88172645463325252u;

static uint64_t draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Some bits of one's own region: in words of each kind, or in the entries, those of all queues. */
static void flip_region(struct realm_region *own)
{
    static const uint16_t words[] = {0,   4,   8,   12,  16,  128, 132, 136, 140,
                                     144, 192, 196, 200, 204, 208, 212, 216, 220};
    for (uint64_t left = 1 + draw() % 3; left != 0; left--) {
        uint64_t drawn = draw();
        size_t at;
        if (drawn % 2 == 0)
            at = words[drawn / 2 % (sizeof words / sizeof words[0])] + drawn / 64 % 4;
        else
            at = drawn / 2 % 4 * (REALM_REGION_DEFAULT_BYTES / 4) + 256 +
                 drawn / 8 % (drawn / 4096 % 2 ? 512 : 7936);
        uint8_t *byte = (uint8_t *)own + at;
        __atomic_store_n(byte, (uint8_t)(*byte ^ 1u << drawn / 65536 % 8), __ATOMIC_RELAXED);
    }
}

static void flip(void)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        struct realm_link *link = realm_link_of_slot(realm, slot);
        if (link && link->own)
            flip_region(link->own);
    }
}

static int check(const char *what, int error)
{
    if (error == 0)
        return 0;
    printf("flipper: %s: %s\n", what, error > 0 ? realm_error_name(error) : strerror(-error));
    exit(error == REALM_E_STOPPED ? 0 : 1);
}

/* --- as a server --- */

static void echo(struct realm *self, const struct realm_request *request, void *context)
{
    (void)context;
    if (draw() % 4 == 0)
        flip();
    if (request->token)
        (void)realm_reply(self, request->token, 0, request->op, request->data, request->size);
    if (draw() % 4 == 0)
        flip();
}

static int serve(const char *name)
{
    int error = 0;
    check("register", realm_register(realm, name, echo, NULL, NULL));
    while (error == 0 || error == REALM_E_TIMEOUT || error == REALM_E_WOULD_BLOCK) {
        error = realm_run_once(realm, REALM_MSEC);
        if (draw() % 8 == 0)
            flip();
    }
    return error != REALM_E_STOPPED;
}

/* --- as a client --- */

/* The channel, or another one if it has ended. */
static struct realm_channel *connected(struct realm_channel *channel, const char *name)
{
    if (channel)
        realm_disconnect(channel);
    check("connect", realm_connect(realm, name, 20 * REALM_SEC, &channel));
    return channel;
}

static bool is_over(int error)
{
    return error != 0 && error != REALM_E_TIMEOUT && error != REALM_E_QUEUE_FULL && error != REALM_E_SHORT;
}

static int call(const char *name, unsigned long count)
{
    static uint8_t data[REALM_PAYLOAD_MAX];
    struct realm_channel *channel = connected(NULL, name);
    unsigned long answered = 0, channels = 1;
    for (unsigned long i = 0; i < count; i++) {
        const size_t size = draw() % 8 ? draw() % 100 : draw() % sizeof data;
        const enum realm_priority priority = (enum realm_priority)(draw() % 4);
        int error;
        if (draw() % 4 == 0)
            flip();
        if (draw() % 4 == 0) {
            struct realm_reply reply = {.data = data, .capacity = sizeof data};
            error = realm_call_at(channel, priority, 1, data, size, &reply, TIMEOUT);
            answered += error == 0;
        } else {
            error = realm_send_at(channel, priority, 1, data, size, TIMEOUT);
            for (uint64_t left = draw() % 16; !error && left != 0; left--)
                flip(); /* while it is being taken */
        }
        if (!is_over(error) && draw() % 64 != 0)
            continue;
        channel = connected(channel, name);
        channels++;
    }
    printf("flipped %lu, %lu answered, %lu channels\n", count, answered, channels);
    return 0;
}

static int victim(const char *name, unsigned long count)
{
    struct realm_channel *channel = connected(NULL, name);
    unsigned long answered = 0, channels = 1;
    for (unsigned long i = 0; i < count; i++) {
        const size_t size = draw() % 8 ? draw() % 100 : draw() % REALM_PAYLOAD_MAX;
        const size_t capacity = draw() % 2 ? REALM_PAYLOAD_MAX : size;
        /* Exactly as large, for the sanitizer. */
        uint8_t *data = malloc(size + 1), *back = malloc(capacity + 1);
        if (!data || !back)
            return 1;
        memset(data, (int)i, size);
        struct realm_reply reply = {.data = back, .capacity = capacity};
        int error = realm_call(channel, i, data, size, &reply, TIMEOUT);
        if (error == 0 && reply.size > capacity)
            return 1;
        answered += error == 0;
        free(data);
        free(back);
        if (is_over(error)) {
            channel = connected(channel, name);
            channels++;
        }
    }
    printf("called %lu, %lu answered, %lu channels\n", count, answered, channels);
    return answered == 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    check("open", realm_open(&realm));
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc == 4 && strcmp(argv[1], "call") == 0)
        return call(argv[2], strtoul(argv[3], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "victim") == 0)
        return victim(argv[2], strtoul(argv[3], NULL, 10));
    printf("flipper: usage: serve NAME | call NAME N | victim NAME N\n");
    return 2;
}
