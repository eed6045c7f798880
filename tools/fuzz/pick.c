/* Realms and capabilities for operations, by what the world has now. */
#include "tools/fuzz/pick.h"

/* The name by which a case calls a realm of the world. */
int pick_name_of_realm(const struct run *run, int realm)
{
    if (realm < (int)run->example->system.realms_count)
        return realm;
    for (int i = 0; i < (int)FUZZ_OPERATIONS; i++)
        if (run->made[i].instance == realm)
            return FUZZ_INSTANCE + i;
    return FUZZ_NOTHING;
}

struct fuzz_capability pick_name_of(const struct run *run, int capability)
{
    for (int i = 0; i < (int)FUZZ_OPERATIONS; i++)
        if (run->made[i].capability != ORACLE_NONE && capability >= run->made[i].capability &&
            capability < run->made[i].capability + (int)run->made[i].count)
            return (struct fuzz_capability){i, (unsigned)(capability - run->made[i].capability)};
    return (struct fuzz_capability){FUZZ_NOTHING, 0};
}

/* Any realm, dead ones and what never was included. */
int pick_any_realm(struct draw *draw, const struct run *run)
{
    unsigned number = draw_below(draw, run->world.realms_count + 1);
    return number < run->world.realms_count ? (int)number : ORACLE_NONE;
}

/* One that runs, as a rule. */
int pick_running(struct draw *draw, const struct run *run)
{
    if (draw_chance(draw, 8))
        return pick_any_realm(draw, run);
    size_t start = draw_below(draw, run->world.realms_count);
    for (size_t i = 0; i < run->world.realms_count; i++) {
        size_t realm = (start + i) % run->world.realms_count;
        if (!run->world.removed[realm] && (realm == ORACLE_INIT || run->world.running[realm]))
            return (int)realm;
    }
    return ORACLE_INIT;
}

int pick_child(struct draw *draw, const struct run *run, int actor)
{
    size_t start = draw_below(draw, run->world.realms_count);
    for (size_t i = 0; i < run->world.realms_count; i++) {
        size_t realm = (start + i) % run->world.realms_count;
        if (!run->world.removed[realm] && realm != ORACLE_INIT && run->world.realms[realm].parent == actor)
            return (int)realm;
    }
    return pick_any_realm(draw, run);
}

bool pick_wants_any(const struct oracle_world *world, const struct oracle_capability *capability)
{
    (void)world;
    return capability->state == ORACLE_LIVE;
}

bool pick_wants_giveable(const struct oracle_world *world, const struct oracle_capability *capability)
{
    return pick_wants_any(world, capability) && (capability->rights & ORACLE_GRANT) != 0;
}

bool pick_wants_send(const struct oracle_world *world, const struct oracle_capability *capability)
{
    return pick_wants_any(world, capability) && capability->kind == ORACLE_IS_SEND;
}

bool pick_wants_endpoint(const struct oracle_world *world, const struct oracle_capability *capability)
{
    return pick_wants_any(world, capability) && capability->kind == ORACLE_IS_ENDPOINT;
}

bool pick_wants_sealable(const struct oracle_world *world, const struct oracle_capability *capability)
{
    return pick_wants_any(world, capability) && capability->kind == ORACLE_IS_MEMORY &&
           capability->parent == ORACLE_NONE;
}

bool pick_wants_gate(const struct oracle_world *world, const struct oracle_capability *capability)
{
    return pick_wants_any(world, capability) && capability->kind == ORACLE_IS_GATE;
}

bool pick_wants_debug(const struct oracle_world *world, const struct oracle_capability *capability)
{
    return pick_wants_any(world, capability) && capability->kind == ORACLE_IS_DEBUG;
}

bool pick_wants_revocable(const struct oracle_world *world, const struct oracle_capability *capability)
{
    if (!pick_wants_any(world, capability) || !(capability->rights & ORACLE_REVOKE))
        return false;
    int self = (int)(capability - world->capabilities);
    for (size_t i = 0; i < world->capabilities_count; i++)
        if (world->capabilities[i].state == ORACLE_LIVE && world->capabilities[i].parent == self)
            return true;
    return false;
}

