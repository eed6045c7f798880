/*
 * The twin against the real system: one story of capabilities, told by the same code in both, line by line.
 * What the twin's Memory Manager answers is the real one's answer, in any order of steps.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "librealm/os/sim/sim.h"
#include "tests/integration/harness.h"
#include "tests/realms/story.h"

#define LINES_MAX 200u
#define LINE_MAX  200u

struct transcript {
    char lines[LINES_MAX][LINE_MAX];
    unsigned count;
};

static void keep(void *context, const char *line)
{
    struct transcript *transcript = context;
    cr_assert_lt(transcript->count, LINES_MAX);
    snprintf(transcript->lines[transcript->count++], LINE_MAX, "%s", line);
}

/* --- the twin --- */

static int play_server(void *context)
{
    struct story story = {.say = keep, .context = context};
    return story_play(&story, "server");
}

static int play_keeper(void *context)
{
    struct story story = {.say = keep, .context = context};
    return story_play(&story, "keeper");
}

static int play_giver(void *context)
{
    struct story story = {.say = keep, .context = context};
    return story_play(&story, "giver");
}

static void tell_in_twin(uint64_t seed, enum realm_waiter_kind waiter, struct transcript *ret_transcript)
{
    struct sim_world *world = sim_world_new(seed);
    *ret_transcript = (struct transcript){.count = 0};
    sim_world_waiter(world, waiter);
    sim_world_add_realm(world, "server", play_server, ret_transcript);
    sim_world_add_realm(world, "keeper", play_keeper, ret_transcript);
    sim_world_add_realm(world, "giver", play_giver, ret_transcript);
    cr_assert_eq(sim_world_run(world), SIM_ENDED, "seed %llu", (unsigned long long)seed);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(sim_realm_exit(world, i), 0, "realm %u, seed %llu", i, (unsigned long long)seed);
        cr_assert_eq(sim_realm_counters(world, i).memory, 0);
        cr_assert_eq(sim_realm_counters(world, i).handles, 0);
    }
    cr_assert_eq(sim_manager_left(world), 0);
    sim_world_free(world);
}

static void expect_same(const struct transcript *twin, const struct transcript *real, const char *what)
{
    for (unsigned i = 0; i < twin->count && i < real->count; i++)
        cr_expect_str_eq(twin->lines[i], real->lines[i], "%s, line %u: \"%s\", and not \"%s\"", what, i + 1,
                         twin->lines[i], real->lines[i]);
    cr_assert_eq(twin->count, real->count, "%s", what);
}

/* --- the real system --- */

static void tell_on_daemon(const char *waiter, struct transcript *ret_transcript)
{
    const char *options[] = {waiter, NULL};
    struct run *run = run_start("system: t\nrealms:\n"
                                "  - {name: server, program: \"@BIN@/story\", args: [server]}\n"
                                "  - {name: keeper, program: \"@BIN@/story\", args: [keeper]}\n"
                                "  - {name: giver, program: \"@BIN@/story\", args: [giver]}\n"
                                "services:\n"
                                "  - {name: shared, provider: server, access: [{realm: giver, rights: [send, "
                                "grant, mint, revoke]}]}\n"
                                "  - {name: keeper, provider: keeper, access: [{realm: giver, rights: [send, "
                                "grant, mint, revoke]}]}\n",
                                options);
    *ret_transcript = (struct transcript){.count = 0};
    do {
        json_t *log = run_wait_event(run, "log", "realm", "giver");
        keep(ret_transcript, json_string_value(json_object_get(log, "text")));
    } while (strcmp(ret_transcript->lines[ret_transcript->count - 1], "the end") != 0);
    cr_assert_eq(run_finish(run), 0);
    cr_assert_eq(run_seen(run, "offence"), 0);
    run_nothing_left(run);
}

/* Lines that the law says must be there, so that the two are not wrong together. */
static void expect_lawful(const struct transcript *transcript)
{
    static const char *const lines[] = {
        "its badge: minted 42",
        "a mint of what cannot be minted: REALM_E_DENIED, kind 0, rights 0, window 0 0",
        "a gift without GRANT: REALM_E_DENIED",
        "taken twice: REALM_E_STALE",
        "the copy: REALM_E_REVOKED",
        "its own service: REALM_E_DENIED",
        "its badge: minted 5",
        "a forged ticket: REALM_E_INCAPABLE",
        "gate, look: REALM_E_INCAPABLE REALM_E_INCAPABLE",
        "mapped to be written: REALM_E_DENIED",
        "the keeper reads: \"in the first\"",
        "the second part was not: REALM_OK \"in the second\"",
        "what was there: REALM_OK \"in the first\"",
        "undisturbed: REALM_OK \"in the first\"",
        "what it kept is gone: REALM_E_REVOKED",
        "held: REALM_E_STALE",
        "sealed while it is given: REALM_E_DENIED",
        "sealed again: REALM_E_EXISTS",
        "mapped to be written: REALM_E_DENIED",
        "mapped to be read: REALM_OK, sealed: REALM_OK",
        "there: REALM_OK \"for good\"",
        "given to be written: REALM_E_DENIED",
        "the keeper seals: REALM_E_EXISTS",
        "mapped anew: REALM_OK, sealed: REALM_OK",
        "mapped: REALM_OK, sealed: REALM_OK",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        bool found = false;
        for (unsigned j = 0; j < transcript->count; j++)
            found = found || strcmp(transcript->lines[j], lines[i]) == 0;
        cr_expect(found, "nobody said: %s", lines[i]);
    }
}

/* Goal: with either waiter, the real system and the twin tell the same story. */
Test(twin, tells_what_the_real_system_tells)
{
    static struct transcript real, twin;
    tell_on_daemon("--waiter=uring", &real);
    expect_lawful(&real);
    tell_in_twin(1, REALM_WAITER_URING, &twin);
    expect_same(&twin, &real, "uring");
    tell_on_daemon("--waiter=pipe", &real);
    tell_in_twin(1, REALM_WAITER_PIPE, &twin);
    expect_same(&twin, &real, "pipe");
}

/* Goal: in the twin the story is the same whatever order the seed makes of it. */
Test(twin, tells_it_in_any_order)
{
    static struct transcript first, other;
    tell_in_twin(1, REALM_WAITER_URING, &first);
    expect_lawful(&first);
    for (uint64_t seed = 2; seed <= 200; seed++) {
        tell_in_twin(seed, seed % 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE, &other);
        expect_same(&other, &first, "another seed");
    }
}
