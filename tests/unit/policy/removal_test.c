/*
 * REVOKE, DELETE, END and the clearing after them: dead at once, cleared in steps, each once, deepest first.
 */
#include "tests/unit/policy/world.h"

#include "mm/policy/state.h"

struct forest {
    struct world world;
    struct policy_realm owner, child, other;
    struct policy_capability root,
        derived[5]; /* 0 under root, 1 under 0, 2 under 1, 3 under 0, 4 under root */
};

static struct policy_capability derive(struct forest *f, struct policy_realm actor,
                                       struct policy_capability of, struct policy_realm target)
{
    struct policy_event event = {
        .kind = POLICY_DERIVE,
        .mode = POLICY_COPY,
        .actor = actor,
        .subject = target,
        .capability = of,
        .rights = REALM_RIGHT_READ | REALM_RIGHT_GRANT | REALM_RIGHT_REVOKE,
        .window = {0, 4096},
    };
    return put_only(&f->world, event).capability;
}

static void forest_init(struct forest *f)
{
    struct world *world = &f->world;
    world_init(world);
    f->owner = realm_under(world, world->init);
    f->child = realm_under(world, f->owner);
    f->other = realm_under(world, f->owner);
    struct policy_event allocate = {.kind = POLICY_ALLOCATE, .actor = f->owner, .amount = 4096};
    f->root = put_only(world, allocate).capability;
    f->derived[0] = derive(f, f->owner, f->root, f->child);
    f->derived[1] = derive(f, f->child, f->derived[0], f->child);
    f->derived[2] = derive(f, f->child, f->derived[1], f->child);
    f->derived[3] = derive(f, f->child, f->derived[0], f->child);
    f->derived[4] = derive(f, f->owner, f->root, f->other);
}

static bool live(const struct forest *f, struct policy_capability capability)
{
    struct policy_capability_info info;
    return policy_capability_get(f->world.policy, capability, &info);
}

static struct policy_event on(enum policy_event_kind kind, struct policy_realm actor,
                              struct policy_capability capability)
{
    return ending_event(kind, actor, capability);
}

static uint64_t held(const struct forest *f, struct policy_realm realm)
{
    struct policy_usage usage;
    cr_assert_eq(policy_get_usage(f->world.policy, realm, POLICY_CAPABILITIES, &usage), 0);
    return usage.own;
}

/* Clears all, `portion` steps at a time. */
static void clear_all(struct forest *f, size_t portion, struct removals *gone)
{
    gone->all = true;
    for (size_t calls = 0; !policy_clear(f->world.policy, portion, note_removal, gone); calls++)
        cr_assert_lt(calls, 1000);
}

static size_t position(const struct removals *gone, struct policy_capability capability)
{
    for (size_t i = 0; i < gone->count; i++) {
        if (same_capability(gone->list[i].capability, capability))
            return i;
    }
    return SIZE_MAX;
}

/* Goal: a revoke kills all below at once and nothing else; quota comes back as it is cleared, deepest first.
 */
Test(removal, revoke)
{
    for (size_t portion = 1; portion <= 8; portion++) {
        struct forest f;
        forest_init(&f);
        uint64_t before = held(&f, f.child);
        put_only(&f.world, on(POLICY_REVOKE, f.child, f.derived[0]));
        cr_assert(live(&f, f.root) && live(&f, f.derived[0]) && live(&f, f.derived[4]));
        cr_assert_not(live(&f, f.derived[1]) || live(&f, f.derived[2]) || live(&f, f.derived[3]));
        cr_assert_eq(held(&f, f.child), before, "what is dead and not cleared still counts");
        struct removals gone = {0};
        clear_all(&f, portion, &gone);
        cr_assert_eq(gone.count, 3);
        cr_assert_lt(position(&gone, f.derived[2]), position(&gone, f.derived[1]));
        cr_assert_eq(held(&f, f.child), before - 3);
        put_only(&f.world, on(POLICY_REVOKE, f.child, f.derived[0]));
        clear_all(&f, portion, &gone);
        cr_assert_eq(gone.count, 3, "a second one removes nothing");
        world_deinit(&f.world);
    }
}

