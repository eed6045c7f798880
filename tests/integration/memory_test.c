/*
 * Memory capabilities on the real system: written by one realm, read by another, and taken back from under
 * it.
 *
 * The realms are tests/realms/sharing.c; the giver prints what came of each step, its own and the keeper's,
 * and the test says what must have come of it.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/integration/steps.h"

static struct run *start_with(const char *quota, const char *steps)
{
    char scenario[1024];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: keeper, program: \"@BIN@/sharing\", args: [keep]}\n"
             "  - {name: giver, program: \"@BIN@/sharing\", args: [give, %s], quota: {memory: %s}}\n"
             "services:\n  - {name: keeper, provider: keeper, access: [giver]}\n",
             steps, quota);
    return run_start(scenario, NULL);
}

static struct run *start(const char *steps)
{
    return start_with("8KiB", steps);
}

static void expect(struct run *run, const char *wanted)
{
    expect_line(run, "giver", wanted);
}

/*
 * Goal: A writes, gives B a window that can be read, inside a message; B reads it, and can write it in no
 * way. A revokes: B gets the error and goes on living; A maps anew and finds what it wrote.
 */
Test(memory, given_to_be_read_and_revoked)
{
    struct run *run =
        start("allocate, write, give, peer, peer-protect, peer-write, revoke, peer, peer-again, "
              "read, again, read, give, peer, wait");
    expect(run, "allocate REALM_OK 8192");
    expect(run, "write REALM_OK");
    expect(run, "give REALM_OK 0");
    expect(run, "peer \"from the giver\" 4096"); /* its window: a half */
    expect(run, "peer-protect REALM_OK 0");
    expect(run, "peer-write REALM_E_BAD_ARGUMENT 0");
    expect(run, "revoke REALM_OK");
    expect(run, "peer REALM_E_REVOKED 0");
    expect(run, "peer-again REALM_E_STALE 0");
    expect(run, "read REALM_E_REVOKED \"\"");
    expect(run, "again REALM_OK");
    expect(run, "read REALM_OK \"from the giver\"");
    expect(run, "give REALM_OK 0");
    expect(run, "peer \"from the giver\" 4096");
    over(run);
}

/* Goal: with WRITE it is shared both ways; after a revocation nothing that B writes reaches A. */
Test(memory, lent_to_be_written)
{
    struct run *run =
        start("allocate, write, lend, peer-write, read, revoke, touch, again, write, peer-write, read, wait");
    expect(run, "allocate REALM_OK 8192");
    expect(run, "write REALM_OK");
    expect(run, "lend REALM_OK 0");
    expect(run, "peer-write REALM_OK 0");
    expect(run, "read REALM_OK \"from the keeper\"");
    expect(run, "revoke REALM_OK");
    expect(run, "touch 0 REALM_E_REVOKED");
    expect(run, "again REALM_OK");
    expect(run, "write REALM_OK");
    expect(run, "peer-write REALM_E_REVOKED 0");
    expect(run, "read REALM_OK \"from the giver\"");
    over(run);
}

/* Goal: B reads without a pause, by address, while A revokes: no signal reaches it, and it sees the end. */
Test(memory, revoked_from_under_a_reader)
{
    struct run *run = start("allocate, write, give, peer-churn, revoke, wait");
    expect(run, "allocate REALM_OK 8192");
    expect(run, "write REALM_OK");
    expect(run, "give REALM_OK 0");
    expect(run, "peer-churn REALM_OK 0");
    expect_line(run, "keeper", "churned REALM_E_REVOKED");
    over(run);
}

/* Goal: what is moved takes along what stands in it, and leaves its giver without a mapping. */
Test(memory, moved)
{
    struct run *run = start("allocate, write, move, peer, touch, again, allocate, wait");
    expect(run, "allocate REALM_OK 8192");
    expect(run, "write REALM_OK");
    expect(run, "move REALM_OK 0");
    expect(run, "peer \"from the giver\" 8192");
    expect(run, "touch 0 REALM_E_REVOKED");
    expect(run, "again REALM_E_STALE");
    expect(run, "allocate REALM_E_LIMIT 8192"); /* its quota: it is charged who allocated, until it is gone */
    over(run);
}

/* The keeper, which looks on, loses what it was given. */
static void over_by_death_of_the_giver(struct run *run)
{
    kill(run_realm_pid(run, "giver"), SIGKILL);
    expect_line(run, "keeper", "churned REALM_E_REVOKED");
    if (run_seen(run, "terminated") == 0) /* a realm that ends while it is stopped has not failed */
        run_wait_event(run, "terminated", "realm", "giver");
    cr_assert_eq(run_stop(run), 1); /* a realm has failed */
    run_nothing_left(run);
}

/* Goal: A's end takes B's window along, and B lives. */
Test(memory, the_giver_dies)
{
    struct run *run = start("allocate, write, give, peer-churn, wait");
    expect(run, "allocate REALM_OK 8192");
    expect(run, "write REALM_OK");
    expect(run, "give REALM_OK 0");
    expect(run, "peer-churn REALM_OK 0");
    over_by_death_of_the_giver(run);
}

