/*
 * The story of capabilities (tests/realms/story.h) in the twin, whose Memory Manager asks the real policy
 * engine: with deaths and revocations at any step. What it says when nothing happens is compared with the
 * real system in tests/integration/twin_test.c.
 */
#include "tests/unit/client/twin.h"

#include "tests/realms/story.h"

static void forget(void *context, const char *line)
{
    (void)line;
    (*(unsigned *)context)++;
}

static int play_server(void *context)
{
    struct story story = {.say = forget, .context = context};
    return story_play(&story, "server");
}

static int play_keeper(void *context)
{
    struct story story = {.say = forget, .context = context};
    return story_play(&story, "keeper");
}

static int play_giver(void *context)
{
    struct story story = {.say = forget, .context = context};
    return story_play(&story, "giver");
}

enum { SERVER, KEEPER, GIVER, ROLES };

static struct sim_world *world_of(uint64_t seed, unsigned *lines)
{
    struct sim_world *world = sim_world_new(seed);
    sim_world_waiter(world, seed % 2 ? REALM_WAITER_URING : REALM_WAITER_PIPE);
    sim_world_add_realm(world, "server", play_server, lines);
    sim_world_add_realm(world, "keeper", play_keeper, lines);
    sim_world_add_realm(world, "giver", play_giver, lines);
    return world;
}

/* Ends, whatever happened in it, and nothing of anybody is left. */
static void expect_over(struct sim_world *world)
{
    enum sim_end end = sim_world_run(world);
    if (end != SIM_ENDED)
        show_tail(world);
    CHECK_EQ(end, SIM_ENDED);
    CHECK_EQ(sim_manager_left(world), 0);
    for (unsigned i = 0; i < ROLES; i++) {
        CHECK_EQ(sim_realm_counters(world, i).faults, 0); /* nobody takes another's end for its fault */
        if (sim_realm_exit(world, i) == SIM_KILLED)
            continue;
        CHECK_EQ(sim_realm_counters(world, i).memory, 0);
        CHECK_EQ(sim_realm_counters(world, i).handles, 0);
    }
    sim_world_free(world);
}

static uint64_t steps_of(unsigned role)
{
    unsigned lines = 0;
    struct sim_world *world = world_of(1, &lines);
    CHECK_EQ(sim_world_run(world), SIM_ENDED);
    uint64_t steps = sim_realm_counters(world, role).steps;
    CHECK(steps > 100);
    CHECK(lines > 80);
    sim_world_free(world);
    return steps;
}

/* Goal: each realm is killed at steps all along the story: the others end well, and nothing of it is left. */
Test(story, deaths)
{
    for (unsigned role = 0; role < ROLES; role++) {
        const uint64_t steps = steps_of(role);
        for (uint64_t step = 1; step <= steps; step += 1 + steps / 150) {
            unsigned lines = 0;
            struct sim_world *world = world_of(1 + step % 2, &lines);
            sim_kill_at_step(world, role, step);
            expect_over(world);
        }
    }
}

/* Goal: the same with the channels of one of them taken away at that step. */
Test(story, revocations)
{
    for (unsigned role = 0; role < ROLES; role++) {
        const uint64_t steps = steps_of(role);
        for (uint64_t step = 1; step <= steps; step += 1 + steps / 100) {
            unsigned lines = 0;
            struct sim_world *world = world_of(1 + step % 2, &lines);
            sim_close_at_step(world, role, step, REALM_E_REVOKED);
            expect_over(world);
        }
    }
}

/* Goal: one seed is one run, byte for byte, with the policy engine in it. */
Test(story, same_seed_same_run)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        unsigned lines[2] = {0, 0};
        size_t sizes[2];
        struct sim_world *worlds[2];
        const char *logs[2];
        for (unsigned i = 0; i < 2; i++) {
            worlds[i] = world_of(seed, &lines[i]);
            CHECK_EQ(sim_world_run(worlds[i]), SIM_ENDED);
            logs[i] = sim_world_log(worlds[i], &sizes[i]);
        }
        CHECK_EQ(sizes[0], sizes[1]);
        CHECK(memcmp(logs[0], logs[1], sizes[0]) == 0);
        sim_world_free(worlds[0]);
        sim_world_free(worlds[1]);
    }
}