/* Goal: what is derived after the revoke lives, though the revoked lie uncleared beside it. */
Test(removal, derived_meanwhile)
{
    struct forest f;
    forest_init(&f);
    put_only(&f.world, on(POLICY_REVOKE, f.owner, f.root));
    struct policy_capability fresh = derive(&f, f.owner, f.root, f.child);
    struct policy_capability below = derive(&f, f.child, fresh, f.child);
    struct removals gone = {0};
    gone.all = true;
    policy_clear(f.world.policy, 2, note_removal, &gone);
    struct policy_capability more = derive(&f, f.owner, f.root, f.other);
    clear_all(&f, 1, &gone);
    cr_assert_eq(gone.count, 5);
    cr_assert(live(&f, fresh) && live(&f, below) && live(&f, more));
    put_only(&f.world, on(POLICY_REVOKE, f.owner, f.root));
    cr_assert_not(live(&f, fresh) || live(&f, below) || live(&f, more));
    clear_all(&f, 1, &gone);
    cr_assert_eq(gone.count, 8);
    world_deinit(&f.world);
}

/* Goal: needs the right, the holder and life; what is dead cannot revoke, derive, move or be deleted again.
 */
Test(removal, refusals)
{
    struct forest f;
    forest_init(&f);
    cr_assert_eq(decide(&f.world, on(POLICY_REVOKE, f.other, f.derived[0])).status, REALM_E_STALE);
    struct policy_event weak = {.kind = POLICY_DERIVE,
                                .mode = POLICY_COPY,
                                .actor = f.owner,
                                .subject = f.owner,
                                .capability = f.root,
                                .rights = REALM_RIGHT_READ,
                                .window = {0, 4096}};
    struct policy_capability plain = put_only(&f.world, weak).capability;
    cr_assert_eq(decide(&f.world, on(POLICY_REVOKE, f.owner, plain)).status, REALM_E_DENIED);
    cr_assert_eq(decide(&f.world, on(POLICY_REVOKE, f.owner, plain)).rule, POLICY_RULE_RIGHTS);
    put_only(&f.world, on(POLICY_REVOKE, f.owner, f.root));
    cr_assert_eq(decide(&f.world, on(POLICY_REVOKE, f.child, f.derived[0])).status, REALM_E_STALE);
    cr_assert_eq(decide(&f.world, on(POLICY_DELETE, f.child, f.derived[0])).status, REALM_E_STALE);
    weak.actor = weak.subject = f.child;
    weak.capability = f.derived[0];
    cr_assert_eq(decide(&f.world, weak).status, REALM_E_STALE);
    world_deinit(&f.world);
}

/* Goal: a revoker that is itself among the revoked: both revocations end, each capability is told of once. */
Test(removal, revoker_among_the_revoked)
{
    for (size_t portion = 1; portion <= 3; portion++) {
        struct forest f;
        forest_init(&f);
        put_only(&f.world, on(POLICY_REVOKE, f.child, f.derived[0]));
        struct removals gone = {0};
        gone.all = true;
        policy_clear(f.world.policy, 1, note_removal, &gone);
        put_only(&f.world, on(POLICY_REVOKE, f.owner, f.root));
        put_only(&f.world, end_event(f.child, false));
        clear_all(&f, portion, &gone);
        for (size_t i = 0; i < 5; i++)
            cr_assert_neq(position(&gone, f.derived[i]), SIZE_MAX);
        cr_assert_eq(gone.count, 6, "five, and the child's own realm capability");
        cr_assert(live(&f, f.root));
        world_deinit(&f.world);
    }
}

