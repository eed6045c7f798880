/*
 * counter: a service with state, packed values and a timer.
 *
 * It counts under names. ADD takes a name and an amount and gives the new sum; TOP gives the name with the
 * largest sum. Once a second the timer logs what happened since the last time, if anything did. The rule
 * of every service holds here, too: what a client sends is checked and bounded before it is used.
 */
#include <realm/realm.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "examples/counter.h"

#define NAMES_MAX 64u

struct counter {
    struct {
        char name[COUNTER_NAME_MAX + 1];
        uint64_t sum;
    } entries[NAMES_MAX];
    size_t count;
    uint64_t added_since;
};

/* The sum of a name, which is made if it is new. NULL: the table is full. */
static uint64_t *sum_of(struct counter *counter, const char *name)
{
    for (size_t i = 0; i < counter->count; i++) {
        if (strcmp(counter->entries[i].name, name) == 0)
            return &counter->entries[i].sum;
    }
    if (counter->count == NAMES_MAX)
        return NULL;
    snprintf(counter->entries[counter->count].name, sizeof counter->entries[0].name, "%s", name);
    return &counter->entries[counter->count++].sum;
}

static void add(struct realm *realm, struct counter *counter, const struct realm_request *request)
{
    char name[COUNTER_NAME_MAX + 1];
    struct realm_unpack unpack;
    uint64_t amount, *sum;

    realm_unpack_init(&unpack, request->data, request->size);
    realm_unpack_string(&unpack, name, sizeof name);
    amount = realm_unpack_u64(&unpack);
    if (realm_unpack_finish(&unpack) != 0) {
        realm_reply(realm, request->token, COUNTER_BAD_REQUEST, 0, NULL, 0);
        return;
    }
    sum = sum_of(counter, name);
    if (sum == NULL) {
        realm_reply(realm, request->token, COUNTER_FULL, 0, NULL, 0);
        return;
    }
    *sum += amount; /* modulo 2^64 */
    counter->added_since++;
    realm_reply(realm, request->token, COUNTER_OK, *sum, NULL, 0);
}

static void top(struct realm *realm, struct counter *counter, const struct realm_request *request)
{
    uint8_t buffer[128];
    struct realm_pack pack;
    size_t best = 0;

    if (counter->count == 0) {
        realm_reply(realm, request->token, COUNTER_EMPTY, 0, NULL, 0);
        return;
    }
    for (size_t i = 1; i < counter->count; i++) {
        if (counter->entries[i].sum > counter->entries[best].sum)
            best = i;
    }
    realm_pack_init(&pack, buffer, sizeof buffer);
    realm_pack_string(&pack, counter->entries[best].name);
    realm_pack_u64(&pack, counter->entries[best].sum);
    realm_reply(realm, request->token, COUNTER_OK, counter->entries[best].sum, buffer, pack.size);
}

static void serve(struct realm *realm, const struct realm_request *request, void *context)
{
    switch (request->op) {
    case COUNTER_ADD:
        add(realm, context, request);
        break;
    case COUNTER_TOP:
        top(realm, context, request);
        break;
    default:
        realm_reply(realm, request->token, COUNTER_BAD_REQUEST, 0, NULL, 0);
        break;
    }
}

static void report(struct realm *realm, struct realm_timer *timer, void *context)
{
    struct counter *counter = context;

    (void)timer;
    if (counter->added_since > 0)
        realm_log(realm, "%" PRIu64 " additions, %zu names", counter->added_since, counter->count);
    counter->added_since = 0;
}

int main(void)
{
    struct counter counter = {.count = 0};
    struct realm *realm = NULL;
    int error = realm_open(&realm);

    if (error == 0)
        error = realm_register(realm, "counter", serve, &counter, NULL);
    if (error == 0)
        error = realm_timer_start(realm, REALM_SEC, REALM_SEC, report, &counter, NULL);
    if (error == 0)
        error = realm_run(realm);
    if (error != 0)
        fprintf(stderr, "counter: %s\n", realm_error_text(error));
    realm_close(realm);
    return error != 0;
}