/* How many generations of live capabilities hang below one. */
static unsigned generations_below(const struct oracle_world *world, int capability)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < world->capabilities_count; i++) {
        unsigned depth = 0;
        int at = (int)i;
        if (world->capabilities[i].state != ORACLE_LIVE)
            continue;
        for (; at != ORACLE_NONE && at != capability; at = world->capabilities[at].parent)
            depth++;
        if (at == capability && depth > deepest)
            deepest = depth;
    }
    return deepest;
}

/* Under assertions init does nothing with what it holds. */
static bool is_idle(const struct run *run, size_t capability)
{
    return run->example->asserts_count > 0 && run->world.capabilities[capability].holder == ORACLE_INIT;
}

/* What is worth a revoke: the most generations below it. */
int pick_deepest_revocable(const struct run *run, unsigned *ret_generations)
{
    const struct oracle_world *world = &run->world;
    int best = ORACLE_NONE;
    unsigned most = 0;
    for (size_t i = 0; i < world->capabilities_count; i++)
        if (pick_wants_revocable(world, &world->capabilities[i]) && !is_idle(run, i)) {
            unsigned generations = generations_below(world, (int)i);
            if (generations > most) {
                most = generations;
                best = (int)i;
            }
        }
    *ret_generations = most;
    return best;
}

/* What is worth deriving from: it hangs low already. */
int pick_lowest_giveable(const struct run *run)
{
    const struct oracle_world *world = &run->world;
    int best = ORACLE_NONE;
    unsigned most = 0;
    for (size_t i = 0; i < world->capabilities_count; i++) {
        unsigned depth = 1;
        if (!pick_wants_giveable(world, &world->capabilities[i]) || is_idle(run, i))
            continue;
        for (int at = world->capabilities[i].parent; at != ORACLE_NONE; at = world->capabilities[at].parent)
            depth++;
        if (depth > most) {
            most = depth;
            best = (int)i;
        }
    }
    return best;
}

/* Looking from a drawn place on, the younger first: what was derived last is derived from next, and trees
 * grow. */
int pick_wanted(struct draw *draw, const struct run *run, pick_wanted_capability *wanted)
{
    size_t count = run->world.capabilities_count;
    if (count == 0)
        return ORACLE_NONE;
    size_t start = draw_chance(draw, 130) ? count - 1 : draw_byte(draw) * count / 256;
    for (size_t i = 0; i < count; i++) {
        size_t at = (start + count - i) % count;
        if (wanted(&run->world, &run->world.capabilities[at]))
            return (int)at;
    }
    return ORACLE_NONE;
}

/* The capability, and with it the actor: its holder, or sometimes init, or anybody. */
int pick_held(struct draw *draw, const struct run *run, pick_wanted_capability *wanted,
              struct fuzz_operation *operation)
{
    int capability = ORACLE_NONE;
    unsigned generations;
    bool deep = draw_chance(draw, 140);
    if (deep && wanted == pick_wants_revocable)
        capability = pick_deepest_revocable(run, &generations);
    else if (deep && wanted == pick_wants_giveable)
        capability = pick_lowest_giveable(run);
    if (capability == ORACLE_NONE)
        capability = pick_wanted(draw, run, draw_chance(draw, 12) ? pick_wants_any : wanted);
    operation->source = pick_name_of(run, capability);
    if (draw_chance(draw, 8)) {
        operation->source = (struct fuzz_capability){FUZZ_NOTHING, draw_byte(draw)};
    } else if (draw_chance(draw, 8)) { /* also what is dead */
        capability = run->world.capabilities_count ? (int)draw_below(draw, run->world.capabilities_count)
                                                   : ORACLE_NONE;
        operation->source = pick_name_of(run, capability);
    }
    if (capability != ORACLE_NONE && !draw_chance(draw, 16))
        operation->actor = pick_name_of_realm(run, run->world.capabilities[capability].holder);
    else
        operation->actor =
            draw_chance(draw, 100) ? ORACLE_INIT : pick_name_of_realm(run, pick_any_realm(draw, run));
    return capability;
}
