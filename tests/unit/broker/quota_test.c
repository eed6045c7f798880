/*
 * Quotas of the policy as the broker holds them: what a realm uses is counted with what all below it use, a
 * refusal is answered each time, and told once, with whose limit it is and who uses most of it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include <realm/error.h>

#include "mm/broker/admin_answers.h"
#include "mm/broker/diagnosis.h"
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

/* --- what an event says would help, and what `realm explain --decision` says of it --- */

static int connects(struct process *process, const char *service, unsigned count)
{
    int status = 0;
    for (unsigned i = 0; i < count; i++)
        status = process_connect(process, service, 0, 100 + i);
    return status;
}

static int three_channels(void)
{
    return connects(world_open(&world, "A"), "database", 3);
}

static int of_the_parent(void)
{
    process_register(world_open(&world, "C"), "logger", NULL);
    return connects(world_open(&world, "C1"), "logger", 3);
}

static int one_name(void)
{
    return process_register(world_open(&world, "D"), "network", NULL);
}

static int a_wait(void)
{
    return process_connect(world_open(&world, "A"), "network", REALM_CONNECT_WAIT, 7) > 0 ? REALM_E_LIMIT : 0;
}

static int two_pages(void)
{
    return allocate(world_open(&world, "A"), 2) ? 0 : REALM_E_LIMIT;
}

static int a_child(void)
{
    return process_spawn(world_open(&world, "C"), "C1", NULL, 9);
}

static int an_instance(void)
{
    return process_spawn(world_open(&world, "C"), "T", "t1", 9);
}

static void start_with(unsigned whose, enum mm_resource resource, uint64_t most)
{
    world.realms[whose].quota.limited[resource] = true;
    world.realms[whose].quota.limit[resource] = most;
    world_start(&world);
    cr_assert_eq(process_register(world_open(&world, "B"), "database", NULL), 0);
}

/* The fix's own words: which key, how much, of which realm; and it stands under `quota:`, not `limits:`. */
static uint64_t least_of(const char *fix, const char *key, const char *realm)
{
    char said[40], unit[8] = "", whose[40];
    unsigned long long least;
    if (sscanf(fix, "raise `%39[a-z]` to %llu or more in the `quota:` of realm `%39[^`]`", said, &least,
               whose) != 3)
        cr_assert_eq(sscanf(fix,
                            "raise `%39[a-z]` to %llu%7[A-Za-z] or more in the `quota:` of realm `%39[^`]`",
                            said, &least, unit, whose),
                     4, "%s", fix);
    cr_expect_str_eq(said, key);
    cr_expect_str_eq(whose, realm);
    cr_expect_str_eq(unit, strcmp(key, "memory") == 0 ? "KiB" : "");
    return unit[0] ? least * 1024 : least;
}

/* What the log says of it: the same realm and limit, and lines to paste that say what the fix says. */
static void expect_logged(long long number, const char *asked, const char *realm, const char *key,
                          uint64_t least)
{
    const struct diagnosis_entry *entry = diagnosis_find(world.broker, (uint64_t)number);
    char line[100];
    cr_assert_gt(number, 0, "it has no number");
    cr_assert_not_null(entry);
    json_t *was = admin_answers_decision(world.broker, entry);
    cr_expect_str_eq(event_text(was, "asked"), asked);
    cr_expect_str_eq(event_text(was, "rule"), "quota");
    cr_expect_str_eq(event_text(json_object_get(was, "quota"), "realm"), realm);
    cr_expect_str_eq(event_text(json_object_get(was, "quota"), "resource"), key);
    if (strcmp(key, "memory") == 0)
        snprintf(line, sizeof line, "- name: %s\n    quota: {memory: %lluKiB}", realm,
                 (unsigned long long)(least / 1024));
    else
        snprintf(line, sizeof line, "- name: %s\n    quota: {%s: %llu}", realm, key,
                 (unsigned long long)least);
    cr_expect_not_null(strstr(event_text(was, "yaml"), line), "%s", event_text(was, "yaml"));
    json_decref(was);
}

