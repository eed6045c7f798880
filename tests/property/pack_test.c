/*
 * Packing and unpacking, over random sequences of values.
 *
 * The properties: what was packed comes back; what does not fit is refused at the very step that did not fit;
 * and no bytes whatever make unpacking read outside of them, yield a bad string, or go back.
 */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>
#include <realm/pack.h>

#include "librealm/core/name.h"
#include "tests/property/random.h"

enum value_kind { VALUE_U32, VALUE_U64, VALUE_STRING, VALUE_BYTES, VALUE_KINDS };

#define VALUES_MAX 40
#define DATA_MAX   96

struct value {
    enum value_kind kind;
    uint64_t number;
    size_t size;
    char data[DATA_MAX + 1]; /* a string is NUL-terminated */
};

static void make_string(struct random *random, struct value *value)
{
    static const char *const characters[] = {"x",        "\n",           "\x7f",
                                             "\xc2\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"};
    size_t limit = random_below(random, DATA_MAX + 1);
    for (;;) {
        const char *next = characters[random_below(random, sizeof characters / sizeof characters[0])];
        if (value->size + strlen(next) > limit)
            break;
        memcpy(value->data + value->size, next, strlen(next));
        value->size += strlen(next);
    }
    value->data[value->size] = '\0';
}

static struct value make_value(struct random *random)
{
    struct value value = {.kind = (enum value_kind)random_below(random, VALUE_KINDS)};
    switch (value.kind) {
    case VALUE_U32:
        value.number = (uint32_t)random_u64(random);
        break;
    case VALUE_U64:
        value.number = random_u64(random);
        break;
    case VALUE_STRING:
        make_string(random, &value);
        break;
    default:
        value.size = random_below(random, DATA_MAX + 1);
        random_fill(random, value.data, value.size);
        break;
    }
    return value;
}

static size_t packed_size(const struct value *value)
{
    return value->kind == VALUE_U32 ? 4 : value->kind == VALUE_U64 ? 8 : 4 + value->size;
}

static void pack_value(struct realm_pack *pack, const struct value *value)
{
    switch (value->kind) {
    case VALUE_U32:
        realm_pack_u32(pack, (uint32_t)value->number);
        break;
    case VALUE_U64:
        realm_pack_u64(pack, value->number);
        break;
    case VALUE_STRING:
        realm_pack_string(pack, value->data);
        break;
    default:
        realm_pack_bytes(pack, value->data, value->size);
        break;
    }
}

/* Unpacks a value of this kind; a string is given a buffer of exactly its size, as the sanitizer can see. */
static struct value unpack_value(struct realm_unpack *unpack, enum value_kind kind, size_t capacity)
{
    struct value value = {.kind = kind};
    switch (kind) {
    case VALUE_U32:
        value.number = realm_unpack_u32(unpack);
        break;
    case VALUE_U64:
        value.number = realm_unpack_u64(unpack);
        break;
    case VALUE_STRING: {
        char *text = malloc(capacity);
        cr_assert_not_null(text);
        realm_unpack_string(unpack, text, capacity);
        value.size = strlen(text);
        cr_assert_lt(value.size, capacity);
        cr_assert_leq(value.size, DATA_MAX);
        memcpy(value.data, text, value.size);
        free(text);
        break;
    }
    default: {
        const void *bytes = realm_unpack_bytes(unpack, &value.size);
        cr_assert((bytes == NULL) == (unpack->error != 0));
        cr_assert_leq(value.size, unpack->size);
        if (value.size > 0)
            memcpy(value.data, bytes, value.size < DATA_MAX ? value.size : DATA_MAX);
        break;
    }
    }
    return value;
}

static void assert_same(const struct value *a, const struct value *b)
{
    cr_assert_eq(a->kind, b->kind);
    cr_assert_eq(a->number, b->number);
    cr_assert_eq(a->size, b->size);
    cr_assert_eq(memcmp(a->data, b->data, a->size), 0);
}

/* A message of random values; returns its size, and has checked that each value took the bytes it should. */
static size_t pack_random(struct random *random, struct value *values, size_t count, uint8_t *buffer,
                          size_t capacity)
{
    struct realm_pack pack;
    realm_pack_init(&pack, buffer, capacity);
    for (size_t i = 0; i < count; i++) {
        values[i] = make_value(random);
        size_t before = pack.size;
        pack_value(&pack, &values[i]);
        cr_assert_eq(pack.error, 0);
        cr_assert_eq(pack.size, before + packed_size(&values[i]));
    }
    return pack.size;
}

static struct value values[VALUES_MAX];
static uint8_t buffer[VALUES_MAX * (DATA_MAX + 4)];

