/*
 * workers serve COUNT [MORE], or workers call STEP...: a service with worker threads, and who calls it.
 *
 * The server starts MORE workers first, if that is given, and says what came of it. The client does the steps
 * in their order and prints what came of each:
 *     turns    400 calls one after the other; how many each worker served
 *     meet     four calls at once that end only when four workers are in them
 *     flood    20 000 calls and as many one-way messages and notifications; what was served in all
 *     hold     four calls that are at work until they are let go; how they end
 *     again    connects anew
 *     go       lets go those that are held
 */
#include <realm/realm.h>

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/realms/steps.h"

#define FLOOD 20000u

enum op { OP_WHO = 1, OP_MEET, OP_ADD, OP_SUM, OP_HOLD, OP_LET_GO };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static unsigned inside;
static bool let_go;

/* A worker's own; the sum of all is asked for when none is at work any more. */
struct own {
    uint64_t number, calls, sends;
};
static struct own owns[REALM_WORKERS_MAX];

static void meet(void)
{
    pthread_mutex_lock(&lock);
    if (++inside == 4)
        pthread_cond_broadcast(&change);
    while (inside < 4)
        pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static void hold(bool open)
{
    pthread_mutex_lock(&lock);
    let_go |= open;
    pthread_cond_broadcast(&change);
    while (!let_go)
        pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static int32_t work(const struct realm_request *request, struct realm_answer *answer, void *context)
{
    struct own *own = context;
    answer->value = own->number;
    if (request->bits != 0)
        return 0;
    switch ((enum op)request->op) {
    case OP_WHO:
        return 0;
    case OP_MEET:
        meet();
        return 0;
    case OP_ADD:
        if (request->token == 0) {
            own->sends++;
            return 0;
        }
        own->calls++;
        memcpy(answer->data, request->data, request->size);
        answer->size = request->size;
        return (int32_t)request->size;
    case OP_SUM:
        answer->value = 0;
        for (unsigned i = 0; i < REALM_WORKERS_MAX; i++)
            answer->value += owns[i].calls << 32 | owns[i].sends;
        return 0;
    case OP_HOLD:
    case OP_LET_GO:
        hold(request->op == OP_LET_GO);
        return 0;
    }
    return -1;
}

static int serve(struct realm *realm, char **words)
{
    void *contexts[REALM_WORKERS_MAX];
    struct realm_endpoint *endpoint;
    for (unsigned i = 0; i < REALM_WORKERS_MAX; i++) {
        owns[i].number = i;
        contexts[i] = &owns[i];
    }
    int error = realm_register(realm, "workers", NULL, NULL, &endpoint);
    if (!error && words[1])
        realm_log(realm, "%s workers: %s", words[1],
                  realm_error_name(
                      realm_workers_start(endpoint, (unsigned)strtoul(words[1], NULL, 10), work, contexts)));
    if (!error)
        error = realm_workers_start(endpoint, (unsigned)strtoul(words[0], NULL, 10), work, contexts);
    return error ? error : realm_run(realm);
}

/* --- the client --- */

struct tally {
    unsigned open, wrong;
    int last;
};

static void count(struct realm *realm, const struct realm_completion *completion, void *context)
{
    (void)realm;
    struct tally *tally = context;
    tally->open--;
    tally->last = completion->result;
    tally->wrong += completion->result == 0 && (completion->size != (size_t)completion->status ||
                                                (completion->size == 8 && completion->data == NULL));
}

static int turns(struct realm *realm, struct realm_channel **channel)
{
    unsigned served[REALM_WORKERS_MAX] = {0};
    int error = 0;
    for (unsigned i = 0; i < 400 && !error; i++) {
        struct realm_reply reply = {.data = NULL};
        error = realm_call(*channel, OP_WHO, NULL, 0, &reply, 20 * REALM_SEC);
        if (!error && reply.value < REALM_WORKERS_MAX)
            served[reply.value]++;
    }
    realm_log(realm, "turns %s %u %u %u %u", realm_error_name(error), served[0], served[1], served[2],
              served[3]);
    return error;
}

static int several(struct realm *realm, struct realm_channel *channel, enum op op, unsigned wanted)
{
    struct tally tally = {0};
    int error = 0;
    for (; tally.open < wanted && !error; tally.open++)
        error = realm_call_start(channel, op, NULL, 0, 20 * REALM_SEC, count, &tally, NULL);
    if (op == OP_HOLD)
        realm_log(realm, "holding");
    while (tally.open != 0 && !error)
        error = realm_run_once(realm, 20 * REALM_SEC);
    realm_log(realm, "%s %s last %s", op == OP_HOLD ? "hold" : "meet", realm_error_name(error),
              realm_error_name(tally.last));
    return error;
}

static int meet_all(struct realm *realm, struct realm_channel **channel)
{
    return several(realm, *channel, OP_MEET, 4);
}

static int hold_all(struct realm *realm, struct realm_channel **channel)
{
    return several(realm, *channel, OP_HOLD, 4);
}

static int again(struct realm *realm, struct realm_channel **channel)
{
    realm_disconnect(*channel);
    return realm_connect(realm, "workers", 20 * REALM_SEC, channel);
}

static int go(struct realm *realm, struct realm_channel **channel)
{
    int error = realm_call(*channel, OP_LET_GO, NULL, 0, NULL, 20 * REALM_SEC);
    realm_log(realm, "go %s", realm_error_name(error));
    return error;
}

static int flood(struct realm *realm, struct realm_channel **channel)
{
    struct tally tally = {0};
    struct realm_reply sum = {.data = NULL};
    int error = 0;
    for (uint64_t i = 0; i < FLOOD && !error;) {
        error = tally.open < 24
                    ? realm_call_start(*channel, OP_ADD, &i, i % 9u, 20 * REALM_SEC, count, &tally, NULL)
                    : REALM_E_QUEUE_FULL;
        if (error == REALM_E_QUEUE_FULL) {
            error = realm_run_once(realm, 20 * REALM_SEC);
            continue;
        }
        tally.open++;
        i++;
        if (!error)
            error = realm_send(*channel, OP_ADD, NULL, 0, 20 * REALM_SEC);
        if (!error)
            error = realm_notify(*channel, UINT64_C(1) << i % 64u);
    }
    while (tally.open != 0 && !error)
        error = realm_run_once(realm, 20 * REALM_SEC);
    /* The last one-way messages may still be at work when the last call is answered. */
    for (unsigned tries = 0; tries < 1000 && !error && (uint32_t)sum.value != FLOOD; tries++)
        error = realm_call(*channel, OP_SUM, NULL, 0, &sum, 20 * REALM_SEC);
    realm_log(realm, "flood %s wrong %u calls %" PRIu64 " sends %" PRIu32, realm_error_name(error),
              tally.wrong, sum.value >> 32, (uint32_t)sum.value);
    return error;
}

int main(int argc, char **argv)
{
    static const struct step table[] = {{"turns", turns},
                                        {"meet", meet_all},
                                        {"flood", flood},
                                        {"hold", hold_all},
                                        {"again", again},
                                        {"go", go},
                                        {0}};
    return steps_main(&(struct steps){"workers", serve, table}, argc, argv);
}
