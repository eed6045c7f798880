/*
 * REVOKE_CHILD: a parent takes all that its child holds of a service, and the grant: dead at once, cleared in
 * steps, also when realms end meanwhile.
 */
#include "tests/unit/policy/world.h"

#include "mm/policy/state.h"

struct household {
    struct world world;
    struct policy_realm server, parent, child, grandchild;
    struct policy_service vfs, logger;
    struct policy_capability to_vfs, to_logger, below;
};

static void household_init(struct household *h)
{
    struct world *world = &h->world;
    world_init(world);
    h->server = realm_under(world, world->init);
    h->parent = realm_under(world, world->init);
    h->child = realm_under(world, h->parent);
    h->grandchild = realm_under(world, h->child);
    h->vfs = service_by(world, "vfs", h->server, 20);
    h->logger = service_by(world, "logger", h->server, 21);
    struct policy_entry entry =
        entry_of(POLICY_MATCH_REALM, h->parent, policy_kind_rights(POLICY_KIND_SEND), 22);
    cr_assert_eq(policy_add_access(world->policy, h->vfs, &entry), 0);
    access_for(world, h->logger, POLICY_MATCH_ALL, no_realm, 23);
    put(world, register_event(h->server, "vfs"), NULL);
    put(world, register_event(h->server, "logger"), NULL);
    struct policy_event grant = grant_event(h->parent, h->child, "vfs");
    grant.rights = REALM_RIGHT_SEND | REALM_RIGHT_GRANT;
    put(world, grant, NULL);
    h->to_logger = put(world, connect_event(h->child, "logger"), NULL).capability;
    h->to_vfs = put(world, connect_event(h->child, "vfs"), NULL).capability;
    struct policy_event copy = {.kind = POLICY_DERIVE,
                                .mode = POLICY_COPY,
                                .actor = h->child,
                                .subject = h->grandchild,
                                .capability = h->to_vfs,
                                .rights = REALM_RIGHT_SEND};
    h->below = put(world, copy, NULL).capability;
}

/* Goal: the sends of that service go with all derived from them, and the grant; others stay; again is
 * allowed. */
Test(revoke_child, of_one_service)
{
    struct household h;
    household_init(&h);
    struct policy_capability_info info;
    for (size_t i = 0; i < 2; i++) {
        put_only(&h.world, revoke_child_event(h.parent, h.child, "vfs"));
        cr_assert_not(policy_capability_get(h.world.policy, h.to_vfs, &info));
        cr_assert_not(policy_capability_get(h.world.policy, h.below, &info));
        cr_assert(policy_capability_get(h.world.policy, h.to_logger, &info));
    }
    cr_assert_eq(decide(&h.world, connect_event(h.child, "vfs")).rule, POLICY_RULE_DEFAULT);
    put_only(&h.world, grant_event(h.parent, h.child, "vfs"));
    struct policy_capability again = put_only(&h.world, connect_event(h.child, "vfs")).capability;
    struct removals gone = {0};
    while (!policy_clear(h.world.policy, 1, note_removal, &gone)) {
    }
    cr_assert_eq(gone.count, 2);
    cr_assert(same_capability(gone.list[0].capability, h.below));
    cr_assert(same_capability(gone.list[1].capability, h.to_vfs));
    cr_assert(policy_capability_get(h.world.policy, again, &info));
    world_deinit(&h.world);
}

/* Goal: only a parent, who manages the realm, or init; only of a declared service. */
Test(revoke_child, refused)
{
    struct household h;
    household_init(&h);
    struct policy_realm others[] = {h.server, h.grandchild, h.child};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(decide(&h.world, revoke_child_event(others[i], h.child, "vfs")).status,
                     REALM_E_NOT_CHILD);
        cr_assert_eq(decide(&h.world, revoke_child_event(others[i], h.child, "vfs")).rule,
                     POLICY_RULE_PARENT);
    }
    cr_assert_eq(decide(&h.world, revoke_child_event(h.parent, h.grandchild, "vfs")).status,
                 REALM_E_NOT_CHILD);
    cr_assert_eq(decide(&h.world, revoke_child_event(h.parent, h.child, "x")).status, REALM_E_NO_SERVICE);
    cr_assert_eq(decide(&h.world, revoke_child_event(h.world.init, h.grandchild, "vfs")).status, 0);
    world_deinit(&h.world);
}

