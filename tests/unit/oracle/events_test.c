/* The other rows of section 4: life, quotas, gates, and events that make no sense. */
#include "tests/unit/oracle/world.h"

TestSuite(oracle_events, .init = begin);

Test(oracle_events, who_acts_must_be_there)
{
    /* Goal: never was is a bad argument, not running is stale; neither has a rule. */
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_CREATE, 63);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_CREATE, -1);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_EVENT_KINDS, INIT);
    REFUSED(ORACLE_STALE, "", ORACLE_CREATE, WEB);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_START, INIT, .subject = 63);
}

Test(oracle_events, start_gives_the_endowment)
{
    /* Goal: the parent gets the realm, the provider its names, web its debug and two gates. */
    ALLOWED(ORACLE_START, INIT, .subject = DB);
    cr_assert_eq(count_live(), 2);
    ALLOWED(ORACLE_START, INIT, .subject = WEB);
    cr_assert_eq(count_live(), 2 + 4);
    REFUSED(ORACLE_EXISTS, "running", ORACLE_START, INIT, .subject = WEB);
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_START, DB, .subject = SUB);
    ALLOWED(ORACLE_START, WEB, .subject = SUB);
    ALLOWED(ORACLE_LOOK, WEB);
    REFUSED(ORACLE_INCAPABLE, "debug", ORACLE_LOOK, SUB);
    ALLOWED(ORACLE_GATE, WEB, .amount = 21);
    REFUSED(ORACLE_INCAPABLE, "gate", ORACLE_GATE, WEB, .amount = 2);
    REFUSED(ORACLE_INCAPABLE, "gate", ORACLE_GATE, WEB, .amount = UINT64_C(1) << 32 | 21);
    ALLOWED(ORACLE_END, SUB);
    ALLOWED(ORACLE_END, WEB);
    REFUSED(ORACLE_STALE, "", ORACLE_START, INIT, .subject = SUB); /* its parent does not run */
}

Test(oracle_events, only_who_may_manage_kills)
{
    /* Goal: the parent, init, and who holds the realm capability. */
    start_all();
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_KILL, SUB, .subject = WEB);
    ALLOWED(ORACLE_KILL, WEB, .subject = SUB);
    ALLOWED(ORACLE_KILL, INIT, .subject = SUB);
    int of_db = -1;
    for (int i = 0; i <= last(); i++)
        if (story.world.capabilities[i].kind == ORACLE_IS_REALM && story.world.capabilities[i].realm == DB)
            of_db = i;
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_KILL, WEB, .subject = DB);
    ALLOWED(ORACLE_DERIVE, INIT, .source = of_db, .subject = WEB, .rights = ORACLE_MANAGE);
    ALLOWED(ORACLE_KILL, WEB, .subject = DB);
    ALLOWED(ORACLE_QUOTA, WEB, .subject = DB, .resource = ORACLE_USES_CHANNELS, .amount = 0);
    REFUSED(ORACLE_NOT_CHILD, "parent", ORACLE_QUOTA, DB, .subject = DB, .resource = ORACLE_USES_CHANNELS);
}

Test(oracle_events, children_share_the_parents_budget)
{
    /* Goal: nothing is won by making children; the refusal names whose limit it is. */
    start_all();
    ALLOWED(ORACLE_QUOTA, INIT, .subject = WEB, .resource = ORACLE_USES_MEMORY, .amount = 3 * 4096);
    ALLOWED(ORACLE_ALLOCATE, WEB, .amount = 4096);
    ALLOWED(ORACLE_ALLOCATE, SUB, .amount = 4096);
    REFUSED(ORACLE_LIMIT, "quota", ORACLE_ALLOCATE, SUB, .amount = 2 * 4096);
    cr_assert_eq(story.answer.limiting, WEB);
    cr_assert_eq(story.answer.resource, ORACLE_USES_MEMORY);
    cr_assert_eq(story.answer.limit, 3 * 4096);
    cr_assert_eq(story.answer.use, 2 * 4096);
    ALLOWED(ORACLE_ALLOCATE, SUB, .amount = 4096);
    REFUSED(ORACLE_LIMIT, "quota", ORACLE_ALLOCATE, WEB, .amount = 4096);
    REFUSED(ORACLE_LIMIT, "quota", ORACLE_ALLOCATE, WEB, .amount = UINT64_MAX - 4095);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_ALLOCATE, WEB, .amount = 0);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_ALLOCATE, WEB, .amount = 4097);
}