Test(pack, gives_back_what_was_packed)
{
    /* Goal: any sequence of values, unpacked in the same order, is the same, and nothing is left over. */
    struct random random = {1};
    for (unsigned round = 0; round < 2000; round++) {
        size_t count = random_below(&random, VALUES_MAX + 1);
        size_t size = pack_random(&random, values, count, buffer, sizeof buffer);
        struct realm_unpack unpack;
        realm_unpack_init(&unpack, buffer, size);
        for (size_t i = 0; i < count; i++) {
            struct value value = unpack_value(&unpack, values[i].kind, values[i].size + 1);
            assert_same(&value, &values[i]);
        }
        cr_assert_eq(realm_unpack_finish(&unpack), 0);
    }
}

Test(pack, refuses_the_first_value_that_does_not_fit)
{
    /* Goal: at every capacity the packed bytes are a whole number of values, and nothing comes after them. */
    struct random random = {2};
    for (unsigned round = 0; round < 20; round++) {
        static uint8_t small[sizeof buffer];
        size_t count = 1 + random_below(&random, 10);
        size_t size = pack_random(&random, values, count, buffer, sizeof buffer);
        for (size_t capacity = 0; capacity <= size; capacity++) {
            struct realm_pack pack;
            size_t fits = 0;
            bool over = false;
            memset(small, 0xee, size + 1);
            realm_pack_init(&pack, small, capacity);
            for (size_t i = 0; i < count; i++) {
                pack_value(&pack, &values[i]);
                over = over || fits + packed_size(&values[i]) > capacity;
                fits += over ? 0 : packed_size(&values[i]);
                cr_assert_eq(pack.error, over ? REALM_E_TOO_BIG : 0);
            }
            cr_assert_eq(pack.size, fits);
            cr_assert_eq(memcmp(small, buffer, fits), 0);
            for (size_t i = fits; i <= size; i++)
                cr_assert_eq(small[i], 0xee);
        }
    }
}

Test(unpack, refuses_every_truncation)
{
    /* Goal: a message that is cut anywhere is REALM_E_SHORT; one that is grown is not finished. */
    struct random random = {3};
    for (unsigned round = 0; round < 50; round++) {
        size_t count = 1 + random_below(&random, 10);
        size_t size = pack_random(&random, values, count, buffer, sizeof buffer - 1);
        for (size_t cut = 0; cut <= size + 1; cut++) {
            uint8_t *exact = malloc(cut + 1);
            struct realm_unpack unpack;
            cr_assert_not_null(exact);
            memcpy(exact, buffer, cut);
            realm_unpack_init(&unpack, exact, cut);
            for (size_t i = 0; i < count; i++)
                unpack_value(&unpack, values[i].kind, values[i].size + 1);
            int expected = cut < size ? REALM_E_SHORT : cut > size ? REALM_E_BAD_ARGUMENT : 0;
            cr_assert_eq(realm_unpack_finish(&unpack), expected);
            free(exact);
        }
    }
}

/* Unpacks a random sequence of kinds from hostile bytes and holds each step to what pack.h promises. */
static void unpack_hostile(struct random *random, const uint8_t *data, size_t size)
{
    struct realm_unpack unpack;
    realm_unpack_init(&unpack, data, size);
    for (unsigned step = 0; step < VALUES_MAX; step++) {
        enum value_kind kind = (enum value_kind)random_below(random, VALUE_KINDS);
        size_t offset = unpack.offset;
        int error = unpack.error;
        struct value value = unpack_value(&unpack, kind, 1 + random_below(random, DATA_MAX));
        cr_assert_leq(unpack.offset, size);
        cr_assert_geq(unpack.offset, offset);
        if (unpack.error) {
            cr_assert(unpack.error == REALM_E_SHORT || unpack.error == REALM_E_BAD_ARGUMENT);
            cr_assert(!error || error == unpack.error);
            cr_assert_eq(unpack.offset, offset);
            cr_assert(value.number == 0 && value.size == 0);
        } else {
            cr_assert_eq(unpack.offset - offset, packed_size(&value));
            cr_assert(kind != VALUE_STRING || realm_utf8_valid(value.data, value.size));
        }
    }
}

Test(unpack, survives_changed_and_random_bytes)
{
    /* Goal: flipped bits in real messages, and noise with small numbers in it that pass for lengths. */
    struct random random = {4};
    for (unsigned round = 0; round < 4000; round++) {
        size_t size = pack_random(&random, values, random_below(&random, 12), buffer, sizeof buffer);
        uint8_t *exact = malloc(size + 1);
        cr_assert_not_null(exact);
        memcpy(exact, buffer, size);
        for (size_t flips = random_below(&random, 6); flips > 0 && size > 0; flips--)
            exact[random_below(&random, size)] ^= (uint8_t)(1u << random_below(&random, 8));
        unpack_hostile(&random, exact, size);
        for (size_t i = 0; i < size; i++)
            exact[i] = random_below(&random, 3) ? 0 : (uint8_t)random_below(&random, 130);
        unpack_hostile(&random, exact, size);
        free(exact);
    }
}
