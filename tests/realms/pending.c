/*
 * pending serve SERVICE, or pending call STEP...: asynchronous calls on the real system.
 *
 * The server echoes with value + 1, but never answers HOLD. The client does the steps in their order and
 * prints what came of each:
 *     flood   many calls with payloads of all sizes, 32 under way at a time, mixed with calls that wait
 *     late    calls that are not answered, with a deadline, then their late answers
 *     hold    as many calls as fit that nobody answers; how they all end
 */
#include <realm/realm.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/realms/steps.h"

#define HOLD   UINT64_C(1000000)
#define LET_GO (HOLD + 1)
#define FLOOD  20000u
#define HELD   40u

struct tally {
    unsigned open, ended, wrong;
    int last; /* how the last one ended */
};

struct held {
    uint64_t tokens[64];
    unsigned count;
};

static void serve_one(struct realm *realm, const struct realm_request *request, void *context)
{
    struct held *held = context;
    if (request->op == HOLD && held->count < 64) {
        held->tokens[held->count++] = request->token;
        return;
    }
    if (request->op == LET_GO) {
        while (held->count != 0)
            realm_reply(realm, held->tokens[--held->count], 0, 0, NULL, 0);
    }
    realm_reply(realm, request->token, 0, request->op + 1, request->data, request->size);
}

static int serve(struct realm *realm, char **words)
{
    static struct held held;
    int error = realm_register(realm, words[0], serve_one, &held, NULL);
    return error ? error : realm_run(realm);
}

static void count(struct realm *realm, const struct realm_completion *completion, void *context)
{
    (void)realm;
    struct tally *tally = context;
    tally->open--;
    tally->ended++;
    tally->last = completion->result;
    if (completion->result != 0)
        return;
    const uint8_t *data = completion->data;
    const uint64_t op = completion->value - 1;
    bool wrong = completion->size != op * 97u % (REALM_PAYLOAD_MAX + 1u);
    for (size_t i = 0; i < completion->size && !wrong; i++)
        wrong = data[i] != (uint8_t)(op + i);
    tally->wrong += wrong;
}

static size_t fill(uint8_t *data, uint64_t op)
{
    const size_t size = op * 97u % (REALM_PAYLOAD_MAX + 1u);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(op + i);
    return size;
}

static int flood(struct realm *realm, struct realm_channel **channel)
{
    static uint8_t data[REALM_PAYLOAD_MAX];
    struct tally tally = {0};
    uint64_t waited = 0;
    int error = 0;
    for (uint64_t op = 0; op < FLOOD && !error;) {
        size_t size = fill(data, op);
        error = tally.open < 32
                    ? realm_call_start(*channel, op, data, size, 20 * REALM_SEC, count, &tally, NULL)
                    : REALM_E_QUEUE_FULL;
        if (error == REALM_E_QUEUE_FULL) {
            error = realm_run_once(realm, 20 * REALM_SEC);
            continue;
        }
        tally.open++;
        if (++op % 64 == 0 && !error) {
            struct realm_reply reply = {.data = NULL};
            error = realm_call(*channel, op, NULL, 0, &reply, 20 * REALM_SEC);
            waited += !error && reply.value == op + 1;
        }
    }
    while (tally.open != 0 && !error)
        error = realm_run_once(realm, 20 * REALM_SEC);
    realm_log(realm, "flood %s ended %u wrong %u last %d waited %u late %u", realm_error_name(error),
              tally.ended, tally.wrong, tally.last, (unsigned)waited,
              (unsigned)realm_channel_late_replies(*channel));
    return error;
}

static int late(struct realm *realm, struct realm_channel **channel)
{
    struct tally tally = {0};
    int error = 0;
    for (unsigned i = 0; i < 10 && !error; i++, tally.open++)
        error = realm_call_start(*channel, HOLD, NULL, 0, 20 * REALM_MSEC, count, &tally, NULL);
    while (tally.open != 0 && !error)
        error = realm_run_once(realm, 20 * REALM_SEC);
    if (!error)
        error = realm_call(*channel, LET_GO, NULL, 0, NULL, 20 * REALM_SEC);
    realm_log(realm, "late %s ended %u last %s late %u", realm_error_name(error), tally.ended,
              realm_error_name(tally.last), (unsigned)realm_channel_late_replies(*channel));
    return error;
}

static int hold(struct realm *realm, struct realm_channel **channel)
{
    struct tally tally = {0};
    int error = 0;
    while (tally.open < HELD && !error) {
        error = realm_call_start(*channel, HOLD, NULL, 0, REALM_FOREVER, count, &tally, NULL);
        if (error == REALM_E_QUEUE_FULL) {
            error = realm_run_once(realm, REALM_MSEC);
            error = error == REALM_E_TIMEOUT ? 0 : error;
        } else {
            tally.open++;
        }
    }
    realm_log(realm, "holding %u", tally.open);
    while (tally.open != 0 && !error)
        error = realm_run_once(realm, REALM_FOREVER);
    realm_log(realm, "hold %s ended %u last %s", realm_error_name(error), tally.ended,
              realm_error_name(tally.last));
    return error;
}

int main(int argc, char **argv)
{
    static const struct step table[] = {{"flood", flood}, {"late", late}, {"hold", hold}, {0}};
    return steps_main(&(struct steps){"pending", serve, table}, argc, argv);
}