/* Goal: a reader that gives up what it has mapped disturbs nobody. */
Test(memory, the_reader_leaves)
{
    struct run *run = start("allocate, write, give, peer, peer-leave, read, wait");
    expect(run, "allocate REALM_OK 8192");
    expect(run, "write REALM_OK");
    expect(run, "give REALM_OK 0");
    expect(run, "peer \"from the giver\" 4096");
    expect(run, "peer-leave REALM_OK 0");
    expect(run, "read REALM_OK \"from the giver\"");
    over(run);
}

/*
 * Goal: a sealed buffer. A fills 1 MiB, seals it and gives it away in a call; then it writes through the
 * mapping that it kept. B, whom kernel and Memory Manager tell that it is sealed, finds what A had filled in,
 * and neither can write it in any way. The quota holds one such object, and does so for as long as it is
 * there.
 */
Test(memory, sealed)
{
    struct run *run =
        start_with("1MiB", "large, seal, scribble, reader, sealed, give-all, peer-sealed, peer-pattern, "
                           "peer-protect, peer-write, peer-seal, seal, again, large, peer-pattern, wait");
    expect(run, "large REALM_OK 1048576");
    expect(run, "seal REALM_OK");
    expect(run, "scribble 0");
    expect(run, "reader REALM_OK");
    expect(run, "sealed REALM_OK 3");
    expect(run, "give-all REALM_OK 0");
    expect(run, "peer-sealed REALM_OK 3");
    expect(run, "peer-pattern REALM_OK 0");
    expect(run, "peer-protect REALM_OK 0");
    expect(run, "peer-write REALM_E_BAD_ARGUMENT 0");
    expect(run, "peer-seal REALM_E_EXISTS 0");
    expect(run, "seal REALM_E_EXISTS");
    expect(run, "again REALM_E_DENIED");
    expect(run, "large REALM_E_LIMIT 1048576");
    expect(run, "peer-pattern REALM_OK 0");
    over(run);
}

/* Goal: a thread of A's writes all the while, before it is sealed, while it is copied, and when B reads: what
 * B finds at first it finds for ever. A's other mapping of it, made to be read, is the same. */
Test(memory, sealed_under_a_writer)
{
    struct run *run = start_with("1MiB", "large, scribble, seal, reader, sealed, give-all, peer-sealed, "
                                         "peer-check, peer-check, wait");
    expect(run, "large REALM_OK 1048576");
    expect(run, "scribble 0");
    expect(run, "seal REALM_OK");
    expect(run, "reader REALM_OK");
    expect(run, "sealed REALM_OK 3");
    expect(run, "give-all REALM_OK 0");
    expect(run, "peer-sealed REALM_OK 3");
    expect(run, "peer-check REALM_OK 0");
    expect(run, "peer-check REALM_OK 0");
    over(run);
}

/* Goal: what is shared is not sealed; what B has mapped of it is revoked first, and B's is gone. Sealed
 * memory is revoked like any other, and A finds it again as it was. A's end takes it along. */
Test(memory, sealed_and_revoked)
{
    struct run *run =
        start_with("1MiB", "large, give-all, peer-sealed, seal, revoke, seal, reader, give-all, "
                           "peer-pattern, revoke, peer-pattern, reader, sealed, give-all, "
                           "peer-pattern, peer-churn, wait");
    expect(run, "large REALM_OK 1048576");
    expect(run, "give-all REALM_OK 0");
    expect(run, "peer-sealed REALM_OK 0");
    expect(run, "seal REALM_E_DENIED");
    expect(run, "revoke REALM_OK");
    expect(run, "seal REALM_OK");
    expect(run, "reader REALM_OK");
    expect(run, "give-all REALM_OK 0");
    expect(run, "peer-pattern REALM_OK 0");
    expect(run, "revoke REALM_OK");
    expect(run, "peer-pattern REALM_E_REVOKED 0");
    expect(run, "reader REALM_OK");
    expect(run, "sealed REALM_OK 3");
    expect(run, "give-all REALM_OK 0");
    expect(run, "peer-pattern REALM_OK 0");
    expect(run, "peer-churn REALM_OK 0");
    over_by_death_of_the_giver(run);
}

/*
 * Goal: what "sealed" does not mean. B has looked at a byte of what is sealed; A deletes it; B looks again
 * and finds 0, without a signal, and only its state says that this is not what was sealed. So a check does
 * not hold for the next look, and a result counts only with the state after it.
 */
Test(memory, sealed_and_deleted_under_a_reader)
{
    struct run *run = start_with("1MiB", "large, seal, reader, give-all, peer-look, peer-look, delete, "
                                         "peer-look, peer-sealed, peer-again, wait");
    expect(run, "large REALM_OK 1048576");
    expect(run, "seal REALM_OK");
    expect(run, "reader REALM_OK");
    expect(run, "give-all REALM_OK 0");
    expect(run, "peer-look \"REALM_OK\" 1");
    expect(run, "peer-look \"REALM_OK\" 1");
    expect(run, "delete REALM_OK");
    expect(run, "peer-look \"REALM_E_REVOKED\" 0");
    expect(run, "peer-sealed REALM_OK 3"); /* it says nothing of whether it is there */
    expect(run, "peer-again REALM_E_STALE 0");
    over(run);
}