/* Goal: deleting one in the middle leaves what was derived from it to its parent. */
Test(removal, delete_in_the_middle)
{
    for (int cleared = 0; cleared <= 1; cleared++) {
        struct forest f;
        forest_init(&f);
        struct removals gone = {0};
        put_only(&f.world, on(POLICY_DELETE, f.child, f.derived[0]));
        if (cleared)
            clear_all(&f, 1, &gone);
        struct policy_capability_info info;
        cr_assert_not(live(&f, f.derived[0]));
        cr_assert(policy_capability_get(f.world.policy, f.derived[1], &info));
        cr_assert(same_capability(info.parent, f.root));
        cr_assert(live(&f, f.derived[2]) && live(&f, f.derived[3]));
        put_only(&f.world, on(POLICY_REVOKE, f.owner, f.root));
        cr_assert_not(live(&f, f.derived[1]) || live(&f, f.derived[2]) || live(&f, f.derived[3]));
        clear_all(&f, 1, &gone);
        cr_assert_eq(gone.count, 5);
        world_deinit(&f.world);
    }
}

/* Goal: what was revoked before its parent was deleted stays dead, and is not handed on. */
Test(removal, delete_after_revoke)
{
    struct forest f;
    forest_init(&f);
    put_only(&f.world, on(POLICY_REVOKE, f.child, f.derived[0]));
    struct policy_capability fresh = derive(&f, f.child, f.derived[0], f.child);
    put_only(&f.world, on(POLICY_DELETE, f.child, f.derived[0]));
    cr_assert(live(&f, fresh));
    cr_assert_not(live(&f, f.derived[1]));
    struct removals gone = {0};
    clear_all(&f, 1, &gone);
    cr_assert_eq(gone.count, 4);
    cr_assert(live(&f, fresh));
    put_only(&f.world, on(POLICY_DELETE, f.owner, f.root));
    cr_assert_not(live(&f, fresh));
    clear_all(&f, 1, &gone);
    cr_assert_eq(gone.count, 7, "a root takes all with it");
    world_deinit(&f.world);
}

/* Goal: below what is deleted, what has ended by itself or was deleted before is told of first. */
Test(removal, dead_below_the_deleted)
{
    struct forest f;
    forest_init(&f);
    struct policy_realm instance = instance_under(&f.world, f.child, f.other);
    struct policy_capability given = derive(&f, f.child, f.derived[3], instance);
    struct policy_capability kept = derive(&f, f.child, f.derived[1], f.child);
    put_only(&f.world, end_event(instance, true));
    put_only(&f.world, on(POLICY_DELETE, f.child, f.derived[3]));
    put_only(&f.world, on(POLICY_DELETE, f.child, f.derived[1]));
    put_only(&f.world, on(POLICY_DELETE, f.child, f.derived[0]));
    struct removals gone = {0};
    clear_all(&f, 1, &gone);
    cr_assert_lt(position(&gone, given), position(&gone, f.derived[3]));
    cr_assert_lt(position(&gone, f.derived[3]), position(&gone, f.derived[0]));
    cr_assert_lt(position(&gone, f.derived[1]), position(&gone, f.derived[0]));
    cr_assert_eq(gone.count, 5, "four, and the instance's own");
    struct policy_capability_info info;
    cr_assert(policy_capability_get(f.world.policy, kept, &info));
    cr_assert(same_capability(info.parent, f.root));
    world_deinit(&f.world);
}

/* Goal: a chain of deletions that nobody clears; then it is cleared, and nothing is lost. */
Test(removal, deleted_chain)
{
    struct forest f;
    forest_init(&f);
    struct policy_capability last = f.derived[2], previous = no_capability;
    for (size_t i = 0; i < 100; i++) {
        previous = last;
        last = derive(&f, f.child, last, f.child);
        derive(&f, f.child, last, f.child);
        put_only(&f.world, on(POLICY_DELETE, f.child, previous));
    }
    cr_assert(live(&f, last));
    for (size_t i = 0; i < 400; i++)
        policy_clear(f.world.policy, 1, NULL, NULL);
    cr_assert(live(&f, last));
    struct policy_capability_info info;
    cr_assert(policy_capability_get(f.world.policy, last, &info));
    cr_assert(same_capability(info.parent, f.derived[1]));
    world_deinit(&f.world);
}

