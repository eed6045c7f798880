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

enum mechanism { NOTHING, CONFIGURATION, BY_PARENT, BY_HOLDING_PARENT, LISTED, CHILDREN, ALL, MECHANISMS };
static const char *const mechanism_names[] = {
    "nothing",          "grant",      "parent grant", "parent grant by a holder", "access: realm",
    "access: children", "access: all"};

enum { X = POLICY_RULE_SELF, D = POLICY_RULE_DEFAULT };
enum { UP = POLICY_RULE_CHILD_OF_PROVIDER, DOWN = POLICY_RULE_PARENT_OF_PROVIDER };
enum { G = POLICY_RULE_CONFIG_GRANT, P = POLICY_RULE_PARENT_GRANT };
enum { R = POLICY_RULE_ACCESS_REALM, A = POLICY_RULE_ACCESS_ALL };

/* The deciding rule. A parent that does not hold the service cannot give it: cousin and stranger get none. */
/* clang-format off */
static const int truth[MECHANISMS][RELATIONS] = {
    /*                      self parent child sibling cousin stranger */
    [NOTHING] =           { X,   DOWN,  UP,   D,      D,     D },
    [CONFIGURATION] =     { X,   G,     G,    G,      G,     G },
    [BY_PARENT] =         { X,   DOWN,  P,    P,      D,     D },
    [BY_HOLDING_PARENT] = { X,   P,     P,    P,      P,     P },
    [LISTED] =            { X,   DOWN,  UP,   R,      R,     R },
    [CHILDREN] =          { X,   DOWN,  UP,   D,      D,     D },
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
    struct policy_realm grandparent = realm_under(world, world->init);
    family->related[PARENT] = realm_under(world, grandparent);
    family->related[SELF] = realm_under(world, family->related[PARENT]);
    family->related[CHILD] = realm_under(world, family->related[SELF]);
    family->related[SIBLING] = realm_under(world, family->related[PARENT]);
    family->related[COUSIN] = realm_under(world, realm_under(world, grandparent));
    family->related[STRANGER] = realm_under(world, world->init);
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

static void establish(struct family *family, enum mechanism mechanism, struct policy_realm realm)
{
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
    if (rule == POLICY_RULE_SELF || rule == POLICY_RULE_DEFAULT)
        return REALM_E_DENIED;
    return registered ? 0 : REALM_E_NO_SERVICE;
}

static void hold_truth(enum mechanism mechanism, enum relation relation, bool registered)
{
    struct family family;
    family_init(&family);
    struct policy_realm realm = family.related[relation];
    establish(&family, mechanism, realm);
    if (registered)
        put(&family.world, register_event(family.related[SELF], "database"), NULL);
    struct policy_decision decision = decide(&family.world, connect_event(realm, "database"));
    int rule = truth[mechanism][relation];
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
            hold_truth(mechanism, relation, true);
    }
}

/* Goal: without an endpoint the rules say the same, and what they allow is answered NO_SERVICE. */
Test(truth, unregistered)
{
    for (enum mechanism mechanism = NOTHING; mechanism < MECHANISMS; mechanism++) {
        for (enum relation relation = SELF; relation < RELATIONS; relation++)
            hold_truth(mechanism, relation, false);
    }
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