Test(oracle_events, start_counts_parent_and_child_together)
{
    /* Goal: the endowment counts against the parent's budget, too. */
    story.system.realms[SUB].gates = 1u << 3 | 1u << 4;
    ALLOWED(ORACLE_START, INIT, .subject = WEB);
    uint64_t used = oracle_use(&story.world, WEB, ORACLE_USES_CAPABILITIES);
    ALLOWED(ORACLE_QUOTA, INIT, .subject = WEB, .resource = ORACLE_USES_CAPABILITIES, .amount = used + 2);
    REFUSED(ORACLE_LIMIT, "quota", ORACLE_START, WEB, .subject = SUB);
    ALLOWED(ORACLE_QUOTA, INIT, .subject = WEB, .resource = ORACLE_USES_CAPABILITIES, .amount = used + 3);
    ALLOWED(ORACLE_START, WEB, .subject = SUB);
    cr_assert_eq(oracle_use(&story.world, WEB, ORACLE_USES_CAPABILITIES), used + 3);
    cr_assert_eq(oracle_use(&story.world, WEB, ORACLE_USES_REALMS), 1);
}

Test(oracle_events, memory_is_paid_by_who_allocated_it)
{
    /* Goal: a move moves the capability, not the bytes; they are given back when the object is gone. */
    start_all();
    ALLOWED(ORACLE_QUOTA, INIT, .subject = SUB, .resource = ORACLE_USES_MEMORY, .amount = 4096);
    ALLOWED(ORACLE_ALLOCATE, WEB, .amount = 8192);
    int memory = last();
    ALLOWED(ORACLE_DERIVE, WEB, .source = memory, .subject = SUB, .mode = ORACLE_MOVE);
    cr_assert_eq(oracle_use(&story.world, SUB, ORACLE_USES_MEMORY), 0);
    cr_assert_eq(oracle_use(&story.world, WEB, ORACLE_USES_MEMORY), 8192);
    ALLOWED(ORACLE_DELETE, SUB, .source = memory);
    cr_assert_eq(oracle_use(&story.world, WEB, ORACLE_USES_MEMORY), 8192, "dead, not yet gone");
    ALLOWED(ORACLE_CLEARED, INIT, .source = memory);
    cr_assert_eq(oracle_use(&story.world, WEB, ORACLE_USES_MEMORY), 0);
}

Test(oracle_events, what_is_charged_from_outside)
{
    /* Goal: descriptors and requests only; nothing is always met; no more comes back than was charged. */
    start_all();
    ALLOWED(ORACLE_QUOTA, INIT, .subject = SUB, .resource = ORACLE_USES_REQUESTS, .amount = 0);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_CHARGE, SUB, .resource = ORACLE_USES_MEMORY, .amount = 1);
    ALLOWED(ORACLE_CHARGE, SUB, .resource = ORACLE_USES_REQUESTS, .amount = 0);
    REFUSED(ORACLE_LIMIT, "quota", ORACLE_CHARGE, SUB, .resource = ORACLE_USES_REQUESTS, .amount = 1);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_RELEASE, SUB, .resource = ORACLE_USES_REQUESTS, .amount = 1);
}

Test(oracle_events, charges_are_given_back)
{
    /* Goal: RELEASE gives back what was charged, END all of it. */
    start_all();
    ALLOWED(ORACLE_QUOTA, INIT, .subject = WEB, .resource = ORACLE_USES_REQUESTS, .amount = 4);
    ALLOWED(ORACLE_CHARGE, SUB, .resource = ORACLE_USES_REQUESTS, .amount = 4);
    REFUSED(ORACLE_LIMIT, "quota", ORACLE_CHARGE, WEB, .resource = ORACLE_USES_REQUESTS, .amount = 1);
    ALLOWED(ORACLE_RELEASE, SUB, .resource = ORACLE_USES_REQUESTS, .amount = 1);
    ALLOWED(ORACLE_CHARGE, WEB, .resource = ORACLE_USES_REQUESTS, .amount = 1);
    ALLOWED(ORACLE_END, SUB);
    cr_assert_eq(oracle_use(&story.world, WEB, ORACLE_USES_REQUESTS), 1);
}

Test(oracle_events, only_who_holds_the_name_registers)
{
    /* Goal: REGISTER's row in its order; the name capability can be derived, and then registers, too. */
    start_all();
    REFUSED(ORACLE_NO_SERVICE, "declared", ORACLE_REGISTER, DB, .name = "nothing");
    REFUSED(ORACLE_DENIED, "provider", ORACLE_REGISTER, WEB, .name = "database");
    register_database();
    REFUSED(ORACLE_EXISTS, "registered", ORACLE_REGISTER, DB, .name = "sql");
}

Test(oracle_events, instances_go_only_without_children)
{
    /* Goal: END with remove: of an instance that has none; then it is gone for good. */
    start_all();
    ALLOWED(ORACLE_INSTANCE, INIT, .subject = APP, .name = "app-1");
    int instance = (int)story.world.realms_count - 1;
    ALLOWED(ORACLE_START, INIT, .subject = instance);
    REFUSED(ORACLE_BAD_ARGUMENT, "", ORACLE_END, WEB, .remove = true);
    ALLOWED(ORACLE_END, instance, .remove = true);
    REFUSED(ORACLE_STALE, "", ORACLE_START, INIT, .subject = instance);
}