/* Goal: an instance that is forgotten at once is cleared afterwards, and its slot waits for that. */
Test(removal, forgotten_instance)
{
    struct forest f;
    forest_init(&f);
    struct policy_realm instance = instance_under(&f.world, f.child, f.other);
    struct policy_capability given = derive(&f, f.child, f.derived[0], instance);
    struct policy_capability below = derive(&f, instance, given, instance);
    put_only(&f.world, end_event(instance, true));
    cr_assert_not(live(&f, given) || live(&f, below));
    cr_assert_eq(decide(&f.world, end_event(instance, true)).status, REALM_E_STALE);
    struct policy_realm next = instance_under(&f.world, f.child, f.other);
    cr_assert_neq(next.index, instance.index, "its slot is still needed");
    struct removals gone = {0};
    clear_all(&f, 1, &gone);
    cr_assert_eq(gone.count, 3);
    cr_assert_lt(position(&gone, below), position(&gone, given));
    cr_assert(same_realm(gone.list[position(&gone, given)].holder, instance));
    struct policy_realm third = instance_under(&f.world, f.child, f.other);
    cr_assert_eq(third.index, instance.index);
    cr_assert_neq(third.generation, instance.generation);
    world_deinit(&f.world);
}

/* Goal: END and START again before anything is cleared: the old life's things go, the new one's stay. */
Test(removal, restarted_before_cleared)
{
    struct forest f;
    forest_init(&f);
    put_only(&f.world, end_event(f.child, false));
    put_only(&f.world, child_event(POLICY_START, f.owner, f.child));
    struct policy_capability fresh = derive(&f, f.owner, f.root, f.child);
    cr_assert_not(live(&f, f.derived[0]) || live(&f, f.derived[2]));
    struct removals gone = {0};
    clear_all(&f, 1, &gone);
    cr_assert_eq(gone.count, 5);
    cr_assert(live(&f, fresh) && live(&f, f.derived[4]));
    cr_assert_eq(decide(&f.world, child_event(POLICY_KILL, f.owner, f.child)).status, 0);
    world_deinit(&f.world);
}

/* Goal: the numbers by which age is told do not wrap in any life, and badges end before they would. */
Test(removal, numbers_used_up)
{
    struct world world;
    world_init(&world);
    struct policy_realm server = realm_under(&world, world.init), client = realm_under(&world, world.init);
    struct policy_service service = service_by(&world, "vfs", server, 20);
    access_for(&world, service, POLICY_MATCH_ALL, no_realm, 21);
    put(&world, register_event(server, "vfs"), NULL);
    world.policy->badges = POLICY_BADGE_MAX - 1;
    cr_assert_eq(put(&world, connect_event(client, "vfs"), NULL).badge, POLICY_BADGE_MAX);
    cr_assert_eq(decide(&world, connect_event(client, "vfs")).status, REALM_E_LIMIT);
    world_deinit(&world);
}

/* Goal: the slot of an instance that is forgotten waits for those of its children, and one of these for what
 * others hold that is about it. */
Test(removal, forgotten_before_its_child)
{
    struct forest f;
    forest_init(&f);
    struct policy_realm above = instance_under(&f.world, f.owner, f.child);
    struct policy_realm below = instance_under(&f.world, above, f.child);
    struct policy_event allocate = {.kind = POLICY_ALLOCATE, .actor = below, .amount = 4096};
    struct policy_capability memory = put(&f.world, allocate, NULL).capability;
    struct policy_event move = {.kind = POLICY_DERIVE,
                                .mode = POLICY_MOVE,
                                .actor = f.world.init,
                                .subject = f.owner,
                                .capability = memory};
    put(&f.world, move, NULL);
    put(&f.world, end_event(below, true), NULL);
    put(&f.world, end_event(above, true), NULL);
    cr_assert(live(&f, memory));
    struct policy_realm next = instance_under(&f.world, f.owner, f.child);
    cr_assert(next.index != above.index && next.index != below.index, "both slots are needed");
    put(&f.world, on(POLICY_DELETE, f.owner, memory), NULL);
    cr_assert_eq(instance_under(&f.world, f.owner, f.child).index, above.index, "the last that became free");
    cr_assert_eq(instance_under(&f.world, f.owner, f.child).index, below.index);
    world_deinit(&f.world);
}
