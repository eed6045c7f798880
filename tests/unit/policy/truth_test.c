/*
 * The truth table: each mechanism that can allow a connect, for each way in which two realms can be related.
 * docs/policy.md prints the same table.
 */
#include "tests/unit/policy/world.h"

/*
 *   init
 *   ├── grandparent
 *   │   ├── parent
 *   │   │   ├── provider ── child
 *   │   │   └── sibling
 *   │   └── uncle ── cousin
 *   └── stranger
 */
enum relation { SELF, PARENT, CHILD, SIBLING, COUSIN, STRANGER, RELATIONS };
static const char *const relation_names[] = {"self", "parent", "child", "sibling", "cousin", "stranger"};

enum mechanism {
    NOTHING,
    SIBLINGS,
    CONFIGURATION,
    BY_PARENT,
    BY_HOLDING_PARENT,
    LISTED,
    CHILDREN,
    DESCENDANTS,
    PATTERN,
    ALL,
    MECHANISMS
};
static const char *const mechanism_names[MECHANISMS] = {"nothing",
                                                        "siblings",
                                                        "grant",
                                                        "parent grant",
                                                        "parent grant by a holder",
                                                        "access: realm",
                                                        "access: children",
                                                        "access: descendants",
                                                        "access: path",
                                                        "access: all"};

enum { X = POLICY_RULE_SELF, D = POLICY_RULE_DEFAULT };
enum { UP = POLICY_RULE_CHILD_OF_PROVIDER, DOWN = POLICY_RULE_PARENT_OF_PROVIDER };
enum { G = POLICY_RULE_CONFIG_GRANT, P = POLICY_RULE_PARENT_GRANT };
enum { R = POLICY_RULE_ACCESS_REALM, A = POLICY_RULE_ACCESS_ALL };
enum { H = POLICY_RULE_ACCESS_PATH, S = POLICY_RULE_SIBLING_OF_PROVIDER };

/* The deciding rule. A parent that does not hold the service cannot give it: cousin and stranger get none. */
/* clang-format off */
static const int truth[MECHANISMS][RELATIONS] = {
    /*                      self parent child sibling cousin stranger */
    [NOTHING] =           { X,   DOWN,  UP,   D,      D,     D },
    [SIBLINGS] =          { X,   DOWN,  UP,   S,      D,     D },
    [CONFIGURATION] =     { X,   G,     G,    G,      G,     G },
    [BY_PARENT] =         { X,   DOWN,  P,    P,      D,     D },
    [BY_HOLDING_PARENT] = { X,   P,     P,    P,      P,     P },
    [LISTED] =            { X,   DOWN,  UP,   R,      R,     R },
    [CHILDREN] =          { X,   DOWN,  UP,   D,      D,     D },
    [DESCENDANTS] =       { X,   DOWN,  UP,   D,      D,     D },
    [PATTERN] =           { X,   DOWN,  UP,   H,      H,     H },
    [ALL] =               { X,   DOWN,  UP,   A,      A,     A },
};
/* clang-format on */

struct family {
    struct world world;
    struct policy_realm related[RELATIONS];
    struct policy_service service;
};

static void family_init(struct family *family)
{
    struct world *world = &family->world;
    world_init(world);
    struct policy_realm grandparent = named_under(world, world->init, "grandparent");
    family->related[PARENT] = named_under(world, grandparent, "parent");
    family->related[SELF] = named_under(world, family->related[PARENT], "provider");
    family->related[CHILD] = named_under(world, family->related[SELF], "child");
    family->related[SIBLING] = named_under(world, family->related[PARENT], "sibling");
    family->related[COUSIN] = named_under(world, named_under(world, grandparent, "uncle"), "cousin");
    family->related[STRANGER] = named_under(world, world->init, "stranger");
    family->service = service_by(world, "database", family->related[SELF], 7);
}

static bool can_connect(struct family *family, struct policy_realm realm)
{
    struct policy_decision decision = decide(&family->world, connect_event(realm, "database"));
    return decision.status == 0 || decision.status == REALM_E_NO_SERVICE;
}

/* The realm's own parent grants, where the policy lets it. */
static void give_by_parent(struct family *family, struct policy_realm realm)
{
    struct policy_realm parent = policy_parent(family->world.policy, realm);
    struct policy_event event = grant_event(parent, realm, "database");
    if (decide(&family->world, event).status == 0)
        put(&family->world, event, NULL);
}

/* Each matches one of the six. */
static const char *const patterns[RELATIONS] = {"/**/provider", "/grandparent/parent", "/**/provider/*",
                                                "/*/*/s*g",     "/**/uncle/**/cousin", "/\\stranger"};

