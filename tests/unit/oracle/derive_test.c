/* DERIVE: each of the nine steps of section 5 refuses, and what comes of it is right. */
#include "tests/unit/oracle/world.h"

static int endpoint, send;

/* web holds a send of the database with all rights; sub is its child. */
static void connected(void)
{
    begin();
    story.system.grants[story.system.grants_count++] = (struct oracle_config_grant){
        DATABASE, {.match = ORACLE_BY_REALM, .realm = WEB, .rights = oracle_rights_of(ORACLE_IS_SEND)}};
    start_all();
    endpoint = register_database();
    ALLOWED(ORACLE_CONNECT, WEB, .name = "database");
    send = last();
}

TestSuite(oracle_derive, .init = connected);

#define COPY(who, what, whom, ...) ORACLE_DERIVE, who, .source = (what), .subject = (whom), __VA_ARGS__

Test(oracle_derive, owner_and_target_come_first)
{
    /* Goal: steps 1 and 2; what never was, what is stale and what is another's look the same. */
    REFUSED(ORACLE_STALE, "owner", COPY(SUB, send, SUB, .rights = ORACLE_SEND));
    REFUSED(ORACLE_STALE, "owner", COPY(WEB, 999, 999, .rights = ORACLE_SEND));
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(WEB, send, 999, .rights = ORACLE_SEND));
    ALLOWED(ORACLE_END, SUB);
    REFUSED(ORACLE_STALE, "", COPY(WEB, send, SUB, .rights = ORACLE_SEND));
}

Test(oracle_derive, arguments)
{
    /* Goal: step 3, before reach and rights are looked at. */
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(WEB, send, APP, .rights = 0));
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(WEB, send, APP, .rights = ORACLE_RECV | ORACLE_SEND));
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(WEB, send, APP, .rights = ORACLE_SEND, .badge = 1));
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(WEB, send, APP, .rights = ORACLE_SEND, .mode = ORACLE_MINTED));
    REFUSED(ORACLE_BAD_ARGUMENT, "",
            COPY(WEB, send, APP, .rights = ORACLE_SEND, .mode = ORACLE_MINTED, .badge = UINT64_C(1) << 63));
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(WEB, send, APP, .rights = ORACLE_SEND, .mode = ORACLE_MOVE));
    REFUSED(ORACLE_BAD_ARGUMENT, "", COPY(DB, endpoint, APP, .mode = ORACLE_MOVE));
    REFUSED(ORACLE_NOT_CHILD, "reach", COPY(WEB, send, APP, .rights = ORACLE_SEND));
}

Test(oracle_derive, reach_is_the_actor_its_child_and_the_other_end)
{
    /* Goal: step 4; the other end of a channel is reached from both sides, and by nobody else. */
    REFUSED(ORACLE_NOT_CHILD, "reach", COPY(DB, endpoint, WEB, .rights = ORACLE_SEND));
    ALLOWED(COPY(DB, endpoint, WEB, .rights = ORACLE_SEND, .via = send));
    int second = last();
    REFUSED(ORACLE_NOT_CHILD, "reach", COPY(WEB, second, APP, .rights = ORACLE_SEND, .via = send));
    ALLOWED(ORACLE_CREATE, WEB);
    ALLOWED(COPY(WEB, last(), DB, .rights = ORACLE_SEND, .via = send));
    cr_assert_eq(story.world.capabilities[last()].holder, DB);
    ALLOWED(ORACLE_CREATE, SUB);
    REFUSED(ORACLE_NOT_CHILD, "reach", COPY(SUB, last(), DB, .rights = ORACLE_SEND, .via = send));
}

Test(oracle_derive, rights_never_grow)
{
    /* Goal: steps 5 and 6: GRANT to give, MINT to mint, and never more than the source has. */
    ALLOWED(COPY(WEB, send, WEB, .rights = ORACLE_SEND));
    int weak = last();
    REFUSED(ORACLE_DENIED, "rights", COPY(WEB, weak, SUB, .rights = ORACLE_SEND));
    REFUSED(ORACLE_DENIED, "rights",
            COPY(WEB, weak, WEB, .rights = ORACLE_SEND, .mode = ORACLE_MINTED, .badge = 5));
    REFUSED(ORACLE_DENIED, "rights", COPY(WEB, weak, WEB, .rights = ORACLE_SEND | ORACLE_GRANT));
    ALLOWED(COPY(WEB, send, SUB, .rights = ORACLE_SEND, .mode = ORACLE_MINTED, .badge = 5));
    cr_assert_eq(story.world.capabilities[last()].badge, UINT64_C(1) << 63 | 5);
    ALLOWED(COPY(WEB, send, WEB, .rights = ORACLE_SEND));
    cr_assert_eq(story.world.capabilities[last()].badge, 1, "a plain copy of a send keeps the badge");
}

