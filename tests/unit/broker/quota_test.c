/*
 * Quotas of the policy as the broker holds them: what a realm uses is counted with what all below it use, a
 * refusal is answered each time, and told once, with whose limit it is and who uses most of it.
 */
#include <criterion/criterion.h>
#include <string.h>

#include <realm/error.h>

#include "tests/unit/broker/world.h"

static struct world world;

static void limit(const char *realm, enum policy_resource resource, uint64_t most)
{
    struct policy *policy = world.broker->policy;
    cr_assert_eq(policy_set_limit(policy, broker_find_realm(world.broker, realm)->policy, resource, most), 0);
}

static long long number_of(const json_t *event, const char *key)
{
    return json_integer_value(json_object_get(event, key));
}

/* The consumer of this place in the event; its use goes to *ret_use. */
static const char *consumer(const json_t *event, size_t place, long long *ret_use)
{
    const json_t *row = json_array_get(json_object_get(event, "consumers"), place);
    *ret_use = number_of(row, "use");
    return event_text(row, "realm");
}

WORLD_TEST(quota, of_the_realms_own)
{
    /* The second channel is one too many, however often it is asked for; one that is given up makes room. */
    world_start(&world);
    struct process *b = world_open(&world, "B"), *a = world_open(&world, "A");
    cr_assert_eq(process_register(b, "database", NULL), 0);
    limit("A", POLICY_CHANNELS, 1);
    cr_assert_eq(process_connect(a, "database", 0, 5), 0);
    uint64_t cookie = process_letter(a, REALM_CONTROL_CONNECTED, 5)->packet.channel.cookie;
    for (uint64_t xid = 6; xid < 16; xid++)
        cr_expect_eq(process_connect(a, "database", 0, xid), REALM_E_LIMIT);
    cr_assert_eq(world_events(&world, "limited"), 1);
    const json_t *event = world_event(&world, "limited", "realm", "A");
    long long use;
    cr_expect_str_eq(event_text(event, "limit"), "channels");
    cr_expect_str_eq(event_text(event, "of"), "A");
    cr_expect_eq(number_of(event, "value"), 1);
    cr_expect_eq(number_of(event, "use"), 1);
    cr_expect_str_eq(consumer(event, 0, &use), "A");
    cr_expect_eq(use, 1);
    cr_expect_eq(json_array_size(json_object_get(event, "consumers")), 1);
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, cookie), 0);
    process_pump(b);
    cr_expect_eq(process_connect(a, "database", 0, 20), 0);
}

/* The decision's number in the answer. */
static uint64_t number_in(struct process *process, uint64_t xid)
{
    return process_letter(process, REALM_CONTROL_REPLY, xid)->packet.reply.decision;
}

WORLD_TEST(quota, a_refusal_tells_nothing_of_what_others_do)
{
    /* The number in the answer is the realm's own, whoever asked for how much meanwhile. */
    world_start(&world);
    struct process *b = world_open(&world, "B"), *a = world_open(&world, "A");
    cr_assert_eq(process_register(b, "database", NULL), 0);
    limit("A", POLICY_DESCRIPTORS, 0); /* what the broker itself looks at, behind the policy's decision */
    cr_assert_eq(process_connect(a, "database", 0, 5), REALM_E_LIMIT);
    uint64_t first = number_in(a, 5);
    cr_expect_eq(first, 1);
    for (uint64_t xid = 100; xid < 110; xid++)
        process_connect(b, "logger", 0, xid);
    cr_assert_eq(process_connect(a, "database", 0, 6), REALM_E_LIMIT);
    cr_expect_eq(number_in(a, 6), first + 1);
}

WORLD_TEST(quota, children_share_their_parents)
{
    /* C and all below it may have three capabilities, and C has three: C1 gets none. */
    world_start(&world);
    cr_assert_eq(world_spawn(&world, "C", NULL), 0);
    struct process *c = world_open(&world, "C");
    cr_assert_eq(process_register(c, "logger", NULL), 0);
    cr_assert_eq(world_spawn(&world, "C1", NULL), 0);
    struct process *c1 = world_open(&world, "C1");
    limit("C", POLICY_CAPABILITIES, 3); /* the name, the endpoint, its child */
    cr_expect_eq(process_connect(c1, "logger", 0, 5), REALM_E_LIMIT);
    const json_t *event = world_event(&world, "limited", "realm", "C1");
    long long use;
    cr_assert_not_null(event);
    cr_expect_str_eq(event_text(event, "limit"), "capabilities");
    cr_expect_str_eq(event_text(event, "of"), "C");
    cr_expect_str_eq(consumer(event, 0, &use), "C");
    cr_expect_eq(use, 3);
}

WORLD_TEST(quota, of_requests_that_wait)
{
    /* A connect that waits is a request; it is given back when it is answered. */
    world_start(&world);
    struct process *a = world_open(&world, "A");
    limit("A", POLICY_REQUESTS, 2);
    for (unsigned round = 0; round < 2; round++) {
        process_forget(a);
        cr_assert_eq(process_connect(a, "network", REALM_CONNECT_WAIT, 5), -1);
        cr_assert_eq(process_connect(a, "network", REALM_CONNECT_WAIT, 6), -1);
        cr_expect_eq(process_connect(a, "network", REALM_CONNECT_WAIT, 7), REALM_E_LIMIT);
        cr_expect_str_eq(event_text(world_event(&world, "limited", "realm", "A"), "limit"), "requests");
        cr_assert_eq(world_spawn(&world, "D", NULL), 0);
        struct process *d = world_open(&world, "D");
        cr_assert_eq(process_register(d, "network", NULL), 0);
        for (unsigned i = 0; i < 4; i++) {
            process_pump(d);
            process_pump(a);
        }
        cr_expect_eq(process_letters(a, REALM_CONTROL_CONNECTED), 2);
        process_exit(d, 0);
        world_settle(&world);
    }
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(world.broker->policy, broker_find_realm(world.broker, "A")->policy,
                                  POLICY_REQUESTS, &usage),
                 0);
    cr_expect_eq(usage.own, 0);
}

