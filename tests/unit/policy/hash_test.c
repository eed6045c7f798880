/*
 * Hash indices: what was added is found, what was removed is not, also where everything collides.
 */
#include "tests/unit/policy/world.h"

#include "mm/policy/hash.h"

struct shelf {
    struct test_memory counted;
    struct policy_memory memory;
    struct policy_hash index;
};

static void shelf_init(struct shelf *shelf)
{
    *shelf = (struct shelf){0};
    shelf->memory = (struct policy_memory){test_memory_resize, &shelf->counted};
}

static void shelf_deinit(struct shelf *shelf)
{
    policy_hash_deinit(&shelf->index, &shelf->memory);
    cr_assert_eq(shelf->counted.blocks, 0);
}

static void shelf_add(struct shelf *shelf, uint32_t hash, uint32_t value)
{
    cr_assert_eq(policy_hash_reserve(&shelf->index, &shelf->memory, 1), 0);
    policy_hash_add(&shelf->index, hash, value);
}

static bool shelf_has(const struct shelf *shelf, uint32_t hash, uint32_t value)
{
    uint32_t cursor = 0, found;
    while ((found = policy_hash_next(&shelf->index, hash, &cursor)) != 0) {
        if (found == value)
            return true;
    }
    return false;
}

/* Goal: an index without memory finds nothing. */
Test(hash, empty)
{
    struct shelf shelf;
    shelf_init(&shelf);
    cr_assert_not(shelf_has(&shelf, 0, 1));
    shelf_deinit(&shelf);
}

/* Goal: entries of one hash are all found, in a full circle of wrapping and removing. */
Test(hash, one_hash)
{
    struct shelf shelf;
    shelf_init(&shelf);
    for (uint32_t value = 1; value <= 100; value++)
        shelf_add(&shelf, UINT32_MAX, value);
    cr_assert_geq(shelf.index.capacity, 200, "at most half full: searches end soon");
    for (uint32_t value = 2; value <= 100; value += 2)
        policy_hash_remove(&shelf.index, UINT32_MAX, value);
    for (uint32_t value = 1; value <= 100; value++)
        cr_assert_eq(shelf_has(&shelf, UINT32_MAX, value), value % 2 == 1, "value %u", value);
    cr_assert_not(shelf_has(&shelf, 0, 1), "the same home, another hash");
    shelf_deinit(&shelf);
}

/*
 * Goal: removing any entry of any small crowded index leaves every other reachable: all ways in which four
 * entries can lie around the end of sixteen places, and each of them removed.
 */
Test(hash, every_gap)
{
    for (uint32_t homes = 0; homes < 1u << 12; homes++) {
        for (uint32_t removed = 1; removed <= 4; removed++) {
            struct shelf shelf;
            shelf_init(&shelf);
            uint32_t hash[5];
            for (uint32_t value = 1; value <= 4; value++) {
                hash[value] = 12 + ((homes >> (value - 1) * 3) & 7);
                shelf_add(&shelf, hash[value], value);
            }
            policy_hash_remove(&shelf.index, hash[removed], removed);
            for (uint32_t value = 1; value <= 4; value++)
                cr_assert_eq(shelf_has(&shelf, hash[value], value), value != removed);
            shelf_deinit(&shelf);
        }
    }
}

/* Goal: entries that come and go for long neither fill the index nor make it grow. */
Test(hash, churn)
{
    struct shelf shelf;
    shelf_init(&shelf);
    for (uint32_t value = 1; value <= 100000; value++) {
        shelf_add(&shelf, value * 2654435761u, value);
        if (value > 20)
            policy_hash_remove(&shelf.index, (value - 20) * 2654435761u, value - 20);
    }
    cr_assert_eq(shelf.index.used, 20);
    cr_assert_leq(shelf.index.capacity, 64);
    for (uint32_t value = 100000 - 19; value <= 100000; value++)
        cr_assert(shelf_has(&shelf, value * 2654435761u, value));
    shelf_deinit(&shelf);
}

/* Goal: an index takes the least memory that leaves it half empty, and grows no sooner. */
Test(hash, takes_no_more_than_it_needs)
{
    for (uint32_t count = 1; count <= 100; count++) {
        struct shelf shelf;
        uint32_t least = 16;
        while (least < 2 * count)
            least *= 2;
        shelf_init(&shelf);
        cr_assert_eq(policy_hash_reserve(&shelf.index, &shelf.memory, count), 0);
        cr_assert_eq(shelf.index.capacity, least, "%u", count);
        for (uint32_t value = 1; value <= count; value++)
            shelf_add(&shelf, value * 2654435761u, value);
        cr_assert_eq(shelf.index.capacity, least, "%u", count);
        shelf_deinit(&shelf);
    }
}

/* Goal: an index of the largest size is the last one; what would be larger is not even asked for. */
Test(hash, largest)
{
    struct no_memory asked = {0};
    struct policy_memory memory = {no_memory_resize, &asked};
    struct policy_hash index = {.capacity = POLICY_CAPACITY_MAX / 2, .used = POLICY_CAPACITY_MAX / 4};
    cr_assert_eq(policy_hash_reserve(&index, &memory, 1), POLICY_NO_MEMORY);
    cr_assert_eq(asked.bytes, POLICY_CAPACITY_MAX * sizeof(struct policy_hash_entry));
    asked = (struct no_memory){0};
    index = (struct policy_hash){.capacity = POLICY_CAPACITY_MAX, .used = POLICY_CAPACITY_MAX / 2};
    cr_assert_eq(policy_hash_reserve(&index, &memory, 1), POLICY_NO_MEMORY);
    cr_assert_eq(asked.calls, 0);
}
