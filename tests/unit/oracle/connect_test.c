/* Who may connect: each rule of section 3, and that an earlier one wins. */
#include "tests/unit/oracle/world.h"

TestSuite(oracle_connect, .init = begin);

static struct oracle_entry *add_entry(struct oracle_list *list, enum oracle_match match, int realm)
{
    struct oracle_entry *entry = &list->entries[list->count++];
    entry->match = match;
    entry->realm = realm;
    return entry;
}

static struct oracle_entry *add_grant(int realm, uint32_t rights)
{
    struct oracle_config_grant *grant = &story.system.grants[story.system.grants_count++];
    grant->service = DATABASE;
    grant->to = (struct oracle_entry){.match = ORACLE_BY_REALM, .realm = realm, .rights = rights};
    return &grant->to;
}

Test(oracle_connect, default_is_denied)
{
    /* Goal: rule 10; and rule 1 for what no service is called. */
    start_all();
    register_database();
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, WEB, .name = "database");
    REFUSED(ORACLE_NO_SERVICE, "declared", ORACLE_CONNECT, WEB, .name = "data*");
}

Test(oracle_connect, rules_win_in_their_order)
{
    /* Goal: each rule added stands before all that were there: access, hierarchy, parent, grant, deny. */
    struct oracle_service *database = &story.system.services[DATABASE];
    database->provider = WEB;
    add_entry(&database->access, ORACLE_BY_ALL, 0);
    story.system.children_call_parents = false;
    start_all();
    ALLOWED(ORACLE_REGISTER, WEB, .name = "sql");
    ALLOWED(ORACLE_CONNECT, SUB, .name = "database");
    cr_assert_str_eq(story.answer.rule, "access: all");
    cr_assert_eq(story.answer.where, ORACLE_IN_ACCESS);
    cr_assert_eq(story.world.capabilities[last()].rights, ORACLE_SEND);

    story.system.children_call_parents = true;
    ALLOWED(ORACLE_CONNECT, SUB, .name = "database");
    cr_assert_str_eq(story.answer.rule, "child of provider");

    ALLOWED(ORACLE_GIVE, WEB, .subject = SUB, .name = "database", .rights = ORACLE_SEND | ORACLE_GRANT);
    ALLOWED(ORACLE_CONNECT, SUB, .name = "database");
    cr_assert_str_eq(story.answer.rule, "parent grant");
    cr_assert_eq(story.world.capabilities[last()].rights, ORACLE_SEND | ORACLE_GRANT);

    add_grant(SUB, ORACLE_GRANT);
    add_grant(SUB, ORACLE_SEND | ORACLE_MINT);
    ALLOWED(ORACLE_CONNECT, SUB, .name = "database");
    cr_assert_str_eq(story.answer.rule, "grant");
    cr_assert_eq(story.answer.entry, 1, "a grant without SEND never lets connect");
    cr_assert_eq(story.world.capabilities[last()].rights, ORACLE_SEND | ORACLE_MINT);

    add_entry(&database->deny, ORACLE_BY_CHILDREN, 0);
    REFUSED(ORACLE_DENIED, "deny", ORACLE_CONNECT, SUB, .name = "database");
    REFUSED(ORACLE_DENIED, "self", ORACLE_CONNECT, WEB, .name = "database");
}

Test(oracle_connect, hierarchy_is_a_setting)
{
    /* Goal: rules 6, 7 and 8, each with its setting on and off; siblings below init are no siblings. */
    int sub_sub = add_realm("sub", SUB), other = add_realm("other", WEB);
    story.system.services[DATABASE].provider = SUB;
    start_all();
    ALLOWED(ORACLE_REGISTER, SUB, .name = "database");
    ALLOWED(ORACLE_CONNECT, sub_sub, .name = "database");
    ALLOWED(ORACLE_CONNECT, WEB, .name = "database");
    cr_assert_str_eq(story.answer.rule, "parent of provider");
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, other, .name = "database");
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, INIT, .name = "database");
    story.system.siblings_call = true;
    ALLOWED(ORACLE_CONNECT, other, .name = "database");
    cr_assert_str_eq(story.answer.rule, "sibling of provider");
    story.system.parents_call_children = false;
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, WEB, .name = "database");
    story.system.children_call_parents = false;
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, sub_sub, .name = "database");
    add_service("top", WEB);
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, DB, .name = "top");
}