WORLD_TEST(quota, a_realm_that_ends_gives_everything_back)
{
    /* What it waited for is released with it, and its next life starts from nothing. */
    world_start(&world);
    struct process *a = world_open(&world, "A");
    cr_assert_eq(process_connect(a, "network", REALM_CONNECT_WAIT, 5), -1);
    process_exit(a, 0);
    world_settle(&world);
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(world.broker->policy, broker_find_realm(world.broker, "A")->policy,
                                  POLICY_REQUESTS, &usage),
                 0);
    cr_expect_eq(usage.own, 0);
}

static struct policy_usage usage_of(const char *realm, enum policy_resource resource)
{
    struct policy_usage usage = {0};
    cr_assert_eq(policy_get_usage(world.broker->policy, broker_find_realm(world.broker, realm)->policy,
                                  resource, &usage),
                 0);
    return usage;
}

WORLD_TEST(quota, descriptors_of_channels)
{
    /* Two a channel, to its client; given back with it, whoever ends it. */
    world_start(&world);
    struct process *b = world_open(&world, "B"), *a = world_open(&world, "A");
    uint64_t endpoint;
    cr_assert_eq(process_register(b, "database", &endpoint), 0);
    limit("A", POLICY_DESCRIPTORS, 5);
    cr_assert_eq(process_connect(a, "database", 0, 5), 0);
    cr_assert_eq(process_connect(a, "database", 0, 6), 0);
    cr_expect_eq(usage_of("A", POLICY_DESCRIPTORS).own, 4);
    cr_expect_eq(usage_of("B", POLICY_DESCRIPTORS).own, 0);
    cr_expect_eq(process_connect(a, "database", 0, 7), REALM_E_LIMIT);
    cr_expect_eq(process_connect(a, "database", 0, 8), REALM_E_LIMIT);
    cr_assert_eq(world_events(&world, "limited"), 1);
    const json_t *event = world_event(&world, "limited", "realm", "A");
    cr_expect_str_eq(event_text(event, "limit"), "descriptors");
    cr_expect_eq(number_of(event, "use"), 4);
    cr_expect_eq(usage_of("A", POLICY_DESCRIPTORS).own, 4, "what was refused counts");
    uint64_t cookie = process_letter(a, REALM_CONTROL_CONNECTED, 5)->packet.channel.cookie;
    cr_expect_eq(process_cookie(a, REALM_CONTROL_DISCONNECT, cookie), 0);
    cr_expect_eq(usage_of("A", POLICY_DESCRIPTORS).own, 2);
    process_pump(b);
    cr_assert_eq(process_cookie(b, REALM_CONTROL_UNREGISTER, endpoint), 0);
    cr_expect_eq(usage_of("A", POLICY_DESCRIPTORS).own, 0);
}

static uint64_t allocate(struct process *process, uint32_t parts)
{
    static uint64_t xid = 900000;
    struct realm_control_allocate packet = {.bytes = parts * UINT64_C(4096), .parts = parts};
    realm_control_header_init(&packet.header, REALM_CONTROL_ALLOCATE, ++xid);
    process_send(process, &packet, sizeof(packet));
    process_pump(process);
    struct letter *letter = process_letter(process, REALM_CONTROL_CAPABILITY, xid);
    return letter ? letter->packet.capability.cookie : 0;
}

WORLD_TEST(quota, descriptors_of_memory)
{
    /* One a part, to who allocates, together with its children; given back with the object, and all at its
     * end. */
    world_start(&world);
    struct process *c = world_open(&world, "C"), *child = world_open(&world, "C1");
    world_open(&world, "A"); /* with the last client the system would end */
    limit("C", POLICY_DESCRIPTORS, 10);
    uint64_t own = allocate(c, 6);
    cr_assert_neq(own, 0);
    cr_expect_neq(allocate(child, 3), 0);
    cr_expect_eq(usage_of("C", POLICY_DESCRIPTORS).use, 9);
    cr_expect_eq(allocate(child, 2), 0);
    cr_expect_eq(usage_of("C", POLICY_MEMORY).use, 9 * 4096, "what was refused counts");
    cr_expect_eq(process_cookie(c, REALM_CONTROL_DELETE, own), 0);
    cr_expect_eq(usage_of("C", POLICY_DESCRIPTORS).use, 3);
    process_exit(child, 0);
    cr_expect_eq(usage_of("C", POLICY_DESCRIPTORS).use, 0);
    /* The next life begins with nothing, and what the last one had is not given back to it. */
    child = world_open(&world, "C1");
    cr_expect_neq(allocate(child, 8), 0);
    cr_expect_eq(usage_of("C1", POLICY_DESCRIPTORS).own, 8);
}
