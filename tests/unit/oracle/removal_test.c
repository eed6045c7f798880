/* What goes with what (section 6), and that removal counts at once while clearing takes steps (section 2). */
#include "tests/unit/oracle/world.h"

static int endpoint, send, copy, copy_of_copy;

/* endpoint (db) — send (web) — copy (sub) — copy of the copy (sub) */
static void derived(void)
{
    begin();
    story.system.grants[story.system.grants_count++] = (struct oracle_config_grant){
        DATABASE, {.match = ORACLE_BY_REALM, .realm = WEB, .rights = oracle_rights_of(ORACLE_IS_SEND)}};
    start_all();
    endpoint = register_database();
    ALLOWED(ORACLE_CONNECT, WEB, .name = "database");
    send = last();
    ALLOWED(ORACLE_DERIVE, WEB, .source = send, .subject = SUB, .rights = ORACLE_SEND | ORACLE_GRANT);
    copy = last();
    ALLOWED(ORACLE_DERIVE, SUB, .source = copy, .subject = SUB, .rights = ORACLE_SEND);
    copy_of_copy = last();
}

TestSuite(oracle_removal, .init = derived);

static enum oracle_state state(int capability)
{
    return story.world.capabilities[capability].state;
}

Test(oracle_removal, revoke_takes_all_below_and_keeps_itself)
{
    /* Goal: any depth; twice is allowed and removes nothing more. */
    ALLOWED(ORACLE_TAKE, WEB, .source = send);
    cr_assert_eq(state(send), ORACLE_LIVE);
    cr_assert_eq(state(copy), ORACLE_DEAD);
    cr_assert_eq(state(copy_of_copy), ORACLE_DEAD);
    size_t live = count_live();
    ALLOWED(ORACLE_TAKE, WEB, .source = send);
    cr_assert_eq(count_live(), live);
    REFUSED(ORACLE_STALE, "owner", ORACLE_TAKE, SUB, .source = copy);
    REFUSED(ORACLE_STALE, "owner", ORACLE_TAKE, WEB, .source = copy);
}

Test(oracle_removal, revoke_needs_its_right)
{
    /* Goal: REVOKE is a right like others. */
    REFUSED(ORACLE_DENIED, "rights", ORACLE_TAKE, SUB, .source = copy);
}

Test(oracle_removal, delete_hands_the_children_up)
{
    /* Goal: DELETE of one in the middle; of a root, all goes with it. */
    ALLOWED(ORACLE_DELETE, SUB, .source = copy);
    cr_assert_eq(state(copy), ORACLE_DEAD);
    cr_assert_eq(state(copy_of_copy), ORACLE_LIVE);
    cr_assert_eq(story.world.capabilities[copy_of_copy].parent, send);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_DISCONNECT, DB, .source = endpoint);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_UNREGISTER, WEB, .source = send);
    ALLOWED(ORACLE_UNREGISTER, DB, .source = endpoint);
    cr_assert_eq(state(send), ORACLE_DEAD);
    cr_assert_eq(state(copy_of_copy), ORACLE_DEAD);
}

Test(oracle_removal, steps_report_from_the_leaves)
{
    /* Goal: what was derived from it comes first, each once; until then it counts. */
    ALLOWED(ORACLE_TAKE, WEB, .source = send);
    cr_assert_eq(oracle_use(&story.world, SUB, ORACLE_USES_CHANNELS), 2);
    cr_assert_not(oracle_may_clear(&story.world, send));
    cr_assert_not(oracle_may_clear(&story.world, copy));
    cr_assert(oracle_may_clear(&story.world, copy_of_copy));
    ALLOWED(ORACLE_CLEARED, INIT, .source = copy_of_copy);
    cr_assert_not(oracle_may_clear(&story.world, copy_of_copy));
    cr_assert(oracle_may_clear(&story.world, copy));
    cr_assert_eq(oracle_use(&story.world, SUB, ORACLE_USES_CHANNELS), 1);
}

Test(oracle_removal, revoking_from_a_child_takes_its_sends_and_its_grant)
{
    /* Goal: every send to the service with all below it, and the parent's grant; nothing else. */
    ALLOWED(ORACLE_GIVE, WEB, .subject = SUB, .name = "database", .rights = ORACLE_SEND);
    ALLOWED(ORACLE_CONNECT, SUB, .name = "database");
    int own = last();
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_TAKE_SERVICE, DB, .subject = SUB, .name = "database");
    ALLOWED(ORACLE_TAKE_SERVICE, WEB, .subject = SUB, .name = "sql");
    cr_assert_eq(state(copy), ORACLE_DEAD);
    cr_assert_eq(state(copy_of_copy), ORACLE_DEAD);
    cr_assert_eq(state(own), ORACLE_DEAD);
    cr_assert_eq(state(send), ORACLE_LIVE);
    REFUSED(ORACLE_DENIED, "default", ORACLE_CONNECT, SUB, .name = "database");
}

Test(oracle_removal, end_takes_what_was_held_and_the_realms_own_capability)
{
    /* Goal: all it held, with what others derived from it; its realm capability; the grants it gave. */
    int web = -1;
    for (int i = 0; i <= last(); i++)
        if (story.world.capabilities[i].kind == ORACLE_IS_REALM && story.world.capabilities[i].realm == WEB)
            web = i;
    REFUSED(ORACLE_DENIED, "owner", ORACLE_DELETE, INIT, .source = web);
    ALLOWED(ORACLE_GIVE, WEB, .subject = SUB, .name = "database", .rights = ORACLE_SEND);
    ALLOWED(ORACLE_END, WEB);
    cr_assert_eq(state(web), ORACLE_DEAD);
    cr_assert_eq(state(send), ORACLE_DEAD);
    cr_assert_eq(state(copy_of_copy), ORACLE_DEAD);
    cr_assert_eq(state(endpoint), ORACLE_LIVE);
    cr_assert_eq(story.world.given_count, 0);
    REFUSED(ORACLE_STALE, "", ORACLE_CREATE, WEB);
    size_t live = count_live();
    ALLOWED(ORACLE_END, WEB);
    cr_assert_eq(count_live(), live, "there is nothing left that could end");
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_END, INIT);
}