/* Another system in the place of this one. */
static void again(void)
{
    world_deinit(&world);
    world_init(&world);
}

WORLD_TEST(quota, each_fix_applied_works)
{
    /* Each resource, at whoever's quota: refused, told with a number in the log, and no longer refused in a
     * system that has the fix and nothing else. */
    static const struct {
        enum mm_resource resource;
        const char *key;
        unsigned whose;
        const char *realm, *asked;
        uint64_t most;
        int (*ask)(void);
    } cases[] = {
        {MM_RESOURCE_CHANNELS, "channels", A, "A", "connect", 2, three_channels},
        {MM_RESOURCE_CAPABILITIES, "capabilities", A, "A", "connect", 2, three_channels},
        {MM_RESOURCE_DESCRIPTORS, "descriptors", A, "A", "charge", 5, three_channels},
        {MM_RESOURCE_CHANNELS, "channels", C, "C", "connect", 2, of_the_parent},
        {MM_RESOURCE_CAPABILITIES, "capabilities", D, "D", "register", 1, one_name},
        {MM_RESOURCE_REQUESTS, "requests", A, "A", "charge", 0, a_wait},
        {MM_RESOURCE_MEMORY, "memory", A, "A", "allocate", 4096, two_pages},
        {MM_RESOURCE_MEMORY, "memory", A, "A", "allocate", 0, two_pages},
        {MM_RESOURCE_REALMS, "realms", C, "C", "spawn", 0, a_child},
        {MM_RESOURCE_REALMS, "realms", C, "C", "spawn", 0, an_instance},
        {MM_RESOURCE_CAPABILITIES, "capabilities", C, "C", "spawn", 1, a_child},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (i > 0)
            again();
        start_with(cases[i].whose, cases[i].resource, cases[i].most);
        cr_assert_eq(cases[i].ask(), REALM_E_LIMIT, "%zu", i);
        const json_t *event = world_event(&world, "limited", "of", cases[i].realm);
        cr_assert_not_null(event, "%zu", i);
        uint64_t least = least_of(event_text(event, "fix"), cases[i].key, cases[i].realm);
        expect_logged(number_of(event, "decision"), cases[i].asked, cases[i].realm, cases[i].key, least);
        for (unsigned enough = 0; enough < 2; enough++) { /* it is the least: with one page or one less, no */
            const uint64_t less = cases[i].resource == MM_RESOURCE_MEMORY ? 4096 : 1;
            again();
            start_with(cases[i].whose, cases[i].resource, enough ? least : least - less);
            cr_expect_eq(cases[i].ask(), enough ? 0 : REALM_E_LIMIT, "%zu, %s", i, enough ? "fixed" : "less");
        }
        cr_expect_eq(world_events(&world, "limited"), 0);
    }
}

WORLD_TEST(quota, the_log_knows_whose_it_was)
{
    /* An instance's quota, after the instance is gone: the decision still says whose, and what to write. */
    cr_assert_eq(world.realms[T].template, true);
    start_with(T, MM_RESOURCE_CHANNELS, 0);
    world_open(&world, "A"); /* with the last client the system would end */
    cr_assert_eq(process_register(world_open(&world, "C"), "logger", NULL), 0);
    cr_assert_eq(world_spawn(&world, "T", "t1"), 0);
    cr_expect_eq(connects(world_open(&world, "t1"), "logger", 1), REALM_E_LIMIT);
    const json_t *event = world_event(&world, "limited", "realm", "t1");
    cr_expect_eq(least_of(event_text(event, "fix"), "channels", "T"), 1);
    long long number = number_of(event, "decision");
    process_exit(world_process(&world, "t1"), 0);
    world_settle(&world);
    const struct diagnosis_entry *entry = diagnosis_find(world.broker, (uint64_t)number);
    cr_assert_not_null(entry);
    json_t *was = admin_answers_decision(world.broker, entry);
    cr_expect_str_eq(event_text(json_object_get(was, "quota"), "realm"), "t1");
    cr_expect_not_null(strstr(event_text(was, "yaml"), "name: T\n    quota: {channels: 1}"));
    json_decref(was);
}
