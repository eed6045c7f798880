/*
 * Property: a ring behaves as a naive queue with two limits, for any sequence of pushes and pops (some of
 * them in place) of any sizes, from any position. Each sequence is drawn from a seed of its own and is the
 * same in each run.
 */
#include <criterion/criterion.h>

#include <realm/error.h>

#include "tests/unit/ring/pair.h"

struct random {
    uint64_t state;
};

static uint64_t draw(struct random *random)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t below(struct random *random, uint32_t bound)
{
    return (uint32_t)(draw(random) % bound);
}

/* The model: messages with their payload, in an array. */
#define MODEL_MESSAGES 4096u

struct model {
    struct realm_message messages[MODEL_MESSAGES];
    uint8_t payload[MODEL_MESSAGES][REALM_PAYLOAD_MAX];
    uint32_t first, count;
    uint32_t limit;
    uint32_t lines; /* of the queue */
};

static uint32_t lines_of(uint32_t size)
{
    return (size + 24 + 63) / 64;
}

static int model_push(struct model *model, const struct realm_message *message, const uint8_t *payload)
{
    uint32_t lines = lines_of(message->size);
    for (uint32_t i = 0; i < model->count; i++)
        lines += lines_of(model->messages[(model->first + i) % MODEL_MESSAGES].size);
    if (lines > model->lines || model->count == model->limit)
        return REALM_E_QUEUE_FULL;
    uint32_t at = (model->first + model->count++) % MODEL_MESSAGES;
    model->messages[at] = *message;
    memcpy(model->payload[at], payload, message->size);
    return 0;
}

static int model_pop(struct model *model, struct realm_message *ret_message, uint8_t *payload)
{
    if (model->count == 0)
        return REALM_E_WOULD_BLOCK;
    *ret_message = model->messages[model->first];
    memcpy(payload, model->payload[model->first], ret_message->size);
    model->first = (model->first + 1) % MODEL_MESSAGES;
    model->count--;
    return 0;
}

/* Small sizes, sizes at the borders of lines, and any size. */
static uint16_t draw_size(struct random *random)
{
    switch (below(random, 4)) {
    case 0:
        return (uint16_t)below(random, 100);
    case 1: {
        uint32_t size = 64 * below(random, 65) + 40 + below(random, 3) - 1;
        return (uint16_t)(size < REALM_PAYLOAD_MAX ? size : REALM_PAYLOAD_MAX);
    }
    default:
        return (uint16_t)below(random, REALM_PAYLOAD_MAX + 1);
    }
}

/* Half of the payloads are words near the positions that their lines will have, to mimic commits. */
static void draw_payload(struct random *random, const struct pair *pair, uint8_t *payload)
{
    uint64_t noise = draw(random);
    bool mimic = noise & 1;
    uint32_t ahead = pair->producer.lines + (uint32_t)(noise >> 8) % 70;
    for (uint32_t i = 0; i < REALM_PAYLOAD_MAX; i += 4) {
        uint32_t word =
            mimic ? pair->producer.position + (i + 24) / 64 + ahead : (uint32_t)(noise >> (i % 33));
        memcpy(payload + i, &word, 4);
    }
}

static void same_message(const struct realm_message *got, const struct realm_message *expected)
{
    cr_assert_eq(got->kind, expected->kind);
    cr_assert_eq(got->priority, expected->priority);
    cr_assert_eq(got->size, expected->size);
    cr_assert_eq(got->call, expected->call);
    cr_assert_eq(got->status, expected->status);
    cr_assert_eq(got->tag, expected->tag);
}

static void step_push(struct random *random, struct pair *pair, struct model *model)
{
    uint8_t payload[REALM_PAYLOAD_MAX];
    draw_payload(random, pair, payload);
    struct realm_message message = {.kind = (enum realm_message_kind)(1 + below(random, 3)),
                                    .priority = (uint8_t)draw(random),
                                    .size = draw_size(random),
                                    .call = (uint32_t)draw(random),
                                    .status = (int32_t)draw(random),
                                    .tag = draw(random)};
    int expected = model_push(model, &message, payload);
    cr_assert_eq(realm_producer_push(&pair->producer, &message, payload), expected);
    if (expected == 0)
        return;
    const uint32_t *word;
    uint32_t seen;
    cr_assert(realm_producer_park(&pair->producer, message.size, &word, &seen));
    cr_assert_eq(*word, seen);
    realm_producer_unpark(&pair->producer);
}

/* Pops, or looks in place at what lies in one piece. */
static int take(struct random *random, struct pair *pair, struct realm_message *ret_message, uint8_t *got,
                size_t capacity)
{
    const void *payload = NULL;
    int error = REALM_E_WOULD_BLOCK;
    if (below(random, 2) == 0)
        error = realm_consumer_peek(&pair->consumer, ret_message, &payload);
    if (payload == NULL)
        return realm_consumer_pop(&pair->consumer, ret_message, got, capacity);
    memcpy(got, payload, ret_message->size < capacity ? ret_message->size : capacity);
    cr_assert_eq(realm_consumer_consume(&pair->consumer), 0);
    return error;
}