Test(oracle_derive, windows_stay_inside)
{
    /* Goal: a copy of memory sees no more than its source; wrapping round is no way out. */
    ALLOWED(ORACLE_ALLOCATE, WEB, .amount = 16384);
    int memory = last();
    ALLOWED(COPY(WEB, memory, SUB, .rights = ORACLE_READ | ORACLE_GRANT, .offset = 4096, .size = 8192));
    int window = last();
    REFUSED(ORACLE_DENIED, "window",
            COPY(SUB, window, SUB, .rights = ORACLE_READ, .offset = 0, .size = 4096));
    REFUSED(ORACLE_DENIED, "window",
            COPY(SUB, window, SUB, .rights = ORACLE_READ, .offset = 8192, .size = 8192));
    REFUSED(ORACLE_DENIED, "rights",
            COPY(SUB, window, SUB, .rights = ORACLE_WRITE, .offset = 4096, .size = 4096));
    REFUSED(ORACLE_BAD_ARGUMENT, "",
            COPY(SUB, window, SUB, .rights = ORACLE_READ, .offset = 4096, .size = 100));
    REFUSED(ORACLE_BAD_ARGUMENT, "",
            COPY(SUB, window, SUB, .rights = ORACLE_READ, .offset = 8192, .size = UINT64_MAX - 4095));
    ALLOWED(COPY(SUB, window, SUB, .rights = ORACLE_READ, .offset = 8192, .size = 4096));
}

Test(oracle_derive, deny_and_self)
{
    /* Goal: step 7: deny wins over what is given, and nobody gets a channel to itself. */
    REFUSED(ORACLE_DENIED, "self", COPY(WEB, send, DB, .rights = ORACLE_SEND, .via = send));
    story.system.services[DATABASE].deny.count = 1;
    story.system.services[DATABASE].deny.entries[0] =
        (struct oracle_entry){.match = ORACLE_BY_REALM, .realm = SUB};
    REFUSED(ORACLE_DENIED, "deny", COPY(WEB, send, SUB, .rights = ORACLE_SEND));
}

Test(oracle_derive, thirty_two_generations)
{
    /* Goal: step 8; the 32nd below the root is the last. A move adds none. */
    int capability = send; /* one below its endpoint */
    for (int depth = 2; depth <= 32; depth++) {
        ALLOWED(COPY(WEB, capability, WEB, .rights = ORACLE_SEND | ORACLE_GRANT));
        capability = last();
    }
    REFUSED(ORACLE_LIMIT, "depth", COPY(WEB, capability, WEB, .rights = ORACLE_SEND));
    ALLOWED(COPY(WEB, capability, SUB, .mode = ORACLE_MOVE));
    cr_assert_eq(story.world.capabilities[capability].holder, SUB);
}

Test(oracle_derive, move_changes_the_holder_and_nothing_else)
{
    /* Goal: place, rights, badge and what was derived stay; the giver holds it no longer. */
    ALLOWED(COPY(WEB, send, WEB, .rights = ORACLE_SEND));
    int child = last();
    struct oracle_capability before = story.world.capabilities[send];
    ALLOWED(COPY(WEB, send, SUB, .mode = ORACLE_MOVE));
    struct oracle_capability after = story.world.capabilities[send];
    cr_assert_eq(after.holder, SUB);
    cr_assert_eq(after.parent, before.parent);
    cr_assert_eq(after.rights, before.rights);
    cr_assert_eq(after.badge, before.badge);
    cr_assert_eq(story.world.capabilities[child].parent, send);
    REFUSED(ORACLE_STALE, "owner", COPY(WEB, send, SUB, .mode = ORACLE_MOVE));
}
