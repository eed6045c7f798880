/*
 * Streams on the real system: whole, refused, and ended in the middle by a death and by a revocation.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/steps.h"

/* The example, with so many bytes to be sent. */
static struct run *start_parcel(const char *size, const char *const *options)
{
    char scenario[1024];
    snprintf(scenario, sizeof scenario,
             "system: t\nrealms:\n"
             "  - {name: depot, program: \"@BIN@/parcel_depot\", args: [\"1048576\"]}\n"
             "  - {name: sender, program: \"@BIN@/parcel\", args: [\"%s\"]}\n"
             "services:\n  - {name: depot, provider: depot, access: [sender]}\n",
             size);
    return run_start(scenario, options);
}

/* Goal: a megabyte there and back is the same, with either waiter; so is one byte, and none. */
Test(stream, there_and_back)
{
    static const char *const waiters[] = {"--waiter=uring", "--waiter=pipe"};
    static const char *const sizes[] = {"1000000", "1048576", "1", "0", "16288", "16289"};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char text[64];
        const char *options[] = {waiters[i % 2], NULL};
        struct run *run = start_parcel(sizes[i], options);
        snprintf(text, sizeof text, "%s bytes there and back, the same", sizes[i]);
        run_wait_event(run, "log", "text", text);
        cr_expect_eq(run_finish(run), 0);
        run_nothing_left(run);
    }
}

/* Goal: what the service has no room for is refused, and the sender learns why. */
Test(stream, too_much)
{
    struct run *run = start_parcel("1048577", NULL);
    run_wait_event(run, "log", "text", "the depot refuses: a limit of the realm is reached");
    cr_expect_eq(run_finish(run), 1); /* its client failed */
    run_nothing_left(run);
}

/* A sender without end; what ended it is printed. The other one keeps the system running. */
static struct run *start_endless_with(const char *waiter)
{
    const char *options[] = {waiter, NULL};
    struct run *run =
        run_start("system: t\nrealms:\n"
                  "  - {name: sink, program: \"@BIN@/streamer\", args: [sink]}\n"
                  "  - {name: sender, program: \"@BIN@/streamer\", args: [endless]}\n"
                  "  - {name: other, program: \"@BIN@/worker\", args: [run]}\n"
                  "  - {name: meddler, program: \"@BIN@/streamer\", args: [meddle], start: false}\n"
                  "services:\n  - {name: depot, provider: sink, access: [sender, meddler]}\n",
                  options);
    run_wait_event(run, "log", "text", "under way");
    return run;
}

static struct run *start_endless(void)
{
    return start_endless_with("--waiter=uring");
}

/* Goal: the service dies in the middle of a stream: the write ends with that. */
Test(stream, the_service_dies)
{
    struct run *run = start_endless();
    kill(run_realm_pid(run, "sink"), SIGKILL);
    run_wait_event(run, "log", "text", "ended: REALM_E_PEER_DEAD");
    run_stop(run);
    run_nothing_left(run);
}

/* Goal: the client is killed in the middle of a stream: the service is told that this was not all, with
 * either waiter; and another client's stream is taken. */
Test(stream, the_client_dies)
{
    static const char *const waiters[] = {"--waiter=uring", "--waiter=pipe"};
    for (size_t i = 0; i < sizeof waiters / sizeof waiters[0]; i++) {
        struct run *run = start_endless_with(waiters[i]);
        kill(run_realm_pid(run, "sender"), SIGKILL);
        expect_line(run, "sink", "cut short: REALM_E_PEER_DEAD, some bytes came");
        if (run_seen(run, "terminated") == 0) /* its socket closes before it has ended */
            run_wait_event(run, "terminated", "realm", "sender");
        int status = 1;
        free(run_command(run, &status, (const char *const[]){"spawn", "sender", NULL}));
        cr_expect_eq(status, 0);
        run_wait_event(run, "log", "text", "under way");
        kill(run_realm_pid(run, "sender"), SIGKILL);
        expect_line(run, "sink", "cut short: REALM_E_PEER_DEAD, some bytes came");
        run_stop(run);
        run_nothing_left(run);
    }
}

/* Goal: the channel is revoked in the middle of a stream: the write ends with that, the service is told, and
 * it was given no wrong byte and no chunk that was not the next. */
Test(stream, revoked)
{
    int status = 1;
    struct run *run = start_endless();
    const char *const words[] = {"revoke", "sender", "depot", NULL};
    free(run_command(run, &status, words));
    cr_expect_eq(status, 0);
    /* The two lines come in either order. Had the sink found anything wrong, it would have said so first. */
    bool cut = false, ended = false;
    for (unsigned i = 0; i < 2; i++) {
        const char *text = json_string_value(json_object_get(run_wait_event(run, "log", NULL, NULL), "text"));
        cut = cut || strcmp(text, "cut short: REALM_E_REVOKED, some bytes came") == 0;
        ended = ended || strcmp(text, "ended: REALM_E_REVOKED") == 0;
    }
    cr_expect(cut);
    cr_expect(ended);
    cr_expect_eq(run_stop(run), 0);
    run_nothing_left(run);
}

/* Goal: another client that sends what is no chunk, in the middle of a stream, is refused alone, with either
 * waiter: the stream is still open, on both sides, when it is revoked. */
Test(stream, another_client_meddles)
{
    static const char *const waiters[] = {"--waiter=uring", "--waiter=pipe"};
    for (size_t i = 0; i < sizeof waiters / sizeof waiters[0]; i++) {
        int status = 1;
        struct run *run = start_endless_with(waiters[i]);
        free(run_command(run, &status, (const char *const[]){"spawn", "meddler", NULL}));
        cr_expect_eq(status, 0);
        expect_line(run, "meddler", "answered: REALM_E_PROTOCOL");
        free(run_command(run, &status, (const char *const[]){"revoke", "sender", "depot", NULL}));
        cr_expect_eq(status, 0);
        bool cut = false, ended = false; /* the sink says of both requests that it refused them */
        while (!cut || !ended) {
            const char *text =
                json_string_value(json_object_get(run_wait_event(run, "log", NULL, NULL), "text"));
            cut = cut || strcmp(text, "cut short: REALM_E_REVOKED, some bytes came") == 0;
            ended = ended || strcmp(text, "ended: REALM_E_REVOKED") == 0;
            cr_assert(cut || ended || strcmp(text, "refused: REALM_E_PROTOCOL") == 0, "%s", text);
        }
        run_stop(run);
        run_nothing_left(run);
    }
}
