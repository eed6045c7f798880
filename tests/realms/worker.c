/*
 * A realm for the integration tests, through librealm: its arguments are steps, done in order.
 *
 *   serve NAME          register NAME with the echo handler (a later `run` serves it)
 *   pull NAME N         register NAME without a handler and take N requests with realm_receive
 *   run                 run the loop until asked to stop
 *   connect NAME        connect and keep the channel
 *   refuse NAME         connect, and it must be denied
 *   call N              N echo calls on the last channel, each checked
 *   fill                one-way messages on the last channel until no more fit; their number is printed
 *   count               how many requests its server has served, printed
 *   poke OP             one call of that operation; its error is printed
 *   many NAME N         N channels to NAME, a call on each, round after round of them until stopped, N > 0
 *   lasting             calls on the last channel until one fails; its error is printed
 *   spawn NAME          realm_spawn
 *   spawn-as PROG NAME  realm_spawn of a template
 *   kill NAME           realm_kill
 *   grant CHILD SERVICE realm_grant
 *   wait MS             run the loop for that long
 *   disconnect          the last channel
 *   say WORD            print it
 *   exit N | abort | die   end so; die is a fault: the first process of a namespace cannot kill itself
 *
 * Each step that fails prints "<step>: <error name>" and ends the realm with status 1, except `poke`,
 * `refuse` and `lasting`, whose result is the point.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <realm/realm.h>

enum { OP_ECHO = 1, OP_DIE = 2, OP_SILENT = 3, OP_TWICE = 4, OP_COUNT = 5 };

static struct realm *realm;
static struct realm_channel *channel;
static uint64_t served;

static void echo(struct realm *self, const struct realm_request *request, void *context)
{
    (void)context;
    served++;
    switch (request->op) {
    case OP_DIE:
        __builtin_trap();
        break;
    case OP_SILENT:
        return;
    case OP_TWICE: {
        int first = realm_reply(self, request->token, 0, 0, NULL, 0);
        int second = realm_reply(self, request->token, 0, 0, NULL, 0);
        printf("twice %s %s\n", realm_error_name(first), realm_error_name(second));
        return;
    }
    case OP_COUNT:
        realm_reply(self, request->token, 0, served, NULL, 0);
        return;
    default:
        if (request->token)
            realm_reply(self, request->token, 0, request->op, request->data, request->size);
    }
}

static void check(const char *step, int error)
{
    if (error == 0)
        return;
    if (error == REALM_E_STOPPED)
        exit(0);
    printf("%s: %s\n", step, error > 0 ? realm_error_name(error) : strerror(-error));
    exit(1);
}

static int echo_once(struct realm_channel *over, uint64_t number, uint64_t timeout_ns)
{
    uint8_t data[64], back[64];
    struct realm_reply reply = {.data = back, .capacity = sizeof back};

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(number + i);
    int error = realm_call(over, OP_ECHO, data, sizeof data, &reply, timeout_ns);
    if (error)
        return error;
    if (reply.status != 0 || reply.value != OP_ECHO || reply.size != sizeof data ||
        memcmp(data, back, sizeof data) != 0) {
        printf("a wrong echo\n");
        exit(1);
    }
    return 0;
}

static void pull(const char *name, unsigned long count)
{
    static struct realm_request request;
    struct realm_endpoint *endpoint;

    check("pull", realm_register(realm, name, NULL, NULL, &endpoint));
    for (unsigned long i = 0; i < count; i++) {
        check("receive", realm_receive(endpoint, &request, REALM_FOREVER));
        echo(realm, &request, NULL);
    }
}

static void many(const char *name, unsigned long count)
{
    struct realm_channel **channels = calloc(count, sizeof *channels);

    if (!channels)
        exit(1);
    for (unsigned long i = 0; i < count; i++) {
        int error = realm_connect(realm, name, 20 * REALM_SEC, &channels[i]);
        check("many", error);
    }
    for (unsigned long round = 0; round < 3; round++)
        for (unsigned long i = 0; i < count; i++)
            check("many", echo_once(channels[i], i, 20 * REALM_SEC));
    printf("many %lu done\n", count);
    free(channels);
}

static void lasting(void)
{
    uint64_t calls = 0;
    int error;

    fflush(stdout);
    while ((error = echo_once(channel, calls, 10 * REALM_SEC)) == 0) {
        if (++calls == 1000) {
            printf("lasting\n");
            fflush(stdout);
        }
    }
    printf("lasted until %s\n", error > 0 ? realm_error_name(error) : strerror(-error));
}

static void fill(void)
{
    unsigned long count = 0;
    int error;

    while ((error = realm_send(channel, OP_SILENT, &count, sizeof count, REALM_POLL)) == 0)
        count++;
    printf("filled %lu until %s\n", count, error > 0 ? realm_error_name(error) : strerror(-error));
}

static void count_served(void)
{
    struct realm_reply reply = {0};

    check("count", realm_call(channel, OP_COUNT, NULL, 0, &reply, 20 * REALM_SEC));
    printf("served %" PRIu64 "\n", reply.value - 1);
}

/* Does one step; returns how many words it took. */
static int step(char **word)
{
    const char *what = word[0];
    int error;

    if (strcmp(what, "serve") == 0) {
        check(what, realm_register(realm, word[1], echo, NULL, NULL));
        return 2;
    } else if (strcmp(what, "pull") == 0) {
        pull(word[1], strtoul(word[2], NULL, 10));
        return 3;
    } else if (strcmp(what, "run") == 0) {
        error = realm_run(realm);
        printf("ran: %s\n", error > 0 ? realm_error_name(error) : error ? strerror(-error) : "stopped");
    } else if (strcmp(what, "connect") == 0) {
        check(what, realm_connect(realm, word[1], 20 * REALM_SEC, &channel));
        return 2;
    } else if (strcmp(what, "refuse") == 0) {
        error = realm_connect(realm, word[1], 20 * REALM_SEC, &channel);
        printf("refused: %s\n", realm_error_name(error));
        return 2;
    } else if (strcmp(what, "call") == 0) {
        unsigned long count = strtoul(word[1], NULL, 10);
        for (unsigned long i = 0; i < count; i++)
            check(what, echo_once(channel, i, 20 * REALM_SEC));
        printf("called %lu\n", count);
        return 2;
    } else if (strcmp(what, "poke") == 0) {
        error = realm_call(channel, strtoul(word[1], NULL, 10), "poke", 4, NULL, 2 * REALM_SEC);
        printf("poked: %s\n", error > 0 ? realm_error_name(error) : error ? strerror(-error) : "answered");
        return 2;
    } else if (strcmp(what, "fill") == 0) {
        fill();
    } else if (strcmp(what, "count") == 0) {
        count_served();
    } else if (strcmp(what, "many") == 0) {
        many(word[1], strtoul(word[2], NULL, 10));
        return 3;
    } else if (strcmp(what, "lasting") == 0) {
        lasting();
    } else if (strcmp(what, "spawn") == 0) {
        struct realm_spawn spawn = {.program = word[1]};
        check(what, realm_spawn(realm, &spawn, NULL));
        return 2;
    } else if (strcmp(what, "spawn-as") == 0) {
        struct realm_spawn spawn = {.program = word[1], .name = word[2]};
        check(what, realm_spawn(realm, &spawn, NULL));
        return 3;
    } else if (strcmp(what, "kill") == 0) {
        check(what, realm_kill(realm, word[1]));
        return 2;
    } else if (strcmp(what, "grant") == 0) {
        check(what, realm_grant(realm, word[1], word[2]));
        return 3;
    } else if (strcmp(what, "wait") == 0) {
        uint64_t end = realm_now_ns(realm) + strtoul(word[1], NULL, 10) * REALM_MSEC, now;
        while ((now = realm_now_ns(realm)) < end) {
            error = realm_run_once(realm, end - now);
            if (error && error != REALM_E_TIMEOUT && error != REALM_E_WOULD_BLOCK)
                check(what, error);
        }
        return 2;
    } else if (strcmp(what, "disconnect") == 0) {
        realm_disconnect(channel);
        channel = NULL;
    } else if (strcmp(what, "say") == 0) {
        printf("%s\n", word[1]);
        return 2;
    } else if (strcmp(what, "exit") == 0) {
        exit(atoi(word[1]));
    } else if (strcmp(what, "abort") == 0) {
        abort();
    } else if (strcmp(what, "die") == 0) {
        __builtin_trap();
    } else {
        printf("worker: no step '%s'\n", what);
        exit(2);
    }
    return 1;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* "early-die": before the realm is even opened. */
    if (argc > 1 && strcmp(argv[1], "early-die") == 0)
        __builtin_trap();
    check("open", realm_open(&realm));
    for (int at = 1; at < argc;)
        at += step(argv + at);
    realm_close(realm);
    return 0;
}