static void step_pop(struct random *random, struct pair *pair, struct model *model)
{
    uint8_t got[REALM_PAYLOAD_MAX], expected_payload[REALM_PAYLOAD_MAX];
    struct realm_message message, expected = {0};
    size_t capacity = below(random, 3) == 0 ? below(random, REALM_PAYLOAD_MAX) : REALM_PAYLOAD_MAX;
    int status = model_pop(model, &expected, expected_payload);
    cr_assert_eq(realm_consumer_ready(&pair->consumer), status == 0);
    const uint32_t *word;
    uint32_t seen;
    cr_assert_eq(realm_consumer_park(&pair->consumer, REALM_PARKED_FUTEX, &word, &seen), status != 0);
    cr_assert_eq(take(random, pair, &message, got, capacity), status);
    realm_consumer_unpark(&pair->consumer);
    if (status != 0)
        return;
    same_message(&message, &expected);
    cr_assert_arr_eq(got, expected_payload, expected.size < capacity ? expected.size : capacity);
}

static void run_sized(uint64_t seed, uint32_t position, uint32_t limit, size_t region_bytes)
{
    static struct model model;
    struct random random = {seed};
    struct pair pair;
    model.first = model.count = 0;
    model.limit = limit;
    model.lines = (uint32_t)(region_bytes / 4 - 256) / 64;
    pair_init_sized(&pair, region_bytes, limit);
    cr_assert_eq(pair.producer.lines, model.lines);
    if (position != 0)
        pair_start_at(&pair, position, position * 3);
    /* The mood drifts, so that the ring is sometimes full, sometimes empty, mostly between. */
    for (uint32_t step = 0, mood = 50; step < 20000; step++) {
        if (step % 100 == 0)
            mood = 20 + below(&random, 61);
        if (below(&random, 100) < mood)
            step_push(&random, &pair, &model);
        else
            step_pop(&random, &pair, &model);
    }
    pair_deinit(&pair);
}

static void run(uint64_t seed, uint32_t position, uint32_t limit)
{
    run_sized(seed, position, limit, PAIR_BYTES);
}

/* Goal: the ring and the model agree from the first position on. */
Test(ring_property, from_the_start)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(seed, 0, REALM_QUEUE_MESSAGES);
}

/* Goal: they agree across the wrap of positions, wherever in the ring it falls. */
Test(ring_property, across_the_wrap)
{
    for (uint32_t i = 0; i < 4; i++)
        run(100 + i, UINT32_MAX - 1000 * i - 61 * i, REALM_QUEUE_MESSAGES);
}

/* Goal: they agree for every limit of messages, from one on. */
Test(ring_property, other_limits)
{
    run(7, 0, 1);
    run(8, UINT32_MAX - 5, 2);
    run(9, 12345, 60);
}

/* Goal: they agree in the smallest queue, of 65 lines, in the largest, and in odd ones between. */
Test(ring_property, other_sizes)
{
    static const struct {
        size_t queue_bytes;
        uint32_t limit;
    } sizes[] = {{256 + 65 * 64, 32},
                 {256 + 66 * 64, 4096},
                 {256 + 127 * 64, 127},
                 {256 + 128 * 64, 1},
                 {256 + 129 * 64, 129},
                 {256 + 1001 * 64, 4096},
                 {REALM_REGION_MAX_BYTES / 4, 4096}};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        run_sized(200 + i, 0, sizes[i].limit, 4 * sizes[i].queue_bytes);
        run_sized(300 + i, UINT32_MAX - 777 * i, sizes[i].limit, 4 * sizes[i].queue_bytes);
    }
}

/* Goal: no region is taken whose queues are not whole lines, cannot hold a message, or are too large; sizes
 * near those where arithmetic wraps are among them. */
Test(ring_property, impossible_sizes)
{
    static const size_t sizes[] = {0,
                                   1,
                                   64,
                                   255,
                                   256,
                                   1024,
                                   4 * 256 + 4 * 64,
                                   4 * (256 + 64 * 64),
                                   4 * (256 + 65 * 64) - 64,
                                   4 * (256 + 65 * 64) + 64,
                                   32768 + 4,
                                   32768 - 1,
                                   REALM_REGION_MAX_BYTES + 256,
                                   (size_t)UINT32_MAX + 1,
                                   SIZE_MAX,
                                   SIZE_MAX - 255,
                                   SIZE_MAX / 2 + 1};
    for (uint32_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        cr_expect_eq(realm_region_lines(sizes[i]), 0u, "%zu", sizes[i]);
    for (uint32_t lines = 65; lines <= (REALM_REGION_MAX_BYTES / 4 - 256) / 64; lines++)
        cr_assert_eq(realm_region_lines(4 * (256 + (size_t)lines * 64)), lines);
}