static void establish(struct family *family, enum mechanism mechanism, enum relation relation)
{
    struct policy_realm realm = family->related[relation];
    struct policy_entry pattern = path_entry(patterns[relation], REALM_RIGHT_SEND, 8);
    struct world *world = &family->world;
    struct policy_realm parent = policy_parent(world->policy, realm);
    switch (mechanism) {
    case CONFIGURATION:
        grant_to(world, realm, family->service, REALM_RIGHT_SEND, 30);
        break;
    case BY_HOLDING_PARENT:
        grant_to(world, parent, family->service, REALM_RIGHT_SEND, 31);
        cr_assert(can_connect(family, parent) || same_realm(parent, family->related[SELF]));
        give_by_parent(family, realm);
        break;
    case BY_PARENT:
        give_by_parent(family, realm);
        break;
    case LISTED:
        access_for(world, family->service, POLICY_MATCH_REALM, realm, 8);
        break;
    case CHILDREN:
        access_for(world, family->service, POLICY_MATCH_CHILDREN, no_realm, 8);
        break;
    case DESCENDANTS:
        access_for(world, family->service, POLICY_MATCH_DESCENDANTS, no_realm, 8);
        break;
    case PATTERN:
        cr_assert_eq(policy_add_access(world->policy, family->service, &pattern), 0);
        break;
    case SIBLINGS:
        policy_set_hierarchy(world->policy, POLICY_CHILDREN_CALL_PARENTS | POLICY_PARENTS_CALL_CHILDREN |
                                                POLICY_SIBLINGS_CALL);
        break;
    case ALL:
        access_for(world, family->service, POLICY_MATCH_ALL, no_realm, 8);
        break;
    case NOTHING:
    case MECHANISMS:
        break;
    }
}

static int expected_status(int rule, bool registered)
{
    if (rule == POLICY_RULE_SELF || rule == POLICY_RULE_DEFAULT || rule == POLICY_RULE_DENY)
        return REALM_E_DENIED;
    return registered ? 0 : REALM_E_NO_SERVICE;
}

static void hold_truth(enum mechanism mechanism, enum relation relation, bool registered, bool denied)
{
    struct family family;
    family_init(&family);
    struct policy_realm realm = family.related[relation];
    establish(&family, mechanism, relation);
    if (denied)
        deny_to(&family.world, family.service, POLICY_MATCH_REALM, realm, 9);
    if (registered)
        put(&family.world, register_event(family.related[SELF], "database"), NULL);
    struct policy_decision decision = decide(&family.world, connect_event(realm, "database"));
    int rule = truth[mechanism][relation];
    if (denied && rule != POLICY_RULE_SELF)
        rule = POLICY_RULE_DENY;
    cr_assert_eq((int)decision.rule, rule, "%s, %s: %s decided", mechanism_names[mechanism],
                 relation_names[relation], policy_rule_name(decision.rule));
    cr_assert_eq(decision.status, expected_status(rule, registered), "%s, %s: %s", mechanism_names[mechanism],
                 relation_names[relation], realm_error_name(decision.status));
    cr_assert_eq(decision.registered, registered);
    cr_assert(same_realm(decision.provider, family.related[SELF]));
    world_deinit(&family.world);
}

/* Goal: with the service registered, each cell of the table allows or denies, by the rule it names. */
Test(truth, registered)
{
    for (enum mechanism mechanism = NOTHING; mechanism < MECHANISMS; mechanism++) {
        for (enum relation relation = SELF; relation < RELATIONS; relation++)
            hold_truth(mechanism, relation, true, false);
    }
}

/* Goal: without an endpoint the rules say the same, and what they allow is answered NO_SERVICE. */
Test(truth, unregistered)
{
    for (enum mechanism mechanism = NOTHING; mechanism < MECHANISMS; mechanism++) {
        for (enum relation relation = SELF; relation < RELATIONS; relation++)
            hold_truth(mechanism, relation, false, false);
    }
}

/* Goal: a deny wins over each of them, for everybody but the provider, whom `self` refuses before. */
Test(truth, denied)
{
    for (enum mechanism mechanism = NOTHING; mechanism < MECHANISMS; mechanism++) {
        for (enum relation relation = SELF; relation < RELATIONS; relation++)
            hold_truth(mechanism, relation, relation % 2 == 0, true);
    }
}

/* Goal: where the hierarchy is off, only the four ways that are left decide. */
Test(truth, without_hierarchy)
{
    struct family family;
    family_init(&family);
    policy_set_hierarchy(family.world.policy, 0);
    access_for(&family.world, family.service, POLICY_MATCH_CHILDREN, no_realm, 8);
    cr_assert_eq(decide(&family.world, connect_event(family.related[PARENT], "database")).rule,
                 POLICY_RULE_DEFAULT);
    cr_assert_eq(decide(&family.world, connect_event(family.related[CHILD], "database")).rule,
                 POLICY_RULE_ACCESS_CHILDREN);
    world_deinit(&family.world);
}

/* Goal: where a connect is denied by default, the fix it names, applied, allows it. */
Test(truth, fixes_work)
{
    for (enum relation relation = SELF; relation < RELATIONS; relation++) {
        struct family family;
        family_init(&family);
        struct world *world = &family.world;
        put(world, register_event(family.related[SELF], "database"), NULL);
        struct policy_event event = connect_event(family.related[relation], "database");
        struct policy_decision decision = decide(world, event);
        bool denied = truth[NOTHING][relation] == POLICY_RULE_DEFAULT;
        cr_assert_eq(decision.fix.kind, denied ? POLICY_FIX_ACCESS : POLICY_FIX_NONE);
        if (denied) {
            cr_assert(same_service(decision.fix.service, family.service));
            access_for(world, decision.fix.service, POLICY_MATCH_REALM, decision.fix.realm, 8);
            cr_assert_eq(decide(world, event).status, 0);
            cr_assert_eq(decide(world, event).rule, POLICY_RULE_ACCESS_REALM);
        }
        world_deinit(world);
    }
}