/* Goal: cuts, and the ends of all realms concerned, one after the other with nothing cleared between. */
Test(revoke_child, everything_at_once)
{
    struct household h;
    household_init(&h);
    put_only(&h.world, revoke_child_event(h.parent, h.child, "vfs"));
    put_only(&h.world, revoke_child_event(h.parent, h.child, "logger"));
    put_only(&h.world, end_event(h.grandchild, false));
    put_only(&h.world, end_event(h.child, false));
    put_only(&h.world, end_event(h.server, false));
    put_only(&h.world, end_event(h.parent, false));
    struct removals gone = {0};
    while (!policy_clear(h.world.policy, 1, note_removal, &gone)) {
    }
    cr_assert_eq(gone.count, 5, "two endpoints, three sends");
    cr_assert_eq(h.world.policy->capabilities.live, 0);
    cr_assert_eq(h.world.policy->cuts.live + h.world.policy->grants.live, 0);
    cr_assert_eq(h.world.policy->holdings_index.used, 0);
    world_deinit(&h.world);
}

/* Goal: a realm's end takes the grants that it gave, though who was given them goes on. */
Test(revoke_child, grants_of_who_ended)
{
    struct household h;
    household_init(&h);
    cr_assert_eq(h.world.policy->grants.live, 1);
    put(&h.world, end_event(h.parent, false), NULL);
    cr_assert_eq(h.world.policy->grants.live, 0);
    cr_assert(policy_running(h.world.policy, h.child));
    world_deinit(&h.world);
}

/* Goal: a revoke from a child that holds nothing takes the grant, and leaves nothing to be cleared. */
Test(revoke_child, who_holds_nothing)
{
    struct household h;
    household_init(&h);
    struct policy_realm poor = realm_under(&h.world, h.parent);
    put(&h.world, grant_event(h.parent, poor, "vfs"), NULL);
    put_only(&h.world, revoke_child_event(h.parent, poor, "vfs"));
    cr_assert(policy_clear(h.world.policy, 0, NULL, NULL));
    cr_assert_eq(h.world.policy->cuts.live, 0);
    cr_assert_eq(foresee(&h.world, poor, "vfs").rule, POLICY_RULE_DEFAULT);
    world_deinit(&h.world);
}

/* Goal: the slot of an instance that is forgotten waits for what was revoked from it and is not cleared. */
Test(revoke_child, forgotten_with_a_cut)
{
    for (size_t portion = 1; portion <= 3; portion++) {
        struct household h;
        household_init(&h);
        struct policy_realm instance = instance_under(&h.world, h.parent, h.child);
        put(&h.world, connect_event(instance, "logger"), NULL);
        put_only(&h.world, revoke_child_event(h.parent, instance, "logger"));
        put_only(&h.world, end_event(instance, true));
        while (!policy_clear(h.world.policy, portion, NULL, NULL)) {
        }
        cr_assert_eq(h.world.policy->cuts.live, 0);
        cr_assert_eq(instance_under(&h.world, h.parent, h.child).index, instance.index);
        world_deinit(&h.world);
    }
}

/* Goal: what is revoked of two services from one child, and again, with nothing cleared between: each is
 * noted once, and both are dead. */
Test(revoke_child, of_two_services)
{
    struct household h;
    household_init(&h);
    struct policy_capability_info info;
    static const char *const names[] = {"vfs", "logger", "vfs", "logger"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        put_only(&h.world, revoke_child_event(h.parent, h.child, names[i]));
        cr_assert_eq(h.world.policy->cuts.live, i == 0 ? 1 : 2);
        cr_assert_not(policy_capability_get(h.world.policy, h.to_vfs, &info));
        cr_assert_eq(policy_capability_get(h.world.policy, h.to_logger, &info), i == 0);
    }
    struct removals gone = {0};
    while (!policy_clear(h.world.policy, 1, note_removal, &gone)) {
    }
    cr_assert_eq(gone.count, 3);
    cr_assert_eq(h.world.policy->cuts.live, 0);
    world_deinit(&h.world);
}