Test(oracle_connect, entries_match_in_five_ways)
{
    /* Goal: realm and its instances, children, descendants, all, path. */
    int sub_sub = add_realm("deep", SUB);
    struct oracle_service *database = &story.system.services[DATABASE];
    story.system.children_call_parents = story.system.parents_call_children = false;
    database->provider = WEB;
    start_all();
    struct oracle_entry *entry = add_entry(&database->access, ORACLE_BY_REALM, SUB);
    struct oracle_answer answer;
    cr_assert(oracle_may_connect(&story.world, SUB, DATABASE, &answer));
    cr_assert_not(oracle_may_connect(&story.world, sub_sub, DATABASE, &answer));
    entry->match = ORACLE_BY_CHILDREN;
    cr_assert(oracle_may_connect(&story.world, SUB, DATABASE, &answer));
    cr_assert_not(oracle_may_connect(&story.world, sub_sub, DATABASE, &answer));
    entry->match = ORACLE_BY_DESCENDANTS;
    cr_assert(oracle_may_connect(&story.world, sub_sub, DATABASE, &answer));
    cr_assert_not(oracle_may_connect(&story.world, APP, DATABASE, &answer));
    entry->match = ORACLE_BY_PATH;
    entry->pattern = "/web/**";
    cr_assert(oracle_may_connect(&story.world, sub_sub, DATABASE, &answer));
    cr_assert_not(oracle_may_connect(&story.world, APP, DATABASE, &answer));
    entry->match = ORACLE_BY_ALL;
    cr_assert(oracle_may_connect(&story.world, APP, DATABASE, &answer));
}

Test(oracle_connect, instances_are_matched_by_declaration_and_by_their_own_path)
{
    /* Goal: a rule that names the template holds for the instance; a path is the instance's own. */
    start_all();
    register_database();
    ALLOWED(ORACLE_INSTANCE, INIT, .subject = APP, .name = "app-1");
    int instance = (int)story.world.realms_count - 1;
    ALLOWED(ORACLE_START, INIT, .subject = instance);
    add_entry(&story.system.services[DATABASE].access, ORACLE_BY_PATH, 0);
    story.system.services[DATABASE].access.entries[0].pattern = "/app";
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, instance, .name = "sql");
    story.system.services[DATABASE].access.entries[0].pattern = "/app-*";
    ALLOWED(ORACLE_CONNECT, instance, .name = "sql");
    add_entry(&story.system.services[DATABASE].deny, ORACLE_BY_REALM, APP);
    REFUSED(ORACLE_DENIED, "deny", ORACLE_CONNECT, instance, .name = "sql");
}

Test(oracle_connect, allowed_without_an_endpoint_may_be_tried_again)
{
    /* Goal: NO_SERVICE with the allowing rule; and the declared provider stands in for the holder. */
    add_grant(WEB, ORACLE_SEND);
    start_all();
    REFUSED(ORACLE_NO_SERVICE, "grant", ORACLE_CONNECT, WEB, .name = "database");
    register_database();
    ALLOWED(ORACLE_CONNECT, WEB, .name = "database");
    cr_assert_eq(story.world.capabilities[last()].badge, 1);
    ALLOWED(ORACLE_CONNECT, WEB, .name = "database");
    cr_assert_eq(story.world.capabilities[last()].badge, 2, "a badge is never given twice");
}

Test(oracle_connect, parent_gives_what_it_could_have)
{
    /* Goal: GRANT's row: rights, child, name, deny, and nobody gives more than its own connect would get. */
    story.system.services[DATABASE].access.count = 1;
    story.system.services[DATABASE].access.entries[0] =
        (struct oracle_entry){.match = ORACLE_BY_REALM, .realm = WEB, .rights = ORACLE_SEND | ORACLE_GRANT};
    start_all();
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_GIVE, WEB, .subject = SUB, .name = "sql", .rights = ORACLE_GRANT);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_GIVE, WEB, .subject = SUB, .name = "sql",
            .rights = ORACLE_SEND | ORACLE_RECV);
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_GIVE, WEB, .subject = APP, .name = "sql",
            .rights = ORACLE_SEND);
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_GIVE, WEB, .subject = WEB, .name = "sql",
            .rights = ORACLE_SEND);
    REFUSED(ORACLE_NO_SERVICE, "declared", ORACLE_GIVE, WEB, .subject = SUB, .name = "x",
            .rights = ORACLE_SEND);
    REFUSED(ORACLE_DENIED, "holds", ORACLE_GIVE, WEB, .subject = SUB, .name = "sql",
            .rights = ORACLE_SEND | ORACLE_MINT);
    ALLOWED(ORACLE_GIVE, WEB, .subject = SUB, .name = "sql", .rights = ORACLE_SEND | ORACLE_GRANT);
    add_entry(&story.system.services[DATABASE].deny, ORACLE_BY_REALM, SUB);
    REFUSED(ORACLE_DENIED, "deny", ORACLE_GIVE, WEB, .subject = SUB, .name = "sql", .rights = ORACLE_SEND);
}
